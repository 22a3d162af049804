import errno
import json
import multiprocessing
import os
import time

import pytest

from imbalance.checks import InputError
from imbalance.data.cache import MANIFEST, Cache


@pytest.fixture
def cache(tmp_path):
    return Cache(str(tmp_path / "cache"))


def writing(text):
    def write(folder):
        (folder / "a.txt").write_text(text)

    return write


def never(folder):
    raise AssertionError("built although it is there")


def read(entry):
    return (entry / "a.txt").read_text()


def test_an_entry_is_built_once_for_a_key(cache, caplog):
    caplog.set_level("INFO")
    entry = cache.entry("texts", {"of": 1}, writing("one"))
    assert cache.entry("texts", {"of": 1}, never) == entry
    assert read(entry) == "one"
    assert read(cache.entry("texts", {"of": 2}, writing("two"))) == "two"
    assert [str(entry) in message for message in caplog.messages[:2]] == [True, True]
    assert caplog.messages[1].startswith("cache: using ")


@pytest.mark.parametrize("damage", ["changed", "shorter", "missing", "manifest", "manifest's form"])
def test_a_damaged_entry_is_named_and_built_again(cache, caplog, damage):
    entry = cache.entry("texts", {"of": 1}, writing("one"))
    if damage == "changed":
        (entry / "a.txt").write_text("onf")
    elif damage == "shorter":
        (entry / "a.txt").write_text("on")
    elif damage == "missing":
        (entry / "a.txt").unlink()
    elif damage == "manifest":
        (entry / MANIFEST).unlink()
    else:
        (entry / MANIFEST).write_text(json.dumps(["a.txt"]))
    assert cache.entry("texts", {"of": 1}, writing("new")) == entry
    assert read(entry) == "new"
    [warning] = [each.message for each in caplog.records if each.levelname == "WARNING"]
    assert str(entry) in warning
    assert "is damaged" in warning
    assert [each.name for each in cache.folder.iterdir()] == [entry.name]


def test_a_failure_leaves_nothing(cache):
    def fail(folder):
        (folder / "a.txt").write_text("half")
        raise InputError("no such column")

    with pytest.raises(InputError, match="no such column"):
        cache.entry("texts", {}, fail)
    assert list(cache.folder.iterdir()) == []


def test_a_full_disk_is_one_line(cache):
    def fail(folder):
        raise OSError(errno.ENOSPC, "from deep inside a library")

    with pytest.raises(InputError, match=r"data\.cache: no space left in "):
        cache.entry("texts", {}, fail)


def test_what_was_left_behind_is_removed_after_a_day(cache):
    for name, age in ((".partial-old", 90_000), (".partial-new", 60)):
        folder = cache.folder / name
        folder.mkdir()
        os.utime(folder, (time.time() - age,) * 2)
    cache.entry("texts", {}, writing("x"))
    names = {each.name for each in cache.folder.iterdir()}
    assert ".partial-old" not in names
    assert ".partial-new" in names


def _build_slowly(folder, barrier, results):
    def write(new):
        (new / "a.txt").write_text("one")
        barrier.wait(30)  # until both have begun

    results.put(read(Cache(folder).entry("texts", {"of": 1}, write)))


def test_two_processes_at_once_keep_one(cache):
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    arguments = (str(cache.folder), barrier, results)
    both = [context.Process(target=_build_slowly, args=arguments) for _ in range(2)]
    for each in both:
        each.start()
    assert [results.get(timeout=60), results.get(timeout=60)] == ["one", "one"]
    for each in both:
        each.join(30)
    assert len(list(cache.folder.iterdir())) == 1
    assert read(cache.entry("texts", {"of": 1}, never)) == "one"


def test_without_a_folder_entries_go_with_the_object():
    cache = Cache(None)
    entry = cache.entry("texts", {}, writing("x"))
    assert cache.entry("texts", {}, never) == entry
    del cache
    assert not entry.exists()


def test_the_standard_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Cache("auto").folder == tmp_path / "xdg" / "imbalance"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert Cache("auto").folder == tmp_path / ".cache" / "imbalance"


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"data\.cache: .*file.* cannot be written"):
        Cache(str(tmp_path / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert read(Cache("auto").entry("texts", {}, writing("x"))) == "x"
    assert "using a temporary folder" in caplog.text
