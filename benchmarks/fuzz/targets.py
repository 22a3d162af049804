"""What is fuzzed: functions of bytes that return what became of them, or raise a defect.

Each takes the settings from the first bytes and the content of a file from the others. A refusal
in one line is an outcome; any other exception is a defect, and so is a row that is lost: the
program's own account raises for that, and lines are counted here once more.
"""

import bz2
import gzip
import io
import lzma
import tempfile
from collections.abc import Callable
from pathlib import Path

from imbalance import config, decision
from imbalance.checks import InputError
from imbalance.config import DataConfig, RunConfig
from imbalance.data import annotated, corpus, readers, span_readers, user_dict
from imbalance.data.readers import Columns, Skipped
from imbalance.predict.text_source import TextSource
from imbalance.training import class_weights

ACCEPTED, REFUSED = "accepted", "refused"

_TABLES = ("csv", "tsv", "jsonl", "lines", "blank_lines")
_ENCODINGS = ("auto", "auto", "auto", "gb18030", "utf-16", "latin-1")
_PACKED = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
_SPANS = (
    *(("tagging", each) for each in ("cluener", "conll", "conllu", "words", "auto")),
    *(("span", each) for each in ("cluener", "conll")),
    ("reading", "squad"),
)
_COLUMNS = (
    Columns(),
    Columns(weight="weight"),
    Columns(text=("a", "b")),
    Columns(quotes=True, subgroups=("group",)),
    Columns(quotes=False),
)
FOLDER = tempfile.TemporaryDirectory(prefix="imbalance-fuzz-")
_CLASSES = ("yes", "no")


class Choices:
    """Settings, each from one byte; what is left is the content.

    Example:
        >>> choices = Choices(b"\\x01\\x02rest")
        >>> choices.one(("a", "b")), choices.one(("c", "d")), choices.rest
        ('b', 'c', b'rest')
    """

    def __init__(self, data: bytes):
        self.rest = data

    def one(self, options):
        options = tuple(options)
        first, self.rest = self.rest[:1], self.rest[1:]
        return options[first[0] % len(options)] if first else options[0]


def labelled(data: bytes) -> str:
    """Read a file of labelled texts."""
    choices = Choices(data)
    format, columns = choices.one(_TABLES), choices.one(_COLUMNS)
    encoding, suffix = choices.one(_ENCODINGS), choices.one(_PACKED)
    # Sound archives of any content, or any content as an archive.
    pack = choices.one((_PACKED[suffix], bytes))
    path = _file(f"data{suffix}", pack(choices.rest))
    rows = _refused_in_one_line(lambda: list(readers.read_file(path, format, columns, encoding)))
    if rows is None:
        return REFUSED
    for row in rows:
        assert row.place.startswith(str(path)), row
        if not isinstance(row, Skipped):
            assert row.text.encode().strip(), row
            assert row.label.encode().strip(), row
    if encoding == "auto" and format not in ("csv", "tsv") and pack is _PACKED[suffix]:
        assert len(rows) == _lines(choices.rest), (len(rows), format)
    return ACCEPTED


def divided(data: bytes) -> str:
    """Read a corpus of labelled texts and cut it; the account is checked by the program."""
    choices = Choices(data)
    format = choices.one(_TABLES)
    folds = choices.one((None, 2, 5))
    resample = choices.one(({}, {"yes": 0.5}, {"no": 3}))
    path = _file("corpus.txt", choices.rest)
    settings = DataConfig(
        source=str(path),
        format=format,
        folds=folds,
        fold=folds and 0,
        resample=resample,
        validation_fraction=choices.one((0.1, 0.0, 0.4)),
        cache=None,
    )
    found = _refused_in_one_line(lambda: corpus.load(settings))
    if found is None:
        return REFUSED
    report = found.report
    assert report.rows_read == report.rows_used + report.rows_skipped
    copies = sum(t.count for f in report.files for n, t in f.notes.items() if "resample" in n)
    assert sum(map(len, found.splits.values())) == report.rows_used + copies
    return ACCEPTED


