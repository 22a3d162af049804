import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from imbalance.config import RunConfig
from imbalance.data import load
from imbalance.data.encoded import encode
from imbalance.models import text_cnn, wide_text_cnn
from imbalance.run_folder import Run
from imbalance.serving.export import export
from imbalance.training import wide
from imbalance.training.fit import fit


def configured(corpus, **changes):
    model = {"filters": 4, "kernel_sizes": [1, 2], "embedding_dim": 4, "tokens": 3}
    return RunConfig.from_mapping(
        {
            "data": {"source": str(corpus), "max_length": 30, "validation_fraction": 0},
            "model": {"name": "wide_text_cnn", "args": {**model, "wide_features": 500}},
            "training": {"epochs": 2, "batch_size": 16},
            **changes,
        }
    )


def test_the_wide_path_is_scikit_learns_support_vector_machine(small_corpus):
    """Without decay it is an ordinary TF-IDF, which scikit-learn makes of the texts by itself."""
    config = configured(small_corpus)
    corpus = load(config.data)
    encoded = encode(corpus, config.data)
    model = wide_text_cnn(
        len(encoded.encoder.vocabulary), 3, filters=2, wide_features=500, wide_decay=None
    )
    split = corpus.splits["train"]
    wide.fit(model, corpus, encoded)

    texts = [text[:30] for text in split.texts]
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(1, 2), lowercase=False, min_df=2)
    counts = vectorizer.fit_transform(texts).astype(float)
    idf = np.log((1 + len(texts)) / (1 + (counts > 0).sum(axis=0).A1)) + 1
    features = normalize(counts.log1p().multiply(idf))
    svm = LinearSVC(class_weight="balanced", tol=1e-8, max_iter=100_000)
    wanted = svm.fit(features, split.labels).decision_function(features)

    ids = encoded.encoder(tf.constant(texts))
    found = keras.ops.convert_to_numpy(model.get_layer("wide")(ids))
    np.testing.assert_allclose(found, wanted, atol=5e-3)
    assert (found.argmax(axis=1) == split.labels).all()


@pytest.mark.parametrize("units", [1, 2])
def test_of_two_classes_the_margin_is_the_difference(small_corpus, units, tmp_path):
    lines = (small_corpus / "train.csv").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.endswith("Law")]
    (tmp_path / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = configured(tmp_path / "train.csv")
    corpus = load(config.data)
    encoded = encode(corpus, config.data)
    model = wide_text_cnn(len(encoded.encoder.vocabulary), units, filters=2, wide_features=500)
    wide.fit(model, corpus, encoded)
    logits = model.get_layer("wide")(encoded.encoder(tf.constant(["球赛跑", "钱股市"]))).numpy()
    margins = logits[:, 0] if units == 1 else logits[:, 1] - logits[:, 0]
    # Ids in the order of the labels: 体育, 经济.
    assert margins[0] < -0.5
    assert margins[1] > 0.5


def test_a_network_without_a_wide_path_is_left_alone():
    model = text_cnn(10, 2, filters=2)
    before = model.get_weights()
    wide.fit(model, None, None)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("tables", ["float32", "none"])
def test_the_saved_model_answers_as_the_network(small_corpus, tmp_path, tables):
    serving = {"tables": tables}
    config = configured(small_corpus, serving=serving)
    folder = tmp_path / "run"
    folder.mkdir()
    fit(config, load(config.data), folder)
    run = Run(folder)
    texts = ["球赛跑的的train", "钱", "", "法律庭法律庭 法律庭" * 9, "🌟"]
    served = tf.saved_model.load(export(run, tmp_path / "serving", config.serving).path)
    answer = served.signatures["serving_default"](text=tf.constant(texts))
    np.testing.assert_allclose(answer["probabilities"], run.probabilities(texts), atol=1e-5)
    assert run.model.get_layer("wide").kernel.numpy().any()


def test_a_fitted_wide_path_is_kept_for_the_next_run(small_corpus, tmp_path, monkeypatch):
    config = configured(small_corpus)
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, cache=str(tmp_path)))
    corpus = load(config.data)
    encoded = encode(corpus, config.data)

    def fitted(features):
        size = len(encoded.encoder.vocabulary)
        model = wide_text_cnn(size, 3, filters=2, wide_features=features)
        wide.fit(model, corpus, encoded)
        return model.get_layer("wide").get_weights()

    first = fitted(500)
    monkeypatch.setattr(wide, "LinearSVC", None)
    for one, other in zip(first, fitted(500), strict=True):
        np.testing.assert_array_equal(one, other)
    # Of another layer another fit is asked for.
    with pytest.raises(TypeError):
        fitted(501)
