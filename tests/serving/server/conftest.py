"""Small networks of each kind, exported, and a server of them."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from servers import Client, running

from imbalance import registry, run_folder, tasks
from imbalance.config import PAIR_SEPARATOR, RunConfig, ServingConfig
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder
from imbalance.run_folder import Run
from imbalance.serving import span_export
from imbalance.serving.export import export
from imbalance.serving.server.service import Limits

TEXTS = ("天地玄黄宇宙洪荒", "日月盈昃辰宿列张", "寒来暑往秋收冬藏", "the quick brown fox")
SMALL = {"filters": 8, "embedding_dim": 8}
# Tables are compiled at the first call of each load, which takes seconds.
WITHOUT_TABLES = ServingConfig(tables="none")
READER = {**SMALL, "dilations": [1], "dropout": 0.0}
KINDS = {
    "text": {"model": {"args": {**SMALL, "kernel_sizes": [2, 3]}}},
    "pairs": {
        "model": {"name": "siamese_cnn", "args": SMALL},
        "data": {"source": "rows.csv", "text_column": ["a", "b"]},
    },
    "spans": {"task": "tagging", "model": {"args": {**READER, "ngram_sizes": []}}},
    "answers": {"task": "reading", "model": {"args": READER}},
}


def untrained(folder, kind: str) -> Run:
    """Write a run folder with the weights that a network starts with."""
    folder.mkdir()
    config = RunConfig.from_mapping(KINDS[kind])
    task = tasks.get(config.task)
    tokenizer = Tokenizer.from_config(config.data, config.task)
    texts = [f"{a}{PAIR_SEPARATOR}{b}" for a in TEXTS for b in TEXTS]
    encoder = TextEncoder.fit(texts if kind in ("pairs", "answers") else TEXTS, tokenizer, 100)
    names = ("x", "y", "z")
    classes = task.classes(names, config.data.scheme)
    units = task.units(classes, "softmax")
    keras.utils.set_random_seed(1)
    model = registry.build_model(
        config.model, vocabulary_size=len(encoder.vocabulary), units=units, of_tokens=task.of_tokens
    )
    model = task.network(model, units, "softmax")
    for variable in model.trainable_variables:
        # Large enough that answers are not all the same.
        variable.assign(3 * keras.random.normal(variable.shape, seed=1))
    (folder / run_folder.CONFIG).write_text(config.to_yaml(), encoding="utf-8")
    (folder / run_folder.LABELS).write_text("\n".join(names) + "\n", encoding="utf-8")
    encoder.save(folder / run_folder.VOCABULARY)
    model.save(folder / run_folder.MODEL)
    return Run(folder)


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> dict[str, Run]:
    """A run of each kind, exported into its folder ``serving``."""
    root = tmp_path_factory.mktemp("served")
    found = {kind: untrained(root / kind, kind) for kind in KINDS}
    for run in found.values():
        if run.task.of_tokens:
            span_export.export(run, run.path / "serving")
        else:
            export(run, run.path / "serving", WITHOUT_TABLES)
    return found


@pytest.fixture(scope="session")
def newer(runs, tmp_path_factory) -> Path:
    """A version as that of ``text``, but with other weights."""
    old, new = runs["text"].path / "serving" / "1", tmp_path_factory.mktemp("newer") / "2"
    shutil.copytree(old, new)
    reader = tf.train.load_checkpoint(str(old / "variables" / "variables"))
    names = sorted(reader.get_variable_to_shape_map())
    values = [reader.get_tensor(name) for name in names]
    values = [-each if getattr(each, "dtype", None) == np.float32 else each for each in values]
    # The names say which variable a value is for, so the graph need not be exported again.
    tf.raw_ops.SaveV2(
        prefix=str(new / "variables" / "variables"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=values,
    )
    return new


@pytest.fixture(scope="session")
def server(runs):
    """A server of all the models, with a limit of 1 MiB a body."""
    with running(*(run.path for run in runs.values()), limits=Limits(body=2**20)) as server:
        yield server


@pytest.fixture
def client(server):
    client = Client(server)
    yield client
    client.close()
