import pytest

from imbalance.checks import InputError
from imbalance.config import RunConfig, merge, parse_yaml, read_yaml


def refused(mapping) -> str:
    with pytest.raises(InputError) as error:
        RunConfig.from_mapping(mapping)
    return str(error.value)


def test_round_trip_through_yaml(tmp_path):
    config = RunConfig.from_mapping(
        {
            "name": "一个",
            "loss": {"name": "focal_loss", "args": {"alpha": [1.0, 2.0]}},
            "data": {"source": "x.csv", "max_characters": 9},
            "training": {"learning_rate": 1e-8},
        }
    )
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert RunConfig.from_yaml(path) == config


def test_a_name_stands_for_a_loss_without_arguments():
    assert RunConfig.from_mapping({"loss": "dice_loss"}).loss.name == "dice_loss"


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"trainig": {}}, "trainig: unknown key"),
        ({"training": {"epoch": 1}}, "training.epoch: unknown key"),
        ({"training": {"epochs": 0}}, "training.epochs: got 0, expected"),
        ({"training": {"epochs": "3"}}, "training.epochs: got '3', expected"),
        ({"training": {"batch_size": True}}, "training.batch_size: got True"),
        ({"training": {"learning_rate": 0}}, "training.learning_rate: got 0"),
        ({"training": {"precision": "float16"}}, "training.precision: got 'float16'"),
        ({"training": {"monitor": "macro_f1"}}, "did you mean 'val_macro_f1'"),
        ({"training": {"class_weight": ""}}, "training.class_weight: got ''"),
        ({"training": {"seed": -1}}, "training.seed: got -1"),
        ({"training": {"sampling": "sqrt"}}, "training.sampling: got 'sqrt'"),
        ({"training": {"schedule": "cos"}}, "training.schedule: got 'cos'"),
        ({"training": {"warmup": 1}}, "training.warmup: got 1"),
        ({"training": {"ema": 1.0}}, "training.ema: got 1.0"),
        ({"training": {"deferred": 1, "class_weight": "balanced"}}, "training.deferred: got 1"),
        ({"training": {"deferred": 0.8}}, "expected 0, since training.class_weight is none"),
        ({"training": {"cross_entropy_first": 1}}, "training.cross_entropy_first: got 1"),
        (
            {"training": {"cross_entropy_first": 0.3, "epochs": 3}},
            "cross_entropy_first: got 0.3, expected 0, or a share of the 3 epochs that is one or",
        ),
        (
            {"training": {"deferred": 0.1, "epochs": 9, "class_weight": "balanced"}},
            "training.deferred: got 0.1, expected 0, or a share of the 9 epochs",
        ),
        ({"training": 3}, "training: got 3, expected a mapping"),
        ({"data": {"validation_fraction": 0.6, "test_fraction": 0.4}}, "leaves training rows"),
        ({"data": {"test_fraction": 0}}, "data.test_fraction: got 0"),
        ({"data": {"folds": 1, "fold": 0}}, "data.folds: got 1"),
        ({"data": {"folds": 5}}, "data.fold: is missing, expected an integer from 0 to 4"),
        ({"data": {"folds": 5, "fold": 5}}, "data.fold: got 5, expected"),
        ({"data": {"fold": 0}}, "data.fold: got 0, expected null"),
        ({"data": {"imbalance_ratio": 0}}, "data.imbalance_ratio: got 0"),
        ({"data": {"tokens": "bytes"}}, "data.tokens: got 'bytes'"),
        (
            {"data": {"oov_buckets": 9}},
            "data.oov_buckets: got 9, expected 0, or data.tokens: words",
        ),
        ({"data": {"oov_buckets": -1, "tokens": "words"}}, "data.oov_buckets: got -1"),
        ({"data": {"cache": ""}}, "data.cache: got ''"),
        ({"data": {"cache": 5}}, "data.cache: got 5, expected auto, the path of a folder, or null"),
        ({"data": {"encoding": "utf-99"}}, "data.encoding: got 'utf-99'"),
        ({"data": {"text_column": "a", "label_column": "a"}}, "data.label_column: got 'a'"),
        ({"data": {"text_column": ["a"]}}, "data.text_column: got ['a']"),
        ({"data": {"text_column": ["a", "a"]}}, "a column, or a list of two different ones"),
        ({"data": {"text_column": ["a", "b"]}}, "reviews has single texts"),
        (
            {"data": {"source": "x", "text_column": ["a", "b"], "label_column": "b"}},
            "data.label_column: got 'b'",
        ),
        ({"data": {"quotes": "no"}}, "data.quotes: got 'no'"),
        ({"data": {"resample": [2]}}, "data.resample: got [2]"),
        ({"data": {"resample": {"a": 0}}}, "data.resample.a: got 0"),
        ({"data": {"encoding": "idna\0"}}, "data.encoding: got"),
        ({"data": {"encoding": "undefined"}}, "data.encoding: got 'undefined'"),
        ({"decision": {"prior_correction": "auot"}}, "did you mean 'auto'"),
        ({"decision": {"prior_correction": 4}}, "decision.prior_correction: got 4"),
        ({"decision": {"thresholds": "yes"}}, "decision.thresholds: got 'yes'"),
        ({"name": "../up"}, "name: got '../up'"),
        ({"name": "two\nlines"}, "name: got"),
        ({"name": "长" * 100}, "name: got"),
        ({"loss": {"args": [1]}}, "loss.args: got [1]"),
        ({"model": {"name": ""}}, "model.name: got ''"),
    ],
)
def test_bad_settings_are_refused_by_name(mapping, message):
    assert message in refused(mapping)


