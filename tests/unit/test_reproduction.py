"""A paper's table of systems is filled by training every model of it that is here, each with its own settings."""

import json

import numpy as np
import pytest

from makers_ablation import paper
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.reproduction.ablation import plan_table
from sentiprism.reproduction.reproduce import Entry, experiment_of, make_entry, papers_on, reproduce
from sentiprism.training.experiments import list_experiments, load_experiment
from sentiprism.training.run import Run
from sentiprism.training.train import resolve

__all__ = ["paper"]

ROWS = [
    {"name": "LMF", "values": [0.95, 0.651]},
    {"name": "AcFormer", "values": [0.715, None]},
    {"name": "EMT", "values": [0.705, 0.798]},
    {"name": "MFN", "values": [0.927, 0.67]},
    {"name": "MDF", "settings": {}, "values": [0.692, 0.81]},
]
SETTINGS = ("optim.epochs=1", "optim.batch_size=16", "config.dropout=0.2")


@pytest.fixture
def fill(data, paper, tmp_path):
    """Fills a table that was published on MOSI from the small dataset, into ``runs``."""

    def run(rows=ROWS, *, assignments=SETTINGS, seeds=1, **options):
        file = options.pop("experiment", None) or paper(rows, dataset="mosi")
        options = {"out": tmp_path / "runs", "device": "cpu", "quiet": True, **options}
        return reproduce("mdf", "2", "small", experiment=file, seeds=seeds, assignments=assignments, **options)

    return run


def weights(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("weights.safetensors")}


# which experiment a row is of


@pytest.mark.parametrize(
    ("row", "dataset", "quoted", "name"),
    [
        ("LMF", "mosi", "mdf_table_1", "lmf/liu2018_mosi"),
        ("Self-MM", "mosei", "mdf_table_1", "self_mm/yu2021_mosei"),
        ("MFN (A)", "sims", "fine_table_4", "mfn/zadeh2018_sims"),  # by the table that quotes it
        ("DLF", "mosi", "mdf_table_1", "dlf/wang2025_mosi"),  # by its own paper
        ("TMT+AMW", "sims", "tmt_table_1", "tmt_amw/yan2025_sims"),
        ("AcFormer", "mosi", "mdf_table_1", None),
        ("C-MFN (with context)", "urfunny", "fine_table_3", None),  # another system than MFN
        ("MAGBERT (XLNet)", "urfunny", "fine_table_3", None),
        ("LMF", "urfunny", "fine_table_3", None),  # here, without settings
    ],
)
def test_a_row_is_found_by_what_quotes_it_or_by_its_models_name(row, dataset, quoted, name):
    assert experiment_of(row, quoted, papers_on(dataset)) == name


@pytest.mark.parametrize(
    "name", [one for one in list_experiments() if one.startswith(("mdf/j", "dlf/w", "fine/l", "dpdf_lq/z", "tmt"))]
)
def test_every_other_models_row_of_a_paper_says_what_becomes_of_it(name):
    model, paper = name.partition("/")[0], load_experiment(name)
    papers = papers_on(paper.run["dataset"])
    for key in paper.published:
        asked = plan_table(model, key, None, {"experiment": name})
        for row in asked.rows:
            if row.settings is not None:
                continue
            found = make_entry(asked, model, row, papers)
            if found.settings is None:
                assert "here" in found.note, row.name
                continue
            config = resolve(found.settings)
            assert found.folder == config.model
            assert config.dataset == asked.paper.run["dataset"]
            assert f"settings of {config.model}/" in found.note


# what is trained


def test_each_model_is_trained_with_its_own_settings_and_stands_in_the_papers_order(fill, tmp_path):
    found = fill()
    assert [one.row.name for one in found.lines] == ["plain head", "LMF", "AcFormer", "EMT", "MFN", "MDF"]
    assert sorted(one.name for one in (tmp_path / "runs").iterdir()) == ["lmf", "mdf", "mfn", "text_only"]
    head, lmf, acformer, _, mfn, mdf = found.lines
    for one, folder in ((head, "text_only"), (lmf, "lmf"), (mfn, "mfn"), (mdf, "mdf")):
        (kept,), (anew,) = (e.predictions for e in (one.evaluation, evaluate(tmp_path / "runs" / folder, device="cpu")))
        assert np.array_equal(kept.prediction, anew.prediction)
    own = load_experiment("lmf/liu2018_mosi").run
    config = Run(tmp_path / "runs" / "lmf").config
    wanted = resolve({**own, "dataset": "small", "seeds": 1}, SETTINGS[:2])
    assert resolve(config.model_dump(mode="json")) == wanted, "config.dropout is for the paper's own model"
    assert Run(tmp_path / "runs" / "mdf").config.config["dropout"] == 0.2
    assert acformer.evaluation is None
    assert acformer.note == "not implemented here"
    assert lmf.note == "settings of lmf/liu2018_mosi"
    assert mdf.difference is None
    assert lmf.difference is not None


