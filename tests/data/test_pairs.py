"""Pairs of texts, and the other forms of tables and lines that their corpora come in."""

import numpy as np
import pandas as pd
import pytest

from imbalance.checks import InputError
from imbalance.config import PAIR_SEPARATOR, DataConfig
from imbalance.data import corpus, cutting, load, load_split, readers, text_key
from imbalance.data.readers import Columns, Row, Skipped

PAIR = Columns(("a", "b"), "label")


def read(path, content, columns, format=None):
    if content is not None:
        path.write_bytes(content.encode())
    return list(readers.read_file(path, format or readers.format_of(path), columns))


def texts(rows):
    return [(row.label, row.text) for row in rows if isinstance(row, Row)]


def reasons(rows):
    return [(row.place.rpartition(":")[2], row.reason) for row in rows if isinstance(row, Skipped)]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_two_columns_are_one_text(tmp_path, name):
    table = pd.DataFrame(
        {"b": ["two\x1f2", "", "x", None], "label": [1, 0, 0, 1], "a": ["one", "y", " ", "z"]}
    )
    if name.endswith("parquet"):
        table.to_parquet(tmp_path / name)
    elif name.endswith("jsonl"):
        table.to_json(tmp_path / name, orient="records", lines=True)
    else:
        table.to_csv(tmp_path / name, index=False)
    rows = read(tmp_path / name, None, PAIR)
    assert texts(rows) == [("1", f"one{PAIR_SEPARATOR}two 2")]
    assert rows[0].separated
    assert [each.reason for each in rows[1:]] == ["empty text"] * 3


def test_what_is_equal_of_pairs():
    def digest(a, b):
        return readers.clean("here", (a, b), "x").digest

    assert digest("a b", "c") == digest("ab ", "\tc")
    assert len({digest("ab", "c"), digest("a", "bc"), digest("c", "ab"), digest("abc", "c")}) == 4


def test_quotes_enclose_fields_or_are_characters(tmp_path):
    rows = 'label\ta\tb\r\n1\t"so ""so""\t2"\tx"y\r\n0\t"p\tq\r\n'
    quoted = Columns(("a", "b"), "label", quotes=True)
    with pytest.raises(InputError, match="rows.tsv:3: a quote is opened and never closed"):
        read(tmp_path / "rows.tsv", rows, quoted)
    found = read(tmp_path / "rows.tsv", rows.replace('"p', "p"), quoted)
    assert texts(found) == [("1", 'so "so"\t2\x1fx"y'), ("0", "p\x1fq")]
    found = read(tmp_path / "rows.tsv", rows, PAIR)
    assert (texts(found), reasons(found)) == (
        [("0", '"p\x1fq')],
        [("2", "wrong number of fields")],
    )
    plain = Columns("a", "label", quotes=False)
    assert texts(read(tmp_path / "rows.csv", 'a,label\n"x",0\n', plain)) == [("0", '"x"')]


def test_lines_with_a_blank_after_the_label(tmp_path):
    rows = read(tmp_path / "some.train", "1 a b \n0\n\n 0 c\n2 d\n", Columns(), "blank_lines")
    assert texts(rows) == [("1", "a b "), ("2", "d")]
    expected = [("2", "line without a blank"), ("3", "blank line"), ("4", "empty label")]
    assert reasons(rows) == expected


@pytest.mark.parametrize("format", ["lines", "blank_lines", "folders"])
def test_pairs_need_columns(tmp_path, format):
    folder = tmp_path / "rows"
    (folder / "good").mkdir(parents=True)
    (folder / "good" / "1.txt").write_text("x")
    (tmp_path / "rows.txt").write_text("1\tx\n")
    source = folder if format == "folders" else tmp_path / "rows.txt"
    config = DataConfig(source=str(source), format=format, text_column=["a", "b"])
    with pytest.raises(InputError, match="data.text_column: .*expected the name of one column"):
        load(config)


@pytest.fixture
def source(tmp_path):
    """Sixty pairs, a third of them of class 0."""
    rows = [f"first {i},second {i % 7},{int(i % 3 > 0)}" for i in range(60)]
    rows += ["second 1,first 1,0", "first 1,second 1,1", "a\x1fb,c,1"]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,label", *rows]), encoding="utf-8")
    return str(tmp_path / "rows.csv")


def configured(source, **changes):
    return DataConfig(source=source, text_column=["a", "b"], cache=None, **changes)


def test_pairs_are_loaded_and_counted(source):
    found = load(configured(source))
    [file] = found.report.files
    assert file.notes[corpus.SEPARATED].count == file.notes["repeating an earlier row"].count == 1
    assert sum(map(len, found.splits.values())) == 63
    again, _ = load_split(configured(source), "test", found.labels)
    assert all(text.count(PAIR_SEPARATOR) == 1 for text in again.texts)


def rows_of(found, split="train"):
    split = found.splits[split]
    keys = map(text_key, split.texts)
    return sorted(zip(split.labels.tolist(), keys, strict=True))


def test_training_rows_are_dropped_and_repeated(source):
    plain, changed = (
        load(configured(source, resample=resample)) for resample in ({}, {1: 2.5, "0": 0.5})
    )
    rare, often = plain.splits["train"].counts(2).tolist()
    fewer, more = changed.splits["train"].counts(2).tolist()
    assert (fewer, more) == (int(rare * 0.5 + 0.5), int(often * 2.5 + 0.5))
    before, after = rows_of(plain), rows_of(changed)
    assert set(after) < set(before)
    # Each row of class 1 twice or thrice, but for one that the corpus has twice.
    times = [after.count(row) for row in set(after) if row[0]]
    assert set(times) <= {2, 3, 4, 5, 6}
    assert len(times) == len({row for row in before if row[0]})
    [file] = changed.report.files
    assert file.skipped[cutting.DROPPED].count == rare - fewer
    assert file.notes[cutting.REPEATED].count == more - often
    for split in ("validation", "test"):
        assert rows_of(plain, split) == rows_of(changed, split)
    assert rows_of(load(configured(source, resample={1: 2.5, "0": 0.5}))) == after
    other = load(configured(source, resample={"0": 0.5}, split_seed=3))
    assert rows_of(other) != after


def test_resampling_keeps_texts_beside_their_labels(source):
    found = load(configured(source, resample={"0": 3})).splits["train"]
    digests = [readers.digest(text_key(text)) for text in found.texts]
    assert np.array_equal(np.array(digests, "S16"), found.digests)
    lengths = [len(text) for text in found.texts]
    assert lengths == found.lengths.tolist()


def test_a_class_that_cannot_be_resampled(source):
    with pytest.raises(InputError, match=r"data.resample.2: unknown key, expected one of 0, 1"):
        load(configured(source, resample={"2": 2}))
