import csv
import re

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from imbalance import run_folder
from imbalance.checks import InputError
from imbalance.config import RunConfig
from imbalance.data import load
from imbalance.run_folder import Run
from imbalance.training.fit import fit
from imbalance.training.settings import check


def configured(corpus, **changes):
    return RunConfig.from_mapping(
        {
            "data": {"source": str(corpus), "validation_fraction": 0.25, "max_length": 20},
            "model": {"args": {"embedding_dim": 8, "filters": 8, "kernel_sizes": [1, 2]}},
            "training": {"epochs": 3, "batch_size": 16, "learning_rate": 0.01},
            **changes,
        }
    )


def trained(config, folder):
    folder.mkdir()
    return fit(config, load(config.data), folder, lambda matrix, labels: np.zeros((4, 4, 4), "u1"))


@pytest.fixture(scope="module")
def outcome(small_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("training") / "run"
    config = configured(small_corpus, loss="weight_focal_loss")
    return trained(config, folder), folder


def test_the_folder_is_a_run(outcome):
    training, folder = outcome
    run = Run(folder)
    assert run.config == training.config
    assert run.labels == ("Law", "体育", "经济")
    assert len(run.config.loss.args["alpha"]) == 3
    assert run.config.training.precision == "float32"
    assert run.probabilities(["球", "法律", ""]).shape == (3, 3)


def test_probabilities_do_not_depend_on_the_batch(outcome):
    run = Run(outcome[1])
    texts = ["球赛" * 9, "", "钱", "法律庭" * 3]
    alone = np.concatenate([run.probabilities([text]) for text in texts])
    np.testing.assert_allclose(run.probabilities(texts, batch_size=3), alone, atol=1e-6)


def test_a_healthy_training_has_no_warning(outcome):
    assert outcome[0].summary["warnings"] == []


def test_history_and_best_epoch(outcome):
    training, folder = outcome
    with open(folder / run_folder.HISTORY, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    scores = [float(row["val_macro_f1"]) for row in rows]
    assert len(rows) == training.summary["epochs"] == 3
    assert training.summary["best_value"] == pytest.approx(max(scores))
    assert scores[training.summary["best_epoch"] - 1] == pytest.approx(max(scores))


def test_the_saved_network_is_the_best_one(outcome, small_corpus):
    training, folder = outcome
    run = Run(folder)
    validation = load(run.config.data).splits["validation"]
    predicted = run.probabilities(validation.texts).argmax(axis=1)
    score = f1_score(
        validation.labels, predicted, labels=range(3), average="macro", zero_division=0
    )
    assert score == pytest.approx(training.summary["best_value"], abs=1e-6)


def test_tensorboard_shows_scalars_classes_curves_picture_settings(outcome):
    logs = outcome[1] / run_folder.TENSORBOARD
    tags = {}
    for folder in {path.parent for path in logs.rglob("events*")}:
        events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
        events.Reload()
        tags[folder.name] = set(events.Tags()["tensors"])
    assert {"epoch_loss", "epoch_macro_f1"} <= tags["train"]
    shown = tags["validation"]
    assert {"gradient_share/Law", "gradient_share/体育"} <= shown
    assert {"epoch_macro_f1", "f1/体育", "pr/Law/pr_curves", "confusion_matrix", "config"} <= shown
    settings = EventAccumulator(str(logs / "validation"))
    settings.Reload()
    assert len(settings.PluginTagToContent("hparams")) == 3  # experiment, start, end


def test_without_validation_rows_the_last_epoch_is_kept(small_corpus, tmp_path):
    config = configured(small_corpus, data={"source": str(small_corpus), "validation_fraction": 0})
    summary = trained(config, tmp_path / "run").summary
    assert (summary["validation_rows"], summary["best_value"]) == (0, None)
    assert summary["best_epoch"] == summary["epochs"] == 3
    assert sum(summary["rows"].values()) == 58
    assert Run(tmp_path / "run").probabilities(["球"]).shape == (1, 3)


def test_deferred_weights_set_in_with_their_epoch(small_corpus, tmp_path):
    training = {
        "epochs": 4,
        "learning_rate": 1e-12,
        "class_weight": "balanced",
        "deferred": 0.5,
        "patience": 0,
    }
    model = {"args": {"embedding_dim": 8, "filters": 8, "kernel_sizes": [1], "dropout": 0}}
    config = configured(small_corpus, model=model, training=training)
    summary = trained(config, tmp_path / "run").summary
    # A network that hardly learns has one loss without and another with class weights.
    with open(tmp_path / "run" / run_folder.HISTORY, encoding="utf-8") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[2] != pytest.approx(losses[1], rel=1e-3)
    assert summary["epochs_before_class_weights"] == 2
    assert summary["best_epoch"] == 3  # no earlier one, and no earlier stop


def test_a_loss_sets_in_after_cross_entropy(small_corpus, tmp_path):
    model = {"args": {"embedding_dim": 8, "filters": 8, "kernel_sizes": [1], "dropout": 0.3}}
    training = {"epochs": 4, "batch_size": 16, "learning_rate": 0.02, "patience": 0}
    # Two epochs of the same training, but for the loss that sets in.
    late = {"loss": "dice_loss", "training": {**training, "cross_entropy_first": 0.5}}
    summary = trained(configured(small_corpus, model=model, **late), tmp_path / "late").summary
    trained(configured(small_corpus, model=model, training=training), tmp_path / "ce")
    histories = []
    for name in ("late", "ce"):
        with open(tmp_path / name / run_folder.HISTORY, encoding="utf-8") as file:
            histories.append([float(row["val_loss"]) for row in csv.DictReader(file)])
    assert histories[0][:2] == pytest.approx(histories[1][:2], rel=1e-4)
    assert max(histories[0][2:]) < 1  # dice, of which there is no more
    assert (summary["epochs_before_loss"], summary["epochs_before_class_weights"]) == (2, 0)
    assert summary["best_epoch"] >= 3  # no earlier one, and no earlier stop
    kept = keras.saving.load_model(tmp_path / "late" / run_folder.MODEL)
    assert kept.loss.name == "dice_loss"
    # All that Adam has learnt stays: one step a batch since the beginning.
    assert int(kept.optimizer.iterations) == summary["epochs"] * 4


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "ce"])
def test_cross_entropy_does_not_set_in_after_itself(small_corpus, loss):
    config = configured(small_corpus, loss=loss, training={"cross_entropy_first": 0.5})
    with pytest.raises(InputError, match="training.cross_entropy_first: got 0.5, expected 0"):
        check(config)


