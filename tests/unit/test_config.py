"""Configuration: what a user writes is taken as meant, or one line names the key, the value and the near match."""

import math
import os
from itertools import pairwise
from typing import Any

import pytest

from sentiprism.config import Config, dump, load_yaml, merge, override
from sentiprism.errors import UserError
from sentiprism.models import MODELS
from sentiprism.models.base import ModelConfig
from sentiprism.models.mdf import MDFConfig
from sentiprism.training.config import OptimConfig, RunConfig


class Leaf(Config):
    rate: float = 0.1
    names: tuple[str, ...] = ()


class Tree(Config):
    leaf: Leaf = Leaf()
    maybe: Leaf | None = None
    rows: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = {}
    count: int = 1


def refusal(data: dict[str, Any], config: type[Config] = Tree) -> str:
    with pytest.raises(UserError) as error:
        config.parse(data, "a file")
    assert "\n" not in str(error.value)
    return str(error.value)


def run(**changes: Any) -> RunConfig:
    return RunConfig.parse({"model": "mdf", "dataset": "mosi", **changes})


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


# files


def test_what_is_dumped_is_read_back(tmp_path):
    config = run(
        seeds=3,
        config={"modalities": ["text", "audio"], "loss_weights": {"o": 0.0}, "audio_hidden": None},
        optim={"lr": 5e-5, "group_lr": {"default": 1e-8}, "clip": None},
        data={"text": {"encoder": "Ünïcode: 名"}},
    )
    (tmp_path / "run.yaml").write_text(dump(config), encoding="utf-8")
    assert RunConfig.parse(load_yaml(tmp_path / "run.yaml")) == config


def test_numbers_in_a_file_may_be_written_as_people_write_them(tmp_path):
    (tmp_path / "run.yaml").write_text("model: mdf\ndataset: mosi\noptim: {lr: 5e-5}\n")
    assert RunConfig.parse(load_yaml(tmp_path / "run.yaml")).optim.lr == 5e-5


def test_yaml_never_makes_python_objects(tmp_path):
    witness = tmp_path / "witness"
    (tmp_path / "run.yaml").write_text(f"model: !!python/object/apply:os.mkdir ['{witness}']\n")
    with pytest.raises(UserError, match="cannot be read: line 1: could not determine a constructor"):
        load_yaml(tmp_path / "run.yaml")
    with pytest.raises(UserError, match="is not YAML"):
        override({}, [f"model=!!python/object/apply:os.mkdir ['{witness}']"])
    assert not witness.exists()


@pytest.mark.parametrize(
    "content",
    [b"a: b: c\n", b"a: [1\nb: 2\n", b"a: !!bool x\n", b"a: 2020-13-45\n", b"[" * 1200, b"a: 1\nb: 2\na: 3\n"],
)
def test_a_broken_file_is_one_line_that_names_it(tmp_path, content):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.yaml cannot be read: .*; fix the file") as error:
        load_yaml(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["#", "- a\n- b\n", "text", "3"])
def test_a_file_without_a_mapping_is_refused(tmp_path, content):
    (tmp_path / "list.yaml").write_text(content)
    with pytest.raises(UserError, match=r"list\.yaml is not a mapping"):
        load_yaml(tmp_path / "list.yaml")


def test_a_path_that_is_no_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no file .*absent\.yaml; check the path"):
        load_yaml(tmp_path / "absent.yaml")
    with pytest.raises(UserError, match="is a folder"):
        load_yaml(tmp_path)


def bomb(levels: int) -> str:
    names = [chr(ord("a") + n) for n in range(levels)]
    lines = [f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in pairwise(names)]
    return "\n".join(["a: &a [x]", *lines])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (bomb(20), "an alias"),
        ("a: &a [*a]", "an alias"),
        ("<<: {a: 1}", "a merge key"),
        ("[" * 100_000, "nested more than 64 levels"),
        ("\n".join(" " * n + "a:" for n in range(200)), "nested more than 64 levels"),
        ("a: 1\nb: {c: 1, c: 2}", "line 2: a key is written twice"),
        ("a: " + "x" * 2**18, "the limit for a configuration is 262.1 kB"),
    ],
)
def test_a_file_that_would_not_end_is_one_line(tmp_path, text, cause):
    (tmp_path / "endless.yaml").write_text(text)
    with pytest.raises(UserError, match=cause) as error:
        load_yaml(tmp_path / "endless.yaml")
    assert len(str(error.value)) < 400


