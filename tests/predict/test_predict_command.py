"""``python -m imbalance.predict`` on SavedModels."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from imbalance.predict.command import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rows(tmp_path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("id,text,context\n7,好,他在北京\n8,他在北京,\n", encoding="utf-8")
    return path


def call(*arguments) -> int:
    return main([str(each) for each in arguments])


def test_labels_scores_and_a_column_for_each_class(saved_models, rows, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert call(saved_models / "labels", rows, "-o", out, "--probabilities") == 0
    assert list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8")))) == [
        {
            **{"id": "7", "text": "好", "context": "他在北京", "label": "短", "score": "0.9"},
            **{"probability:短": "0.9", "probability:long one": "0.1"},
        },
        {
            **{"id": "8", "text": "他在北京", "context": "", "label": "long one", "score": "0.9"},
            **{"probability:短": "0.1", "probability:long one": "0.9"},
        },
    ]
    assert capsys.readouterr() == ("", f"{rows}: 2 rows read, 2 answered\n")


def test_spans_are_json(saved_models, rows, tmp_path):
    out = tmp_path / "out.jsonl"
    assert call(saved_models / "spans" / "serving", rows, "-o", out) == 0
    found = [json.loads(line)["spans"] for line in out.read_text(encoding="utf-8").splitlines()]
    span = {"start": 0, "end": 2, "type": "place", "text": "他在", "score": 0.7}
    assert found == [[], [span]]
    assert call(saved_models / "spans", rows, "-o", tmp_path / "out.tsv") == 0
    with (tmp_path / "out.tsv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert [json.loads(row["spans"]) for row in table] == found


def test_answers_and_pairs(saved_models, rows, tmp_path):
    out = tmp_path / "out.jsonl"
    columns = ["--text-column", "text", "--text-column", "context"]
    assert call(saved_models / "answers", rows, "-o", out, *columns) == 0
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [list(row.values())[3:] for row in found] == [["他", 0, 1, 0.25], ["", 0, 0, 0.0]]
    assert call(saved_models / "pairs", rows, "-o", out, "--overwrite", *columns) == 0
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["label"] for row in found] == ["long one", "long one"]


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("nowhere", ["{rows}"], "model: got"),
        ("labels", ["nowhere.csv"], "IN: got 'nowhere.csv'"),
        ("labels", ["{rows}", "-o", "out.xls"], "OUT: got 'out.xls'"),
        ("labels", ["{rows}", "-o", "{rows}"], "rows.csv: is there already, expected --overwrite"),
        ("labels", ["{rows}", "-o", "no/such/out.csv"], "no/such/.out.csv.partial-"),
        ("labels", ["{rows}", "--text-column", "txt"], "did you mean 'text'"),
        ("labels", ["{rows}", "--text-column=a", "--text-column=b"], "--text-column, how many: go"),
        ("pairs", ["{rows}"], "the column 'text_a' is missing"),
        ("spans", ["{rows}", "--probabilities"], "--probabilities: got True"),
        ("labels", ["{rows}", "--quotess"], "unrecognized arguments: --quotess"),
    ],
)
def test_what_is_wrong_is_one_line(saved_models, rows, tmp_path, capsys, model, arguments, message):
    before = rows.read_bytes()
    arguments = [each.format(rows=rows) for each in arguments]
    assert call(saved_models / model, *arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"]
    assert rows.read_bytes() == before


def test_columns_that_are_there_already_need_a_prefix(saved_models, tmp_path, capsys):
    rows, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    rows.write_text("label,text\na,b\n", encoding="utf-8")
    assert call(saved_models / "labels", rows, "-o", out) == 2
    assert "has a column 'label' already, expected --prefix" in capsys.readouterr().err
    assert call(saved_models / "labels", rows, "-o", out, "--prefix", "p_") == 0
    assert out.read_text(encoding="utf-8").splitlines() == [
        "label,text,p_label,p_score",
        "a,b,短,0.9",
    ]


def test_a_pipe_is_answered_where_keras_cannot_be_imported(saved_models):
    code = (
        "import sys\n"
        "sys.modules['keras'] = None\n"
        "from imbalance.predict.command import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, saved_models / "labels", "-", "--format", "lines"],
        check=True,
        cwd=ROOT,
        input="好\n他在北京\n",
        capture_output=True,
        encoding="utf-8",
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found == [
        {"text": "好", "label": "短", "score": 0.9},
        {"text": "他在北京", "label": "long one", "score": 0.9},
    ]


def test_a_reader_that_has_seen_enough_is_no_error(saved_models, tmp_path):
    rows = tmp_path / "rows.txt"
    rows.write_text("好\n" * 20_000, encoding="utf-8")
    command = [sys.executable, "-m", "imbalance.predict", str(saved_models / "labels"), str(rows)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert json.loads(process.stdout.readline())["label"] == "短"
        process.stdout.close()
        err = process.stderr.read().decode()
        assert process.wait() == 0
    assert "Traceback" not in err
    assert not any(line.startswith("error:") for line in err.splitlines())