def test_drawn_classes_are_named_and_weigh_one_in_the_mean(small_corpus, tmp_path):
    training = {"epochs": 1, "sampling": "class_balanced", "class_weight": "balanced"}
    summary = trained(configured(small_corpus, training=training), tmp_path / "run").summary
    assert summary["sampling"] == "class_balanced"
    rows = sum(summary["rows"].values())
    assert list(summary["expected_rows_an_epoch"].values()) == pytest.approx(
        [rows / 3] * 3, abs=0.1
    )
    assert np.mean(list(summary["class_weights"].values())) == pytest.approx(1)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_averaged_weights_are_kept_under_a_schedule(small_corpus, tmp_path, precision):
    training = {
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 0.02,
        "optimizer": "lazy_adam",
        "precision": precision,
        "schedule": "cosine",
        "warmup": 0.2,
        "ema": 0.9,
    }
    summary = trained(configured(small_corpus, training=training), tmp_path / "run").summary
    run = Run(tmp_path / "run")
    validation = load(run.config.data).splits["validation"]
    predicted = run.probabilities(validation.texts).argmax(axis=1)
    score = f1_score(validation.labels, predicted, average="macro", zero_division=0)
    assert score == pytest.approx(summary["best_value"], abs=1e-3)
    optimizer = keras.saving.load_model(tmp_path / "run" / run_folder.MODEL).optimizer
    # All steps are done.
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-8)


