"""A study of several machines in a real PostgreSQL: nothing is lost or doubled when one is killed."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from makers_cli import SMALL
from makers_processes import needs_proc
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.training.loop import Trainer
from sentiprism.tuning import database, journal
from sentiprism.tuning.storage import StorageError
from sentiprism.tuning.tune import resume_study, tune
from sentiprism.tuning.workers import Workers

pytestmark = needs_proc

SECRET = "s3cr{t"  # noqa: S105 - of no server
TRIALS = 5
SETTINGS = {**SMALL, "optim": {"epochs": 2, "batch_size": 20}}
WORKER = f"""
import json, sys, time
from sentiprism.tuning import database, journal
from sentiprism.tuning.tune import tune
database.SILENCE, journal.POLL = 8, 0.1
if sys.argv[1] == "victim":
    def hang(self, trial):
        def epoch(row):
            print(trial.number, flush=True)
            time.sleep(600)
        return epoch
    journal.Journal.pruning_callback = hang
settings = json.loads(sys.argv[3])
found = tune("mdf", "tiny", settings=settings, trials={TRIALS}, out=sys.argv[2], device="cpu")
print(json.dumps(found.to_dict()))
"""


def worker(folder: Path, kind: str, url: str, home: Path) -> subprocess.Popen:
    """A machine: a folder and a home of its own, and the database's address in its environment."""
    environment = {**os.environ, "SENTIPRISM_HOME": str(home), "SENTIPRISM_STORAGE": url, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", WORKER, kind, "study", json.dumps(SETTINGS)]
    folder.mkdir()
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def stored(url: str, query: str) -> list[tuple]:
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_three_machines_share_a_study_and_one_is_killed_in_a_trial(url, home, tmp_path, monkeypatch):
    synthetic_dataset("tiny", sizes=(40, 16, 16))
    secret = url.replace("me@", f"me:{SECRET.replace('{', '%7B')}@")  # the server trusts everyone of this machine
    victim = worker(tmp_path / "victim", "victim", secret, home)
    killed = int(victim.stdout.readline())  # in the first epoch of this trial
    others = [worker(tmp_path / name, "other", secret, home) for name in "ab"]
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    told = [one.communicate(timeout=200) for one in others]
    assert [one.returncode for one in others] == [0, 0], told

    a, b = (json.loads(out.splitlines()[-1]) for out, _ in told)
    assert a == b  # the same table anywhere, also from the one that was done first
    assert (tmp_path / "a/study/best.yaml").read_bytes() == (tmp_path / "b/study/best.yaml").read_bytes()
    trials = a["trials"]
    states = Counter(trial["state"] for trial in trials)
    assert states["complete"] + states["pruned"] == TRIALS
    assert states["interrupted"] == 1
    assert trials[killed]["state"] == "interrupted"
    assert [trial["number"] for trial in trials] == list(range(TRIALS + 1))
    settings = [json.dumps(trial["settings"], sort_keys=True) for trial in trials]
    assert Counter(settings)[settings[killed]] == 2  # retried once
    assert len(set(settings)) == TRIALS
    names = stored(url, "SELECT trial_id, param_name, count(*) FROM trial_params GROUP BY trial_id, param_name")
    assert {count for *_, count in names} == {1}
    assert len(names) == (TRIALS + 1) * len(a["study"]["space"])
    assert stored(url, "SELECT count(*) FROM trials WHERE state IN ('RUNNING', 'WAITING')") == [(0,)]

    for text in (part for pair in told for part in pair):
        assert SECRET not in text
        assert secret not in text
    written = [path.read_text(errors="replace") for path in tmp_path.glob("*/study/**/*") if path.is_file()]
    assert len(written) > 4
    assert not any("s3cr" in text for text in written)
    assert not (tmp_path / "a/study/journal.log").exists()
    assert not any((tmp_path / "a/study/running").glob("*"))

    # by the folder alone, whose address has no password; and what differs is named
    monkeypatch.chdir(tmp_path / "b")
    again = resume_study("study", trials=TRIALS, device="cpu", quiet=True)
    assert [trial._asdict() for trial in again.trials] == b["trials"]
    given = {"trials": TRIALS, "device": "cpu", "quiet": True, "storage": secret}
    for change, difference in (
        ({"settings": {**SETTINGS, "optim": {"epochs": 3, "batch_size": 20}}}, "optim.epochs is 3 here and 2 there"),
        ({"seeds": 2}, "seeds is 2 here and 1 there"),
        ({"precision": "bf16"}, "precision is bf16 here and no there"),
        ({"search": ["config.width=[8, 16]"]}, r"space.config.width is .*\[8, 16\]\} here and not set there"),
    ):
        with pytest.raises(UserError, match=difference) as refused:
            tune("mdf", "tiny", **{"settings": SETTINGS, "out": tmp_path / "new" / "study", **given, **change})
        assert "s3cr" not in str(refused.value)
        assert not (tmp_path / "new").exists()


@pytest.fixture
def one(url, home, tmp_path):
    """Run trials of a study of this process."""
    data = synthetic_dataset("tiny", sizes=(40, 16, 16))

    def run(trials: int, name: str = "one"):
        given = {"settings": SETTINGS, "device": "cpu", "quiet": True, "storage": url}
        return tune("mdf", data, trials=trials, out=tmp_path / name, **given)

    return run


def test_a_database_proposes_what_a_journal_proposes(one, tmp_path, monkeypatch, capfd):
    found = one(2)
    synthetic = {"settings": SETTINGS, "device": "cpu", "quiet": True}
    alone = tune("mdf", "tiny", trials=3, out=tmp_path / "alone", **synthetic)
    assert found.trials == alone.trials[:2]
    assert one(3).trials == alone.trials
    notes = []
    nonsense = {"SENTIPRISM_STORAGE": "nonsense"}  # the address of further processes, which no command line has
    with Workers(tmp_path / "one", 3, {"device": "cpu"}, 1, 1, notes.append, nonsense) as workers:
        assert workers.wait()
    assert "`storage` is not an address of a PostgreSQL database" in capfd.readouterr().err
    monkeypatch.setenv("SENTIPRISM_STORAGE", "dbname=x")
    with pytest.raises(UserError, match=r"the trials of .*alone are in its journal\.log; choose another `out`"):
        resume_study(tmp_path / "alone", trials=3)


def test_settings_that_end_their_process_twice_are_not_tried_again(one, monkeypatch):
    def dies(trainer, *given):
        raise MemoryError

    monkeypatch.setattr(journal, "POLL", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", dies)
        for _ in range(2):
            with pytest.raises(MemoryError):
                one(2, "dying")
    found = one(2, "dying")
    assert [trial.state for trial in found.trials] == ["interrupted", "failed", "complete"]
    assert found.trials[1].note == "its process ended without a result 2 times"


def test_a_machine_that_was_silent_does_not_count_twice(one, monkeypatch):
    whole = Trainer.run
    calls = []

    def sleeps(trainer, *given):
        calls.append(trainer)
        if len(calls) == 1:  # as after a suspend: another machine has found it silent
            monkeypatch.setattr(database, "SILENCE", -1)
            one(1, "silent")
            monkeypatch.setattr(database, "SILENCE", 60)
        return whole(trainer, *given)

    monkeypatch.setattr(Trainer, "run", sleeps)
    found = one(1, "silent")
    assert [(trial.state, trial.number) for trial in found.trials] == [("interrupted", 0), ("complete", 1)]


def test_an_address_is_checked_and_never_shown(tmp_path, home):
    data = synthetic_dataset("tiny", sizes=(40, 16, 16))
    for address, error, reason in (
        ("postgresql://me:s3cret@127.0.0.1:1/x", StorageError, "dbname=x host=127.0.0.1 port=1 cannot be used"),
        ("postgresql://me:pa@s3cret@127.0.0.1:1/x", UserError, "not an address .*with %40 for @ in a password"),
        ("postgresql://me:pa@127.0.0.1:s3cret/x", UserError, "`storage` is not an address"),
        ("mysql://me:s3cret@host/x", UserError, "`storage` is not an address of a PostgreSQL database; write it as"),
        ("", UserError, "`storage` is not an address"),
    ):
        with pytest.raises(error, match=reason) as refused:
            tune("mdf", data, settings=SETTINGS, out=tmp_path / "study", device="cpu", quiet=True, storage=address)
        assert "s3cret" not in str(refused.value)
        assert not (tmp_path / "study").exists()
