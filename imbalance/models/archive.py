"""Reading a network from a ``.keras`` file, perhaps a stranger's: as data, never as code."""

import zipfile

import keras

from imbalance.checks import InputError

# What Keras writes for a network of ours. Assets would be unpacked, npz may hold pickles.
_MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
_LONGEST_REASON = 200


def load(path) -> keras.Model:
    """Return the network of a ``.keras`` file, not compiled.

    Keras loads it in its safe mode: a layer that holds Python code, as ``Lambda`` does, or another
    model is refused. The archive may have no other members than Keras writes for such a network.

    Args:
        path: of the file.

    Raises:
        InputError: one line, if it is damaged, holds code or anything else.

    Example:
        >>> import tempfile
        >>> from imbalance.models import text_cnn
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     text_cnn(9, 2, filters=3).save(f"{folder}/model.keras")
        ...     load(f"{folder}/model.keras").output_shape
        (None, 2)
    """
    try:
        with zipfile.ZipFile(path) as archive:
            others = sorted(set(archive.namelist()) - set(_MEMBERS))
        if others:
            raise ValueError(f"holds {others[0]!r} beside {', '.join(_MEMBERS)}")
        # To predict, it needs no loss, metric or optimizer.
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever a damaged archive makes Keras raise
        expected = "a whole file that train.py wrote"
        raise InputError(
            f"{path}: cannot be loaded ({_reason(error)}), expected {expected}"
        ) from error


def _reason(error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"
