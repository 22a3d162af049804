"""Small networks and batches for the training loop, and whether it does what ``fit`` does.

``python tests/training/small_networks.py`` trains every case by both, under TensorFlow's
determinism, which holds for a whole process, and prints what differs.
"""

import keras
import numpy as np
import tensorflow as tf

from imbalance import losses, metrics, registry
from imbalance.config import ModelConfig, TrainingConfig
from imbalance.training import loop, optimizers

CLASSES, VOCABULARY, ROWS, BATCH = 3, 40, 22, 8
CNN = {"embedding_dim": 8, "filters": 8, "kernel_sizes": [1, 2]}
DENSE = {**CNN, "implementation": "dense"}
TAGGER = {"embedding_dim": 8, "projection": 8, "hidden": 4, "ngram_sizes": [], "members": 2}
CASES = {
    "cross entropy, tables": {"args": CNN},
    "moving average of GHM": {"args": DENSE, "loss": "ghm_loss", "loss_args": {"momentum": 0.9}},
    "members": {"model": "bigru_tagger", "args": TAGGER, "loss": "dice_loss"},
    "mixed precision, averaged weights": {
        "args": DENSE,
        "settings": {
            "precision": "mixed_float16",
            "ema": 0.9,
            "schedule": "cosine",
            "warmup": 0.2,
        },
    },
}


def batches(of_tokens: bool = False) -> tf.data.Dataset:
    """Return three batches of ids, labels and weights; the last is smaller."""
    random = np.random.default_rng(0)
    ids = random.integers(1, VOCABULARY, (ROWS, 6)).astype("int32")
    labels = random.integers(0, CLASSES, ids.shape if of_tokens else ROWS).astype("int32")
    weights = random.random(labels.shape).astype("float32")
    starts = range(0, ROWS, BATCH)
    parts = [tuple(e[i : i + BATCH] for e in (ids, labels, weights)) for i in starts]
    shapes = [[None] * each.ndim for each in (ids, labels, weights)]
    signature = tuple(map(tf.TensorSpec, shapes, (tf.int32, tf.int32, tf.float32)))
    dataset = tf.data.Dataset.from_generator(lambda: parts, output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(parts)))


def built(model="text_cnn", args=None, loss="cross_entropy", loss_args=None, settings=None):
    """Return a compiled network, always with the same weights, and the callbacks it needs."""
    keras.utils.set_random_seed(3)
    settings = TrainingConfig(learning_rate=0.01, **(settings or {}))
    of_tokens = model in registry.TOKEN_MODELS
    network = registry.build_model(
        ModelConfig(model, args or DENSE),
        vocabulary_size=VOCABULARY,
        units=CLASSES,
        of_tokens=of_tokens,
        dtype=settings.precision if settings.precision != "auto" else "float32",
    )
    loss = losses.get(
        loss,
        **(loss_args or {}),
        reduction="mean_with_sample_weight" if of_tokens else "sum_over_batch_size",
    )
    scores = [metrics.MacroF1(CLASSES)]
    network.compile(optimizers.build(settings, steps=9), loss, metrics=scores)
    return network, [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if settings.ema else []


def differences(case: dict) -> list[str]:
    """Return what differs after training by ``fit`` and by the loop: history, variables."""
    rows = batches(case.get("model") in registry.TOKEN_MODELS)
    theirs, callbacks = built(**case)
    expected = theirs.fit(rows, validation_data=rows, epochs=3, callbacks=callbacks, verbose=0)
    ours, callbacks = built(**case)
    history = loop.train(ours, rows, validation=rows, epochs=3, callbacks=callbacks)
    found = [] if history.history == expected.history else ["history"]
    for one, other in zip(variables(theirs), variables(ours), strict=True):
        if not np.array_equal(one.numpy(), other.numpy()):
            found.append(one.path)
    return found


def variables(model: keras.Model) -> list:
    return [*model.variables, *model.optimizer.variables]


if __name__ == "__main__":
    tf.config.experimental.enable_op_determinism()
    for name, case in CASES.items():
        print(f"{name}: {differences(case)}")
