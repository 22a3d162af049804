"""Figures of a study's report, as SVG that is the same for the same numbers."""

import io
import math
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#882255", "#444444")
_MARKERS = "osD^vP*X"
_GREY = "#888888"


def differences_figure(
    panels: Mapping[str, Mapping[str, tuple[float, float, float, bool]]], reference: str
) -> str:
    """Draw differences from a reference with their intervals, a panel for each score.

    Args:
        panels: title to ``{row: (difference, low, high, whether it holds)}``.
        reference: what 0 stands for.

    Returns:
        SVG; a difference that holds is blue, one that does not is grey.
    """
    names = list(dict.fromkeys(name for rows in panels.values() for name in rows))
    figure = Figure(figsize=(2.2 + 2.4 * len(panels), 1.1 + 0.3 * len(names)), layout="constrained")
    for axes, (title, rows) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        axes.axvline(0, color="black", linewidth=0.8)
        for place, name in enumerate(names):
            if name not in rows:
                continue
            difference, low, high, holds = rows[name]
            colour = _COLOURS[0] if holds else _GREY
            axes.plot([low, high], [place, place], color=colour, linewidth=2)
            axes.plot([difference], [place], "o", color=colour, markersize=5)
        axes.set_title(title, fontsize=10)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(range(len(names)), names, fontsize=9, parse_math=False)
        axes.locator_params(axis="x", nbins=4)
        axes.tick_params(axis="x", labelsize=8)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#E6E6E6", linewidth=0.6)
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.supxlabel(f"difference from {reference}", fontsize=9, parse_math=False)
    return _svg(figure)


def sweep_figure(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], variants: Sequence[str]
) -> str:
    """Draw scores by variant, a line for each row and a panel for each score.

    Args:
        panels: title to ``{row: [(mean, standard deviation) of each variant]}``; NaN where a
            number is missing.
        variants: the names along the horizontal axis.

    Returns:
        SVG; the bars are one standard deviation over seeds to either side.
    """
    names = list(next(iter(panels.values())))
    figure = Figure(figsize=(1.2 + 3.4 * len(panels), 3.9), layout="constrained")
    lines = []
    for axes, (title, rows) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        lines = []
        for place, name in enumerate(names):
            # Side by side, so that the bars of one variant can be told apart.
            shift = 0.3 * (place / max(len(names) - 1, 1) - 0.5)
            means, deviations = zip(*rows[name], strict=True)
            lines.append(
                axes.errorbar(
                    [position + shift for position in range(len(variants))],
                    means,
                    [0 if math.isnan(each) else each for each in deviations],
                    color=_COLOURS[place % len(_COLOURS)],
                    marker=_MARKERS[place % len(_MARKERS)],
                    linestyle="--" if place >= len(_COLOURS) else "-",
                    markersize=4.5,
                    linewidth=1.3,
                    elinewidth=0.9,
                )
            )
        axes.set_title(title, fontsize=10, parse_math=False)
        axes.set_xticks(range(len(variants)), variants, fontsize=9, parse_math=False)
        axes.tick_params(axis="y", labelsize=8)
        axes.grid(axis="y", color="#E6E6E6", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    legend = figure.legend(
        lines, names, loc="outside lower center", ncols=min(len(names), 5), frameon=False
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
        text.set_fontsize(9)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "study"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()
