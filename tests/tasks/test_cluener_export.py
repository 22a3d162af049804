"""A network trained on CLUENER answers 1,000 texts alike in Python and as a SavedModel."""

import time

import numpy as np
import pytest
import tensorflow as tf
from conftest import call, flags

from imbalance import tasks
from imbalance.commands import train
from imbalance.run_folder import Run

TEXTS, AT_ONCE = 1000, 100


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_tagging_export_answers_1000_texts_as_the_run(shared_data, tmp_path, capsys):
    settings = {
        "model.args": "{filters: 32, embedding_dim: 32, ngram_dim: 16, dropout: 0.1}",
        "training.learning_rate": 0.004,
        "data.cache": "null",
    }
    arguments = ["--task", "tagging", "--data", shared_data / "cluener", "--name", "export"]
    arguments += ["--epochs", 1, "--output-dir", tmp_path, *flags(settings)]
    assert call(train, *arguments) == 0
    run = Run(tmp_path / "export")
    # The published development split, which is the one to test on: `test.json` has no labels.
    texts = tasks.get("tagging").load(run.config.data).splits["test"].texts[:TEXTS]
    assert len(texts) == TEXTS
    expected = run.spans(texts)
    loaded = tf.saved_model.load(str(run.path / "serving" / "1"))
    answer = loaded.signatures["serving_default"]
    found, largest, seconds = 0, 0.0, 0.0
    for first in range(0, TEXTS, AT_ONCE):
        started = time.perf_counter()
        served = answer(text=tf.constant(texts[first : first + AT_ONCE]))
        given = {key: value.numpy() for key, value in served.items()}
        seconds += time.perf_counter() - started
        for row, wanted in enumerate(expected[first : first + AT_ONCE]):
            count = given["count"][row]
            spans = [
                (start, end, type_.decode())
                for start, end, type_ in zip(
                    *(given[key][row, :count] for key in ("start", "end", "type")), strict=True
                )
            ]
            assert spans == [
                (each.span[0], each.span[1], run.labels[each.span[2]]) for each in wanted
            ]
            scores = np.array([each.score for each in wanted])
            difference = np.abs(given["score"][row, :count] - scores)
            largest = max(largest, *difference.tolist(), 0.0)
            found += int(count)
    assert found > TEXTS // 2
    assert largest <= 1e-5
    with capsys.disabled():
        print(
            f"\n{TEXTS:,} texts, {found:,} spans: alike in Python and as a SavedModel, scores to "
            f"{largest:.1e}; {seconds / TEXTS * 1e3:.2f} ms a text"
        )
