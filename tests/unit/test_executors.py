"""Work in several processes: what becomes of one item costs the others nothing, and no process outlives its parent."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from makers_processes import Started, needs_proc
from makers_work import half, killed, process, write
from sentiprism.errors import UserError
from sentiprism.executors.processes import LocalProcesses


def test_a_failure_costs_its_own_item_alone():
    found = dict(LocalProcesses(2).run(half, [1, 2, 3, 4, 5, 6, 7, 8]))
    assert [found[n] for n in (1, 6, 7, 8)] == [0.5, 3.0, 3.5, 4.0]
    reasons = {n: str(found[n]) for n in (2, 3, 4, 5)}
    assert all(isinstance(found[n], UserError) for n in reasons)
    assert reasons[2].startswith("the process working on it ended twice (SIGSEGV)")
    assert reasons[3] == "three; leave it out"
    assert "pickle" in reasons[4]
    assert reasons[5].startswith("an unexpected error occurred (RuntimeError: of a library)")


def test_an_item_whose_process_is_killed_is_given_to_another_one_once(tmp_path):
    folders = [tmp_path / name for name in ("once", "always", "never")]
    for folder in folders:
        folder.mkdir()
    found = dict(LocalProcesses(2).run(killed, folders))
    assert [found[folders[0]], found[folders[2]]] == [2, 1], "attempts"
    assert str(found[folders[1]]).startswith("the process working on it ended twice (SIGKILL)")
    assert len(list(folders[1].iterdir())) == 2


def test_processes_are_used_again_and_are_no_more_than_asked_for():
    found = dict(LocalProcesses(2).run(process, range(6)))
    assert len(set(found.values())) == 2
    assert os.getpid() not in found.values()


def test_a_single_item_stays_here_and_its_fault_is_raised():
    assert dict(LocalProcesses(2).run(process, [1])) == {1: os.getpid()}
    with pytest.raises(RuntimeError):
        list(LocalProcesses(2).run(half, [5]))


def test_who_stops_early_leaves_no_process_and_nothing_half_written(tmp_path):
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    slow.mkdir()
    with closing(LocalProcesses(2).run(write, [slow, quick])) as found:
        assert next(found)[0] == quick
        while not (slow / "begun").exists():
            pass
    assert [path.name for path in slow.iterdir()] == ["begun"]


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_processes_end_with_their_parent_whatever_they_are_doing(tmp_path, number):
    tests = Path(__file__).parents[1]
    code = f"""
import signal, sys
sys.path.append({str(tests)!r})
from pathlib import Path
from makers_work import hold
from sentiprism.executors.processes import LocalProcesses
list(LocalProcesses(2).run(hold, [Path(), Path()]))
"""
    started = Started(code, folder=tmp_path)
    started.reach(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
    os.kill(started.pid, number)
    assert started.all_end() == -number


@needs_proc
def test_a_fork_of_the_parent_keeps_no_worker_alive(tmp_path):
    tests = Path(__file__).parents[1]
    for name in ("quick", "slow"):
        (tmp_path / name).mkdir()
    code = f"""
import os, signal, sys
sys.path.append({str(tests)!r})
from pathlib import Path
from makers_work import write
from sentiprism.executors.processes import LocalProcesses
found = LocalProcesses(2).run(write, [Path("slow"), Path("quick")])
next(found)
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 3)
    Path("fork.tmp").write_text(str(os.getpid()))
    Path("fork.tmp").replace("fork")
signal.pause()
"""
    started, fork = Started(code, folder=tmp_path), tmp_path / "fork"
    started.reach(lambda: (tmp_path / "slow" / "begun").exists() and fork.exists())
    try:
        assert len(started.members()) > 2, "one works, one waits"
        os.kill(started.pid, signal.SIGKILL)
        started.all_end(but="resource_tracker")  # Python's own: it ends with the fork
    finally:
        os.kill(int(fork.read_text()), signal.SIGKILL)
