"""Values of a configuration: numbers have bounds, seeds and weights of losses are filled in or refused."""

import math
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from makers_config import Leaf, refusal, run
from sentiprism.config import Config, override
from sentiprism.errors import UserError
from sentiprism.models import MODELS
from sentiprism.models.base import ModelConfig
from sentiprism.models.mdf import MDFConfig
from sentiprism.training.config import OptimConfig


class Kinds(Config):
    whole: int = 1
    either: int | Literal["auto", "4"] = "auto"
    named: str | float = 1.0
    numbers: tuple[Annotated[float, Field(gt=0)], ...] = ()
    pair: tuple[str, float] = ("", 1.0)
    by_name: dict[str, float | None] = {}
    by_number: dict[int, float] = {}
    inner: Leaf | None = None
    rows: tuple[Leaf, ...] = ()
    anything: Any = None


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"whole": "3"}, "whole"),
        ({"whole": "-1_0"}, "whole"),
        ({"either": "3"}, "either"),
        ({"numbers": [1, "2"]}, "numbers.1"),
        ({"pair": ["2", "2"]}, "pair.1"),
        ({"by_name": {"a": None, "b": "1e-3"}}, "by_name.b"),
        ({"by_number": {"1": "2"}}, "by_number.1"),
        ({"inner": {"rate": "0.001"}}, "inner.rate"),
        ({"rows": [{}, {"rate": " 2 "}]}, "rows.1.rate"),
    ],
)
def test_a_text_is_not_a_number_wherever_it_stands(data, key):
    assert refusal(data, Kinds) == f"a file: {key} should be a number, not a text; write it without quotes"


def test_what_may_be_a_text_or_a_whole_number_may_be_one():
    given = {"either": "4", "named": "5", "pair": ("5", 5), "anything": "5", "by_number": {"3": 4}}
    read = Kinds.parse(given).model_dump(exclude_unset=True)
    assert read == {**given, "by_number": {3: 4.0}}
    assert Leaf.parse({"rate": 3}).rate == 3.0
    assert Kinds.parse({"whole": 3.0}).whole == 3


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
    from sentiprism.training.train import resolve

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
    with pytest.raises(UserError, match="is not an assignment"):
        override({}, ["a." * 10_000 + "b=1"])


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
    with pytest.raises(UserError, match="switch off all losses"):
        MDFConfig.parse({"loss_weights": {"task": 0, "a": 0, "o": 0, "w": 0}})
