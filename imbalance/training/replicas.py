"""The rows of a batch shared out among replicas, and what they answered put together again.

Every replica is given the whole batch and takes its rows of it. The loss is then computed, on each
replica, of the whole batch: a loss that sums over the batch (dice, GHM) is nothing like the mean
of what it says of parts. So the labels and weights are at hand everywhere, and of the network's
outputs, the only thing that is exchanged beside gradients, the sums with the other rows' zeros are
exact. It is one function for every loss, and none of them knows of it.
"""

import keras
import tensorflow as tf


class Share:
    """This replica's rows of a batch. To be made, and used, inside ``Strategy.run``.

    All replicas get as many rows, whatever the batch has: where they do not come out even, the last
    row stands in again, and what is made of it is left out of everything. A single replica has
    all rows as they are.

    Args:
        rows: of the batch.

    Attributes:
        rows: those that are this replica's, without stand-ins; 0 to all.

    Example:
        >>> share = Share(3)
        >>> share.rows, share.of(tf.constant([5, 6, 7])).numpy().tolist()
        (3, [5, 6, 7])
    """

    def __init__(self, rows):
        context = tf.distribute.get_replica_context()
        self._replicas = context.num_replicas_in_sync
        self._context, self._all = context, rows
        self._each, self._first, self.rows = rows, 0, rows
        if self._replicas > 1:
            self._each = -(-rows // self._replicas)
            self._first = self._each * context.replica_id_in_sync_group
            self.rows = tf.clip_by_value(rows - self._first, 0, self._each)

    def of(self, values):
        """Return this replica's rows with stand-ins, of tensors (batch, ...) or None."""
        if self._replicas == 1 or values is None:
            return values
        rows = tf.minimum(self._first + tf.range(self._each), self._all - 1)
        return keras.tree.map_structure(lambda each: tf.gather(each, rows), values)

    def counted(self, values):
        """Return the rows of :meth:`of`, or of what was made of them, that are no stand-ins."""
        if self._replicas == 1 or values is None:
            return values
        return keras.tree.map_structure(lambda each: each[: self.rows], values)

    def together(self, outputs):
        """Return the outputs of all replicas for all rows, in the order of the batch.

        The gradient of what every replica makes of them, the same on each, goes to the outputs of
        this replica, once for each of them: as Keras divides a mean by their number, the sum of
        the replicas' gradients is that of one device.

        Args:
            outputs: of the rows of :meth:`of`, (rows, ...); or of several networks one after the
                other, (networks · rows, ...).
        """
        if self._replicas == 1:
            return outputs

        @tf.custom_gradient
        def exchanged(outputs):
            shape = tf.shape(outputs)
            by_network = tf.concat([[-1, self._each], shape[1:]], 0)
            before = self._first
            after = self._replicas * self._each - self._each - before
            around = [[0, 0], [before, after], *([0, 0] for _ in outputs.shape[1:])]
            placed = tf.pad(tf.reshape(outputs, by_network), around)
            summed = self._context.all_reduce(tf.distribute.ReduceOp.SUM, placed)[:, : self._all]

            def gradient(upstream):
                by_network = tf.reshape(upstream, tf.shape(summed))
                own = by_network[:, before : before + self._each]
                padding = [[0, 0], [0, self._each - self.rows], *around[2:]]
                return self._replicas * tf.reshape(tf.pad(own, padding), shape)

            return tf.reshape(summed, tf.concat([[-1], shape[1:]], 0)), gradient

        whole = exchanged(outputs)
        whole.set_shape([None, *outputs.shape[1:]])
        return whole
