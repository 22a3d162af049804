"""Small corpora with patterns that are easily learnt, and one run of each kind on them."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from imbalance.commands import options, train
from imbalance.run_folder import Run

ROWS = {"train": 60, "validation": 16, "test": 24}
# A place is written with the first letters, a name with the others, everything else with neither.
PLACES, NAMES, REST = "京沪津渝", "王李张赵", "的了在是我有和人这中大为"
# A type that no training row has.
STRANGE = "game"

SMALL = {
    "model.args": "{filters: 8, embedding_dim: 8, ngram_sizes: [], dilations: [1], dropout: 0}",
    "training.batch_size": 4,
    "training.learning_rate": 0.03,
    "training.patience": 10,
    "data.cache": "null",
}
READER = {"model.args": "{filters: 8, embedding_dim: 8, dilations: [1], dropout: 0}"}


def call(command, *arguments) -> int:
    return options.run(command.main, [str(argument) for argument in arguments])


def flags(settings: dict) -> list[str]:
    return [each for key, value in settings.items() for each in ("--set", f"{key}={value}")]


@dataclass(frozen=True)
class Row:
    """A text in pieces, each with its type or None."""

    pieces: list

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self.pieces)

    @property
    def spans(self) -> list[tuple[int, int, str]]:
        found, start = [], 0
        for piece, kind in self.pieces:
            if kind is not None:
                found.append((start, start + len(piece), kind))
            start += len(piece)
        return found


def made(split: str) -> list[Row]:
    """Return the rows of a split, other ones in each."""
    draw = random.Random(split)

    def some(letters, least, most):
        return "".join(draw.choices(letters, k=draw.randint(least, most)))

    rows = []
    for _ in range(ROWS[split]):
        pieces = [(some(REST, 1, 6), None)]
        for _ in range(draw.randint(1, 3)):
            kind = draw.choice(["place", "name"])
            pieces.append((some(PLACES if kind == "place" else NAMES, 1, 3), kind))
            pieces.append((some(REST, 1, 4), None))
        rows.append(Row(pieces))
    return rows


def _cluener(rows) -> str:
    lines = []
    for row in rows:
        label: dict = {}
        for start, end, kind in row.spans:
            places = label.setdefault(kind, {}).setdefault(row.text[start:end], [])
            places.append([start, end - 1])
        lines.append(json.dumps({"text": row.text, "label": label}, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def _conll(rows) -> str:
    def tags(piece, kind):
        if kind is None:
            return ["O"] * len(piece)
        return [f"{'BI'[place > 0]}-{kind}" for place in range(len(piece))]

    return "\n".join(
        "".join(
            f"{character} {tag}\n"
            for piece, kind in row.pieces
            for character, tag in zip(piece, tags(piece, kind), strict=True)
        )
        for row in rows
    )


def _words(rows) -> str:
    return "".join(
        " ".join(f"{piece}/{kind or 'other'}" for piece, kind in row.pieces) + "\n" for row in rows
    )


def _squad(rows) -> str:
    """Ask for the only name; rows with none, or with several, are left out."""
    paragraphs = []
    for number, row in enumerate(rows):
        names = [span for span in row.spans if span[2] == "name"]
        if len(names) == 1:
            [(start, end, _)] = names
            answer = {"text": row.text[start:end], "answer_start": start}
            question = {"id": f"q{number}", "question": "叫什么？", "answers": [answer]}
            paragraphs.append({"context": row.text, "qas": [question]})
    return json.dumps({"data": [{"paragraphs": paragraphs}]}, ensure_ascii=False, indent=1)


_STRANGE_ROW = {"text": "下棋", "label": {STRANGE: {"棋": [[1, 1]]}}}


@pytest.fixture(scope="session")
def corpora(tmp_path_factory) -> Path:
    """A folder with a corpus in each format."""
    root = tmp_path_factory.mktemp("corpora")
    kinds = {
        "cluener": (_cluener, "json"),
        "conll": (_conll, "conll"),
        "words": (_words, "txt"),
        "squad": (_squad, "json"),
    }
    for name, (write, suffix) in kinds.items():
        (root / name).mkdir()
        for split in ROWS:
            path = root / name / f"{split}.{suffix}"
            path.write_text(write(made(split)), encoding="utf-8")
    with (root / "cluener" / "test.json").open("a", encoding="utf-8") as file:
        file.write(json.dumps(_STRANGE_ROW, ensure_ascii=False) + "\n")
    return root


# Of each run its task, its corpus, its loss and further settings.
KINDS = {
    "bio": ("tagging", "cluener", "cross_entropy", {}),
    "bioes": ("tagging", "conll", "cross_entropy+dice_loss", {"data.scheme": "bioes"}),
    "words": ("tagging", "words", "bce", {"data.scheme": "words"}),
    "pointers": ("span", "cluener", "focal_loss", {"training.class_weight": "balanced"}),
    "answers": ("reading", "squad", "cross_entropy", READER),
    "positions": ("reading", "squad", "bce", READER),
}


@dataclass(frozen=True)
class Trained:
    """A run and what training it printed."""

    run: Run
    out: str
    err: str


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def trained(corpora, runs_folder):
    """Return what gives the run of a kind, trained when it is first asked for."""
    import contextlib
    import io

    done: dict[str, Trained] = {}

    def get(kind: str) -> Trained:
        if kind not in done:
            task, corpus, loss, settings = KINDS[kind]
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = call(
                    train,
                    *("--task", task, "--data", corpora / corpus, "--loss", loss),
                    *("--epochs", 10, "--name", kind, "--output-dir", runs_folder),
                    *flags({**SMALL, **settings}),
                )
            assert status == 0, err.getvalue()
            done[kind] = Trained(Run(runs_folder / kind), out.getvalue(), err.getvalue())
        return done[kind]

    return get
