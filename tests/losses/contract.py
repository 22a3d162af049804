"""What the contract runs on: a case for every loss class, and a batch in every form of labels.

Nothing here imports TensorFlow: ``backend_values.py`` runs it on the other Keras backends.

A newly registered name of a class that has a case is tested without any change here. A new class
needs a :class:`Case` in ``CASES``, with an oracle in ``oracles.py``.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import oracles
from keras import ops

import imbalance.losses

CLASSES = 3
CLASS_WEIGHTS = (0.2, 0.9, 0.5)
COMMON = {"from_logits": False, "reduction": "sum", "name": "mine", "dtype": "float64"}


@dataclass(frozen=True)
class Case:
    """How one loss class is tested.

    Attributes:
        oracle: the formula in NumPy.
        function: name of the pure function of the same formula.
        variants: arguments to try beside the registered presets; each once with every activation
            where the class takes an ``activation``.
        identities: ``(own arguments, other registered name, its arguments)`` that must agree.
        every_argument: a value other than the default for each of its own arguments.
        soft: whether labels between 0 and 1 are defined.
        terms: of a sum of losses, given its arguments: ``(factor, oracle, whether it has one
            value for the whole batch)`` each.
    """

    oracle: Callable
    function: str | None
    every_argument: dict
    variants: tuple = ()
    identities: tuple = ()
    soft: bool = False
    terms: Callable | None = None

    @property
    def takes_per_class(self) -> bool:
        """Whether one of its arguments can be a number for each class."""
        return any(isinstance(each, list) for each in self.every_argument.values())


def _both(arguments: dict, other: str, other_arguments: dict) -> tuple:
    """Return an identity once for softmax and once for sigmoid."""
    return tuple(
        ({**arguments, "activation": each}, other, {**other_arguments, "activation": each})
        for each in ("softmax", "sigmoid")
    )


def _unified_terms(weight=0.5, **arguments) -> list[tuple]:
    return [
        (weight, partial(oracles.unified_focal_rows, **arguments), False),
        (1 - weight, partial(oracles.unified_focal_batch, **arguments), True),
    ]


ONES = (1.0,) * CLASSES
COUNTS = (70, 2, 20)

CASES = {
    "CrossEntropy": Case(oracles.cross_entropy, "cross_entropy", {}, soft=True),
    "WeightedCrossEntropy": Case(
        oracles.weighted_cross_entropy,
        "weighted_cross_entropy",
        {"class_weight": [1.0, 2.0, 0.5]},
        identities=(({"class_weight": ONES}, "cross_entropy", {}),),
        soft=True,
    ),
    "BinaryCrossEntropy": Case(oracles.binary_cross_entropy, "binary_cross_entropy", {}, soft=True),
    "LabelSmoothing": Case(
        oracles.label_smoothing,
        "label_smoothing_cross_entropy",
        {"epsilon": 0.2},
        variants=({"epsilon": 0.4},),
        identities=(({"epsilon": 0.0}, "cross_entropy", {}),),
        soft=True,
    ),
    "LogitAdjustment": Case(
        oracles.logit_adjustment,
        "logit_adjusted_cross_entropy",
        {"class_counts": [70, 2, 20], "tau": 1.5},
        variants=({"class_counts": COUNTS, "tau": 1.5},),
        identities=(
            ({"tau": 0.0}, "cross_entropy", {}),
            ({"class_counts": ONES, "tau": 2.0}, "cross_entropy", {}),
            ({"class_counts": (7, 1, 2)}, "logit_adjustment", {"class_counts": (0.7, 0.1, 0.2)}),
        ),
        soft=True,
    ),
    "LDAMLoss": Case(
        oracles.ldam,
        "ldam_loss",
        {"class_counts": [70, 2, 20], "max_margin": 2.0, "scale": 3.0},
        variants=({"class_counts": COUNTS, "max_margin": 2.0, "scale": 3.0},),
        identities=(({"max_margin": 0.0}, "cross_entropy", {}),),
    ),
    "Poly1Loss": Case(
        oracles.poly1,
        "poly1_loss",
        {"epsilon": 2.0},
        variants=({"epsilon": -1.0},),
        identities=(({"epsilon": 0.0}, "cross_entropy", {}),),
        soft=True,
    ),
    "AsymmetricLoss": Case(
        oracles.asymmetric,
        "asymmetric_loss",
        {"gamma_positive": 1.0, "gamma_negative": 2.0, "epsilon": 0.2},
        variants=({"gamma_positive": 0.5, "gamma_negative": 0.5, "epsilon": 0.2},),
        identities=(
            ({"gamma_negative": 0.0, "epsilon": 0.3}, "label_smoothing", {"epsilon": 0.3}),
            ({"gamma_positive": 1.5, "epsilon": 0.0}, "focal_loss", {"gamma": 1.5}),
        ),
    ),
    "BinaryAsymmetricLoss": Case(
        oracles.binary_asymmetric,
        "binary_asymmetric_loss",
        {"gamma_positive": 1.0, "gamma_negative": 2.0, "margin": 0.2},
        variants=(
            {"gamma_positive": 0.5, "gamma_negative": 0.5, "margin": 0.3},
            {"gamma_positive": 0.5, "gamma_negative": 0.5, "margin": 0.0},
        ),
        identities=(
            ({"gamma_negative": 0.0, "margin": 0.0}, "binary_cross_entropy", {}),
            (
                {"gamma_positive": 1.5, "gamma_negative": 1.5, "margin": 0.0},
                "binary_focal_loss",
                {"gamma": 1.5},
            ),
        ),
        soft=True,
    ),
    "UnifiedFocalLoss": Case(
        oracles.unified_focal,
        "unified_focal_loss",
        {"class_counts": [70, 2, 20], "weight": 0.3, "delta": 0.8, "gamma": 0.2, "smooth": 0.5},
        variants=({"class_counts": COUNTS, "weight": 0.3, "delta": 0.8, "smooth": 0.1},),
        identities=(
            (
                {"class_counts": COUNTS, "weight": 1.0, "delta": 0.7, "gamma": 0.0},
                "weight_cross_entropy",
                {"class_weight": (0.3, 0.7, 0.7)},
            ),
            (
                {"weight": 0.0, "delta": 0.7, "gamma": 0.0, "smooth": 0.2},
                "tversky_loss",
                {"alpha": 0.3, "beta": 0.7, "smooth": 0.2},
            ),
        ),
        soft=True,
        terms=_unified_terms,
    ),
    "SoftF1Loss": Case(
        oracles.soft_f1,
        "soft_f1_loss",
        {"smooth": 0.5, "activation": "sigmoid"},
        variants=({}, {"smooth": 0.1}),
        identities=_both({"smooth": 0.7}, "dice_loss", {"smooth": 0.7}),
        soft=True,
    ),
    "VariantCrossEntropy": Case(
        oracles.variant_cross_entropy,
        "variant_cross_entropy",
        {"margin": 0.7, "form": "smooth", "sharpness": 2.0},
        variants=(
            {"margin": 0.55},
            {"form": "smooth"},
            {"form": "smooth", "margin": 0.6, "sharpness": 4.0},
            {"form": "smooth", "margin": 0.5},
        ),
        identities=tuple(
            ({"margin": margin, "form": form}, "binary_cross_entropy", {})
            for margin in (1.0, 1.5)
            for form in ("hard", "smooth")
        ),
    ),
    "FocalLoss": Case(
        oracles.focal,
        "focal_loss",
        {"gamma": 1.5, "alpha": [1.0, 2.0, 0.5], "rescale": True},
        variants=(
            {"gamma": 0.5},
            {"alpha": 0.25},
            {"alpha": CLASS_WEIGHTS},
            {"rescale": True},
            {"rescale": True, "alpha": CLASS_WEIGHTS},
        ),
        identities=(
            ({"gamma": 0.0}, "cross_entropy", {}),
            ({"alpha": ONES}, "focal_loss", {}),
            ({"alpha": 1.0}, "focal_loss", {}),
            ({"gamma": 0.0, "rescale": True}, "cross_entropy", {}),
            (
                {"gamma": 0.0, "alpha": CLASS_WEIGHTS},
                "weight_cross_entropy",
                {"class_weight": CLASS_WEIGHTS},
            ),
        ),
        soft=True,
    ),
    "BinaryFocalLoss": Case(
        oracles.binary_focal,
        "binary_focal_loss",
        {"gamma": 1.5, "alpha": [0.3, 0.6, 0.9], "rescale": True},
        variants=(
            {"gamma": 0.5},
            {"alpha": 0.25},
            {"alpha": CLASS_WEIGHTS},
            {"rescale": True},
            {"rescale": True, "alpha": 0.25},
        ),
        identities=(
            ({"gamma": 0.0, "alpha": None, "rescale": False}, "binary_cross_entropy", {}),
            ({"gamma": 0.0, "alpha": None, "rescale": True}, "binary_cross_entropy", {}),
        ),
    ),
    "GHMLoss": Case(
        oracles.ghm,
        "ghm_loss",
        {"bins": 4, "momentum": 0.5, "activation": "sigmoid"},
        variants=({}, {"bins": 4}),
        identities=(
            ({"bins": 1, "activation": "softmax"}, "cross_entropy", {}),
            ({"bins": 1, "activation": "sigmoid"}, "binary_cross_entropy", {}),
        ),
    ),
    "DiceLoss": Case(
        oracles.dice,
        "dice_loss",
        {"smooth": 0.5, "squared": True, "alpha": 0.5, "activation": "sigmoid"},
        variants=(
            {},
            {"smooth": 0.1},
            {"squared": True},
            {"alpha": 0.6},
            {"squared": True, "alpha": 1.0, "smooth": 0.5},
        ),
        identities=_both({"alpha": 0.0}, "dice_loss", {}),
        soft=True,
    ),
    "DSCLoss": Case(
        oracles.dsc,
        "dsc_loss",
        {"alpha": 0.5, "smooth": 0.5, "activation": "sigmoid"},
        variants=({}, {"alpha": 0.5}, {"alpha": 0.0, "smooth": 0.1}),
        soft=True,
    ),
    "TverskyLoss": Case(
        oracles.tversky,
        "tversky_loss",
        {"alpha": 0.4, "beta": 0.6, "smooth": 0.5, "activation": "sigmoid"},
        variants=({}, {"alpha": 0.6, "beta": 0.2, "smooth": 0.1}),
        identities=_both({"alpha": 0.5, "beta": 0.5, "smooth": 0.7}, "dice_loss", {"smooth": 1.4}),
        soft=True,
    ),
    "FocalTverskyLoss": Case(
        oracles.focal_tversky,
        "focal_tversky_loss",
        {"alpha": 0.4, "beta": 0.6, "gamma": 1.5, "smooth": 0.5, "activation": "sigmoid"},
        variants=({}, {"gamma": 2.0, "alpha": 0.6, "beta": 0.2}),
        identities=_both({"gamma": 1.0}, "tversky_loss", {}),
        soft=True,
    ),
}

# Sums of losses by their names, with the arguments to try: the contract is theirs as well.
SUMS = (
    ("cross_entropy+dice_loss", {}),
    (
        "focal_loss+tversky_loss+logit_adjustment",
        {
            "weights": [0.5, 2.0, 1.5],
            "focal_loss": {"gamma": 0.5},
            "logit_adjustment": {"class_counts": COUNTS},
        },
    ),
    (
        "binary_focal_loss+dice_loss",
        {"weights": [0.7, 0.3], "dice_loss": {"activation": "sigmoid", "alpha": 0.6}},
    ),
)


@dataclass(frozen=True)
class Variant:
    """A registered loss with some arguments: one row of the contract."""

    name: str
    args: dict = field(default_factory=dict, hash=False)

    def __str__(self):
        return f"{self.name}[{','.join(f'{k}={_short(v)}' for k, v in self.args.items())}]"

    @property
    def entry(self):
        return imbalance.losses.TABLE[self.name]

    @property
    def parts(self) -> "list[tuple[float, Variant]]":
        """Return the losses of a sum with their weights; a single loss is its own only part."""
        names = self.name.split("+")
        if len(names) == 1:
            return [(1.0, self)]
        weights = self.args.get("weights", [1.0] * len(names))
        return [
            (weight, Variant(name, self.args.get(name, {})))
            for weight, name in zip(weights, names, strict=True)
        ]

    @property
    def case(self) -> Case:
        """The case of its class; a sum has that of its first part."""
        return CASES[self.parts[0][1].entry.loss_class.__name__]

    @property
    def soft(self) -> bool:
        return all(part.case.soft for _, part in self.parts)

    @property
    def terms(self) -> list[tuple]:
        """What is summed: ``(factor, oracle, whether it has one value for the whole batch)``."""
        found = []
        for factor, part in self.parts:
            arguments = {**part.entry.defaults, **part.args}
            whole = issubclass(part.entry.loss_class, imbalance.losses.BatchLoss)
            terms = [(1.0, partial(part.case.oracle, **arguments), whole)]
            if part.case.terms:
                terms = part.case.terms(**arguments)
            found += [(factor * share, oracle, whole) for share, oracle, whole in terms]
        return found

    @property
    def oracle(self) -> Callable:
        """The formula with this variant's arguments: ``oracle(z, y, w, at=None)``."""
        terms = self.terms
        return lambda z, y, w, at=None: sum(
            factor * oracle(z, y, w, at) for factor, oracle, _ in terms
        )

    @property
    def activation(self) -> str:
        return self.build().activation

    @property
    def per_class(self) -> bool:
        """Whether an argument has one number a class, which fixes the number of classes."""
        return any(
            isinstance(each, (list, tuple))
            for _, part in self.parts
            for each in {**part.entry.defaults, **part.args}.values()
        )

    def build(self, **common):
        return imbalance.losses.get(self.name, **self.args, **common)


