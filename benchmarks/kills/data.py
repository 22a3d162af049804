"""Small corpora and runs for ``benchmarks.kills``: quick, with all the state that a run has."""

import csv
import json
from pathlib import Path

import numpy as np

EPOCHS = 5
OTHERS = ("wide_text_cnn", "bigru_tagger")
_ROWS = 600
_CNN = {"embedding_dim": 16, "filters": 8, "kernel_sizes": [1, 2], "dropout": 0.3}
_TRAINING = {
    "deterministic": True,
    "epochs": EPOCHS,
    "batch_size": 32,
    "learning_rate": 0.01,
    "schedule": "cosine",
    "ema": 0.9,
    "patience": 3,
}
_SETTINGS = {
    "text_cnn": {
        "model": {"name": "text_cnn", "args": _CNN},
        "loss": {"name": "ghm_loss", "args": {"momentum": 0.9}},
    },
    "wide_text_cnn": {
        "model": {"name": "wide_text_cnn", "args": _CNN},
        "loss": "focal_loss",
        "training": {"pretrain": "skip_gram", "pretrain_args": {"epochs": 1}},
    },
    "bigru_tagger": {
        "task": "tagging",
        "model": {"name": "bigru_tagger", "args": {"embedding_dim": 8, "hidden": 8}},
        "loss": "dice_loss",
    },
}


def write(folder: Path) -> None:
    """Write texts of four classes, one of them rare, and texts with names in them."""
    random = np.random.default_rng(0)
    characters = [chr(0x4E00 + number) for number in range(400)]
    with (folder / "texts.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["label", "text"])
        for _ in range(_ROWS):
            label = int(random.choice(4, p=[0.55, 0.3, 0.1, 0.05]))
            own = random.integers(80 * label, 80 * label + 120, size=random.integers(5, 30))
            table.writerow(["abcd"[label], "".join(characters[number] for number in own)])
    with (folder / "names.json").open("w", encoding="utf-8") as file:
        for _ in range(_ROWS // 3):
            text = "".join(random.choice(characters[100:], size=random.integers(6, 20)))
            start = int(random.integers(0, len(text) - 3))
            kind, sign = (("name", 3), ("address", 9))[int(random.random() < 0.2)]
            text = text[:start] + 2 * characters[sign] + text[start + 2 :]
            spans = {kind: {2 * characters[sign]: [[start, start + 1]]}}
            file.write(json.dumps({"text": text, "label": spans}, ensure_ascii=False) + "\n")


def arguments(kind: str, folder: Path, name: str) -> list[str]:
    """Return the arguments of ``train.py`` for one of the networks, but for the output folder."""
    asked = _SETTINGS[kind]
    source = "names.json" if asked.get("task") else "texts.csv"
    config = {
        **asked,
        "data": {"source": str(folder / source), "max_length": 40, "test_fraction": 0.2},
        "training": {**_TRAINING, **asked.get("training", {})},
    }
    path = folder / f"{kind}.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    return ["--config", str(path), "--name", name]
