import pytest

from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import user_dict
from imbalance.data.segmentation import words
from imbalance.data.tokens import Tokenizer


def test_what_is_read(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeff云计算 5 n\r\n台中\n\n  凱特琳 nz \nT恤 3\n".encode())
    found = (("云计算", 5), ("台中", None), ("凱特琳", None), ("T恤", 3))
    assert user_dict.read(path) == found
    user_dict.write(found, path)
    assert user_dict.read(path) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("云计算 5\n台中 3 4\n", "words.txt:2: got '台中 3 4', expected a word, and behind"),
        ("云计算 n 5", "words.txt:1: got '云计算 n 5', expected a word"),
        ("云 计算 5", "words.txt:1: got '云 计算 5', expected a word"),
        ("\n云计算 0", "words.txt:2: got '云计算 0', expected a frequency from 1"),
        ("云计算 -1", "words.txt:1: got '云计算 -1', expected a word"),
        ("云计算 99999999999999999999", "words.txt:1: got '云计算 9999"),
        (" \n", "words.txt is empty"),
    ],
)
def test_malformed_lines_are_refused_by_their_number(tmp_path, text, said):
    (tmp_path / "words.txt").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        user_dict.read(tmp_path / "words.txt")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_tokenizer_cuts_by_the_users_words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("是云计算 100\n", encoding="utf-8")
    plain = Tokenizer.from_config(DataConfig(tokens="words"))
    own = Tokenizer.from_config(DataConfig(tokens="words", user_dict=str(path)))
    assert plain.prepare(["这是云计算"]) == ["这 是 云 计算"]
    assert own.prepare(["这是云计算"]) == ["这 是云计算"]
    # The cache tells apart what it was encoded by.
    assert vars(own) != vars(plain)


def test_further_processes_know_the_users_words(monkeypatch):
    monkeypatch.setattr("imbalance.data.segmentation._CHUNK", 20)
    monkeypatch.setattr("imbalance.data.segmentation._CHUNKS_BEFORE_WORKERS", 1)
    texts = ["这是云计算"] * 50
    found = list(words(texts, processes=2, user_words=(("是云计算", 100),)))
    assert found == ["这 是云计算"] * 50
