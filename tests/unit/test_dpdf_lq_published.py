"""DPDF-LQ's experiment files against the paper's text."""

import re
from pathlib import Path

import pytest

from makers_papers import lines_above, numbers
from sentiprism.config import merge
from sentiprism.training.experiments import load_experiment
from sentiprism.training.train import resolve

DATASETS = ["mosi", "mosei"]


@pytest.fixture(scope="module")
def paper(papers: Path) -> str:
    return (papers / "dpdf_lq.txt").read_text(encoding="utf-8")


def printed(paper: str, number: int) -> list[list[str]]:
    """Cells of the lines above a table's caption that hold numbers, markup and daggers removed."""
    table = []
    for line in lines_above(paper, number, also=r"\s*"):
        cells = [re.sub(r"\*\*|</?\w+>|\$|\\dagger|[\s†*^{}]", "", cell) for cell in line]
        while cells and not cells[-1]:
            cells.pop()
        if cells and re.fullmatch(r"[\d./e-]*\d", cells[-1]) and cells[0]:
            table.append(cells)
    return table


def rows(dataset: str, table: str):
    return load_experiment(f"dpdf_lq/zhou2025_{dataset}").published[table].rows


@pytest.mark.parametrize(("second", "dataset"), enumerate(DATASETS))
@pytest.mark.parametrize(("number", "width", "count"), [(1, 6, 12), (2, 2, 15)])
def test_numbers_are_the_papers(paper, second, dataset, number, width, count):
    lines, table = printed(paper, number), rows(dataset, f"table_{number}")
    assert len(lines) == len(table) == count
    for cells, row in zip(lines, table, strict=True):
        assert len(cells) == 1 + 2 * width
        assert list(row.values) == numbers(cells[1 + width * second :][:width]), row.name


def test_rows_are_named_as_in_the_paper(paper):
    for number in (1, 2):
        for cells, row in zip(printed(paper, number), rows("mosi", f"table_{number}"), strict=True):
            heading = re.sub(r"\W|leftrightarrow|rightarrow", "", cells[0]).lower()
            heading = heading.replace("muit", "mult")  # read as I by OCR
            assert re.sub(r"\W", "", row.name).lower() == heading


@pytest.mark.parametrize(("second", "dataset"), enumerate(DATASETS))
def test_the_larger_encoders_numbers_are_the_papers(paper, second, dataset):
    lines = printed(paper, 4)  # metrics downwards, one dataset under the other, encoders side by side
    assert len(lines) == 12
    for column, row in enumerate(rows(dataset, "table_4")):
        cells = [line[column] for line in lines[6 * second : 6 * second + 6]]
        assert list(row.values) == numbers(cells), row.name


@pytest.mark.parametrize(("second", "dataset"), enumerate(DATASETS))
def test_settings_are_table_3s(paper, second, dataset):
    config = resolve(load_experiment(f"dpdf_lq/zhou2025_{dataset}").run)
    model = config.config
    ours = [model["tokens"], model["width"], model["query_depth"], model["global_depth"], model["local_depth"]]
    ours += [model["hidden"], config.optim.lr, config.optim.weight_decay, config.optim.batch_size]
    table = [float(cells[1 + second]) for cells in printed(paper, 3)]
    assert table[5] == 256  # the released settings have 128, and so has the number of parameters that the paper gives
    assert ours == [*table[:5], 128, *table[6:]]


@pytest.mark.parametrize("dataset", DATASETS)
def test_training_is_that_of_the_release(dataset):
    config = resolve(load_experiment(f"dpdf_lq/zhou2025_{dataset}").run)
    assert config.config["preset"] == "code"
    assert (config.optim.epochs, config.optim.stop_after, config.optim.select) == (200, 100, "acc2_non0")


@pytest.mark.parametrize("dataset", DATASETS)
def test_modality_rows_leave_out_what_the_paper_names(dataset):
    experiment = load_experiment(f"dpdf_lq/zhou2025_{dataset}")
    letters = {"T": "text", "A": "audio", "V": "vision"}
    checked = 0
    for row in experiment.published["table_2"].rows:
        if without := re.fullmatch("w/o ([TAV])(?:&([TAV]))?", row.name):
            config = resolve(merge(experiment.run, row.settings)).config
            left_out = {letters[letter] for letter in without.groups() if letter}
            assert set(config["modalities"]) == {"text", "audio", "vision"} - left_out
            checked += 1
    assert checked == 6
