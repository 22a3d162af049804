"""The report of a study, as Markdown and as one HTML page, from its committed files alone."""

from collections.abc import Iterable
from pathlib import Path

from imbalance.study import figures, markdown, paired, sections, sweep, tuning
from imbalance.study.config import Study
from imbalance.study.method import method
from imbalance.study.numbers import Numbers
from imbalance.study.sections import GROUP_TITLES


def write(study: Study) -> list[Path]:
    """Compare the finished cells, then write the report beside the results file.

    Returns:
        The paths of the Markdown file, the HTML page and the figures.
    """
    paired.update(study, study.cells(tuning.settings(study)))
    numbers = Numbers(study)
    pictures = draw(numbers)
    text = compose(numbers, pictures)
    written = {
        study.results.with_suffix(".md"): text,
        study.results.with_suffix(".html"): markdown.page(title(study), text, pictures),
        **{study.results.with_name(name): svg for name, svg in pictures.items()},
    }
    for path, content in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return list(written)


def title(study: Study) -> str:
    """Return the report's title."""
    return study.report.title or study.path.stem


def compose(numbers: Numbers, pictures: Iterable[str]) -> str:
    """Return the report as Markdown; ``pictures`` are the names of the figures it may show."""
    study, pictures = numbers.study, list(pictures)
    parts = [
        f"# {title(study)}",
        f"Written by `python -m imbalance.study {study.path.as_posix()} --report-only` from "
        f"`{study.results.as_posix()}` and the files beside it; not to be edited.",
        sections.notes(numbers),
        sections.unfinished(numbers),
    ]
    if sweep.variants(study):
        parts += sweep.sections(numbers, pictures)
    else:
        parts.append(sections.targets(numbers))
        for group in numbers.groups():
            rows = numbers.rows(group)
            parts.append(f"## {GROUP_TITLES.get(group, group)}")
            parts.append(sections.scores(numbers, group))
            if group == "losses":
                parts += [sections.picture(numbers, name) for name in pictures]
                parts.append(sections.winners(numbers, rows))
            parts.append(sections.differences(numbers, rows))
            if group == "losses":
                if study.report.rival:
                    parts.append(sections.differences(numbers, rows, study.report.rival))
                parts.append(sections.classes(numbers, rows))
    parts += [sections.tuning_budget(study), method(numbers.measures)]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def draw(numbers: Numbers) -> dict[str, str]:
    """Return the figures, file name to SVG; none without the numbers for them."""
    study = numbers.study
    if sweep.variants(study):
        return sweep.draw(numbers)
    panels = {}
    for metric in numbers.measures.compared:
        if compared := numbers.compared(numbers.rows("losses"), metric, "all"):
            heading = numbers.measures.heading(metric)
            panels[heading] = {each.name: (*each[1:4], each.differs) for each in compared}
    if not panels:
        return {}
    name = f"{study.results.stem}-differences.svg"
    return {name: figures.differences_figure(panels, study.report.reference("losses"))}
