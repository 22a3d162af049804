import io
import json
from itertools import chain

import pytest

from imbalance.config import DataConfig
from imbalance.data import audit
from imbalance.data.__main__ import main


@pytest.fixture
def folder(tmp_path):
    train = [f"体育\t球 {i}" for i in range(30)] + [f"[red]\tx{i}" for i in range(10)]
    train += ["体育\t两可", "[red]\t两 可", "体育\t球0", "no tab"]
    test = ["体育\t球1", "体育\tnew", "[red]\t球2", "[red]\tx3", "[red]\tx3"]
    (tmp_path / "train.txt").write_text("\n".join(train) + "\n", encoding="utf-8")
    (tmp_path / "test.txt").write_text("\n".join(test) + "\n", encoding="utf-8")
    return tmp_path


def overlaps(found, stage):
    return {
        (each["of"], each["in"]): (each["rows"], each["other_label_rows"])
        for each in found[stage]["overlaps"]
    }


def test_audit_as_given(folder):
    found, _ = audit.audit(DataConfig(source=str(folder)))
    train = found["given"]["splits"]["train"]
    assert list(found["given"]["splits"]) == ["train", "test"]
    assert train["counts"] == {"[red]": 11, "体育": 32}
    assert (train["rows"], train["classes"]) == (43, 2)
    assert train["imbalance_ratio"] == pytest.approx(32 / 11)
    assert train["repeated_texts"] == 2
    assert train["conflicting_rows"] == 2
    assert train["characters"] == {"min": 2, "median": 3.0, "p95": 4.0, "max": 4}
    assert found["class_weights"]["balanced"]["[red]"] == pytest.approx(43 / 22)
    assert overlaps(found, "given") == {("test", "train"): (4, 1)}


def test_audit_as_used(folder):
    found, report = audit.audit(DataConfig(source=str(folder)))
    used = found["used"]["splits"]
    assert list(used) == ["train", "validation", "test"]
    assert sum(used[name]["rows"] for name in ("train", "validation")) == 41
    assert used["train"]["conflicting_rows"] == 0
    shared = overlaps(found, "used")
    assert shared["validation", "train"] == (0, 0)
    assert shared["test", "train"][0] + shared["test", "validation"][0] == 4
    assert found["report"] == report.to_mapping()
    assert found["report"]["rows_skipped"] == 3


def test_tables_show_labels_as_they_are(folder):
    found, report = audit.audit(DataConfig(source=str(folder)))
    page = io.StringIO()
    audit.render(found, report, page)
    text = page.getvalue()
    assert "\x1b" not in text
    lines = [line.split() for line in text.splitlines()]
    assert ["体育", "32", "2", "74.42%", "0.67"] in [line[:5] for line in lines]
    assert any(line[:3] == ["[red]", "11", "3"] for line in lines)
    assert f"{folder / 'train.txt'}:44" in text


