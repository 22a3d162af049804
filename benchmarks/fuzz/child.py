"""``python -m benchmarks.fuzz.child TARGET SECONDS FOLDER``: one target, guided by coverage.

The fuzzer ends its process itself, so what happened is written to ``FOLDER/counts.json`` again and
again, and what is a defect to ``FOLDER/defects``, whereupon it goes on.
"""

import json
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import atheris

_INSTRUMENTED = (
    "imbalance.data",
    "imbalance.config",
    "imbalance.checks",
    "imbalance.decision",
    "imbalance.predict",
    "imbalance.training.class_weights",
    "yaml",
)
# Of the processor: a busy machine is no hang.
SECONDS_OF_AN_INPUT = 10


class Hang(BaseException):
    """An input took too long."""


class Recorder:
    """A target that counts what becomes of its inputs and keeps those that are defects."""

    def __init__(self, target, folder: Path):
        self._target, self._folder = target, folder
        self._outcomes, self._defects = Counter(), Counter()
        self._slowest, self._told = 0.0, time.monotonic()

    def __call__(self, data: bytes) -> None:
        start = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_OF_AN_INPUT)
        try:
            outcome = self._target(data)
        except (Exception, Hang) as error:
            outcome = "defect"
            self._keep(data, error)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self._outcomes[outcome] += 1
        self._slowest = max(self._slowest, time.process_time() - start)
        if time.monotonic() - self._told > 1:
            self.write()

    def write(self) -> None:
        """Write the counts so far."""
        self._told = time.monotonic()
        counts = {
            "outcomes": self._outcomes,
            "defects": self._defects,
            "slowest_seconds": round(self._slowest, 3),
        }
        temporary = self._folder / "counts.partial"
        temporary.write_text(json.dumps(counts))
        temporary.replace(self._folder / "counts.json")

    def _keep(self, data: bytes, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [each for each in frames if "imbalance/" in each.filename] or frames
        place = f"{Path(ours[-1].filename).name}:{ours[-1].name}"
        kind = f"{type(error).__name__} at {place}"
        self._defects[kind] += 1
        if self._defects[kind] == 1:
            name = "".join(sign if sign.isalnum() else "-" for sign in kind)
            folder = self._folder / "defects"
            folder.mkdir(exist_ok=True)
            (folder / f"{name}.input").write_bytes(data)
            lines = traceback.format_exception(error)
            (folder / f"{name}.txt").write_text("".join(lines), errors="replace")
            self.write()


def _out_of_time(*_) -> None:
    raise Hang


def main() -> None:
    """Fuzz until the time is over."""
    name, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    with atheris.instrument_imports(include=list(_INSTRUMENTED), enable_loader_override=False):
        from benchmarks.fuzz import seeds, targets
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds.of(name)):
        (inputs / f"seed{number}").write_bytes(content)
    record = Recorder(targets.TARGETS[name], folder)
    record.write()
    signal.signal(signal.SIGVTALRM, _out_of_time)
    options = [f"-max_total_time={seconds}", "-timeout=600", "-rss_limit_mb=4096", "-max_len=4096"]
    options.append(f"-artifact_prefix={folder}/")
    atheris.Setup([sys.argv[0], *options, str(inputs)], record)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
