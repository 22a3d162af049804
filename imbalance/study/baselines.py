"""Linear models that a network has to beat, on the same rows.

=================================  ==========================================================
``svm``                            TF-IDF of characters and their bigrams, LinearSVC
``logistic_regression``            the same features, logistic regression
``…_balanced``                     the same, classes weighed by n / (classes × n_c)
``fasttext``                       characters and bigrams, softmax, 25 epochs
=================================  ==========================================================

N-grams of fewer than three training texts are left out, which on Fudan news makes the SVM better.
All have scikit-learn's default regularisation, C = 1. fastText has one thread, since several make
another model of the same seed, and a learning rate of 1 (.5 was worse on a fifth of Fudan's
training rows). It learns row by row in the order of its file, so the rows are shuffled: corpora are
often sorted by class, and it would have forgotten the first ones.
"""

import importlib.util
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from imbalance.config import DataConfig
from imbalance.data import load
from imbalance.evaluation.scores import unseen_rows
from imbalance.study import content
from imbalance.study.cells import Outcome
from imbalance.study.predictions import LabelPredictions


def absent(name: str) -> str | None:
    """Return why a baseline cannot be trained here, or nothing if it can."""
    if name == "fasttext" and importlib.util.find_spec("fasttext") is None:
        return "fasttext is not installed (pip install fasttext)"
    return None


def train(asked: Mapping) -> Outcome:
    """Train a baseline on training and validation rows together and predict the test split.

    Args:
        asked: ``model``, a name of :data:`imbalance.study.rows.BASELINES`; ``characters`` read
            from the start of each text; ``seed``; and ``data``, see
            :class:`imbalance.config.DataConfig`.
    """
    corpus = load(DataConfig(**asked["data"]))
    known = [corpus.splits[name] for name in ("train", "validation")]
    test = corpus.splits["test"]
    texts = [text[: asked["characters"]] for split in known for text in split.texts]
    labels = np.concatenate([split.labels for split in known])
    wanted = [text[: asked["characters"]] for text in test.texts]
    fit = _fasttext if asked["model"] == "fasttext" else _linear
    started = time.monotonic()
    predict = fit(asked["model"], texts, labels, asked["seed"])
    seconds = time.monotonic() - started
    y_pred, probabilities = predict(wanted)
    unseen = unseen_rows(test.digests, np.concatenate([split.digests for split in known]))
    predictions = LabelPredictions(test.labels, y_pred, unseen, probabilities, test.subgroups)
    counts = np.bincount(labels, minlength=len(corpus.labels))
    return Outcome(predictions, corpus.labels, counts, seconds, rows=content.digest(corpus))


def _linear(name: str, texts: Sequence[str], labels: np.ndarray, seed: int) -> Callable:
    weight = "balanced" if name.endswith("_balanced") else None
    if name.startswith("svm"):
        classifier = LinearSVC(class_weight=weight, random_state=seed)
    else:
        classifier = LogisticRegression(class_weight=weight, max_iter=1000)
    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True, min_df=3)
    model = make_pipeline(features, classifier).fit(texts, labels)

    def predict(wanted):
        if name.startswith("svm"):
            return model.predict(wanted), None  # margins are no probabilities
        probabilities = model.predict_proba(wanted)
        return probabilities.argmax(axis=1), probabilities

    return predict


def _fasttext(name: str, texts: Sequence[str], labels: np.ndarray, seed: int) -> Callable:
    import fasttext

    with tempfile.TemporaryDirectory(prefix="imbalance-") as folder:
        path = Path(folder, "train.txt")
        with path.open("w", encoding="utf-8") as file:
            for row in np.random.default_rng(seed).permutation(len(texts)):
                file.write(f"__label__{labels[row]} {_spaced(texts[row])}\n")
        model = fasttext.train_supervised(
            str(path), wordNgrams=2, epoch=25, lr=1.0, thread=1, seed=seed, verbose=0
        )

    def predict(wanted):
        found = model.predict([_spaced(text) for text in wanted], k=-1)
        probabilities = np.zeros((len(wanted), labels.max() + 1), "float32")
        for row, (names, values) in enumerate(zip(*found, strict=True)):
            columns = [int(each.removeprefix("__label__")) for each in names]
            probabilities[row, columns] = np.minimum(values, 1)  # it gives 1.00001 as well
        return probabilities.argmax(axis=1), probabilities

    return predict


def _spaced(text: str) -> str:
    """Return its characters as the words that fastText expects, on one line."""
    return " ".join("".join(text.split()))
