import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import corpus, cutting, load, text_key
from imbalance.data.report import FileReport, ReadReport


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{label}\t{text}\n" for label, text in rows), encoding="utf-8")
    return path


def rows_of(**counts):
    return [(label, f"{label} {i}") for label, count in counts.items() for i in range(count)]


def load_from(path, **settings):
    return load(DataConfig(source=str(path), **settings))


def label_counts(found, split):
    counts = found.splits[split].counts(len(found.labels))
    return dict(zip(found.labels, counts.tolist(), strict=True))


def keys(found, split):
    return {text_key(each) for each in found.splits[split].texts}


def notes(found):
    return {what: each.count for file in found.report.files for what, each in file.notes.items()}


def skipped(found):
    return {what: each.count for file in found.report.files for what, each in file.skipped.items()}


def test_a_file_is_cut_three_ways(tmp_path):
    found = load_from(write(tmp_path / "some.txt", rows_of(b=100, a=40)))
    assert found.name == "some"
    assert found.labels == ("a", "b")
    assert list(found.splits) == ["train", "validation", "test"]
    assert label_counts(found, "train") == {"a": 28, "b": 70}
    assert label_counts(found, "validation") == {"a": 4, "b": 10}
    assert label_counts(found, "test") == {"a": 8, "b": 20}


def test_rows_keep_label_and_place_together(tmp_path):
    path = write(tmp_path / "some.txt", rows_of(b=10, a=10))
    lines = path.read_text().splitlines()
    found = load_from(path)
    for split in found.splits.values():
        assert split.labels.dtype == np.int32
        assert split.weights is None
        for text, label, place in zip(split.texts, split.labels, split.places, strict=True):
            file, _, number = place.rpartition(":")
            assert file == str(path)
            assert lines[int(number) - 1] == f"{found.labels[label]}\t{text}"


def test_the_cut_depends_on_the_seed_and_not_on_the_order(tmp_path):
    rows = rows_of(a=50, b=50)
    path = write(tmp_path / "some.txt", rows)
    turned = write(tmp_path / "turned.txt", rows[::-1])
    assert keys(load_from(path), "test") == keys(load_from(path), "test")
    assert keys(load_from(path), "test") == keys(load_from(turned), "test")
    assert keys(load_from(path), "test") != keys(load_from(path, split_seed=1), "test")


def test_equal_texts_stay_together(tmp_path):
    rows = rows_of(a=30, b=30)
    spaced = [(label, text.replace(" ", "\u3000 ")) for label, text in rows]
    found = load_from(write(tmp_path / "some.txt", rows + spaced + rows))
    train, validation, test = (keys(found, split) for split in cutting.SPLITS)
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert label_counts(found, "test") == {"a": 18, "b": 18}
    assert notes(found) == {"repeating an earlier row": 120}


@pytest.mark.parametrize(
    ("size", "expected"),
    [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1)), (5, (3, 1, 1)), (25, (17, 3, 5))],
)
def test_small_classes(tmp_path, size, expected):
    found = load_from(write(tmp_path / "some.txt", rows_of(big=100, small=size)))
    assert tuple(label_counts(found, split)["small"] for split in cutting.SPLITS) == expected


def test_a_class_of_one_repeated_text_stays_in_train(tmp_path):
    found = load_from(write(tmp_path / "some.txt", rows_of(a=20, b=20) + [("c", "same")] * 9))
    assert label_counts(found, "train")["c"] == 9
    assert "validation: classes without a row: 'c'" in found.report.warnings


def test_a_text_that_outweighs_its_class_stays_in_train(tmp_path):
    found = load_from(
        write(tmp_path / "some.txt", rows_of(a=30, b=30) + [("c", "same")] * 20 + rows_of(c=4))
    )
    assert "same" in keys(found, "train")
    assert label_counts(found, "validation")["c"] == 2


def folded(path, folds=4, **settings):
    return [load_from(path, folds=folds, fold=each, **settings) for each in range(folds)]


