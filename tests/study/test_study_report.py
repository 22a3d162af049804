import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from imbalance import checks
from imbalance.study import markdown, paired, readme, report, results
from imbalance.study.__main__ import main
from imbalance.study.cells import CELL, PREDICTIONS, Outcome
from imbalance.study.config import Study
from imbalance.study.predictions import LabelPredictions
from imbalance.study.scoring import scores

ROOT = Path(__file__).parents[2]
LABELS = ("体育", "经济", "a|b *c*")
TRAINING_ROWS = np.array([1200, 300, 40])
# Right for this share of each class: dice is better on the rare class, focal as good as nothing.
RIGHT = {
    "cross_entropy": (0.95, 0.9, 0.5),
    "dice_loss": (0.95, 0.9, 0.97),
    "focal_loss": (0.95, 0.9, 0.5),
    "without_vectors": (0.6, 0.6, 0.3),
    "svm_balanced": (0.95, 0.9, 0.6),
    "logistic_regression": (0.9, 0.8, 0.3),
}
STUDY = {
    "base": "base.yaml",
    "output_dir": "runs",
    "results": "results/small.csv",
    "seeds": [1, 2, 3],
    "rows": [
        {"name": "cross_entropy", "published": {"accuracy": 0.94, "macro_f1": 0.75}},
        {"name": "dice_loss", "changes": {"loss": "dice_loss"}},
        {"name": "focal_loss", "changes": {"loss": "focal_loss"}},
        {"name": "without_vectors", "group": "ablation"},
    ],
    "baselines": {"names": ["svm_balanced", "logistic_regression"]},
    "report": {
        "title": "A small study",
        "rival": "svm_balanced",
        "targets": [
            {"metric": "accuracy", "value": 0.5, "before": 0.4},
            {"metric": "macro_f1", "value": 0.9999, "subset": "unseen"},
        ],
        "notes": ["The published weighted rows were trained with weights of 1."],
        "missed": "More rows of the rare class.",
    },
}


def predictions(right, seed, classes=3, sizes=(300, 100, 60)):
    generator = np.random.default_rng(seed)
    truth = np.repeat(np.arange(classes), sizes)
    hit = generator.random(len(truth)) < np.take(right, truth)
    guess = np.where(hit, truth, (truth + 1) % classes)
    probabilities = np.full((len(truth), classes), 0.3 / (classes - 1))
    probabilities[np.arange(len(truth)), guess] = 0.7
    return LabelPredictions(truth, guess, np.arange(len(truth)) % 3 > 0, probabilities)


def finish(study, cell, outcome):
    """Leave what a trained cell leaves."""
    cell.folder.mkdir(parents=True)
    outcome.predictions.save(cell.folder / PREDICTIONS)
    result = {
        "asked": cell.asked,
        "seconds": 9,
        "training_rows": dict(zip(outcome.labels, outcome.training_rows.tolist(), strict=True)),
        "scores": scores(outcome),
    }
    (cell.folder / CELL).write_text(json.dumps(result), encoding="utf-8")
    results.replace(study.results, cell, result["scores"])


