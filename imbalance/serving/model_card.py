"""What stands beside a SavedModel for whoever finds it without the run that made it."""

import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import keras
import tensorflow as tf

import imbalance
from imbalance.run_folder import DECISION, LABELS, Run

MODEL_CARD = "model_card.json"

# Below, a class has few rows to learn from.
_FEW_ROWS = 100


def assets(run: Run, signatures: Mapping[str, Mapping], limits: Sequence[str]) -> dict[str, str]:
    """Return the files of ``assets/``: names to texts.

    ========================  ====================================================================
    ``labels.txt``            classes, or types of spans, one a line, in the order of their ids
    ``decision.json``         temperature, prior correction and offsets; of labels of texts alone
    ``model_card.json``       ``name``, ``task``, ``network``; ``versions`` of packages; ``data``
                              with its ``source`` and ``training_rows`` (or labels of tokens) by
                              class; ``metrics`` by split and subset, as ``metrics.json`` of the
                              run has them, ``metrics.test.all.per_class`` among them; ``loss``;
                              ``settings``, all of them; ``signatures`` with their inputs and
                              outputs; ``limits``, sentences
    ========================  ====================================================================

    Args:
        run: that is exported.
        signatures: as :func:`signature` describes each.
        limits: what else is to be said, in sentences.
    """
    files = {LABELS: "\n".join(run.labels) + "\n"}
    if not run.task.of_tokens:
        files[DECISION] = run.decision.to_json(run.labels)
    card = json.dumps(_card(run, signatures, limits), ensure_ascii=False, indent=2)
    return {**files, MODEL_CARD: card + "\n"}


def signature(inputs: Sequence[tf.TensorSpec], outputs: Mapping[str, tf.Tensor]) -> dict:
    """Describe inputs and outputs: name to type and shape, a size that is free being null.

    Example:
        >>> signature([tf.TensorSpec([None], tf.string, name="text")], {})["inputs"]
        {'text': {'type': 'string', 'shape': [None]}}
    """

    def described(each):
        return {"type": each.dtype.name, "shape": each.shape.as_list()}

    return {
        "inputs": {each.name: described(each) for each in inputs},
        "outputs": {name: described(each) for name, each in sorted(outputs.items())},
    }


def _card(run: Run, signatures, limits) -> dict:
    metrics = run.metrics
    training = metrics.pop("training", {})
    rows = training.get("rows", training.get("labels"))
    settings = run.config.to_mapping()
    # Where files lay on the machine that trained is of no use here.
    source = Path(run.config.data.source).name
    settings["data"]["source"] = source
    for name in ("user_dict", "cache"):
        if settings["data"][name] is not None:
            settings["data"][name] = Path(settings["data"][name]).name
    settings.pop("output_dir")
    return {
        "name": run.config.name,
        "task": run.config.task,
        "network": run.config.model.name,
        "versions": {
            "imbalance": imbalance.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            **({"tensorflow-text": metadata.version("tensorflow-text")} if _words(run) else {}),
        },
        "data": {"source": source, "training_rows": rows},
        "metrics": metrics,
        "training": training,
        "loss": settings["loss"],
        "settings": settings,
        "signatures": dict(signatures),
        "limits": [*_limits(run, rows), *limits],
    }


def _words(run: Run) -> bool:
    return run.encoder.tokenizer.tokens == "words"


def _limits(run: Run, rows) -> list[str]:
    data = run.config.data
    found = [f"Reads {data.max_length:,} tokens from the start of a text; the rest says nothing."]
    if data.max_characters is not None:
        found.append(f"Reads {data.max_characters:,} characters from the start of a text.")
    if run.task.of_tokens:
        found.append("Scores of spans are not calibrated.")
    else:
        found.append("Every text gets one of the labels, also one that belongs to none.")
    few = [f"{label} ({count})" for label, count in (rows or {}).items() if count < _FEW_ROWS]
    if few:
        found.append(f"Learnt from fewer than {_FEW_ROWS} training rows: {', '.join(few)}.")
    if not run.metrics.get("test"):
        found.append("Scored on no test rows before it was exported.")
    if _words(run):
        found.append(
            "Loading needs tensorflow-text in Python. Where two ways to cut a text into words are "
            "equally likely, another may be taken than in training."
        )
    return found
