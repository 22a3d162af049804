import dataclasses

import numpy as np
import pytest

from imbalance.config import RunConfig
from imbalance.data.annotated import AnnotatedCorpus, AnnotatedSplit
from imbalance.data.corpus import Corpus, Split
from imbalance.spans import Span
from imbalance.training.findings import Findings, tell_of_absent
from imbalance.training.problem import Problem

TRAIN = [0, 0, 0, 1, 1, 2]


def told(corpus, weights=None, **settings) -> dict:
    problem = Problem.of(RunConfig.from_mapping(settings), corpus)
    findings = Findings()
    tell_of_absent(findings, dataclasses.replace(problem, class_weights=weights))
    return findings.messages


def labelled(train, validation, weights=None):
    def split(labels, weights=None):
        count = len(labels)
        names = [f"rows:{row}" for row in range(count)]
        labels = np.array(labels, np.int32)
        return Split(names, labels, weights, names, np.zeros(count, "S16"), np.ones(count, int))

    splits = {"train": split(train, weights), "validation": split(validation), "test": split([0])}
    return Corpus("rows", ("a", "b", "rare"), splits, None, None, "")


def test_a_healthy_corpus_has_no_warning():
    weights = np.array([1, 0, 1, 0, 0.5, 1])
    assert told(labelled(TRAIN, [0, 1, 2], weights), weights=np.ones(3)) == {}
    assert told(labelled(TRAIN, [])) == {}  # no validation was asked for


@pytest.mark.parametrize(
    ("rows", "classes"),
    [
        ([1, 1, 1, 1, 1, 0], None),
        (None, np.array([1.0, 0.5, 0.0])),
        ([1, 1, 1, 1, 1, 0], np.ones(3)),
    ],
)
def test_a_class_whose_rows_all_weigh_nothing(rows, classes):
    weights = None if rows is None else np.array(rows)
    messages = told(labelled(TRAIN, [0, 1, 2], weights), weights=classes)
    assert list(messages) == ["class of weight 0"]
    assert messages["class of weight 0"].startswith("train: everything labelled 'rare' weighs 0")


@pytest.mark.parametrize(
    ("monitor", "said"),
    [("val_macro_f1", "counts it as 0"), ("val_accuracy", "does not see it")],
)
def test_a_class_without_a_validation_row(monitor, said):
    messages = told(labelled(TRAIN, [0, 2, 2]), training={"monitor": monitor})
    assert list(messages) == ["class without a validation row"]
    start = f"validation: no row has 'b', and {monitor}, which chooses the best epoch, {said}: "
    assert messages["class without a validation row"].startswith(start)


def marked(**spans):
    def split(spans):
        count = len(spans)
        places = [f"rows:{row}" for row in range(count)]
        lengths = np.full(count, 6, np.int32)
        unknown = np.zeros(count, np.int32)
        return AnnotatedSplit(
            ["上海在北京市"] * count, spans, places, np.zeros(count, "S16"), lengths, unknown
        )

    splits = {name: split(each) for name, each in spans.items()}
    return AnnotatedCorpus("rows", ("name", "place"), splits, None, None, "")


LONG, SHORT, NAME = (Span(3, 6, 1),), (Span(0, 1, 1),), (Span(0, 2, 0),)


def test_a_tag_that_the_test_alone_has_is_never_learnt():
    messages = told(
        marked(train=[SHORT, NAME], validation=[SHORT, NAME], test=[LONG]), task="tagging"
    )
    assert list(messages) == ["class without a training row"]
    assert messages["class without a training row"].startswith(
        "train: nothing is labelled 'I-place', unlike in validation or test, so that it is never"
    )
    # Nobody has it: nothing is missed.
    assert (
        told(marked(train=[SHORT, NAME], validation=[SHORT, NAME], test=[]), task="tagging") == {}
    )


def test_spans_that_are_cut_off_are_no_training_rows():
    corpus = marked(train=[LONG, NAME], validation=[SHORT, NAME], test=[])
    assert told(corpus, task="span") == {}
    messages = told(corpus, task="span", data={"max_length": 3})
    assert "nothing is labelled 'place'" in messages["class without a training row"]


def test_a_type_without_a_validation_row():
    messages = told(marked(train=[LONG, NAME], validation=[NAME], test=[]), task="span")
    assert "validation: no row has 'place', and val_span_f1" in "".join(messages.values())