def test_the_page_names_constant_head_rules_and_what_is_not_here(fill):
    found = fill()
    names, columns = found.names(), found.columns()
    assert [one.removesuffix(" ‡") for one in names[:3]] == ["constant predictor", "plain head", "LMF"]
    assert list(columns)[:3] == ["MAE ↓ published", "MAE ↓ measured", "MAE ↓ less MDF"]
    assert columns["MAE ↓ published"][1:4] == [("–",), ("0.95",), ("0.715",)]
    assert len(columns["MAE ↓ measured"][1]) == 1 or "[" in columns["MAE ↓ measured"][1][1]
    said = found.remarks()
    assert "AcFormer, EMT: not implemented here" in said
    assert "published: a paper; selection: not stated" in said
    assert any(text.startswith("measured: small, test; epoch of the lowest valid MAE;") for text in said)
    assert any(text.startswith("plain head: a linear layer on the text encoder") for text in said)
    rows = json.loads(json.dumps(found.to_dict()))["rows"]
    assert [row["measured"] is not None for row in rows] == [True, True, False, False, True, True]


def test_rows_that_choose_their_epoch_by_different_rules_say_so(fill, paper):
    said = fill(experiment=paper(ROWS, dataset="mosi", optim={"epochs": 1, "batch_size": 16, "select": "acc_7"}))
    said = said.remarks()
    assert "selection of MDF: epoch of the highest valid Acc-7; test is not looked at" in said
    assert "selection of plain head, LMF, MFN: epoch of the lowest valid MAE; test is not looked at" in said


def test_what_is_finished_is_not_trained_again_and_another_table_shares_it(fill, tmp_path):
    fill(ROWS[3:])
    before = weights(tmp_path / "runs")
    again = fill(ROWS[3:])
    assert weights(tmp_path / "runs") == before
    assert again.lines[-1].evaluation is not None
    fill(
        [
            ROWS[0],
            *ROWS[3:4],
            {"name": "text alone", "settings": {"config": {"modalities": ["text"]}}, "values": [1, 0]},
        ]
    )
    assert weights(tmp_path / "runs").items() > before.items()
    assert {path.parts[-4] for path in weights(tmp_path / "runs")} == {
        "03-text-alone", "mdf", "lmf", "mfn", "text_only",
    }  # fmt: skip
    with pytest.raises(UserError, match=r"'MFN' was trained in .*mfn with optim.epochs=1, not 2; choose another `out`"):
        fill(ROWS[3:], assignments=("optim.epochs=2", *SETTINGS[1:]))


@pytest.mark.parametrize(
    ("assignment", "cause"),
    [
        ("optim.group_lr.critics=0.1", "lmf has no parameter group 'critics'"),
        ("optim.select=acc_9", "acc_9"),
    ],
)
def test_what_one_model_cannot_take_is_refused_before_anything_is_trained(fill, tmp_path, assignment, cause):
    with pytest.raises(UserError, match=cause):
        fill(assignments=(*SETTINGS, assignment))
    assert not list((tmp_path / "runs").rglob("weights.safetensors"))


def test_a_table_without_other_models_is_that_of_ablate(fill, tmp_path):
    found = fill([ROWS[1], ROWS[-1]])
    assert [one.row.name for one in found.lines] == ["AcFormer", "MDF"]
    assert [one.name for one in (tmp_path / "runs").iterdir()] == ["02-mdf"]


def test_frozen_layers_of_an_encoder_that_is_replaced_are_not_asked_for():
    asked = plan_table("mdf", "1", "mosi", {})
    row, papers = next(row for row in asked.rows if row.name == "MISA"), papers_on("mosi")

    def layers(*assignments: str) -> tuple[Entry, int | None]:
        found = make_entry(asked, "mdf", row, papers, assignments)
        return found, found.settings["data"]["text"].get("frozen_layers")

    found, count = layers()
    assert count == 9
    found, count = layers("data.text.mode=frozen")
    assert count is None
    assert found.note.endswith("without the frozen layers of its own text encoder")
    assert resolve(found.settings).data.text.mode == "frozen"
    assert layers("data.text.encoder=minilm", "data.text.frozen_layers=2")[1] == 2
