"""BERT as KerasHub has it, read token by token of the run's own vocabulary.

KerasHub (``pip install keras-hub``) is optional: nothing else here needs it.
"""

import unicodedata
from collections.abc import Sequence

import keras
from keras import ops

from imbalance import checks
from imbalance.models.loss_state import LossStateModel
from imbalance.models.token_vectors import token_logits

# Of a text pair, see `imbalance.config`; BERT has a token of its own for it.
_PAIR_SEPARATOR = "\x1f"


def bert_tagger(
    vocabulary_size: int, units: int, *, preset, dropout=0.1, dtype=None
) -> LossStateModel:
    """Build a network of BERT's vectors of each token, dropout and float32 logits.

    Each token of the run, a character as a rule, is one token of BERT, so that logits stand
    where the characters stand. Before it is trained, :func:`use_vocabulary` has to tell the
    network what its tokens are; until then all of them are unknown.

    Args:
        vocabulary_size: number of token ids; id 0 is padding, which stands behind the text alone.
        units: number of logits of a token.
        preset: name of one of KerasHub's presets of BERT, such as ``"bert_base_zh"``, which is
            downloaded once, or a folder with one, as ``save_to_preset`` writes it.
        dropout: share of features dropped in training, in [0, 1).
        dtype: policy of the layers, such as ``"mixed_float16"``; the logits are float32 always.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, time, units), float32. Tokens
        behind those that BERT can read, 510 as a rule, are seen by nobody: their features are 0.

    Raises:
        InputError: if KerasHub is not installed, the preset cannot be had, or an argument is
            out of range.

    Source:
        Devlin et al. 2019, BERT: Pre-training of Deep Bidirectional Transformers for Language
        Understanding, arXiv:1810.04805.
    """
    ids, outputs = _encoded(vocabulary_size, units, preset, dropout, dtype)
    features = OfTokens(dtype=dtype, name="of_tokens")(outputs["sequence_output"], ids)
    features = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(features)
    return LossStateModel(ids, token_logits(features, units), name="bert_tagger")


def bert_classifier(
    vocabulary_size: int, units: int, *, preset, dropout=0.1, dtype=None
) -> LossStateModel:
    """Build a network of BERT's vector of a text, or of a pair of texts, and float32 logits.

    Args:
        vocabulary_size, preset, dropout, dtype: as of :func:`bert_tagger`.
        units: number of logits of a text.

    Returns:
        A model from ids (batch, time), int32, to logits (batch, units), float32. What is behind
        the tokens that BERT can read, 510 as a rule, is not read.

    Raises:
        InputError: as :func:`bert_tagger`.
    """
    ids, outputs = _encoded(vocabulary_size, units, preset, dropout, dtype)
    features = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(outputs["pooled_output"])
    return LossStateModel(ids, token_logits(features, units), name="bert_classifier")


def _encoded(vocabulary_size, units, preset, dropout, dtype):
    checks.integer("units", units, low=1)
    checks.number("dropout", dropout, low=0, high=1, high_open=True)
    hub = _keras_hub()
    tokenizer = _of_preset(hub.models.BertTokenizer, preset)
    backbone = _of_preset(hub.models.BertBackbone, preset, dtype=dtype)
    ids = keras.Input((None,), dtype="int32", name="ids")
    special = BertInputs(
        vocabulary_size,
        preset,
        longest=backbone.max_sequence_length,
        classification=tokenizer.cls_token_id,
        separator=tokenizer.sep_token_id,
        unknown=tokenizer.token_to_id(tokenizer.oov_token),
        padding=tokenizer.pad_token_id,
        name="bert_inputs",
    )
    return ids, backbone(special(ids))


