"""Two processes under ``accelerate launch`` are one process: same numbers, one set of files."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from makers_cli import SMALL, assignments, files
from makers_processes import Started, needs_proc
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.predictions_file import read_predictions
from sentiprism.training.train import resume, train

PORT = 0  # any that is free
EPOCHS = 30
TORCHRUN = """
import sys
from torch.distributed.run import main
sys.exit(main())
"""
LEAVING = """
import atexit
from torch import distributed
from sentiprism.training.engine import Engine
atexit.register(lambda: print("in the group" if distributed.is_initialized() else "left", flush=True))
Engine("cpu")
assert distributed.is_initialized()
"""
# accelerate's name for several processes of one machine; with --cpu it starts one, whatever --num_processes says
LAUNCH = ("--multi_gpu", "--num_machines=1", "--num_processes=2", "--mixed_precision=no", "--dynamo_backend=no")
SETTINGS = {
    # no dropout: processes draw differently; odd sizes: they never have equal parts of a batch
    "config": {**SMALL["config"], "dropout": 0},
    "optim": {"epochs": 2, "batch_size": 9, "accumulate": 2, "clip": 1, "save_every": 1},
}


loopback = pytest.mark.skipif(not Path("/proc").is_dir(), reason="the loopback device is called lo on Linux")


def launch(folder: Path, *words: str, seconds: float = 120) -> str:
    """Run a program in two processes and return what they print; whatever happens, none of them is left."""
    command = [sys.executable, "-m", "accelerate.commands.launch", *LAUNCH, f"--main_process_port={PORT}"]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    with subprocess.Popen(
        [*command, *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            out, err = started.communicate(timeout=seconds)
        except BaseException:
            started.terminate()  # the launcher ends its workers, which are sessions of their own, and then itself
            raise
    assert started.returncode == 0, err
    return out


def numbers(run: Path) -> list[dict]:
    """metrics.jsonl without what may differ."""
    lines = (run / "seed-1111" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]


@loopback
def test_two_processes_are_one(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # nobody lacks a modality: L_a is a mean over samples that have text and audio, which each process takes by itself
    data = synthetic_dataset("tiny", sizes=(47, 15, 13), missing=0)
    one = train("mdf", data, settings=SETTINGS, out=tmp_path / "one", device="cpu", quiet=True)
    for split in ("valid", "test"):
        evaluate(one, split, device="cpu")

    words = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "two", *assignments(SETTINGS))
    out = launch(tmp_path, "--module", "sentiprism", *words, "--json")

    alone, together = numbers(tmp_path / "one"), numbers(tmp_path / "two")
    assert len(alone) == len(together) == 2
    for a, b in zip(alone, together, strict=True):
        assert a["best"] == b["best"]
        for part in ("train", "valid", "valid_losses", "weights_kl"):
            assert b[part] == pytest.approx(a[part], rel=1e-4, abs=1e-4), part
    assert [r["split"] for r in json.loads(out)] == ["valid", "test"]  # one process speaks: this is one JSON value
    assert files(tmp_path / "two") == files(tmp_path / "one")
    for split in ("valid", "test"):
        a, b = (
            read_predictions(tmp_path / run / "seed-1111" / f"predictions-{split}.parquet") for run in ("one", "two")
        )
        assert a.ids.tolist() == b.ids.tolist() == data.split(split).ids.tolist()
        np.testing.assert_array_equal(a.label, b.label)
        np.testing.assert_allclose(b.prediction, a.prediction, atol=1e-4)
        for name, weights in a.weights.items():
            np.testing.assert_allclose(b.weights[name], weights, atol=1e-4)


@loopback
def test_processes_leave_their_group_before_the_interpreter_ends(tmp_path):
    # torch's threads of a group that is left later abort the process now and then, after a training that succeeded
    (tmp_path / "script.py").write_text(LEAVING)
    assert sorted(launch(tmp_path, "script.py").split()) == ["left", "left"]


def children(pid: int) -> list[int]:
    """Processes that this one has started; the launcher's are in sessions of their own."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@needs_proc
def test_when_one_process_is_killed_all_end_and_one_process_resumes_the_run(home, tmp_path):
    data = synthetic_dataset("tiny", sizes=(47, 15, 13), missing=0)
    settings = {**SETTINGS, "optim": {**SETTINGS["optim"], "epochs": EPOCHS}}
    words = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "run", *assignments(settings))
    launcher = ("--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=2", "--module", "sentiprism")
    environment = {"SENTIPRISM_HOME": str(home), "GLOO_SOCKET_IFNAME": "lo"}
    started = Started(TORCHRUN, *launcher, *words, folder=tmp_path, **environment)
    started.reach(lambda: "epoch  2" in started.shown)
    workers = children(started.pid)
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    assert started.all_end() != 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert started.shown.count("epoch  1") == 1  # one process speaks
    before = numbers(tmp_path / "run")
    assert 2 <= len(before) < EPOCHS
    resume(tmp_path / "run", device="cpu", quiet=True)
    settings["optim"]["stop_after"] = len(before) + 2  # later, roundings add up
    whole = train("mdf", data, settings=settings, out=tmp_path / "whole", device="cpu", quiet=True)
    together = numbers(tmp_path / "run")
    assert len(together) == EPOCHS
    assert together[: len(before)] == before
    for a, b in zip(numbers(whole.folder), together[: len(before) + 2], strict=True):
        assert b["valid"] == pytest.approx(a["valid"], rel=1e-3, abs=1e-3)
        assert b["train"] == pytest.approx(a["train"], rel=1e-3, abs=1e-3)
