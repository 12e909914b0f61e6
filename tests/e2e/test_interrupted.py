"""A run that is stopped, killed or out of disk goes on as if it had not been."""

import json
import signal
from pathlib import Path

import torch
from safetensors.torch import load_file

from makers_cli import SIZES, SMALL, assignments, ended, files
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.evaluation.predictions_file import read_predictions


def lines(run: Path) -> list[dict]:
    text = (run / "seed-1111" / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) | {"seconds": 0} for line in text.splitlines()]


def test_a_killed_training_goes_on_as_if_it_had_not_been(process, cli, home, tmp_path):
    synthetic_dataset("tiny", sizes=SIZES)
    settings = {**SMALL, "optim": {"epochs": 15, "batch_size": 8, "schedule": "cosine", "save_every": 2}}
    words = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", *assignments(settings))
    whole = cli(*words, "--out", "whole")
    assert whole.status == 0

    started = process(*words, "--out", "killed")
    next(line for line in started.stderr if "epoch  1" in line)  # its checkpoint is on disk
    started.send_signal(signal.SIGKILL)
    assert ended(started).status == -signal.SIGKILL
    seed = tmp_path / "killed" / "seed-1111"
    assert (seed / "last.safetensors").exists()
    before = len(lines(tmp_path / "killed"))
    assert 1 <= before < 15
    assert (
        "no seed of killed is finished; resume it: sentiprism train --resume killed" in cli("evaluate", "killed").error
    )
    half = seed / ".last.safetensors.tmp-abcdefgh" / "last.safetensors"  # what a kill in the middle of a write leaves
    half.parent.mkdir()
    half.write_bytes(b"half a file")

    resumed = cli("train", "--resume", "killed", "--device", "cpu")
    assert resumed.status == 0
    assert resumed.out.replace("killed", "whole") == whole.out
    assert lines(tmp_path / "killed") == lines(tmp_path / "whole")
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    weights = [load_file(tmp_path / run / "seed-1111" / "model" / "weights.safetensors") for run in ("killed", "whole")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])
    for split in ("valid", "test"):
        a, b = (
            read_predictions(tmp_path / run / "seed-1111" / f"predictions-{split}.parquet")
            for run in ("killed", "whole")
        )
        assert a.prediction.tobytes() == b.prediction.tobytes()
        assert a.ids.tolist() == b.ids.tolist()


def test_a_training_that_is_stopped_says_how_to_resume(process, cli, home, tmp_path):
    synthetic_dataset("tiny", sizes=SIZES)
    settings = {**SMALL, "optim": {"epochs": 500, "batch_size": 8}}
    started = process(
        "train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "stopped", *assignments(settings)
    )
    next(line for line in started.stderr if "epoch  0" in line)
    started.send_signal(signal.SIGINT)
    answer = ended(started)
    assert answer.status == 130
    assert answer.err.splitlines()[-1] == "stopped; resume it with: sentiprism train --resume stopped"
    assert "Traceback" not in answer.err
    assert (tmp_path / "stopped" / "seed-1111" / "last.safetensors").exists()


def test_a_full_disk_while_training(process, cli, finished, tmp_path):
    words = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "full", *assignments())
    stopped = ended(process(*words, limit=15_000))
    errors = [line for line in stopped.err.splitlines() if line.startswith("error: ")]
    assert stopped.status == 2
    assert stopped.err.splitlines()[-1:] == errors
    assert "safetensors" in errors[0]
    assert "free some space" in errors[0]
    assert "Traceback" not in stopped.err
    assert files(tmp_path / "full") == {"run.yaml", "environment.json"}
    resumed = cli("train", "--resume", "full", "--device", "cpu")
    assert resumed.status == 0
    assert (tmp_path / "full" / "summary.json").exists()


def test_a_finished_run_is_resumed_to_nothing_but_its_numbers(cli, finished):
    def state() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in finished.rglob("*") if p.is_file() and "predictions" not in p.name}

    before = state()
    answer = cli("train", "--resume", "run", "--device", "cpu")
    assert answer.status == 0
    assert "epoch" not in answer.err
    assert "MAE" in answer.out
    assert state() == before


def test_a_run_without_a_finished_seed(refused, finished):
    (finished / "summary.json").unlink()
    assert "resume it: sentiprism train --resume run" in refused("evaluate", "run")
