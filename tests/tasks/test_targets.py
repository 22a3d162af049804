"""What each task makes of spans beside the logits, by examples written by hand."""

import numpy as np
import pytest

from imbalance import tasks
from imbalance.config import DataConfig
from imbalance.data import annotated
from imbalance.data.pipeline import TokenValues
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder
from imbalance.spans import Span
from imbalance.tasks.base import Targets
from imbalance.tasks.batches import Batches
from imbalance.tasks.reading import LONGEST_ANSWER
from imbalance.training.rows import folded_weights

PLACE, NAME = 0, 1
TYPES = ("place", "name")


def corpus(texts, spans, types=TYPES):
    count = len(texts)
    rows = annotated.AnnotatedSplit(
        texts=texts,
        spans=spans,
        places=[f"rows:{number}" for number in range(count)],
        digests=np.array([bytes([number + 1]) * 16 for number in range(count)], "S16"),
        unknown=np.zeros(len(texts), "int32"),
        lengths=np.array([len(each) for each in texts], np.int32),
    )
    return annotated.AnnotatedCorpus("rows", types, {"train": rows}, None, None, "")


def targets(task, rows, activation="softmax", **settings):
    config = DataConfig(**settings)
    found = tasks.get(task).targets(rows, "train", config, activation)
    np.testing.assert_array_equal(found.labels.starts, found.weights.starts)
    return found


ROWS = corpus(
    ["王明在北京", "好", "在上海"],
    [(Span(0, 2, NAME), Span(3, 5, PLACE)), (), (Span(1, 3, PLACE),)],
)
STARTS = [0, 5, 6, 9]


def test_tags_of_bio():
    labels, weights = targets("tagging", ROWS)
    assert tasks.get("tagging").classes(TYPES, "bio") == (
        *("O", "B-place", "I-place", "B-name", "I-name"),
    )
    assert labels.values.tolist() == [3, 4, 0, 1, 2] + [0] + [0, 1, 2]
    assert labels.starts.tolist() == STARTS
    assert weights.values.tolist() == [1.0] * 9


def test_tags_of_bioes():
    rows = corpus(["王在北京市"], [(Span(0, 1, NAME), Span(2, 5, PLACE))])
    labels, _ = targets("tagging", rows, scheme="bioes")
    names = tasks.get("tagging").classes(TYPES, "bioes")
    assert [names[each] for each in labels.values] == [
        *("S-name", "O", "B-place", "I-place", "E-place"),
    ]


def test_tags_of_words_count_at_the_last_character_alone():
    rows = corpus(["北京 很 大"], [(Span(0, 2, 0), Span(3, 4, 1), Span(5, 6, 2))], ("n", "d", "a"))
    task = tasks.get("tagging")
    found = targets("tagging", rows, scheme="words")
    assert found.labels.values[[1, 3, 5]].tolist() == [0, 1, 2]
    assert found.weights.values.tolist() == [0, 1, 0, 1, 0, 1]
    assert task.counts(found, 3).tolist() == [1, 1, 1]


def test_pointers():
    labels, weights = targets("span", ROWS)
    assert tasks.get("span").classes(TYPES, "bio") == ("O", "place", "name")
    assert labels.values[:, 0].tolist() == [2, 0, 0, 1, 0] + [0] + [0, 1, 0]
    assert labels.values[:, 1].tolist() == [0, 2, 0, 0, 1] + [0] + [0, 0, 1]
    assert weights.values.shape == (9, 2)
    assert tasks.get("span").counts(Targets(labels, weights), 3).tolist() == [12, 4, 2]


@pytest.mark.parametrize("task", ["tagging", "span"])
def test_texts_end_at_max_length(task):
    labels, weights = targets(task, ROWS, max_length=4)
    whole = targets(task, ROWS).labels.values
    assert labels.starts.tolist() == [0, 4, 5, 8]
    assert labels.values.tolist() == whole[[0, 1, 2, 3, 5, 6, 7, 8]].tolist()
    assert len(weights.values) == 8


def answered(context, *spans, question="谁？"):
    first = len(question) + 1
    return (
        f"{question}\x1f{context}",
        tuple(Span(first + start, first + end, 0) for start, end in spans),
    )


def test_answers():
    texts, spans = zip(answered("王明在北京", (0, 2)), answered("在上海", (1, 3)), strict=True)
    labels, weights = targets("reading", corpus(list(texts), list(spans), ("answer",)))
    # Three characters of question and separator, which have no weight.
    assert labels.values[:, 0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0] + [0, 0, 0, 0, 1, 0]
    assert labels.values[:, 1].tolist() == [0, 0, 0, 0, 1, 0, 0, 0] + [0, 0, 0, 0, 0, 1]
    assert weights.values.tolist() == [0, 0, 0, 1, 1, 1, 1, 1] + [0, 0, 0, 1, 1, 1]
    assert tasks.get("reading").counts(Targets(labels, weights), 2).tolist() == [2, 2]


def test_an_answer_that_is_cut_off_teaches_nothing():
    text, spans = answered("王明在北京", (3, 5))
    rows = corpus([text], [spans], ("answer",))
    labels, weights = targets("reading", rows, max_length=7)
    assert labels.values.shape == (7, 2)
    assert not labels.values.any()
    assert not weights.values.any()


def test_of_several_answers_the_first_that_is_not_cut_off():
    text, spans = answered("王明在北京", (0, 5), (0, 2), (3, 5))
    labels, weights = targets("reading", corpus([text], [spans], ("answer",)), max_length=6)
    assert np.argwhere(labels.values).tolist() == [[3, 0], [4, 1]]
    assert weights.values.tolist() == [0, 0, 0, 1, 1, 1]


