"""Pictures of a split's predictions, as matplotlib figures that need no display.

Chinese class names are drawn with Noto Sans SC, the font file of the ``zhplot`` package. Colours
are told apart without red and green: blues, and the palette of Okabe and Ito, whose yellow,
too pale for a line, is replaced by Tol's wine red.
"""

import importlib.util
import math
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import sklearn.metrics as sk
from matplotlib import colormaps, font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from rich.cells import cell_len, set_cell_size

from imbalance.evaluation.scores import calibration_bins, read_predictions

_FONT = Path("fonts", "NotoSansSC-Regular.ttf")
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#888888"
_CURVES = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#882255")
_LINE_STYLES = ("-", "--", ":", "-.")
_LONGEST_LABEL = 30  # in terminal cells: a Chinese character takes two
_MOST_NAMED_CLASSES = 100
_MOST_COUNTED_CLASSES = 40
_MOST_CURVES = 10
_HIGHLIGHTED_CURVES = 7
_DPI = 150


def confusion_matrix_picture(
    y_true, predicted, labels: Sequence[str], sample_weight=None
) -> Figure:
    """Draw how the rows of each true class were classified.

    The colour is the share of the true class's rows, so that rare classes can be read; the
    count is written into the cell for up to 40 classes. A class without rows is left grey.

    Args:
        y_true, predicted: class ids, shape (n,).
        labels: the C class names.
        sample_weight: shape (n,); counts are then sums of weights.

    Returns:
        A figure; save it with ``figure.savefig(path)``.

    Example:
        >>> type(confusion_matrix_picture([0, 0, 1], [0, 1, 1], ["good", "bad"])).__name__
        'Figure'
    """
    classes = len(labels)
    matrix = _confusion_matrix(y_true, predicted, classes, sample_weight)
    support = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, support, out=np.full_like(matrix, np.nan), where=support > 0)

    cell = 0.62 if classes <= 10 else 0.5 if classes <= _MOST_COUNTED_CLASSES else 0.17
    font = 9 if classes <= _MOST_COUNTED_CLASSES else 7
    side = max(3.0, cell * min(classes, _MOST_NAMED_CLASSES))
    figure = _figure(side + 3.0, side + 1.8)
    axes = figure.add_subplot()
    colours = colormaps["Blues"].with_extremes(bad="#DDDDDD")
    image = axes.imshow(shares, cmap=colours, vmin=0, vmax=1)
    # Of fixed size: a share of a matrix of 100 classes would be as wide as ten cells.
    colour_bar = figure.colorbar(image, ax=axes, fraction=0.25 / side, pad=0.15 / side)
    colour_bar.set_label("share of the true class")
    # Of very many classes every second or third is named: more names would not be legible.
    named = range(0, classes, math.ceil(classes / _MOST_NAMED_CLASSES))
    names = [_shortened(labels[each]) for each in named]
    axes.set_xticks(named, names, fontsize=font, rotation=90 if classes > 2 else 0)
    axes.set_yticks(named, names, fontsize=font)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title("Confusion matrix")
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    if classes <= _MOST_COUNTED_CLASSES:
        # One size for all counts, and one that four digits fit where cells are small.
        crowded = classes > 5 and matrix.max() >= 1000
        for row, column in zip(*np.nonzero(matrix), strict=True):
            axes.text(
                column,
                row,
                _count(matrix[row, column]),
                ha="center",
                va="center",
                fontsize=font - 2 if crowded else font,
                color="white" if shares[row, column] > 0.55 else "black",
            )
    return _finished(figure)


def f1_by_support_picture(y_true, predicted, labels: Sequence[str], sample_weight=None) -> Figure:
    """Draw the F1 of each class, the most frequent first, beside its support (log scale).

    The macro average is a dashed line. Arguments: see :func:`confusion_matrix_picture`.

    Example:
        >>> type(f1_by_support_picture([0, 0, 1], [0, 1, 1], ["good", "bad"])).__name__
        'Figure'
    """
    matrix = _confusion_matrix(y_true, predicted, len(labels), sample_weight)
    support = matrix.sum(axis=1)
    total = support + matrix.sum(axis=0)
    f1 = np.divide(2 * np.diag(matrix), total, out=np.zeros(len(labels)), where=total > 0)
    return f1_bars_picture(f1, support, labels)


