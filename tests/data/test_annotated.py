import io
import json
import subprocess
import sys

import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.config import DataConfig, RunConfig
from imbalance.data import annotated, audit_spans, people_daily, text_key
from imbalance.data import load as load_labelled
from imbalance.data.__main__ import main
from imbalance.data.span_sources import OVERLAPPING
from imbalance.spans import Span


def row(text, **spans):
    """Return a line of CLUENER; ``place="北京"`` marks where that stands first."""
    label = {
        kind: {each: [[text.index(each), text.index(each) + len(each) - 1]]}
        for kind, each in spans.items()
    }
    return json.dumps({"text": text, "label": label}, ensure_ascii=False)


def rows(count, start=0):
    return [row(f"第{each}人在北京", place="北京") for each in range(start, start + count)]


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(path, task="tagging", **settings):
    return annotated.load(DataConfig(source=str(path), cache=None, **settings), task)


def sizes(corpus):
    return {name: len(split) for name, split in corpus.splits.items()}


def counted(corpus, kind):
    return {
        what: tally.count
        for file in corpus.report.files
        for what, tally in getattr(file, kind).items()
    }


def test_a_file_is_cut_three_ways(tmp_path):
    lines = rows(100) + [row("第1 人在北京", place="北京")]
    path = write(tmp_path / "some.json", lines)
    corpus = load(path)
    assert (corpus.name, corpus.types) == ("some", ("place",))
    assert sum(sizes(corpus).values()) == 101
    assert sizes(corpus)["test"] in (20, 21)
    assert sizes(corpus)["validation"] in (10, 11)
    keys = [{text_key(each) for each in split.texts} for split in corpus.splits.values()]
    assert sum(map(len, keys)) == len(set.union(*keys)) == 100
    assert set(load(path, split_seed=1).splits["test"].texts) != set(corpus.splits["test"].texts)
    turned = load(write(tmp_path / "turned.json", lines[::-1]))
    assert set(turned.splits["test"].texts) == set(corpus.splits["test"].texts)


def test_rows_keep_text_spans_and_place_together(tmp_path):
    path = write(tmp_path / "some.json", rows(20))
    corpus = load(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    for split in corpus.splits.values():
        for text, spans, place, length in zip(
            split.texts, split.spans, split.places, split.lengths.tolist(), strict=True
        ):
            [span] = spans
            assert text[span.start : span.end] == "北京"
            assert json.loads(lines[int(place.rpartition(":")[2]) - 1])["text"] == text
            assert length == len(text)
        assert split.lengths.dtype == np.int32
        assert split.digests.dtype == "S16"


def test_types_are_sorted_and_counted(tmp_path):
    lines = [row("甲在北京", place="北京", name="甲"), row("乙在南京", place="南京")]
    for split in ("train", "valid", "test"):
        write(tmp_path / f"{split}.json", lines)
    corpus = load(tmp_path)
    train = corpus.splits["train"]
    assert corpus.types == ("name", "place")
    assert train.counts(2).tolist() == [1, 2]
    assert train.spans == [(Span(0, 1, 0), Span(2, 4, 1)), (Span(2, 4, 1),)]
    assert train.outside_share == pytest.approx(3 / 8)
    assert sizes(corpus) == {"train": 2, "validation": 2, "test": 2}


def test_a_test_file_without_labels_gives_its_place_to_the_validation_file(tmp_path):
    write(tmp_path / "train.json", rows(20))
    write(tmp_path / "dev.json", rows(5, 100))
    write(tmp_path / "test.json", ['{"id": 0, "text": "某"}', "broken"])
    corpus = load(tmp_path)
    assert sizes(corpus) == {"train": 18, "validation": 2, "test": 5}
    assert corpus.splits["test"].texts[0] == "第100人在北京"
    [warning] = corpus.report.warnings
    assert warning.endswith(f"is not used; {tmp_path / 'dev.json'} is the test split")
    assert corpus.report.rows_skipped == 2


def test_files_may_be_named(tmp_path):
    write(tmp_path / "trial.json", rows(20))
    write(tmp_path / "dev.json", rows(5, 100))
    files = {"train": "trial.json", "test": "dev.json"}
    corpus = load(tmp_path, files=files)
    assert sizes(corpus) == {"train": 18, "validation": 2, "test": 5}
    config = RunConfig.from_mapping({"data": {"source": str(tmp_path), "files": files}})
    assert RunConfig.from_mapping(config.to_mapping()) == config


def test_files_of_labelled_texts_may_be_named(tmp_path):
    for name in ("one", "other"):
        lines = [f"{label}\t{name} {label} {each}" for label in "ab" for each in range(9)]
        write(tmp_path / f"{name}.txt", lines)
    files = {"train": "one.txt", "test": "other.txt"}
    corpus = load_labelled(DataConfig(source=str(tmp_path), files=files, cache=None))
    assert len(corpus.splits["test"]) == 18
    assert all(each.startswith("other") for each in corpus.splits["test"].texts)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.json"], "expected a mapping"),
        ({"trian": "a.json"}, "did you mean 'train'"),
        ({"test": "a.json"}, "the file of train among them"),
        ({"train": 5}, r"data\.files\.train: got 5"),
        ({"train": "trail.json"}, r"data\.files\.train: .* did you mean 'trial\.json'"),
    ],
)
def test_wrong_files_are_refused(tmp_path, files, message):
    write(tmp_path / "trial.json", rows(9))
    with pytest.raises(InputError, match=message):
        load(tmp_path, files=files)


