"""Recurrent units over the tokens in both directions, logits for each token."""

import keras

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.members import MemberMean
from imbalance.models.token_vectors import token_logits, token_vectors
from imbalance.models.word_dropout import WordDropout
from imbalance.models.word_matches import WordMatches

# Room for jieba's dictionary of 349,000, and the kinds that `imbalance.data.dictionary` has.
_WORDS, _KINDS = 350_000, 7


def bigru_tagger(
    vocabulary_size: int,
    units: int,
    *,
    embedding_dim=128,
    ngram_sizes=(2,),
    ngram_buckets=30_000,
    ngram_dim=32,
    dictionary_dim=0,
    projection=192,
    hidden=128,
    layers=1,
    members=1,
    dropout=0.5,
    word_dropout=0.0,
    dtype=None,
) -> LossStateModel:
    """Build a network for tokens: vectors, GRUs in both directions, float32 logits.

    Args:
        vocabulary_size: number of token ids; id 0 is padding.
        units: number of logits of a token.
        embedding_dim: size of a token's vector.
        ngram_sizes, ngram_buckets, ngram_dim: see :class:`NgramVectors`; ``ngram_sizes`` empty,
            no vectors of n-grams.
        dictionary_dim: features that :class:`WordMatches` of jieba's dictionary are brought to;
            0, there is no dictionary. Before training it has to be filled; see
            ``imbalance/training/dictionary.py``.
        projection: features that all vectors of a token are brought to for the first GRU.
        hidden: features of each direction.
        layers: recurrent layers.
        members: networks with weights of their own, of which the mean answers; see
            :class:`MemberMean`.
        dropout: share of features dropped in training, in [0, 1).
        word_dropout: share of tokens that are made unknown in training, in [0, 1).
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, time, units), float32. Those at
        padding mean nothing.

    Raises:
        InputError: if an argument is out of range.

    Source:
        Huang et al. 2015, Bidirectional LSTM-CRF Models for Sequence Tagging, arXiv:1508.01991,
        with the GRU of Cho et al. 2014, arXiv:1406.1078.

    Example:
        >>> model = bigru_tagger(100, 5, hidden=8)
        >>> model(keras.ops.ones((2, 7), dtype="int32")).shape[2]
        5
    """
    numbers = {
        "units": units,
        "projection": projection,
        "hidden": hidden,
        "layers": layers,
        "members": members,
    }
    for name, value in numbers.items():
        checks.integer(name, value, low=1)
    checks.integer("dictionary_dim", dictionary_dim, low=0)
    checks.number("dropout", dropout, low=0, high=1, high_open=True)

    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = keras.ops.not_equal(ids, 0)
    words = None
    if dictionary_dim:
        words = WordMatches(_KINDS, _WORDS, dtype=dtype, name="dictionary")(ids)

    def member(number):
        """Return the logits of a network of its own."""
        name = f"member_{number}_{{}}".format if members > 1 else "{}".format
        read = ids
        if word_dropout:
            read = WordDropout(word_dropout, name=name("word_dropout"))(ids)
        vectors = token_vectors(
            read,
            vocabulary_size,
            embedding_dim=embedding_dim,
            ngram_sizes=ngram_sizes,
            ngram_buckets=ngram_buckets,
            ngram_dim=ngram_dim,
            words=words,
            words_dim=dictionary_dim,
            dropout=dropout,
            dtype=dtype,
            name=name,
        )
        features = keras.layers.Dense(projection, dtype=dtype, name=name("projection"))(vectors)
        for index in range(layers):
            both = keras.layers.Bidirectional(
                keras.layers.GRU(hidden, return_sequences=True, dtype=dtype),
                dtype=dtype,
                name=name(f"gru_{index}"),
            )
            features = both(features, mask=mask)
            features = keras.layers.Dropout(dropout, dtype=dtype, name=name(f"dropout_{index}"))(
                features
            )
        return token_logits(features, units, name=name("logits"))

    logits = [member(number) for number in range(members)]
    logits = logits[0] if members == 1 else MemberMean(members, name="members")(logits)
    return LossStateModel(ids, logits, name="bigru_tagger")