def f1_bars_picture(f1, support, labels: Sequence[str]) -> Figure:
    """Draw given F1 and support, the most frequent first: see :func:`f1_by_support_picture`.

    Args:
        f1: in [0, 1], shape (C,).
        support: shape (C,).
        labels: the C names, at least one.

    Example:
        >>> type(f1_bars_picture([0.9, 0.5], [10, 30], ["name", "place"])).__name__
        'Figure'
    """
    f1, support = np.asarray(f1, "float64"), np.asarray(support, "float64")
    order = np.argsort(-support, kind="stable")
    places = np.arange(len(labels))

    figure = _figure(9, 1.6 + 0.27 * len(labels))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    left.barh(places, f1[order], color=_BLUE)
    for place, value in zip(places, f1[order], strict=True):
        text = left.text(value + 0.01, place, f"{value:.2f}", va="center", fontsize=8)
        # The line of the macro average may run behind the number.
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    left.axvline(
        f1.mean(), color=_ORANGE, linestyle="--", zorder=2, label=f"macro-F1 {f1.mean():.3f}"
    )
    left.set_xlim(0, 1.1)
    left.set_xticks(np.linspace(0, 1, 6))
    left.set_ylim(len(labels) - 0.4, -0.6)
    left.set_yticks(places, [_shortened(labels[c]) for c in order], fontsize=9)
    left.set_xlabel("F1")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", frameon=False)

    right.barh(places, support[order], color=_GREY)
    for place, value in zip(places, support[order], strict=True):
        # On a log scale a bar without length has no end to write behind.
        right.text(max(value, 0.8) * 1.1, place, _count(value), va="center", fontsize=8)
    if support.any():
        right.set_xscale("log")
        right.xaxis.set_major_formatter("{x:,.0f}")
        right.minorticks_off()
    right.set_xlim(0.7, max(support.max(), 1) * 6)
    right.set_xlabel("support (log scale)")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    return _finished(figure)


