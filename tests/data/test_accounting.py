"""Readers that lose something are found out; here they are made to."""

import json

import pytest

from imbalance.data import accounting, readers, span_readers
from imbalance.data.accounting import Lines
from imbalance.data.readers import Columns

TABLE = 'text,label\n"a\nb",x\n\nc,y\n"d" e,z\n'


def held(file):
    return Lines("a.txt", file)


def test_lines_of_rows_and_of_none_are_all_lines():
    lines = held(["header\n", "row\n", "row\n"])

    def reader():
        for number, _ in enumerate(lines):
            if number:
                lines.of_rows()
                yield number
            else:
                lines.of_no_row()

    assert list(lines.accounted(reader())) == [1, 2]


@pytest.mark.parametrize(
    ("named", "yielded", "message"),
    [
        (2, 2, "3 lines read, 2 accounted for"),
        (3, 2, "3 rows held, 2 read"),
        (3, 4, "3 rows held, 4 read"),
    ],
)
def test_what_a_reader_loses_or_makes_up_is_a_defect(named, yielded, message):
    lines = held(["a\n", "b\n", "c\n"])

    def reader():
        for _ in lines:
            pass
        for _ in range(named):
            lines.of_rows()
        yield from range(yielded)

    with pytest.raises(RuntimeError, match=f"a.txt: {message}; this is a defect"):
        list(lines.accounted(reader()))


def test_a_reader_that_stops_early_is_a_defect():
    lines = held(["a\n", "b\n"])

    def reader():
        for _ in lines:
            lines.of_rows()
            yield 1
            return

    with pytest.raises(RuntimeError, match="1 lines read, 1 accounted for"):
        list(lines.accounted(reader()))


def test_a_record_of_several_lines_is_one_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    places = [row.place for row in readers.read_file(path, "csv", Columns())]
    assert places == [f"{path}:{line}" for line in (2, 4, 5, 6)]


def test_readers_account_for_what_they_yield(tmp_path, monkeypatch):
    """A row dropped between the parser and the caller."""
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    records = readers.quoted_records

    def all_but_one(*args):
        for number, record in enumerate(records(*args)):
            if number != 2:
                yield record

    monkeypatch.setattr(readers, "quoted_records", all_but_one)
    with pytest.raises(RuntimeError, match="6 lines read, 5 accounted for"):
        list(readers.read_file(path, "csv", Columns()))


def test_every_question_of_a_document_is_a_row(tmp_path, monkeypatch):
    asked = [{"id": str(each)} for each in range(3)]
    paragraphs = [{"context": "a", "qas": asked}, {"qas": asked}, {"context": "a"}, 5]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}, {}]}))
    assert len(list(span_readers.read_file(path, "squad"))) == 3 + 3 + 1 + 1 + 1
    monkeypatch.setattr(span_readers.squad, "_held", lambda articles: 10)
    with pytest.raises(RuntimeError, match="10 rows held, 9 read"):
        list(span_readers.read_file(path, "squad"))


def test_parts_are_the_whole():
    accounting.check_sum("a", "rows", 3, used=1, skipped=2)
    with pytest.raises(RuntimeError, match="a: 3 spans read, yet 2 used and 0 left out"):
        accounting.check_sum("a", "spans", 3, used=2, left_out=0)
