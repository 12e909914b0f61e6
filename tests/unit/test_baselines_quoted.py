"""What a baseline's experiments quote is what stands in the quoting papers' own files, and nothing is left out."""

import re
from typing import NamedTuple

import pytest

from sentiprism.models import MODELS
from sentiprism.training.experiments import OURS, Row, list_experiments, load_experiment

QUOTING = ("mdf", "dlf", "fine", "dpdf_lq")
"""Models whose papers compare baselines."""
OWN = re.compile(r"table_\d+")
"""Key of a paper's own table."""
QUOTED = re.compile(rf"({'|'.join(QUOTING)})_(table_(\d+))")
"""Key of a table of another paper, with one row of it."""
READ_AS = {"muit": "mult", "mut": "mult"}  # l read as I, or lost


WITHOUT_SETTINGS = {("lmf", "urfunny"), ("tfn", "urfunny"), ("mag_bert", "urfunny")}
"""Numbers are printed, and settings published nowhere; MAG's are those of its XLNet."""


class Quote(NamedTuple):
    """One row of one table of another paper."""

    experiment: str
    key: str
    name: str
    caption: str
    columns: tuple[str, ...]
    row: Row


def normal(name: str) -> str:
    """``Self-MM``, ``self_mm`` and ``Self-MM (A)`` are one model."""
    bare = re.sub(r"\(.*?\)|[^a-z0-9]", "", name.lower())
    return READ_AS.get(bare, bare)


def papers(model: str) -> dict[str, str]:
    """Experiment files of a model with numbers of papers, by dataset."""
    files = [name for name in list_experiments() if name.startswith(f"{model}/") and OURS not in name]
    return {name.rpartition("_")[2]: name for name in files}


SOURCES = {model: papers(model) for model in QUOTING}
QUOTES = [
    Quote(experiment, key, row.name, table.caption, table.columns, row)
    for experiment in list_experiments()
    for key, table in load_experiment(experiment).published.items()
    if not OWN.fullmatch(key)
    for row in table.rows
]
BASELINES = {
    normal(model): model
    for model in MODELS
    # a model without experiments is refused by the contracts; a paper's own tables are checked against the paper
    if papers(model)
    and not any(OWN.fullmatch(key) for name in papers(model).values() for key in load_experiment(name).published)
}
OWED = [
    (f"{normal(paper)} {dataset} {key}", BASELINES[normal(row.name)], dataset, f"{paper}_{key}")
    for paper, files in SOURCES.items()
    for dataset, file in files.items()
    for key, table in load_experiment(file).published.items()
    if table.alias == "baselines"
    for row in table.rows
    if normal(row.name) in BASELINES and (BASELINES[normal(row.name)], dataset) not in WITHOUT_SETTINGS
]


def ids(cases: list) -> list[str]:
    return [f"{case[1]}-{case[0]}" for case in cases]


def test_sims_and_urfunny_are_owed_too():
    sims = {model for _, model, dataset, _ in OWED if dataset == "sims"}
    assert sims == {"lf_dnn", "mfn", "lmf", "tfn", "mult", "self_mm", "confede"}
    assert {model for _, model, dataset, _ in OWED if dataset == "urfunny"} == {"misa"}
    assert not any(papers(model).get(dataset) for model, dataset in WITHOUT_SETTINGS)


def test_every_quoting_paper_has_a_table_of_baselines_on_both_datasets():
    for paper, files in SOURCES.items():
        for dataset in ("mosi", "mosei"):
            tables = load_experiment(files[dataset]).published.values()
            assert sum(table.alias == "baselines" for table in tables) == 1, paper


def test_names_are_compared_without_their_spelling():
    assert {normal(name) for name in ("Self-MM", "self_mm", "SELF-MM (A)")} == {"selfmm"}
    assert {normal(name) for name in ("MulT", "MuIT", "MuT", "mult")} == {"mult"}
    assert normal("MFN") != normal("Graph-MFN")


def test_there_is_something_to_compare():
    assert {"almt", "kuda"} <= {quote.experiment.split("/")[0] for quote in QUOTES}
    assert len(OWED) == len({(model, dataset, key) for _, model, dataset, key in OWED})


@pytest.mark.parametrize("quote", QUOTES, ids=[f"{q.experiment}-{q.key}" for q in QUOTES])
def test_a_quoted_row_is_the_quoting_papers(quote):
    found = QUOTED.fullmatch(quote.key)
    assert found, f"{quote.key} is no table of {', '.join(QUOTING)}"
    paper, key, number = found.groups()
    model, dataset = quote.experiment.split("/")[0], quote.experiment.rpartition("_")[2]
    source = load_experiment(SOURCES[paper][dataset])
    table = source.published[key]
    (row,) = [row for row in table.rows if normal(row.name) == normal(model)]
    assert normal(quote.name) == normal(model)
    assert quote.columns == table.columns
    assert quote.row.values == row.values
    assert quote.row.doubtful == row.doubtful
    assert quote.row.settings == {}
    assert f"{source.title.partition(' on ')[0]}, Table {number}" in quote.caption


@pytest.mark.parametrize(("where", "model", "dataset", "key"), OWED, ids=ids(OWED))
def test_a_baseline_quotes_every_table_that_names_it(where, model, dataset, key):
    files = papers(model)
    assert dataset in files, f"{model} has no experiment on {dataset}, and {where} has its numbers"
    published = load_experiment(files[dataset]).published
    assert key in published
    assert len(published[key].rows) == 1
