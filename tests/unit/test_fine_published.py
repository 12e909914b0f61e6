"""The numbers in FINE's experiment files are those its paper prints, and its rows run what the paper names."""

import re
from pathlib import Path

import pytest

from makers_papers import lines_above
from sentiprism.config import merge
from sentiprism.training.experiments import load_experiment
from sentiprism.training.train import resolve

LETTERS = ("vision", "audio", "text")
DATASETS = {1: "mosi", 2: "mosei", 3: "urfunny", 4: "sims", 5: "mosei", 6: "mosei"}
ROWS = {1: 13, 2: 13, 3: 8, 4: 9, 5: 7, 6: 18}


@pytest.fixture(scope="session")
def paper(papers: Path) -> str:
    return (papers / "fine.txt").read_text(encoding="utf-8")


def printed(paper: str, number: int) -> list[list[str]]:
    """Rows of tab-separated cells above a table's caption, without headings and markup."""
    lines = lines_above(paper, number, also="Role of.*")
    table = [[re.sub(r"</?u>", "", cell).strip() for cell in cells] for cells in lines]
    return [cells for cells in table if re.fullmatch(r"\d+\.\d+", cells[-1])]


def published(number: int):
    return load_experiment(f"fine/liu2026_{DATASETS[number]}").published[f"table_{number}"]


@pytest.mark.parametrize("number", DATASETS)
def test_the_numbers_are_the_papers(paper, number):
    lines, table = printed(paper, number), published(number)
    assert len(lines) == len(table.rows) == ROWS[number]
    for cells, row in zip(lines, table.rows, strict=True):
        assert list(row.values) == [float(cell) for cell in cells[-len(table.columns) :]], row.name


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6])
def test_the_rows_are_the_papers(paper, number):
    for cells, row in zip(printed(paper, number), published(number).rows, strict=True):
        name = re.sub(r"\\mathcal|[$\\{}\s]|\(\d{4}\)|\([^()]* (et al\.|and)[^()]*\)|\(Ours\)", "", cells[0])
        ours = re.sub(r"\s|\(with context\)", "", row.name)
        assert name.replace("MuT", "MulT") == ours or name.replace("MuT", "MulT").startswith(ours), (name, ours)


def test_table_3_marks_who_reads_the_context(paper):
    for cells, row in zip(printed(paper, 3), published(3).rows, strict=True):
        assert bool(cells[1]) == ("with context" in row.name)


def test_table_5_uses_what_the_paper_ticks(paper):
    experiment = load_experiment("fine/liu2026_mosei")
    for cells, row in zip(printed(paper, 5), published(5).rows, strict=True):
        ticked = {name for name, cell in zip(LETTERS, cells, strict=False) if cell == "✓"}
        assert set(resolve(merge(experiment.run, row.settings)).config["modalities"]) == ticked


def test_table_6_switches_off_what_it_says():
    experiment = load_experiment("fine/liu2026_mosei")
    whole = resolve(experiment.run).config["loss_weights"]
    for row in published(6).rows:
        weights = resolve(merge(experiment.run, row.settings)).config["loss_weights"]
        off = {name for name in weights if whole[name] and not weights[name]}
        named = {name.lower() for name in re.findall(r"I_(\w+)|L_(\w+)", row.name) for name in name if name}
        assert off == (named or ({"cl"} if row.name == "w/o DCQ" else set()))


def test_the_best_row_but_for_one_metric_is_not_a_significant_drop():
    """What the notes say of the paper's contradictions is what its tables hold."""
    table = {row.name: row.values for row in published(6).rows}
    others = [name for name in table if name != "FINE"]
    assert max(others, key=lambda name: table[name][0]) == "w/o FTRE + MISA"
    assert max(others, key=lambda name: table[name][1]) == "w/o FTRE + MISA"
    sims = {row.name: row.values for row in published(4).rows}
    assert sum(values[2] > sims["FINE"][2] for values in sims.values()) == 2
    assert sorted(row.values[0] for row in published(3).rows)[-2:] == [73.97, 74.95]
