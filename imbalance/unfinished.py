"""A run that is not finished: it is being written, or was left behind by a process that ended.

``saved_models/.NAME.partial``, which nothing takes for a finished run, holds

================  ============================================================================
``config.yaml``   the configuration as it was asked for
``lock``          locked by the process that writes; the system unlocks it however that ends
``checkpoints/``  the state of training, see :mod:`imbalance.training.checkpoint`
``run/``          the run folder, which becomes ``saved_models/NAME`` when it is whole
================  ============================================================================
"""

import contextlib
import errno
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imbalance import checks
from imbalance.config import RunConfig

CONFIG = "config.yaml"
LOCK = "lock"
CHECKPOINTS = "checkpoints"
RUN = "run"
# In it: what training goes on with; all else is written anew.
LOGS = "tensorboard"

# What is wrong with the place a run is written to, and not with the run.
_STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


@dataclass(frozen=True)
class Unfinished:
    """The folder of an unfinished run.

    Attributes:
        final: the folder that it becomes.
        again: what goes on with it, such as ``the same command``; by default ``--resume``.
    """

    final: Path
    again: str | None = None

    @property
    def remark(self) -> str:
        """How to go on with it."""
        resume = f"python train.py --resume {shlex.quote(str(self.final))}"
        return f"{self.again or resume} goes on with it"

    @property
    def place(self) -> Path:
        return self.final.with_name(f".{self.final.name}.partial")

    @property
    def folder(self) -> Path:
        """Where the run is written."""
        return self.place / RUN

    @property
    def checkpoints(self) -> Path:
        return self.place / CHECKPOINTS

    @property
    def begun(self) -> bool:
        """Whether its configuration is there, which it is gone on with."""
        path = self.place / CONFIG
        return path.is_file() and path.stat().st_size > 0

    @property
    def resumable(self) -> bool:
        """Whether there is something of the training to go on from."""
        return any(self.checkpoints.glob("*-*.npz"))

    @property
    def locked(self) -> bool:
        """Whether a process is writing it now."""
        try:
            with _lock(self.place / LOCK, "rb") as held:
                return not held
        except OSError:
            return False


def available_name(output_dir, config: RunConfig) -> str:
    """Return a free folder name: the configured one, or one made of data, loss and seed.

    Raises:
        InputError: if the configured name is taken or being written; nothing is ever overwritten.
    """
    folder = Path(output_dir)
    if config.name is not None:
        if (folder / config.name).exists():
            raise checks.wrong("name", config.name, f"a name that is free in {folder}")
        if Unfinished(folder / config.name).place.exists():
            raise _taken(Unfinished(folder / config.name))
        return config.name
    data = Path(config.data.source).name.split(".")[0] or "data"
    base = f"{data}-{config.loss.name}-seed{config.training.seed}"
    name, count = base, 1
    while (folder / name).exists() or Unfinished(folder / name).place.exists():
        count += 1
        name = f"{base}-{count}"
    return name


@contextlib.contextmanager
def writing(
    output_dir,
    name: str,
    config: RunConfig | None = None,
    again: str | None = None,
    keep_failed: bool = True,
) -> Iterator[Unfinished]:
    """Give an unfinished run, with an empty folder, that becomes ``output_dir/name`` when the
    block ends well.

    A run that is killed stays unfinished. So does one that is interrupted, has no room to be
    written or fails, if there are checkpoints; wrong input leaves nothing.

    Args:
        output_dir, name: of the run.
        config: as it was asked for, which :func:`resuming` reads back; without it nothing is to
            go on with the run.
        again: see :class:`Unfinished`.
        keep_failed: False, what fails goes, with its checkpoints; what is killed, interrupted or
            has no room stays.

    Raises:
        InputError: if the folder cannot be made or written, or another run is writing it.
    """
    run = Unfinished(Path(output_dir) / name, again)
    first = not run.final.parent.exists()
    try:
        run.final.parent.mkdir(parents=True, exist_ok=True)
        try:
            run.place.mkdir()
        except FileExistsError:
            raise _taken(run) from None
    except OSError as error:
        raise checks.InputError(
            f"output_dir: {output_dir} cannot be written ({error.strerror}), expected a folder "
            "to write into"
        ) from None
    try:
        with _finished_by(run, True, keep_failed):
            if config is not None:
                temporary = run.place / f"{CONFIG}.partial"
                temporary.write_text(config.to_yaml(), encoding="utf-8")
                temporary.rename(run.place / CONFIG)
            run.folder.mkdir()
            yield run
    finally:
        if first:
            with contextlib.suppress(OSError):  # it holds something
                run.final.parent.rmdir()


