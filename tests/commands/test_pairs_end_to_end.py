"""Pairs of texts the whole way: the same answer from Python and from the SavedModel."""

import random

import numpy as np
import pytest
import tensorflow as tf

from imbalance.commands import evaluate, options, train
from imbalance.run_folder import Run

ODD = "\x1f\0\t\n \u3000\ufeff\ufffd😀一Aé\u0301b"


WORDS = ("--set", "data.tokens=words", "--set", "data.vocabulary_size=20")


@pytest.fixture(
    scope="module",
    params=[(), (*WORDS, "--set", "data.oov_buckets=500")],
    ids=["characters", "words, unknown ones by hash"],
)
def run(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("pairs")
    draw = random.Random(1)
    words = ["我们", "喜欢", "北京", "红色", "book", "river"]
    lines = ["left\tright\tsame"]
    for i in range(240):
        first = draw.sample(words, 3)
        second = first if i % 4 == 0 else draw.sample(words, 3)
        lines.append(f"{' '.join(first)}{i}\t{' '.join(second)}\t{int(i % 4 == 0)}")
    (folder / "rows.tsv").write_text("\n".join(lines), encoding="utf-8")
    settings = [
        *("--data", folder / "rows.tsv", "--output-dir", folder, "--name", "run"),
        *("--model", "siamese_cnn", "--epochs", 5, "--batch-size", 16),
        *("--model-arg", "filters=8", "--model-arg", "embedding_dim=8"),
        *("--set", "data.text_column=[left, right]", "--set", "data.label_column=same"),
        # The last epoch is kept.
        *("--set", "data.validation_fraction=0", "--set", "training.learning_rate=0.01"),
        *request.param,
    ]
    assert options.run(train.main, [str(each) for each in settings]) == 0
    return Run(folder / "run")


def test_equal_texts_are_recognised(run):
    assert run.metrics["test"]["all"]["accuracy"] > 0.85


def test_evaluating_again_gives_the_same_scores(run):
    before = run.metrics["test"]
    assert options.run(evaluate.main, [str(run.path)]) == 0
    assert Run(run.path).metrics["test"] == before


def test_the_saved_model_takes_two_texts(run):
    draw = random.Random(2)
    first, second = (
        [
            "",
            "我们 喜欢",
            "我们 喜欢",
            *("".join(draw.choices(ODD, k=draw.randrange(9))) for _ in "x" * 60),
        ]
        for _ in range(2)
    )
    serve = tf.saved_model.load(run.path / "serving" / "1").signatures["serving_default"]
    assert set(serve.structured_input_signature[1]) == {"text_a", "text_b"}
    sides = [[each.replace("\x1f", " ") for each in side] for side in (first, second)]
    expected = run.probabilities(["\x1f".join(pair) for pair in zip(*sides, strict=True)])
    served = serve(text_a=tf.constant(first), text_b=tf.constant(second))
    np.testing.assert_allclose(served["probabilities"], expected, atol=1e-5)
    assert np.array_equal(
        served["label"].numpy().astype(str), np.array(run.labels)[run.decision.decide(expected)]
    )


def test_broken_bytes_are_answered(run):
    serve = tf.saved_model.load(run.path / "serving" / "1").signatures["serving_default"]
    broken = [b"\xff\xe4\xbd", b"\xf0\x9f"]
    repaired = [each.decode(errors="replace") for each in broken]
    served = serve(text_a=tf.constant(broken), text_b=tf.constant(broken))["probabilities"]
    expected = serve(text_a=tf.constant(repaired), text_b=tf.constant(repaired))["probabilities"]
    np.testing.assert_allclose(served, expected, atol=1e-6)
