"""The dictionary of a network, filled before it is trained."""

import logging
from collections.abc import Sequence

import keras

from imbalance.data import dictionary
from imbalance.models import WordMatches

_log = logging.getLogger(__name__)


def fit(model: keras.Model, vocabulary: Sequence[str]) -> None:
    """Fill the dictionary of ``model``, if it has one, with jieba's.

    Args:
        model: whose layer :class:`WordMatches` is changed.
        vocabulary: the run's tokens by id, single characters but for the special ones.
    """
    layer = next((each for each in model.layers if isinstance(each, WordMatches)), None)
    if layer is None:
        return
    words = dictionary.kinds_of_words()
    found = layer.fit_to(words, vocabulary)
    _log.info(
        "dictionary: %s of the %s words of jieba %s consist of the run's tokens",
        f"{found:,}",
        f"{len(words):,}",
        dictionary.version(),
    )
