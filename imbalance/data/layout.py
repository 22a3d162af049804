"""Which file of a source holds which split, and in what format."""

from collections.abc import Mapping, Sequence
from pathlib import Path

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


def layout(root: Path, config: DataConfig) -> dict[str, tuple[Path, str]]:
    """Return, for each split that the source gives, its path and format."""
    if config.files:
        paths = named_files(root, config.files)
        return {split: (path, _file_format(path, config.format)) for split, path in paths.items()}
    try:
        if root.is_dir():
            return _folder_layout(root, config.format)
        if root.is_file():
            return {"train": (root, _file_format(root, config.format))}
        siblings = [each.name for each in root.parent.iterdir()] if root.parent.is_dir() else []
    except OSError as error:
        raise InputError(f"{root}: cannot be read ({error.strerror})") from None
    raise checks.wrong(
        "data.source",
        config.source,
        "reviews, a file or a folder that exists"
        + checks.did_you_mean(root.name, ["reviews", *siblings]),
    )


def named_files(root: Path, files: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of a folder that ``data.files`` names, by split.

    Raises:
        InputError: if one of them does not exist.
    """
    if root.is_file():
        raise checks.wrong("data.source", str(root), "a folder, since data.files names files in it")
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


def _folder_layout(root: Path, format: str) -> dict[str, tuple[Path, str]]:
    entries = sorted(root.iterdir())
    found = {}
    for split, names in FILE_NAMES.items():
        folders = [each for each in entries if each.is_dir() and each.name in names]
        files = [] if format == "folders" else _split_files(entries, names, format)
        candidates = files or (folders if format in ("auto", "folders") else [])
        if len(candidates) > 1:
            listed = ", ".join(each.name for each in candidates)
            raise InputError(f"{root}: {listed} all name the {split} split, expected one of them")
        for each in candidates:
            found[split] = (each, "folders" if each.is_dir() else _file_format(each, format))
    if "train" in found:
        return found
    if not found and format in ("auto", "folders") and any(each.is_dir() for each in entries):
        return {"train": (root, "folders")}
    listed = ", ".join(each.name for each in entries[:_NAMED_AT_MOST]) or "nothing"
    raise InputError(
        f"{root}: found {listed}{', …' if len(entries) > _NAMED_AT_MOST else ''}; expected a "
        "train.* file (csv, tsv, jsonl, parquet, txt), a folder named train, or a folder per class"
    )


def _split_files(entries: list[Path], names: Sequence[str], format: str) -> list[Path]:
    files = [each for each in entries if each.is_file() and each.name.split(".")[0] in names]
    if format == "auto":
        return [each for each in files if readers.format_of(each)]
    return [each for each in files if readers.format_of(each) in (format, None)]
