import numpy as np
import pytest

from imbalance.data import spool
from imbalance.data.spool import Column, Spool

TEXTS = ["", "好\n", "a\0b", "😀" * 3, "\u2028", *(f"text {i}" for i in range(20))]


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "_ROWS", 4)  # several blocks
    writer = Spool(tmp_path / "rows.parquet")
    for number, text in enumerate(TEXTS):
        writer.add(text, f"file.csv:{number}")
    writer.close()
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize("rows", [range(25), [0, 3, 4, 24], [7, 7, 1], []])
def test_rows_are_read_as_they_were_written(path, rows):
    expected = [TEXTS[row] for row in rows]
    column = Column(path, "text", np.array(rows, np.int64))
    assert list(column) == expected
    assert column == expected
    assert [column[i] for i in range(len(column))] == expected
    assert column[1:3] == expected[1:3]
    assert column[::-1] == expected[::-1]
    assert column != [*expected, "x"]


def test_places_and_selections(path):
    column = Column(path, "place", np.arange(10, 20)).at(np.array([1, 5]))
    assert column == ["file.csv:11", "file.csv:15"]
    assert column[-1] == "file.csv:15"
    with pytest.raises(IndexError):
        column[2]


def test_long_texts_are_written_in_smaller_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "_CHARACTERS", 10)
    writer = Spool(tmp_path / "rows.parquet")
    texts = ["x" * 7, "y" * 7, "z"]
    for text in texts:
        writer.add(text, "")
    writer.close()
    column = Column(tmp_path / "rows.parquet", "text", np.arange(3))
    assert column == texts
    assert column._file.metadata.num_row_groups == 2


def test_two_readings_at_once_do_not_mix(path):
    column = Column(path, "text", np.arange(len(TEXTS)))
    pairs = list(zip(column, column.at(np.arange(len(TEXTS))[::-1]), strict=True))
    assert pairs == list(zip(TEXTS, TEXTS[::-1], strict=True))
    assert list(zip(column, column, strict=True)) == list(zip(TEXTS, TEXTS, strict=True))
