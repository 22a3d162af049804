from importlib import util

import pytest

from imbalance.checks import InputError
from imbalance.data import dictionary
from imbalance.models import WordMatches, bigru_tagger
from imbalance.training import dictionary as training_dictionary


def test_kinds_are_those_of_the_parts_of_speech():
    kinds = dictionary.kinds_of_words()
    assert set(kinds.values()) == set(range(dictionary.KINDS))
    named = [kinds[each] for each in ("北京", "清华大学", "老师", "喜欢", "但是")]
    assert named == [1, 2, 4, 5, 6]
    assert min(map(len, kinds)) == 2


def test_without_jieba_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install jieba"):
        dictionary.kinds_of_words.__wrapped__()


def test_the_tagger_has_room_for_the_dictionary():
    tokens = ["[PAD]", "[UNK]", *sorted(set("".join(dictionary.kinds_of_words())))]
    model = bigru_tagger(len(tokens), 3, dictionary_dim=4, embedding_dim=2, hidden=2)
    training_dictionary.fit(model, tokens)
    layer = next(each for each in model.layers if isinstance(each, WordMatches))
    assert layer.kinds == dictionary.KINDS
    assert layer.fit_to(dictionary.kinds_of_words(), tokens) > 330_000
