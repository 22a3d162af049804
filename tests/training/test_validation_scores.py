import csv

import keras
import numpy as np
import tensorflow as tf

from imbalance.training.validation_scores import ValidationScores


def network():
    inputs = keras.Input((None, 1))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.set_weights([np.zeros((1, 1))])
    return model


def test_scores_are_of_each_epochs_weights_and_reach_history_and_early_stopping(tmp_path):
    # Batches of two widths, as of tokens; the weight grows from 0 to 1, and the best one is .5.
    rows = tf.data.Dataset.from_generator(
        lambda: ((np.ones((2, width, 1)), np.ones((2, width, 1))) for width in (1, 3)),
        output_signature=(tf.TensorSpec([None, None, 1]),) * 2,
    ).apply(tf.data.experimental.assert_cardinality(2))
    model, seen = network(), []

    def score(logits):
        seen.append((model.get_weights()[0].item(), [each.shape for each in logits]))
        value = float(np.mean([each.mean() for each in logits]))
        return {"middle": -abs(value - 0.5)}

    history = model.fit(
        rows,
        epochs=20,
        shuffle=False,
        verbose=0,
        callbacks=[
            ValidationScores(rows, score),
            keras.callbacks.CSVLogger(tmp_path / "history.csv"),
            keras.callbacks.EarlyStopping(
                "val_middle", mode="max", patience=1, restore_best_weights=True
            ),
        ],
    ).history
    weights = [weight for weight, _ in seen]
    assert {tuple(shapes) for _, shapes in seen} == {((2, 1, 1), (2, 3, 1))}
    np.testing.assert_allclose(history["val_middle"], [-abs(each - 0.5) for each in weights])
    assert len(weights) < 20
    best = int(np.argmax(history["val_middle"]))
    assert model.get_weights()[0].item() == weights[best]
    with open(tmp_path / "history.csv", encoding="utf-8") as file:
        logged = [float(row["val_middle"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(logged, history["val_middle"])
