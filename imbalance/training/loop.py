"""The training loop: what ``keras.Model.fit`` does, also where that does not work.

Keras 3's ``fit`` fails under ``MultiWorkerMirroredStrategy`` (keras-team/keras#20585), gives each
replica a loss of its own rows, and finds out that a loss is not a number when the weights are none
any more. This loop is the only one, on one device as well: results there are those of ``fit``, bit
by bit (``tests/training/test_loop.py``).
"""

from collections.abc import Callable, Sequence
from typing import NoReturn

import keras
import tensorflow as tf

from imbalance import checks
from imbalance.training import steps


def refuse(
    epoch: int, step: int, what: str, advice: str = "try a lower training.learning_rate"
) -> NoReturn:
    """Raise that training cannot go on: a step's loss or gradient is not finite.

    Args:
        epoch, step: counted from 0; the step in its epoch.
        what: ``loss``, or ``gradient of`` a variable's path.
        advice: what to do, and where to look.

    Example:
        >>> refuse(0, 2, "loss")
        Traceback (most recent call last):
        ...
        imbalance.checks.InputError: loss in epoch 1, step 3: got nan or inf, expected finite ...
    """
    raise checks.InputError(
        f"{what} in epoch {epoch + 1}, step {step + 1}: got nan or inf, expected finite numbers; "
        f"{advice}"
    )


def train(
    model: keras.Model,
    batches: tf.data.Dataset,
    *,
    epochs: int,
    initial_epoch: int = 0,
    validation: tf.data.Dataset | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 0,
    on_not_finite: Callable[[int, int, str], NoReturn] = refuse,
) -> keras.callbacks.History:
    """Train ``model`` as its ``fit`` does, with the same callbacks, logs and results.

    A model that was built and compiled in the scope of a strategy is trained on its replicas, on
    the batches that one device would have (:mod:`imbalance.training.replicas`). The logs of a step
    are then those of a replica's rows; those of an epoch are of all rows.

    Args:
        model: compiled.
        batches: ``(inputs, labels, weights)``, each epoch's anew; on several processes the same
            ones in each.
        epochs: the last epoch, exclusive, counted from 0.
        initial_epoch: the first; if it is ``epochs``, training only begins and ends.
        validation: the same of the validation rows; None, there are none.
        callbacks: of Keras. One may compile the model anew, with another loss and the same
            optimizer, when an epoch begins.
        verbose: of the progress bar, as of ``fit``; 0, none is added.
        on_not_finite: called with epoch and step, both counted from 0, and with what is not
            finite (``loss``, or ``gradient of`` a variable's path), before the weights change. It
            must raise.

    Returns:
        ``model.history``.

    Raises:
        InputError: of :func:`refuse`, if a loss or gradient is not finite.

    Example:
        >>> inputs = keras.Input((1,))
        >>> model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        >>> model.compile("sgd", "mse")
        >>> batches = tf.data.Dataset.from_tensors((tf.ones((2, 1)), tf.ones((2, 1))))
        >>> train(model, batches, epochs=2).epoch
        [0, 1]
    """
    number = int(batches.cardinality())
    callbacks = keras.callbacks.CallbackList(
        list(callbacks),
        add_history=True,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=number if number > 0 else None,
        model=model,
    )
    with model.distribute_strategy.scope():
        # Its variables cannot be made where they are used first, in a branch of the step.
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
    logs = loss = None
    model.stop_training = False
    callbacks.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        if model.loss is not loss:
            loss = model.loss
            step, names = steps.training_step(model, batches.element_spec)
            if validation is not None:
                validation_step = steps.validation_step(model, validation.element_spec)
        for index, batch in enumerate(batches):
            callbacks.on_train_batch_begin(index)
            wrong, logs = step(batch)
            if wrong >= 0:
                on_not_finite(epoch, index, names[int(wrong)])
            callbacks.on_train_batch_end(index, logs)
            if model.stop_training:
                break
        logs = model.get_metrics_result()
        if validation is not None:
            scores = _validate(model, validation, validation_step, callbacks)
            logs |= {f"val_{name}": score for name, score in scores.items()}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    # Of averaged weights: the average becomes the weights.
    model.optimizer.finalize_variable_values(model.trainable_weights)
    callbacks.on_train_end(logs)
    return model.history


def _validate(model, batches, step, callbacks) -> dict[str, float]:
    callbacks.on_test_begin()
    model.reset_metrics()
    for index, batch in enumerate(batches):
        callbacks.on_test_batch_begin(index)
        callbacks.on_test_batch_end(index, step(batch))
    logs = {name: float(score) for name, score in model.get_metrics_result().items()}
    callbacks.on_test_end(logs)
    return logs