def test_every_row_is_validated_in_one_fold(tmp_path):
    path = write(tmp_path / "some.txt", rows_of(a=100, b=40, c=7, d=3))
    found = folded(path)
    trained = [each.splits["train"].texts for each in found]
    validated = [each.splits["validation"].texts for each in found]
    every = sorted([*trained[0], *validated[0]])
    assert sorted(text for texts in validated for text in texts) == every
    assert all(
        sorted([*one, *other]) == every for one, other in zip(trained, validated, strict=True)
    )
    assert {len(texts) for texts in validated} <= {len(every) // 4, len(every) // 4 + 1}
    for label in "abc":
        sizes = [label_counts(each, "validation")[label] for each in found]
        assert max(sizes) - min(sizes) <= 1
    assert all(each.labels == ("a", "b", "c", "d") for each in found)
    assert len({frozenset(keys(each, "test")) for each in found}) == 1


def test_folds_follow_the_seed_and_not_the_order(tmp_path):
    rows = rows_of(a=50, b=50)
    write(tmp_path / "one" / "train.txt", rows)
    write(tmp_path / "other" / "train.txt", rows[::-1])
    for name in ("one", "other"):
        write(tmp_path / name / "test.txt", rows_of(a=2, b=2))

    def validated(name, **settings):
        return keys(load_from(tmp_path / name, folds=5, fold=1, **settings), "validation")

    assert validated("one") == validated("other")
    assert validated("one") != validated("one", split_seed=1)


def test_equal_texts_are_in_one_fold(tmp_path):
    repeated = [("a", "one of many")] * 9 + [("b", "b 0")] * 3
    found = folded(write(tmp_path / "some.txt", rows_of(a=30, b=30) + repeated))
    for each in found:
        assert not keys(each, "train") & keys(each, "validation")
    sizes = [label_counts(each, "validation")["a"] for each in found]
    assert max(sizes) - min(sizes) <= 2


def test_a_class_of_a_single_text_trains_in_every_fold(tmp_path):
    for each in folded(write(tmp_path / "some.txt", rows_of(a=20, b=20) + [("c", "same")] * 5)):
        assert label_counts(each, "train")["c"] == 5
        assert "validation: classes without a row: 'c'" in each.report.warnings


def test_folds_of_data_with_a_validation_split_are_refused(tmp_path):
    for name in ("train", "valid", "test"):
        write(tmp_path / f"{name}.txt", rows_of(a=9, b=9))
    with pytest.raises(InputError, match=r"data\.folds: got 2, expected null: .* of its own"):
        load_from(tmp_path, folds=2, fold=0)


def test_without_validation_rows_all_others_train(tmp_path):
    path = write(tmp_path / "some.txt", rows_of(a=100, b=40))
    found = load_from(path, validation_fraction=0)
    assert [len(found.splits[split]) for split in cutting.SPLITS] == [112, 0, 28]
    assert keys(found, "test") == keys(load_from(path, folds=2, fold=0), "test")
    assert found.report.rows_used == 140
    assert not found.report.warnings


def test_single_row_class_is_a_warning(tmp_path):
    found = load_from(write(tmp_path / "some.txt", rows_of(a=20, b=20, c=1)))
    assert "train: classes with a single row: 'c'" in found.report.warnings


def test_folder_of_split_files_is_left_alone(tmp_path):
    write(tmp_path / "train.txt", rows_of(a=20, b=20))
    write(tmp_path / "dev.txt", rows_of(a=3, b=2))
    write(tmp_path / "test.txt", rows_of(a=4, b=4))
    (tmp_path / "README.md").write_text("about")
    found = load_from(tmp_path)
    assert [len(found.splits[split]) for split in cutting.SPLITS] == [40, 5, 8]
    assert found.splits["test"].texts == [text for _, text in rows_of(a=4, b=4)]


def test_missing_validation_is_cut_from_train_alone(tmp_path):
    rows = rows_of(a=20, b=20)
    write(tmp_path / "train.txt", rows + rows)
    write(tmp_path / "test.txt", rows_of(a=4, b=4))
    found = load_from(tmp_path, validation_fraction=0.2)
    assert [len(found.splits[split]) for split in cutting.SPLITS] == [64, 16, 8]
    assert not keys(found, "train") & keys(found, "validation")


def test_missing_test_is_cut_from_train(tmp_path):
    write(tmp_path / "train.txt", rows_of(a=20, b=20))
    write(tmp_path / "valid.txt", rows_of(a=4, b=4))
    assert [len(load_from(tmp_path).splits[split]) for split in cutting.SPLITS] == [32, 8, 8]


def test_split_files_of_several_formats(tmp_path):
    write(tmp_path / "train.txt", rows_of(a=20, b=20))
    (tmp_path / "test.csv").write_text("text,label\nx,a\ny,b\n")
    assert len(load_from(tmp_path).splits["test"]) == 2
    (tmp_path / "test.tsv").write_text("text\tlabel\nx\ta\n")
    with pytest.raises(InputError, match=r"test\.csv, test\.tsv all name the test split"):
        load_from(tmp_path)


def test_folder_per_class(tmp_path):
    for label in ("C1-Art", "C2-Law"):
        for i in range(10):
            path = tmp_path / label / f"{i}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{label} 第{i}", encoding="gb18030")
    (tmp_path / "C3-Empty").mkdir()
    found = load_from(tmp_path)
    assert found.labels == ("Art", "Law")
    assert [len(found.splits[split]) for split in cutting.SPLITS] == [14, 2, 4]
    assert any("without a usable text: 'Empty'" in each for each in found.report.warnings)


