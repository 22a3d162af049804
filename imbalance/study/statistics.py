"""Is a loss better than another, or was it luck? Tests on the same documents and the same seeds.

Two things are random in a comparison: which documents the test split holds, and which seed the
networks started from. :func:`paired_bootstrap` draws both anew and gives an interval;
:func:`mcnemar` asks of one pair of networks whether their accuracies differ, and
:func:`combined_p` makes one answer of several seeds' answers. Many losses against one reference
are many chances of a lucky one: :func:`holm` corrects for that.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from imbalance import checks

RESAMPLES = 2000
LEVEL = 0.95


class Difference(NamedTuple):
    """A score minus the reference's, its interval, and the two-sided p-value of "no difference"."""

    difference: float
    low: float
    high: float
    p: float


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (n − 1); NaN for that of one value.

    Example:
        >>> mean_and_sd([1.0, 2.0, 3.0])
        (2.0, 1.0)
    """
    values = np.asarray(values, dtype="float64")
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def paired_bootstrap(
    strata,
    ours,
    theirs,
    score: Callable,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Difference]:
    r"""Return intervals of the difference between two systems on the same rows.

    The difference is the mean over seeds, :math:`\frac 1 S \sum_s m(\hat y_s) - m(\hat y'_s)`. Each
    resample draws, with replacement, n_c rows of every stratum c and S of the S pairs of
    seeds, the same for both systems; the interval lies between the quantiles of the resampled
    differences. Labelled documents are drawn class by class because such test splits are cut class
    by class: their class sizes are no accident, and none can lose a rare class. Seeds are drawn too
    because an interval over documents alone speaks of these very networks and says nothing of
    the next ones trained by the same recipe. Three seeds say little about that, and the interval
    knows no spread beyond theirs.

    The p-value is twice the share of resampled differences on the far side of 0 (each share
    counted with one resample more, so it is never 0), at most 1.

    Args:
        strata: what rows are drawn inside of, integers, shape (n,).
        ours: what each seed said of the rows, numbers of shape (S, n, d).
        theirs: the same of the reference, row for row the same seed.
        score: from how often rows are drawn, (R, m), their strata, (m,), and their values, (m, d),
            to a mapping from names to scores of shape (R,); see
            :meth:`imbalance.study.predictions.Predictions.scorer`.
        resamples, level, seed: how many, how wide, and where the drawing starts.

    Returns:
        :class:`Difference` of each score.

    Raises:
        InputError: if shapes do not fit or there are no rows.

    Source:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13; seeds and
        documents drawn independently: Owen 2007, The pigeonhole bootstrap, arXiv:0712.1111.

    Example:
        >>> def share(drawn, strata, values):
        ...     return {"right": drawn @ values[:, 0] / drawn.sum(axis=1)}
        >>> paired_bootstrap([0] * 6, [[[1]] * 6], [[[0]] * 6], share)["right"]
        Difference(difference=1.0, low=1.0, high=1.0, p=0.0009995002498750624)
    """
    strata, ours, theirs = map(np.asarray, (strata, ours, theirs))
    expected = (len(ours), *strata.shape, *ours.shape[2:])
    if strata.ndim != 1 or not strata.size or ours.ndim != 3:
        expected = None
    if {ours.shape, theirs.shape} != {expected}:
        shapes = (strata.shape, ours.shape, theirs.shape)
        raise checks.wrong(
            "strata, ours and theirs, their shapes", shapes, "(n,), (seeds, n, d), (seeds, n, d)"
        )
    seeds = len(ours)
    # Rows of one stratum of which all seeds say the same are interchangeable: a resample is how
    # often each such pattern is drawn, of labels a few hundred numbers in place of ten thousand.
    rows = np.concatenate([ours, theirs]).transpose(0, 2, 1)
    patterns, counts = np.unique(
        np.vstack([strata, rows.reshape(-1, len(strata))]), axis=1, return_counts=True
    )
    strata = patterns[0]
    values = patterns[1:].reshape(2, seeds, -1, len(strata)).swapaxes(2, 3)
    generator = np.random.default_rng(seed)
    # The first row is the split as it is.
    drawn = np.empty((resamples + 1, len(strata)), dtype="float32")
    drawn[0] = counts
    for stratum in np.unique(strata):
        own = strata == stratum
        total = counts[own].sum()
        drawn[1:, own] = generator.multinomial(total, counts[own] / total, size=resamples)
    shares = np.full((resamples + 1, seeds), 1 / seeds)
    shares[1:] = generator.multinomial(seeds, shares[0], size=resamples) / seeds

    differences: dict[str, np.ndarray] = {}
    for of_seed, one, other in zip(shares.T, *values, strict=True):
        scores, others = score(drawn, strata, one), score(drawn, strata, other)
        for name in scores:
            own = of_seed * (scores[name] - others[name])
            differences[name] = differences.get(name, 0) + own
    return {name: _interval(values, level) for name, values in differences.items()}


def _interval(values: np.ndarray, level: float) -> Difference:
    # What differs by rounding alone does not differ.
    observed, resampled = float(values[0].round(12)), values[1:].round(12)
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    far = min((resampled <= 0).sum(), (resampled >= 0).sum())
    p = min(1.0, 2 * (far + 1) / (len(resampled) + 1))
    return Difference(observed, float(low), float(high), float(p))


def mcnemar(correct, reference_correct) -> float:
    """Return the p-value of McNemar's test that two systems are equally often right.

    Of the documents that only one of the two gets right, each has it by even chance: the exact,
    two-sided binomial test, which needs no correction for small numbers. 1 without such
    documents.

    Args:
        correct, reference_correct: bool, shape (n,).

    Source:
        McNemar 1947, Psychometrika 12(2); Dietterich 1998, Neural Computation 10(7).

    Example:
        >>> mcnemar([True] * 6 + [False], [False] * 6 + [False])
        0.03125
    """
    correct, reference_correct = np.asarray(correct, bool), np.asarray(reference_correct, bool)
    wins = int((correct & ~reference_correct).sum())
    losses = int((~correct & reference_correct).sum())
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def combined_p(values: Sequence[float]) -> float:
    """Return one p-value of the tests of several seeds: small if most of them are small.

    The seeds are tested on the same documents, so their tests depend on each other. K/k times
    the k-th smallest of K p-values is a p-value whatever the dependence; k is the smallest
    majority of the seeds (of three seeds it is 1.5 times the median). A majority vote of the
    seeds would instead test an ensemble, a system that nobody reports.

    Source:
        Rüger 1978, Metrika 25; Vovk and Wang 2020, Biometrika 107(4), arXiv:1212.4966.

    Example:
        >>> round(combined_p([0.001, 0.02, 0.4]), 3)
        0.03
    """
    values = sorted(values)
    majority = len(values) // 2 + 1
    return min(1.0, values[majority - 1] * len(values) / majority)


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the given order.

    The i-th smallest of K is multiplied by K − i + 1, kept from falling below the one before, and
    cut at 1: rejecting those below α then errs in any of them with probability at most α.

    Source:
        Holm 1979, Scandinavian Journal of Statistics 6(2).

    Example:
        >>> holm([0.04, 0.01, 0.5])
        [0.08, 0.03, 0.5]
    """
    values = np.asarray(values, dtype="float64")
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(raised, 1)
    return corrected.tolist()
