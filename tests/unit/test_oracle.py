"""Selection on test can be shown beside the honest number; training itself cannot come to know it."""

import inspect
import json
from dataclasses import fields

import pytest
import torch
from safetensors.torch import load_file

from makers_models import small
from sentiprism.data.dataset import TuningView
from sentiprism.errors import UserError
from sentiprism.evaluation.compare import compare
from sentiprism.evaluation.oracle import ORACLE
from sentiprism.training.loop import Trainer, Watch
from sentiprism.training.oracle import load_oracle
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.train import resume, train


def settings(**optim) -> dict:
    return {"config": small("mdf"), "optim": {"epochs": 5, "batch_size": 8, "lr": 5e-3, **optim}}


def told(run) -> list[dict]:
    lines = (run.seed_folder(1111) / "metrics.jsonl").read_text().splitlines()
    return [{**json.loads(line), "seconds": 0} for line in lines]


def test_it_changes_neither_weights_nor_what_is_selected(fit, data, tmp_path):
    plain = fit("plain")
    watched = train("mdf", data, settings={**settings(), "oracle": True}, out=tmp_path / "o", device="cpu", quiet=True)
    one, other = (load_file(run.seed_folder(1111) / "model" / "weights.safetensors") for run in (plain, watched))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert told(plain) == told(watched)
    assert not (plain.seed_folder(1111) / "oracle.jsonl").exists()
    rows = load_oracle(watched.seed_folder(1111))
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3, 4]
    best = next(row["epoch"] for row in reversed(told(watched)) if row["best"])
    honest = compare([watched], device="cpu").evaluations[0].metrics["mae"].mean
    assert rows[best]["test"]["mae"] == pytest.approx(honest)


def test_selection_has_no_way_to_test():
    """The view has no test split, and what the loop is handed takes a model and an epoch and gives nothing back."""
    assert {field.name for field in fields(TuningView)} == {"card", "train", "valid"}
    assert "test" not in inspect.signature(Trainer.__init__).parameters
    assert Watch.__args__[-1] is None


def test_a_view_without_test_has_no_oracle(data, tmp_path):
    with pytest.raises(UserError, match="no test split"):
        train("mdf", data.tuning(), settings={**settings(), "oracle": True}, out=tmp_path / "o", device="cpu")
    assert not (tmp_path / "o").exists()


class Killed(BaseException):
    """Stands for a kill."""


def test_a_killed_run_goes_on_with_one_line_an_epoch(data, tmp_path, monkeypatch):
    given = {**settings(epochs=4), "oracle": True}
    whole = train("mdf", data, settings=given, out=tmp_path / "whole", device="cpu", quiet=True)
    with monkeypatch.context() as patch:
        save, calls = Trainer._save, []

        def die(self):
            calls.append(None)
            if len(calls) == 2:  # after the scores of the second epoch, before its checkpoint
                raise Killed
            save(self)

        patch.setattr(Trainer, "_save", die)
        with pytest.raises(Killed):
            train("mdf", data, settings=given, out=tmp_path / "killed", device="cpu", quiet=True)
    again = resume(tmp_path / "killed", device="cpu", quiet=True)
    assert load_oracle(again.seed_folder(1111)) == load_oracle(whole.seed_folder(1111))


@pytest.mark.parametrize("extra", [{"modality_dropout": 0.3, "feature_noise": 0.2}])
def test_a_run_with_damaged_batches_resumes_bit_by_bit(data, tmp_path, monkeypatch, extra):
    given = {**settings(epochs=3, save_every=2), "data": extra}
    whole = train("mdf", data, settings=given, out=tmp_path / "whole", device="cpu", quiet=True)
    plain = train("mdf", data, settings=settings(epochs=3), out=tmp_path / "plain", device="cpu", quiet=True)
    steps = []

    def die(self):
        steps.append(None)
        if len(steps) == 10:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "step", die)
        with pytest.raises(Killed):
            train("mdf", data, settings=given, out=tmp_path / "killed", device="cpu", quiet=True)
    again = resume(tmp_path / "killed", device="cpu", quiet=True)
    one, same, other = (
        load_file(run.seed_folder(1111) / "model" / "weights.safetensors") for run in (whole, again, plain)
    )
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert told(whole) == told(again)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_compare_shows_what_selection_on_test_would_have_said(fit, data, tmp_path):
    given = {**settings(), "oracle": True}
    watched = train("mdf", data, seeds=2, settings=given, out=tmp_path / "o", device="cpu", quiet=True)
    found = compare([watched], oracle=True, device="cpu")
    best = [
        min((row["test"] for row in load_oracle(watched.seed_folder(s))), key=lambda t: t["mae"]) for s in (1111, 1112)
    ]
    shown = found.entries[0].oracle
    assert shown["mae"].mean == pytest.approx(sum(t["mae"] for t in best) / 2)
    assert shown["acc_7"].mean == pytest.approx(sum(t["acc_7"] for t in best) / 2)  # of the same epochs
    assert shown["mae"].mean <= found.evaluations[0].metrics["mae"].mean
    page = found.render("markdown")
    assert "| o † | mdf | 2 |" in page
    assert "epoch of the lowest test MAE †" in page
    assert ORACLE in page
    assert ORACLE not in compare([watched], device="cpu").render("markdown")
    with pytest.raises(UserError, match="oracle=true"):
        compare([watched, fit("plain", epochs=1)], oracle=True, device="cpu")
    with pytest.raises(UserError, match="selection on test"):
        compare([watched], "valid", oracle=True, device="cpu")
