"""What all tests share: a small corpus on disk, the development corpora, quiet TensorFlow."""

import os
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Workers of pytest-xdist share the cores, and so do the processes that their tests start.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    share = str(max(1, len(os.sched_getaffinity(0)) // int(workers)))
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", share)
    os.environ.setdefault("OMP_NUM_THREADS", share)
# What tests prepare is not for the user's cache.
_CACHE = tempfile.TemporaryDirectory(prefix="imbalance-tests-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items):
    if not SHARED_DATA.is_dir():
        absent = pytest.mark.skip(reason="the development corpora are not beside this checkout")
        for item in items:
            if "shared_data" in item.keywords:
                item.add_marker(absent)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    return SHARED_DATA


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory) -> Path:
    """A folder with train.csv and test.csv: three classes 40 : 12 : 6 that single signs tell."""
    folder = tmp_path_factory.mktemp("corpus")
    signs = {"体育": "球赛跑", "经济": "钱股市", "Law": "法律庭"}
    sizes = {"体育": 40, "经济": 12, "Law": 6}
    for split in ("train", "test"):
        lines = ["text,label"]
        for label, size in sizes.items():
            for row in range(size):
                # `的` is noise; its number keeps every text different from the others.
                lines.append(f"{signs[label]}{'的' * row}{split},{label}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
