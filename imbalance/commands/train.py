"""``python train.py``: train, evaluate and export one run."""

import argparse
import contextlib
import dataclasses
import logging
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from imbalance import checks, unfinished
from imbalance.checks import Parser
from imbalance.commands.options import key_values, nested
from imbalance.config import (
    CLASS_WEIGHTS,
    MODEL_OF_TASK,
    MONITORS,
    PRECISIONS,
    PRETRAININGS,
    SAMPLINGS,
    TASKS,
    Cluster,
    RunConfig,
    merge,
)
from imbalance.unfinished import Unfinished

# Of several processes.
_SAME = "the same command in all processes"
_WRITTEN = b"written"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the arguments say and print the per-class table and where everything is."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list_losses:
        from imbalance import losses

        print(losses.describe())
        return 0
    cluster = Cluster.from_environment(os.environ)
    if options.resume is not None:
        _refuse_beside_resume(options, parser, cluster)
        opened = _left_behind(options.resume)
    else:
        config = configuration(options)
        if cluster is not None and not cluster.chief:
            return _train_along(config, cluster)
        opened = _new(config, cluster)
    with opened as (config, run, strategy):
        scores, remark = _write(config, run, strategy, cluster)
    from imbalance import run_folder
    from imbalance.commands import results

    path = run.final
    results.show({path.name: scores["test"]}, "test", config.task)
    logs = shlex.quote(str(path / run_folder.TENSORBOARD))
    print(f"\nrun folder:  {path}")
    print(f"SavedModel:  {path / run_folder.SERVING / '1'}{remark}")
    print(f"TensorBoard: tensorboard --logdir {logs}")
    return 0


def _refuse_beside_resume(
    options: argparse.Namespace, parser: argparse.ArgumentParser, cluster: Cluster | None
) -> None:
    given = [
        f"--{flag.replace('_', '-')}"
        for flag, value in vars(options).items()
        if flag != "resume" and value != parser.get_default(flag)
    ]
    if given:
        raise checks.wrong(
            "--resume", " ".join(given), "nothing beside RUN: the settings are those it began with"
        )
    if cluster is not None:
        raise checks.InputError(
            "--resume: TF_CONFIG is set, expected the command that the run began with: of several "
            "processes that one goes on with a run that has a --name"
        )


@contextlib.contextmanager
def _new(config: RunConfig, cluster: Cluster | None) -> Iterator[tuple]:
    """Give the configuration of a new run, with its name, its folder and its strategy."""
    strategy = _strategy(config, cluster)
    _show_log()
    if cluster is not None and _begun_before(config):
        with unfinished.resuming(Path(config.output_dir, config.name), _SAME) as (before, run):
            if before != config:
                raise checks.wrong(
                    "name",
                    config.name,
                    f"another, or the settings that {run.place / unfinished.CONFIG} has: it was "
                    "left by a run that was killed",
                )
            yield config, run, strategy
        return
    name = unfinished.available_name(config.output_dir, config)
    resumable, again = dataclasses.replace(config, name=name), None
    if cluster is not None:
        # Without a name given, those who start anew could not mean this one.
        resumable, again = (config if config.name else None), _SAME
    with unfinished.writing(config.output_dir, name, resumable, again) as run:
        yield dataclasses.replace(config, name=name), run, strategy


def _begun_before(config: RunConfig) -> bool:
    return config.name is not None and Unfinished(Path(config.output_dir, config.name)).begun


@contextlib.contextmanager
def _left_behind(name: str) -> Iterator[tuple]:
    """Give the configuration of an unfinished run, its folder and its strategy."""
    with unfinished.resuming(name) as (config, run):
        strategy = _strategy(config, None)
        _show_log()
        if not run.resumable:
            print("checkpoint: there is none: training begins anew", file=sys.stderr)
        yield config, run, strategy


def _strategy(config: RunConfig, cluster: Cluster | None):
    """Return where the run is trained, when its settings are found to be good."""
    # TensorFlow takes seconds to import: after a wrong setting is refused, not before.
    from imbalance.serving import export
    from imbalance.training import devices, settings

    if cluster is not None:
        print(
            f"TF_CONFIG: waiting until all {cluster.processes} processes are there", file=sys.stderr
        )
    with devices.lost_processes(cluster):
        # Before anything else: processes find each other first.
        strategy = devices.strategy(config.training, cluster)
        settings.check(config)
        export.check(config)
    return strategy


def _write(
    config: RunConfig, unwritten: Unfinished, strategy, cluster: Cluster | None
) -> tuple[dict, str]:
    """Train, evaluate and export; return the scores by split and a remark on the SavedModel."""
    from imbalance import run_folder, tasks
    from imbalance.commands import results
    from imbalance.run_folder import Run
    from imbalance.training import devices
    from imbalance.training.exchange import from_first
    from imbalance.training.fit import fit

    corpus = tasks.get(config.task).load(config.data)
    print("\n".join(corpus.report.lines()), file=sys.stderr)
    folder = unwritten.folder
    checkpoints = unwritten.checkpoints if unwritten.begun else None
    with devices.lost_processes(cluster):
        training = fit(config, corpus, folder, results.confusion_image, checkpoints, strategy)
    run = Run(folder)
    run.update_metrics({"training": training.summary})
    splits = [each for each in ("validation", "test") if len(corpus.splits[each])]
    scores = results.evaluate(run, corpus, splits, unwritten.final.name)
    remark = _export(run, corpus, folder / run_folder.SERVING, splits[0])
    with devices.lost_processes(cluster):
        # The others wait for it: if this process is lost by now, they are to begin again with it.
        from_first(_WRITTEN, strategy)
    return scores, remark


