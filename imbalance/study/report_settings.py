"""What a report says besides the numbers: the section ``report`` of a study file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imbalance import checks


@dataclass(frozen=True)
class Target:
    """A score that the study is to reach, by the best of its losses.

    Attributes:
        metric, subset: as in the results file.
        value: to reach or pass.
        before: the score from which the study set out, if it is to be shown.
    """

    metric: str
    value: float
    subset: str = "all"
    before: float | None = None

    def __post_init__(self):
        for name in ("metric", "subset"):
            checks.text(f"report.targets, {name}", getattr(self, name))
        checks.number("report.targets, value", self.value)
        if self.before is not None:
            checks.number("report.targets, before", self.before)


@dataclass(frozen=True)
class ReportSettings:
    """How a study is reported.

    Attributes:
        title: of the report; by default the study file's name.
        references: group to the row that its rows are compared with; ``cross_entropy`` for a
            group that is not named.
        rival: a baseline that the rows of the group `losses` are compared with as well.
        metrics: the columns of the tables of scores, in place of those of the task. Of two classes
            there are ``roc_auc`` and ``pr_auc`` besides, with subgroups ``bias_auc`` and
            ``overall_auc``; ``f1:<label>`` is the F1 of a class. The first that is compared is the
            one that the README names winners by.
        targets: see :class:`Target`.
        notes: paragraphs of Markdown that a reader must know to judge the numbers.
        missed: Markdown shown where a target is missed: what was tried, and what is wanting.
    """

    title: str = ""
    references: Mapping[str, str] = field(default_factory=dict)
    rival: str | None = None
    metrics: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    missed: str = ""

    def __post_init__(self):
        if not isinstance(self.references, Mapping):
            raise checks.wrong("report.references", self.references, "{group: row}")
        for name, kind in (("metrics", str), ("targets", Mapping), ("notes", str)):
            values = getattr(self, name)
            if isinstance(values, str) or not all(isinstance(v, (kind, Target)) for v in values):
                raise checks.wrong(f"report.{name}", values, "a list")
        targets = []
        for each in self.targets:
            if not isinstance(each, Target):
                checks.keys("report.targets", each, Target.__dataclass_fields__)
                for name in ("metric", "value"):
                    if name not in each:
                        raise checks.InputError(f"report.targets: {name} is missing")
                each = Target(**each)
            targets.append(each)
        object.__setattr__(self, "targets", tuple(targets))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "metrics", tuple(self.metrics))

    def reference(self, group: str) -> str:
        """Return the name of the row that the rows of a group are compared with."""
        return self.references.get(group, "cross_entropy")
