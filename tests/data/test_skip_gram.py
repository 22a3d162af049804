import dataclasses

import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import load, skip_gram
from imbalance.data.encoded import encode
from imbalance.data.skip_gram import SkipGram, token_vectors

SPORT, MONEY = "球赛跑跳", "钱股市债"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Texts of either four signs, in any order; ``稀`` stands four times, all past the tenth."""
    random = np.random.default_rng(5)
    lines = ["text,label"]
    for row in range(400):
        signs = (SPORT, MONEY)[row % 2]
        rare = "稀" if row < 4 else ""
        lines.append(f"{''.join(random.choice(list(signs), 30))}{rare},{'ab'[row % 2]}")
    folder = tmp_path_factory.mktemp("skip-gram")
    (folder / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for split in ("validation", "test"):
        (folder / f"{split}.csv").write_text("text,label\n球,a\n钱,b\n", encoding="utf-8")
    return folder


def learnt(source, seed=1, data=None, **options):
    config = DataConfig(source=str(source), **({"cache": None} | (data or {})))
    corpus = load(config)
    encoder = encode(corpus, config).encoder
    ids, vectors = token_vectors(corpus, encoder, SkipGram(**options), dimension=6, seed=seed)
    tokens = [encoder.vocabulary[id] for id in ids.tolist()]
    return dict(zip(tokens, vectors, strict=True))


def test_tokens_of_the_same_surroundings_are_near(source):
    vectors = learnt(source, epochs=8, window=3, negative=3)
    assert set(vectors) == set(SPORT + MONEY)  # the others stand fewer than five times
    unit = {token: each / np.linalg.norm(each) for token, each in vectors.items()}
    within = [unit["球"] @ unit[each] for each in SPORT[1:]]
    across = [unit["球"] @ unit[each] for each in MONEY]
    assert min(within) > max(across) + 0.2


def test_equal_seeds_give_equal_vectors(source):
    first, second, other = (learnt(source, seed) for seed in (1, 1, 2))
    assert all((first[token] == second[token]).all() for token in first)
    assert not any((first[token] == other[token]).all() for token in first)


def test_training_texts_alone_are_read(source):
    config = DataConfig(source=str(source), cache=None)
    corpus = load(config)
    encoder = encode(corpus, config).encoder
    options = SkipGram()
    expected = token_vectors(corpus, encoder, options, dimension=6, seed=1)
    alone = dataclasses.replace(
        corpus, splits={"train": corpus.splits["train"]}, cache=load(config).cache
    )
    for one, other in zip(
        token_vectors(alone, encoder, options, dimension=6, seed=1), expected, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_more_is_read_than_the_network_reads(source):
    data = {"max_characters": 12, "max_length": 10}
    # Of the network's part of the texts, `稀` is in none: it is unknown, and that has a vector.
    assert "[UNK]" in learnt(source, data=data, min_count=4)
    assert "[UNK]" not in learnt(source, data=data, min_count=4, characters=30)
    assert "稀" in learnt(source, min_count=4)


def test_words_have_vectors_too(source):
    vectors = learnt(source, data={"tokens": "words"})
    assert {"球赛", "股市"} <= set(vectors)


def test_the_second_time_is_from_the_cache(source, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(skip_gram, "_TELL_EVERY_SECONDS", -1)
    data = {"cache": str(tmp_path / "cache")}
    first = learnt(source, data=data)
    assert any("skip-gram: epoch 2/2, " in each for each in caplog.messages)
    assert any("skip-gram: vectors for 8 of 10 tokens, " in each for each in caplog.messages)
    [entry] = (tmp_path / "cache").glob("skip-gram-*")
    assert {each.name for each in entry.iterdir()} == {"vectors.npz", "manifest.json"}

    def never(*_):
        raise AssertionError("learnt again")

    monkeypatch.setattr(skip_gram, "_learnt", never)
    second = learnt(source, data=data)
    assert all((first[token] == second[token]).all() for token in first)
    for other in ({"seed": 2}, {"window": 4}, {"data": data | {"vocabulary_size": 9}}):
        with pytest.raises(AssertionError, match="learnt again"):
            learnt(source, **({"data": data} | other))


def test_no_token_often_enough_is_one_line(source):
    with pytest.raises(InputError, match=r"pretrain_args.min_count: got 99999, expected \d+ at mo"):
        learnt(source, min_count=99999)


@pytest.mark.parametrize("name", ["epochs", "window", "negative", "characters", "min_count"])
def test_options_out_of_range_are_refused(name):
    with pytest.raises(InputError, match=f"pretrain_args.{name}: got 0, expected a whole number"):
        SkipGram(**{name: 0})
    with pytest.raises(InputError, match="at least 1 and of at most 10000"):
        SkipGram(characters=10_001)
