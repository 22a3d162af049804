import bz2
import gzip
import json
import lzma
import os

import numpy as np
import pandas as pd
import pytest

from imbalance.checks import InputError
from imbalance.data import readers
from imbalance.data.readers import Columns, Row, Skipped

PLAIN = Columns()


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, columns=PLAIN, encoding="auto"):
    return list(readers.read_file(path, readers.format_of(path), columns, encoding))


def pairs(rows):
    return [(row.label, row.text) for row in rows if isinstance(row, Row)]


def reasons(rows):
    return [(row.place.rpartition(":")[2], row.reason) for row in rows if isinstance(row, Skipped)]


EXPECTED = [("good", "很 好"), ("bad", 'so "so"')]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'id,text,label\n1,很 好,good\n2,"so ""so""",bad\n'),
        ("a.csv", '\ufefflabel,text\r\ngood,很 好\r\nbad,"so ""so"""\r\n'),
        ("a.tsv", 'text\tlabel\n很 好\tgood\nso "so"\tbad\n'),
        ("a.jsonl", '{"text": "很 好", "label": "good"}\n{"label": "bad", "text": "so \\"so\\""}'),
        ("a.txt", 'good\t很 好\r\nbad\tso "so"\n'),
        ("a.txt", '\ufeffgood\t很 好\n bad \tso "so"'),
    ],
)
def test_text_formats_agree(tmp_path, name, content):
    assert pairs(read(write(tmp_path / name, content))) == EXPECTED


def test_parquet_reads_plain_and_categorical_columns(tmp_path):
    table = pd.DataFrame(EXPECTED, columns=["label", "text"])
    table.to_parquet(tmp_path / "a.parquet")
    table.astype("category").to_parquet(tmp_path / "b.parquet")
    assert pairs(read(tmp_path / "a.parquet")) == EXPECTED
    assert pairs(read(tmp_path / "b.parquet")) == EXPECTED


@pytest.mark.parametrize(("suffix", "module"), [("gz", gzip), ("xz", lzma), ("bz2", bz2)])
def test_compressed_text(tmp_path, suffix, module):
    data = 'good\t很 好\nbad\tso "so"\n'.encode()
    path = write(tmp_path / f"a.txt.{suffix}", module.compress(data))
    rows = read(path)
    assert pairs(rows) == EXPECTED
    assert rows[1].place == f"{path}:2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.CSV", "csv"),
        ("a.b.tsv.gz", "tsv"),
        ("a.json", "jsonl"),
        ("a.pq", "parquet"),
        ("a.parquet.gz", None),
        ("a.gz", None),
        ("a", None),
    ],
)
def test_format_of(tmp_path, name, expected):
    assert readers.format_of(tmp_path / name) == expected


def test_csv_lines_are_true_with_quoted_newlines(tmp_path):
    rows = read(write(tmp_path / "a.csv", 'text,label\n"one\ntwo\nthree",a\nfour,b\n'))
    assert [row.place.rpartition(":")[2] for row in rows] == ["2", "5"]
    assert rows[0].text == "one\ntwo\nthree"


def test_csv_field_longer_than_the_csv_modules_limit(tmp_path):
    rows = read(write(tmp_path / "a.csv", f"text,label\n{'x' * 200_000},a\n"))
    assert len(rows[0].text) == 200_000


def test_stray_carriage_return_does_not_cut_a_line(tmp_path):
    rows = read(write(tmp_path / "a.txt", "a\tone\rtwo\x0cthree\u2028four\n"))
    assert pairs(rows) == [("a", "one\rtwo\x0cthree\u2028four")]


def test_lines_text_may_hold_tabs(tmp_path):
    assert pairs(read(write(tmp_path / "a.txt", "a\tone\ttwo\n"))) == [("a", "one\ttwo")]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.csv",
            "text,label\nx,a\nx\nx,a,b\n",
            [("3", "wrong number of fields"), ("4", "wrong number of fields")],
        ),
        ("a.csv", 'text,label\n"x"y,a\nz,a\n', [("2", "malformed CSV row")]),
        ("a.csv", "text,label\n\nx,a\n", [("2", "blank line")]),
        (
            "a.tsv",
            "text\tlabel\nx\tb\tc\n\n",
            [("2", "wrong number of fields"), ("3", "blank line")],
        ),
        ("a.txt", "label only\n\na\tx\n", [("1", "line without a tab"), ("2", "blank line")]),
        ("a.csv", "text,label\n \u3000,a\n,a\n", [("2", "empty text"), ("3", "empty text")]),
        ("a.csv", "text,label\nx,\nx, \n", [("2", "empty label"), ("3", "empty label")]),
    ],
)
def test_bad_rows_are_skipped_with_their_line(tmp_path, name, content, expected):
    assert reasons(read(write(tmp_path / name, content))) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"text": "x", "label": ' + "9" * 5000 + "}", "not a JSON object"),
        ("  ", "blank line"),
        ('{"label": "a"}', "field missing"),
        ('{"text": null, "label": "a"}', "empty text"),
        ('{"text": 7, "label": "a"}', "text is not a string"),
        ('{"text": "x", "label": null}', "empty label"),
        ('{"text": "x", "label": NaN}', "empty label"),
        ('{"text": "x", "label": {"b": 1}}', "label is neither text nor a number"),
    ],
)
def test_bad_json_lines(tmp_path, line, reason):
    path = write(tmp_path / "a.jsonl", f'{{"text": "x", "label": "a"}}\n{line}\n')
    assert reasons(read(path)) == [("2", reason)]


