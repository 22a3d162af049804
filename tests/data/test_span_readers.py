import json
import random

import pytest

from imbalance.checks import InputError
from imbalance.data import span_readers
from imbalance.data.readers import Skipped
from imbalance.data.span_rows import SpanRow

FORMATS = ("cluener", "conll", "conllu", "words", "squad")


def read(tmp_path, format, content, name="some.txt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(span_readers.read_file(path, format))


def marked(row):
    return [(row.text[start:end], kind) for start, end, kind in row.spans]


def labelled(text, label):
    return json.dumps({"text": text, "label": label}, ensure_ascii=False)


def words(*pairs):
    """Return lines of CoNLL-U."""
    return "".join(
        f"{number}\t{word}\t_\t{tag}" + "\t_" * 6 + "\n"
        for number, (word, tag) in enumerate(pairs, start=1)
    )


def document(*questions, context="他在北京。"):
    return {"data": [{"paragraphs": [{"context": context, "qas": list(questions)}]}]}


def question(*answers, **others):
    found = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": "q", "question": "在哪？", "answers": found} | others


def test_cluener_counts_characters_and_its_ends_are_inclusive(tmp_path):
    line = labelled("𠮷在北京大学", {"place": {"北京": [[2, 3]]}, "name": {"𠮷": [[0, 0]]}})
    [row] = read(tmp_path, "cluener", line)
    assert marked(row) == [("𠮷", "name"), ("北京", "place")]
    assert row.place == f"{tmp_path / 'some.txt'}:1"
    assert row.remarks == ()


def test_cluener_rows_may_have_no_span(tmp_path):
    [row] = read(tmp_path, "cluener", labelled("很好", {}))
    assert row.spans == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "他在北京", "label": {"place": {"北', "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ("", "blank line"),
        ('{"label": {}}', "field missing"),
        ('{"text": 5, "label": {}}', "text is not a string"),
        ('{"text": "他在北京"}', "no label"),
        (labelled("他在北京", None), "no label"),
        (labelled(" \u3000", {}), "empty text"),
        (labelled("他在北京", {"place": {"北京": [[2, 4]]}}), "offsets outside the text"),
        (labelled("他在北京", {"place": {"北京": [[-2, -1]]}}), "offsets outside the text"),
        (labelled("他在北京", {"place": {"": [[2, 1]]}}), "offsets outside the text"),
        (
            labelled("他在北京", {"place": {"北京": [[1, 2]]}}),
            "marked text differs from its offsets",
        ),
        (labelled("他在北京", {" ": {"北京": [[2, 3]]}}), "type without a name"),
        ('{"text": "北", "label": {"a": {"北": [[0, 0]]}, "a": {}}}', "a key stands twice"),
    ],
)
def test_a_wrong_line_of_cluener_is_skipped_by_name(tmp_path, line, reason):
    skipped, row = read(tmp_path, "cluener", line + "\n" + labelled("好", {}) + "\n")
    assert skipped == Skipped(f"{tmp_path / 'some.txt'}:1", reason)
    assert row.text == "好"


@pytest.mark.parametrize(
    "label",
    [
        [],
        "place",
        {"place": ["北京"]},
        {"place": {"北京": 2}},
        {"place": {"北京": [2, 3]}},
        {"place": {"北京": [[2]]}},
        {"place": {"北京": [[2, 3.0]]}},
        {"place": {"北京": [[2, True]]}},
    ],
)
def test_labels_of_another_form_are_skipped(tmp_path, label):
    [skipped] = read(tmp_path, "cluener", labelled("他在北京", label))
    assert skipped.reason.startswith("label is not {type: {mention")


def test_what_deserves_a_word_is_counted(tmp_path):
    content = labelled("在\t北京", {"a": {"北京": [[2, 3], [2, 3]]}}).encode() + b"\n"
    content += '{"text": "坏'.encode() + b"\xff" + '京", "label": {"a": {"京": [[2, 2]]}}}'.encode()
    twice, broken = read(tmp_path, "cluener", content)
    assert twice.remarks == ("with control characters",)
    assert twice.left_out == ("spans marked twice",)
    assert (broken.text, broken.broken, marked(broken)) == ("坏\ufffd京", True, [("京", "a")])


def test_overlaps_are_for_the_task_to_judge(tmp_path):
    label = {"book": {"《北京人》": [[0, 4]]}, "place": {"北京": [[1, 2]]}}
    [row] = read(tmp_path, "cluener", labelled("《北京人》", label))
    assert marked(row) == [("《北京人》", "book"), ("北京", "place")]


@pytest.mark.parametrize(
    ("tags", "expected", "inside"),
    [
        ("B-a I-a O B-b", [("甲乙", "a"), ("丁", "b")], 0),
        ("B-a B-a I-a O", [("甲", "a"), ("乙丙", "a")], 0),
        ("I-a I-a B-a O", [("甲乙", "a"), ("丙", "a")], 1),
        ("B-a I-b I-b O", [("甲", "a"), ("乙丙", "b")], 1),
        ("O I-a O I-a", [("乙", "a"), ("丁", "a")], 2),
        ("B-a I-a E-a S-a", [("甲乙丙", "a"), ("丁", "a")], 0),
        ("B-a E-a E-a I-a", [("甲乙", "a"), ("丙", "a"), ("丁", "a")], 2),
        ("B-a-b I-a-b O O", [("甲乙", "a-b")], 0),
    ],
)
def test_tags_of_three_schemes(tmp_path, tags, expected, inside):
    lines = "".join(f"{each}\t{tag}\n" for each, tag in zip("甲乙丙丁", tags.split(), strict=True))
    [row] = read(tmp_path, "conll", lines)
    assert marked(row) == expected
    assert row.remarks == (span_readers.BEGINS_INSIDE,) * inside


def test_english_tokens_are_set_apart(tmp_path):
    lines = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n. . O O\n\n\n"
    lines += "在 P O\n1998 M B-t\n年 M I-t\nN N O\nB N O\nA N O\n"
    one, other = read(tmp_path, "conll", lines)
    assert (one.text, marked(one)) == ("EU rejects .", [("EU", "ORG")])
    assert (other.text, marked(other)) == ("在1998年NBA", [("1998年", "t")])
    assert [each.place.rpartition(":")[2] for each in (one, other)] == ["3", "8"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("京\tB-a\n在\n", "line without a tag"),
        ("京\tB-a\n在\tP\tO\n", "lines with different numbers of columns"),
        ("京\tB-\n", "tag without a type"),
        ("京\tB\n", "tag without a type"),
        ("京\tB- \n", "tag without a type"),
        ("京\tX-a\n", "tag that is not BIO or BIOES"),
        ("京\t\n", "tag that is not BIO or BIOES"),
        ("\tO\n", "empty token"),
        ("\u3000\tO\n", "empty text"),
    ],
)
def test_a_wrong_sentence_of_conll_is_skipped_by_name(tmp_path, lines, reason):
    skipped, row = read(tmp_path, "conll", lines + "\n好\tO\n")
    assert skipped == Skipped(f"{tmp_path / 'some.txt'}:1", reason)
    assert row.text == "好"


