"""Sound inputs of each target, from which the fuzzer starts."""

import json
from pathlib import Path

from benchmarks.fuzz import targets
from imbalance.config import RunConfig

_ROWS = [(f"好书{'的' * row}", ("yes", "no")[row % 2]) for row in range(8)]
_CSV = "text,label,a,b,weight,group\n" + "".join(
    f'"{text}, ""x""\n",{label},{text},b,{row},{row % 2}\n'
    for row, (text, label) in enumerate(_ROWS)
)
_OBJECTS = "".join(
    json.dumps({"text": text, "label": label, "a": text, "b": "x", "weight": 1, "group": 0.5})
    + "\n"
    for text, label in _ROWS
)
_TABLES = {
    "csv": _CSV,
    "tsv": _CSV.replace(",", "\t"),
    "jsonl": _OBJECTS,
    "lines": "".join(f"{label}\t{text}\r\n" for text, label in _ROWS),
    "blank_lines": "".join(f"{label} {text}\n\n" for text, label in _ROWS),
}
_QUESTION = {"id": "q", "question": "在哪？", "answers": [{"text": "北京", "answer_start": 2}] * 2}
_DOCUMENT = {
    "version": "1.1",
    "data": [
        {"paragraphs": [{"context": f"他在北京{row}。", "qas": [_QUESTION]}]} for row in range(5)
    ],
}
_PLACE = {"place": {"北京": [[2, 3]]}, "name": {"他": [[0, 0]], "他在": [[0, 1]]}}
_FIELDS = "\t_" * 6
_MARKED = {
    "cluener": "".join(
        json.dumps({"text": f"他在北京{row}", "label": _PLACE}, ensure_ascii=False) + "\n"
        for row in range(5)
    ),
    "conll": "-DOCSTART- O\n\n"
    + "".join(f"京\tB-a\n城\tI-a\n{row}\tO\n好\tS-b\n\n" for row in range(5)),
    "conllu": "".join(
        f"# text = x\n1-2\tdu\t_\t_{_FIELDS}\n1\t我{row}\t_\tPRON{_FIELDS}\n"
        f"2\t爱\t_\tVERB{_FIELDS}\n2.1\t爱\t_\tVERB{_FIELDS}\n\n"
        for row in range(5)
    ),
    "words": "".join(f"我/r  爱/v [中央/n 电台/n]nt 1/2/m {row}/m\n" for row in range(5)),
    "auto": "".join(f"我/r  爱/v {row}/m\n" for row in range(5)),
    "squad": json.dumps(_DOCUMENT, ensure_ascii=False, indent=1),
}
_VALUES = (
    *("1", "-1", "0.5", "1e400", ".nan", "-.inf", "true", "null", "''", "auto", "[1, 2]", "{a: 1}"),
    *("!!python/object/apply:os.system [ls]", "&a [*a]", "{<<: {a: 1}}", "'2024-01-01'", "0x1F"),
    *(
        "9" * 5000,
        "!!binary aGk=",
        "!!set {a}",
        "? [a]\n: b",
        "1_000",
        "0o7",
        "1:30",
        "~",
        "'\\x1f'",
    ),
)
_EVIL_YAML = (
    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ndata: {source: *c}\n",
    "loss: &l {name: dice_loss, args: *l}\n",
    "data: {source: a, source: b}\n",
    "training: {epochs: 3, <<: {seed: 1}}\n",
    "%YAML 1.2\n---\nname: x\n...\n---\nname: y\n",
)


def of(target: str) -> list[bytes]:
    """Return the seeds of a target."""
    return [bytes(each) for each in _SEEDS[target]()]


def _tables(columns: int, more: int):
    for number, content in enumerate(_TABLES.values()):
        for column in range(columns):
            yield bytes([number, column, *[0] * more]) + content.encode()


def _labelled():
    yield from _tables(len(targets._COLUMNS), 3)
    yield b"\x00\x00\x03\x00\x00" + _CSV.encode("gb18030")
    yield b"\x00\x00\x04\x00\x00" + _CSV.encode("utf-16")


def _marked():
    for number, (_, format) in enumerate(targets._SPANS):
        yield bytes([number, 0]) + _MARKED[format].encode()


def _predicted():
    for number, format in enumerate(("csv", "tsv", "jsonl", "lines")):
        for columns in range(2):
            yield bytes([number, columns, 0]) + _TABLES[format].encode()


def _setting():
    # Each value once, and each key: the fuzzer puts them together.
    for number in range(max(len(targets.KEYS), len(_VALUES))):
        yield bytes([number % len(targets.KEYS)]) + _VALUES[number % len(_VALUES)].encode()


def _settings():
    yield RunConfig().to_yaml().encode()
    yield from (each.encode() for each in _EVIL_YAML)
    for path in sorted(Path(__file__).parents[2].glob("configs/*.yaml")):
        yield path.read_bytes()


def _run_file():
    classes = {name: {"prior": 0.5, "offset": 0.1} for name in ("yes", "no")}
    sound = {"temperature": 1.5, "prior_correction": 0.0, "classes": classes}
    yield b"\x00" + json.dumps(sound).encode()
    yield "\x01云计算 5 n\n台中\n".encode()
    yield b'\x02{"yes": 1.5, "no": 2}'


_SEEDS = {
    "labelled": _labelled,
    "divided": lambda: _tables(3, 2),
    "marked": _marked,
    "predicted": _predicted,
    "settings": _settings,
    "setting": _setting,
    "run_file": _run_file,
}
