"""The other side: the same TextCNN as users of Keras and of PyTorch write it."""

import keras
import numpy as np


def keras_text_cnn(
    vocabulary_size,
    units,
    *,
    embedding_dim=128,
    filters=128,
    kernel_sizes=(2, 3, 4, 5),
    dropout=0.5,
) -> keras.Model:
    """Return a TextCNN of Keras's own layers; its weights are in the order of ours."""
    ids = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(vocabulary_size, embedding_dim)(ids)
    features = []
    for size in kernel_sizes:
        convolved = keras.layers.Conv1D(filters, size, padding="same", activation="relu")(embedded)
        features.append(keras.layers.GlobalMaxPooling1D()(convolved))
    kept = keras.layers.Dropout(dropout)(keras.layers.Concatenate()(features))
    return keras.Model(ids, keras.layers.Dense(units)(kept))


def keras_character_ids(vocabulary, length) -> keras.layers.TextVectorization:
    """Return Keras's own layer from texts to ids, blanks as of our tokenizer.

    It reads each text to its end: it cuts the tokens, not the text.
    """
    import tensorflow as tf

    def clean(texts):
        return tf.strings.strip(tf.strings.regex_replace(texts, r"[\s\p{Z}\p{C}]+", " "))

    layer = keras.layers.TextVectorization(
        vocabulary=list(vocabulary[2:]),
        standardize=clean,
        split="character",
        output_sequence_length=length,
    )
    layer(tf.constant([""]))  # only a layer that is built can be exported
    return layer


def torch_text_cnn(
    vocabulary_size,
    units,
    *,
    embedding_dim=128,
    filters=128,
    kernel_sizes=(2, 3, 4, 5),
    dropout=0.5,
):
    """Return a TextCNN of PyTorch's own modules, in the form measured to be its fastest."""
    import torch
    from torch import nn
    from torch.nn import functional

    class TextCNN(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(vocabulary_size, embedding_dim)
            self.convolutions = nn.ModuleList(
                nn.Conv1d(embedding_dim, filters, size, padding=size // 2) for size in kernel_sizes
            )
            self.dropout = nn.Dropout(dropout)
            self.logits = nn.Linear(filters * len(kernel_sizes), units)

        def forward(self, ids):
            embedded = self.embedding(ids).transpose(1, 2).contiguous()
            features = []
            for size, convolution in zip(kernel_sizes, self.convolutions, strict=True):
                # Even windows: one position fewer before the text, as padding="same" has it.
                convolved = functional.relu(convolution(embedded)[:, :, 1 - size % 2 :])
                features.append(functional.max_pool1d(convolved, convolved.shape[2]).squeeze(2))
            return self.logits(self.dropout(torch.cat(features, dim=1)))

    return TextCNN()


def copy_to_torch(weights: list[np.ndarray], network) -> None:
    """Give a :func:`torch_text_cnn` the weights of a Keras one."""
    import torch

    embedding, *convolutions, kernel, bias = (torch.tensor(each) for each in weights)
    with torch.no_grad():
        network.embedding.weight.copy_(embedding)
        for index, module in enumerate(network.convolutions):
            module.weight.copy_(convolutions[2 * index].permute(2, 1, 0))
            module.bias.copy_(convolutions[2 * index + 1])
        network.logits.weight.copy_(kernel.T)
        network.logits.bias.copy_(bias)


def torch_logits(network, ids: np.ndarray) -> np.ndarray:
    """Return what a PyTorch network answers, without dropout."""
    import torch

    network.eval()
    with torch.no_grad():
        return network(torch.tensor(ids)).numpy()
