"""Experiment files hold what they say: settings this code accepts, and the numbers their papers print."""

import re
import tomllib
from pathlib import Path

import pytest

from makers_papers import lines_above, numbers
from sentiprism.config import merge
from sentiprism.data.known import describe, family
from sentiprism.errors import UserError
from sentiprism.metrics import PROTOCOLS
from sentiprism.models import MODELS
from sentiprism.training.experiments import (
    OURS,
    Experiment,
    Table,
    datasets_of,
    default_settings,
    folder,
    list_experiments,
    load_experiment,
    other_form,
)
from sentiprism.training.train import resolve
from sentiprism.yaml_files import load_yaml

ROOT = Path(__file__).parents[2]
EXPERIMENTS = list_experiments()
PUBLISHED = [name for name in EXPERIMENTS if load_experiment(name).published]


def rows(name):
    return [row for table in load_experiment(name).published.values() for row in table.rows]


def test_experiments_are_there():
    assert {"mdf/jian2026_mosi", "mdf/jian2026_mosei"} <= set(PUBLISHED)
    assert len(EXPERIMENTS) == len(list((ROOT / "experiments").rglob("*.y*ml")))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_is_a_run_of_its_own_model_and_dataset(name):
    model, _, file = name.partition("/")
    config = resolve(load_experiment(name).run)
    assert config.model == model
    assert family(config.dataset) == file.partition("_")[2].removesuffix("_frozen")
    assert config.config.keys() == MODELS[model].Config.model_fields.keys()  # filled in
    assert resolve(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_selection_metric_is_one_of_the_datasets(name):
    config = resolve(load_experiment(name).run)
    known = describe(config.dataset)
    assert known is not None or config.dataset in {"synthetic", "ravdess", "starter"}  # made here
    assert config.optim.select in {None, *PROTOCOLS[known.protocol if known else "intensity"].names}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_row_can_be_run_and_its_settings_are_in_force(name):
    runnable = [row for row in rows(name) if row.settings is not None]
    assert runnable
    for row in runnable:
        changed = resolve(merge(load_experiment(name).run, row.settings)).model_dump(mode="json")
        assert merge(changed, row.settings) == changed, row.name


@pytest.mark.parametrize("name", PUBLISHED)
def test_columns_are_metrics_of_the_datasets_protocol(name):
    known = describe(load_experiment(name).run["dataset"])
    for table in load_experiment(name).published.values():
        assert set(table.columns) <= set(PROTOCOLS[known.protocol].known)
        assert len(set(table.columns)) == len(table.columns)
        assert len({row.name for row in table.rows}) == len(table.rows)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_tables_alias_is_its_own(name):
    published = load_experiment(name).published
    aliases = [table.alias for table in published.values() if table.alias is not None]
    assert len(set(aliases)) == len(aliases)
    assert not set(aliases) & {*published, *(key.removeprefix("table_") for key in published)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_one_configuration_has_one_published_number(name):
    """Where two rows of a table are one run, the file contradicts the paper or the paper itself."""
    experiment = load_experiment(name)
    for table in experiment.published.values():
        runs = [resolve(merge(experiment.run, row.settings)) for row in table.rows if row.settings is not None]
        assert all(one not in runs[:i] for i, one in enumerate(runs))


# the paper


@pytest.fixture(scope="session")
def paper(papers: Path) -> str:
    return (papers / "mdf.txt").read_text(encoding="utf-8")


def printed(paper: str, number: int) -> list[list[str]]:
    """Lines of tab-separated cells above a table's caption, the two header lines left out, markup removed."""
    return [[re.sub(r"</?u>|\s", "", cell) for cell in cells] for cells in lines_above(paper, number)[2:]]


@pytest.mark.parametrize(("name", "second"), [("mdf/jian2026_mosi", False), ("mdf/jian2026_mosei", True)])
@pytest.mark.parametrize(("number", "headings", "width", "count"), [(1, 1, 5, 16), (2, 4, 2, 6), (3, 1, 2, 8)])
def test_mdfs_numbers_are_the_papers(paper, name, second, number, headings, width, count):
    lines = printed(paper, number)
    table = load_experiment(name).published[f"table_{number}"]
    assert len(lines) == count == len(table.rows)
    for cells, row in zip(lines, table.rows, strict=True):
        assert len(cells) == headings + 2 * width
        values = numbers(cells[headings + width * second :][:width])
        assert list(row.values) == values, row.name
        assert len(values) == len(table.columns)


def test_mdfs_rows_are_the_papers_models(paper):
    for cells, row in zip(
        printed(paper, 1), load_experiment("mdf/jian2026_mosi").published["table_1"].rows, strict=True
    ):
        printed_name = re.sub(r"†|\[♣\]|\(ours\)|\W", "", cells[0]).lower().replace("muit", "mult")  # read as I by OCR
        assert re.sub(r"\W", "", row.name).lower() in printed_name


def test_mdfs_loss_rows_switch_on_what_the_paper_ticks(paper):
    experiment = load_experiment("mdf/jian2026_mosi")
    for cells, row in zip(printed(paper, 2), experiment.published["table_2"].rows, strict=True):
        weights = resolve(merge(experiment.run, row.settings)).config["loss_weights"]
        ticked = dict(zip(("task", "a", "o", "w"), (bool(cell) for cell in cells), strict=False)) | {"uni": False}
        assert {name: weight > 0 for name, weight in weights.items()} == ticked


def test_mdfs_modality_rows_use_what_the_paper_names(paper):
    experiment = load_experiment("mdf/jian2026_mosei")
    letters = {"T": "text", "A": "audio", "V": "vision"}
    for cells, row in zip(printed(paper, 3), experiment.published["table_3"].rows, strict=True):
        config = resolve(merge(experiment.run, row.settings)).config
        heading = cells[0].replace("(only)", "")
        fused = config["fuse"] or config["modalities"]  # L_a of A' alone needs a text that is not fused
        assert set(fused) == {letters[letter] for letter in re.findall("[TAV]", heading)}
        if "A" in heading:
            assert config["sound"] == ("'" in heading)


@pytest.mark.parametrize(("name", "epochs", "batch"), [("mdf/jian2026_mosi", 50, 32), ("mdf/jian2026_mosei", 30, 64)])
def test_mdfs_settings_are_the_papers(name, epochs, batch):
    """Implementation Details."""
    optim = resolve(load_experiment(name).run).optim
    assert (optim.epochs, optim.batch_size) == (epochs, batch)
    assert (optim.lr, optim.group_lr) == (1e-3, {"text_encoder": 5e-5})


# finding and reading them


def test_an_unknown_experiment_answers_with_the_near_match():
    with pytest.raises(UserError, match="did you mean 'mdf/jian2026_mosi'"):
        load_experiment("mdf/jian2026_mossi")


def test_an_experiment_is_read_from_a_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text((folder() / "mdf" / "jian2026_mosi.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert load_experiment(str(path)) == load_experiment("mdf/jian2026_mosi")
    with pytest.raises(UserError, match="no file"):
        load_experiment(str(tmp_path / "absent.yaml"))


def test_a_row_of_another_width_is_named():
    data = load_yaml(folder() / "mdf" / "jian2026_mosi.yaml")
    data["published"]["table_2"]["rows"][3]["values"].append(1.0)
    with pytest.raises(UserError, match=r"table_2: row 'L_task \+ L_w' has 3 values for 2 columns"):
        Experiment.parse(data)


def test_what_is_doubtful_is_a_column():
    row = {"name": "TMT", "values": [0.5], "doubtful": ["mae"]}
    assert Table.parse({"caption": "", "columns": ["mae"], "rows": [row]}).rows[0].doubtful == ("mae",)
    with pytest.raises(UserError, match="row 'TMT' lists 'mae' as doubtful, which is not a column"):
        Table.parse({"caption": "", "columns": ["acc_5"], "rows": [row]})


def test_a_misspelt_key_deep_in_a_table_is_named():
    row = {"name": "MDF", "setings": {}, "values": [1.0]}
    with pytest.raises(UserError, match=r"'rows\.0\.setings'; did you mean 'settings'"):
        Table.parse({"caption": "", "columns": ["mae"], "rows": [row]})


def test_datasets_of_a_model():
    assert {"mosi", "mosei"} <= set(datasets_of("mdf"))
    assert datasets_of("md") == []


@pytest.mark.parametrize("model", ["dlf", "dpdf_lq", "ef_lstm", "graph_mfn", "mag_bert", "mfn", "tetfn"])
@pytest.mark.parametrize("dataset", ["mosi", "mosei"])
def test_what_was_published_on_word_aligned_data_names_them(model, dataset):
    (name,) = [one for one in EXPERIMENTS if one.startswith(f"{model}/") and one.endswith(dataset) and OURS not in one]
    assert load_experiment(name).run["dataset"] == f"{dataset}_aligned"
    assert other_form(name, f"{dataset}_aligned") is None
    assert f"are for {dataset}_aligned, aligned to words; this run is on {dataset}" in other_form(name, dataset)
    assert other_form(name, "my_own") is None, "another dataset is another matter"


def test_what_was_published_on_unaligned_data_says_so_too():
    assert "are for mosi, not aligned; this run is on mosi_aligned" in other_form("mdf/jian2026_mosi", "mosi_aligned")
    assert other_form("mdf/jian2026_mosi", "CMU-MOSI") is None


def test_our_own_settings_are_taken_where_there_are_any():
    assert default_settings("mdf", "mosi") == load_experiment(f"mdf/{OURS}_mosi").run
    assert (
        default_settings("mdf", "mosi_aligned")
        == default_settings("mdf", "CMU-MOSI")
        == default_settings("mdf", "mosi")
    )
    assert default_settings("mdf", "my_own") == {}


# packaging


def test_the_wheel_carries_the_experiments():
    """Where the installed package looks is where the wheel puts them."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    ((source, target),) = build["targets"]["wheel"]["force-include"].items()
    assert list((ROOT / source).glob("*/*.yaml"))
    assert target == "sentiprism/experiments"
    assert (ROOT / source).resolve() == folder().resolve()
