"""What a SavedModel answers by each signature, and what lies beside it."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from imbalance import models, registry
from imbalance.config import RunConfig
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder
from imbalance.decision import Decision
from imbalance.run_folder import Run
from imbalance.serving import export, versions, warmup

WORDS = ["球赛", "在", "北京", "举行", "好", "书", "不", "，", "hello"]
CHARACTERS = "球赛在北京举行好书不helo"
TEXTS = [
    "球赛在北京举行，好书不好 hello",
    "好",
    "",
    "书 不😀书，，好书不 好书不 " * 9,
    "\x00",
    "🀄e\u0301𠮷",
]
HOSTILE = [b"", b"\xff\xfe\x00", b"\xe5\xa5", "😀".encode(), b"\x00\x00", "好书".encode() * 50_000]
DECISION = Decision((0.7, 0.2, 0.1), temperature=2.0, prior_correction=1.0)


def made(folder, tokens, labels, rule=None, **settings) -> Run:
    """Return a run whose network was never trained: its weights are random."""
    folder.mkdir()
    config = RunConfig.from_mapping({"name": folder.name, **settings})
    encoder = TextEncoder.of(Tokenizer.from_config(config.data), tokens)
    activation = registry.build_loss(config.loss).activation
    model = registry.build_model(
        config.model,
        vocabulary_size=len(encoder.vocabulary),
        units=models.output_units(activation, len(labels)),
        dtype="float32",
    )
    random = np.random.default_rng(1)
    for each in model.weights:
        if "float" in each.dtype:
            each.assign(random.normal(size=each.shape))
    for wide in [each for each in model.layers if isinstance(each, models.NgramLogits)]:
        size = len(encoder.vocabulary)
        codes = sorted([2, 5, 6, 7, 6 * size + 7, 7 * size + 8, 8 * size + 6, 2 * size + 3])
        kernel = random.normal(size=(len(codes), wide.units))
        wide.fit_to(codes, random.uniform(1, 2, len(codes)), kernel, wide.bias.numpy())
    (folder / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    (folder / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
    encoder.save(folder / "vocabulary.txt")
    model.save(folder / "model.keras")
    if rule:
        text = rule.to_json(labels)
        (folder / "decision.json").write_text(text, encoding="utf-8")
    metrics = {"training": {"rows": {labels[0]: 900, labels[1]: 7}}, "test": {"all": {"x": 1}}}
    run = Run(folder)
    run.update_metrics(metrics)
    return run


@pytest.fixture(scope="session")
def wide_words(tmp_path_factory):
    """Words, a wide path, three classes, a decision layer and tables."""
    folder = tmp_path_factory.mktemp("runs")
    network = {"filters": 5, "embedding_dim": 4, "tokens": 9, "wide_features": 12}
    run = made(
        folder / "words",
        WORDS,
        ["Law", "体育", "经济"],
        DECISION,
        data={"tokens": "words", "max_characters": 300, "max_length": 20},
        model={"name": "wide_text_cnn", "args": network},
        decision={"prior_correction": 1.0, "temperature": True},
    )
    exported = export.export(run, folder / "serving")
    assert exported.tables == "float32"
    return run, exported.path, tf.saved_model.load(str(exported.path)).signatures


@pytest.fixture(scope="session")
def plain_letters(tmp_path_factory):
    """Characters without what is no letter, a single output, no tables."""
    folder = tmp_path_factory.mktemp("runs")
    network = {"filters": 5, "embedding_dim": 4, "implementation": "dense"}
    run = made(
        folder / "letters",
        CHARACTERS,
        ["no", "yes"],
        data={"keep": "letters", "max_length": 12},
        model={"name": "text_cnn", "args": network},
        loss="bce",
    )
    exported = export.export(run, folder / "serving")
    assert exported.tables == "none"
    return run, exported.path, tf.saved_model.load(str(exported.path)).signatures


@pytest.fixture(params=["wide_words", "plain_letters"])
def served(request):
    return request.getfixturevalue(request.param)


def test_it_answers_as_the_run(served):
    run, _, signatures = served
    expected = run.probabilities(TEXTS)
    labels = [run.labels[each] for each in run.decision.decide(expected)]
    assert np.ptp(expected, axis=0).max() > 0.05
    for name in ("serving_default", "explain"):
        answer = signatures[name](text=tf.constant(TEXTS))
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
        assert [label.decode() for label in answer["label"].numpy()] == labels


def test_tokens_are_taken_as_they_are(served):
    run, _, signatures = served
    tokenizer = run.encoder.tokenizer
    tokens = tokenizer.split(tf.constant(tokenizer.prepare(TEXTS))).to_tensor(default_value="")
    answer = signatures["tokens"](tokens=tf.pad(tokens, [[0, 0], [1, 3]]))
    np.testing.assert_allclose(answer["probabilities"], run.probabilities(TEXTS), atol=1e-6)


def test_top_k_is_in_the_order_of_the_decision(served):
    run, _, signatures = served
    probabilities = run.probabilities(TEXTS)
    for k, size in ((1, 1), (2, 2), (99, len(run.labels))):
        answer = signatures["top_k"](text=tf.constant(TEXTS), k=tf.constant(k))
        order = np.argsort(-probabilities * run.decision.weights, axis=1, kind="stable")[:, :size]
        names = [[run.labels[each] for each in row] for row in order]
        assert [[each.decode() for each in row] for row in answer["labels"].numpy()] == names
        scores = np.take_along_axis(probabilities, order, axis=1)
        np.testing.assert_allclose(answer["scores"], scores, atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="k: got 0, expected at least 1"):
        signatures["top_k"](text=tf.constant(TEXTS), k=tf.constant(0))


def logits_of(run, texts):
    ids = run.encoder.encode(texts).to_tensor()
    return run.model(ids, training=False).numpy()


def test_contributions_and_bias_are_the_logit_of_the_label(served):
    run, _, signatures = served
    answer = {key: each.numpy() for key, each in signatures["explain"](text=TEXTS).items()}
    logits = logits_of(run, TEXTS)
    if logits.shape[1] == 1:
        logits = np.concatenate([-logits, logits], axis=1)
    chosen = [run.labels.index(label.decode()) for label in answer["label"]]
    np.testing.assert_allclose(answer["logit"], logits[np.arange(len(TEXTS)), chosen], atol=1e-4)
    sums = answer["contribution"].sum(axis=1) + answer["bias"]
    np.testing.assert_allclose(sums, answer["logit"], atol=1e-4)
    sizes = np.abs(answer["contribution"])
    assert (np.diff(sizes, axis=1) <= 0).all()
    there = answer["contribution"] != 0
    assert there.sum() > 20
    assert ((answer["start"] >= 0) == there).all()
    assert ((answer["end"] > answer["start"]) == there).all()
    for start, end, inside, text in zip(answer["start"], answer["end"], there, TEXTS, strict=True):
        spans = list(zip(start[inside], end[inside], strict=True))
        assert len(set(spans)) == len(spans)
        assert all(end <= len(text) for _, end in spans)


def test_windows_are_those_of_the_network(plain_letters):
    run, _, signatures = plain_letters
    text = TEXTS[3]
    letters = [(place, each) for place, each in enumerate(text) if "\u4e00" <= each <= "\u9fd5"][
        :12
    ]
    model = run.model
    features, dense = model.get_layer("features"), model.get_layer("logits")
    vectors = features.embedding.embeddings.numpy()[[run.encoder.id_of[c] for _, c in letters]]
    expected = {}
    for width, each in zip(features.kernel_sizes, features.convolutions, strict=True):
        kernel, bias = (weight.numpy() for weight in each.convolution.weights)
        before = (width - 1) // 2
        padded = np.pad(vectors, [[before, width - 1 - before], [0, 0]])
        sums = np.stack(
            [np.einsum("kd,kdf->f", padded[t : t + width], kernel) for t in range(len(letters))]
        )
        index = features.convolutions.index(each) * features.filters
        for filter_ in range(features.filters):
            first = sums[:, filter_].argmax() - before
            last = min(first + width, len(letters)) - 1
            span = letters[max(first, 0)][0], letters[last][0] + 1
            value = max(sums[:, filter_].max() + bias[filter_], 0)
            term = value * dense.kernel.numpy()[index + filter_, 0]
            expected[span] = expected.get(span, 0) + term
    answer = signatures["explain"](text=[text])
    sign = 1 if answer["label"].numpy()[0] == b"yes" else -1
    rows = (answer[name].numpy()[0].tolist() for name in ("start", "end", "contribution"))
    found = {(start, end): sign * term for start, end, term in zip(*rows, strict=True)}
    wanted = {span: pytest.approx(term, abs=1e-4) for span, term in expected.items() if term}
    assert found == wanted


def test_pairs_of_words_are_evidence_as_well(wide_words):
    _, _, signatures = wide_words
    answer = signatures["explain"](text=["不 举行，好 书"])
    spans = set(zip(answer["start"].numpy()[0], answer["end"].numpy()[0], strict=True))
    # 好书 and ，好 are n-grams of the wide path; the convolutions have windows of 1 to 3 words.
    assert {(4, 8), (5, 6)} & spans


@pytest.mark.parametrize("count", [len(HOSTILE), 0])
def test_whatever_comes_is_answered(served, count):
    run, _, signatures = served
    texts = tf.constant(HOSTILE[:count], tf.string)
    asked = {
        "serving_default": {"text": texts},
        "top_k": {"text": texts, "k": tf.constant(2)},
        "explain": {"text": texts},
        "tokens": {"tokens": texts[:, tf.newaxis]},
    }
    for name, inputs in asked.items():
        answer = signatures[name](**inputs)
        assert {each.shape[0] for each in answer.values()} == {count}
        assert np.isfinite(answer.get("probabilities", answer.get("scores"))).all()


def test_labels_decision_and_card_are_beside_it(served):
    run, path, signatures = served
    assert (path / "assets" / "labels.txt").read_text("utf-8").split() == list(run.labels)
    decision = (path / "assets" / "decision.json").read_text("utf-8")
    assert Decision.from_json("decision.json", decision, run.labels) == run.decision
    card = json.loads((path / "assets" / "model_card.json").read_text("utf-8"))
    assert card["metrics"] == {"test": {"all": {"x": 1}}}
    assert card["data"]["training_rows"] == run.metrics["training"]["rows"]
    assert card["loss"]["name"] == run.config.loss.name
    assert card["versions"]["keras"] == keras.__version__
    assert any(f"{run.labels[1]} (7)" in each for each in card["limits"])
    assert set(card["signatures"]) == set(signatures) - {"serve"}
    for name, described in card["signatures"].items():
        assert set(described["outputs"]) == set(signatures[name].structured_outputs)


def test_every_warm_up_request_is_answered(served):
    _, path, signatures = served
    logs = [
        PredictionLog.FromString(each.numpy())
        for each in tf.data.TFRecordDataset(str(path / warmup.PATH))
    ]
    asked = [log.predict_log.request for log in logs]
    assert {each.model_spec.signature_name for each in asked} == set(signatures) - {"serve"}
    for each in asked:
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in each.inputs.items()}
        assert signatures[each.model_spec.signature_name](**inputs)


def test_pairs_of_unequal_number_are_refused(tmp_path):
    run = made(
        tmp_path / "pairs",
        ["好", "书"],
        ["no", "yes"],
        data={"text_column": ["a", "b"], "source": "pairs.csv", "tokens": "words"},
        model={"name": "text_cnn", "args": {"filters": 2, "embedding_dim": 2}},
    )
    serving = export._Endpoints(run, export._network(run.model, run.config.serving))
    assert serving.evidence is None
    answer = tf.function(serving.answer_pairs)
    pairs = ["好书", "好 书好", ""], ["书", "", "好好"]
    expected = run.probabilities(["\x1f".join(each) for each in zip(*pairs, strict=True)])
    found = answer(*map(tf.constant, pairs))["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    tokens = serving.pairs_of_tokens(tf.constant([["好书", ""]]), tf.constant([["书"]]))
    np.testing.assert_allclose(tokens["probabilities"], expected[:1], atol=1e-6)
    message = "text_a, text_b: got 3 and 2, expected as many of the one as of the other"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        answer(tf.constant(pairs[0]), tf.constant(pairs[1][:2]))


def test_a_version_is_never_overwritten_nor_half_written(tmp_path):
    class Archive:
        def write_out(self, path, verbose):
            (path / "assets").mkdir(parents=True)
            if self.broken:
                raise RuntimeError("full")

    archive = Archive()
    (tmp_path / "7").mkdir()
    archive.broken = True
    with pytest.raises(RuntimeError, match="full"):
        versions.write(archive, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["7"]
    archive.broken = False
    assert versions.write(archive, tmp_path, {"a.txt": "a"}).name == "8"
    assert (tmp_path / "8" / "assets" / "a.txt").read_text() == "a"