def test_folder_per_class_in_a_folder_per_split(tmp_path):
    for split, count in (("train", 10), ("test", 3)):
        for label in ("Art", "Law"):
            for i in range(count):
                path = tmp_path / split / label / f"{i}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{label} {split} {i}")
    found = load_from(tmp_path)
    assert [len(found.splits[split]) for split in cutting.SPLITS] == [18, 2, 6]
    assert found.splits["test"].places[0] == str(tmp_path / "test" / "Art" / "0.txt")


def test_conflicting_training_rows_are_skipped_wherever_they_are(tmp_path):
    rows = [("a", "which one"), *rows_of(a=20, b=20), ("b", "which  one")]
    path = write(tmp_path / "some.txt", rows)
    found = load_from(path)
    assert found.report.rows_used == 40
    tally = found.report.files[0].skipped[cutting.CONFLICTING]
    assert tally.places == [f"{path}:1", f"{path}:42"]


def test_conflicting_and_repeated_test_rows_are_kept(tmp_path):
    write(tmp_path / "train.txt", rows_of(a=20, b=20))
    write(tmp_path / "test.txt", [("a", "x"), ("b", "x"), ("b", "y"), ("b", "y")])
    found = load_from(tmp_path)
    assert len(found.splits["test"]) == 4
    assert notes(found) == {cutting.CONFLICTING: 2, "repeating an earlier row": 1}


def test_class_whose_every_row_conflicts_is_named(tmp_path):
    rows = rows_of(a=20, b=20) + [("a", "x"), ("c", "x")]
    found = load_from(write(tmp_path / "some.txt", rows))
    assert found.labels == ("a", "b")
    assert any(each.endswith("under another label as well: 'c'") for each in found.report.warnings)


def test_labels_unknown_to_training_are_skipped_and_named(tmp_path):
    write(tmp_path / "train.txt", rows_of(a=20, b=20))
    write(tmp_path / "test.txt", rows_of(a=2, z=3))
    found = load_from(tmp_path)
    assert found.labels == ("a", "b")
    assert skipped(found) == {cutting.UNKNOWN_LABEL: 3}
    assert any("'z' (3 rows)" in each for each in found.report.warnings)


