"""Class counts to class weights and chances, as NumPy arrays of shape (classes,), float64.

Every weight here is scaled so that the mean weight of a training row is 1,
``Σ_c n_c · w_c = Σ_c n_c``: changing the weights then changes which class matters, not the
learning rate. Where rows are drawn by class, ``n_c`` are the rows expected to be drawn. A class
without a row has weight 0: nothing in training can use it.
"""

import numpy as np

from imbalance import checks


def balanced_weights(counts) -> np.ndarray:
    """Weigh every class the same in total: ``w_c = n / (C · n_c)``.

    Args:
        counts: rows of each class, shape (classes,), whole numbers of at least 0.

    Returns:
        Weights of shape (classes,). Where every class has a row they equal scikit-learn's
        ``compute_class_weight("balanced")``.

    Raises:
        InputError: if ``counts`` is empty, negative, or holds no row at all.

    Example:
        >>> balanced_weights([90, 10]).round(3).tolist()
        [0.556, 5.0]
    """
    return scale_to_mean_one(_inverse(_counts(counts)), counts)


def effective_number_weights(counts, beta: float = 0.999) -> np.ndarray:
    """Weigh by the inverse effective number of rows: ``w_c ∝ (1 − β) / (1 − β^n_c)``.

    The more rows a class has, the less a further row adds. ``beta = 0`` weighs every row
    the same, ``beta → 1`` approaches :func:`balanced_weights`.

    Args:
        counts: rows of each class, shape (classes,).
        beta: in [0, 1).

    Returns:
        Weights of shape (classes,), mean weight of a row 1.

    Source:
        Cui et al. 2019, Class-Balanced Loss Based on Effective Number of Samples,
        arXiv:1901.05555.

    Example:
        >>> effective_number_weights([90, 10], beta=0.9).round(3).tolist()
        [0.949, 1.457]
    """
    counts = _counts(counts)
    return scale_to_mean_one(_inverse(_effective_number(counts, beta)), counts)


def expected_draws(counts, sampling: str, beta: float = 0.999) -> np.ndarray:
    """Return how many rows of each class an epoch of ``n`` rows draws: ``n · s_c / Σ_k s_k``.

    Args:
        counts: rows of each class, shape (classes,).
        sampling: ``instance``, ``s_c = n_c``; ``square_root``, ``n_c^½``; ``class_balanced``,
            1 for a class with rows; or ``effective_number``, ``(1 − β^n_c) / (1 − β)``.
        beta: of the effective number, in [0, 1).

    Returns:
        Expectations of shape (classes,), of the sum of ``counts``.

    Raises:
        InputError: if ``counts`` or ``beta`` are wrong, or there is no such sampling.

    Source:
        Kang et al. 2020, Decoupling Representation and Classifier for Long-Tailed Recognition,
        arXiv:1910.09217; the effective number is that of Cui et al. 2019, arXiv:1901.05555.

    Example:
        >>> expected_draws([90, 10], "square_root").tolist()
        [75.0, 25.0]
    """
    counts = _counts(counts)
    shares_of = {
        "instance": counts,
        "square_root": np.sqrt(counts),
        "class_balanced": (counts > 0) * 1.0,
        "effective_number": _effective_number(counts, beta),
    }
    shares = shares_of[checks.choice("sampling", sampling, shares_of)]
    return shares * (counts.sum() / shares.sum())


def scale_to_mean_one(weights, counts) -> np.ndarray:
    """Scale ``weights`` so that the mean over rows, ``Σ n_c w_c / Σ n_c``, is 1.

    Raises:
        InputError: if every row would have weight 0.

    Example:
        >>> scale_to_mean_one([1.0, 3.0], [3, 1]).round(3).tolist()
        [0.667, 2.0]
    """
    counts = _counts(counts)
    weights = np.asarray(checks.weights("weights", weights, length=len(counts)))
    total = (weights * counts).sum()
    if total == 0:
        raise checks.wrong("weights", weights.tolist(), "a weight above 0 for a class with rows")
    return weights * (counts.sum() / total)


def _effective_number(counts: np.ndarray, beta: float) -> np.ndarray:
    beta = checks.number("beta", beta, low=0, high=1, high_open=True)
    return -np.expm1(counts * np.log(beta)) / (1 - beta) if beta else (counts > 0) * 1.0


def _inverse(values: np.ndarray) -> np.ndarray:
    return np.divide(1.0, values, out=np.zeros(len(values)), where=values > 0)


def _counts(counts) -> np.ndarray:
    return np.asarray(checks.weights("counts", counts))
