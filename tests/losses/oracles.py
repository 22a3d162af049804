"""The losses written down a second time: plain float64 NumPy, straight from the formulas.

Every oracle is called as ``oracle(z, y, w, at=None, **arguments)``:

* ``z``: logits, shape (labels, classes); a token counts as a label of its own;
* ``y``: one-hot, multi-hot or soft labels, same shape;
* ``w``: sample weights, shape (labels,);
* ``at``: the logits at which the pieces without a gradient (hard margins, GHM's weights, the
  rescaling factor) are evaluated. By default ``z``; finite differences hold it fixed.

It returns one value a label, before that label's own weight is applied. The defaults of the
arguments are the published ones that the library promises, not read from the library.
"""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def log_sigmoid(z):
    return -np.logaddexp(0, -z)


def _probabilities(z, activation):
    """Return p and 1 − p; the second summed from the other classes, so nothing cancels."""
    if activation == "sigmoid":
        return sigmoid(z), sigmoid(-z)
    p = softmax(z)
    return p, p @ (1 - np.eye(z.shape[-1]))


def _ratio(numerator, denominator):
    return numerator / denominator if denominator else 1.0


# --- cross-entropies --------------------------------------------------------------------------


def cross_entropy(z, y, w, at=None):
    return -(y * log_softmax(z)).sum(-1)


def weighted_cross_entropy(z, y, w, at=None, *, class_weight):
    return -(np.asarray(class_weight) * y * log_softmax(z)).sum(-1)


def _binary_elements(z, y):
    return -(y * log_sigmoid(z) + (1 - y) * log_sigmoid(-z))


def binary_cross_entropy(z, y, w, at=None):
    return _binary_elements(z, y).mean(-1)


def label_smoothing(z, y, w, at=None, *, epsilon=0.1):
    return cross_entropy(z, (1 - epsilon) * y + epsilon / z.shape[-1], w)


def logit_adjustment(z, y, w, at=None, *, class_counts, tau=1.0):
    prior = np.asarray(class_counts) / np.sum(class_counts)
    return cross_entropy(z + tau * np.log(prior), y, w)


def ldam(z, y, w, at=None, *, class_counts, max_margin=0.5, scale=1.0):
    margin = np.asarray(class_counts, float) ** -0.25
    return cross_entropy(scale * (z - y * margin * max_margin / margin.max()), y, w)


def poly1(z, y, w, at=None, *, epsilon=1.0):
    return cross_entropy(z, y, w) + epsilon * (1 - (y * softmax(z)).sum(-1))


def variant_cross_entropy(z, y, w, at=None, *, margin=0.8, form="hard", sharpness=1.0):
    if margin >= 1:
        switch = np.ones_like(z)
    elif form == "hard":
        p = sigmoid(z if at is None else at)
        switch = 1.0 - np.where(y == 1, p > margin, p < 1 - margin)
    else:
        edge = np.log(margin / (1 - margin))
        switch = np.where(y == 1, sigmoid(sharpness * (edge - z)), sigmoid(sharpness * (z + edge)))
    return (switch * _binary_elements(z, y)).mean(-1)


# --- focal losses -----------------------------------------------------------------------------


def focal(z, y, w, at=None, *, gamma=2.0, alpha=None, rescale=False):
    def plain(z):
        _, rest = _probabilities(z, "softmax")
        factor = 1.0 if alpha is None else np.asarray(alpha)
        return -(factor * y * rest**gamma * log_softmax(z)).sum(-1)

    at = z if at is None else at
    scale = _ratio((w * cross_entropy(at, y, w)).sum(), (w * plain(at)).sum()) if rescale else 1.0
    return scale * plain(z)


def binary_focal(z, y, w, at=None, *, gamma=2.0, alpha=None, rescale=False):
    def plain(z):
        # p_t is the probability of what the label says, 1 − p_t that of the opposite.
        log_p_t = np.where(y == 1, log_sigmoid(z), log_sigmoid(-z))
        missed = np.where(y == 1, sigmoid(-z), sigmoid(z))
        factor = 1.0 if alpha is None else np.where(y == 1, alpha, 1 - np.asarray(alpha))
        return -(factor * missed**gamma * log_p_t).mean(-1)

    at = z if at is None else at
    scale = 1.0
    if rescale:
        scale = _ratio((w * binary_cross_entropy(at, y, w)).sum(), (w * plain(at)).sum())
    return scale * plain(z)


def asymmetric(z, y, w, at=None, *, gamma_positive=0.0, gamma_negative=4.0, epsilon=0.1):
    p, rest = _probabilities(z, "softmax")
    focus = np.where(y == 1, rest**gamma_positive, p**gamma_negative)
    target = (1 - epsilon) * y + epsilon / z.shape[-1]
    return -(target * focus * log_softmax(z)).sum(-1)


def binary_asymmetric(z, y, w, at=None, *, gamma_positive=0.0, gamma_negative=4.0, margin=0.05):
    p, rest = _probabilities(z, "sigmoid")
    shifted = np.maximum(p - margin, 0)
    log_unshifted = np.where(p > margin, np.log(rest + margin), 0) if margin else log_sigmoid(-z)
    positive = -(rest**gamma_positive) * log_sigmoid(z)
    negative = -(shifted**gamma_negative) * log_unshifted
    return (y * positive + (1 - y) * negative).mean(-1)


# --- GHM --------------------------------------------------------------------------------------


