"""Embedding, convolutions and maximum over time as one layer over token ids."""

import keras
from keras import ops

from imbalance import checks
from imbalance.models import conv_max
from imbalance.models.conv_max import ConvMaxOverTime, on_cpu

IMPLEMENTATIONS = (*conv_max.IMPLEMENTATIONS, "tables")


@keras.saving.register_keras_serializable(package="imbalance")
class TokenConvolutions(keras.layers.Layer):
    """Vectors of tokens, convolutions of several widths, ReLU and maximum over time.

    One layer, since knowing which positions hold the same token saves most of the work.

    Args:
        vocabulary_size: number of token ids; id 0 is padding.
        embedding_dim: size of a token's vector.
        filters: filters of each width.
        kernel_sizes: widths of the windows, in tokens.
        kernel_regularizer: of the convolutions' kernels.
        implementation: ``"dense"`` and ``"windows"`` as of :class:`ConvMaxOverTime`;
            ``"tables"``, see ``imbalance/models/token_tables.py``: for TensorFlow on a CPU in
            float32; or ``"auto"``, tables where they can be, else as of :class:`ConvMaxOverTime`.
            All give equal outputs and gradients and have the same weights. Tables cannot be
            part of a network that XLA compiles as a whole (``jit_compile=True``).

    Attributes:
        by_tables: whether it computes by tables.

    Input and output: ids (batch, time), int32; (batch, widths × filters).

    Raises:
        InputError: if ``implementation`` is none of these, or tables cannot be.

    Example:
        >>> layer = TokenConvolutions(100, embedding_dim=8, filters=4, kernel_sizes=(2, 3))
        >>> layer(ops.ones((2, 7), dtype="int32")).shape[1]
        8
    """

    def __init__(
        self,
        vocabulary_size,
        embedding_dim,
        filters,
        kernel_sizes,
        kernel_regularizer=None,
        implementation="auto",
        **kwargs,
    ):
        super().__init__(**kwargs)
        checks.choice("implementation", implementation, IMPLEMENTATIONS)
        possible = _tables_are_possible(self.compute_dtype)
        if implementation == "tables" and not possible:
            raise checks.wrong(
                "implementation",
                implementation,
                "auto, dense or windows: tables are for TensorFlow on a CPU in float32",
            )
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.filters = filters
        self.kernel_sizes = tuple(kernel_sizes)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.implementation = implementation
        self.by_tables = possible and implementation in ("auto", "tables")
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            embedding_dim,
            mask_zero=True,
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.convolutions = [
            ConvMaxOverTime(
                filters,
                size,
                kernel_regularizer=self.kernel_regularizer,
                implementation="auto" if self.by_tables else implementation,
                dtype=self.dtype_policy,
                # The index keeps names apart where a width is given twice.
                name=f"convolution_{index}_width_{size}",
            )
            for index, size in enumerate(kernel_sizes)
        ]

    def build(self, input_shape):
        self.embedding.build(input_shape)
        for each in self.convolutions:
            each.build((*input_shape, self.embedding_dim))

    def call(self, ids):
        if not self.by_tables:
            # Multiplied, so that its gradient is one dense tensor: of TensorFlow's slices, Keras's
            # Adam squares those of a token that stands twice each by itself (Σg² for (Σg)²).
            vectors = ops.cast(self.embedding.embeddings, self.compute_dtype) * 1
            embedded = ops.take(vectors, ids, axis=0)
            mask = self.embedding.compute_mask(ids)
            return ops.concatenate([each(embedded, mask=mask) for each in self.convolutions], -1)
        # Imported here: it imports TensorFlow, which the other backends need not have.
        from imbalance.models import token_tables

        convolutions = [each.convolution for each in self.convolutions]
        maxima = token_tables.max_over_time(
            ids, self.embedding.embeddings, [each.kernel for each in convolutions]
        )
        return ops.relu(maxima + ops.concatenate([each.bias for each in convolutions], axis=0))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.filters * len(self.kernel_sizes))

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "filters": self.filters,
            "kernel_sizes": self.kernel_sizes,
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "implementation": self.implementation,
        }


def _tables_are_possible(dtype: str) -> bool:
    return keras.backend.backend() == "tensorflow" and dtype == "float32" and on_cpu()