def test_embedded_corpora_have_no_files_to_name():
    with pytest.raises(InputError, match="since data.source is reviews, no folder; --data names"):
        DataConfig(files={"train": "a.txt"})


@pytest.mark.parametrize(
    ("spans", "task", "kept"),
    [
        ([(0, 9, "a"), (2, 4, "b")], "tagging", [(0, 9, "a")]),
        ([(0, 9, "a"), (2, 4, "b")], "span", [(0, 9, "a"), (2, 4, "b")]),
        ([(0, 9, "a"), (2, 4, "a")], "span", [(0, 9, "a")]),
        ([(0, 9, "a"), (0, 4, "b")], "span", [(0, 9, "a")]),
        ([(0, 4, "a"), (2, 4, "b")], "span", [(0, 4, "a")]),
        ([(0, 4, "a"), (0, 4, "b")], "span", [(0, 4, "a")]),
        ([(0, 3, "a"), (2, 5, "b"), (4, 9, "a")], "tagging", [(0, 3, "a"), (4, 9, "a")]),
        ([(0, 3, "a"), (2, 5, "a"), (4, 6, "a")], "tagging", [(0, 3, "a"), (4, 6, "a")]),
        ([(0, 3, "a"), (3, 5, "a")], "tagging", [(0, 3, "a"), (3, 5, "a")]),
    ],
)
def test_of_overlapping_spans_the_longer_is_kept(tmp_path, spans, task, kept):
    text = "零一二三四五六七八"
    label = {kind: {} for _, _, kind in spans}
    for start, end, kind in spans:
        label[kind][text[start:end]] = [[start, end - 1]]
    line = json.dumps({"text": text, "label": label})
    for split in ("train", "test"):
        write(tmp_path / f"{split}.json", [line, *rows(3)])
    corpus = load(tmp_path, task)
    test = corpus.splits["test"]
    assert [(start, end, corpus.types[kind]) for start, end, kind in test.spans[0]] == kept
    left_out = len(spans) - len(kept)
    assert counted(corpus, "left_out").get(OVERLAPPING, 0) == left_out


def test_repeated_texts_are_kept_and_counted(tmp_path):
    lines = [row("在北京", place="北京")] * 2 + [row("在 北京", place="北京"), row("在北京")]
    write(tmp_path / "train.json", rows(5))
    write(tmp_path / "test.json", lines)
    corpus = load(tmp_path)
    assert sizes(corpus)["test"] == 4
    assert counted(corpus, "notes") == {annotated.REPEATED: 1, annotated.OTHER_SPANS: 2}