def _train_along(config: RunConfig, cluster: Cluster) -> int:
    """Do the part of a process that is not the chief, which alone leaves a run behind."""
    strategy = _strategy(config, cluster)
    from imbalance import tasks
    from imbalance.training import devices
    from imbalance.training.exchange import from_first
    from imbalance.training.fit import fit

    with devices.lost_processes(cluster):
        corpus = tasks.get(config.task).load(config.data)
        # The same callbacks as the chief's: what reads a score of all rows waits for all processes.
        with tempfile.TemporaryDirectory() as folder:
            fit(config, corpus, Path(folder), strategy=strategy)
        from_first(_WRITTEN, strategy)
    return 0


def _export(run, corpus, folder: Path, split: str) -> str:
    """Write the SavedModel and return a remark on it."""
    from imbalance.serving import export, span_export

    if run.task.of_tokens:
        span_export.export(run, folder)
        return ""
    exported = export.export(run, folder, run.config.serving)
    if exported.tables == "float16":
        rows = corpus.splits[split]
        print(export.cost_of_rounding(run, exported, rows.texts, rows.labels))
    return f" ({exported.remark})"


def _show_log() -> None:
    """Let the user see what takes its time and where it is kept; other libraries stay quiet."""
    log = logging.getLogger("imbalance")
    log.setLevel(logging.INFO)
    if not log.handlers:
        log.addHandler(_ToStandardError())


class _ToStandardError(logging.Handler):
    """Prints to ``sys.stderr`` as it is at the time, in a notebook or test as well."""

    def emit(self, record):
        print(self.format(record), file=sys.stderr)


def configuration(options: argparse.Namespace) -> RunConfig:
    """Return the configuration: the file's values, replaced by those of the flags."""
    flags = {
        "name": options.name,
        "task": options.task,
        "output_dir": options.output_dir,
        "data.source": options.data,
        "data.imbalance_ratio": options.imbalance_ratio,
        "data.user_dict": options.user_dict,
        "model.name": options.model,
        "loss.name": options.loss,
        "training.class_weight": options.class_weight,
        "training.sampling": options.sampling,
        "training.pretrain": options.pretrain,
        "training.epochs": options.epochs,
        "training.batch_size": options.batch_size,
        "training.seed": options.seed,
        "training.precision": options.precision,
        "training.monitor": options.monitor,
    }
    changes = nested({key: value for key, value in flags.items() if value is not None})
    for section, items in (("loss", options.loss_arg), ("model", options.model_arg)):
        if items:
            changes.setdefault(section, {})["args"] = key_values(f"--{section}-arg", items)
    changes = merge(changes, nested(key_values("--set", options.set)))
    if options.config is None:
        config = RunConfig.from_mapping(changes)
    else:
        config = RunConfig.from_yaml(options.config, changes)
    if options.imbalance_ratio is not None and config.data.source != "reviews":
        expected = f"no such flag: it thins reviews, the data is {config.data.source}"
        raise checks.wrong("--imbalance-ratio", options.imbalance_ratio, expected)
    return config


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="train.py",
        description="Train a text classifier on imbalanced labels, evaluate it and export it.",
        epilog="Flags replace what the file says. Exit status: 0 done, 2 wrong input, 75 another "
        "process of TF_CONFIG is gone.",
    )
    parser.add_argument("--config", metavar="FILE", help="YAML file with settings, see configs/")
    parser.add_argument("--task", metavar="TASK", help=f"{', '.join(TASKS)}; default: {TASKS[0]}")
    parser.add_argument("--loss", metavar="NAME", help="see --list-losses")
    parser.add_argument(
        "--loss-arg",
        metavar="K=V",
        action="append",
        default=[],
        help="an argument of the loss, such as gamma=2; may be repeated",
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="reviews (the embedded corpus, default), a file, a folder with a file per split, "
        "or a folder per class",
    )
    parser.add_argument(
        "--imbalance-ratio", metavar="R", type=float, help="of reviews: negatives per positive"
    )
    parser.add_argument(
        "--user-dict",
        metavar="FILE",
        help="words beside jieba's, one a line, for --set data.tokens=words",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help=", ".join(f"{model} (default of {task})" for task, model in MODEL_OF_TASK.items()),
    )
    parser.add_argument(
        "--model-arg",
        metavar="K=V",
        action="append",
        default=[],
        help="an argument of the model, such as filters=64; may be repeated",
    )
    parser.add_argument(
        "--class-weight",
        metavar="W",
        help=f"{', '.join(CLASS_WEIGHTS)}, or a JSON or YAML file {{label: weight}}",
    )
    parser.add_argument(
        "--sampling", metavar="S", help="how rows are drawn: " + ", ".join(SAMPLINGS)
    )
    parser.add_argument(
        "--pretrain",
        metavar="P",
        help="where token vectors start from: " + ", ".join(PRETRAININGS),
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="at most this many")
    parser.add_argument("--batch-size", type=int, metavar="N")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--precision", metavar="P", help=", ".join(PRECISIONS))
    parser.add_argument(
        "--monitor", metavar="SCORE", help="chooses the best epoch: " + ", ".join(MONITORS)
    )
    parser.add_argument("--output-dir", metavar="DIR", help="where run folders go")
    parser.add_argument("--name", metavar="NAME", help="name of the run folder")
    parser.add_argument(
        "--set",
        metavar="SECTION.KEY=V",
        action="append",
        default=[],
        help="any other setting, such as data.max_length=200; may be repeated",
    )
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with a run that was killed or interrupted, by its name in "
        "saved_models or its folder; its settings are those it began with",
    )
    parser.add_argument(
        "--list-losses",
        action="store_true",
        help="print each loss with its parameters, defaults and paper, and stop",
    )
    return parser
