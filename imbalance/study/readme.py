"""The part of the README, or of another page, that a study's results write, between two comments.

::

    <!-- results of NAME, by: python -m imbalance.study FILE --readme README.md -->
    …
    <!-- end of results of NAME -->

NAME is that of the results file. What stands between them is replaced; it is empty while there
are no results.
"""

import os
import re
from pathlib import Path

from imbalance import checks
from imbalance.study import report, sections, sweep
from imbalance.study.config import Study
from imbalance.study.markdown import code
from imbalance.study.numbers import Numbers


def section(study: Study, folder=".") -> str:
    """Return what a page says of a study, as Markdown; nothing without results.

    Args:
        study: with its results.
        folder: of the page, from where its pictures are found.
    """
    numbers = Numbers(study)
    if not numbers.rows():
        return ""
    pictures = Path(os.path.relpath(study.results.parent, folder)).as_posix()
    parts = [
        f"`{study.path.as_posix()}`: mean ± standard deviation over seeds on the test split, the "
        "best in bold, which is no test. The whole report, with intervals: "
        f"`{study.results.with_suffix('.md').as_posix()}`."
    ]
    if missing := numbers.missing():
        parts.append(f"Not finished: {len(missing)} of {len(study.cells())} cells are missing.")
    if sweep.variants(study):
        parts += [f"![by variant]({pictures}/{name})" for name in report.draw(numbers)]
        for metric, heading in sweep.metrics(numbers).items():
            if metric != "macro_f1" or numbers.study.report.metrics:
                parts += [f"{heading}:", sweep.scores(numbers, metric)]
    else:
        parts += [sections.scores(numbers, "losses"), _verdict(numbers)]
        if targets := sections.target_table(numbers):
            parts += ["Targets, each by its best loss, picked on the test split:", targets]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _verdict(numbers: Numbers) -> str:
    """Say which rows differ from the reference in the main score, and only those."""
    rows, measures = numbers.rows("losses"), numbers.measures
    heading = measures.heading(measures.main)
    reference = code(numbers.study.report.reference("losses"))
    for subset in reversed(numbers.subsets):
        compared = numbers.compared(rows, measures.main, subset)
        if compared:
            unseen = f"on the unseen {measures.rows}"
            where = unseen if subset == "unseen" else "on the test split"
            return (
                f"{heading[0].upper()}{heading[1:]} {where} against {reference} (paired bootstrap, "
                f"95 %, corrected for {len(compared)} rows): better are "
                f"{sections.listed(compared, 1)}; worse are {sections.listed(compared, -1)}."
            )
    return ""


def update(study: Study, path) -> None:
    """Write the study's section into a page.

    Raises:
        InputError: if the file has no such section.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    start, end = _place(study, path, text)
    path.write_text(text[:start] + _filled(study, path) + text[end:], encoding="utf-8")


def drifted(study: Study, path) -> list[str]:
    """Return which committed texts are not what the results give: the page, the report.

    Without results the report is not asked for, and the page's section is empty or missing.

    Raises:
        InputError: if there are results, and the page has no section for them.
    """
    numbers, path, found = Numbers(study), Path(path), []
    text = path.read_text(encoding="utf-8")
    if not numbers.rows():
        return [str(path)] if (place := _find(study, text)) and place[1] else []
    start, end = _place(study, path, text)
    if text[start:end] != _filled(study, path):
        found.append(str(path))
    written = study.results.with_suffix(".md")
    composed = report.compose(numbers, report.draw(numbers))
    if not written.exists() or written.read_text(encoding="utf-8") != composed:
        found.append(str(written))
    return found


def _filled(study: Study, path: Path) -> str:
    text = section(study, path.parent)
    return f"\n{text}" if text else ""


def _find(study: Study, text: str) -> re.Match | None:
    name = re.escape(study.results.stem)
    pattern = rf"<!-- results of {name}, [^\n]*-->\n(.*?)<!-- end of results of {name} -->"
    return re.search(pattern, text, re.DOTALL)


def _place(study: Study, path: Path, text: str) -> tuple[int, int]:
    found = _find(study, text)
    if found is None:
        raise checks.InputError(
            f"{path}: has no section of results of {study.results.stem}, expected the lines "
            f"<!-- results of {study.results.stem}, by: python -m imbalance.study "
            f"{study.path.as_posix()} --readme {path} --> and "
            f"<!-- end of results of {study.results.stem} -->"
        )
    return found.span(1)