def test_spans_of_types_unknown_to_training_are_left_out_and_named(tmp_path):
    write(tmp_path / "train.json", rows(5))
    write(tmp_path / "test.json", [*rows(2), row("某日在南京", time="日", place="南京")])
    corpus = load(tmp_path)
    test = corpus.splits["test"]
    assert test.spans[2] == (Span(3, 5, 0),)
    assert test.unknown.tolist() == [0, 0, 1]
    assert counted(corpus, "skipped") == {}
    assert counted(corpus, "left_out") == {annotated.UNKNOWN_TYPE: 1}
    assert any("'time' (1 spans)" in each for each in corpus.report.warnings)


def test_questions_on_one_context_are_in_one_split(tmp_path):
    paragraphs = [
        {
            "context": f"第{number}人在北京。",
            "qas": [
                {
                    "id": f"{number}-{each}",
                    "question": f"问{each}",
                    "answers": [{"text": "北京", "answer_start": 3 + len(str(number))}] * 2,
                }
                for each in range(4)
            ],
        }
        for number in range(10)
    ]
    content = json.dumps({"data": [{"paragraphs": paragraphs}]}, ensure_ascii=False)
    corpus = load(write(tmp_path / "some.json", [content]), "reading")
    contexts = [
        {each.partition("\x1f")[2] for each in split.texts} for split in corpus.splits.values()
    ]
    assert sum(map(len, contexts)) == 10
    assert sizes(corpus) == {"train": 28, "validation": 4, "test": 8}
    assert corpus.splits["test"].answers[0] == ("北京", "北京")
    assert len(corpus.splits["test"].spans[0]) == 1


def test_one_split_is_read_for_a_known_network(tmp_path):
    path = write(tmp_path / "some.json", [*rows(3), row("某日", time="日")])
    config = DataConfig(source=str(path), cache=None)
    split, report = annotated.load_split(config, "tagging", "test", ["name", "place"])
    assert [[span.type for span in spans] for spans in split.spans] == [[1], [1], [1], []]
    assert (report.rows_used, report.rows_skipped) == (4, 0)
    with pytest.raises(InputError, match="no span of a known type, expected one at least of name"):
        annotated.load_split(config, "tagging", "test", ["name"])


def test_the_key_follows_content_and_settings(tmp_path):
    path = write(tmp_path / "some.json", rows(20))
    keys = [load(path).key, load(path).key, load(path, split_seed=1).key]
    write(path, rows(21))
    assert len({*keys, load(path).key}) == 3


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        ("classification", {}, "task: got 'classification'"),
        ("tagging", {"format": "csv"}, r"data\.format: got 'csv'"),
        ("tagging", {"weight_column": "w"}, r"data\.weight_column: got 'w', expected null"),
        ("tagging", {"folds": 2, "fold": 0}, r"data\.folds: got 2, expected null"),
        ("tagging", {"scheme": "words"}, r"data\.scheme: got 'words', expected bio or bioes"),
        ("reading", {}, "is in the format cluener, expected squad"),
        ("tagging", {"format": "squad"}, "is in the format squad, expected another"),
        ("tagging", {"source": "reviews"}, r"data\.source: got 'reviews', expected people_daily"),
        ("reading", {"source": "people_daily"}, "people_daily: is in the format words"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, task, settings, message):
    path = write(tmp_path / "some.json", rows(9))
    with pytest.raises(InputError, match=message):
        annotated.load(DataConfig(**{"source": str(path), "cache": None} | settings), task)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["", "x"], "no usable row among 2.* 1 blank line, 1 not a JSON object"),
        ([row(f"某人{each}") for each in range(9)], "no span in any training row"),
        (rows(2), "test split is empty: 2 different texts are too few to cut it from train"),
        (rows(1) * 9, "validation split is empty: 1 different text is too few"),
        (["\n"], "no usable row among"),
    ],
)
def test_nothing_to_train_on(tmp_path, lines, message):
    with pytest.raises(InputError, match=message):
        load(write(tmp_path / "some.json", lines), format="cluener")


def test_wrong_encoding_is_refused(tmp_path):
    path = tmp_path / "some.json"
    path.write_text("\n".join(rows(9)), encoding="gb18030")
    with pytest.raises(InputError, match="do not fit the encoding 'auto'|no usable row"):
        load(path)
    assert sum(sizes(load(path, encoding="gb18030")).values()) == 9


