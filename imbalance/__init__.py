"""Classify text whose labels are badly imbalanced.

``imbalance.losses``, ``imbalance.metrics`` and ``imbalance.models`` are for any Keras 3 program;
``train.py`` and ``evaluate.py`` are the whole way from a corpus to a served model.
"""

import importlib

__version__ = "0.1.0"

_LIBRARY = ("config", "data", "losses", "metrics", "models", "registry", "weights")


def __getattr__(name):
    # On first use: reading a configuration or auditing data should not wait for Keras.
    if name in _LIBRARY:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LIBRARY])