def test_numeric_labels_become_text(tmp_path):
    labels = [0, 1, 1.0]
    lines = "\n".join(json.dumps({"text": "x", "label": each}) for each in labels)
    pd.DataFrame({"text": ["x"] * 3, "label": [0.0, 1.0, np.nan]}).to_parquet(tmp_path / "a.pq")
    assert [row.label for row in read(write(tmp_path / "a.jsonl", lines))] == ["0", "1", "1"]
    assert [row[0] for row in pairs(read(tmp_path / "a.pq"))] == ["0", "1"]
    assert reasons(read(tmp_path / "a.pq")) == [("3", "empty label")]


def test_broken_bytes_are_replaced_and_marked(tmp_path):
    content = b"a\tgood \xff\xfe\na\treal \xef\xbf\xbd\n"
    rows = read(write(tmp_path / "a.txt", content))
    assert [row.text for row in rows] == ["good \ufffd\ufffd", "real \ufffd"]
    assert [row.broken for row in rows] == [True, False]


def test_lone_surrogate_of_json_is_replaced(tmp_path):
    (row,) = read(write(tmp_path / "a.jsonl", '{"text": "x\\ud800", "label": "a"}'))
    assert (row.text, row.broken) == ("x\ufffd", True)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "big5"])
def test_encoding(tmp_path, encoding):
    path = write(tmp_path / "a.csv", "text,label\n中文,好\n".encode(encoding))
    assert pairs(read(path, encoding=encoding)) == [("好", "中文")]


def test_weights(tmp_path):
    path = write(tmp_path / "a.csv", "text,label,w\nx,a,2\ny,b,0\n")
    assert [row.weight for row in read(path, Columns(weight="w"))] == [2.0, 0.0]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "heavy", ""])
def test_bad_weight_is_refused_with_its_line(tmp_path, value):
    path = write(tmp_path / "a.csv", f"text,label,w\nx,a,1\ny,b,{value}\n")
    with pytest.raises(InputError, match=r"a\.csv:3: weight: got .* a finite number"):
        read(path, Columns(weight="w"))


def test_null_weight_is_refused(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "x", "label": "a", "w": null}')
    with pytest.raises(InputError, match=r"a\.jsonl:1: weight: got None"):
        read(path, Columns(weight="w"))


def test_lines_have_no_weight_column(tmp_path):
    with pytest.raises(InputError, match=r"data\.weight_column"):
        read(write(tmp_path / "a.txt", "a\tx\n"), Columns(weight="w"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "body,label\nx,a\n"),
        ("a.tsv", "body\tlabel\nx\ta\n"),
        ("a.jsonl", '{"body": "x", "label": "a"}\n'),
    ],
)
def test_missing_column_names_those_found(tmp_path, name, content):
    with pytest.raises(InputError, match=f"{name}: the column 'text' is missing, found 'body', 'l"):
        read(write(tmp_path / name, content))