def test_json_is_all_that_stands_on_stdout(folder, capsys):
    assert main(["audit", str(folder), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert list(json.loads(out)) == [
        "name",
        "source",
        "cut",
        "labels",
        "class_weights",
        "given",
        "used",
        "report",
    ]


def test_columns_and_format_are_options(tmp_path, capsys):
    path = tmp_path / "rows.data"
    rows = "".join(f"第{i}行\tt{i % 2}\t1\n" for i in range(20))
    path.write_text("body\ttopic\tw\n" + rows, encoding="gb18030")
    options = {
        "--format": "tsv",
        "--text-column": "body",
        "--label-column": "topic",
        "--weight-column": "w",
        "--encoding": "gb18030",
    }
    assert main(["audit", str(path), *chain.from_iterable(options.items())]) == 0
    assert "20 rows read, 20 used" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nowhere.csv"], ["reviews", "--encoding", "klingon"]])
def test_wrong_input_is_one_line_and_status_2(capsys, arguments):
    assert main(["audit", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: data.")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["x", "--task", "tag"],
            "task: got 'tag', expected one of classification, tagging, span, ",
        ),
        (["x", "--format", "xls"], "data.format: got 'xls', expected one of auto, csv"),
        (["x", "--files", "train"], "--files: got 'train', expected SPLIT=FILE"),
        (["x", "--files", "train=a", "--files", "train=b"], "expected each split once"),
        (["x", "--jsno"], "unrecognized arguments: --jsno; see"),
        ([], "DATA: got nothing"),
        (["--config", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_wrong_options_are_one_line(capsys, arguments, message):
    assert main(["audit", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


@pytest.fixture
def quoted(tmp_path):
    """A folder with a file per split of other names, in the manner of a run's configuration."""
    for name, count in (("one", 12), ("other", 5)):
        rows = "".join(f'"{name}\t{i}"\t{"ab"[i % 2]}\n' for i in range(count))
        (tmp_path / f"{name}.tsv").write_text("text\tlabel\n" + rows, encoding="utf-8")
    return tmp_path


def counts(arguments, capsys):
    assert main(["audit", *map(str, arguments), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return {split: each["counts"] for split, each in found["given"]["splits"].items()}


def test_files_of_splits_and_quotes_are_options(quoted, capsys):
    files = ["--files", "train=one.tsv", "--files", "test=other.tsv"]
    wanted = {"train": {"a": 6, "b": 6}, "test": {"a": 3, "b": 2}}
    assert counts([quoted, *files, "--quotes"], capsys) == wanted
    assert main(["audit", str(quoted), *files, "--no-quotes"]) == 2
    assert "wrong number of fields" in capsys.readouterr().err


def test_the_data_settings_of_a_run_can_be_taken(quoted, capsys):
    config = quoted / "config.yaml"
    config.write_text(
        f"data: {{source: {quoted}, files: {{train: one.tsv, test: other.tsv}}, quotes: true}}\n"
        "loss: dice_loss\n"
    )
    wanted = {"train": {"a": 6, "b": 6}, "test": {"a": 3, "b": 2}}
    assert counts(["--config", config], capsys) == wanted
    # Another source has other files; what else was set holds.
    assert counts([quoted / "other.tsv", "--config", config], capsys) == {"train": wanted["test"]}
    assert main(["audit", "--config", str(config), "--task", "span"]) == 2
    assert "data.quotes: got True" in capsys.readouterr().err


def test_a_configuration_without_a_source_names_the_files_of_the_folder(quoted, tmp_path, capsys):
    config = tmp_path / "config.yaml"
    config.write_text("data: {files: {train: one.tsv, test: other.tsv}, quotes: true}\n")
    wanted = {"train": {"a": 6, "b": 6}, "test": {"a": 3, "b": 2}}
    assert counts([quoted, "--config", config], capsys) == wanted
    swapped = ["--files", "train=other.tsv", "--files", "test=one.tsv"]
    other = {"train": wanted["test"], "test": wanted["train"]}
    assert counts([quoted, "--config", config, *swapped], capsys) == other
    # A folder without them has its own.
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "train.tsv").write_text((quoted / "one.tsv").read_text())
    assert counts([tmp_path / "else", "--config", config], capsys) == {"train": wanted["train"]}


def test_help_names_the_sources(capsys):
    with pytest.raises(SystemExit) as leave:
        main(["--help"])
    assert leave.value.code == 0
    assert "reviews" in capsys.readouterr().out


PUBLISHED = {
    "Art": (740, 0.66),
    "Literature": (33, 14.85),
    "Education": (59, 8.31),
    "Philosophy": (44, 11.14),
    "History": (466, 1.05),
    "Space": (640, 0.77),
    "Energy": (32, 15.32),
    "Electronics": (27, 18.16),
    "Communication": (25, 19.61),
    "Computer": (1357, 0.36),
    "Mine": (33, 14.85),
    "Transport": (57, 8.6),
    "Enviornment": (1217, 0.4),
    "Agriculture": (1021, 0.48),
    "Economy": (1600, 0.31),
    "Law": (51, 9.61),
    "Medical": (51, 9.61),
    "Military": (74, 6.62),
    "Politics": (1024, 0.48),
    "Sports": (1253, 0.39),
}


@pytest.mark.shared_data
def test_fudan_equals_the_published_table(shared_data):
    found, report = audit.audit(DataConfig(source=str(shared_data / "fudan")))
    train = found["given"]["splits"]["train"]
    weights = found["class_weights"]["balanced"]
    assert train["counts"] == {label: count for label, (count, _) in PUBLISHED.items()}
    assert {label: round(each, 2) for label, each in weights.items()} == {
        label: weight for label, (_, weight) in PUBLISHED.items()
    }
    assert found["given"]["splits"]["test"]["rows"] == 9832
    # Counted apart from this package, with sets of the texts themselves.
    assert overlaps(found, "given") == {("test", "train"): (2568, 4)}
    assert overlaps(found, "used")["validation", "train"] == (0, 0)
    assert (report.rows_read, report.rows_skipped) == (19636, 4)
