"""From the setting ``class_weight`` and the class counts to one weight a class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalance import checks, config, weights


def resolve(setting: str, counts, labels: Sequence[str]) -> np.ndarray | None:
    """Return the weight of each class, the mean over training rows being 1, or None for none.

    Args:
        setting: ``none``, ``balanced``, ``effective``, or a JSON or YAML file
            ``{label: weight}`` that names every label.
        counts: training rows of each class, shape (classes,).
        labels: class names in the order of ``counts``.

    Raises:
        InputError: if the file lacks a label, names an unknown one, or holds a bad weight.
    """
    if setting == "none":
        return None
    if setting == "balanced":
        return weights.balanced_weights(counts)
    if setting == "effective":
        return weights.effective_number_weights(counts)
    check(setting)
    given = checks.by_name(setting, config.read_yaml(setting))
    checks.keys(setting, given, labels)
    missing = [label for label in labels if label not in given]
    if missing:
        raise checks.InputError(
            f"{setting}: no weight for {', '.join(missing)}, expected one for each label"
        )
    values = [checks.number(f"{setting}: {label}", given[label], low=0) for label in labels]
    return weights.scale_to_mean_one(values, counts)


def check(setting: str) -> None:
    """Refuse a setting that is neither a known name nor a file.

    Raises:
        InputError: if it is neither.
    """
    if setting not in config.CLASS_WEIGHTS and not Path(setting).is_file():
        raise checks.wrong(
            "training.class_weight",
            setting,
            f"one of {', '.join(config.CLASS_WEIGHTS)} or an existing JSON or YAML file"
            + checks.did_you_mean(setting, config.CLASS_WEIGHTS),
        )
