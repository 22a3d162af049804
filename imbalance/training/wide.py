"""The wide path of a network: fitted by a solver before the rest is trained."""

import logging
import time
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from imbalance.data import cache
from imbalance.data.corpus import Corpus, Split
from imbalance.data.encoded import EncodedCorpus, EncodedRows
from imbalance.models import ngram_logits
from imbalance.models.ngram_logits import NgramLogits, position_weights

# An n-gram of a single text says nothing about the others.
_LEAST_TEXTS = 2
_FILE = "wide.npz"
# Where the features are defined that were fitted.
_LAYER = ngram_logits.__file__

_log = logging.getLogger(__name__)


def fit(model: keras.Model, corpus: Corpus, encoded: EncodedCorpus) -> None:
    """Fit the wide path of ``model``, if it has one, to the training rows.

    A support vector machine, one class against the rest, with classes of equal weight
    (scikit-learn's ``LinearSVC``), on the features that :class:`NgramLogits` computes. It knows
    nothing of loss or seed, so it is kept beside the corpus for the next run.

    Args:
        model: whose layer ``wide`` is changed.
        corpus: labels and weights of its training split are used.
        encoded: its token ids.
    """
    layer = next((each for each in model.layers if isinstance(each, NgramLogits)), None)
    if layer is None:
        return
    key = {
        "corpus": corpus.key,
        "vocabulary": cache.fingerprint({"tokens": encoded.encoder.vocabulary}),
        "tokenizer": vars(encoded.encoder.tokenizer),
        "features": layer.features,
        "decay": layer.decay,
        "units": layer.units,
        "versions": [metadata.version(name) for name in ("numpy", "scipy", "scikit-learn")],
        "code": [cache.code(), *(Path(each).read_text() for each in (__file__, _LAYER))],
    }

    def build(folder):
        np.savez(folder / _FILE, **_fitted(layer, encoded.rows["train"], corpus.splits["train"]))

    with np.load(corpus.cache.entry("wide", key, build) / _FILE, allow_pickle=False) as arrays:
        layer.fit_to(**arrays)


def _fitted(layer: NgramLogits, rows: EncodedRows, split: Split) -> dict[str, np.ndarray]:
    """Return the arguments of :meth:`NgramLogits.fit_to`."""
    started = time.monotonic()
    counts, codes, order = _counts(rows, layer)
    labels = np.asarray(split.labels)[order]
    weights = None if split.weights is None else np.asarray(split.weights)[order]
    texts = np.bincount(counts.indices, minlength=counts.shape[1])
    kept = np.sort(np.argsort(-texts, kind="stable")[: layer.features])
    kept = kept[texts[kept] >= _LEAST_TEXTS]
    idf = np.log((1 + len(labels)) / (1 + texts[kept])) + 1
    features = normalize(counts[:, kept].log1p() @ sparse.diags_array(idf))
    svm = LinearSVC(class_weight="balanced", random_state=0)
    svm.fit(features, labels, sample_weight=weights)
    kernel, bias = _by_unit(svm, layer.units)
    seconds = time.monotonic() - started
    _log.info("wide path: %s n-grams fitted in %.0f s", f"{len(kept):,}", seconds)
    # As the layer holds them: twice that size would be kept otherwise.
    kernel = np.asarray(kernel, np.float32)
    return {"codes": codes[kept], "idf": idf, "kernel": kernel, "bias": bias}


def _counts(rows: EncodedRows, layer: NgramLogits):
    """Return Σ_t exp(−t / decay) of each n-gram (texts, n-grams), the codes of the n-grams, and
    which row each text is.
    """
    size = layer.vocabulary_size
    found, texts, positions, order = [], [], [], []
    seen = 0
    for part in rows.parts(np.random.default_rng(0)):
        lengths = np.diff(part.starts)
        text = np.repeat(np.arange(len(lengths)), lengths)
        position = np.arange(len(part.ids)) - part.starts[text]
        together = text[:-1] == text[1:]
        pairs = part.ids[:-1][together] * size + part.ids[1:][together]
        found += [part.ids, pairs]
        texts += [seen + text, seen + text[:-1][together]]
        positions += [position, position[:-1][together]]
        order.append(part.rows)
        seen += len(lengths)
    codes, column = np.unique(np.concatenate(found), return_inverse=True)
    # scikit-learn takes indices of 32 bits alone.
    column, text = column.astype(np.int32), np.concatenate(texts).astype(np.int32)
    weights = np.concatenate(positions).astype(np.float32)
    weights = keras.ops.convert_to_numpy(position_weights(weights, layer.decay))
    shape = (seen, len(codes))
    counts = sparse.csr_array((weights, (text, column)), shape=shape)
    return counts, codes, np.concatenate(order)


def _by_unit(svm: LinearSVC, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias with a column for each logit; classes without rows get none."""
    kernel, bias = svm.coef_.T, svm.intercept_
    if len(svm.classes_) == 2:
        # One margin, of the second class.
        if units == 1:
            return kernel, bias
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.hstack([-bias, bias]) / 2
    whole = np.zeros((len(kernel), units)), np.full(units, bias.min() - 1)
    whole[0][:, svm.classes_], whole[1][svm.classes_] = kernel, bias
    return whole
