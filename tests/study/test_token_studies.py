"""Studies of token tasks: what is kept of spans and answers, how it is compared and reported."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from imbalance import tasks
from imbalance.checks import InputError
from imbalance.evaluation import evaluate_spans
from imbalance.metrics.span_scores import row_counts, span_scores
from imbalance.run_folder import Run
from imbalance.spans import Span
from imbalance.study import kinds, paired, report, results, worker
from imbalance.study.cells import CELL, PREDICTIONS, Outcome
from imbalance.study.config import Study
from imbalance.study.scoring import scores
from imbalance.study.token_predictions import AnswerPredictions, SpanPredictions

TYPES = ("name", "place", "rare|type")
TRAINING_SPANS = np.array([1500, 400, 30])
ROWS = 200


def spans_found(right, seed):
    """Spans of which each type is found in this share of the rows, else beside its place."""
    rows, rng = np.random.default_rng(0), np.random.default_rng([seed, 1])
    gold, found = [], []
    for _ in range(ROWS):
        types = np.flatnonzero(rows.random(3) < (0.9, 0.5, 0.2))
        gold.append([Span(4 * type_, 4 * type_ + 3, type_) for type_ in types.tolist()])
        hit = rng.random(3) < right
        found.append([each._replace(end=each.end - (not hit[each.type])) for each in gold[-1]])
    counts = row_counts(gold, found, 3)
    wrong = (counts[..., 1] - counts[..., 0]).sum(axis=1)
    inside = 3 * counts[..., 1].sum(axis=1)
    tags = np.stack([20 - wrong, np.full(ROWS, 20), 20 - inside], axis=1)
    return SpanPredictions(counts, tags, np.arange(ROWS) % 4 > 0)


def answers_found(right, seed):
    rng = np.random.default_rng([seed, 1])
    exact = rng.random(ROWS) < right
    f1 = np.where(exact, 1, rng.integers(0, 3, ROWS) / 3)
    questions = np.random.default_rng(0).integers(-(2**31), 2**31, ROWS)
    row_scores = np.stack([exact, f1], axis=1).astype("float32")
    return AnswerPredictions(questions.astype("int32"), row_scores, np.arange(ROWS) % 4 > 0)


@pytest.mark.parametrize(
    "made", [spans_found((0.9, 0.7, 0.5), 1), answers_found(0.6, 1)], ids=["spans", "answers"]
)
def test_predictions_of_tokens_are_read_back(made, tmp_path):
    made.save(tmp_path / "predictions.npz")
    outcome = Outcome(made, TYPES, TRAINING_SPANS, 2.0)
    for read in (
        kinds.load(tmp_path / "predictions.npz"),
        made.restored(made.truth, made.own, made.unseen),
    ):
        assert scores(Outcome(read, TYPES, TRAINING_SPANS, 2.0)) == scores(outcome)
        assert (read.class_rows(3) == made.class_rows(3)).all()


def test_scores_of_spans_are_those_of_the_counts():
    made = spans_found((0.9, 0.7, 0.5), 1)
    found = scores(Outcome(made, TYPES, TRAINING_SPANS, 2.0))
    for subset, rows in (("all", slice(None)), ("unseen", made.unseen)):
        wanted = span_scores(made.counts[rows], TYPES)
        for name in ("rows", "span_f1", "span_precision", "span_recall", "span_macro_f1"):
            assert found[subset][name] == wanted[name]
        assert found[subset]["f1:place"] == wanted["per_type"]["place"]["f1"]
        assert found[subset]["tail_macro_f1"] == wanted["per_type"]["rare|type"]["f1"]
        tags = made.tags[rows].sum(axis=0)
        assert found[subset]["token_accuracy"] == pytest.approx(tags[0] / tags[1])
    assert found["all"]["seconds"] == 2.0


@pytest.mark.parametrize("make", [spans_found, answers_found])
def test_the_interval_is_around_the_difference_of_the_scores(make):
    shares = ((0.9, 0.8, 0.7), (0.8, 0.6, 0.3)) if make is spans_found else (0.8, 0.5)
    ours, theirs = ({seed: make(share, 7 * seed + seed) for seed in (1, 2, 3)} for share in shares)
    groups = ours[1].groups(TYPES, TRAINING_SPANS)
    compared = paired.compare(ours, theirs, 3, groups)
    wanted = {"span_f1", "span_macro_f1", "token_accuracy", "tail_macro_f1"}
    wanted = wanted if make is spans_found else {"exact_match", "answer_f1"}
    assert wanted <= {each["metric"] for each in compared}

    def mean(side, row):
        of_seeds = [
            scores(Outcome(each, TYPES, TRAINING_SPANS, 0.0))[row["subset"]][row["metric"]]
            for each in side.values()
        ]
        return np.mean(of_seeds)

    for row in compared:
        assert row["difference"] == pytest.approx(mean(ours, row) - mean(theirs, row), abs=1e-6)
        assert row["low"] < row["difference"] < row["high"]
        assert np.isnan(row["mcnemar_p"])
    # What differs by 10 of 100 in each seed is no luck, and what is equal is.
    assert all(row["p"] < 0.05 for row in compared if row["metric"] in ("span_f1", "exact_match"))
    same = paired.compare(ours, ours, 3, groups)
    assert {(row["low"], row["high"], row["p"]) for row in same} == {(0, 0, 1)}


FILE = {
    "base": {"task": "span", "data": {"source": "."}},
    "output_dir": "runs",
    "results": "results/small.csv",
    "seeds": [1, 2, 3],
    "rows": [
        {"name": "cross_entropy", "published": {"span_f1": 0.799}},
        {"name": "dice_loss", "changes": {"loss": "dice_loss"}},
    ],
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**changes):
        Path("small.yaml").write_text(yaml.safe_dump(FILE | changes), encoding="utf-8")
        return Study.from_yaml("small.yaml")

    return write


def finish(study, make, right):
    """Leave what trained cells leave."""
    for number, cell in enumerate(study.cells()):
        outcome = Outcome(make(right[cell.loss], number), TYPES, TRAINING_SPANS, 8.0)
        cell.folder.mkdir(parents=True)
        outcome.predictions.save(cell.folder / PREDICTIONS)
        training_rows = dict(zip(TYPES, TRAINING_SPANS.tolist(), strict=True))
        result = {"asked": cell.asked, "seconds": 9, "training_rows": training_rows}
        result["scores"] = scores(outcome)
        (cell.folder / CELL).write_text(json.dumps(result), encoding="utf-8")
        results.replace(study.results, cell, result["scores"])


def test_the_report_of_spans_shows_their_scores(write):
    study = write()
    finish(study, spans_found, {"cross_entropy": (0.9, 0.7, 0.2), "dice_loss": (0.9, 0.7, 0.9)})
    report.write(study)
    text = Path("results/small.md").read_text(encoding="utf-8")
    assert "| loss | F1 | published | macro-F1 | precision | recall | F1, types < 100 |" in text
    assert "| .799 |" in text
    assert "`dice_loss` +" in text[text.index("Which loss wins where") : text.index("### Diff")]
    assert "F1 of each type" in text
    assert "| rare\\|type | 30 |" in text
    gold = spans_found((1, 1, 1), 0)
    outside = 100 * gold.tags[:, 2].sum() / (20 * ROWS)
    assert f"Test split: 200 sentences, 150 of them unseen, with {gold.truth[:, :3].sum()}" in text
    assert f"Of its characters {outside:.1f} % are in no span" in text
    for word in ("McNemar", "documents", "accuracy"):
        assert word not in text
    # The committed files are enough, and small.
    before = {path: path.read_bytes() for path in Path("results").iterdir()}
    shutil.rmtree("runs")
    Path("results/small-paired.csv").unlink()
    report.write(study)
    assert {path: path.read_bytes() for path in Path("results").iterdir()} == before
    assert len(before[Path("results/small-predictions.npz")]) < 8_000


def test_the_report_of_answers_has_no_classes(write):
    study = write(
        base={"task": "reading", "data": {"source": "."}},
        rows=[{"name": "cross_entropy"}, {"name": "focal", "changes": {"loss": "focal_loss"}}],
    )
    finish(study, answers_found, {"cross_entropy": 0.4, "focal": 0.7})
    report.write(study)
    text = Path("results/small.md").read_text(encoding="utf-8")
    assert "| loss | exact match | F1 | exact match, unseen | F1, unseen |" in text
    assert "Test split: 200 questions, 150 of them unseen." in text
    assert "`focal` +" in text
    assert "F1 of each" not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"report": {"metrics": ["spam_f1"]}}, "report.metrics: got 'spam_f1', .*'span_f1'"),
        ({"rows": [{"name": "a", "published": {"accuracy": 1}}]}, "published: got 'accuracy'"),
        ({"baselines": {"names": ["svm"]}}, "baselines: got 'settings', expected none with"),
        (
            {"rows": [{"name": "a", "changes": {"task": "reading"}}]},
            "rows, a: task: got 'reading', expected one whose scores are those of span",
        ),
    ],
)
def test_what_does_not_fit_the_task_is_refused(write, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        write(**changes)
    assert "\n" not in str(caught.value)


def cluener(folder):
    for split, rows in (("train", 40), ("dev", 12)):
        lines = [
            json.dumps(
                {"text": f"{'的' * (row % 7)}张三在北京{row}", "label": label(row % 7)},
                ensure_ascii=False,
            )
            for row in range(rows)
        ]
        Path(folder, f"{split}.json").write_text("\n".join(lines), encoding="utf-8")
    return {"source": str(folder)}


def label(start):
    return {
        "name": {"张三": [[start, start + 1]]},
        "place": {"北京": [[start + 3, start + 4]]},
    }


def words(folder):
    for split, rows in (("train", 30), ("test", 5)):
        lines = [f"我/r 爱/v {row}/m 北京/ns" for row in range(rows)]
        Path(folder, f"{split}.txt").write_text("\n".join(lines), encoding="utf-8")
    return {"source": str(folder), "format": "words", "scheme": "words"}


def squad(folder):
    def questions(split, rows):
        return [
            {
                "context": f"第{row}年张三在北京。",
                "qas": [
                    {
                        "id": f"{split}{row}",
                        "question": "谁？",
                        "answers": [{"text": "张三", "answer_start": 2 + len(str(row))}],
                    }
                ],
            }
            for row in range(rows)
        ]

    for split, rows in (("train", 30), ("test", 5)):
        content = {"data": [{"title": "", "paragraphs": questions(split, rows)}]}
        Path(folder, f"{split}.json").write_text(json.dumps(content), encoding="utf-8")
    return {"source": str(folder), "format": "squad"}


@pytest.mark.parametrize(
    ("task", "data"), [("span", cluener), ("tagging", words), ("reading", squad)]
)
def test_a_worker_leaves_the_scores_that_the_evaluation_gives(write, tmp_path, task, data):
    base = {
        "task": task,
        "data": data(tmp_path) | {"max_length": 30, "cache": None},
        "model": {"args": {"filters": 8, "embedding_dim": 8, "dilations": [1]}},
        "training": {"epochs": 2, "learning_rate": 0.03},
    }
    study = write(base=base, rows=[{"name": "cross_entropy"}], seeds=[1])
    [cell] = study.cells()
    job = {"name": cell.name, "output_dir": cell.folder.parent, "asked": cell.asked}
    worker.work(job | {"split": "test"})
    run, found = Run(cell.folder), cell.result()["scores"]["all"]
    corpus = tasks.get(task).load(run.config.data)
    rows = corpus.splits["test"]
    wanted = evaluate_spans.scores(run, rows, run.spans(rows.texts))
    common = found.keys() & wanted.keys()
    assert len(common) >= 3
    for name in common:
        assert found[name] == pytest.approx(wanted[name], abs=1e-7), name
    counts = sum(corpus.splits[each].counts(len(corpus.types)) for each in ("train", "validation"))
    assert list(cell.result()["training_rows"].items()) == list(
        zip(corpus.types, counts.tolist(), strict=True)
    )