def test_changes_replace_leaves_and_merge_arguments():
    base = {"loss": {"name": "focal_loss", "args": {"gamma": 2}}, "training": {"seed": 1}}
    changed = merge(base, {"loss": {"args": {"alpha": 0.5}}, "training": {"epochs": 2}})
    assert changed["loss"]["args"] == {"gamma": 2, "alpha": 0.5}
    assert changed["training"] == {"seed": 1, "epochs": 2}


@pytest.mark.parametrize(
    "base", [{"loss": "dice_loss"}, {"loss": {"name": "dice_loss", "args": {"smooth": 2}}}]
)
def test_another_loss_drops_the_arguments_of_the_old_one(base):
    changed = merge(base, {"loss": {"name": "focal_loss"}})
    assert RunConfig.from_mapping(changed).loss.args == {}


def test_an_argument_for_a_loss_given_by_name_alone():
    changed = merge({"loss": "dice_loss"}, {"loss": {"args": {"smooth": 2}}})
    loss = RunConfig.from_mapping(changed).loss
    assert (loss.name, loss.args) == ("dice_loss", {"smooth": 2})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", ":2: the key 'a' stands twice"),
        ("a: [1\n", "expected YAML"),
        ("- a\n", "expected a YAML mapping"),
        ("a: !!python/object/apply:os.system [ls]\n", ":1: could not determine a constructor"),
    ],
)
def test_bad_yaml_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_yaml(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("-2E+5", -2e5), (".5e1", 5.0), ("1.5", 1.5), ("3", 3), ("1e", "1e")],
)
def test_numbers_are_those_of_json(text, value):
    assert parse_yaml("x", text) == value


def test_a_date_is_no_special_value():
    assert parse_yaml("x", "2024-99-99") == "2024-99-99"


BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "more than 200,000 characters and values with aliases"),
        ("name: ok\nloss: &l {name: dice_loss, args: *l}", ":2: an alias within its anchor"),
        ("&a [*a]", "an alias within its anchor"),
        ('name: "a\\0"', "text with U\\+0000 or half a surrogate pair"),
        ('name: "\\ud800"', "text with U\\+0000 or half a surrogate pair"),
        ("name: !!binary aGk=", "no constructor|could not determine a constructor"),
        ("name: !!set {a}", "could not determine a constructor"),
        ("name: !!timestamp 2024-01-31", "could not determine a constructor"),
        ("name: !!python/name:os.system", "could not determine a constructor"),
        ("name: !!python/object/new:os.system [ls]", "could not determine a constructor"),
        ("a: 1\n---\nb: 2", "expected"),
    ],
)
def test_yaml_of_a_stranger(text, message):
    with pytest.raises(InputError, match=message) as caught:
        RunConfig.from_mapping(parse_yaml("here", text))
    assert str(caught.value).isprintable()