def test_a_file_is_a_regular_one(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("pipe.yaml", "zero.yaml"):
        with pytest.raises(UserError, match="is not a regular file"):
            load_yaml(tmp_path / name)


@pytest.mark.parametrize("value", [10**20, -(10**20), 10**5000], ids=["large", "small", "endless"])
def test_whole_numbers_are_not_endless(value):
    line = refusal({"count": value})
    assert "a file: count should be at most" in line or "a file: count has too many digits" in line


@pytest.mark.parametrize("data", [None, [1], "text", 3])
def test_a_configuration_is_a_mapping(data):
    assert "a file is not a mapping" in refusal(data)


@pytest.mark.parametrize(
    ("assignment", "cause"),
    [
        ("optim.epochs=100000000000000000000", "optim.epochs should be at most 100,000"),
        ("optim.epochs=true", "optim.epochs should be a number (it is True)"),
        ("optim.batch_size=1000000000000", "optim.batch_size should be at most 1,000,000"),
        ("optim.accumulate=1000000000000", "optim.accumulate should be at most"),
        ("optim.patience=1000000000", "optim.patience should be at most"),
        ("optim.plateau_patience=1000000000", "optim.plateau_patience should be at most"),
        ("optim.lr=-1", "optim.lr should be above 0"),
        ("optim.lr=.inf", "optim.lr should be a finite number"),
        ("optim.lr=1e400", "optim.lr should be a finite number"),
        ("optim.group_lr.default=-1", "optim.group_lr.default should be above 0"),
        ("data.feature_noise=.nan", "data.feature_noise should be a finite number"),
        ("seeds=1000000000", "seeds should be at most 1,000, or a list"),
        (f"seeds={list(range(1001))}", "seeds should have at most 1,000 entries"),
        ("seeds=[4294967296]", "seeds.0 should be below 4,294,967,296"),
        ("config.width=1e30", "width has too many digits"),
        ("config.width=10000000000000000000", "width should be at most 9,007,199,254,740,992"),
        ("config.dropout=1", "dropout should be below 1"),
        ("optim.clip=1e300", "optim.clip should be at most 3.4e+38"),
        ("config.loss_weights.o=.inf", "loss_weights.o should be a finite number"),
    ],
)
def test_numbers_have_bounds_and_the_message_says_which(assignment, cause):
    from sentiprism.training import resolve

    with pytest.raises(UserError) as error:
        resolve({"model": "mdf", "dataset": "tiny"}, [assignment])
    assert cause in str(error.value)
    assert len(str(error.value)) < 240


@pytest.mark.parametrize("name", MODELS)
def test_no_loss_is_given_a_negative_weight(name):
    for loss in MODELS[name].Config.LOSSES:
        with pytest.raises(UserError, match=f"loss_weights.{loss} should be at least 0"):
            MODELS[name].Config.parse({"loss_weights": {loss: -0.1}})


def test_a_setting_without_end_is_refused():
    with pytest.raises(UserError, match="sets nothing"):
        override({}, ["a." * 10_000 + "b=1"])


# the configurations of runs and models


def test_a_number_of_seeds_counts_from_1111():
    assert run(seeds=3).seeds == (1111, 1112, 1113)
    assert run(seeds=[7, 3]).seeds == (7, 3)
    assert run().seeds == (1111,)


@pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-1], True, 2.5, "many"])
def test_seeds_that_cannot_be_are_refused(seeds):
    with pytest.raises(UserError, match="seeds"):
        run(seeds=seeds)


def test_naming_one_group_keeps_the_encoders_rate():
    assert OptimConfig().group_lr == {"text_encoder": 5e-5}
    assert OptimConfig(group_lr={"default": 1e-4}).group_lr == {"text_encoder": 5e-5, "default": 1e-4}
    assert OptimConfig(group_lr={"text_encoder": 1e-4}).group_lr == {"text_encoder": 1e-4}
    with pytest.raises(UserError, match=r"optim\.group_lr\.text_encoder"):
        run(optim={"group_lr": {"text_encoder": -1}})


def test_losses_that_are_not_named_keep_the_papers_weight():
    assert MDFConfig().loss_weights == {"task": 1.0, "a": 1.0, "o": 1.0, "w": 1.0, "uni": 0.0}
    assert MDFConfig(loss_weights={"o": 0}).loss_weights == {"task": 1.0, "a": 1.0, "o": 0.0, "w": 1.0, "uni": 0.0}
    assert ModelConfig().loss_weights == {"task": 1.0}
    filled = MDFConfig(loss_weights={"w": 0.5})
    assert MDFConfig.parse(filled.model_dump(mode="json")) == filled


def test_an_unknown_loss_answers_with_the_near_match():
    with pytest.raises(UserError, match="no loss 'taks'; did you mean 'task'"):
        MDFConfig.parse({"loss_weights": {"taks": 1}})


@pytest.mark.parametrize("weights", [5, "task", ["task"], {"task": "much"}, {"task": math.nan}, None])
def test_loss_weights_of_a_wrong_kind_are_named(weights):
    assert "loss_weights" in refusal({"loss_weights": weights}, MDFConfig)


def test_all_losses_off_is_refused():
    with pytest.raises(UserError, match="every loss off"):
        MDFConfig.parse({"loss_weights": {"task": 0, "a": 0, "o": 0, "w": 0}})
