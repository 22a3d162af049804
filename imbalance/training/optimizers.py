"""Optimizers and learning-rate schedules by name, and an Adam for a batch's tokens alone."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import keras
import tensorflow as tf

from imbalance.config import TrainingConfig


@keras.saving.register_keras_serializable(package="imbalance")
class LazyAdam(keras.optimizers.Adam):
    """Adam that updates, of an embedding, the rows of the batch's tokens alone.

    Adam lets the moments of every row fade at every step and moves every row by them, whether
    its token stands in the batch or not: work in proportion to the vocabulary. Here the moments
    and the row of a token stay as they are until it comes again. That is another algorithm,
    with other results for rare tokens; for variables without sparse gradients it is Adam.

    Args: as of ``keras.optimizers.Adam``; without ``amsgrad``. For TensorFlow.

    Raises:
        ValueError: with ``amsgrad``.

    Example:
        >>> table = keras.Variable([[1.0], [1.0], [1.0]])
        >>> optimizer = LazyAdam(learning_rate=0.1)
        >>> gradient = tf.IndexedSlices(tf.constant([[2.0]]), tf.constant([1]), (3, 1))
        >>> optimizer.apply([gradient], [table])
        >>> [round(float(value), 3) for value in table.numpy().ravel()]
        [1.0, 0.9, 1.0]
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.amsgrad:
            raise ValueError("amsgrad: got True, expected False: LazyAdam has no such form")

    def update_step(self, gradient, variable, learning_rate):
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        # A row that stands twice has one gradient, the sum.
        rows, position = tf.unique(gradient.indices)
        values = tf.math.unsorted_segment_sum(gradient.values, position, tf.size(rows))
        values = tf.cast(values, variable.dtype)
        index = self._get_variable_index(variable)
        first, second = self._momentums[index].value, self._velocities[index].value

        step = tf.cast(self.iterations + 1, variable.dtype)
        scale = tf.sqrt(1 - tf.pow(self.beta_2, step)) / (1 - tf.pow(self.beta_1, step))
        mean = self.beta_1 * tf.gather(first, rows) + (1 - self.beta_1) * values
        square = self.beta_2 * tf.gather(second, rows) + (1 - self.beta_2) * tf.square(values)
        first.scatter_update(tf.IndexedSlices(mean, rows))
        second.scatter_update(tf.IndexedSlices(square, rows))
        change = tf.cast(learning_rate, variable.dtype) * scale * mean
        change /= tf.sqrt(square) + self.epsilon
        variable.scatter_sub(tf.IndexedSlices(change, rows))


OPTIMIZERS: Mapping[str, Callable] = MappingProxyType(
    {"adam": keras.optimizers.Adam, "lazy_adam": LazyAdam}
)


def build(settings: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """Return the configured optimizer.

    Args:
        settings: ``optimizer``, ``learning_rate``, ``schedule``, ``warmup``, ``ema`` and
            ``precision``, resolved, are used. In float16 small gradients would be 0, so that the
            loss is scaled; Keras does so by itself only where a policy is set for everything.
        steps: of the whole training, if it does not stop early.

    Example:
        >>> build(TrainingConfig(optimizer="lazy_adam", ema=0.99), steps=100).ema_momentum
        0.99
    """
    average = {} if settings.ema is None else {"use_ema": True, "ema_momentum": settings.ema}
    optimizer = OPTIMIZERS[settings.optimizer](learning_rate(settings, steps), **average)
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def learning_rate(settings: TrainingConfig, steps: int):
    """Return the learning rate: a number, or a Keras schedule.

    In step ``t`` of ``T``, of which ``W = warmup · T``, rounded, are the warm-up, it is
    ``r · t / W`` at first, and then ``r`` (``constant``) or ``r · (1 + cos(π (t − W) / (T − W)))
    / 2`` (``cosine``).

    Args:
        settings: ``learning_rate``, ``schedule`` and ``warmup`` are used.
        steps: of the whole training.

    Source:
        Loshchilov and Hutter 2017, SGDR, arXiv:1608.03983; warm-up: Goyal et al. 2017,
        arXiv:1706.02677.

    Example:
        >>> rate = learning_rate(TrainingConfig(schedule="cosine", warmup=0.2), steps=10)
        >>> [round(float(rate(step)) * 1000, 2) for step in (0, 1, 2, 6, 10)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if settings.schedule == "constant" and not settings.warmup:
        return settings.learning_rate
    warmup = min(round(settings.warmup * steps), steps - 1)
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        steps - warmup,
        alpha=1.0 if settings.schedule == "constant" else 0.0,  # the share that does not fall
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )
