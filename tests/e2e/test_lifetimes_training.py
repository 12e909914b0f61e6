"""However a training, a search or a benchmark ends, nothing of it lives on, and it resumes."""

import json
import os
import signal

import pytest

from makers_cli import SIZES, SMALL, assignments
from makers_processes import left, needs_proc
from sentiprism.data.synthetic import synthetic_dataset

pytestmark = needs_proc

LONG = {**SMALL, "optim": {"epochs": 400, "batch_size": 8}}
SHORT = {**SMALL, "optim": {"epochs": 4, "batch_size": 8}}
LONGER = {**SMALL, "optim": {"epochs": 16, "batch_size": 8}}
"""Trials that are still running when both processes have one."""
TUNE = ("tune", "mdf", "--dataset", "tiny", "--out", "study", "--device", "cpu", "--json")


@pytest.fixture
def tiny(home):
    return synthetic_dataset("tiny", sizes=SIZES)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_training_says_how_to_resume_it(begin, cli, tmp_path, tiny, number, status):
    words = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "a run")
    started = begin(*words, *assignments(LONG))
    started.reach(lambda: "epoch  1" in started.shown)
    os.kill(started.pid, number)
    assert started.all_end() == status
    assert started.said()[-1] == "stopped; resume it with: sentiprism train --resume 'a run'"
    assert "Traceback" not in started.shown
    assert left(tmp_path) == []
    assert (tmp_path / "a run" / "seed-1111" / "last.safetensors").is_file()


def states(cli, settings, trials: int) -> list[str]:
    answer = cli(*TUNE, *assignments(settings), "--trials", trials)
    assert answer.status == 0, answer
    return [trial["state"] for trial in json.loads(answer.out)["trials"]]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_a_search_resumes_with_what_its_processes_were_trying(begin, cli, tmp_path, tiny, number, status):
    started = begin(*TUNE, *assignments(SHORT), "--trials", 40, "--jobs", 2)
    running = tmp_path / "study" / "running"
    started.reach(lambda: len(list(running.glob("*/*/metrics.jsonl"))) == 2)  # both are past an epoch
    os.kill(started.pid, number)
    assert started.all_end() == status
    if number == signal.SIGTERM:
        assert started.said()[-1] == "stopped; the same command resumes; finished trials are kept"
        assert "Traceback" not in started.shown
        assert left(tmp_path) == []
    found = states(cli, SHORT, trials=5)
    assert sum(state in {"complete", "pruned"} for state in found) >= 5
    assert "interrupted" in found
    assert list(running.iterdir()) == left(tmp_path) == []


def test_a_search_goes_on_without_a_process_that_was_killed(begin, cli, tmp_path, tiny):
    started = begin(*TUNE, *assignments(LONGER), "--trials", 12, "--jobs", 2)
    running = tmp_path / "study" / "running"
    started.reach(lambda: len(list(running.glob("*/*/metrics.jsonl"))) == 2)
    os.kill(started.child("tuning.workers"), signal.SIGKILL)
    assert started.process.wait(120) == 0
    started.all_end()
    assert "a process of the study failed (SIGKILL); the others run its trials" in started.shown
    found = states(cli, LONGER, trials=12)
    assert (found.count("interrupted"), sum(state in {"complete", "pruned"} for state in found)) == (1, 12)


@pytest.mark.parametrize("numbers", [(signal.SIGKILL, signal.SIGINT)])
def test_a_benchmark_leaves_no_process_and_removes_what_a_killed_one_left(begin, tmp_path, minilm, numbers):
    for number in numbers:
        started = begin("bench", "text_only", "--encoder", "bert-base", "--only", "real")
        started.reach(lambda: started.child("benchmark"))  # noqa: B023 - it is called here
        os.kill(started.pid, number)
        started.all_end()
    assert started.said()[-1] == "stopped; run the same command again"
    assert left(tmp_path) == []
