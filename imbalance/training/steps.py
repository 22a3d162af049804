"""One step of training and of validation, on one device or on the replicas of a strategy."""

from collections.abc import Callable

import keras
import tensorflow as tf

from imbalance.training.replicas import Share


def training_step(model: keras.Model, specification) -> tuple[Callable, tuple[str, ...]]:
    """Return what does one step, and the names of what it looks at before.

    The step takes a batch ``(inputs, labels, weights)`` and returns the position, in the names, of
    what is not finite, or -1, and the logs. Where something is not, the weights are left as
    they are. Under loss scaling gradients that are not finite are the optimizer's business, which
    leaves out such a step and lowers the scale; what is returned is of the loss alone then.

    Args:
        model: compiled, its optimizer built.
        specification: of a batch, as of ``Dataset.element_spec``.
    """
    strategy, optimizer = model.distribute_strategy, model.optimizer
    variables = model.trainable_variables
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    names = ("loss", *(f"gradient of {each.path}" for each in variables))
    refused = 1 if scaled else len(names)  # so many of them, from the first

    def differentiate(*batch):
        with tf.GradientTape() as tape:
            loss, logs = _forward(model, batch, training=True)
            loss_to_minimise = optimizer.scale_loss(loss)
        gradients = tape.gradient(loss_to_minimise, variables)
        return gradients, tf.stack([_broken(each) for each in (loss, *gradients)]), logs

    def update(gradients, overflows):
        if scaled and strategy.num_replicas_in_sync > 1:
            # Keras lets each replica, or the first, decide by its own gradients whether a step is
            # left out: the weights would be spoilt, and of several processes one would wait for the
            # others' gradients without end.
            gradients = [_spoilt(each, overflows) for each in gradients]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    @tf.function(input_signature=[specification], jit_compile=model.jit_compile, autograph=False)
    def step(batch):
        gradients, broken, logs = strategy.run(differentiate, args=batch)
        broken = strategy.reduce(tf.distribute.ReduceOp.SUM, broken, axis=None) > 0
        position = tf.argmax(broken, output_type=tf.int32)
        wrong = tf.where(tf.reduce_any(broken[:refused]), position, -1)

        def updated():
            # Not inside of `differentiate`: a replica may not wait for others inside of a branch.
            strategy.run(update, args=(gradients, tf.reduce_any(broken)))
            return wrong

        return tf.cond(wrong < 0, updated, lambda: wrong), _of_first(strategy, logs)

    return step, names


def validation_step(model: keras.Model, specification) -> Callable:
    """Return what takes a batch into the metrics of ``model`` and returns the logs.

    Args as of :func:`training_step`.
    """
    strategy = model.distribute_strategy

    @tf.function(input_signature=[specification], jit_compile=model.jit_compile, autograph=False)
    def step(batch):
        logs = strategy.run(lambda *batch: _forward(model, batch, training=False)[1], args=batch)
        return _of_first(strategy, logs)

    return step


def _forward(model, batch, *, training: bool):
    """Return the loss as Keras has it, divided by the number of replicas, and the metrics."""
    inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(batch)
    share = Share(tf.shape(keras.tree.flatten(inputs)[0])[0])
    own = share.of(inputs)
    outputs = model(own, training=training)
    loss = model.compute_loss(
        x=own,
        y=labels,
        y_pred=share.together(outputs),
        sample_weight=weights,
        training=training,
    )
    replicas = model.distribute_strategy.num_replicas_in_sync
    whole = loss * replicas if replicas > 1 else loss
    # The first of them is the mean of the loss.
    model.metrics[0].update_state(whole, sample_weight=share.rows)
    logs = model.compute_metrics(
        share.counted(own),
        share.counted(share.of(labels)),
        share.counted(outputs),
        share.counted(share.of(weights)),
    )
    return loss, logs


def _broken(values):
    """Return 1 if some of the values of a loss or gradient are not finite, else 0."""
    if values is None:
        return 0.0
    if isinstance(values, tf.IndexedSlices):
        values = values.values
    return 1.0 - tf.cast(tf.reduce_all(tf.math.is_finite(values)), tf.float32)


def _spoilt(gradient, overflows):
    """Return a gradient that is not finite if ``overflows``, else the one given."""
    factor = tf.where(overflows, float("nan"), 1.0)
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values * tf.cast(factor, gradient.dtype)
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return None if gradient is None else gradient * tf.cast(factor, gradient.dtype)


def _of_first(strategy, logs: dict) -> dict:
    """Return the logs of this process's first replica: its rows alone, but of the loss."""
    return {name: strategy.experimental_local_results(each)[0] for name, each in logs.items()}
