import json

import numpy as np
import pandas as pd
import pytest

from imbalance.checks import InputError
from imbalance.config import DataConfig
from imbalance.data import load, load_split

GROUPS = {"female": "f", "rated": "share", "even": {"pattern": "[02468]$"}}


def table(rows=60):
    """Rows whose text says what they belong to."""
    return pd.DataFrame(
        {
            "text": [f"t{i}" for i in range(rows)],
            "label": ["ab"[i % 7 > 3] for i in range(rows)],
            "f": [i % 3 == 0 for i in range(rows)],
            "share": [[0, 0.4999, 0.5, 1][i % 4] for i in range(rows)],
        }
    )


def written(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def configured(path, **changes):
    return DataConfig(**{"source": str(path), "subgroups": GROUPS, **changes})


def check(split):
    numbers = np.array([int(text[1:]) for text in split.texts])
    expected = {"female": numbers % 3 == 0, "rated": numbers % 4 > 1, "even": numbers % 2 == 0}
    assert list(split.subgroups) == list(expected)
    for name, members in expected.items():
        np.testing.assert_array_equal(split.subgroups[name], members, name)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_members_reach_every_split_and_the_cache(tmp_path, suffix):
    path = written(table(), tmp_path / f"some.{suffix}")
    config = configured(path, cache=str(tmp_path / "cache"))
    for _ in range(2):  # the second time from the cache
        found = load(config)
        for split in found.splits.values():
            assert len(split)
            check(split)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    check(load_split(config, "test", found.labels)[0])


@pytest.mark.parametrize("value", ["", None])
def test_no_value_is_no_member_and_counted(tmp_path, value):
    frame = table().astype({"f": object})
    frame.loc[frame["f"], "f"] = 1
    frame.loc[6, "f"] = value
    path = written(frame, tmp_path / ("some.csv" if value == "" else "some.jsonl"))
    found = load(configured(path, subgroups={"female": "f"}))
    [file] = found.report.files
    [(what, tally)] = file.notes.items()
    assert "without a value for a subgroup" in what
    assert (tally.count, tally.places) == (1, [f"{path}:{8 if value == '' else 7}"])
    members = {
        text
        for split in found.splits.values()
        for text, member in zip(split.texts, split.subgroups["female"], strict=True)
        if member
    }
    assert members == {f"t{i}" for i in range(0, 60, 3)} - {"t6"}


@pytest.mark.parametrize("value", ["maybe", -0.5, 2, "nan?", [1]])
def test_another_value_is_refused_with_its_place(tmp_path, value):
    path = tmp_path / "some.jsonl"
    rows = [{"text": f"t{i}", "label": "ab"[i % 2], "f": True} for i in range(20)]
    rows[4]["f"] = value
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    with pytest.raises(InputError, match=r"some\.jsonl:5: f: got .* a share from 0 to 1"):
        load(configured(path, subgroups={"female": "f"}))


def test_subgroups_of_one_class_are_named(tmp_path):
    frame = table()
    frame["f"] = frame["label"] == "a"
    found = load(configured(written(frame, tmp_path / "some.csv"), subgroups={"female": "f"}))
    warned = [each for each in found.report.warnings if "not of two classes" in each]
    assert [each.split(":")[0] for each in warned] == ["validation", "test"]
    assert all("'female'" in each for each in warned)


def test_data_without_columns_takes_patterns_alone(tmp_path):
    (tmp_path / "some.txt").write_text("".join(f"{'ab'[i % 2]}\tt{i}\n" for i in range(40)))
    for label in "ab":
        (tmp_path / "folders" / label).mkdir(parents=True)
        for i in range(20):
            (tmp_path / "folders" / label / f"{i}.txt").write_text(f"t{i}{label}")
    for source in ("reviews", tmp_path / "some.txt", tmp_path / "folders"):
        with pytest.raises(InputError, match=r"data.subgroups: got .* without columns|no columns"):
            load(configured(source))
        with pytest.raises(InputError, match=r"data.weight_column: got 'w'"):
            load(configured(source, subgroups={}, weight_column="w"))
    split = load(configured("reviews", subgroups={"book": {"pattern": "书|小说"}})).splits["test"]
    expected = ["书" in text or "小说" in text for text in split.texts]
    assert split.subgroups["book"].tolist() == expected
    assert 0.1 < np.mean(expected) < 0.9


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (["f"], "data.subgroups: "),
        ({"a": 3}, "data.subgroups.a: "),
        ({"a": {"patern": "x"}}, "data.subgroups.a.patern: unknown key"),
        ({"a": {}}, "data.subgroups.a.pattern: "),
        ({"a": {"pattern": "(x"}}, r"data.subgroups.a.pattern: .*unterminated"),
    ],
)
def test_wrong_settings_are_named(value, named):
    with pytest.raises(InputError, match=named):
        DataConfig(subgroups=value)


def test_a_configuration_with_subgroups_has_a_hash():
    one, two = DataConfig(subgroups=GROUPS), DataConfig(subgroups=dict(GROUPS))
    assert one == two != DataConfig()
    assert hash(one) == hash(two)