def test_missing_column_of_parquet(tmp_path):
    pd.DataFrame({"text": ["x"], "topic": ["a"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="the column 'label' is missing, found 'text', 'topic'"):
        read(tmp_path / "a.parquet")


def test_header_in_another_encoding_is_hinted_at(tmp_path):
    path = write(tmp_path / "a.csv", "正文,label\nx,a\n".encode("gbk"))
    with pytest.raises(InputError, match=r"data\.encoding may be wrong"):
        read(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,text,label\nx,y,a\n", "'text' stands twice"),
        ("a.csv", "", "has no header"),
        ("a.csv", 'text,label\nx,a\n"y,b\nz,a\n', r"a\.csv:3: a quote is opened and never closed"),
        ("a.txt.gz", gzip.compress(bytes(range(256)) * 99)[:-9], "cannot be read"),
        ("a.txt.xz", lzma.compress(bytes(range(256)) * 99)[:-9], "cannot be read"),
        ("a.txt.bz2", b"BZh9 not really", "cannot be read"),
        ("a.txt.gz", b"plain", "cannot be read"),
        ("a.parquet", b"PAR1 not really", "cannot be read"),
        ("a.parquet", b"", "cannot be read"),
    ],
)
def test_unreadable_files_are_one_line(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message) as error:
        read(write(tmp_path / name, content))
    assert "\n" not in str(error.value)


def test_folder_where_a_file_is_expected(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        list(readers.read_file(tmp_path, "csv", Columns()))


@pytest.fixture
def fudan_folders(tmp_path):
    for name in ("C3-Art", "C16-Electronics"):
        (tmp_path / name).mkdir()
    write(tmp_path / "C3-Art" / "C3-Art1.txt", "【 日 期 】画画".encode("gb18030"))
    write(tmp_path / "C3-Art" / "C3-Art2.TXT", "【 日 期 】utf".encode())
    write(tmp_path / "C16-Electronics" / "1.txt", "电子".encode("gb18030") + b"\xff\x80 end")
    write(tmp_path / "C16-Electronics" / "2.txt", b" \n")
    write(tmp_path / "C16-Electronics" / "notes.doc", b"x")
    return tmp_path


def test_folder_per_class(fudan_folders):
    rows = list(readers.read_folders(fudan_folders))
    assert pairs(rows) == [
        ("Art", "【 日 期 】画画"),
        ("Art", "【 日 期 】utf"),
        ("Electronics", "电子\ufffd\ufffd end"),
    ]
    assert [row.broken for row in rows if isinstance(row, Row)] == [False, False, True]
    folder = fudan_folders / "C16-Electronics"
    assert rows[3:] == [
        Skipped(str(folder / "2.txt"), "empty text"),
        Skipped(str(folder / "notes.doc"), "not a .txt file"),
    ]


def test_class_folder_names_are_kept_unless_all_are_numbered(fudan_folders):
    assert list(readers.class_folders(fudan_folders)) == ["Art", "Electronics"]
    (fudan_folders / "Sports").mkdir()
    assert list(readers.class_folders(fudan_folders)) == ["C16-Electronics", "C3-Art", "Sports"]


def test_two_folders_of_one_class_are_refused(tmp_path):
    (tmp_path / "C1-Art").mkdir()
    (tmp_path / "C2-Art").mkdir()
    with pytest.raises(InputError, match="two folders name one class"):
        readers.class_folders(tmp_path)


def test_digest_ignores_white_space_only():
    same = {readers.digest(readers.text_key(text)) for text in ("a b", "ab", "\u3000a\tb\n")}
    assert len(same) == 1
    assert readers.digest(readers.text_key("a b")) != readers.digest(readers.text_key("a.b"))


def test_a_label_is_one_line_in_composed_letters(tmp_path):
    path = tmp_path / "rows.jsonl"
    labels = ["two\nlines", "two\u2028lines", " two  lines ", "cafe\u0301", "caf\u00e9"]
    path.write_text("".join(json.dumps({"text": "x", "label": each}) + "\n" for each in labels))
    rows = list(readers.read_file(path, "jsonl", readers.Columns(), "auto"))
    assert [row.label for row in rows] == ["two lines"] * 3 + ["caf\u00e9"] * 2


def test_an_encoding_that_does_not_fit_at_all_is_one_line(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nx,y\n")
    with pytest.raises(InputError, match="rows.csv: cannot be read"):
        list(readers.read_file(path, "csv", readers.Columns(), "utf-16"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_in_a_class_folder_is_not_waited_for(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "1.txt").write_text("good")
    os.mkfifo(folder / "2.txt")
    _, skipped = readers.read_folders(tmp_path)
    assert skipped == Skipped(str(folder / "2.txt"), "not a .txt file")


def test_a_place_has_nothing_that_moves_the_cursor(tmp_path):
    path = tmp_path / "a\x1b[2J.csv"
    path.write_text("text,label\ngood,yes\n")
    [row] = readers.read_file(path, "csv", Columns())
    assert row.place.isprintable()


def test_files_beside_class_folders_are_counted(tmp_path):
    (tmp_path / "a").mkdir()
    write(tmp_path / "a" / "1.txt", "good")
    write(tmp_path / "2.txt", "lost?")
    write(tmp_path / ".hidden", "")
    _, skipped = readers.read_folders(tmp_path)
    assert skipped == Skipped(str(tmp_path / "2.txt"), "beside the class folders")
