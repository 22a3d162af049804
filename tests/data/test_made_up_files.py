"""Files of any content, made up by Hypothesis: what goes in is used or skipped by a reason."""

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import seeds, targets
from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import annotated, corpus, readers
from imbalance.data.readers import Columns

QUICK = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "",
        " ",
        "\u3000",
        "好",
        "\x1f",
        "\x00",
        "\r",
        "\n",
        '"',
        "a,b",
        "\ufeff",
        "\u2028",
        "\U0001f600",
    ]
)
LABELS = st.sampled_from(["yes", "no", "", " ", "1", "１"])
# Of JSON.
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(TEXTS)
ROWS = st.lists(st.tuples(TEXTS, LABELS), max_size=12)
WITH_BOTH = [(f"好{'的' * row}", ("yes", "no")[row % 2]) for row in range(6)]


def file_of(content: str | bytes) -> Path:
    folder = tempfile.mkdtemp(dir=targets.FOLDER.name)
    path = Path(folder, "made-up")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(content, format, **columns) -> list:
    return list(readers.read_file(file_of(content), format, Columns(**columns)))


@QUICK
@given(ROWS, st.sampled_from(["\n", "\r\n"]))
def test_each_record_of_a_table_is_a_row(rows, end):
    table = io.StringIO(newline="")
    csv.writer(table, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        [("text", "label"), *rows]
    )
    found = read(table.getvalue(), "csv")
    assert len(found) == len(rows)
    kept = [(row.text, row.label) for row in found if not isinstance(row, readers.Skipped)]
    assert kept == [(t, readers.label_name(n)) for t, n in rows if t.strip() and n.strip()]


@QUICK
@given(st.lists(st.fixed_dictionaries({}, optional={"text": VALUES, "label": VALUES}) | VALUES))
def test_each_line_of_json_is_a_row(values):
    lines = [{"text": "好", "label": "yes"}, *values]
    assert len(read("".join(json.dumps(each) + "\n" for each in lines), "jsonl")) == len(lines)


@QUICK
@given(ROWS)
def test_each_row_of_a_corpus_is_used_or_skipped(rows):
    rows = [*WITH_BOTH, *rows]
    lines = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    try:
        found = corpus.load(DataConfig(source=str(file_of(lines)), format="jsonl", cache=None))
    except InputError:
        return
    report = found.report
    assert report.rows_read == len(rows)
    assert report.rows_used == sum(map(len, found.splits.values()))
    assert report.rows_skipped == len(rows) - report.rows_used
    [file] = report.files
    assert sum(each.count for each in file.skipped.values()) == report.rows_skipped


PLACES = st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 3), st.sampled_from("ab")))


@QUICK
@given(st.lists(PLACES, max_size=6), st.sampled_from(["tagging", "span"]))
def test_each_span_is_used_or_left_out(rows, task):
    lines, sound = [], []
    rows = [[(0, 1, "a")], [(0, 1, "b")], [(1, 1, "a")], *rows]
    for places in rows:
        text, label = f"北京大学{len(lines)}", {}
        for start, length, kind in places:
            mention = text[max(start, 0) : start + length]
            label.setdefault(kind, {}).setdefault(mention, []).append([start, start + length - 1])
        lines.append(json.dumps({"text": text, "label": label}) + "\n")
        sound.append(all(s >= 0 and n > 0 and s + n <= len(text) for s, n, _ in places))
    source = DataConfig(source=str(file_of("".join(lines))), format="cluener", cache=None)
    found = annotated.load(source, task)
    [file] = found.report.files
    assert (file.read, file.used) == (len(rows), sum(sound))
    assert file.spans_marked == sum(len(row) for row, ok in zip(rows, sound, strict=True) if ok)
    kept = sum(len(spans) for split in found.splits.values() for spans in split.spans)
    assert file.spans_used == kept
    assert file.spans_marked == kept + sum(each.count for each in file.left_out.values())


@pytest.mark.parametrize("target", sorted(targets.TARGETS))
def test_damaged_files_are_read_or_refused_in_one_line(target):
    """What the fuzzer does for an hour, for a moment and always alike."""
    sound = seeds.of(target)

    @settings(QUICK, max_examples=40)
    @given(st.sampled_from(sound), st.data())
    def damage(content, data):
        content = bytearray(content)
        for _ in range(data.draw(st.integers(0, 3))):
            start = data.draw(st.integers(0, len(content)))
            end = start + data.draw(st.integers(0, 4))
            content[start:end] = data.draw(
                st.binary(max_size=3) | st.sampled_from([b"\n", b'"', b"{", b"\xff", b"\\ud800"])
            )
        assert targets.TARGETS[target](bytes(content)) in (targets.ACCEPTED, targets.REFUSED)

    damage()


@pytest.mark.parametrize("target", sorted(targets.TARGETS))
def test_sound_files_reach_what_is_behind_the_first_check(target):
    outcomes = [targets.TARGETS[target](each) for each in seeds.of(target)]
    assert targets.ACCEPTED in outcomes