@contextlib.contextmanager
def resuming(
    name, again: str | None = None, keep_failed: bool = True
) -> Iterator[tuple[RunConfig, Unfinished]]:
    """Give the configuration of an unfinished run and the run, which the block is to finish.

    Args:
        name: of the run, in the default output folder; or its folder, the unfinished one or that
            which it becomes.
        again: see :class:`Unfinished`.
        keep_failed: see :func:`writing`.

    Raises:
        InputError: if it is finished, there is none, or a process is writing it.
    """
    run = Unfinished(_final(Path(name)), again)
    if not run.place.is_dir():
        raise _not_unfinished(name, run)
    if run.final.exists() and run.folder.exists():
        raise checks.InputError(
            f"--resume: {run.final} is in the place of the run that {run.place} holds, expected "
            "nothing there; move it away"
        )
    with _finished_by(run, False, keep_failed):
        if run.final.exists():
            if not run.folder.exists():  # killed after its last step but one
                shutil.rmtree(run.place, ignore_errors=True)
            raise _not_unfinished(name, run)
        if not run.begun:
            raise checks.InputError(
                f"--resume: {run.place} has no {CONFIG} with settings: its run was killed before "
                "it began, is none of train.py, or one of several processes; remove the folder and "
                "train anew"
            )
        run.folder.mkdir(exist_ok=True)
        for each in run.folder.iterdir():
            if each.name != LOGS:
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        yield RunConfig.from_yaml(run.place / CONFIG), run


def _final(path: Path) -> Path:
    if unfinished := re.fullmatch(r"\.(.+)\.partial", path.name):
        path = path.with_name(unfinished[1])
    if not path.name or path.name == "..":
        given = "" if path == Path() else path
        raise checks.wrong("--resume", given, "the name or the folder of an unfinished run")
    if len(path.parts) == 1 and not Unfinished(path).place.exists():
        path = Path(RunConfig.output_dir, path)
    return path


def _not_unfinished(name, run: Unfinished) -> checks.InputError:
    if (run.final / CONFIG).is_file():
        return checks.wrong("--resume", Path(name), f"an unfinished run: {run.final} is finished")
    found = run.final.parent.glob(".*.partial")
    others = sorted(each.name for each in found if each.is_dir())
    names = ", ".join(each.removeprefix(".").removesuffix(".partial") for each in others)
    expected = f"an unfinished run; in {run.final.parent} there is {names or 'none'}"
    return checks.wrong("--resume", Path(name), expected)


def _taken(run: Unfinished) -> checks.InputError:
    if run.locked:
        return checks.wrong("name", run.final.name, f"another: {run.place} is being written")
    goes_on = f"--resume {run.final} goes on with it, and it" if run.begun else "it"
    return checks.wrong(
        "name",
        run.final.name,
        f"another: {run.place} was left by a run that was killed; {goes_on} may be removed",
    )


@contextlib.contextmanager
def _finished_by(run: Unfinished, new: bool, keep_failed: bool) -> Iterator[None]:
    """Hold the lock of a run; give it its name when the block ends well.

    Args:
        run: the run.
        new: whether it goes, with what was written, when there is nothing to go on with.
        keep_failed: see :func:`writing`.
    """
    with _held(run):
        try:
            yield
            # In this order: a run that is killed in between is finished.
            run.folder.rename(run.final)
            shutil.rmtree(run.place, ignore_errors=True)
        except BaseException as error:
            problem = _of_storage(error)
            interrupted = isinstance(error, checks.Interrupted)
            refused = isinstance(error, checks.InputError) and not interrupted
            failed = isinstance(error, Exception) and problem is None and not interrupted
            nothing = new and (refused or not run.resumable)
            if nothing or (failed and not keep_failed):
                shutil.rmtree(run.place, ignore_errors=True)
            remark = run.remark if run.resumable and not refused else ""
            if problem is not None:
                kept = f"; the last checkpoint is kept: {remark}" if remark else ""
                where = getattr(error, "filename", None) or run.place
                raise checks.InputError(f"{where}: {problem}{kept}") from None
            if remark and interrupted:
                raise checks.Interrupted(f"{error}; {remark}") from None
            if remark and isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(remark) from None
            if remark:
                error.add_note(remark)
            raise


def _of_storage(error: BaseException) -> str | None:
    """Return what is wrong with the disk if that was the cause, or None.

    Libraries pass the system's words on, not always its number.
    """
    if not isinstance(error, Exception) or isinstance(error, checks.InputError):
        return None
    number, said = getattr(error, "errno", None), str(error)
    found = (each for each in _STORAGE if each == number or os.strerror(each) in said)
    return next((os.strerror(each) for each in found), None)


@contextlib.contextmanager
def _held(run: Unfinished) -> Iterator[None]:
    """Hold the lock of a run.

    Raises:
        InputError: if another process does, or the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            free = stack.enter_context(_lock(run.place / LOCK, "ab"))
        except OSError as error:
            raise checks.InputError(f"{error.filename}: {error.strerror}") from None
        if not free:
            raise checks.InputError(
                f"{run.place}: is being written by another process, expected that it has ended"
            )
        yield


@contextlib.contextmanager
def _lock(path: Path, mode: str) -> Iterator[bool]:
    """Tell whether a lock was free; if so it is held until the block, or the process, ends."""
    import fcntl

    with path.open(mode) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except BlockingIOError:
            free = False
        yield free
