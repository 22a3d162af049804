import multiprocessing
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import corpus as corpus_module
from imbalance.data import encoded as encoded_module
from imbalance.data import load
from imbalance.data.encoded import encode
from imbalance.data.pipeline import TrainingBatches, evaluation_dataset, row_weights
from imbalance.data.tokens import Tokenizer
from imbalance.data.vocabulary import TextEncoder


@pytest.fixture
def source(tmp_path):
    """A file of 300 rows with weights, one of them not usable."""
    lines = ["text,label,weight"]
    signs = "的一是了我不人在他有这个上们来到时大地为"
    for i in range(299):
        text = "".join(signs[(i * k) % 20] for k in range(1, i % 23 + 2))
        lines.append(f"{text}{i},{'abc'[i % 3]},{i % 5}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([*lines, ",a,1"]) + "\n", encoding="utf-8")
    return path


def configured(source, **changes):
    settings = {"cache": str(source.parent / "cache"), "weight_column": "weight", "max_length": 15}
    return DataConfig(source=str(source), **(settings | changes))


def batches(config, epochs=2):
    """What training would see: texts as token ids, labels and weights of every batch."""
    found = load(config)
    encoded = encode(found, config)
    train, validation = found.splits["train"], found.splits["validation"]
    training = TrainingBatches(
        encoded.rows["train"],
        train.labels,
        row_weights(train.labels, None, train.weights),
        batch_size=16,
        seed=3,
    ).dataset()
    scored = evaluation_dataset(
        encoded.rows["validation"], validation.labels, validation.weights, batch_size=16
    )
    datasets = [*[training] * epochs, scored]
    return [[[each.numpy().tolist() for each in batch] for batch in data] for data in datasets]


def entries(config):
    from pathlib import Path

    return {each.name for each in Path(config.cache).iterdir()}


@pytest.mark.parametrize(
    "changes", [{}, {"tokens": "words", "vocabulary_size": 40, "oov_buckets": 9}]
)
def test_rows_are_those_of_the_encoder(source, changes):
    config = configured(source, **changes)
    found = load(config)
    encoded = encode(found, config)
    tokenizer = Tokenizer.from_config(config)
    texts = list(tokenizer.prepare_each(found.splits["train"].texts))
    expected = TextEncoder.fit(texts, tokenizer, config.vocabulary_size)
    buckets = config.oov_buckets
    expected = TextEncoder.of(tokenizer, expected.vocabulary[2:], buckets)
    if buckets:  # words of the validation split are there that training has not
        highest = max(
            max(p.ids) for p in encoded.rows["validation"].parts(np.random.default_rng(1))
        )
        assert highest >= config.vocabulary_size
    assert encoded.encoder.vocabulary == expected.vocabulary
    for split, rows in encoded.rows.items():
        ids = expected.encode(found.splits[split].texts).to_list()
        for part in rows.parts(np.random.default_rng(1)):
            for row, start, end in zip(part.rows, part.starts, part.starts[1:], strict=False):
                assert part.ids[start:end].tolist() == ids[row]
        assert rows.lengths.tolist() == [len(each) for each in ids]


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_the_second_time_is_as_the_first_and_as_without_a_cache(source, tokens, monkeypatch):
    config = configured(source, tokens=tokens)
    first, report = batches(config), load(config).report

    def never(*_):
        raise AssertionError("prepared again")

    monkeypatch.setattr(corpus_module, "read", never)
    monkeypatch.setattr(encoded_module, "_write", never)
    assert batches(config) == first
    assert load(config).report == report
    assert load(config).report.rows_skipped == 1
    monkeypatch.undo()
    assert batches(configured(source, tokens=tokens, cache=None)) == first
    assert len(entries(config)) == 2


def test_splits_are_the_same_from_the_cache(source):
    config = configured(source)
    for _ in range(2):
        splits = {True: load(config).splits, False: load(configured(source, cache=None)).splits}
        for name in corpus_module.SPLITS:
            one, other = (splits[each][name] for each in (True, False))
            assert one.texts == other.texts
            assert one.places == other.places
            for array in ("labels", "weights", "digests", "lengths"):
                assert np.array_equal(getattr(one, array), getattr(other, array))


def test_each_setting_and_each_byte_of_the_source_counts(source):
    config = configured(source)
    batches(config, 1)
    before = entries(config)
    other_length = configured(source, max_length=7)
    batches(other_length, 1)  # the texts of the first, encoded anew
    assert len(entries(config) - before) == 1
    before = entries(config)
    batches(configured(source, split_seed=1), 1)
    assert len(entries(config) - before) == 2
    before = entries(config)
    text = source.read_bytes()
    source.write_bytes(text.replace("的".encode(), "得".encode(), 1))
    batches(config, 1)
    assert len(entries(config) - before) == 2


def test_another_size_of_the_vocabulary_needs_nothing_anew(source):
    config = configured(source)
    encode(load(config), config)
    before = entries(config)
    smaller = configured(source, vocabulary_size=7)
    encoded = encode(load(smaller), smaller)
    assert entries(config) == before
    assert len(encoded.encoder.vocabulary) == 7
    [part] = encoded.rows["train"].parts(np.random.default_rng(1))
    assert set(part.ids.tolist()) == set(range(1, 7))


def test_folders_count_by_name_and_content(tmp_path):
    for label in ("art", "law"):
        for i in range(10):
            path = tmp_path / "corpus" / label / f"{i}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{label} {i}")
    config = DataConfig(source=str(tmp_path / "corpus"), cache=str(tmp_path / "cache"))
    load(config)
    seen = [entries(config)]
    (tmp_path / "corpus" / "law" / "0.txt").rename(tmp_path / "corpus" / "law" / "00.txt")
    for change in (lambda: None, lambda: (tmp_path / "corpus" / "law" / "1.txt").write_text("x")):
        change()
        load(config)
        seen.append(entries(config))
    (tmp_path / "corpus" / "tax").mkdir()
    assert any("'tax'" in each for each in load(config).report.warnings)
    assert [len(each) for each in seen] == [1, 2, 3]