def _ghm_elements(z, y, w, bins, activation):
    """Return the bin of every element and the weight it counts with, both (labels, elements)."""
    p, rest = _probabilities(z, activation)
    missed = {"softmax": (rest * y).sum(-1, keepdims=True), "sigmoid": np.abs(p - y)}
    gradient_norm = missed[activation]
    which = np.minimum(np.floor(gradient_norm * bins), bins - 1).astype(int)
    return which, np.broadcast_to(w[:, None], which.shape)


def ghm_shares(z, y, w, *, bins=10, activation="softmax"):
    """Return the share of the (weighted) elements that falls into each bin."""
    which, weight = _ghm_elements(z, y, w, bins, activation)
    counts = np.bincount(which.ravel(), weight.ravel(), minlength=bins)
    return counts / counts.sum()


def ghm(z, y, w, at=None, *, bins=10, momentum=0.0, activation="softmax", shares=None):
    """Give every bin the same say; ``shares`` replaces the batch's own, for a moving average."""
    at = z if at is None else at
    if shares is None:
        shares = ghm_shares(at, y, w, bins=bins, activation=activation)
    which, _ = _ghm_elements(at, y, w, bins, activation)
    # Only rows of weight 0 can lie in a bin without a share; what they get must not matter.
    harmony = 1 / (bins * np.where(shares > 0, shares, 1.0))[which]
    if activation == "softmax":
        return cross_entropy(z, y, w) * harmony[:, 0]
    return (_binary_elements(z, y) * harmony).mean(-1)


class GHMState:
    """The moving average of the shares, corrected for its start at 0 as Adam's moments are."""

    def __init__(self, bins, momentum):
        self.average, self.momentum, self.steps = np.zeros(bins), momentum, 0

    def look(self, shares):
        """Return the shares that a batch is judged by, without storing anything."""
        average = self.momentum * self.average + (1 - self.momentum) * shares
        return average / (1 - self.momentum ** (self.steps + 1))

    def update(self, shares):
        """Return the same and take the batch in."""
        used = self.look(shares)
        self.steps += 1
        self.average = used * (1 - self.momentum**self.steps)
        return used


# --- overlap losses ---------------------------------------------------------------------------


def _attenuated(z, alpha, activation):
    p, rest = _probabilities(z, activation)
    return rest**alpha * p


def dice(z, y, w, at=None, *, smooth=1e-5, squared=False, alpha=0.0, activation="softmax"):
    q, w = _attenuated(z, alpha, activation), w[:, None]
    power = 2 if squared else 1
    both = (w * q**power).sum(0) + (w * y**power).sum(0)
    per_class = 1 - (2 * (w * q * y).sum(0) + smooth) / (both + smooth)
    return np.full(len(z), per_class.mean())


def dsc(z, y, w, at=None, *, alpha=0.1, smooth=1.0, activation="softmax"):
    q = _attenuated(z, alpha, activation)
    return (1 - (2 * q * y + smooth) / (q + y + smooth)).mean(-1)


def _tversky_index(z, y, w, alpha, beta, smooth, activation):
    p, rest = _probabilities(z, activation)
    w = w[:, None]
    true_positive = (w * p * y).sum(0)
    false_positive = (w * p * (1 - y)).sum(0)
    false_negative = (w * rest * y).sum(0)
    wrong = alpha * false_positive + beta * false_negative
    return (true_positive + smooth) / (true_positive + wrong + smooth)


def tversky(z, y, w, at=None, *, alpha=0.3, beta=0.7, smooth=1e-5, activation="softmax"):
    index = _tversky_index(z, y, w, alpha, beta, smooth, activation)
    return np.full(len(z), (1 - index).mean())


def focal_tversky(
    z, y, w, at=None, *, alpha=0.3, beta=0.7, gamma=0.75, smooth=1e-5, activation="softmax"
):
    index = _tversky_index(z, y, w, alpha, beta, smooth, activation)
    return np.full(len(z), ((1 - index) ** gamma).mean())


def soft_f1(z, y, w, at=None, *, smooth=1e-5, activation="softmax"):
    p, _ = _probabilities(z, activation)
    scores = [
        (2 * (w * p_c * y_c).sum() + smooth) / ((w * p_c).sum() + (w * y_c).sum() + smooth)
        for p_c, y_c in zip(p.T, y.T, strict=True)
        if (w * y_c).sum() > 0
    ]
    return np.full(len(z), 1 - np.mean(scores))


def unified_focal_rows(z, y, w, at=None, *, class_counts, delta=0.6, gamma=0.5, **unused):
    _, rest = _probabilities(z, "softmax")
    rare = np.asarray(class_counts) < np.mean(class_counts)
    factor = np.where(rare, delta, (1 - delta) * rest**gamma)
    return -(factor * y * log_softmax(z)).sum(-1)


def unified_focal_batch(
    z, y, w, at=None, *, class_counts, delta=0.6, gamma=0.5, smooth=1e-5, **unused
):
    rare = np.asarray(class_counts) < np.mean(class_counts)
    missing = 1 - _tversky_index(z, y, w, 1 - delta, delta, smooth, "softmax")
    return np.full(len(z), np.where(rare, missing ** (1 - gamma), missing).mean())


def unified_focal(z, y, w, at=None, *, weight=0.5, **arguments):
    rows = unified_focal_rows(z, y, w, **arguments)
    return weight * rows + (1 - weight) * unified_focal_batch(z, y, w, **arguments)


# --- gradients --------------------------------------------------------------------------------


def finite_differences(function, z, step=1e-5):
    """Return the gradient of the scalar ``function`` at ``z`` by central differences."""
    gradient = np.zeros_like(z)
    for place in np.ndindex(z.shape):
        up, down = z.copy(), z.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (function(up) - function(down)) / (2 * step)
    return gradient
