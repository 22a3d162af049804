"""Tables and the picture of spans, tags and answers: what they hold, and of whom."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from imbalance.checks import InputError
from imbalance.evaluation import tables
from imbalance.evaluation.span_tables import (
    by_run_frame,
    check_references,
    comparison_markdown,
    f1_picture,
    of_each_frame,
    score_frame,
    summary_frame,
)
from imbalance.metrics.reading_scores import reading_scores
from imbalance.metrics.span_scores import OF_EACH, span_scores, tag_scores
from imbalance.spans import tag_names

TYPES = ["地址", "name|a", "book"]


def scored(seed, rows=50):
    rng = np.random.default_rng(seed)
    counts = np.sort(rng.integers(0, 5, (rows, 3, 3)), axis=-1)[..., [0, 2, 1]]
    counts[:, 2] = 0
    tags = rng.integers(0, 3, (2, rows))
    return span_scores(counts, TYPES) | tag_scores(
        *tags, np.full(rows, True), tag_names(TYPES, "bio")
    )


@pytest.fixture
def runs():
    return {
        "dice_loss": {"all": scored(1), "unseen": scored(2, 20)},
        "焦点损失": {"all": scored(3), "unseen": scored(4, 0)},
    }


REFERENCES = {"published": {"all": {"span_f1": 0.7, "per_type": {"book": {"f1": 0.25}}}}}


@pytest.mark.parametrize(("kind", "n"), [("type", 3), ("tag", 7)])
def test_of_each_holds_the_scores_and_is_read_back_by_pandas(runs, kind, n):
    for scores in (runs["dice_loss"]["all"], runs["焦点损失"]["unseen"]):
        frame = of_each_frame(scores, kind)
        assert list(frame.columns) == [kind, *OF_EACH]
        assert len(frame) == n
        for _, row in frame.iterrows():
            each = pd.Series(scores[f"per_{kind}"][row[kind]], dtype="float64")
            pd.testing.assert_series_equal(
                row[list(OF_EACH)].astype("float64"), each, check_names=False
            )
        assert frame["predicted"].dtype.kind == "i"
        csv = pd.read_csv(io.StringIO(tables.to_csv(frame)))
        pd.testing.assert_frame_equal(csv, frame)


def test_summary_and_scores_show_what_some_run_knows(runs):
    frame = summary_frame(runs, REFERENCES)
    assert list(frame["run"]) == ["dice_loss", "焦点损失", "published"]
    assert list(frame.columns[2:]) == [
        "span_precision",
        "span_recall",
        "span_f1",
        "span_macro_f1",
        "token_accuracy",
        "tag_macro_f1",
    ]
    assert frame["span_f1"].tolist()[::2] == [runs["dice_loss"]["all"]["span_f1"], 0.7]
    reading = {"all": reading_scores([[0, 0.5], [1, 1]])}
    assert list(summary_frame({"a": reading}).columns[2:]) == ["exact_match", "answer_f1"]
    scores = score_frame(runs["dice_loss"]).set_index("score")
    assert list(scores.columns) == ["all, 50 rows", "unseen, 20 rows"]
    assert scores.loc["share of O"].tolist() == [
        each["outside_share"] for each in runs["dice_loss"].values()
    ]


def test_types_have_a_column_for_each_run(runs):
    frame = by_run_frame(runs, REFERENCES)
    assert list(frame.columns) == ["type", "support", "dice_loss", "焦点损失", "published"]
    assert list(frame["type"]) == TYPES
    assert frame["published"].tolist()[2] == 0.25
    recalls = by_run_frame(runs, score="recall", kind="tag")
    assert recalls["焦点损失"].tolist() == [
        each["recall"] for each in runs["焦点损失"]["all"]["per_tag"].values()
    ]


def test_comparison_has_the_tables_that_have_something(runs):
    text = comparison_markdown(runs, REFERENCES)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        f"## {title} ({subset})"
        for subset in ("all", "unseen")
        for title in ("Scores", "F1 of each type", "F1 of each tag")
    ]
    assert "name\\|a" in text
    assert "| span F1 |" in text
    assert "**0.2500**" in text
    answers = comparison_markdown({"a": {"all": reading_scores([])}})
    assert answers.count("##") == 1
    assert "| exact match | answer F1 |" in answers


def test_references_are_checked():
    check_references("file", REFERENCES)
    with pytest.raises(InputError, match=r"file: a.all.span_f2: unknown key, .* 'span_f1'"):
        check_references("file", {"a": {"all": {"span_f2": 1}}})
    with pytest.raises(InputError, match=r"file: a.all.per_tag.O.f1: got 'x', expected a number"):
        check_references("file", {"a": {"all": {"per_tag": {"O": {"f1": "x"}}}}})


@pytest.mark.parametrize("rows", [30, 0])
def test_the_picture_agrees_with_the_scores(tmp_path, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        scores = scored(5, rows)
        figure = f1_picture(scores)
        figure.savefig(tmp_path / "f1.png")
    left, right = figure.axes
    names = [text.get_text() for text in left.get_yticklabels()]
    assert sorted(names) == sorted(TYPES)
    each = [scores["per_type"][name] for name in names]
    assert [bar.get_width() for bar in left.patches] == [one["f1"] or 0 for one in each]
    supports = [bar.get_width() for bar in right.patches]
    assert supports == sorted((one["support"] for one in each), reverse=True)
    pixels = imread(tmp_path / "f1.png")
    assert (np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]) == 1).all()
    with pytest.raises(InputError, match="per_tag: got {}, expected at least one"):
        f1_picture({"per_tag": {}}, kind="tag")
