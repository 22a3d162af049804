"""Settings of network, loss, training, decision and export."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from imbalance import checks
from imbalance.config.choices import (
    MONITORS,
    OPTIMIZERS,
    PRECISIONS,
    PRETRAININGS,
    SAMPLINGS,
    SCHEDULES,
    TABLES,
)


@dataclass(frozen=True)
class ModelConfig:
    """The network's name in the registry and its own arguments.

    ``auto`` is ``text_cnn`` for documents, ``dilated_cnn`` for tokens and ``reader_cnn`` for
    answers.
    """

    name: str = "auto"
    args: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        checks.text("model.name", self.name)
        object.__setattr__(self, "args", _frozen("model.args", self.args))


@dataclass(frozen=True)
class LossConfig:
    """The loss's name in the registry and its own arguments."""

    name: str = "cross_entropy"
    args: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        checks.text("loss.name", self.name)
        object.__setattr__(self, "args", _frozen("loss.args", self.args))


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained.

    Attributes:
        epochs: at most this many passes over the training split.
        batch_size: rows a step.
        optimizer: ``adam``; or ``lazy_adam``, which updates, of the token vectors, those of the
            batch alone: another algorithm, whose work does not grow with the vocabulary.
        learning_rate: of the optimizer.
        class_weight: ``none``, ``balanced`` (n / (classes × n_c)), ``effective``
            ((1 − β) / (1 − β^n_c), β = .999), or a JSON or YAML file ``{label: weight}``; always
            scaled so that the mean weight of a row is 1 (its expectation, of drawn rows).
        deferred: share of the epochs trained without class weights before they set in (deferred
            re-weighting, Cao et al. 2019, arXiv:1906.07413); 0, they hold from the start. The best
            epoch is chosen from when they hold.
        cross_entropy_first: share of the epochs trained with cross entropy before the loss sets in,
            for losses that a network which begins from nothing hardly learns by; 0, none. The best
            epoch is chosen from when the loss holds.
        sampling: ``instance``, each row once an epoch; or as many rows drawn with replacement, a
            class with a chance in proportion to n_c^½ (``square_root``), the same for each class
            (``class_balanced``), or in proportion to its effective number of rows, (1 − β^n_c) /
            (1 − β) with β = .999 (``effective_number``). Kang et al. 2020, arXiv:1910.09217.
        schedule: of the learning rate, after the warm-up: ``constant``, or ``cosine``, which ends
            at 0 with the last step of ``epochs``.
        warmup: share of all steps in which the learning rate rises in a line from 0.
        ema: momentum m of an exponential average of the weights, a ← m·a + (1 − m)·w at each
            step, which is validated and kept in their place; null, no average.
        pretrain: ``none``, or ``skip_gram``: token vectors start from those learnt, without labels,
            from the training texts.
        pretrain_args: of that, see :class:`imbalance.data.skip_gram.SkipGram`.
        precision: ``auto`` is mixed_float16 on a GPU that is fast at it, float32 elsewhere.
        monitor: the validation score that chooses the best epoch and stops early; ``auto`` is
            macro-F1 of documents, F1 of spans or of answers. Unused without validation rows.
        patience: epochs without a better monitor before training stops.
        seed: of weights, dropout and shuffling.
        deterministic: whether every operation computes in one order, so that equal runs on one
            machine are equal to the last bit, and a run that was killed and resumed is equal to
            one that was not. Some operations are slower so, and one that has no such form is
            refused by TensorFlow.
        devices: that share the rows of each batch; ``auto`` is all GPUs of the machine, or the CPU.
            Of several processes (``TF_CONFIG``, docs/cluster.md), the devices of each.
    """

    epochs: int = 12
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    class_weight: str = "none"
    deferred: float = 0.0
    cross_entropy_first: float = 0.0
    sampling: str = "instance"
    schedule: str = "constant"
    warmup: float = 0.0
    ema: float | None = None
    pretrain: str = "none"
    pretrain_args: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "auto"
    monitor: str = "auto"
    patience: int = 4
    seed: int = 1
    deterministic: bool = False
    devices: int | str = "auto"

    def __post_init__(self):
        checks.integer("training.epochs", self.epochs, low=1)
        checks.integer("training.batch_size", self.batch_size, low=1)
        checks.choice("training.optimizer", self.optimizer, OPTIMIZERS)
        checks.number("training.learning_rate", self.learning_rate, low=0, low_open=True)
        checks.path("training.class_weight", self.class_weight)
        self._check_share("deferred")
        self._check_share("cross_entropy_first")
        if self.deferred and self.class_weight == "none":
            raise checks.wrong(
                "training.deferred", self.deferred, "0, since training.class_weight is none"
            )
        checks.choice("training.sampling", self.sampling, SAMPLINGS)
        checks.choice("training.schedule", self.schedule, SCHEDULES)
        checks.number("training.warmup", self.warmup, low=0, high=1, high_open=True)
        if self.ema is not None:
            checks.number("training.ema", self.ema, low=0, high=1, low_open=True, high_open=True)
        checks.choice("training.pretrain", self.pretrain, PRETRAININGS)
        args = _frozen("training.pretrain_args", self.pretrain_args)
        object.__setattr__(self, "pretrain_args", args)
        checks.choice("training.precision", self.precision, PRECISIONS)
        checks.choice("training.monitor", self.monitor, ("auto", *MONITORS))
        checks.integer("training.patience", self.patience, low=0)
        checks.integer("training.seed", self.seed, low=0, high=2**31 - 1)
        checks.boolean("training.deterministic", self.deterministic)
        if isinstance(self.devices, str):
            checks.choice("training.devices", self.devices, ("auto",))
        else:
            checks.integer("training.devices", self.devices, low=1)

    @property
    def weighted_from(self) -> int:
        """The first epoch, counted from 0, that has the class weights."""
        return self._epochs_of(self.deferred)

    @property
    def loss_from(self) -> int:
        """The first epoch that has the loss; those before have cross entropy.

        Example:
            >>> TrainingConfig(epochs=100, cross_entropy_first=0.29).loss_from
            29
        """
        return self._epochs_of(self.cross_entropy_first)

    @property
    def settled_from(self) -> int:
        """The first epoch from which nothing sets in any more: the best is chosen from there."""
        return max(self.weighted_from, self.loss_from)

    def _check_share(self, name: str) -> None:
        """Refuse what is no share of the epochs, or is of less than one."""
        place, share = f"training.{name}", getattr(self, name)
        checks.number(place, share, low=0, high=1, high_open=True)
        if share and self._epochs_of(share) == 0:
            expected = f"0, or a share of the {self.epochs} epochs that is one or more"
            raise checks.wrong(place, share, expected)

    def _epochs_of(self, share: float) -> int:
        # .29 * 100 is a little less than 29.
        return int(share * self.epochs + 1e-9)


@dataclass(frozen=True)
class ServingConfig:
    """How the network is exported.

    Attributes:
        tables: tables that stand for embedding and convolutions in the SavedModel: ``float32``,
            exact; ``float16``, half the size at the price of rounding; ``none``; or ``auto``,
            float32 where the network computes by tables as well, if they are not too large.
        table_megabytes: the largest tables that ``auto`` makes, in units of 10^6 bytes.
    """

    tables: str = "auto"
    table_megabytes: int = 256

    def __post_init__(self):
        checks.choice("serving.tables", self.tables, TABLES)
        checks.integer("serving.table_megabytes", self.table_megabytes, low=0)


@dataclass(frozen=True)
class DecisionConfig:
    """What stands between the network's logits and the label, fitted on the validation rows.

    Attributes:
        prior_correction: τ, of ``τ · log(share of the class)`` that the decision subtracts from
            the log-probabilities, from -3 to 3; or ``auto``, fitted to the macro-F1.
        temperature: whether one temperature, fitted to the likelihood, calibrates probabilities.
        thresholds: whether each class gets an offset of its log-probability, fitted to the
            macro-F1; of two classes, one threshold.
    """

    prior_correction: float | str = 0.0
    temperature: bool = False
    thresholds: bool = False

    def __post_init__(self):
        if isinstance(self.prior_correction, str):
            checks.choice("decision.prior_correction", self.prior_correction, ("auto",))
        else:
            checks.number("decision.prior_correction", self.prior_correction, low=-3, high=3)
        checks.boolean("decision.temperature", self.temperature)
        checks.boolean("decision.thresholds", self.thresholds)

    @property
    def fitted(self) -> bool:
        """Whether validation rows are needed."""
        return self.prior_correction == "auto" or self.temperature or self.thresholds

    @property
    def identity(self) -> bool:
        """Whether the label is that of the largest probability, as without a decision layer."""
        return not self.fitted and self.prior_correction == 0


def _frozen(name: str, args) -> Mapping:
    if not isinstance(args, Mapping) or not all(isinstance(key, str) for key in args):
        raise checks.wrong(name, args, "a mapping from argument names to values")
    return MappingProxyType(dict(args))
