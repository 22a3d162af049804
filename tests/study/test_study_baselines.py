import importlib.util

import numpy as np
import pytest

from imbalance.config import DataConfig, RunConfig
from imbalance.data import load
from imbalance.study import baselines
from imbalance.study.rows import BASELINES


def asked(corpus, model, characters=400, **data):
    data = RunConfig(data=DataConfig(source=str(corpus), **data)).to_mapping()["data"]
    return {"model": model, "characters": characters, "seed": 1, "data": data}


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_learns_what_single_signs_tell(small_corpus, name):
    if baselines.absent(name):
        assert importlib.util.find_spec("fasttext") is None
        pytest.skip(baselines.absent(name))
    outcome = baselines.train(asked(small_corpus, name, characters=3))
    predictions = outcome.predictions
    assert outcome.labels == ("Law", "体育", "经济")
    assert (predictions.y_true == predictions.y_pred).mean() > (0.9 if name != "fasttext" else 0.5)
    assert (predictions.probabilities is None) == name.startswith("svm")


def test_balanced_finds_more_of_the_rare_class_where_nothing_tells(small_corpus):
    # The first character is that of the class; without any text all rows look alike.
    found = {}
    for name in ("logistic_regression", "logistic_regression_balanced"):
        outcome = baselines.train(asked(small_corpus, name, characters=1))
        found[name] = outcome.predictions.probabilities[:, 0].mean()
    assert found["logistic_regression_balanced"] > found["logistic_regression"]


def test_validation_rows_train_as_well_and_are_not_unseen(small_corpus):
    outcome = baselines.train(asked(small_corpus, "svm", validation_fraction=0.3))
    assert outcome.training_rows.tolist() == [6, 40, 12]
    assert outcome.predictions.unseen.all()
    file = small_corpus / "train.csv"
    cut = baselines.train(asked(file, "svm"))
    corpus = load(DataConfig(source=str(file)))
    known = np.concatenate([corpus.splits[each].digests for each in ("train", "validation")])
    assert cut.training_rows.sum() == len(known)
    wanted = ~np.isin(corpus.splits["test"].digests, known)
    assert (cut.predictions.unseen == wanted).all()