def test_batches_of_answers():
    import tensorflow as tf

    texts, spans = zip(answered("王明在北京", (0, 2)), answered("在上海", (1, 3)), strict=True)
    labels, weights = targets("reading", corpus(list(texts), list(spans), ("answer",)))
    rows = (np.ones((2, 8), np.int32), labels.of([0, 1], 8), weights.of([0, 1], 8))
    batch = tf.data.Dataset.from_tensors(rows)
    task = tasks.get("reading")
    [(_, chosen, asked)] = task.batches(batch, "softmax")
    assert chosen.numpy().argmax(-1).tolist() == [[3, 4], [4, 5]]
    assert chosen.numpy().sum() == 4
    assert asked.numpy().tolist() == [[1, 1], [1, 1]]
    [(_, multi_hot, of_tokens)] = task.batches(batch, "sigmoid")
    assert multi_hot.shape == (2, 8, 2)
    np.testing.assert_array_equal(of_tokens, rows[2])


def test_class_weights_of_tokens_have_mean_one():
    found = targets("tagging", ROWS)
    given = np.array([0.5, 3.0, 2.0, 1.0, 4.0])
    folded = folded_weights(found, given)
    np.testing.assert_allclose(folded.values.mean(), 1, rtol=1e-6)
    np.testing.assert_allclose(
        folded.values / folded.values[0], given[found.labels.values] / given[3], rtol=1e-6
    )
    np.testing.assert_array_equal(folded_weights(found).values, 1)


def test_class_weights_of_words_have_mean_one_where_a_tag_counts():
    rows = corpus(["北京 很 大"], [(Span(0, 2, 0), Span(3, 4, 1), Span(5, 6, 1))], ("n", "d"))
    found = targets("tagging", rows, scheme="words")
    folded = folded_weights(found, [4.0, 1.0]).values
    np.testing.assert_allclose(folded, [0, 2, 0, 0.5, 0, 0.5])


def test_folded_weights_are_a_copy():
    found = targets("tagging", ROWS)
    folded_weights(found).values[:] = 7
    assert found.weights.values.tolist() == [1.0] * 9


def test_token_values_are_padded_by_nothing():
    values = TokenValues(np.array([[1, 2], [3, 4], [5, 6]]), np.array([0, 2, 2, 3]))
    assert values.of([2, 1, 0], 3).tolist() == [
        [[5, 6], [0, 0], [0, 0]],
        [[0, 0], [0, 0], [0, 0]],
        [[1, 2], [3, 4], [0, 0]],
    ]


def test_batches_give_each_text_its_own_tokens():
    tokenizer = Tokenizer("characters", "exact", max_characters=None, max_length=6)
    encoder = TextEncoder.of(tokenizer, list("北京很大"))
    random = np.random.default_rng(3)
    texts = ["".join(random.choice(list("北京很大😀"), size)) for size in random.integers(0, 9, 40)]
    batches = Batches(encoder, texts, size=7)
    widths = [ids.shape for ids in batches]
    assert sum(rows for rows, _ in widths) == 40
    assert all(width >= 1 for _, width in widths)
    expected = [[encoder.id_of.get(character, 1) for character in text[:6]] for text in texts]
    assert [each.tolist() for each in batches.of_texts(list(batches))] == expected


# --- from probabilities -------------------------------------------------------------------------


def decoded(task, probabilities, text, **settings):
    found = tasks.get(task).decode(
        np.array(probabilities, "float32"), text, TYPES, DataConfig(**settings)
    )
    return [(each.span, round(each.score, 4)) for each in found]


def test_decoding_tags():
    rows = [[0.1, 0.1, 0.0, 0.8, 0.0], [0.0, 0.1, 0.2, 0.1, 0.6], [0.9, 0.1, 0.0, 0.0, 0.0]]
    assert decoded("tagging", rows, "王明在") == [(Span(0, 2, NAME), 0.6)]


def test_decoding_words():
    rows = [[0.9, 0.1], [0.3, 0.7], [1.0, 0.0], [0.8, 0.2]]
    assert decoded("tagging", rows, "王明 在", scheme="words") == [
        (Span(0, 2, 1), 0.7),
        (Span(3, 4, 0), 0.8),
    ]


def test_decoding_pointers():
    none, place, name = [0.8, 0.1, 0.1], [0.1, 0.9, 0.0], [0.3, 0.2, 0.5]
    rows = [[name, none], [none, name], [place, place]]
    assert decoded("span", rows, "王明在") == [(Span(0, 2, NAME), 0.25), (Span(2, 3, PLACE), 0.81)]


def test_decoding_answers():
    # The likeliest positions are those of the question, which holds no answer.
    rows = [[0.9, 0.9], [0.0, 0.0], [0.2, 0.0], [0.5, 0.1], [0.0, 0.4]]
    assert decoded("reading", rows, "谁\x1f在上海") == [(Span(3, 5, 0), 0.2)]


def test_no_answer_where_the_context_is_cut_off():
    assert decoded("reading", [[1.0, 1.0]] * 2, "谁\x1f在上海") == []


def test_the_longest_answer():
    rows = np.zeros((LONGEST_ANSWER + 4, 2))
    rows[2, 0] = rows[-1, 1] = 1.0
    rows[2:, 1] = np.maximum(rows[2:, 1], 0.1)
    [(span, _)] = decoded("reading", rows, "谁\x1f" + "在" * (LONGEST_ANSWER + 2))
    assert span.end - span.start <= LONGEST_ANSWER
