"""The labels of the contract as those of tokens, pointers and answers, with padding between.

Nothing here imports TensorFlow: ``backend_values.py`` runs it on the other Keras backends.
"""

from dataclasses import dataclass

import contract
import numpy as np
from contract import CLASSES, LABELS, Variant

# Of whole batches that are padding or questions; logits of any size stand there.
_random = np.random.default_rng(11)
# Real weights, as class weights folded into those of tokens give them.
WEIGHTS = np.array([1.0, 2.1, 0.4, 3.0, 1.3, 0.1, 0.7, 2.0])
MASKED = -1e9


@dataclass(frozen=True)
class Padded:
    """A padded batch, its weights, and where its labels stand in it.

    Attributes:
        y_true, y_pred, weights: as the pipeline and the network give them.
        place: bool, of the shape of ``y_pred``: the logits that are of labels.
    """

    y_true: np.ndarray
    y_pred: np.ndarray
    weights: np.ndarray
    place: np.ndarray


def padded(variant: Variant, form: str, garbage: float) -> Padded:
    """Return the labels of a variant in a form of token labels.

    Args:
        variant: whose labels they are.
        form: ``tokens``, (batch, time, C), or ``pointers``, (batch, time, 2, C).
        garbage: size of the logits at padding.
    """
    shape, longest = {"tokens": ((2, 4), (2, 7)), "pointers": ((2, 2, 2), (2, 5, 2))}[form]
    batch = contract.documents(variant)
    kept = np.zeros(longest, bool)
    kept[:, : shape[1]] = True
    y_true = np.zeros((*longest, CLASSES))
    y_true[kept] = batch.y
    # What the pipeline pads with: the first class.
    y_true[~kept, 0] = 1
    y_pred = garbage * _random.choice([-1.0, 1.0, 0.5], size=y_true.shape)
    y_pred[kept] = batch.z
    weights = np.zeros(longest)
    weights[kept] = WEIGHTS
    return Padded(y_true, y_pred, weights, np.repeat(kept[..., None], CLASSES, axis=-1))


def answers(masked: float = MASKED) -> Padded:
    """Return the labels as choices of positions, (batch, 2, time), each among its own three.

    The last row is one whose answer was cut off: without weight, and none of its positions inside.

    Args:
        masked: logits of the positions that cannot be chosen.
    """
    batch = contract.FORMS["softmax"]["one-hot"]
    time, rows = 7, LABELS // 2
    y_true, y_pred = np.zeros((rows + 1, 2, time)), np.full((rows + 1, 2, time), masked)
    place = np.zeros(y_true.shape, bool)
    for number in range(LABELS):
        row, side = divmod(number, 2)
        first = (3 * row) % 5
        place[row, side, first : first + CLASSES] = True
    y_true[place], y_pred[place] = batch.y.ravel(), batch.z.ravel()
    weights = np.append(WEIGHTS, [0.0, 0.0]).reshape(rows + 1, 2)
    return Padded(y_true, y_pred, weights, place)
