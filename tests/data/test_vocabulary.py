import pytest
import tensorflow as tf

from imbalance.checks import InputError
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import PADDING, SEPARATOR, UNKNOWN, TextEncoder

CHARACTERS = Tokenizer("characters", "all", None, 20)


def test_the_most_frequent_tokens_ties_by_code_point():
    encoder = TextEncoder.fit(["bab", "cab", "d"], CHARACTERS, vocabulary_size=5)
    assert encoder.vocabulary == (PADDING, UNKNOWN, "b", "a", "c")


def test_unknown_and_empty():
    encoder = TextEncoder.fit(["ab"], CHARACTERS, vocabulary_size=10)
    assert encoder(tf.constant(["xb", ""])).numpy().tolist() == [[1, 3], [0, 0]]
    assert encoder(tf.constant(["", ""])).numpy().tolist() == [[0], [0]]


def test_no_text_at_all():
    encoder = TextEncoder.fit([], CHARACTERS, vocabulary_size=10)
    assert encoder.encode(["a"]).to_list() == [[1]]
    assert encoder.encode([]).nrows() == 0


def test_the_names_of_special_tokens_are_no_tokens():
    words = Tokenizer("words", "all", None, 20)
    encoder = TextEncoder(words, (PADDING, UNKNOWN, "好"))
    assert encoder(tf.constant(["[PAD] [UNK] 好"])).numpy().tolist() == [[1, 1, 2]]


def test_saved_and_loaded(tmp_path):
    # A line separator and a blank are tokens like others.
    encoder = TextEncoder.fit(["好 \u2028\x85a"], CHARACTERS, vocabulary_size=10)
    encoder.save(tmp_path / "vocabulary.txt")
    assert (
        TextEncoder.load(tmp_path / "vocabulary.txt", CHARACTERS).vocabulary == encoder.vocabulary
    )


@pytest.mark.parametrize("content", [b"", b"a\nb\n", b"\xff\xfe", b"[PAD]\n[UNK]\na\na\n"])
def test_a_file_that_is_no_vocabulary_is_refused(tmp_path, content):
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        TextEncoder.load(path, CHARACTERS)


def test_many_texts_are_encoded_in_blocks():
    encoder = TextEncoder.fit(["ab"], CHARACTERS, vocabulary_size=10)
    texts = ["ab" * (row % 3) for row in range(2500)]
    assert encoder.encode(texts).to_list() == [[2, 3] * (row % 3) for row in range(2500)]


@pytest.mark.parametrize("keep", ["all", "letters"])
@pytest.mark.parametrize(
    ("tokens", "oov_buckets"), [("characters", 0), ("words", 0), ("words", 3), ("words", 1000)]
)
def test_many_texts_get_the_ids_that_the_graph_gives(tokens, oov_buckets, keep, tmp_path):
    tokenizer = Tokenizer(tokens, keep, max_characters=20, max_length=6)
    texts = ["我爱 北京", "", "\u3000a\t\tb\u200b", "[PAD] [UNK]", "书\x00书\U0001f31f" * 9]
    texts += ["[OOV0] [OOV1] Cobbe", "Cobbe 北京"]
    prepared = tokenizer.prepare(texts)
    fitted = TextEncoder.fit(prepared[:2], tokenizer, vocabulary_size=6)
    encoder = TextEncoder.of(tokenizer, fitted.vocabulary[2:], oov_buckets)
    ids = encoder.encode(texts).to_list()
    assert ids == encoder.ragged(tf.constant(prepared)).to_list()
    assert max(map(max, filter(None, ids))) < len(encoder.vocabulary)
    encoder.save(tmp_path / "vocabulary.txt")
    loaded = TextEncoder.load(tmp_path / "vocabulary.txt", tokenizer)
    assert loaded.encode(texts).to_list() == ids


def test_an_unknown_word_has_an_id_of_its_own_behind_the_others():
    words = Tokenizer("words", "all", None, 20)
    encoder = TextEncoder.of(words, ["a", "b"], oov_buckets=10_000)
    a, new, again, named = encoder.ids(["a", "Cobbe", "Cobbe", "[UNK]"]).tolist()
    assert (a, named) == (2, 1)
    assert new == again >= 4
    assert TextEncoder.of(words, ["a", "b"]).ids(["a", "Cobbe"]).tolist() == [2, 1]
    assert encoder.ids([]).shape == (0,)


def test_a_pair_has_the_separator_between_its_sides(tmp_path):
    pairs = Tokenizer("words", "all", None, 20, pairs=True)
    encoder = TextEncoder.fit(["好 \x1f 书 好"], pairs, vocabulary_size=5)
    assert encoder.vocabulary == (PADDING, UNKNOWN, SEPARATOR, "好", "书")
    texts = ["好 [SEP] x \x1f书 \x1f 好", "\x1f", "好", ""]
    expected = [[3, 1, 1, 2, 4, 3], [2, 0, 0, 0, 0, 0], [3, 2, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0]]
    assert encoder(tf.constant(texts)).numpy().tolist() == expected
    encoder.save(tmp_path / "vocabulary.txt")
    assert TextEncoder.load(tmp_path / "vocabulary.txt", pairs).vocabulary == encoder.vocabulary
    TextEncoder(CHARACTERS, (PADDING, UNKNOWN, "a")).save(tmp_path / "vocabulary.txt")
    with pytest.raises(InputError, match=r"expected \[PAD\] and \[UNK\] and \[SEP\] first"):
        TextEncoder.load(tmp_path / "vocabulary.txt", pairs)
