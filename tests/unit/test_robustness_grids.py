"""Curves with other strengths, or with another corruption seed, are told apart wherever they are kept."""

import json
import shutil

import pytest

from sentiprism.cli.evidence import robustness as robustness_command
from sentiprism.evaluation.robustness import robustness
from sentiprism.evaluation.robustness_curves import Grid, kept
from sentiprism.report import figures
from sentiprism.reproduction.results import gather, page
from sentiprism.reproduction.robustness_table import UNLIKE, tabulate_areas
from sentiprism.training.run import Run


@pytest.fixture
def run(trained, data, tmp_path) -> Run:
    return Run(shutil.copytree(trained.folder, tmp_path / "copied"))


def table(run: Run) -> list[dict[str, object]]:
    columns, rows = tabulate_areas([kept(run)], "mae")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_the_seed_of_the_damage_is_kept_with_each_curve(run):
    robustness(run, kinds=["missing"], modalities=["text"], points=3, seed=7, device="cpu")
    told = json.loads((run.folder / "robustness-test.json").read_text())
    assert [curve["seed"] for curve in told["curves"]] == [7]
    assert kept(run).curves[0].grid == Grid(3, 7)
    assert kept(run).grids == "3 strengths, corruption seed 7"


def test_a_row_of_the_table_holds_curves_of_one_grid(run):
    first = robustness(run, kinds=["missing"], modalities=["text", "audio"], points=3, device="cpu").curves
    (finer,) = robustness(run, kinds=["missing"], modalities=["vision"], points=5, device="cpu").curves
    (other,) = robustness(run, kinds=["swap"], modalities=["text"], points=3, seed=1, device="cpu").curves
    constant, *rows = table(run)
    assert (constant["strengths"], constant["corruption seed"]) == ("–", "–")
    assert [(row["run"], row["strengths"], row["corruption seed"]) for row in rows] == [
        ("copied", "3", "0"),
        ("copied", "5", "0"),
        ("copied", "3", "1"),
    ]
    heads = ("text: missing", "audio: missing", "vision: missing", "text: swap")
    text, audio, finer, other = (curve.cells(-1, "mae", 1) for curve in (*first, finer, other))
    expected = ((text, audio, "–", "–"), ("–", "–", finer, "–"), ("–", "–", "–", other))
    assert [tuple(row[head] for head in heads) for row in rows] == list(expected)
    assert f"- {UNLIKE}" in page(gather([run.folder], device="cpu").shown)
    assert (
        "3 strengths, corruption seed 0; 5 strengths, corruption seed 0; 3 strengths, corruption seed 1"
        in kept(run).grids
    )


def test_curves_of_one_grid_share_a_row_and_nothing_warns(run):
    for modality in ("text", "audio"):
        robustness(run, kinds=["missing"], modalities=[modality], points=3, device="cpu")
    assert len(table(run)) == 2
    assert UNLIKE not in page(gather([run.folder], device="cpu").shown)


def test_what_is_replaced_by_another_grid_is_named(run, capsys):
    said: list[str] = []
    given = {"kinds": ["missing"], "device": "cpu", "on_replaced": said.append}
    robustness(run, modalities=["text", "audio"], points=3, **given)
    robustness(run, modalities=["text", "audio"], points=3, **given)
    assert said == []
    robustness(run, modalities=["text"], points=4, seed=2, **given)
    assert said == ["text, missing: replaces the curve at 3 strengths, corruption seed 0"]
    capsys.readouterr()
    robustness_command(run.folder, kinds=["missing"], modalities=["audio"], count=2, device="cpu")
    answer = capsys.readouterr()
    assert answer.err.startswith("audio, missing: replaces the curve at 3 strengths, corruption seed 0\n")
    assert "area: mean over the strengths (2 strengths, corruption seed 0)" in " ".join(answer.out.split())


def test_a_file_without_the_seed_is_read_and_kept_apart(run):
    robustness(run, kinds=["missing"], modalities=["text"], points=3, device="cpu")
    path = run.folder / "robustness-test.json"
    told = json.loads(path.read_text())
    for curve in told["curves"]:
        del curve["seed"]
    path.write_text(json.dumps(told))
    robustness(run, kinds=["missing"], modalities=["audio"], points=3, device="cpu")
    assert [(row["strengths"], row["corruption seed"]) for row in table(run)[1:]] == [("3", "–"), ("3", "0")]
    assert kept(run).grids == "3 strengths, corruption seed not known; 3 strengths, corruption seed 0"


def test_the_figure_says_what_it_shows(run):
    robustness(run, kinds=["missing"], points=3, seed=4, device="cpu")
    texts = [text.get_text() for text in figures.robustness(run, device="cpu").texts]
    assert any("3 strengths, corruption seed 4" in text for text in texts)
