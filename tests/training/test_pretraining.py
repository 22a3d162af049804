import runpy
import sys

import numpy as np
import pytest

from imbalance import registry
from imbalance.checks import InputError
from imbalance.commands import train
from imbalance.config import ModelConfig, RunConfig, TrainingConfig
from imbalance.data import load, skip_gram
from imbalance.data.encoded import encode
from imbalance.data.skip_gram import SkipGram, token_vectors
from imbalance.run_folder import Run
from imbalance.training import pretraining, settings
from imbalance.training.fit import fit

ARGS = {"epochs": 1, "min_count": 12}


def configured(corpus, **training):
    return RunConfig.from_mapping(
        {
            "data": {"source": str(corpus), "validation_fraction": 0.25},
            "model": {"args": {"embedding_dim": 8, "filters": 8, "kernel_sizes": [1, 2]}},
            "training": {"pretrain": "skip_gram", "pretrain_args": ARGS, **training},
        }
    )


def table_of(model):
    [table] = [each for each in model.weights if each.name == "embeddings"]
    return table.numpy()


def test_learnt_vectors_replace_random_ones_and_the_rest_stays(small_corpus):
    config = configured(small_corpus)
    corpus = load(config.data)
    encoder = encode(corpus, config.data).encoder
    model = registry.build_model(config.model, vocabulary_size=len(encoder.vocabulary), units=3)
    before = [each.copy() for each in model.get_weights()]
    at_random = table_of(model).copy()
    pretraining.start(model, corpus, encoder, config.training)
    ids, vectors = token_vectors(corpus, encoder, SkipGram(**ARGS), dimension=8, seed=1)
    others = np.delete(np.arange(len(encoder.vocabulary)), ids)
    assert len(ids) > 3
    assert 0 in others  # the padding
    assert len(others) > 2  # and what is rare
    table = table_of(model)
    np.testing.assert_array_equal(table[ids], vectors)
    np.testing.assert_array_equal(table[others], at_random[others])
    changed = [(a != b).any() for a, b in zip(before, model.get_weights(), strict=True)]
    assert sum(changed) == 1


def test_a_run_begins_with_them(small_corpus, tmp_path, monkeypatch):
    # At a learning rate this small the network ends as it began.
    config = configured(small_corpus, epochs=1, learning_rate=1e-12)
    corpus = load(config.data)
    (tmp_path / "run").mkdir()
    fit(config, corpus, tmp_path / "run")
    run = Run(tmp_path / "run")
    assert run.config.training.pretrain == "skip_gram"
    assert dict(run.config.training.pretrain_args) == ARGS
    encoder = encode(corpus, config.data).encoder
    ids, vectors = token_vectors(corpus, encoder, SkipGram(**ARGS), dimension=8, seed=1)
    np.testing.assert_allclose(table_of(run.model)[ids], vectors, atol=1e-6)


def test_wrong_settings_are_refused_before_data_is_read(small_corpus):
    with pytest.raises(InputError, match=r"training.pretrain_args.windows: .* mean 'window'"):
        settings.check(configured(small_corpus, pretrain_args={"windows": 3}))
    with pytest.raises(InputError, match=r"training.pretrain_args.window: got 0, expected"):
        settings.check(configured(small_corpus, pretrain_args={"window": 0}))
    with pytest.raises(InputError, match=r"training.pretrain: got 'glove', expected one of none, "):
        train.main(["--pretrain", "glove"])


def test_a_network_without_one_table_is_refused(small_corpus):
    config = configured(small_corpus)
    corpus = load(config.data)
    encoder = encode(corpus, config.data).encoder
    model = registry.build_model(ModelConfig("text_cnn"), vocabulary_size=3, units=3)
    with pytest.raises(InputError, match=r"training.pretrain: got 'skip_gram', expected none: "):
        pretraining.start(model, corpus, encoder, TrainingConfig(pretrain="skip_gram"))


def test_gensim_is_imported_by_those_who_ask_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim", None)  # to import it is an error now
    assert "token_vectors" in runpy.run_path(skip_gram.__file__)