def test_a_damaged_entry_does_not_reach_training(source, caplog):
    config = configured(source)
    first = batches(config)
    for name in entries(config):
        for path in (source.parent / "cache" / name).glob("*.parquet"):
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
    assert batches(config) == first
    assert caplog.text.count("is damaged") == 2


def test_a_source_that_changes_while_it_is_read_is_refused(source, monkeypatch):
    divide = corpus_module.divide

    def slowly(*arguments):
        source.write_text(source.read_text() + "x,a,1\n")
        return divide(*arguments)

    monkeypatch.setattr(corpus_module, "divide", slowly)
    config = configured(source)
    with pytest.raises(InputError, match="changed while it was read"):
        load(config)
    assert entries(config) == set()


def test_a_corpus_of_many_parts_is_shuffled_whole(source, monkeypatch):
    monkeypatch.setattr(encoded_module, "_TOKENS_A_PART", 200)
    monkeypatch.setattr(encoded_module, "_ROWS_A_GROUP", 5)
    config = configured(source)
    found = load(config)
    rows = encode(found, config).rows["train"]
    parts = list(rows.parts(np.random.default_rng(1)))
    assert len(parts) > 8
    count = len(found.splits["train"])
    assert sorted(np.concatenate([part.rows for part in parts])) == list(range(count))
    # A part is of rows from all over the file.
    assert np.mean([np.std(part.rows) for part in parts]) > 0.8 * np.std(np.arange(count))
    dataset = TrainingBatches(
        rows, np.arange(count), np.ones(count), batch_size=8, seed=1
    ).dataset()
    epochs = [[batch[1].numpy().tolist() for batch in dataset] for _ in range(3)]
    for epoch in epochs:
        assert sorted(sum(epoch, [])) == list(range(count))
        assert len(epoch) == dataset.cardinality()
        # Only the last batch of each of the five buckets may be smaller.
        assert sum(len(batch) < 8 for batch in epoch) <= 5
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_the_validation_split_is_mixed_and_always_in_one_order(source):
    config = configured(source)
    found = load(config)
    rows = encode(found, config).rows["validation"]
    count = len(rows)
    dataset = evaluation_dataset(rows, np.arange(count), np.ones(count), batch_size=8)
    first = [batch[1].numpy().tolist() for batch in dataset]
    assert sorted(sum(first, [])) == list(range(count)) != sum(first, [])
    assert [batch[1].numpy().tolist() for batch in dataset] == first


def _prepare(settings, results):
    config = DataConfig(**settings)
    results.put(len(encode(load(config), config).rows["train"]))


def test_two_processes_at_once_prepare_one_corpus(source):
    import dataclasses

    config = configured(source)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    arguments = (dataclasses.asdict(config), results)
    both = [context.Process(target=_prepare, args=arguments) for _ in range(2)]
    for each in both:
        each.start()
    sizes = {results.get(timeout=120) for _ in both}
    for each in both:
        each.join(60)
    assert sizes == {len(load(config).splits["train"])}
    assert len(entries(config)) == 2


def test_removing_the_cache_is_safe(source):
    config = configured(source)
    first = batches(config, 1)
    shutil.rmtree(config.cache)
    assert batches(config, 1) == first


def test_batches_are_of_the_documented_types(source):
    config = configured(source)
    found = load(config)
    rows = encode(found, config).rows["train"]
    dataset = TrainingBatches(
        rows, found.splits["train"].labels, np.ones(len(rows)), batch_size=4, seed=1
    ).dataset()
    ids, labels, weights = next(iter(dataset))
    assert (ids.dtype, labels.dtype, weights.dtype) == (tf.int32, tf.int32, tf.float32)


def test_a_path_that_is_not_utf_8(source):
    odd = source.parent / os.fsdecode(b"caf\xe9.csv")
    try:
        source.rename(odd)
    except OSError:
        pytest.skip("the file system takes UTF-8 names alone")
    config = DataConfig(source=str(odd), cache=str(source.parent / "cache"))
    assert load(config).report == load(config).report
