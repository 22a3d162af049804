"""jieba's search in its dictionary as a SentencePiece model.

Without its hidden Markov model jieba chooses the likeliest of all ways to cut a text into words of
its dictionary, each word having the chance frequency / total. That is a unigram model, which
SentencePiece has an operation for.
"""

import math
import struct
from collections.abc import Iterable, Mapping

_UNKNOWN = 2
_UNIGRAM = 1


def model(frequencies: Mapping[str, int], characters: Iterable[str]) -> tuple[bytes, list[str]]:
    """Return a SentencePiece model of reversed words, and its pieces by their ids.

    jieba goes through a text from its end, and of two equally likely cuts it takes the one whose
    first word is longer. SentencePiece goes from the beginning, and takes the one whose last piece
    is longer. So both texts and words are given to it reversed.

    Args:
        frequencies: of the words.
        characters: all that texts consist of; one that is no word counts 1, as jieba has it.

    Returns:
        A serialized ``sentencepiece.ModelProto``, the same bytes for the same words; pieces,
        reversed as well, of which number 0 stands for any other sign.

    Source:
        Kudo 2018, Subword Regularization, arXiv:1804.10959 (the unigram model).

    Example:
        >>> model({"ab": 3, "b": 2}, "abc")[1]
        ['<unk>', 'a', 'b', 'ba', 'c']
    """
    counts = {**dict.fromkeys(characters, 1), **frequencies}
    counts = {word[::-1]: count for word, count in counts.items()}
    total = math.log(sum(frequencies.values()))
    pieces = ["<unk>", *sorted(counts)]
    fields = [_field(1, _text(1, "<unk>") + _number(3, _UNKNOWN))]
    for piece in pieces[1:]:
        score = struct.pack("<f", math.log(counts[piece]) - total)
        fields.append(_field(1, _text(1, piece) + _FLOAT_2 + score))
    trainer = _number(3, _UNIGRAM) + _number(4, len(pieces))
    # The text is taken as it is: no blank before it, none removed, none replaced.
    normalizer = _text(1, "identity") + _number(3, 0) + _number(4, 0) + _number(5, 0)
    return b"".join([*fields, _field(2, trainer), _field(3, normalizer)]), pieces


# Fields of a protocol buffer: SentencePiece's own package would be needed for these few alone.
_SMALL = [bytes([value]) for value in range(128)]
_FLOAT_2 = _SMALL[2 << 3 | 5]


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _text(number: int, value: str) -> bytes:
    return _field(number, value.encode())


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    if value < 128:
        return _SMALL[value]
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
