"""Which file of a source holds which split, and in what format."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from imbalance import checks
from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import readers

FILE_NAMES = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
_NAMED_AT_MOST = 5


class Kind(NamedTuple):
    """What a kind of corpus may be found in.

    Attributes:
        fits: whether a file whose name is that of a split can hold it.
        folders: whether a folder can.
        source: what a source may be, for messages.
        within: what a folder may hold, for messages.
        embedded: the source that is no path.
    """

    fits: Callable[[Path], bool]
    folders: bool
    source: str
    within: str
    embedded: str


def layout(root: Path, config: DataConfig) -> dict[str, tuple[Path, str]]:
    """Return, for each split of labelled texts that the source gives, its path and format."""
    format = config.format

    def fits(path):
        known = readers.format_of(path)
        return format != "folders" and (
            known is not None if format == "auto" else known in (format, None)
        )

    kind = Kind(
        fits,
        folders=format in ("auto", "folders"),
        source="reviews, a file or a folder that exists",
        within="a train.* file (csv, tsv, jsonl, parquet, txt), a folder named train, or a folder "
        "per class",
        embedded="reviews",
    )
    return {
        split: (path, "folders" if path.is_dir() else _file_format(path, format))
        for split, path in split_paths(root, config, kind).items()
    }


def split_paths(root: Path, config: DataConfig, kind: Kind) -> dict[str, Path]:
    """Return, for each split that the source gives, its file, or its folder.

    Raises:
        InputError: if there is none, two claim a split, train is missing, or a file is empty.
    """
    try:
        found = _found(root, config, kind)
        for path in found.values():
            if path.is_file() and not path.stat().st_size:
                raise InputError(f"{readers.shown(path)}: is empty, expected rows")
    except OSError as error:
        raise InputError(f"{readers.shown(root)}: cannot be read ({error.strerror})") from None
    return found


def _found(root: Path, config: DataConfig, kind: Kind) -> dict[str, Path]:
    if config.files:
        return _named_files(root, config.files)
    if root.is_dir():
        return _in_folder(root, kind)
    if root.is_file():
        return {"train": root}
    siblings = [each.name for each in root.parent.iterdir()] if root.parent.is_dir() else []
    hint = checks.did_you_mean(root.name, [kind.embedded, *siblings])
    raise checks.wrong("data.source", root, kind.source + hint)


def _named_files(root: Path, files: Mapping[str, str]) -> dict[str, Path]:
    if root.is_file():
        raise checks.wrong("data.source", root, "a folder, since data.files names files in it")
    found = {split: root / name for split, name in files.items()}
    for split, path in found.items():
        if not path.is_file():
            siblings = [each.name for each in root.iterdir()] if root.is_dir() else []
            raise checks.wrong(
                f"data.files.{split}",
                files[split],
                f"a file in {root}" + checks.did_you_mean(path.name, siblings),
            )
    return found


def _file_format(path: Path, format: str) -> str:
    if format == "folders":
        raise checks.wrong("data.format", format, f"a format of files: {path} is a file")
    found = readers.format_of(path) if format == "auto" else format
    if found is None:
        known = ", ".join(readers.SUFFIXES)
        raise InputError(
            f"{path}: its name tells no format, expected one of {known} "
            f"(also with {', '.join(readers.COMPRESSIONS)}), or data.format"
        )
    return found


def _in_folder(root: Path, kind: Kind) -> dict[str, Path]:
    entries = sorted(root.iterdir())
    found = {}
    for split, names in FILE_NAMES.items():
        files = [
            each
            for each in entries
            if each.is_file() and each.name.split(".")[0] in names and kind.fits(each)
        ]
        folders = [each for each in entries if each.is_dir() and each.name in names]
        candidates = files or (folders if kind.folders else [])
        if len(candidates) > 1:
            listed = ", ".join(each.name for each in candidates)
            raise InputError(f"{root}: {listed} all name the {split} split, expected one of them")
        if candidates:
            [found[split]] = candidates
    if "train" in found:
        return found
    if not found and kind.folders and any(each.is_dir() for each in entries):
        return {"train": root}
    listed = ", ".join(each.name for each in entries[:_NAMED_AT_MOST]) or "nothing"
    raise InputError(
        f"{root}: found {listed}{', …' if len(entries) > _NAMED_AT_MOST else ''}; expected "
        f"{kind.within}"
    )