def test_conllu_joins_words_by_blanks(tmp_path):
    lines = "# text = 我爱你\n" + words(("我", "PRON"), ("爱", "VERB"))
    lines += "3-4\t你们\t_\t_" + "\t_" * 6 + "\n" + "2.1\tx\t_\t_" + "\t_" * 6 + "\n"
    lines += "3\t你\t_\tPRON" + "\t_" * 6 + "\n"
    [row] = read(tmp_path, "conllu", lines)
    assert row.text == "我 爱 你"
    assert marked(row) == [("我", "PRON"), ("爱", "VERB"), ("你", "PRON")]
    assert row.remarks == ("multiword ranges, left out for their words", "empty nodes, left out")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("1\t我\t_\tPRON\n", "line without ten columns"),
        (words(("我", "_")), "word without a tag"),
        (words(("", "X")), "word that is empty or holds white space"),
        (words(("a b", "X")), "word that is empty or holds white space"),
        (words(("我", "X")).replace("1", "2", 1), "wrong number of a word"),
    ],
)
def test_a_wrong_sentence_of_conllu_is_skipped_by_name(tmp_path, lines, reason):
    skipped, row = read(tmp_path, "conllu", "# a\n" + lines + "\n" + words(("好", "ADJ")))
    assert skipped == Skipped(f"{tmp_path / 'some.txt'}:2", reason)
    assert row.text == "好"


def test_words_take_brackets_off(tmp_path):
    [row] = read(tmp_path, "words", "[中央/n  电台/n]nt  ，/w  [/w  ]/w  1/2/m  //w\n")
    assert marked(row)[:3] == [("中央", "n"), ("电台", "n"), ("，", "w")]
    assert marked(row)[3:] == [("[", "w"), ("]", "w"), ("1/2", "m"), ("/", "w")]
    assert row.remarks == ("compounds whose brackets were taken off",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("我/r 爱", "not word/tag"),
        ("我/", "word without a tag"),
        ("/r", "word that is empty or holds white space"),
        (" ", "blank line"),
    ],
)
def test_a_wrong_line_of_words_is_skipped_by_name(tmp_path, line, reason):
    assert read(tmp_path, "words", line) == [Skipped(f"{tmp_path / 'some.txt'}:1", reason)]


