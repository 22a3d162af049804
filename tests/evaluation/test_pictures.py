"""Pictures: what is drawn, in which font, and for how many classes."""

import importlib.util
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from imbalance.evaluation import pictures
from imbalance.evaluation.pictures import (
    confusion_matrix_picture,
    f1_by_support_picture,
    pr_curves_picture,
    reliability_picture,
    save_pictures,
)
from imbalance.evaluation.scores import classification_scores


def random_rows(classes, rows=300, seed=0):
    rng = np.random.default_rng(seed)
    shares = 1 / (np.arange(classes) + 1) ** 1.5
    y_true = rng.choice(classes, rows, p=shares / shares.sum())
    scores = np.exp(rng.normal(size=(rows, classes)) + 2 * np.eye(classes)[y_true])
    return y_true, scores / scores.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def _no_warnings():
    # Above all "Glyph … missing from font(s)".
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


def labels_of(classes):
    chinese = [f"类别{i}、经济" for i in range(0, classes, 2)]
    english = [f"class {i} − “quoted” $x_{i}$" for i in range(1, classes, 2)]
    return (chinese + english)[: classes - 1] + ["一个非常长的类别名称" * 4 + " and English"]


@pytest.mark.parametrize(("classes", "rows"), [(2, 300), (20, 300), (3, 1), (3, 0)])
def test_pictures_are_written_without_a_missing_glyph(tmp_path, classes, rows):
    y_true, probabilities = random_rows(classes, rows)
    paths = save_pictures(tmp_path / "new", y_true, probabilities, labels_of(classes))
    assert [path.name for path in paths] == [
        "confusion_matrix.png",
        "f1_by_support.png",
        "pr_curves.png",
        "reliability.png",
    ]
    for path in paths:
        pixels = imread(path)
        assert pixels.shape[0] > 250
        assert pixels.shape[1] > 700
        assert pixels[..., :3].std() > 0.01
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (border == 1).all(), f"{path.name} is cut off at its border"


def test_drawing_leaves_matplotlib_settings_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    save_pictures(tmp_path, *random_rows(3), labels_of(3))
    assert dict(matplotlib.rcParams) == before
    code = (
        "import sys, imbalance.evaluation.pictures as p;"
        "p.reliability_picture([0, 1], [[1, 0], [0, 1]], ['a', 'b']);"
        "assert 'matplotlib.pyplot' not in sys.modules and 'zhplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_confusion_matrix_writes_counts_and_colours_shares():
    y_true, predicted = [0, 0, 0, 1, 0], [0, 0, 1, 1, 2]
    axes = confusion_matrix_picture(y_true, predicted, ["a", "b", "c"]).axes[0]
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    assert counts == {(0, 0): "2", (1, 0): "1", (2, 0): "1", (1, 1): "1"}
    shares = axes.images[0].get_array()
    assert shares.filled(-1).tolist() == [[0.5, 0.25, 0.25], [0, 1, 0], [-1, -1, -1]]


def test_confusion_matrix_of_many_classes_has_names_but_no_counts():
    y_true, probabilities = random_rows(100)
    figure = confusion_matrix_picture(
        y_true, probabilities.argmax(1), [f"C{i}" for i in range(100)]
    )
    assert not figure.axes[0].texts
    assert len(figure.axes[0].get_yticklabels()) == 100
    assert max(figure.get_size_inches()) < 25


def test_f1_bars_are_sorted_by_support_and_agree_with_the_scores():
    y_true, probabilities = random_rows(5)
    labels = list("edcba")
    left, right = f1_by_support_picture(y_true, probabilities.argmax(1), labels).axes
    names = [text.get_text() for text in left.get_yticklabels()]
    per_class = classification_scores(y_true, probabilities, labels)["per_class"]
    assert [bar.get_width() for bar in right.patches] == sorted(
        (each["support"] for each in per_class.values()), reverse=True
    )
    assert [bar.get_width() for bar in left.patches] == pytest.approx(
        [per_class[name]["f1"] for name in names]
    )
    assert right.get_xscale() == "log"


@pytest.mark.parametrize(("classes", "coloured"), [(4, 4), (20, 7)])
def test_pr_curves_enclose_the_average_precision(classes, coloured):
    y_true, probabilities = random_rows(classes, rows=600)
    y_true[y_true == 0] = 1
    labels = [f"C{i}" for i in range(classes)]
    figure = pr_curves_picture(y_true, probabilities, labels)
    axes = figure.axes[0]
    scores = classification_scores(y_true, probabilities, labels)
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    present = classes - len(scores["absent_classes"])
    coloured = min(coloured, present)
    assert f"macro average, AP {scores['pr_auc']:.3f}" in legend
    assert (f"the other {present - coloured} classes" in legend) == (present > coloured)
    assert "C0" in figure.get_supxlabel()
    named = [line for line in axes.lines if line.get_label().startswith("C")]
    assert len(named) == coloured
    for line in named:
        recall, precision = line.get_data()
        name = line.get_label().split()[0]
        area = (np.diff(recall) * precision[1:]).sum()
        assert area == pytest.approx(scores["per_class"][name]["pr_auc"])
    shown = [scores["per_class"][line.get_label().split()[0]]["support"] for line in named]
    assert (
        shown
        == sorted(each["support"] for each in scores["per_class"].values() if each["support"])[
            :coloured
        ]
    )


def test_reliability_shows_the_reported_error():
    y_true, probabilities = random_rows(3)
    figure = reliability_picture(y_true, probabilities, list("abc"))
    error = classification_scores(y_true, probabilities, list("abc"))["expected_calibration_error"]
    assert f"{error:.3f}" in figure.axes[0].get_title()
    assert sum(bar.get_height() for bar in figure.axes[1].patches) == len(y_true)


def test_weights_count_in_every_picture(tmp_path):
    y_true, probabilities = random_rows(3)
    weights = np.full(len(y_true), 0.5)
    figure = confusion_matrix_picture(y_true, probabilities.argmax(1), list("abc"), weights)
    written = sum(float(text.get_text()) for text in figure.axes[0].texts)
    assert written == len(y_true) / 2
    assert len(save_pictures(tmp_path, y_true, probabilities, list("abc"), None, weights)) == 4


def test_long_labels_keep_both_ends():
    label = "category of the " + "very " * 20 + "long kind, part 17"
    name = pictures._shortened(label)
    assert name.startswith("category of")
    assert name.endswith("part 17")
    assert len(name) <= 30
    assert pictures._shortened("经济") == "经济"


def test_a_missing_font_is_said_once_and_drawn_without(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    pictures._font_families.cache_clear()
    try:
        with pytest.warns(UserWarning, match="the font of the zhplot package") as caught:
            save_pictures(tmp_path, *random_rows(2), ["no", "yes"])
        assert len(caught) == 1
    finally:
        pictures._font_families.cache_clear()
