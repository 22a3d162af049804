import numpy as np
import pytest

from imbalance.bias import bias_auc
from imbalance.checks import InputError

GENERATOR = np.random.default_rng(3)
ROWS = 300
Y_TRUE = GENERATOR.random(ROWS) < 0.3
SCORES = np.round(Y_TRUE * 0.5 + GENERATOR.normal(size=ROWS), 1)  # rounded: there are ties
GROUPS = {name: GENERATOR.random(ROWS) < share for name, share in (("a", 0.4), ("b", 0.1))}


def area(y_true, scores):
    """The share of pairs that are ranked right, a tie counting half."""
    pairs = scores[y_true][:, None] - scores[~y_true][None, :]
    return ((pairs > 0) + 0.5 * (pairs == 0)).mean()


def test_against_the_definitions_by_pairs():
    found = bias_auc(Y_TRUE, SCORES, GROUPS)
    areas = {"subgroup_auc": [], "bpsn_auc": [], "bnsp_auc": []}
    for name, own in GROUPS.items():
        rows = {
            "subgroup_auc": own,
            "bpsn_auc": (own & ~Y_TRUE) | (~own & Y_TRUE),
            "bnsp_auc": (own & Y_TRUE) | (~own & ~Y_TRUE),
        }
        for kind, chosen in rows.items():
            areas[kind].append(area(Y_TRUE[chosen], SCORES[chosen]))
            assert found["subgroups"][name][kind] == pytest.approx(areas[kind][-1])
        assert found["subgroups"][name]["rows"] == own.sum()
        assert found["subgroups"][name]["positives"] == (own & Y_TRUE).sum()
    means = {kind: (sum(a**-5 for a in each) / 2) ** -0.2 for kind, each in areas.items()}
    for kind, mean in means.items():
        assert found[kind] == pytest.approx(mean)
    overall = area(Y_TRUE, SCORES)
    assert found["overall_auc"] == pytest.approx(overall)
    assert found["bias_auc"] == pytest.approx((overall + sum(means.values())) / 4)
    assert found["undefined"] == []


def test_a_bias_against_a_subgroup_shows_in_its_bpsn_area():
    biased = SCORES + 2.0 * GROUPS["a"]  # as if naming it made a row positive
    before, after = (bias_auc(Y_TRUE, each, GROUPS) for each in (SCORES, biased))
    own, biased_own = before["subgroups"]["a"], after["subgroups"]["a"]
    assert biased_own["subgroup_auc"] == pytest.approx(own["subgroup_auc"])
    assert biased_own["bpsn_auc"] < own["bpsn_auc"] - 0.2
    assert biased_own["bnsp_auc"] > own["bnsp_auc"] + 0.2
    assert after["bias_auc"] < before["bias_auc"]


def test_what_is_not_defined_is_left_out_and_named():
    positives_alone = Y_TRUE & GROUPS["a"]
    groups = {"b": GROUPS["b"], "positive": positives_alone, "empty": np.zeros(ROWS, bool)}
    found, b = (bias_auc(Y_TRUE, SCORES, each) for each in (groups, {"b": GROUPS["b"]}))
    assert found["undefined"] == [
        "positive: subgroup_auc",
        "positive: bpsn_auc",
        "empty: subgroup_auc",
        "empty: bpsn_auc",
        "empty: bnsp_auc",
    ]
    assert [found[each] for each in ("subgroup_auc", "bpsn_auc")] == [
        b[each] for each in ("subgroup_auc", "bpsn_auc")
    ]
    assert found["bnsp_auc"] != b["bnsp_auc"]


def test_without_subgroups_and_without_a_class():
    found = bias_auc(Y_TRUE, SCORES, {})
    assert found["bias_auc"] == found["overall_auc"] == pytest.approx(area(Y_TRUE, SCORES))
    assert (
        bias_auc(Y_TRUE, SCORES, {"empty": np.zeros(ROWS, bool)})["bias_auc"] == found["bias_auc"]
    )
    nothing = bias_auc([1, 1], [0.2, 0.4], {"all": np.ones(2, bool)})
    assert nothing["bias_auc"] is nothing["overall_auc"] is None


@pytest.mark.parametrize(
    ("y_true", "scores", "members", "named"),
    [
        ([0, 1], [0.1, 0.2, 0.3], [True, False], "shapes"),
        ([0, 2], [0.1, 0.2], [True, False], "y_true"),
        ([0, 1], [0.1, np.nan], [True, False], "probability"),
        ([0, 1], [0.1, 0.2], [1, 0], "subgroup g"),
        ([0, 1], [0.1, 0.2], [True], "subgroup g"),
    ],
)
def test_wrong_arguments_are_named(y_true, scores, members, named):
    with pytest.raises(InputError, match=named):
        bias_auc(y_true, scores, {"g": members})
