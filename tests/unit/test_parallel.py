"""Work in several processes: what becomes of one item costs the others nothing, and no process outlives its parent."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from makers_processes import Started, needs_proc
from makers_work import half, process, write
from sentiprism.errors import UserError
from sentiprism.parallel import run_parallel


def test_a_failure_costs_its_own_item_alone():
    found = dict(run_parallel(half, [1, 2, 3, 4, 5, 6, 7, 8], 2))
    assert [found[n] for n in (1, 6, 7, 8)] == [0.5, 3.0, 3.5, 4.0]
    reasons = {n: str(found[n]) for n in (2, 3, 4, 5)}
    assert all(isinstance(found[n], UserError) for n in reasons)
    assert reasons[2].startswith("the process working on it ended (SIGSEGV)")
    assert reasons[3] == "three; leave it out"
    assert "pickle" in reasons[4]
    assert reasons[5].startswith("an unexpected error occurred (RuntimeError: of a library)")


def test_processes_are_used_again_and_are_no_more_than_asked_for():
    found = dict(run_parallel(process, range(6), 2))
    assert len(set(found.values())) == 2
    assert os.getpid() not in found.values()


def test_a_single_item_stays_here_and_its_fault_is_raised():
    assert dict(run_parallel(process, [1], 2)) == {1: os.getpid()}
    with pytest.raises(RuntimeError):
        list(run_parallel(half, [5], 2))


def test_who_stops_early_leaves_no_process_and_nothing_half_written(tmp_path):
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    slow.mkdir()
    with closing(run_parallel(write, [slow, quick], 2)) as found:
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
from sentiprism.parallel import run_parallel
list(run_parallel(hold, [Path(), Path()], 2))
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
from sentiprism.parallel import run_parallel
found = run_parallel(write, [Path("slow"), Path("quick")], 2)
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
