"""Version folders, as TensorFlow Serving reads them."""

import os
from pathlib import Path

import keras


def write(archive: keras.export.ExportArchive, folder) -> Path:
    """Write an archive as the next version in ``folder`` and return the version's folder.

    A new version never replaces an old one.
    """
    folder = Path(folder)
    taken = [int(each.name) for each in folder.glob("*") if each.name.isdigit()]
    version = folder / str(max(taken, default=0) + 1)
    # Written beside it and renamed: a server must never see half a version.
    temporary = folder / f".{version.name}.partial-{os.getpid()}"
    archive.write_out(temporary, verbose=False)
    temporary.rename(version)
    return version