def _short(value):
    if isinstance(value, dict):
        return f"({','.join(f'{k}={_short(v)}' for k, v in value.items())})"
    return "per class" if isinstance(value, (list, tuple)) else value


def presets() -> list[Variant]:
    """Return every registered name with a case, and weights where training fills them in."""
    return [
        Variant(name, {argument: CLASS_WEIGHTS for argument in entry.data_arguments})
        for name, entry in imbalance.losses.TABLE.items()
        if entry.loss_class.__name__ in CASES
    ]


def variants() -> list[Variant]:
    """Return the presets, further arguments of each class under its first name, and sums."""
    found, seen = presets(), set()
    for preset in presets():
        loss_class = preset.entry.loss_class
        if loss_class in seen:
            continue
        seen.add(loss_class)
        for args in CASES[loss_class.__name__].variants:
            for activation in _activations(loss_class):
                variant = Variant(preset.name, {**preset.args, **args, **activation})
                if str(variant) not in map(str, found):
                    found.append(variant)
    return found + [Variant(name, args) for name, args in SUMS]


def identities() -> list[tuple[Variant, Variant]]:
    """Return the pairs of losses that must be one and the same."""
    pairs, seen = [], set()
    for preset in presets():
        loss_class = preset.entry.loss_class
        if loss_class in seen:
            continue
        seen.add(loss_class)
        for args, other, other_args in CASES[loss_class.__name__].identities:
            pairs.append(
                (Variant(preset.name, {**preset.args, **args}), Variant(other, other_args))
            )
    return pairs


