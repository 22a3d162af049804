"""Output heads: how many logits a loss needs, and what probabilities they stand for."""

from keras import ops


def output_units(activation: str, classes: int) -> int:
    """Return the number of logits: one a class, or a single one for two classes and a sigmoid.

    Example:
        >>> output_units("softmax", 2), output_units("sigmoid", 2), output_units("sigmoid", 5)
        (2, 1, 5)
    """
    return 1 if activation == "sigmoid" and classes == 2 else classes


def probabilities(logits, activation: str):
    """Return the probability of each class.

    Args:
        logits: shape (batch, units), as of :func:`output_units`.
        activation: ``"softmax"`` or ``"sigmoid"``. A single sigmoid output is the probability of
            the second class; several are one-vs-rest and do not sum to 1.

    Returns:
        float32 of shape (batch, classes).

    Example:
        >>> [round(float(p), 3) for p in probabilities([[2.0]], "sigmoid")[0]]
        [0.119, 0.881]
    """
    logits = ops.cast(logits, "float32")
    if activation == "softmax":
        return ops.softmax(logits, axis=-1)
    if logits.shape[-1] == 1:
        return ops.sigmoid(ops.concatenate([-logits, logits], axis=-1))
    return ops.sigmoid(logits)


def vocabulary_size(model) -> int:
    """Return how many token ids a network was made for.

    Example:
        >>> from imbalance.models import text_cnn
        >>> vocabulary_size(text_cnn(100, 3, filters=2))
        100
    """
    for layer in model.layers:
        for name in ("vocabulary_size", "input_dim"):
            if hasattr(layer, name):
                return getattr(layer, name)
    raise ValueError(f"{model.name}: got no layer that reads token ids, expected one")
