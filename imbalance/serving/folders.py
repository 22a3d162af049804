"""Model folders on the disk: which one is meant, which versions it has, whether one lies still."""

from pathlib import Path
from typing import NamedTuple

from imbalance import checks

_SAVED_MODEL = "saved_model.pb"


class ModelFolder(NamedTuple):
    """Where versions of a model lie.

    Attributes:
        name: the model's, in URLs.
        path: the folder of the version folders.
        only: the version that alone is served; ``None``: the newest, new ones too.
    """

    name: str
    path: Path
    only: int | None = None

    @property
    def newest(self) -> Path:
        """The folder of the highest version."""
        return next(iter(self.versions().values()))

    def versions(self) -> dict[int, Path]:
        """Return the folders of the versions that are there, by number, newest first.

        A folder without ``saved_model.pb`` is no version yet.
        """
        if self.only is not None:
            return {self.only: self.path}
        found = {number: each for each in self.path.glob("*") if (number := _number(each.name))}
        return {
            number: found[number]
            for number in sorted(found, reverse=True)
            if (found[number] / _SAVED_MODEL).is_file()
        }


def find(path, name: str | None = None) -> ModelFolder:
    """Return the model folder that a path means.

    Args:
        path: a folder of version folders, a run folder (then its ``serving/``), or one version.
        name: the model's name; by default the run's or the folder's.

    Raises:
        InputError: there is no SavedModel.
    """
    path = Path(path).resolve()
    expected = "a folder with a SavedModel: BASE/<version>/saved_model.pb, or a run folder"
    if (path / _SAVED_MODEL).is_file():
        number = _number(path.name)
        base = path.parent if number else path
        return ModelFolder(_name(name, base), path, number or 1)
    for base in (path, path / "serving"):
        folder = ModelFolder(_name(name, base), base)
        if folder.versions():
            return folder
    raise checks.wrong("model", path, expected)


def state_of_files(path: Path) -> tuple:
    """Return what changes while files are still being written: names, sizes and times."""
    found = []
    for each in sorted(path.rglob("*")):
        try:
            status = each.stat()
        except OSError:  # gone between the two calls
            continue
        found.append((str(each), status.st_size, status.st_mtime_ns))
    return tuple(found)


def _name(name: str | None, base: Path) -> str:
    name = name or (base.parent.name if base.name == "serving" else base.name)
    if not name or set(name) & set("/:%?#"):
        raise checks.wrong("--name", name, "a name for URLs, without / : % ? and #")
    return name


def _number(name: str) -> int:
    """Return the version that a folder's name is; 0 for none."""
    return int(name) if name.isascii() and name.isdigit() and len(name) < 19 else 0