def _activations(loss_class) -> list[dict]:
    if "activation" not in arguments(loss_class):
        return [{}]
    return [{"activation": "softmax"}, {"activation": "sigmoid"}]


def arguments(loss_class) -> dict[str, inspect.Parameter]:
    """Return every argument of the constructor, those passed on to the base class included."""
    found = {}
    for each in reversed(loss_class.__mro__):
        if issubclass(each, imbalance.losses.ImbalanceLoss) and "__init__" in vars(each):
            found |= inspect.signature(each.__init__).parameters
    return {name: each for name, each in found.items() if name not in ("self", "args", "kwargs")}


# --- batches ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Labels and logits as a user has them, and the same as flat (labels, classes) tables."""

    y_true: np.ndarray
    y_pred: np.ndarray
    y: np.ndarray
    z: np.ndarray


LABELS = 8
_random = np.random.default_rng(7)
# Rounded to float32, so that every precision starts from the very same numbers.
LOGITS = _random.normal(0, 2, (LABELS, CLASSES)).astype("float32").astype("float64")
IDS = np.array([0, 1, 2, 0, 0, 1, 0, 2])
ONE_HOT = np.eye(CLASSES)[IDS]
MULTI_HOT = np.array(
    [[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1], [1, 0, 0]], float
)
SOFT = oracles.softmax(_random.normal(0, 1, (LABELS, CLASSES))).astype("float32").astype("float64")
# Real weights, one of them 0, and whole ones to count copies with.
WEIGHTS = np.array([1.0, 2.1, 0.0, 3.0, 1.3, 0.1, 0.7, 2.0])
COPIES = np.array([1, 2, 0, 3, 1, 1, 2, 1])
TIME = (2, 4)