def test_a_large_file_is_not_parsed(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: " + "x" * 10_000_000)
    with pytest.raises(InputError, match="is too large, expected at most 200,000 bytes of YAML"):
        read_yaml(path)


# What a key may be given that no key is made for, written as YAML.
HOSTILE = (
    *("null", "true", "-1", "0", "1e308", "-1e308", ".nan", ".inf", "-.inf", "''", "' '"),
    *("1" * 400, "0x" + "f" * 5000, "[]", "{}", "[[[[1]]]]", "{a: {b: {c: [1]}}}", "{1: 2, 2: x}"),
    *(
        "{null: null}",
        "{? [a] : 1}",
        "[1, a, null]",
        '"\\e[2J"',
        '"a\\nb"',
        "\u202e\U0001f600",
        "../..",
    ),
    *("x" * 5000, "~", "=", "0b1", "1_0", "1:30", "2024-99-99", "!!str 5", "!!int ''", "!!bool x"),
)
KEYS = [
    (section, key)
    for section, values in RunConfig().to_mapping().items()
    for key in (values if isinstance(values, dict) else [None])
]


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_each_key_takes_a_value_or_refuses_it_in_one_line(section, key):
    messages = []
    for text in HOSTILE:
        try:
            value = parse_yaml("--set", text)
            config = RunConfig.from_mapping({section: value if key is None else {key: value}})
        except InputError as error:
            messages.append(str(error))
            continue
        assert RunConfig.from_mapping(parse_yaml("again", config.to_yaml())) == config
    assert all(each.isprintable() and len(each) <= 2000 for each in messages)
    assert messages  # else the key is not looked at


def test_a_label_given_twice_is_refused():
    assert "data.resample: got {1: 2, '1': 3}" in refused({"data": {"resample": {1: 2, "1": 3}}})


@pytest.mark.parametrize("path", ["x" * 256, "文" * 86, "a/" * 3000, "a\0b", "\ud800"])
@pytest.mark.parametrize(
    "key",
    ["output_dir", "data.source", "data.cache", "data.user_dict", "training.class_weight"],
)
def test_what_no_file_can_be_called_is_refused(key, path):
    section, _, inner = key.rpartition(".")
    words = {"data": {"tokens": "words"}} if inner == "user_dict" else {}
    changes = {section: {inner: path}} if section else {key: path}
    assert f"{key}: got" in refused(merge(words, changes))


def test_a_path_that_is_not_utf_8_comes_back():
    config = RunConfig.from_mapping({"data": {"source": "\udcff.csv"}})
    assert RunConfig.from_mapping(parse_yaml("again", config.to_yaml())) == config


@pytest.mark.parametrize("pattern", ["(" * 6000, "a{99999999999999999}"])
def test_a_pattern_that_trips_the_compiler_is_refused(pattern):
    subgroups = {"data": {"subgroups": {"a": {"pattern": pattern}}}}
    assert "data.subgroups.a.pattern: got" in refused(subgroups)


@pytest.mark.parametrize("text", ["0x_", "[" * 5000, "!!int ''", "!!bool maybe", "!!int x"])
def test_what_trips_the_parser_is_one_line(text):
    with pytest.raises(InputError, match="x: got .* expected YAML"):
        parse_yaml("x", text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml(tmp_path / "none.yaml")


def test_the_configuration_is_frozen():
    config = RunConfig()
    with pytest.raises(AttributeError):
        config.name = "x"
    with pytest.raises(TypeError):
        config.loss.args["gamma"] = 1


def test_a_merge_key_takes_over_a_mapping():
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n"
    assert parse_yaml("here", text)["b"] == {"x": 1, "y": 3}
    with pytest.raises(InputError, match="the key 'y' stands twice"):
        parse_yaml("here", "a: {y: 1, y: 2}")
