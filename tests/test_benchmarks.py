"""The benchmarks' own machinery, by its cheapest benchmark; no number is judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import advisories, child, measure, memory
from benchmarks.kills import __main__ as kills
from benchmarks.kills import runs
from imbalance.unfinished import Unfinished

ROOT = Path(__file__).parents[1]


def run(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def test_rows_are_printed_and_written(tmp_path):
    path = tmp_path / "rows.json"
    done = run("peaks", "--quick", "--json", path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert rows
    lines = done.stdout.splitlines()
    for row in rows:
        assert set(row) == {"name", "ours", "theirs", "unit", "ratio"}
        assert row["ratio"] == pytest.approx(row["ours"] / row["theirs"])
        assert any(line.startswith(row["name"]) and row["unit"] in line for line in lines)
    assert [each.name for each in tmp_path.iterdir()] == ["rows.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trainning"], "NAME: got 'trainning', expected one of training, inference,"),
        (["--json", "absent/rows.json"], "--json: got 'absent/rows.json', expected a file in an"),
        (["--fudan", "absent"], "--fudan: got 'absent', expected a folder"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, said):
    done = run(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line


def test_every_benchmark_has_its_module():
    from benchmarks.__main__ import BENCHMARKS

    for module in BENCHMARKS.values():
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file()


def test_medians_of_alternating_calls_count(monkeypatch):
    clock, order = [0.0], []

    def call(side, durations):
        def run():
            order.append(side)
            clock[0] += durations.pop(0)

        return run

    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])
    ours, theirs = [9.0, 1.0, 5.0, 2.0], [9.0, 8.0, 4.0, 400.0]
    row = measure.compare(
        "x", call("a", ours), call("b", theirs), unit="rows/s", repeats=3, warmup=1, amount=16
    )
    assert row == measure.Row("x", ours=8.0, theirs=2.0, unit="rows/s", ratio=4.0)
    assert order == list("abababab")


def test_a_failing_benchmark_says_so(tmp_path, monkeypatch, capfd):
    (tmp_path / "broken_benchmark.py").write_text(
        "from benchmarks.measure import Row\n"
        "def run(quick):\n"
        "    yield Row('kept', 1.0, 2.0, 's', 0.5)\n"
        "    raise KeyError('lost')\n"
    )
    (tmp_path / "dying_benchmark.py").write_text("import os\ndef run(quick):\n    os._exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    kept, failed = child.results("broken_benchmark", quick=True)
    assert kept.name == "kept"
    assert failed.reason == "KeyError: 'lost'"
    (died,) = child.results("dying_benchmark", quick=True)
    assert died.reason == "its process ended with status 3"


def test_memory_is_read_with_each_line_of_a_history_and_judged(tmp_path):
    history = tmp_path / "history.csv"
    code = (
        "import sys, time\n"
        "for _ in range(4):\n"
        "    print('line', file=open(sys.argv[1], 'a')); time.sleep(0.3)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(history)]) as process:
        series = memory._watched(process, history)
    assert len(series) == 3  # behind a header
    assert min(series) > 1
    rising = memory.summary([100.0 + each for each in range(40)])
    assert (rising["off"] > memory.TOLERANCE, rising["slope"]) == (True, 1.0)
    assert "| 3 epochs |" in memory.markdown({"epochs": series})


def test_kills_know_in_which_phase_a_run_is(tmp_path):
    run = Unfinished(tmp_path / "run")
    phases = {}
    for path in (
        *("config.yaml", "run/tensorboard", "checkpoints/writing.npz", "checkpoints/000001-a.npz"),
        *("run/vocabulary.txt", "run/metrics.json", "run/serving"),
    ):
        (run.place / path).parent.mkdir(parents=True, exist_ok=True)
        (run.place / path).write_text("x")
        phases[path] = [each for each in runs.PHASES if runs.begun(run, each, checkpoints=0)]
    assert [len(each) for each in phases.values()] == [1, 2, 3, 3, 4, 5, 6]
    assert not runs.begun(run, "epoch", checkpoints=2)
    left = "1 of 5 epochs, half a checkpoint, vocabulary.txt, metrics.json, serving"
    assert runs.where(run) == left
    assert sum(map(len, kills.KILLS)) == 20
    result = ("", ([runs.Killed("epoch", left)], False, ""))
    assert kills.table([result])[-1] == f"| 1 | epoch | {left} | **no** |"


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{}", b'{"$meta": 3}', b"\xff", b"[" * 9999]
)
def test_what_is_no_file_of_advisories_is_refused(tmp_path, content, monkeypatch, capsys):
    path = tmp_path / "insecure.json"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["advisories", str(path)])
    with pytest.raises(SystemExit) as ended:
        advisories.main()
    assert ended.value.code == 2
    assert "insecure.json: expected insecure.json of safety-db" in capsys.readouterr().err


def test_an_advisory_names_what_is_installed(tmp_path, monkeypatch, capsys):
    path = tmp_path / "insecure.json"
    known = {"$meta": {"timestamp": 0}, "pytest": ["<1", ">1"], "numpy": ["<1"], "absent": [">0"]}
    path.write_text(json.dumps(known))
    monkeypatch.setattr(sys, "argv", ["advisories", str(path)])
    assert advisories.main() == 1
    told = capsys.readouterr().out
    assert f"pytest {pytest.__version__}: an advisory names >1" in told
    assert "2 of them have advisories, 1 name a version" in told