def pr_curves_picture(y_true, probabilities, labels: Sequence[str], sample_weight=None) -> Figure:
    """Draw one-vs-rest precision-recall curves, with average precision (AP) in the legend.

    With more than 10 classes the 7 rarest are drawn in colour and the others in grey; the macro
    average, at each recall the mean precision over the classes, is black. Classes without rows
    have no curve and are named below the legend.

    Args:
        y_true: class ids, shape (n,).
        probabilities: shape (n, C).
        labels: the C class names.
        sample_weight: shape (n,).

    Returns:
        A figure; save it with ``figure.savefig(path)``.

    Example:
        >>> picture = pr_curves_picture([0, 1], [[0.9, 0.1], [0.4, 0.6]], ["good", "bad"])
        >>> type(picture).__name__
        'Figure'
    """
    y_true, probabilities, _, weights = read_predictions(
        y_true, probabilities, len(labels), sample_weight=sample_weight
    )
    support = np.bincount(y_true, weights=weights, minlength=len(labels))
    present = [c for c in np.argsort(support, kind="stable") if support[c] > 0]
    highlighted = present if len(present) <= _MOST_CURVES else present[:_HIGHLIGHTED_CURVES]

    figure = _figure(9, 5.5)
    axes = figure.add_subplot()
    grid = np.linspace(0, 1, 201)
    averages, on_grid = [], []
    for c in present:
        own, scores = y_true == c, probabilities[:, c]
        recall, precision = _best_precision_at_each_recall(own, scores, weights)
        average = sk.average_precision_score(own, scores, sample_weight=weights)
        averages.append(average)
        on_grid.append(precision[np.searchsorted(recall, grid)])
        line = {"drawstyle": "steps-pre"}
        if c in highlighted:
            place = highlighted.index(c)
            line |= {
                "color": _CURVES[place % len(_CURVES)],
                "linestyle": _LINE_STYLES[place // len(_CURVES) % len(_LINE_STYLES)],
                "label": f"{_shortened(labels[c])} (n={_count(support[c])}), AP {average:.3f}",
                "zorder": 3,
            }
        else:
            line |= {"color": "#C8C8C8", "linewidth": 0.8}
        axes.plot(recall, precision, **line)
    if present:
        label = f"macro average, AP {np.mean(averages):.3f}"
        axes.plot(
            grid, np.mean(on_grid, axis=0), color="black", linewidth=2.2, label=label, zorder=4
        )
    if len(highlighted) < len(present):
        label = f"the other {len(present) - len(highlighted)} classes"
        axes.plot([], [], color="#C8C8C8", linewidth=0.8, label=label)
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.grid(color="#E6E6E6", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("Precision-recall curves, one class against the rest")
    if present:
        axes.legend(
            loc="center left",
            bbox_to_anchor=(1.02, 0.5),
            frameon=False,
            fontsize=9,
            title="rarest first",
        )
    absent = [labels[c] for c in range(len(labels)) if support[c] == 0]
    if absent:
        shown = ", ".join(_shortened(label) for label in absent[:5])
        more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        figure.supxlabel(f"No curve, for want of rows: {shown}{more}", fontsize=8)
    return _finished(figure)


def reliability_picture(
    y_true, probabilities, labels: Sequence[str], predicted=None, sample_weight=None
) -> Figure:
    """Draw accuracy against confidence in 15 bins, above a histogram of the confidence.

    Bars below the diagonal are overconfident. The title gives the expected calibration error
    of :func:`~imbalance.evaluation.scores.classification_scores`.

    Args:
        y_true: class ids, shape (n,).
        probabilities: shape (n, C).
        labels: the C class names.
        predicted: class ids, shape (n,); by default those of the largest probability.
        sample_weight: shape (n,).

    Returns:
        A figure; save it with ``figure.savefig(path)``.

    Example:
        >>> picture = reliability_picture([0, 1], [[0.9, 0.1], [0.4, 0.6]], ["good", "bad"])
        >>> type(picture).__name__
        'Figure'
    """
    y_true, probabilities, predicted, weights = read_predictions(
        y_true, probabilities, len(labels), predicted, sample_weight
    )
    confidence = probabilities[np.arange(len(predicted)), predicted]
    bins = calibration_bins(predicted == y_true, confidence, weights)
    edges, width = bins["edges"][:-1], bins["edges"][1]

    figure = _figure(5.5, 6.5)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.plot([0, 1], [0, 1], color=_GREY, linestyle="--", label="perfectly calibrated")
    bar = {"width": width, "align": "edge", "edgecolor": "white"}
    top.bar(edges, bins["accuracy"], color=_BLUE, label="accuracy", **bar)
    top.plot(
        bins["confidence"],
        bins["accuracy"],
        linestyle="none",
        marker="o",
        markersize=5,
        color=_ORANGE,
        label="at mean confidence",
    )
    top.set_xlim(0, 1)
    top.set_ylim(0, 1.02)
    top.set_ylabel("accuracy")
    top.legend(loc="upper left", frameon=False)
    error = (
        "no rows" if bins["error"] is None else f"expected calibration error {bins['error']:.3f}"
    )
    top.set_title(f"Reliability ({error})")
    bottom.bar(edges, bins["weight"], color=_GREY, **bar)
    bottom.set_ylim(bottom=0)
    bottom.set_xlabel("confidence: probability of the predicted class")
    bottom.set_ylabel("rows" if sample_weight is None else "weight")
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    return _finished(figure)


def save_pictures(
    folder, y_true, probabilities, labels: Sequence[str], predicted=None, sample_weight=None
) -> list[Path]:
    """Write every picture of a split as PNG files, replacing older ones.

    Args:
        folder: is made where it does not exist.
        y_true, probabilities, labels, predicted, sample_weight: as for
            :func:`~imbalance.evaluation.scores.classification_scores`.

    Returns:
        The paths of ``confusion_matrix.png``, ``f1_by_support.png``, ``pr_curves.png`` and
        ``reliability.png``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    y_true, probabilities, predicted, weights = read_predictions(
        y_true, probabilities, len(labels), predicted, sample_weight
    )
    weights = None if sample_weight is None else weights
    figures = {
        "confusion_matrix": confusion_matrix_picture(y_true, predicted, labels, weights),
        "f1_by_support": f1_by_support_picture(y_true, predicted, labels, weights),
        "pr_curves": pr_curves_picture(y_true, probabilities, labels, weights),
        "reliability": reliability_picture(y_true, probabilities, labels, predicted, weights),
    }
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=_DPI)
    return paths


def _confusion_matrix(y_true, predicted, classes, sample_weight) -> np.ndarray:
    y_true, predicted = np.asarray(y_true, dtype=int), np.asarray(predicted, dtype=int)
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (y_true, predicted), 1 if sample_weight is None else sample_weight)
    return matrix


def _best_precision_at_each_recall(own, scores, weights) -> tuple[np.ndarray, np.ndarray]:
    """Return rising recalls and, for each, the precision at the highest threshold reaching it.

    Their step curve encloses the average precision; the lower thresholds with the same recall
    would only add vertical spikes.
    """
    precision, recall, _ = sk.precision_recall_curve(own, scores, sample_weight=weights)
    recall, first = np.unique(recall[::-1], return_index=True)
    precision = precision[::-1][first]
    # scikit-learn starts every curve at the made-up point of recall 0 and precision 1.
    precision[0] = precision[1]
    return recall, precision


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def _finished(figure: Figure) -> Figure:
    """Set every text in fonts that have Latin and Chinese, also those not made yet."""
    for axes in figure.axes:
        _set_tick_fonts(axes)
    for text in figure.findobj(Text):
        text.set_fontfamily(_font_families())
        # A class name such as "$x_1$" is no formula.
        text.set_parse_math(False)
    return figure


def _set_tick_fonts(axes: Axes) -> None:
    axes.tick_params(labelfontfamily=_font_families())


@cache
def _font_families() -> list[str]:
    # Found without importing it: importing zhplot changes matplotlib's global settings.
    package = importlib.util.find_spec("zhplot")
    path = Path(package.origin).parent / _FONT if package and package.origin else None
    if path is None or not path.is_file():
        warnings.warn(
            "the font of the zhplot package is not installed: Chinese class names will show "
            "as boxes in pictures; install it with `pip install zhplot`",
            stacklevel=2,
        )
        return ["DejaVu Sans"]
    font_manager.fontManager.addfont(path)
    name = font_manager.FontProperties(fname=path).get_name()
    return [name, "DejaVu Sans"]


def _shortened(label: str) -> str:
    """Cut the middle out of a long label: class names often differ only at their end."""
    label = " ".join(label.split())
    if cell_len(label) <= _LONGEST_LABEL:
        return label
    half = (_LONGEST_LABEL - 1) // 2
    start = set_cell_size(label, half).rstrip()
    end = set_cell_size(label[::-1], half).rstrip()[::-1]
    return f"{start}…{end}"


def _count(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
