"""A paper's table is found and shown as published, and a run stands beside the row whose settings it has."""

import json

import pytest

from makers_ablation import ROWS, measure, paper
from sentiprism.errors import UserError
from sentiprism.reproduction.published import find_experiment, find_table, published
from sentiprism.training.experiments import load_experiment

__all__ = ["measure", "paper"]


# finding


@pytest.mark.parametrize("name", ["2", "table_2", "components"])
def test_a_table_is_found_by_number_key_and_alias(paper, name):
    assert find_table(load_experiment(paper()), name) == "table_2"


def test_an_unknown_table_answers_with_the_near_match(paper):
    with pytest.raises(UserError, match="MDF has no table 'compnents'; did you mean 'components'"):
        find_table(load_experiment(paper()), "compnents")


def test_the_papers_experiment_is_found_by_dataset_or_its_alias():
    assert find_experiment("mdf", "mosi") == find_experiment("mdf", "CMU-MOSI") == "mdf/jian2026_mosi"
    assert find_experiment("tmt_amw", "mosi") == "tmt_amw/yan2025_mosi"
    with pytest.raises(
        UserError, match=r"no paper published numbers of mdf on mmmo; choose with `experiment`: .*mosei"
    ):
        find_experiment("mdf", "mmmo")
    with pytest.raises(UserError, match="no model is called 'mfd'; did you mean"):
        find_experiment("mfd", "mosi")


# published


def test_a_published_table_alone_is_the_papers_rows_and_columns():
    found = published("mdf/jian2026_mosi", "2")
    table = load_experiment("mdf/jian2026_mosi").published["table_2"]
    assert [line.row for line in found.lines] == list(table.rows)
    columns = found.columns()
    assert list(columns) == ["MAE ↓", "Corr ↑"]
    assert [cell for (cell,) in columns["MAE ↓"]] == [f"{row.values[0]:g}" for row in table.rows]
    said = json.loads(json.dumps(found.to_dict()))
    assert [row["published"]["pearson"] for row in said["rows"]] == [row.values[1] for row in table.rows]
    assert all(row["measured"] is None for row in said["rows"])


def test_what_contradicts_itself_is_marked(paper):
    found = published(paper([ROWS[0], {**ROWS[1], "doubtful": ["mae"]}]), "2")
    assert found.columns()["MAE ↓"][1] == ("0.72?",)
    assert found.columns()["Corr ↑"][1] == ("0.781",)
    assert "? the paper contradicts this value" in found.remarks()


def test_a_run_stands_beside_the_row_most_of_whose_settings_it_has(paper, measure, tmp_path):
    measure()
    runs = sorted((tmp_path / "runs").iterdir())
    found = published(str(tmp_path / "paper.yaml"), "components", runs, device="cpu")
    names = [line.evaluation.run if line.evaluation else None for line in found.lines]
    assert names == [None, "02-without-a", "03-text-alone", "04-whole"]
    assert found.lines[3].difference is None
    assert found.lines[1].difference is not None
    with pytest.raises(UserError, match="both have the settings of 'whole'"):
        published(str(tmp_path / "paper.yaml"), "2", [runs[2], runs[2]], device="cpu")


def test_a_run_of_another_model_or_of_no_row_is_refused(paper, trained, tmp_path):
    rows = [{**ROWS[1], "settings": {"config": {"epsilon": 7}}}]
    with pytest.raises(UserError, match="does not match any row of table_2"):
        published(paper(rows), "2", [trained])
    with pytest.raises(UserError, match="is a run of mdf; give one of text_only"):
        published(paper(model="text_only", config={}), "2", [trained])