def _tokens(array):
    return array.reshape(TIME + array.shape[1:])


def _binary(labels_shape, logits_shape):
    """A batch for one output: labels and logits of the shapes given, 0 meaning the batch."""
    y, z = MULTI_HOT[:, :1], LOGITS[:, :1]
    return Batch(y.reshape((-1, *labels_shape)), z.reshape((-1, *logits_shape)), y, z)


_square = slice(0, CLASSES)

FORMS = {
    "softmax": {
        "ids": Batch(IDS, LOGITS, ONE_HOT, LOGITS),
        "ids as floats": Batch(IDS.astype("float32"), LOGITS, ONE_HOT, LOGITS),
        "ids as bytes": Batch(IDS.astype("uint8"), LOGITS, ONE_HOT, LOGITS),
        "ids (batch, 1)": Batch(IDS[:, None], LOGITS, ONE_HOT, LOGITS),
        "as many rows as classes": Batch(
            IDS[_square], LOGITS[_square], ONE_HOT[_square], LOGITS[_square]
        ),
        "one-hot": Batch(ONE_HOT, LOGITS, ONE_HOT, LOGITS),
        "soft": Batch(SOFT, LOGITS, SOFT, LOGITS),
        "tokens": Batch(_tokens(IDS), _tokens(LOGITS), ONE_HOT, LOGITS),
        "tokens (batch, time, 1)": Batch(_tokens(IDS[:, None]), _tokens(LOGITS), ONE_HOT, LOGITS),
        "tokens one-hot": Batch(_tokens(ONE_HOT), _tokens(LOGITS), ONE_HOT, LOGITS),
    },
    "sigmoid": {
        "ids": Batch(IDS, LOGITS, ONE_HOT, LOGITS),
        "as many rows as classes": Batch(
            IDS[_square], LOGITS[_square], ONE_HOT[_square], LOGITS[_square]
        ),
        "one-hot": Batch(ONE_HOT, LOGITS, ONE_HOT, LOGITS),
        "multi-label": Batch(MULTI_HOT, LOGITS, MULTI_HOT, LOGITS),
        "multi-label as bytes": Batch(MULTI_HOT.astype("uint8"), LOGITS, MULTI_HOT, LOGITS),
        "soft": Batch(SOFT, LOGITS, SOFT, LOGITS),
        "binary": _binary((), ()),
        "binary (batch, 1)": _binary((1,), (1,)),
        "binary (batch,) on (batch, 1)": _binary((), (1,)),
        "binary (batch, 1) on (batch,)": _binary((1,), ()),
        "tokens": Batch(_tokens(IDS), _tokens(LOGITS), ONE_HOT, LOGITS),
        "tokens multi-label": Batch(_tokens(MULTI_HOT), _tokens(LOGITS), MULTI_HOT, LOGITS),
    },
}