def make(folder, file, monkeypatch):
    """A study in `folder`, which becomes the working directory."""
    monkeypatch.chdir(folder)
    Path("base.yaml").write_text("data: {source: reviews}\nloss: cross_entropy\n", encoding="utf-8")
    Path("small.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
    return Study.from_yaml("small.yaml")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study whose cells have all finished."""
    study = make(tmp_path, STUDY, monkeypatch)
    for number, cell in enumerate(study.cells()):
        name = cell.model if cell.loss == "none" else cell.loss
        finish(study, cell, Outcome(predictions(RIGHT[name], number), LABELS, TRAINING_ROWS, 8.0))
    return study


def lines_of(text, start):
    """The lines of the tables that start with a cell, as lists of cells."""
    return [
        [cell.strip() for cell in line.split(" | ")]
        for line in text.splitlines()
        if line.startswith(f"| {start} |")
    ]


def test_the_report_says_what_the_results_say(study):
    report.write(study)
    text = Path("results/small.md").read_text(encoding="utf-8")
    table = results.read(study.results)
    own = table[(table["loss"] == "dice_loss") & (table["metric"] == "accuracy")]
    values = own[own["subset"] == "all"]["value"]
    expected = f".{1000 * values.mean():03.0f} ± .{1000 * values.std():03.0f}"
    assert expected in text
    assert lines_of(text, "`cross_entropy`")[0][2] == ".94"  # the published accuracy
    assert len(lines_of(text, "*svm\\_balanced*")) == 1
    assert "The published weighted rows were trained with weights of 1." in text
    assert "More rows of the rare class." in text
    assert "reached" in lines_of(text, "accuracy")[0]
    missed = lines_of(text, "macro-F1, unseen")[0][5]
    best = table[
        (table["metric"] == "macro_f1") & (table["subset"] == "unseen") & (table["loss"] != "none")
    ]
    assert (
        missed == f"missed by .{1000 * (0.9999 - best.groupby('loss')['value'].mean().max()):03.0f}"
    )
    assert "Not finished" not in text


def test_only_what_holds_is_called_better(study):
    report.write(study)
    text = Path("results/small.md").read_text(encoding="utf-8")
    tail = lines_of(text, "F1, classes < 100")[0]
    assert tail[1].startswith("`dice_loss`")
    assert tail[3].startswith("`dice_loss` +")
    assert "focal_loss" not in tail[3]
    head = lines_of(text, "F1, classes ≥ 1,000")[0]
    assert "focal_loss" not in head[3] + head[4]
    # The ablation is compared with cross entropy too, in its own part.
    assert "without_vectors" in text[text.index("## Ablation") :]
    assert "without_vectors" not in "".join(tail)


def test_the_page_holds_everything_itself(study):
    paths = report.write(study)
    assert [str(path) for path in paths] == [
        "results/small.md",
        "results/small.html",
        "results/small-differences.svg",
    ]
    page = paths[1].read_text(encoding="utf-8")
    assert 'src="data:image/svg+xml;base64,' in page
    assert "http" not in page.replace("http-equiv", "")
    assert ">a|b *c*</td>" in page
    assert "<strong>" in page
    assert "<table>" in page


def test_the_report_needs_the_committed_files_alone(study, monkeypatch):
    report.write(study)
    before = {path: path.read_bytes() for path in Path("results").iterdir()}
    Path("runs").rename("elsewhere")
    Path("results/small-paired.csv").unlink()
    Path("results/small-classes.csv").unlink()
    report.write(study)
    assert {path: path.read_bytes() for path in Path("results").iterdir()} == before


def test_a_comparison_of_more_seeds_is_not_replaced_by_one_of_fewer(study):
    report.write(study)
    before = Path("results/small-paired.csv").read_text("utf-8")
    Path("runs/dice_loss-seed2").rename("elsewhere")
    report.write(study)
    assert Path("results/small-paired.csv").read_text("utf-8") == before


def test_comparisons_that_no_longer_fit_are_left_out_by_name(study):
    report.write(study)
    table = results.read(study.results)
    other = table["value"].where(table["loss"] != "dice_loss", table["value"] / 2)
    results.write(study.results, table.assign(value=other))
    Path("runs").rename("elsewhere")
    report.write(study)
    text = Path("results/small.md").read_text(encoding="utf-8")
    assert "comparisons of `dice_loss` against `cross_entropy`" in text
    assert len(lines_of(text, "`focal_loss`")) > len(lines_of(text, "`dice_loss`"))


def test_missing_cells_are_named(tmp_path, monkeypatch):
    study = make(tmp_path, STUDY, monkeypatch)
    cell = next(cell for cell in study.cells() if cell.loss == "dice_loss")
    finish(study, cell, Outcome(predictions(RIGHT["dice_loss"], 0), LABELS, TRAINING_ROWS, 8.0))
    report.write(study)
    text = Path("results/small.md").read_text(encoding="utf-8")
    assert "Not finished: 15 of 16" in text
    assert "`dice_loss-seed2`" in text
    assert "`dice_loss-seed1`" not in text


def test_different_test_rows_are_not_compared():
    ours, theirs = predictions((1, 1, 1), 0), predictions((1, 1, 1), 0, sizes=(299, 101, 60))
    with pytest.raises(checks.InputError, match="different test rows"):
        paired.compare({1: ours}, {1: theirs}, 3, {})


def test_a_sweep_shows_scores_by_variant(tmp_path, monkeypatch):
    file = {key: STUDY[key] for key in ("base", "output_dir", "results", "seeds")}
    published = {"f1:positive": 0.5}
    file["rows"] = [STUDY["rows"][0] | {"published": published}, STUDY["rows"][1]]
    file["variants"] = [{"name": "1:1"}, {"name": "1:50", "changes": {"training": {"epochs": 3}}}]
    study = make(tmp_path, file, monkeypatch)
    for number, cell in enumerate(study.cells()):
        right = (0.9, 0.4 if cell.loss == "cross_entropy@1:50" else 0.9)
        made = predictions(right, number, 2, (300, 100))
        finish(study, cell, Outcome(made, ("negative", "positive"), np.array([900, 900]), 8.0))
    paths = report.write(study)
    assert str(paths[-1]) == "results/small-sweep.svg"
    text = paths[0].read_text(encoding="utf-8")
    assert "### F1 of positive\n\n|  | 1:1 | published | 1:50 |" in text
    for heading in ("PR-AUC of positive", "calibration error"):
        assert f"### {heading}\n\n|  | 1:1 | 1:50 |" in text
    differences = text[text.index("### F1 of positive: differences") :]
    one, fifty = lines_of(differences, "`dice_loss`")[0][1:3]
    assert "**" not in one
    assert fifty.startswith("**+")


def test_a_study_names_the_scores_that_its_tables_show(tmp_path, monkeypatch):
    file = {key: STUDY[key] for key in ("base", "output_dir", "results")} | {"seeds": [1, 2]}
    file["rows"] = [
        {"name": "cross_entropy", "published": {"f1:yes": 0.8871}},
        {"name": "dice_loss", "changes": {"loss": "dice_loss"}},
    ]
    file["report"] = {"metrics": ["f1:yes", "roc_auc", "log_loss"]}
    study = make(tmp_path, file, monkeypatch)
    right = {"cross_entropy": (0.9, 0.4), "dice_loss": (0.8, 0.9)}
    for number, cell in enumerate(study.cells()):
        made = predictions(right[cell.loss], number, 2, (300, 100))
        finish(study, cell, Outcome(made, ("no", "yes"), np.array([900, 900]), 8.0))
    report.write(study)
    text = Path("results/small.md").read_text(encoding="utf-8")
    assert "| loss | F1 of yes | published | ROC-AUC | log loss | F1 of yes, unseen |" in text
    cells = lines_of(text, "`cross_entropy`")[0]
    assert cells[2] == ".8871"
    loss = lines_of(text, "`dice_loss`")[0][4]
    assert loss.startswith("**")  # the lower one
    assert "| accuracy | McNemar's p | macro-F1 | F1 of yes |" in text
    won = text[text.index("Which loss wins where") : text.index("### Differences")]
    assert len(lines_of(won, "F1 of yes")) == 1
    assert "accuracy" not in won
    assert "F1 of yes on the unseen documents against" in readme.section(study)


def test_the_readme_follows_the_results(study):
    path = Path("README.md")
    text = (
        "before\n<!-- results of small, by: x -->\nPAST\n<!-- end of results of small -->\nafter\n"
    )
    path.write_text(text, encoding="utf-8")
    report.write(study)
    assert main(["small.yaml", "--check"]) == 1
    assert main(["small.yaml", "--readme", "README.md"]) == 0
    assert main(["small.yaml", "--check"]) == 0
    after = path.read_text(encoding="utf-8")
    assert after.startswith("before\n<!--")
    assert after.endswith("-->\nafter\n")
    assert "PAST" not in after
    assert "| `dice_loss` |" in after
    assert "better are `dice_loss`" in after

    other = Path("OTHER.md")
    other.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(checks.InputError, match="has no section of results of small"):
        readme.drifted(study, other)

    table = results.read(study.results)
    results.write(study.results, table.assign(value=table["value"] * 0.9))
    assert readme.drifted(study, path) == ["README.md", "results/small.md"]
    study.results.unlink()
    readme.update(study, path)
    assert "dice_loss" not in path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    assert readme.drifted(study, path) == ["README.md"]
    path.write_text("nothing\n", encoding="utf-8")
    assert readme.drifted(study, path) == []


# Beside the studies stand the values that they chose, for people to read.
STUDIES = [
    path
    for path in sorted((ROOT / "configs" / "studies").glob("*.yaml"))
    if not path.stem.endswith("-tuned")
]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_committed_texts_are_what_the_committed_results_give(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    study = Study.from_yaml(path.relative_to(ROOT))
    page = "README.md" if study.results.stem == "fudan" else "docs/measured.md"
    assert readme.drifted(study, page) == []


def test_a_label_is_no_part_of_a_page():
    label = "<script>x</script> [a](javascript:x) <img src=x onerror=y>"
    body = markdown.page("<b>", markdown.table(["class"], [[markdown.escape(label)]]), {})
    assert "&lt;script&gt;x&lt;/script&gt;" in body
    assert "<title>&lt;b&gt;</title>" in body
    for tag in ("<script", "<img", "<a "):
        assert tag not in body
