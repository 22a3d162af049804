"""Words are jieba's own, whatever the text and however many processes cut it."""

import lzma
import os
import random
import signal
import subprocess
import sys
from itertools import count, islice

import jieba
import pytest
import rjieba

from imbalance.data import reviews, segmentation
from imbalance.data.readers import Row
from imbalance.data.segmentation import words

jieba.setLogLevel("WARNING")


def by_jieba(texts):
    return [" ".join(word for word in jieba.cut(text, HMM=False) if word != " ") for text in texts]


@pytest.fixture
def started(monkeypatch):
    """Let processes start after the first few characters; return those that were started."""
    monkeypatch.setattr(segmentation, "_CHUNK", 20)
    monkeypatch.setattr(segmentation, "_CHUNKS_BEFORE_WORKERS", 1)
    processes = []

    class Recorded(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    return processes


# --- equal to jieba ---------------------------------------------------------------------------

ODD = [
    "",
    " ",
    "\n\r\n\t",
    "我来到北京清华大学",
    "他来到了网易杭研大厦\n小明硕士毕业于中国科学院计算所",
    "工信处女干事每月经过下属科室",
    "hello  world, hello世界HELLO",
    "C++和c#，T恤卡拉OK+3.14%的100.5kg a_b-c&d",
    "１２３ＡＢＣ，全角",
    "😀好👨‍👩‍👧书e\u0301é\u200b\ufeff",
    "\x00不\x00好\x00",
    "\ufffd坏\ufffd",
    "𠀀𠮷野家的牛肉饭",
    "龦龥龻㐀々〇",
    "繁體中文與简体",
    "ひらがなカタカナ한국어",
    "。，！？" * 50,
    "的" * 500,
    "中华人民共和国中央人民政府今天成立了" * 300,
    "a" * 5000,
]


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:10]))
def test_odd_texts(text):
    assert list(words([text])) == by_jieba([text])


def test_reviews():
    rows = [row for _, file in reviews.read_reviews(None, seed=0) for row in file]
    texts = [row.text for row in rows if isinstance(row, Row)][::20]
    assert len(texts) > 800
    assert list(words(texts)) == by_jieba(texts)


def test_dictionary_is_that_of_jieba():
    jieba.initialize()
    entries = [word for word, frequency in jieba.dt.FREQ.items() if frequency]
    assert [word for word in entries if not rjieba.has_word(word)] == []
    # Which of the words that overlap is cut depends on all their frequencies.
    chosen = random.Random(1)
    texts = ["".join(chosen.sample(entries, 4)) for _ in range(10_000)]
    assert list(words(texts)) == by_jieba(texts)


def test_random_texts():
    chosen = random.Random(2)
    letters = "".join(ODD[:16]) + "的一是在不了有和人这中大为上个国" * 10 + "+#&._%-\x85\u3000\r\n"
    texts = ["".join(chosen.choices(letters, k=chosen.randrange(40))) for _ in range(5000)]
    assert list(words(texts)) == by_jieba(texts)


@pytest.mark.shared_data
def test_fudan(shared_data):
    with lzma.open(shared_data / "fudan" / "test.txt.xz", "rt", encoding="utf-8") as file:
        texts = [line.split("\t", 1)[1][:400] for line in islice(file, 0, None, 20)]
    assert list(words(texts)) == by_jieba(texts)


# --- processes --------------------------------------------------------------------------------


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_processes_keep_the_order(started, monkeypatch, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    texts = [f"{number} 我来到北京清华大学" * (number % 7) for number in range(300)]
    assert list(words(texts, processes=3)) == by_jieba(texts)
    assert len(started) == 3
    assert all(process.returncode is not None for process in started)


def test_few_texts_start_no_process(started):
    assert list(words(["北京"], processes=2)) == ["北京"]
    assert not started


def test_a_text_longer_than_a_pipe_holds(started):
    texts = ["我来到北京清华大学" * 100_000, "", "好"] * 2
    assert list(words(["好" * 20, *texts], processes=2)) == list(words(["好" * 20, *texts], 1))


def test_endless_texts_stream(started):
    taken = count()
    stream = words((f"好{next(taken)}" for _ in count()), processes=2)
    assert list(islice(stream, 1000)) == [f"好 {number}" for number in range(1000)]
    assert next(taken) < 1100
    stream.close()
    assert [process.returncode is not None for process in started] == [True, True]


@pytest.mark.parametrize("before", [0, 50], ids=["in this process", "in another"])
def test_lone_surrogates_are_refused(started, before):
    with pytest.raises(UnicodeEncodeError):
        list(words(["好" * 20] * before + ["\ud800"], processes=2))
    assert all(process.returncode is not None for process in started)


def test_a_process_that_ends_early_is_reported(started):
    stream = words(["好" * 20] * 100, processes=2)
    list(islice(stream, 10))
    started[0].kill()
    with pytest.raises(ChildProcessError, match="exit status -9"):
        list(stream)
    assert all(process.returncode is not None for process in started)


def test_a_worker_imports_neither_tensorflow_nor_this_package():
    code = f"import runpy, sys; runpy.run_path({segmentation.__file__!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert not {"tensorflow", "numpy", "imbalance"} & set(done.stdout.split())


SCRIPT = """
# As scripts are: without `if __name__ == "__main__"`.
import itertools
import signal
# Ignored where the tests themselves were started in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
from imbalance.data import segmentation
segmentation._CHUNKS_BEFORE_WORKERS = 1
stream = segmentation.words(itertools.repeat("我来到北京清华大学" * 1000), processes=2)
for _ in range(100):
    next(stream)
print("running", flush=True)
for _ in stream:
    pass
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_the_script_that_started_them(how, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == "running\n"
        if how == signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            process.kill()
        # Workers write to this pipe too: it is at its end when all of them are gone.
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == -how
    assert errors.count("Traceback") == (how == signal.SIGINT)
