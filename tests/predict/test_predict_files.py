"""Rows in are rows out, in their order, whatever the format and whatever is wrong with them."""

import bz2
import csv
import gzip
import io
import json
import resource
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from imbalance.checks import InputError
from imbalance.predict import files
from imbalance.predict.command import predict


class Fake:
    """Answers a text with its length and itself, in a column of its own and in one of JSON."""

    inputs = ("text",)
    columns = {"label": "string", "score": "float32", "spans": "json"}

    def answers(self, texts):
        assert all(len(each) == 1 for each in texts)
        return [[str(len(text)), 0.5, json.dumps([{"text": text}])] for (text,) in texts]


def run(given, format, written="jsonl", stdin=None, text_columns=("text",), **settings):
    """Return what is written, and the account of the rows."""
    format = files.input_format(str(given), format)
    stdin = None if stdin is None else io.BytesIO(stdin)
    source = files.open_source(str(given), stdin, text_columns, format, **settings)
    out = io.BytesIO()
    sink = files.SINKS[written](out, Fake.columns, source.columns, source.plain_tabs)
    predict(Fake(), source, sink)
    return out.getvalue(), source.account


def objects(written: bytes) -> list[dict]:
    return [json.loads(line) for line in written.decode().splitlines()]


def counted(tallies):
    return {what: tally.count for what, tally in tallies.items()}


TEXTS = ["好的", "a,b", 'say "x"', "two\nlines", " ", ""]


def test_csv_keeps_columns_order_and_every_field(tmp_path):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerows(
            [["n", "text", "z"], *([i, text, f"{i}0"] for i, text in enumerate(TEXTS))]
        )
    written, account = run(path, None, "csv")
    rows = list(csv.reader(io.StringIO(written.decode(), newline="")))
    assert rows[0] == ["n", "text", "z", *Fake.columns]
    assert [row[:3] for row in rows[1:]] == [[str(i), t, f"{i}0"] for i, t in enumerate(TEXTS)]
    assert [row[3] for row in rows[1:]] == [str(len(text)) for text in TEXTS]
    assert [json.loads(row[5]) for row in rows[1:]] == [[{"text": text}] for text in TEXTS]
    assert counted(account.notes) == {"with an empty text": 2}


