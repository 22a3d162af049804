"""Version folders, as TensorFlow Serving reads them."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from imbalance.serving import warmup

ASSETS = "assets"


def write(
    archive: keras.export.ExportArchive,
    folder,
    assets: Mapping[str, str] | None = None,
    requests: Sequence[warmup.Request] = (),
) -> Path:
    """Write an archive as the next version in ``folder`` and return the version's folder.

    A new version never replaces an old one.

    Args:
        archive: with its endpoints.
        folder: where the version folders are.
        assets: names of files to their text, for ``assets/``.
        requests: that a server makes before it serves the version, see :mod:`warmup`.
    """
    folder = Path(folder)
    taken = [int(each.name) for each in folder.glob("*") if each.name.isdigit()]
    version = folder / str(max(taken, default=0) + 1)
    # Written beside it and renamed: a server must never see half a version.
    temporary = folder / f".{version.name}.partial-{os.getpid()}"
    try:
        archive.write_out(temporary, verbose=False)
        for name, text in (assets or {}).items():
            (temporary / ASSETS / name).write_text(text, encoding="utf-8", newline="\n")
        if requests:
            path = temporary / warmup.PATH
            path.parent.mkdir()
            with tf.io.TFRecordWriter(str(path)) as writer:
                for request in requests:
                    writer.write(warmup.record(request))
        temporary.rename(version)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return version
