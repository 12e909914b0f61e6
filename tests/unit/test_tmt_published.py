"""What the files of TMT and TMT+AMW publish is what Yan's Table 1 prints."""

import re
from pathlib import Path

import pytest

from sentiprism.training.experiments import Experiment, folder, load_experiment
from sentiprism.training.train import resolve

TITLES = {"sims": "CH-SIMS", "mosi": "CMU-MOSI", "mosei": "CMU-MOSEI"}
FILES = [("tmt/yin2024", data) for data in TITLES] + [("tmt_amw/yan2025", data) for data in TITLES]


@pytest.fixture(scope="module")
def paper(papers: Path) -> str:
    return (papers / "tmt_amw.txt").read_text(encoding="utf-8")


def printed(paper: str, data: str) -> dict[str, list[str]]:
    """Acc-5, F1-score and MAE of each method on a dataset, as printed."""
    table = paper[paper.index("Dataset\tMethod\tAcc-5\tF1-score\tMAE") :].splitlines()[1:7]
    lines = [line.split("\t") for line in table]
    assert {line[0] for line in lines} == set(TITLES.values())
    return {method: cells for title, method, *cells in lines if title == TITLES[data]}


def table_1(experiment: Experiment):
    return experiment.published["table_1"]


@pytest.mark.parametrize(("file", "data"), FILES)
def test_numbers_are_the_papers(paper, file, data):
    lines, table = printed(paper, data), table_1(load_experiment(f"{file}_{data}"))
    assert table.columns == ("acc_5", "f1_5", "mae")
    assert [row.name for row in table.rows] == list(lines)
    for row in table.rows:
        accuracy, f1, error = lines[row.name]
        assert row.values == (*(pytest.approx(100 * float(value)) for value in (accuracy, f1)), float(error))


@pytest.mark.parametrize(("file", "data"), FILES)
def test_notes_say_how_the_f1_is_read(paper, file, data):
    notes = " ".join(load_experiment(f"{file}_{data}").notes)
    assert "it is read as that of the five, weighted by the labels" in notes


@pytest.mark.parametrize(("file", "data"), FILES)
def test_an_error_that_repeats_the_accuracy_is_doubtful(paper, file, data):
    for row in table_1(load_experiment(f"{file}_{data}")).rows:
        accuracy, _, error = printed(paper, data)[row.name]
        assert row.doubtful == (("mae",) if accuracy == error or data == "mosi" else ())


@pytest.mark.parametrize("data", TITLES)
def test_amws_settings_are_the_papers(paper, data):
    run = resolve(load_experiment(f"tmt_amw/yan2025_{data}").run)
    width = re.search(r"embedding dimension set to (\d+)", paper)
    epochs = re.search(r"for (\d+) epochs", paper)
    batch = re.search(r"batch size of (\d+)", paper)
    assert (run.config["width"], run.optim.epochs, run.optim.batch_size) == tuple(
        int(found[1]) for found in (width, epochs, batch)
    )
    assert "four Transformer layers with eight attention heads" in paper
    assert (run.config["depth"], run.config["heads"]) == (4, 8)
    assert run.optim.lr == 1e-4
    assert run.optim.select == "acc_5"


def test_every_published_file_is_checked():
    published = {p.stem for model in ("tmt", "tmt_amw") for p in (folder() / model).glob("y*.yaml")}
    assert published == {f"{file.partition('/')[2]}_{data}" for file, data in FILES}