def test_tsv_stays_plain_and_becomes_quoted_where_it_has_to(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_bytes(b'text\tn\nsay "x"\t1\n"\t2\n')
    written, _ = run(path, None, "tsv")
    first, second = written.decode().splitlines()[1:]
    assert first.startswith('say "x"\t1\t7\t0.5\t')
    assert second.startswith('"\t2\t1\t')
    written, _ = run("-", "jsonl", "tsv", b'{"text": "a\\tb"}\n')
    assert written.decode().splitlines()[1].startswith('"a\tb"\t3\t')


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_json_lines_keep_what_they_hold_and_may_be_packed(tmp_path, suffix, pack):
    rows = [{"id": 1.5, "text": "好", "k": {"b": [1, None]}}, {"text": "\ud800x", "other": True}]
    path = tmp_path / f"rows.jsonl{suffix}"
    path.write_bytes(pack("".join(json.dumps(row) + "\n" for row in rows).encode()))
    written, account = run(path, None)
    found = objects(written)
    assert [dict(list(row.items())[:-3]) for row in found] == rows
    assert [row["spans"] for row in found] == [[{"text": "好"}], [{"text": "\ufffdx"}]]
    assert account.read == 2


def test_plain_lines_are_texts_blank_ones_too():
    written, account = run("-", "lines", "jsonl", "好的\n\nx\ty".encode())
    assert [row["text"] for row in objects(written)] == ["好的", "", "x\ty"]
    assert account.read == 3


def test_parquet_keeps_its_types(tmp_path):
    table = pyarrow.table(
        {
            "when": pyarrow.array([1, None, 3], pyarrow.timestamp("ns")),
            "text": pyarrow.array(["好的", None, "c"]).dictionary_encode(),
            "raw": pyarrow.array([b"\xff", b"", None]),
        }
    )
    path, out = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    parquet.write_table(table, path)
    with files.whole(out, False) as file:
        source = files.open_source(str(path), None, ("text",), "parquet")
        predict(Fake(), source, files.SINKS["parquet"](file, Fake.columns, source.columns))
    found = parquet.read_table(out)
    assert found.column_names == ["when", "text", "raw", *Fake.columns]
    assert found.select(["when", "raw"]).equals(table.select(["when", "raw"]))
    assert found["text"].to_pylist() == ["好的", None, "c"]
    assert found["label"].to_pylist() == ["2", None, "1"]
    assert found.schema.field("score").type == pyarrow.float32()
    assert counted(source.account.unanswered) == {"without a text": 1}
    with pytest.raises(InputError, match=r"rows\.parquet:1: holds bytes .* \.parquet output"):
        run(path, None, "jsonl")


def test_a_parquet_file_without_rows_keeps_its_columns(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.table({"n": pyarrow.array([], "int8"), "text": [""][:0]}), path)
    with files.whole(tmp_path / "o.parquet", False) as file:
        source = files.open_source(str(path), None, ("text",), "parquet")
        predict(Fake(), source, files.SINKS["parquet"](file, Fake.columns, source.columns))
    assert parquet.read_schema(tmp_path / "o.parquet").field("n").type == pyarrow.int8()


def test_text_becomes_parquet_and_parquet_text(tmp_path):
    source = "n,text\n1,好\n007,b\n".encode()
    with files.whole(tmp_path / "o.parquet", False) as file:
        opened = files.open_source("-", io.BytesIO(source), ("text",), "csv")
        predict(Fake(), opened, files.SINKS["parquet"](file, Fake.columns, opened.columns))
    assert parquet.read_table(tmp_path / "o.parquet")["n"].to_pylist() == ["1", "007"]
    text_columns = ("n",)
    source = files.open_source(str(tmp_path / "o.parquet"), None, text_columns, "parquet")
    out = io.BytesIO()
    predict(
        Fake(),
        source,
        files.SINKS["csv"](
            out, {"p_label": "string"} | {"p_score": "float32", "p_spans": "json"}, source.columns
        ),
    )
    assert out.getvalue().decode().splitlines()[2].startswith('007,b,1,0.5,"[{')


def test_json_lines_of_one_set_of_columns_become_a_table():
    rows = [{"text": "a", "k": [1, "x"], "b": True}, {"text": "b", "f": None}]
    given = "".join(json.dumps(row) + "\n" for row in rows).encode()
    written, _ = run("-", "jsonl", "csv", given)
    table = list(csv.DictReader(io.StringIO(written.decode())))
    assert list(table[0])[:4] == ["text", "k", "b", "f"]
    assert [table[0][name] for name in ("k", "b", "f")] == ['[1, "x"]', "true", ""]
    late = given + b'{"text": "a"}\n' * 300 + b'{"text": "c", "new": 1}\n'
    with pytest.raises(InputError, match="stdin:303: has 'new', which the first rows lack"):
        run("-", "jsonl", "csv", late)


BROKEN_CSV = b'n,text,z\n1,a\n2,"a"b,c\n\n3,x,y,more,most\n4,\xff\xfe,d\n5,"two\n\nlines",e\n'


def test_broken_rows_of_a_table_are_kept_and_named():
    written, account = run("-", "csv", "csv", BROKEN_CSV)
    rows = list(csv.reader(io.StringIO(written.decode(), newline="")))[1:]
    assert [row[:4] for row in rows] == [
        ["1", "a", "", ""],
        ["", '2,"a"b,c', "", ""],
        ["3", "x", "y,more,most", ""],
        ["4", "\ufffd\ufffd", "d", "2"],
        ["5", "two\n\nlines", "e", "10"],
    ]
    assert account.lines("stdin") == [
        "stdin: 5 rows read, 2 answered",
        "  not answered: 2 with a wrong number of fields (stdin:2, stdin:5)",
        "  not answered: 1 that are no rows of CSV (stdin:3)",
        "  note: 1 blank lines, passed over (stdin:4)",
        "  note: 1 with broken bytes replaced (stdin:6)",
    ]


def test_broken_json_lines_are_kept_and_named():
    lines = [b'{"text": "a"}', b"[1]", b"nonsense \xff", b"", b'{"text": 5}', b'{"x": 1}']
    lines += [b'{"text": null}', b'{"text": "a", "text": "b"}', b"[" * 100_000]
    written, account = run("-", "jsonl", "jsonl", b"\n".join(lines))
    found = objects(written)
    assert len(found) == account.read == 8
    assert [row.get("label") for row in found] == ["1"] + [None] * 7
    assert [row.get("text") for row in found[:3]] == ["a", "[1]", "nonsense \ufffd"]
    assert found[4] == {"x": 1, "label": None, "score": None, "spans": None}
    assert counted(account.unanswered) == {
        "that are no JSON objects": 3,
        "whose text is no string": 1,
        "without a text": 2,
        "where a key stands twice": 1,
    }


@pytest.mark.parametrize(
    ("format", "given", "message"),
    [
        ("csv", b"", "stdin: has no header"),
        ("csv", b"a,b\n1,2\n", "stdin: the column 'text' is missing, found 'a', 'b'"),
        ("csv", b"txt,b\n", "did you mean"),
        ("csv", b"text,b,b\n", "stdin: the column 'b' stands twice"),
        ("csv", b'text\na\n"b\n', "stdin:3: a quote is opened and never closed"),
        ("jsonl", b'{"txt": 1}\n', "stdin:1: the column 'text' is missing, found 'txt'"),
        ("jsonl", b'{"text": "a", "score": 1}\n', "stdin:1: has a column 'score' already"),
    ],
)
def test_what_cannot_be_read_is_refused(format, given, message):
    with pytest.raises(InputError, match=message):
        run("-", format, "jsonl", given)


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n' * 9999)[:-9])
    with pytest.raises(InputError, match=r"rows\.jsonl\.gz: cannot be read"):
        run(path, None)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"rows\.parquet: cannot be read"):
        run(tmp_path / "rows.parquet", None)


