"""Each row of the papers' ablation tables changes what is learnt, and the way the table says."""

import pytest
import torch

from makers_models import batch, build, small, specs
from sentiprism.config import merge
from sentiprism.training.experiments import load_experiment
from sentiprism.training.train import resolve

TABLES = [
    ("mdf/jian2026_mosi", "table_2"),
    ("mdf/jian2026_mosi", "table_3"),
    ("dlf/wang2025_mosi", "table_2"),
    ("fine/liu2026_mosei", "table_5"),
    ("fine/liu2026_mosei", "table_6"),
    ("dpdf_lq/zhou2025_mosi", "table_2"),
]
ROWS = [(name, key, row.name) for name, key in TABLES for row in load_experiment(name).published[key].rows]


def model_of(name, row):
    """The row's model, narrow; its configuration is the paper's with the row's settings on top."""
    paper = load_experiment(name)
    run = merge(paper.run, {"config": small(paper.run["model"])})
    config = resolve(merge(run, row.settings)).config
    return build(paper.run["model"], specs(), config=config).train()


def learnt(model):
    """Gradient of each parameter in the second step, when queues hold something."""
    given = batch(specs(), 12, seed=1)
    given.labels["M"][:] = given.labels["M"].round()  # some labels are equal
    for _ in range(2):
        model.zero_grad()
        torch.manual_seed(0)
        output = model(given)
        sum(model.config.loss_weights[key] * value for key, value in output.losses.items()).backward()
        model.after_step(given, output)
    return {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


@pytest.fixture(scope="module")
def whole():
    """By experiment, what the full model learns; computed once."""
    found = {}

    def of(name):
        if name not in found:
            rows = [row for table in load_experiment(name).published.values() for row in table.rows]
            full = next(row for row in rows if row.settings == {})
            found[name] = learnt(model_of(name, full))
        return found[name]

    return of


@pytest.mark.parametrize(("name", "key", "row"), ROWS, ids=[f"{name.split('/')[0]} {row}" for name, _, row in ROWS])
def test_a_row_learns_something_else_than_the_full_model(whole, name, key, row):
    experiment = load_experiment(name)
    (found,) = (one for one in experiment.published[key].rows if one.name == row)
    same = resolve(merge(experiment.run, found.settings)) == resolve(experiment.run)
    assert equal(learnt(model_of(name, found)), whole(name)) == same


@pytest.mark.parametrize(("name", "key"), TABLES)
def test_every_table_holds_the_full_model_that_the_rows_are_compared_with(name, key):
    experiment = load_experiment(name)
    rows = experiment.published[key].rows
    assert all(row.settings is not None for row in rows)
    full = [row for row in rows if resolve(merge(experiment.run, row.settings)) == resolve(experiment.run)]
    assert len(full) == 1


WITHOUT = {
    "w/o L_r": {"r"},
    "w/o L_s": {"s"},
    "w/o L_m": {"m"},
    "w/o L_o": {"o"},
    "w/o HP": {"sh", "sp_l", "sp_v", "sp_a"},
    "w/o L_UP": {"up"},
    "w/o I_str, I_utr": {"str", "utr"},
    "w/o I_sha, I_uni": {"sha", "uni"},
    "w/o I_sha, I_str": {"sha", "str"},
    "w/o I_uni, I_utr": {"uni", "utr"},
    "w/o I_sha": {"sha"},
    "w/o DCQ": {"cl"},
}


@pytest.mark.parametrize("row", WITHOUT)
def test_a_row_without_a_loss_removes_that_loss_alone(row):
    name, key = next((name, key) for name, key, other in ROWS if other == row)
    experiment = load_experiment(name)
    (found,) = (one for one in experiment.published[key].rows if one.name == row)
    full, changed = (
        resolve(one).config for one in (experiment.run, merge(experiment.run, found.settings))
    )  # fmt: skip
    before, after = full.pop("loss_weights"), changed.pop("loss_weights")
    assert full == changed
    assert {key for key, weight in before.items() if weight != after[key]} == WITHOUT[row]
    assert all(after[key] == 0 for key in WITHOUT[row])