def documents(variant: Variant) -> Batch:
    """Return the batch of documents whose labels are the most general the loss takes."""
    return FORMS[variant.activation][
        "one-hot" if variant.activation == "softmax" else "multi-label"
    ]


def tokens(variant: Variant) -> Batch:
    """Return the same labels and logits as tokens of two sequences."""
    return FORMS[variant.activation][
        "tokens one-hot" if variant.activation == "softmax" else "tokens multi-label"
    ]


def forms(variant: Variant) -> list[str]:
    """Return the forms of labels that are defined for a variant."""
    return [
        form
        for form in FORMS[variant.activation]
        if (variant.soft or form != "soft")
        # An argument with a number a class has none for a single output.
        and not (variant.per_class and form.startswith("binary"))
    ]


# --- calling a loss ---------------------------------------------------------------------------


def values(loss, y_true, y_pred, weights=None) -> np.ndarray:
    """Return ``loss.call``: a value a label, weights only where the formula has them inside."""
    y_pred = ops.convert_to_tensor(y_pred, dtype=loss.dtype)
    y_true = ops.convert_to_tensor(y_true, dtype=loss.dtype)
    if weights is None:
        return ops.convert_to_numpy(loss.call(y_true, y_pred))
    weights = ops.convert_to_tensor(weights, dtype=loss.dtype)
    return ops.convert_to_numpy(loss.call(y_true, y_pred, sample_weight=weights))


def probabilities(variant: Variant, logits: np.ndarray) -> np.ndarray:
    """Return what the variant's activation makes of logits."""
    return (oracles.softmax if variant.activation == "softmax" else oracles.sigmoid)(logits)
