"""Which runs a table of results joins and compares: folds of one dataset, and p-values of all its runs."""

import shutil

import numpy as np
import pytest

from makers_models import small
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.importers.sources import TableSource
from sentiprism.evaluation.differences import holm
from sentiprism.reproduction.folds import stem
from sentiprism.reproduction.results import gather, page
from sentiprism.tables import probability
from sentiprism.training.train import train


def import_fold(folder, name, fold, videos="v"):
    """A fold of three of a dataset of nine videos with four utterances each."""
    rng = np.random.default_rng(0)
    ids = [f"{videos}{i // 4}_{i % 4}" for i in range(36)]
    table = folder / f"{videos}.csv"
    lines = [f"{one},{one.partition('_')[0]},{rng.uniform(-3, 3):.2f}" for one in ids]
    table.write_text("id,video_id,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    np.savez(folder / f"{videos}.npz", id=ids, audio=rng.normal(size=(36, 3)).astype(np.float32))
    source = TableSource(table, audio=folder / f"{videos}.npz", folds=f"{fold}/3")
    return import_dataset(name, source, labels=LabelSpec(-3, 3))


def train_fold(data, out, seeds=1):
    settings = {"config": small("mdf"), "optim": {"epochs": 1}}
    return train("mdf", data, settings=settings, seeds=seeds, out=out, device="cpu", quiet=True)


def test_folds_by_video_are_one_result_over_all_utterances(home, tmp_path):
    for fold in (1, 2, 3):
        train_fold(import_fold(tmp_path, f"tiny_{fold}", fold), tmp_path / "runs" / f"{fold}", seeds=2)
    (one,) = gather([tmp_path / "runs"], device="cpu").shown
    assert one.evaluation.dataset == "tiny, 3 folds by video"
    assert one.evaluation.seeds == (1111, 1112)
    answered = one.evaluation.predictions[0]
    assert len(answered.ids) == len(set(answered.ids)) == 36
    error = np.abs(one.evaluation.stacked - answered.label).mean()
    assert one.evaluation.metrics["mae"].mean == pytest.approx(error, abs=1e-4)
    assert len(one.valid[1]) == 6
    assert one.command.startswith("for k in 1 2 3; do sentiprism train mdf --dataset tiny_$k --seeds 2 ")
    assert one.command.endswith("; done")
    assert len(gather([tmp_path / "runs" / "1", tmp_path / "runs" / "2"], device="cpu").shown) == 2


def test_folds_of_different_datasets_are_not_pooled_and_a_fold_trained_twice_is_not_lost(home, tmp_path):
    for name in ("one", "two"):
        for fold in (1, 2, 3):
            data = import_fold(tmp_path, f"{name}_{fold}", fold, videos=name)
            train_fold(data, tmp_path / "runs" / f"{name}-{fold}")
    train_fold("one_2", tmp_path / "runs" / "one-2-again")
    found = gather([tmp_path / "runs"], device="cpu").shown
    assert sorted(one.evaluation.dataset for one in found) == [
        "one, 3 folds by video",
        "one_2",
        "two, 3 folds by video",
    ]
    for one in found:
        names = {name[:3] for name in one.evaluation.predictions[0].ids}
        assert len(names) == 1
    (again,) = (one for one in found if one.evaluation.dataset == "one_2")
    assert again.run.name in {"one-2", "one-2-again"}


@pytest.mark.parametrize(
    ("name", "fold", "expected"),
    [("simsv2_1", 1, "simsv2"), ("mosi-10", 10, "mosi"), ("simsv2", 1, "simsv2"), ("simsv2", 2, "simsv2")],
)
def test_the_name_of_a_dataset_is_what_is_left_without_the_folds_number(name, fold, expected):
    assert stem(name, fold) == expected


def test_p_values_are_corrected_over_the_runs_of_a_table(many, tmp_path):
    settings = {"optim": {"epochs": 1}}
    for name, used in (("text", ["text"]), ("audio", ["audio"]), ("vision", ["vision"])):
        given = settings | {"config": {**small("mdf"), "modalities": used}}
        train("mdf", many, settings=given, out=tmp_path / name, device="cpu", quiet=True)
    given = settings | {"config": small("text_only")}
    train("text_only", many, settings=given, out=tmp_path / "head", device="cpu", quiet=True)
    head, *others = gather([tmp_path], device="cpu").shown
    p = {one.run.name: one.difference["mae"].p for one in others}
    assert {one.run.name: one.corrected for one in others} == holm(p)
    assert len(p) == 3
    text = page([head, *others])
    for one in others:
        assert f"<br>{probability('p', p[one.run.name])}<br>{probability('Holm', one.corrected)} |" in text
    (two, _) = (shutil.copytree(tmp_path / name, tmp_path / "few" / name) for name in ("text", "head"))
    _, alone = gather([two.parent], device="cpu").shown
    assert alone.corrected == alone.difference["mae"].p