def test_columns_of_json_lines_with_two_types_are_no_parquet():
    with pytest.raises(InputError, match="stdin:1 and the rows behind it: not one type a column"):
        run("-", "jsonl", "parquet", b'{"text": "a", "n": 1}\n{"text": "b", "n": "x"}\n')


def test_nothing_in_is_nothing_out():
    assert run("-", "jsonl", "jsonl", b"")[0] == b""
    assert run("-", "csv", "csv", b"text\n")[0] == b"text,label,score,spans\n"
    assert run("-", "jsonl", "csv", b"")[0] == b"label,score,spans\n"


class Endless(io.RawIOBase):
    """A pipe of CSV: a header and rows that are made as they are read."""

    def __init__(self, rows):
        self._lines = (f"{row},{'很好' * 100}{row}\n".encode() for row in range(rows))
        self._rest = b"n,text\n"

    def readable(self):
        return True

    def readinto(self, buffer):
        self._rest = self._rest or next(self._lines, b"")
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class Nowhere(io.RawIOBase):
    """Counts what is written."""

    written = 0

    def writable(self):
        return True

    def write(self, data):
        self.written += len(data)
        return len(data)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux")
@pytest.mark.parametrize("written", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_rows(written):
    """100,000 rows, 60 MB of text, pass through some of it."""
    taken = []

    class Short:
        columns = {"label": "string"}

        def answers(self, texts):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            taken.append(pages * resource.getpagesize() / 2**20)
            return [["x"]] * len(texts)

    source = files.open_source("-", io.BufferedReader(Endless(100_000)), ("text",), "csv")
    out = Nowhere()
    predict(Short(), source, files.SINKS[written](out, Short.columns, source.columns))
    assert source.account.read == 100_000
    assert out.written > (60e6 if written == "csv" else 1e5)
    assert len(taken) == 391
    # Once it has met each kind of work, it needs no more.
    assert max(taken) - max(taken[:80]) < 40


# --- the file that is written ---------------------------------------------------------------------


def _interrupted(out):
    with files.whole(out, True) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    with pytest.raises(InputError, match=r"out\.csv: is there already, expected --overwrite"):
        files.whole(out, False).__enter__()
    with pytest.raises(KeyboardInterrupt):
        _interrupted(out)
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]
    assert out.read_text() == "old"
    with files.whole(out, True) as file:
        file.write(b"new")
    assert out.read_text() == "new"
    with pytest.raises(FileNotFoundError), files.whole(tmp_path / "no" / "out.csv", False):
        pass


@pytest.mark.parametrize(
    ("given", "format", "message"),
    [
        ("-", None, "--format: got None, expected jsonl, lines, csv or tsv for standard input"),
        ("-", "parquet", "--format: got 'parquet'"),
        ("nowhere.csv", None, "IN: got 'nowhere.csv', expected a file that exists"),
        (__file__, None, "expected one of csv, .*, since the name test_predict_files.py does not"),
    ],
)
def test_formats_that_nothing_tells_are_refused(given, format, message):
    with pytest.raises(InputError, match=message):
        files.input_format(given, format)


def test_an_output_of_another_ending_is_refused():
    expected = r"OUT: got 'out.xls', expected a file that ends in \.csv, \.tsv, \.jsonl, \.parquet"
    with pytest.raises(InputError, match=expected):
        files.output_format(Path("out.xls"), "csv")