def test_the_same_seed_gives_the_same_network(small_corpus, tmp_path):
    config = configured(small_corpus, loss="dice_loss")
    config_twice = [trained(config, tmp_path / name) for name in ("first", "second")]
    first, second = (Run(tmp_path / name).model.get_weights() for name in ("first", "second"))
    assert config_twice[0].summary["best_value"] == config_twice[1].summary["best_value"]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": {"name": "ghm_loss", "args": {"momentum": 0.9}}},
        {"loss": "binary_focal_loss", "training": {"epochs": 1, "class_weight": "balanced"}},
        {"loss": "tversky_loss", "training": {"epochs": 1, "precision": "mixed_bfloat16"}},
    ],
    ids=["state", "one-vs-rest", "half precision"],
)
def test_other_losses_train(small_corpus, tmp_path, changes):
    changes.setdefault("training", {"epochs": 1})
    trained(configured(small_corpus, **changes), tmp_path / "run")
    run = Run(tmp_path / "run")
    assert np.isfinite(run.probabilities(["球", "法"])).all()
    for layer in run.model.layers:
        if isinstance(layer, keras.layers.Embedding):
            assert layer.dtype_policy.name == run.config.training.precision


def test_weights_of_rows_and_classes_reach_training(tmp_path):
    # All weight lies on rows that say the opposite of the others.
    lines = ["text,label,weight"]
    for row in range(40):
        lines += [f"好{'的' * row},good,0", f"好{'了' * row},bad,1", f"坏{'了' * row},good,1"]
    (tmp_path / "train.csv").write_text("\n".join(lines), encoding="utf-8")
    config = configured(
        tmp_path / "train.csv",
        training={"epochs": 6, "batch_size": 16, "learning_rate": 0.05, "monitor": "val_loss"},
    )
    mapping = config.to_mapping()
    mapping["data"] |= {"weight_column": "weight", "test_fraction": 0.1}
    trained(RunConfig.from_mapping(mapping), tmp_path / "run")
    predicted = Run(tmp_path / "run").probabilities(["好", "坏"]).argmax(axis=1)
    assert predicted.tolist() == [0, 1]  # bad, good


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "dise_loss"}, "loss: got 'dise_loss'"),
        ({"loss": {"name": "focal_loss", "args": {"gamma": -1}}}, "gamma: got -1"),
        ({"model": {"args": {"filters": 0}}}, "filters: got 0"),
        (
            {"loss": "weight_cross_entropy", "training": {"class_weight": "balanced"}},
            "training.class_weight: got 'balanced', expected none",
        ),
    ],
)
def test_check_refuses_before_data_is_read(small_corpus, changes, message):
    with pytest.raises(InputError, match=message):
        check(configured(small_corpus, **changes))


def test_weights_of_the_wrong_length_are_refused(small_corpus, tmp_path):
    loss = {"name": "weight_cross_entropy", "args": {"class_weight": [1.0, 2.0]}}
    with pytest.raises(InputError, match="class_weight: got .*expected 3 numbers"):
        trained(configured(small_corpus, loss=loss), tmp_path / "run")


def test_a_loss_that_is_no_number_is_one_line(small_corpus, tmp_path):
    config = configured(small_corpus, training={"epochs": 3, "learning_rate": 1e38})
    wrong = "(loss|gradient of .*) in epoch 1, step 2: got nan or inf"
    with pytest.raises(InputError, match=wrong) as caught:
        trained(config, tmp_path / "run")
    rows = re.search(r"the batch holds (.*) and \d+ more$", str(caught.value))[1].split(", ")
    assert len(set(rows)) == 5
    assert all(re.fullmatch(r".*/train\.csv:\d+", row) for row in rows)


def test_tables_in_half_precision_are_refused_before_the_data_are_read():
    config = RunConfig.from_mapping(
        {
            "training": {"precision": "mixed_bfloat16"},
            "model": {"args": {"implementation": "tables"}},
        }
    )
    with pytest.raises(InputError, match="implementation: got 'tables', expected auto, dense"):
        check(config)


def test_probabilities_of_no_text(outcome):
    assert Run(outcome[1]).probabilities([]).shape == (0, 3)
