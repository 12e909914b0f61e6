"""DLF's experiment files hold the numbers, rows and settings that its paper prints."""

import re
from pathlib import Path

import pytest

from sentiprism.config import merge
from sentiprism.training.experiments import Table, load_experiment
from sentiprism.training.train import resolve

LETTERS = {"L": "text", "A": "audio", "V": "vision"}


@pytest.fixture(scope="module")
def paper(papers: Path) -> str:
    return (papers / "dlf.txt").read_text(encoding="utf-8")


def printed(paper: str, number: int, width: int) -> dict[str, list[float | None]]:
    """The lines above a table's caption that end in ``width`` cells, by heading, marks of origin removed."""
    start = paper.rindex("\nMethod ", 0, paper.index(f"\nTable {number}: "))
    lines = paper[start : paper.index(f"\nTable {number}: ")].splitlines()
    cell = r"(-|\d+\.\d+)[†*]*"
    rows = (re.fullmatch(r"(.+?)" + rf"\s{cell}" * width, line.strip()) for line in lines)
    return {
        re.sub(r"[†*]|\(Ours\)|\s", "", row[1]): [None if value == "-" else float(value) for value in row.groups()[1:]]
        for row in rows
        if row
    }


def table(name: str, number: int) -> Table:
    return load_experiment(f"dlf/wang2025_{name}").published[f"table_{number}"]


@pytest.mark.parametrize(("name", "cells"), [("mosi", slice(0, 6)), ("mosei", slice(6, 12))])
def test_table1(paper, name, cells):
    lines, ours = printed(paper, 1, 12), table(name, 1)
    assert ours.columns == ("acc_7", "acc_5", "acc2_non0", "f1_non0", "pearson", "mae")
    assert len(lines) == 12
    assert {row.name: list(row.values) for row in ours.rows} == {key: row[cells] for key, row in lines.items()}
    assert [row.name for row in ours.rows] == list(lines)


def test_table2(paper):
    lines, ours = printed(paper, 2, 4), table("mosi", 2)
    assert ours.columns == ("acc_7", "acc2_non0", "f1_non0", "mae")
    assert len(lines) == 13
    assert [(re.sub(r"[\s_]", "", row.name), list(row.values)) for row in ours.rows] == list(lines.items())


def test_table2_rows_switch_off_what_the_paper_names():
    experiment = load_experiment("dlf/wang2025_mosi")
    whole = resolve(experiment.run).config
    parts = {"FDM": "disentangle", "LFA": "attractor"}
    for row in table("mosi", 2).rows[1:]:
        config = resolve(merge(experiment.run, row.settings)).config
        expected = dict(whole)
        kind, _, what = row.name.partition(" ")
        if kind == "w/o" and what in parts:
            expected[parts[what]] = False
        elif kind == "w/o":
            off = ("sh", "sp_l", "sp_v", "sp_a") if what == "HP" else (what.removeprefix("L_"),)
            expected["loss_weights"] = whole["loss_weights"] | dict.fromkeys(off, 0.0)
        else:
            letters = re.findall(r"\b[LAV]\b", row.name)
            expected["modalities"] = [m for m in whole["modalities"] if m in {LETTERS[letter] for letter in letters}]
        assert config == expected, row.name


@pytest.mark.parametrize("name", ["mosi", "mosei"])
def test_settings_are_the_papers(paper, name):
    """Implementation Details."""
    words = " ".join(paper.split())
    assert "a batch size of 16 and optimized using an ini- tial learning rate of 1e-4" in words
    assert "patience of 10 epochs" in words
    optim = resolve(load_experiment(f"dlf/wang2025_{name}").run).optim
    assert (optim.batch_size, optim.lr, optim.patience) == (16, 1e-4, 10)
