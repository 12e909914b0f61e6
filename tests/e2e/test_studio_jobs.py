"""Jobs of the studio are processes of their own, whatever becomes of the server and of themselves."""

import os
import signal
from pathlib import Path

import pytest

from makers_processes import needs_proc
from makers_studio import endless, epochs, follow, members, open_runner, pid_of, row, training, wait_for
from sentiprism.studio.jobs.kinds import parse_job
from sentiprism.studio.jobs.process import LOG, PROCESS, Identity, identify, is_alive, kill, read_process
from sentiprism.studio.jobs.runner import Runner
from sentiprism.training.run import Run

pytestmark = needs_proc
ITEMS = [{"id": "x", "name": "x", "file": "x.wav", "report": "reports/x"}]


@pytest.fixture
def runner(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = open_runner(home)
    yield opened
    for folder in (home / "studio" / "jobs").glob("*"):
        if (process := read_process(folder)) is not None:
            kill(process)
    opened.database.close()


def begin(runner: Runner, folder: Path) -> tuple[str, int]:
    """Start a training and wait until some epochs are written; the job and its process."""
    job = runner.add("train", "x", endless(), folder)
    follow(runner, job, "running")
    wait_for(lambda: epochs(folder / "runs" / "tiny") > 2, "an epoch")
    return job, pid_of(runner, job)


def test_a_training_runs_to_its_end_and_is_a_run_like_any_other(runner, tmp_path):
    job = runner.add("train", "MDF on tiny", training(), tmp_path)
    assert row(runner, job).state == "queued"
    done = follow(runner, job, "done", "failed")
    assert (done.state, done.error) == ("done", None), (runner.job_folder(job) / LOG).read_text()
    assert done.result == {"run": "runs/tiny"}
    run = Run(tmp_path / "runs" / "tiny")
    assert run.finished == (1111,)
    assert (run.seed_folder(1111) / "predictions-test.parquet").is_file(), "it is measured, as on the command line"
    assert "measured on test" in (runner.job_folder(job) / LOG).read_text()


def test_what_cannot_be_done_says_why(runner, tmp_path):
    parameters = training()
    parameters["run"]["dataset"] = "nowhere"
    failed = follow(runner, runner.add("train", "x", parameters, tmp_path), "done", "failed")
    assert failed.state == "failed"
    assert failed.error.startswith("no dataset is called 'nowhere'")
    gone = runner.add("train", "x", training(), tmp_path / "gone")
    assert "could not be started" in follow(runner, gone, "failed").error


def test_as_many_run_at_once_as_are_allowed(runner, tmp_path):
    jobs = [runner.add("train", "x", endless(f"runs/{n}"), tmp_path) for n in range(3)]
    runner.look()
    assert [row(runner, job).state for job in jobs] == ["running", "queued", "queued"]
    runner.set_at_once(2)
    runner.look()
    assert [row(runner, job).state for job in jobs] == ["running", "running", "queued"]
    runner.stop(jobs[2])
    assert row(runner, jobs[2]).state == "stopped", "what has not begun is out of the queue at once"
    for job in jobs[:2]:
        runner.stop(job)
        follow(runner, job, "stopped")


def test_a_stopped_job_leaves_no_process_and_resumes_where_it_was(runner, tmp_path):
    job, pid = begin(runner, tmp_path)
    runner.stop(job)
    assert row(runner, job).state == "stopping"
    follow(runner, job, "stopped")
    assert members(pid) == []
    before = epochs(tmp_path / "runs" / "tiny")
    assert runner.resume(job)
    follow(runner, job, "running")
    wait_for(lambda: epochs(tmp_path / "runs" / "tiny") > before, "an epoch more")
    assert row(runner, job).attempts == 2
    assert not runner.resume(job), "it runs already"
    runner.stop(job)
    follow(runner, job, "stopped")


def test_a_killed_job_is_marked_and_resumes(runner, tmp_path):
    job, pid = begin(runner, tmp_path)
    os.killpg(pid, signal.SIGKILL)
    dead = follow(runner, job, "interrupted")
    assert "killed" in dead.error
    before = epochs(tmp_path / "runs" / "tiny")
    runner.resume(job)
    follow(runner, job, "running")
    wait_for(lambda: epochs(tmp_path / "runs" / "tiny") > before, "an epoch more")
    runner.stop(job)
    follow(runner, job, "stopped")


def test_a_job_that_died_with_its_server_is_marked_by_the_next_one(home, tmp_path, runner):
    job = runner.add("train", "x", endless(), tmp_path)
    follow(runner, job, "running")
    pid = pid_of(runner, job)
    os.killpg(pid, signal.SIGKILL)
    runner._children[job].wait()
    assert row(runner, job).state == "running", "nobody has looked"
    later = open_runner(home)
    follow(later, job, "interrupted")
    later.database.close()


def test_a_number_that_was_given_again_is_another_process():
    own = identify(os.getpid())
    assert is_alive(own)
    earlier = Identity(pid=os.getpid(), started="an earlier moment")
    assert not is_alive(earlier)
    kill(earlier)  # and so nobody is killed
    assert identify(2**22 + 1) is None


def test_a_job_whose_process_never_says_who_it_is_does_not_block_the_queue(runner, tmp_path):
    job = runner.add("train", "x", {"run": "not a run"}, tmp_path)
    failed = follow(runner, job, "failed")
    assert "job" in failed.error
    assert (runner.job_folder(job) / PROCESS).is_file()
    follow(runner, runner.add("train", "x", training(), tmp_path), "done")


def test_parameters_are_the_command_lines_options():
    with pytest.raises(Exception, match=r"optim.*epochs"):
        parse_job("train", {"run": {"model": "mdf", "dataset": "x", "optim": {"epochs": 0}}, "out": "runs/x"})
    with pytest.raises(Exception, match="longest"):
        parse_job("analyze", {"items": ITEMS, "options": {"longest": -1}})