def test_wrong_encoding_of_questions_is_named_as_such(tmp_path):
    # Offsets count characters, of which the wrong encoding makes others.
    paragraphs = [
        {
            "context": f"天安门在北京的中心{i}",
            "qas": [{"question": "在哪", "answers": [{"text": "北京", "answer_start": 4}]}],
        }
        for i in range(9)
    ]
    document = {"data": [{"paragraphs": paragraphs}]}
    path = tmp_path / "some.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="gb18030")
    with pytest.raises(InputError, match="9 of 9 rows hold bytes that do not fit the encoding"):
        load(path, "reading")
    assert sum(sizes(load(path, "reading", encoding="gb18030")).values()) == 9


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["dev.conllu", "test.conllu"], r"found dev\.conllu, test\.conllu; expected a train"),
        (["train.json", "train.txt"], r"train\.json, train\.txt all name the train split"),
    ],
)
def test_folders_without_one_training_file_are_refused(tmp_path, names, message):
    for name in names:
        write(tmp_path / name, rows(3))
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_people_daily_is_all_words():
    found = list(people_daily.read())
    assert len(found) == 19_484
    assert sum(len(each.spans) for each in found) == 1_121_447
    assert len({kind for each in found for _, _, kind in each.spans}) == 44
    first = found[0]
    assert first.text.split() == [first.text[start:end] for start, end, _ in first.spans]


def test_the_audit_describes_spans(tmp_path, capsys):
    path = write(tmp_path / "some.json", rows(20))
    assert main(["audit", str(path), "--task", "span", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    train = found["splits"]["train"]
    assert found["types"] == ["place"]
    assert train["counts"] == {"place": train["rows"]}
    assert train["span_characters"] == {"min": 2, "median": 2, "p95": 2, "max": 2}
    page = io.StringIO()
    audit_spans.render(found, load(path).report, page)
    assert ["place", "14", "2", "4", "100.00%"] in [
        line.split() for line in page.getvalue().splitlines()
    ]
    assert main(["audit", str(path), "--task", "span", "--format", "csv"]) == 2
    assert capsys.readouterr().err.startswith("error: data.format: got 'csv', expected of task")


def test_reading_needs_no_tensorflow():
    code = "import imbalance.data.annotated, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.shared_data
def test_cluener_as_published(shared_data):
    corpus = load(shared_data / "cluener")
    assert sizes(corpus) == {"train": 9673, "validation": 1075, "test": 1343}
    test = corpus.splits["test"].counts(len(corpus.types))
    assert dict(zip(corpus.types, test.tolist(), strict=True)) == {
        "address": 373,
        "book": 154,
        "company": 378,
        "game": 295,
        "government": 247,
        "movie": 151,
        "name": 465,
        "organization": 367,
        "position": 433,
        "scene": 209,
    }
    assert counted(corpus, "left_out") == {OVERLAPPING: 2}
    assert OVERLAPPING not in counted(load(shared_data / "cluener", "span"), "left_out")


@pytest.mark.slow
@pytest.mark.shared_data
def test_msra_as_given(shared_data):
    corpus = load(shared_data / "msra_ner" / "dh_msra.txt.xz")
    assert sum(sizes(corpus).values()) == 55_289
    counts = sum(split.counts(3) for split in corpus.splits.values())
    # Those that begin with B, and 17 that begin with I.
    assert corpus.types == ("LOC", "ORG", "PER")
    assert counts.sum() == 39_394 + 21_902 + 19_588 + 17


@pytest.mark.shared_data
def test_cmrc_as_published(shared_data):
    files = {"train": "trial.json", "test": "dev.json"}
    corpus = load(shared_data / "cmrc2018", "reading", files=files)
    assert sum(sizes(corpus).values()) == 995 + 3216
    assert counted(corpus, "skipped") == {"no answer stands at its offset": 3, "empty question": 2}
    assert all(len(each) == 3 for each in corpus.splits["test"].answers)


@pytest.mark.shared_data
def test_universal_dependencies_as_published(shared_data):
    files = {"train": "dev.conllu", "test": "test.conllu"}
    corpus = load(shared_data / "ud_chinese_gsdsimp", files=files, scheme="words")
    assert sizes(corpus) == {"train": 450, "validation": 50, "test": 500}
    assert corpus.splits["test"].counts(len(corpus.types)).sum() == 12_012