@keras.saving.register_keras_serializable(package="imbalance")
class BertInputs(keras.layers.Layer):
    """The run's token ids as BERT reads them: [CLS] text [SEP], or [CLS] text [SEP] text [SEP].

    Args:
        vocabulary_size: number of the run's token ids; id 0 is padding.
        preset: where the ids are from; kept for :func:`use_vocabulary`.
        longest: tokens that BERT can read, the three kinds of special ones included.
        classification, separator, unknown, padding: BERT's ids of its special tokens.

    Input and output: ids (batch, time), int32; a dictionary of ``token_ids``, ``segment_ids``
    and ``padding_mask``, each (batch, min(time + 2, longest)), int32.

    Example:
        >>> layer = BertInputs(9, "none", 8, classification=2, separator=3, unknown=1, padding=0)
        >>> layer(ops.array([[4, 4, 0]]))["token_ids"][0].numpy().tolist()
        [2, 1, 1, 3, 0]
    """

    def __init__(
        self,
        vocabulary_size,
        preset,
        longest,
        classification,
        separator,
        unknown,
        padding,
        **kwargs,
    ):
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        checks.integer("vocabulary_size", vocabulary_size, low=1)
        self._arguments = {
            "vocabulary_size": vocabulary_size,
            "preset": preset,
            "longest": longest,
            "classification": classification,
            "separator": separator,
            "unknown": unknown,
            "padding": padding,
        }
        self.preset = preset
        self.bert_ids = self.add_weight(
            name="bert_ids",
            shape=(vocabulary_size,),
            dtype="int32",
            initializer=lambda shape, dtype: ops.full(shape, unknown, dtype),
        )
        self.built = True

    def call(self, ids):
        special = self._arguments
        ids = ids[:, : special["longest"] - 2]
        length = ops.sum(ops.cast(ids > 0, "int32"), axis=1, keepdims=True)
        tokens = ops.pad(ops.take(self.bert_ids, ids, axis=0), [[0, 0], [1, 1]])
        place = ops.expand_dims(ops.arange(ops.shape(tokens)[1], dtype="int32"), 0)
        tokens = ops.where(place == 0, special["classification"], tokens)
        tokens = ops.where(place == length + 1, special["separator"], tokens)
        tokens = ops.where(place > length + 1, special["padding"], tokens)
        ends = ops.cast(tokens == special["separator"], "int32")
        return {
            "token_ids": tokens,
            # 0 up to the first [SEP], then 1.
            "segment_ids": ops.minimum(ops.cumsum(ends, axis=1) - ends, 1),
            "padding_mask": ops.cast(place <= length + 1, "int32"),
        }

    def get_config(self):
        return {**super().get_config(), **self._arguments}


@keras.saving.register_keras_serializable(package="imbalance")
class OfTokens(keras.layers.Layer):
    """Takes [CLS] and the last place from BERT's features, and adds zeros where it did not read.

    Input and output: features (batch, places, dimension) and ids (batch, time);
    (batch, time, dimension).

    Example:
        >>> OfTokens()(ops.ones((1, 4, 8)), ops.ones((1, 5))).shape[1]
        5
    """

    def build(self, features_shape, ids_shape):
        pass

    def call(self, features, ids):
        missing = ops.shape(ids)[1] + 2 - ops.shape(features)[1]
        return ops.pad(features[:, 1:-1], [[0, 0], [0, missing], [0, 0]])

    def compute_output_shape(self, features_shape, ids_shape):
        return (*ids_shape, features_shape[-1])


def use_vocabulary(model: keras.Model, vocabulary: Sequence[str]) -> list[str]:
    """Tell a network with a BERT which of BERT's tokens the run's tokens are.

    Tokens are lower-cased, and their accents left out, where the preset's are.

    Args:
        model: of :func:`bert_tagger` or :func:`bert_classifier`, which is changed.
        vocabulary: the run's tokens by id; 0 is padding and 1 the unknown token.

    Returns:
        The tokens that BERT does not know.

    Raises:
        InputError: if the preset cannot be had.
    """
    layer = model.get_layer("bert_inputs")
    tokenizer = _of_preset(_keras_hub().models.BertTokenizer, layer.preset)
    id_of = {token: id for id, token in enumerate(tokenizer.get_vocabulary())}
    other = tokenizer.token_to_id(tokenizer.oov_token)
    ids, unknown = [tokenizer.pad_token_id, other], []
    for token in vocabulary[2:]:
        read = _bare(token) if tokenizer.lowercase else token
        if token == _PAIR_SEPARATOR:
            ids.append(tokenizer.sep_token_id)
        else:
            ids.append(id_of.get(read, other))
            if read not in id_of:
                unknown.append(token)
    layer.bert_ids.assign(ids)
    return unknown


def _bare(token: str) -> str:
    """Return a token in lower case, without accents.

    Example:
        >>> _bare("É")
        'e'
    """
    parts = unicodedata.normalize("NFD", token.lower())
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


def _keras_hub():
    try:
        import keras_hub
    except ImportError as error:
        raise checks.InputError(
            f"model.name: BERT needs KerasHub (pip install keras-hub), which is absent: {error}"
        ) from error
    return keras_hub


def _of_preset(kind, preset, **options):
    try:
        return kind.from_preset(preset, **options)
    except Exception as error:  # of the file system, the network or any of the hub's clients
        reason = str(error).strip().split("\n")[0]
        raise checks.wrong(
            "preset",
            preset,
            "a folder with a BERT as KerasHub saves it, or the name of one of its presets and a"
            f" network to get it from ({type(error).__name__}: {reason})",
        ) from error
