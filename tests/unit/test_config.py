"""Configuration: what a user writes is taken as meant, or one line names the key, the value and the near match."""

import math

import pytest

from makers_config import refusal, run
from sentiprism.config import merge, override
from sentiprism.errors import UserError
from sentiprism.training.config import RunConfig

# assignments


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("5e-5", 5e-5),
        ("1e3", 1000.0),
        ("-0.5", -0.5),
        ("null", None),
        ("", None),
        ("true", True),
        ("[text, audio]", ["text", "audio"]),
        ("[]", []),
        ("{a: 0}", {"a": 0}),
        ("bert-base-uncased", "bert-base-uncased"),
        ("C:/models=v2", "C:/models=v2"),
        ("'5e-5'", "5e-5"),
        ("inf", "inf"),  # words, and names of datasets, before they are numbers
        ("nan", "nan"),
    ],
)
def test_an_assignment_is_read_as_it_was_meant(text, value):
    read = override({}, [f"key={text}"])["key"]
    assert read == value
    assert type(read) is type(value)


def test_assignments_reach_nested_keys_and_leave_the_rest_and_the_original_alone():
    base = {"optim": {"lr": 1.0, "epochs": 2}, "seeds": 5}
    assert override(base, ["optim.lr=5e-5", " optim . clip = 1", "optim.lr=2"]) == {
        "optim": {"lr": 2, "epochs": 2, "clip": 1},
        "seeds": 5,
    }
    assert base == {"optim": {"lr": 1.0, "epochs": 2}, "seeds": 5}


@pytest.mark.parametrize("text", ["optim.lr", "=3", "optim..lr=3", ".lr=3", "optim.=3", ""])
def test_what_sets_nothing_is_refused(text):
    with pytest.raises(UserError, match="write it as key=value"):
        override({}, [text])


@pytest.mark.parametrize(
    "value",
    ["a: b: c", "'open", "[1", "2020-13-45", "!!bool x", "!!int ''", "!!timestamp x", "[" * 1200, "\0"],
)
def test_a_value_that_is_no_yaml_is_one_line(value):
    with pytest.raises(UserError, match="for key is not YAML; quote it") as error:
        override({}, [f"key={value}"])
    assert "\n" not in str(error.value)


def test_mappings_merge_and_anything_else_replaces():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 3}
    assert merge(base, {"a": {"y": [9]}, "b": {"z": 1}}) == {"a": {"x": 1, "y": [9]}, "b": {"z": 1}}
    assert merge(base, {"a": None}) == {"a": None, "b": 3}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 3}


# validation


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"leaf": {"rat": 1}}, "leaf.rat"),
        ({"maybe": {"rat": 1}}, "maybe.rat"),
        ({"rows": [{}, {"rat": 1}]}, "rows.1.rat"),
        ({"by_name": {"count": {"rat": 1}}}, "by_name.count.rat"),
    ],
)
def test_an_unknown_key_is_named_with_the_near_match_of_its_own_level(data, key):
    assert refusal(data) == f"a file: unknown key {key!r}; did you mean 'rate'?"


def test_an_unknown_key_like_no_other_is_answered_with_what_there_is():
    assert refusal({"leaf": {"zzzz": 1}}).endswith("choose one of: names, rate")


def test_a_wrong_value_is_named_with_its_key():
    assert "a file: leaf.rate should be a number (it is 'fast')" in refusal({"leaf": {"rate": "fast"}})
    assert "count" in refusal({"count": 1.5})
    assert "leaf should be a mapping of keys to values (it is 5)" in refusal({"leaf": 5})
    assert len(refusal({"leaf": ["x" * 1000]})) < 250
    assert refusal({"dataset": "mosi"}, RunConfig) == "a file: 'model' is missing; add it"


@pytest.mark.parametrize("rate", [math.inf, -math.inf, math.nan, "inf"])
def test_numbers_are_finite(rate):
    assert "leaf.rate" in refusal({"leaf": {"rate": rate}})


def test_keys_are_texts():
    assert "Keys should be strings" in refusal({"leaf": {True: 1}})


def test_a_choice_names_all_choices():
    message = refusal({"model": "mdf", "dataset": "x", "data": {"text": {"source": "transcript"}}}, RunConfig)
    for choice in ("auto", "raw", "ids", "features"):
        assert f"'{choice}'" in message


def test_configurations_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        run().model = "other"
