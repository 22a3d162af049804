"""Tables: what they say, in every form, and that nothing is cut off."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len

from imbalance.checks import InputError
from imbalance.evaluation.scores import classification_scores
from imbalance.evaluation.tables import (
    class_frame,
    comparison_markdown,
    per_class_frame,
    print_table,
    score_frame,
    summary_frame,
    tidy_frame,
    to_csv,
    to_markdown,
)

LABELS = ["经济", "sport|a", "[bold]军事", "a label so long that it fills more than one line of it"]


def scored(seed, rows=200):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 3, rows)
    probabilities = rng.dirichlet(np.ones(4), rows) / 2 + np.eye(4)[y_true] / 2 * (seed / 5)
    return classification_scores(y_true, probabilities / 1.01, LABELS)


@pytest.fixture
def runs():
    return {
        "dice_loss": {"all": scored(1), "unseen": scored(2, 50)},
        "焦点损失": {"all": scored(3), "unseen": scored(4, 0)},
    }


REFERENCES = {
    "published CNN": {
        "all": {"accuracy": 0.94, "macro_f1": 0.75, "per_class": {"经济": {"f1": 0.99}}}
    }
}


def printed(frame, title=""):
    file = io.StringIO()
    print_table(frame, title, file)
    return file.getvalue()


def test_per_class_frame_holds_the_scores(runs):
    scores = runs["dice_loss"]["all"]
    frame = per_class_frame(scores).set_index("class")
    assert list(frame.index) == LABELS
    assert frame.loc["经济", "f1"] == scores["per_class"]["经济"]["f1"]
    assert np.isnan(frame.loc[LABELS[3], "roc_auc"])
    assert frame["support"].dtype.kind == "i"


def test_score_frame_has_a_column_for_each_subset(runs):
    [name, *_] = runs
    frame = score_frame(runs[name])
    scores = frame.set_index("score")
    for subset, column in zip(runs[name], scores, strict=True):
        assert column == f"{subset}, {runs[name][subset]['rows']} rows"
        assert scores.loc["macro-F1", column] == runs[name][subset]["macro_f1"]
    assert "accuracy" in printed(frame)


def test_summary_puts_references_below_the_runs(runs):
    frame = summary_frame(runs, REFERENCES)
    assert list(frame["run"]) == ["dice_loss", "焦点损失", "published CNN"]
    assert list(frame.columns[2:6]) == ["accuracy", "macro_precision", "macro_recall", "macro_f1"]
    assert frame["accuracy"].tolist() == [
        runs["dice_loss"]["all"]["accuracy"],
        runs["焦点损失"]["all"]["accuracy"],
        0.94,
    ]
    assert np.isnan(frame["mcc"].iloc[2])
    unseen = summary_frame(runs, REFERENCES, "unseen")
    assert list(unseen["run"]) == ["dice_loss", "焦点损失"]
    assert unseen["rows"].tolist() == [50, 0]


def test_class_frame_has_a_column_for_each_run(runs):
    frame = class_frame(runs, REFERENCES, score="f1")
    assert list(frame.columns) == ["class", "support", "dice_loss", "焦点损失", "published CNN"]
    assert (
        frame["support"].tolist() == per_class_frame(runs["dice_loss"]["all"])["support"].tolist()
    )
    assert frame["published CNN"].tolist()[0] == 0.99
    assert frame["published CNN"].isna().tolist() == [False, True, True, True]
    recalls = class_frame(runs, score="recall")
    assert recalls["焦点损失"].tolist() == [
        each["recall"] for each in runs["焦点损失"]["all"]["per_class"].values()
    ]


def test_a_class_that_only_a_later_run_knows_is_kept():
    runs = {
        "first": {"all": {"per_class": {"a": {"support": 3, "f1": 0.5}}}},
        "second": {"all": {"per_class": {"b": {"support": 2, "f1": 0.25}}}},
    }
    frame = class_frame(runs)
    assert frame["class"].tolist() == ["a", "b"]
    assert frame["support"].tolist() == [3, 2]
    assert frame["second"].isna().tolist() == [True, False]


def test_csv_is_read_back_by_pandas(runs):
    for frame in (tidy_frame(runs), summary_frame(runs, REFERENCES), class_frame(runs)):
        pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(to_csv(frame))), frame)
    assert len(tidy_frame(runs)) == 2 * 2 * len(LABELS)


def test_markdown_escapes_labels_and_puts_the_best_in_bold(runs):
    frame = class_frame(runs, REFERENCES)
    lines = to_markdown(frame, bold="rows").splitlines()
    assert lines[0] == "| class | support | dice_loss | 焦点损失 | published CNN |"
    assert lines[1] == "|:-|-:|-:|-:|-:|"
    assert "**0.9900**" in lines[2]
    assert lines[3].startswith("| sport\\|a |")
    assert [line.count("**") for line in lines[2:]] == [2, 2, 2, 4]  # 0 and 0 tie on the last
    assert "**" not in to_markdown(frame)


def test_the_lowest_error_is_the_best():
    runs = {
        "a": {
            "all": {"rows": 9, "accuracy": 0.5, "expected_calibration_error": 0.1, "log_loss": 0.3}
        },
        "b": {
            "all": {"rows": 5, "accuracy": 0.7, "expected_calibration_error": 0.2, "log_loss": 0.2}
        },
    }
    lines = to_markdown(summary_frame(runs), bold="columns").splitlines()
    assert lines[2].startswith("| a | 9 | 0.5000 |")
    assert lines[2].endswith("| **0.1000** | 0.3000 |")
    assert lines[3].startswith("| b | 5 | **0.7000** |")
    assert lines[3].endswith("| 0.2000 | **0.2000** |")


def test_comparison_has_both_tables_for_both_subsets(runs):
    text = comparison_markdown(runs, REFERENCES)
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "## Scores (all)",
        "## F1 of each class (all)",
        "## Scores (unseen)",
        "## F1 of each class (unseen)",
    ]
    assert text.count("published CNN") == 2


def test_terminal_table_is_plain_aligned_and_whole(runs):
    text = printed(per_class_frame(runs["dice_loss"]["all"]), "dice_loss, 全部")
    lines = text.splitlines()
    assert "\x1b" not in text
    assert lines[0] == "dice_loss, 全部"
    assert "[bold]军事" in text
    assert len({cell_len(line) for line in lines[1:]}) == 1
    for each in runs["dice_loss"]["all"]["per_class"].values():
        assert f"{each['f1']:.4f}" in text


def test_terminal_table_wider_than_the_terminal_is_not_cut(runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    many = {f"a_run_with_a_long_name_{i}": runs["dice_loss"] for i in range(20)}
    text = printed(class_frame(many))
    assert "…" not in text
    assert all(name in text.splitlines()[0] for name in many)
    label_column = "".join(line[:40].strip() + " " for line in text.splitlines()[2:])
    assert LABELS[3].replace(" ", "") in label_column.replace(" ", "")


def test_wrong_names_are_refused(runs):
    with pytest.raises(InputError, match="subset of dice_loss: got 'unsen', .* mean 'unseen'"):
        summary_frame(runs, subset="unsen")
    with pytest.raises(InputError, match="references: got 'dice_loss', expected a name that no"):
        summary_frame(runs, {"dice_loss": {}})
    with pytest.raises(InputError, match="score: got 'F1'"):
        class_frame(runs, score="F1")
    with pytest.raises(InputError, match="bold: got 'row', expected one of rows, columns"):
        to_markdown(class_frame(runs), bold="row")


def test_a_label_tells_neither_terminal_nor_browser_what_to_do(runs):
    label = "<script>x</script>\x1b[2J[a](javascript:x)"
    runs = {"dice": {"all": {"per_class": {label: {"support": 8, "f1": 0.5}}}}}
    assert r"<script>x</script>\x1b[2J" in printed(class_frame(runs), "title")
    assert r"\<script>x\</script>" in to_markdown(class_frame(runs))