def test_weights_reach_the_splits(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("text,label,w\n" + "".join(f"t{i},{i % 2},{i}\n" for i in range(20)))
    for split in load_from(path, weight_column="w").splits.values():
        assert split.weights.dtype == np.float32
        assert split.weights.tolist() == [float(text[1:]) for text in split.texts]


def test_broken_bytes_are_noted(tmp_path):
    path = write(tmp_path / "some.txt", rows_of(a=20, b=20))
    path.write_bytes(path.read_bytes() + b"a\tbroken \xff\n")
    found = load_from(path)
    assert notes(found) == {corpus.BROKEN: 1}
    assert found.report.rows_used == 41


def test_wrong_encoding_is_refused(tmp_path):
    path = tmp_path / "some.txt"
    path.write_text("".join(f"a\t第{i}行\nb\t{i}号\n" for i in range(9)), encoding="gbk")
    with pytest.raises(InputError, match=r"18 of 18 rows .* gb18030"):
        load_from(path)
    assert load_from(path, encoding="gb18030").report.rows_used == 18


def test_every_row_is_accounted_for(tmp_path):
    write(tmp_path / "train.txt", rows_of(a=20, b=20) + [("a", ""), ("", "x"), ("a", "a 0")])
    write(tmp_path / "test.txt", rows_of(a=4, z=4) + [("b", " ")])
    report = load_from(tmp_path).report
    for file in report.files:
        assert file.read == file.used + sum(each.count for each in file.skipped.values())
    assert (report.rows_read, report.rows_used, report.rows_skipped) == (52, 45, 7)
    text = "\n".join(report.lines())
    assert "43 rows read, 41 used, 2 skipped" in text
    assert "4 label of no training row" in text


def test_a_lost_row_is_a_defect():
    with pytest.raises(RuntimeError, match="3 rows read, yet 2 used and 0 skipped"):
        ReadReport([FileReport("x", read=3, used=2)]).check()


def test_reviews():
    found = load(DataConfig(imbalance_ratio=50))
    assert found.labels == ("negative", "positive")
    total = Counter()
    for split in cutting.SPLITS:
        total.update(label_counts(found, split))
    assert total == {"negative": 9031, "positive": 181}
    assert found.report.rows_read == 18576 + 16548


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "some.txt: is empty, expected rows"),
        ([("a", " "), ("", "x")], "no usable row among 2.* 1 empty text, 1 empty label"),
        (rows_of(a=9), r"got \['a'\], expected two classes or more"),
        (rows_of(a=2, b=2), "the test split is empty: .* expected 3 or more in one"),
    ],
)
def test_nothing_to_train_on(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        load_from(write(tmp_path / "some.txt", rows))


def test_given_test_split_without_a_known_label(tmp_path):
    write(tmp_path / "train.txt", rows_of(a=9, b=9))
    write(tmp_path / "test.txt", rows_of(z=3))
    with pytest.raises(InputError, match="test split has no row with a label of the training rows"):
        load_from(tmp_path)


def test_weights_of_zero_alone_are_refused(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("text,label,w\n" + "".join(f"t{i},{i % 2},0\n" for i in range(20)))
    with pytest.raises(InputError, match="every training row has weight 0"):
        load_from(path, weight_column="w")


def test_missing_source_offers_near_names(tmp_path):
    write(tmp_path / "train.txt", rows_of(a=1))
    with pytest.raises(InputError, match=r"did you mean 'train\.txt'\?"):
        load_from(tmp_path / "trian.txt")
    with pytest.raises(InputError, match="did you mean 'reviews'"):
        load(DataConfig(source="review"))


@pytest.mark.parametrize(
    ("names", "format", "message"),
    [
        ([], "auto", "found nothing; expected a train"),
        (["a.csv", "b.csv"], "auto", r"found a\.csv, b\.csv; expected a train"),
        (["test.txt"], "auto", r"found test\.txt; expected a train"),
        (["train.csv"], "folders", "expected a train"),
        (["train.csv"], "tsv", "expected a train"),
    ],
)
def test_folders_without_a_training_split(tmp_path, names, format, message):
    for name in names:
        (tmp_path / name).write_text("text,label\nx,a\n")
    with pytest.raises(InputError, match=message):
        load_from(tmp_path, format=format)


def test_unknown_suffix_wants_a_format(tmp_path):
    path = write(tmp_path / "some.data", rows_of(a=9, b=9))
    with pytest.raises(InputError, match=r"tells no format.*data\.format"):
        load_from(path)
    assert load_from(path, format="lines").report.rows_used == 18


def test_reading_needs_no_tensorflow():
    code = "import imbalance.data.corpus, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


TOO_DIFFERENT = "expected labelled texts, or task "
SQUAD = '{"version": "1", "data": [{"paragraphs": []}]}'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.json",
            '{"text": "在京", "label": {"place": {"京": [[1, 1]]}}}',
            "labels with offsets, ",
        ),
        ("a.json", SQUAD, "questions on texts, expected labelled texts, or task reading"),
        ("a.json", SQUAD.replace(" ", "\n"), "questions on texts, "),
        ("a.txt", "北\tB-LOC\n京\tI-LOC\n\n好\tO", "tokens with tags, "),
        ("a.txt", "北 B-LOC\n京 I-LOC\n\n好 O", "tokens with tags, "),
        ("a.txt", "我/r 在/p [中央/n 电台/n]nt\n好/a", "words with tags, "),
    ],
)
def test_texts_with_marked_spans_are_refused_as_such(tmp_path, name, content, message):
    (tmp_path / name).write_text(content + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name}: holds {message}") as error:
        load(DataConfig(source=str(tmp_path / name), cache=None))
    assert TOO_DIFFERENT in str(error.value)


def test_texts_that_end_like_tags_are_labelled_texts(tmp_path):
    lines = [f"{label}\t{label}{each} vitamin B-12" for label in "ab" for each in range(9)]
    path = tmp_path / "a.txt"
    path.write_text("\n".join([*lines, "a\tbe"]) + "\n", encoding="utf-8")
    assert len(load(DataConfig(source=str(path), cache=None)).labels) == 2


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt", "a.parquet"])
def test_an_empty_file_is_named_as_such(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"{name}: is empty, expected rows"):
        load(DataConfig(source=str(tmp_path / name), cache=None))
