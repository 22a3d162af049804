"""A Keras model that keeps the state of its losses, and trains its members apart."""

import keras
from keras import ops

from imbalance.models.members import MemberMean


@keras.saving.register_keras_serializable(package="imbalance")
class LossStateModel(keras.Model):
    """A functional model that owns the state of its losses, such as GHM's moving average.

    A Keras ``Loss`` cannot keep state well by itself: it would not be saved, and ``evaluate``
    would change it. A loss with a ``create_state()`` method hands its state over as a layer
    when the model is compiled; the layer is saved in the ``.keras`` file, restored with it, and
    told on every step whether this is training. With other losses this is a plain model.

    The members of a :class:`MemberMean` among its layers are each trained on all labels.

    Args:
        inputs, outputs: as of ``keras.Model``.

    Example:
        >>> from imbalance.losses import GHMLoss
        >>> inputs = keras.Input((3,))
        >>> model = LossStateModel(inputs, keras.layers.Dense(2)(inputs))
        >>> model.compile(loss=GHMLoss(momentum=0.9))
        >>> [state.name for state in model.loss_states]
        ['ghm_loss_shares']
    """

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        losses = keras.tree.flatten(self.loss)
        states = [loss.create_state() for loss in losses if hasattr(loss, "create_state")]
        self.loss_states = [state for state in states if state is not None]

    def compile_from_config(self, config):
        # Keras skips this for a class with its own `compile`, whose arguments it cannot know;
        # these are its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        for state in self.loss_states:
            state.recording = training
        members = max((each.members for each in self._member_means()), default=1)
        if training and members > 1:
            y = ops.concatenate([y] * members, axis=0)
            if sample_weight is not None:
                sample_weight = ops.concatenate([sample_weight] * members, axis=0)
        return super().compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
        )

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if any(self._member_means()):
            # In training those of the first member.
            y_pred = y_pred[: ops.shape(y)[0]]
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _member_means(self):
        return (each for each in self.layers if isinstance(each, MemberMean))
