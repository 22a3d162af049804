"""The whole way of each token task: train, evaluate, compare, serve; and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import KINDS, PLACES, REST, ROWS, STRANGE, call
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from imbalance import tasks
from imbalance.commands import evaluate, train
from imbalance.config import PAIR_SEPARATOR
from imbalance.predict import command
from imbalance.run_folder import Run

OF_SPANS = [kind for kind, (task, *_) in KINDS.items() if task != "reading"]
OF_ANSWERS = [kind for kind in KINDS if kind not in OF_SPANS]


def each_of(kinds):
    """Run a test with runs of some kinds; one of each task and of words is quick."""
    slow = {"bioes", "positions"}
    marked = [pytest.param(kind, marks=[pytest.mark.slow] * (kind in slow)) for kind in kinds]
    return pytest.mark.parametrize("kind", marked)


# What every run is asked besides its own test rows: nothing, signs of no vocabulary, more than
# max_length characters, white space and control characters.
STRANGE_TEXTS = (
    *("", " ", "京", "😀京津😀", "在京津的" * 750, "\x00京\x07津", "[PAD][UNK]京"),
    *("王\t李 张\n\r在\u3000京\u00a0津", "e\u0301京", "\u200b京\ufeff津", "ａｂｃ京abc"),
    "\U0001f468\u200d\U0001f469京",
)
# Each byte that belongs to no character is one character.
BROKEN = [(b"\xff\xe4\xba\xac\xfe", "\ufffd京\ufffd"), ("京".encode() + b"\x80", "京\ufffd")]


def own_texts(run) -> list[str]:
    return tasks.get(run.config.task).load(run.config.data).splits["test"].texts


def serving(run):
    loaded = tf.saved_model.load(str(run.path / "serving" / "1"))
    return loaded, loaded.signatures["serving_default"]


def as_listed(run, found):
    return [(each.span.start, each.span.end, run.labels[each.span.type]) for each in found]


@each_of(KINDS)
def test_a_run_folder_is_whole(trained, kind):
    run = trained(kind).run
    names = {str(path.relative_to(run.path)) for path in run.path.rglob("*")}
    assert {
        *("config.yaml", "labels.txt", "vocabulary.txt", "history.csv", "metrics.json"),
        *("model.keras", "serving/1/saved_model.pb", "report/test/report.md"),
        "report/test/predictions.jsonl",
    } <= names
    assert ("report/test/per_type.csv" in names) == (kind in OF_SPANS)
    assert not any("partial" in name for name in names)


@each_of(KINDS)
def test_training_learns(trained, kind):
    run = trained(kind).run
    history = pd.read_csv(run.path / "history.csv")
    assert history["loss"].iloc[-1] < 0.5 * history["loss"].iloc[0]
    scores = run.metrics["test"]["all"]
    assert scores["span_f1" if kind in OF_SPANS else "answer_f1"] > 0.7
    assert run.metrics["training"]["best_value"] == pytest.approx(
        history[run.config.training.monitor].max()
    )


@each_of(OF_SPANS)
def test_the_savedmodel_answers_as_the_run(trained, kind):
    run = trained(kind).run
    texts = [*own_texts(run), *STRANGE_TEXTS]
    raw = [each.encode() for each in texts] + [given for given, _ in BROKEN]
    texts += [read for _, read in BROKEN]
    _, answer = serving(run)
    given = {key: value.numpy() for key, value in answer(text=tf.constant(raw)).items()}
    expected = run.spans(texts)
    assert sum(map(len, expected)) > len(texts)
    assert given["count"].tolist() == [len(each) for each in expected]
    for row, found in enumerate(expected):
        count = len(found)
        types = [each.decode() for each in given["type"][row, :count]]
        starts, ends = (given[key][row, :count].tolist() for key in ("start", "end"))
        assert list(zip(starts, ends, types, strict=True)) == as_listed(run, found)
        scores = [each.score for each in found]
        np.testing.assert_allclose(given["score"][row, :count], scores, atol=1e-5)
        assert (given["start"][row, count:] == -1).all()
        assert not given["score"][row, count:].any()


@each_of(OF_ANSWERS)
def test_the_savedmodel_answers_questions_as_the_run(trained, kind):
    run = trained(kind).run
    pairs = [each.split(PAIR_SEPARATOR) for each in own_texts(run)]
    pairs += [("叫什么？", each) for each in STRANGE_TEXTS]
    pairs += [("", "王李在"), ("谁" * 500, "王李在"), ("😀\t？", "在王\x1f李在"), ("", "")]
    texts = [PAIR_SEPARATOR.join(each) for each in pairs]
    raw = [[each.encode() for each in pair] for pair in pairs]
    raw += [["叫什么？".encode(), given] for given, _ in BROKEN]
    pairs += [("叫什么？", read) for _, read in BROKEN]
    texts += [PAIR_SEPARATOR.join(("叫什么？", read)) for _, read in BROKEN]
    _, answer = serving(run)
    questions, contexts = (tf.constant(each) for each in zip(*raw, strict=True))
    given = {
        key: value.numpy() for key, value in answer(question=questions, context=contexts).items()
    }
    expected = run.spans(texts)
    assert any(expected)
    for row, ((question, context), found) in enumerate(zip(pairs, expected, strict=True)):
        start, end, score = 0, 0, 0.0
        if found:
            [(span, score)] = found
            start, end = (place - len(question) - 1 for place in span[:2])
        assert (given["start"][row], given["end"][row]) == (start, end)
        assert given["answer"][row].decode() == context[start:end]
        assert given["score"][row] == pytest.approx(score, abs=1e-5)


@each_of(KINDS)
def test_a_healthy_training_shows_shares_and_no_warning(trained, kind):
    run = trained(kind).run
    assert run.metrics["training"]["warnings"] == []
    events = EventAccumulator(str(run.path / "tensorboard" / "validation"))
    events.Reload()
    classes = run.task.classes(run.labels, run.config.data.scheme)
    last = [events.Tensors(f"gradient_share/{each}")[-1] for each in classes]
    shares = [tf.make_ndarray(each.tensor_proto).item() for each in last]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert min(shares) > 0


@pytest.mark.parametrize("kind", ["bio", "pointers", "answers"])
def test_the_batch_changes_no_answer(trained, kind):
    run = trained(kind).run
    texts = own_texts(run)
    whole = run.spans(texts)
    for row in (0, 4, 7):
        [alone] = run.spans([texts[row]])
        assert [each.span for each in alone] == [each.span for each in whole[row]]
        np.testing.assert_allclose(
            [each.score for each in alone], [each.score for each in whole[row]], atol=1e-5
        )


def test_no_text_has_no_answer(trained):
    assert trained("bio").run.spans([]) == []
    _, answer = serving(trained("bio").run)
    assert answer(text=tf.constant([], tf.string))["start"].shape[0] == 0


def test_a_type_that_training_lacks_is_counted(trained, corpora, capsys):
    err = trained("bio").err
    path = corpora / "cluener" / "test.json"
    assert f"{path}: {ROWS['test'] + 1} rows read, {ROWS['test'] + 1} used, 0 skipped" in err
    assert f"({path}:{ROWS['test'] + 1})" in err
    assert f"'{STRANGE}' (1 spans)" in err
    assert trained("bio").run.metrics["test"]["all"]["rows"] == ROWS["test"] + 1
    assert call(evaluate, trained("bio").run.path) == 0
    [warning] = capsys.readouterr().err.splitlines()
    assert warning.endswith(
        f"test: spans left out, their types stand in no training row: '{STRANGE}' (1 spans)"
    )


def test_what_was_found_is_written(trained):
    run = trained("pointers").run
    texts = own_texts(run)
    lines = (run.path / "report" / "test" / "predictions.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [row["text"] for row in rows] == texts
    for row, found in zip(rows, run.spans(texts), strict=True):
        assert [(each["start"], each["end"], each["type"]) for each in row["spans"]] == as_listed(
            run, found
        )
        for each in row["spans"]:
            assert each["text"] == row["text"][each["start"] : each["end"]]


@pytest.mark.parametrize("kind", ["bio", "answers"])
def test_batch_prediction_answers_as_evaluation(trained, kind, tmp_path):
    run = trained(kind).run
    report = (run.path / "report" / "test" / "predictions.jsonl").read_text(encoding="utf-8")
    wanted = [json.loads(line) for line in report.splitlines()]
    names = ("text",) if kind == "bio" else ("question", "context")
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    lines = [json.dumps({name: row[name] for name in names}) + "\n" for row in wanted]
    rows.write_text("".join(lines), encoding="utf-8")
    assert command.main([str(run.path), str(rows), "-o", str(out)]) == 0
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(found) == len(wanted)
    for row, expected in zip(found, wanted, strict=True):
        assert [row[name] for name in names] == [expected[name] for name in names]
        if kind == "answers":
            [expected] = expected["answers"]
            row["spans"] = [{**row, "text": row["answer"]}]
            expected = {"spans": [expected]}
        for one, other in zip(row["spans"], expected["spans"], strict=True):
            assert one["score"] == pytest.approx(other["score"], abs=1e-4)
            keys = other.keys() - {"score"}
            assert [one[key] for key in keys] == [other[key] for key in keys]


def test_class_weights_of_tags_have_mean_one(trained):
    training = trained("pointers").run.metrics["training"]
    counts, weights = training["labels"], training["class_weights"]
    assert set(counts) == {"O", "place", "name"}
    total = sum(counts[name] * weights[name] for name in counts)
    assert total == pytest.approx(sum(counts.values()))


def test_unknown_characters_change_no_offset(trained):
    run = trained("bio").run
    [plain] = run.spans([REST[0] + PLACES[0] + REST[1]])
    [moved] = run.spans(["😀" * 5 + REST[0] + PLACES[0] + REST[1]])
    assert {each.span.start for each in moved} >= {each.span.start + 5 for each in plain}
    assert plain


# --- evaluate.py --------------------------------------------------------------------------------


@each_of(KINDS)
def test_evaluating_again_gives_the_same(trained, kind, capsys):
    run = trained(kind).run
    before = run.metrics
    assert call(evaluate, run.path) == 0
    assert run.metrics == before
    printed = capsys.readouterr().out
    assert printed.strip()
    assert printed.strip() in trained(kind).out


def test_other_data_leaves_the_metrics_of_the_run(trained, corpora, capsys):
    run = trained("bio").run
    before = run.metrics
    assert call(evaluate, run.path, "--data", corpora / "conll") == 0
    printed = capsys.readouterr()
    assert f"{ROWS['test']} rows read, {ROWS['test']} used, 0 skipped" in printed.err
    # The same rows in another format.
    assert f"{before['test']['all']['span_f1']:.4f}" in printed.out
    assert run.metrics == before
    assert (run.path / "report" / "conll-test" / "report.md").is_file()


def test_nothing_of_the_training_split_is_unseen(trained, capsys):
    run = trained("answers").run
    assert call(evaluate, run.path, "--split", "train") == 0
    assert run.metrics["train"]["unseen"]["rows"] == 0
    assert run.metrics["train"]["all"]["rows"] > 10


@pytest.mark.slow
def test_runs_stand_side_by_side_with_references(trained, tmp_path, capsys):
    reference = tmp_path / "published.yaml"
    reference.write_text("BERT:\n  all: {span_f1: 0.8, per_type: {place: {f1: 0.75}}}\n")
    paths = [trained(kind).run.path for kind in ("bio", "pointers")]
    assert call(evaluate, *paths, "--reference", reference, "--output", tmp_path / "both") == 2
    assert "runs of one task" in capsys.readouterr().err
    paths = [trained(kind).run.path for kind in ("bio", "bioes")]
    assert call(evaluate, *paths, "--reference", reference, "--output", tmp_path / "both") == 0
    printed = capsys.readouterr().out
    assert "BERT" in printed
    markdown = (tmp_path / "both" / "comparison.md").read_text(encoding="utf-8")
    assert "| type | support | bio | bioes | BERT |" in markdown.replace("**", "")
    frame = pd.read_csv(tmp_path / "both" / "comparison.csv")
    assert set(frame["run"]) == {"bio", "bioes"}
    assert set(frame["type"]) == {"place", "name"}


@pytest.mark.slow
def test_runs_with_answers_stand_side_by_side(trained, tmp_path, capsys):
    reference = tmp_path / "published.yaml"
    reference.write_text("people:\n  all: {exact_match: 0.92, answer_f1: 0.97}\n")
    paths = [trained(kind).run.path for kind in OF_ANSWERS]
    assert call(evaluate, *paths, "--reference", reference, "--output", tmp_path / "both") == 0
    assert "people" in capsys.readouterr().out
    markdown = (tmp_path / "both" / "comparison.md").read_text(encoding="utf-8")
    assert all(name in markdown for name in (*OF_ANSWERS, "people"))


@pytest.mark.parametrize("content", ["x: {all: {accuracy: 0.5}}", "x: {all: {span_f1: high}}"])
def test_references_of_another_kind_are_refused(trained, tmp_path, capsys, content):
    path = tmp_path / "published.yaml"
    path.write_text(content)
    assert call(evaluate, trained("bio").run.path, "--reference", path) == 2
    printed = capsys.readouterr()
    assert str(path) in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_run_of_another_vocabulary_is_refused(trained, tmp_path):
    import shutil

    folder = tmp_path / "broken"
    shutil.copytree(trained("pointers").run.path, folder)
    (folder / "labels.txt").write_text("name\n", encoding="utf-8")
    assert call(evaluate, folder) == 2
    with pytest.raises(ValueError, match=r"model.keras: made for \d+ tokens and 6 outputs"):
        Run(folder).spans(["京"])


# --- what is refused before data is read ----------------------------------------------------------

READING, SPAN, TAGGING = (["--task", task] for task in ("reading", "span", "tagging"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*TAGGING, "--set", "decision.thresholds=true"], "decision: "),
        ([*SPAN, "--sampling", "class_balanced"], "training.sampling: got"),
        ([*SPAN, "--set", "data.tokens=words"], "data.tokens: got"),
        ([*TAGGING, "--set", "data.keep=letters"], "data.keep: got"),
        ([*TAGGING, "--set", "data.folds=5", "--set", "data.fold=0"], "data.folds: got"),
        ([*TAGGING, "--set", "data.max_characters=9"], "data.max_characters: got"),
        ([*TAGGING, "--set", "data.scheme=iob"], "data.scheme: got 'iob'"),
        ([*TAGGING, "--set", "data.format=csv"], "data.format: got 'csv'"),
        (["--set", "data.format=cluener"], "data.format: got 'cluener'"),
        ([*SPAN, "--set", "data.scheme=words"], "data.scheme: got 'words'"),
        ([*SPAN, "--set", "data.scheme=bioes"], "data.scheme: got 'bioes'"),
        ([*READING, "--class-weight", "balanced"], "training.class_weight: got 'balanced'"),
        ([*READING, "--loss", "weight_cross_entropy"], "loss: got 'weight_cross_entropy'"),
        ([*READING, "--loss", "dice_loss"], "loss: got 'dice_loss'"),
        ([*TAGGING, "--model", "text_cnn"], "model: got 'text_cnn', expected one for tokens"),
        (["--model", "dilated_cnn"], "model: got 'dilated_cnn', expected one for texts"),
        (["--model", "siamese_cnn"], "expected one for texts: text_cnn, wide_text_cnn, bigru, b"),
        ([*SPAN, "--model", "reader_cnn"], "expected one for tokens: dilated_cnn, bigru_tagger, b"),
        ([*READING, "--model", "bigru_tagger"], "expected one for answers: reader_cnn, bert"),
        (["--set", "data.text_column=[a, b]", "--model", "reader_cnn"], "one for pairs of texts: "),
        ([*READING, "--model", "readr_cnn"], "did you mean 'reader_cnn'"),
        ([*READING, "--monitor", "val_span_f1"], "training.monitor: got 'val_span_f1'"),
        ([*TAGGING, "--monitor", "val_answer_f1"], "training.monitor: got 'val_answer_f1'"),
        (["--monitor", "val_span_f1"], "training.monitor: got 'val_span_f1'"),
        ([*SPAN, "--set", "data.text_column=[a, b]"], "data.text_column: got"),
        ([*TAGGING, "--set", "data.resample={place: 2}"], "data.resample: got"),
        ([*TAGGING, "--set", "serving.tables=float16"], "serving.tables: got"),
        (["--task", "tags"], "task: got 'tags'"),
        ([*SPAN, "--set", "data.imbalance_ratio=4"], "data.imbalance_ratio: got 4, expected null"),
        ([*SPAN, "--imbalance-ratio", "11.5"], "--imbalance-ratio: got 11.5"),
        (["--imbalance-ratio", "4"], "--imbalance-ratio: got 4.0, expected no such flag"),
        ([*TAGGING, "--set", "data.test_imbalance_ratio=4"], "data.test_imbalance_ratio: got 4"),
        (["--set", "data.scheme=bioes"], "data.scheme: got 'bioes', expected bio with task"),
        (["--monitor", "val_bias_auc"], "training.monitor: got 'val_bias_auc'"),
    ],
    ids=lambda each: "" if isinstance(each, str) else " ".join(each),
)
def test_wrong_settings_are_one_line(arguments, message, tmp_path, capsys):
    # Read too late, the missing corpus would be what is refused.
    data = ["--data", tmp_path / "missing", "--output-dir", tmp_path / "out"]
    assert call(train, *arguments, *data) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("task", "corpus", "message"),
    [
        ("reading", "cluener", "expected squad"),
        ("tagging", "squad", "expected another for task tagging"),
        ("span", "nowhere", "data.source: got"),
    ],
)
def test_a_corpus_of_another_task_is_one_line(task, corpus, message, corpora, tmp_path, capsys):
    arguments = ["--task", task, "--data", corpora / corpus, "--output-dir", tmp_path / "out"]
    assert call(train, *arguments, "--set", "data.cache=null") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_data_without_a_known_span_is_refused(trained, tmp_path, capsys):
    path = tmp_path / "empty.json"
    path.write_text('{"text": "没有名字", "label": {}}\n' * 3, encoding="utf-8")
    assert call(evaluate, trained("bio").run.path, "--data", path) == 2
    assert (
        "no span of a known type, expected one at least of name, place" in capsys.readouterr().err
    )


def test_a_word_of_an_unknown_type_is_one_that_was_not_found(trained, tmp_path, capsys):
    path = tmp_path / "words.txt"
    path.write_text(f"京/place 棋/{STRANGE}\n", encoding="utf-8")
    assert call(evaluate, trained("words").run.path, "--data", path) == 0
    printed = capsys.readouterr()
    assert f"'{STRANGE}' (1 spans)" in printed.err
    [line] = [line for line in printed.out.splitlines() if "token accuracy" in line]
    assert line.split()[2:] == ["0.5000", "0.5000"]
