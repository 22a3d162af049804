"""How to read a study's report."""

from imbalance.study.measures import Measures
from imbalance.study.statistics import RESAMPLES

_MCNEMAR = """\
- **p** of the bootstrap is two-sided. McNemar's test is the exact one, on each pair of seeds; the
  seeds' p-values make one by Rüger's rule (K/k times the k-th smallest of K, k being the smallest
  majority), which holds for tests that depend on each other. Both are corrected after Holm for
  the number of rows in a column."""
_NO_MCNEMAR = """\
- **p** of the bootstrap is two-sided, corrected after Holm for the number of rows in a column."""
_METHOD = """## How to read this

- **±** is the standard deviation over seeds (n − 1), of trainings on the same {rows}.
{sizes}
- **unseen** leaves out test {rows} whose text, white space aside, stands in the training data
  or earlier in the test split. On all test {rows} a text that repeats counts as often as it
  stands there; the intervals take its copies for independent and are a little too narrow. Trust
  those on the unseen {rows}.
- **Intervals** are 95 % percentile intervals of the paired bootstrap, {resamples:,} resamples:
{drawing}
{p}
- A difference is in **bold** where its interval is without 0 and its corrected bootstrap p is
  below .05. No other is called better or worse.
- The best mean of many rows is flattered by having been picked on the test split.
"""


def method(measures: Measures) -> str:
    """Return what the numbers of a report are, as Markdown, for who reads it."""
    return _METHOD.format(
        rows=measures.rows,
        sizes=measures.sizes,
        drawing=measures.drawing,
        resamples=RESAMPLES,
        p=_MCNEMAR if "accuracy" in measures.compared else _NO_MCNEMAR,
    )