def marked(data: bytes) -> str:
    """Read a corpus of texts with spans, or questions with answers, and cut it."""
    choices = Choices(data)
    task, format = choices.one(_SPANS)
    scheme = choices.one(("bio", "bioes", "words"))
    path = _file("spans", choices.rest)
    if format != "auto":
        rows = _refused_in_one_line(lambda: list(span_readers.read_file(path, format)))
        if rows is not None and format in ("cluener", "words"):
            assert len(rows) == _lines(choices.rest), len(rows)
    settings = DataConfig(source=str(path), format=format, scheme=scheme, cache=None)
    found = _refused_in_one_line(lambda: annotated.load(settings, task))
    if found is None:
        return REFUSED
    for split in found.splits.values():
        for text, spans in zip(split.texts, split.spans, strict=True):
            text.encode()
            assert all(0 <= start < end <= len(text) for start, end, _ in spans), spans
    [file] = found.report.files
    kept = sum(len(spans) for split in found.splits.values() for spans in split.spans)
    assert file.spans_marked == kept + file.spans_left_out
    assert file.read == sum(map(len, found.splits.values())) + file.rows_skipped
    return ACCEPTED


def predicted(data: bytes) -> str:
    """Read rows that are to be answered, as from a pipe."""
    choices = Choices(data)
    format = choices.one(("csv", "tsv", "jsonl", "lines"))
    columns = choices.one((("text",), ("a", "b")))
    quotes = choices.one((None, True, False))

    def read():
        source = TextSource("-", io.BytesIO(choices.rest), format, columns, quotes=quotes)
        return source, list(source.batches())

    found = _refused_in_one_line(read)
    if found is None:
        return REFUSED
    source, batches = found
    assert source.account.read == sum(len(batch.rows) for batch in batches)
    blank = sum(each.count for name, each in source.account.notes.items() if "blank" in name)
    if format in ("jsonl", "lines"):
        assert source.account.read + blank == _lines(choices.rest)
    return ACCEPTED


def settings(data: bytes) -> str:
    """Read a configuration file; one that is accepted comes back equal from its own YAML."""
    found = _refused_in_one_line(lambda: RunConfig.from_yaml(_file("run.yaml", data)))
    return REFUSED if found is None else _round_trip(found)


KEYS = tuple(
    (section, key)
    for section, values in RunConfig().to_mapping().items()
    for key in (values if isinstance(values, dict) else [None])
)


def setting(data: bytes) -> str:
    """Give a value in YAML to one key of the configuration."""
    choices = Choices(data)
    section, key = choices.one(KEYS)
    text = choices.rest.decode(errors="replace")

    def read():
        value = config.parse_yaml("--set", text)
        return RunConfig.from_mapping({section: value if key is None else {key: value}})

    found = _refused_in_one_line(read)
    return REFUSED if found is None else _round_trip(found)


def run_file(data: bytes) -> str:
    """Read one of the smaller files of a run."""
    choices = Choices(data)
    kind, rest = choices.one(("decision", "words", "weights")), choices.rest

    def read():
        if kind == "decision":
            text = rest.decode(errors="replace")
            return decision.Decision.from_json("decision.json", text, _CLASSES).weights
        if kind == "words":
            return user_dict.read(_file("words.txt", rest))
        path = str(_file("weights.json", rest))
        return class_weights.resolve(path, (3, 1), _CLASSES)

    return REFUSED if _refused_in_one_line(read) is None else ACCEPTED


TARGETS: dict[str, Callable[[bytes], str]] = {
    each.__name__: each
    for each in (labelled, divided, marked, predicted, settings, setting, run_file)
}


def _refused_in_one_line(read: Callable):
    """Return what ``read`` returns, or None if it refuses in one line."""
    try:
        return read()
    except InputError as error:
        message = str(error)
        assert message.isprintable(), f"no line: {message[:5000]!r}"
        assert len(message) < 5000, f"no short line: {message[:5000]!r}"
        return None


def _round_trip(found: RunConfig) -> str:
    again = RunConfig.from_mapping(config.parse_yaml("again", found.to_yaml()))
    assert again == found, f"{again} is not {found}"
    return ACCEPTED


def _lines(content: bytes) -> int:
    """Return how many lines end in a line feed, and one more if something is behind the last."""
    mark = b"\xef\xbb\xbf"
    if mark.startswith(content):  # which Python passes over, whole or not
        return 0
    content = content.removeprefix(mark)
    return content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


def _file(name: str, content: bytes) -> Path:
    path = Path(FOLDER.name, name)
    path.write_bytes(content)
    return path