def test_squad_answers_are_spans_of_question_and_context(tmp_path):
    asked = question(("京", 3), ("北京", 2), ("北京", 2), ("首都", -1), ("北京", 1), ("京。", 4))
    content = json.dumps(document(asked), ensure_ascii=False, indent=1)
    [row] = read(tmp_path, "squad", content)
    assert row.text == "在哪？\x1f他在北京。"
    assert marked(row) == [("京", "answer"), ("北京", "answer")]
    assert row.answers == ("京", "北京", "北京", "首都", "北京", "京。")
    assert sorted(row.left_out) == [
        "answers at the place of another",
        "answers that differ from what stands at their offsets",
        "answers with offsets outside the text",
        "answers with offsets outside the text",
    ]
    line = 1 + content[: content.index('"q"')].count("\n")
    assert row.place == f"{tmp_path / 'some.txt'}:{line} q"


def test_questions_on_one_context_are_one_group(tmp_path):
    content = document(question(("北京", 2)), question(("他", 0), question="谁？"))
    one, other = read(tmp_path, "squad", json.dumps(content))
    assert one.group == other.group
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"data": [{}]}, "article without paragraphs"),
        ({"data": [{"paragraphs": [{}]}]}, "paragraph without context or questions"),
        ({"data": [{"paragraphs": [{"qas": [1]}]}]}, "paragraph without context or questions"),
        (document("在哪？"), "no question with a list of answers"),
        (document(question(question="")), "empty question"),
        (document(question(), context=" "), "empty text"),
        (document(question()), "question without an answer"),
        (document(question(("北京", 2), is_impossible=True)), "question without an answer"),
        (document(question(("北京", 1))), "no answer stands at its offset"),
        (document(question(("", 1))), "no answer stands at its offset"),
        (document(question(("北京", "2"))), "no answer stands at its offset"),
        (
            document(question(("他", 0)), context="他\x1f在"),
            "separator U+001F in the question or its context",
        ),
    ],
)
def test_a_wrong_question_is_skipped_by_name(tmp_path, content, reason):
    [skipped] = read(tmp_path, "squad", json.dumps(content))
    assert skipped.reason == reason
    assert skipped.place.startswith(f"{tmp_path / 'some.txt'}:1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(document(question()), indent=1)[:-9], r"some\.txt:\d+: no JSON from column"),
        ("[]", 'holds no list "data"'),
        ('{"data": 1, "data": []}', "a key stands twice"),
        ("[" * 100_000, r"some\.txt: .* expected JSON"),
    ],
)
def test_what_is_no_squad_document_is_refused(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path, "squad", content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.conllu", "", "conllu"),
        ("a.conll", "", "conll"),
        ("a.json", '{"text": "x", "label": {}}\n', "cluener"),
        ("a.json", json.dumps(document()), "squad"),
        ("a.json", json.dumps({"version": "1.1"} | document(), indent=2), "squad"),
        ("a.txt", "\n京\tB-place\n", "conll"),
        ("a.txt", "-DOCSTART- -X- O O\n", "conll"),
        ("a.txt", "我/r  爱/v\n", "words"),
    ],
)
def test_formats_are_told_by_name_or_beginning(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_text(content)
    assert span_readers.format_of(path) == expected


def test_an_unknown_format_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("some text\n")
    with pytest.raises(InputError, match=r"a\.txt: .*got 'some text', expected data\.format"):
        span_readers.format_of(path)


VALID = {
    "cluener": labelled("他在北京", {"place": {"北京": [[2, 3]]}}) + "\n" + labelled("好", {}),
    "conll": "京\tB-a\n城\tI-a\n\n好\tO\n",
    "conllu": words(("我", "PRON"), ("爱", "VERB")) + "\n" + words(("好", "ADJ")),
    "words": "我/r  爱/v\n[好/a]n\n",
    "squad": json.dumps(document(question(("北京", 2))), ensure_ascii=False, indent=1),
}


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files_give_rows_reasons_or_one_line(tmp_path, format):
    source = random.Random(5)
    valid = VALID[format].encode()
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(valid)
        for _ in range(source.randint(1, 4)):
            position = source.randrange(len(damaged))
            damaged[position : position + source.randint(0, 3)] = source.choice(
                [b"", b"\x00", b"\xff", b"\n", b"\t", b" ", b"{", b'"', b"9", b"-", b"\\ud800"]
            )
        try:
            rows = read(tmp_path, format, bytes(damaged))
        except InputError as error:
            outcomes.add("refused" if str(error).isprintable() else "several lines")
            continue
        for row in rows:
            outcomes.add(type(row))
            assert row.place.startswith(str(tmp_path))
            if isinstance(row, SpanRow):
                assert row.text.encode()  # no lone surrogate is left
                assert all(0 <= start < end <= len(row.text) for start, end, _ in row.spans)
                assert all(kind.strip() for _, _, kind in row.spans)
    assert "several lines" not in outcomes
    assert outcomes >= ({SpanRow, "refused"} if format == "squad" else {SpanRow, Skipped})
