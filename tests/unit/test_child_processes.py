"""Every child ends with its parent, however that ends, and whatever the child is doing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from makers_processes import HOLDS_ALL, Started, needs_proc, readable
from sentiprism.sandbox.launch import ChildProcess, run

pytestmark = needs_proc


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that children find."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, code: str) -> str:
        (tmp_path / f"{name}.py").write_text(code)
        return name

    return write


def parent(tmp_path: Path, then: str, **more: object) -> Started:
    """A process that has the child ``endless``, and does something then."""
    code = f"""
import os, sys, signal, threading, time
sys.path.append({str(tmp_path)!r})
from sentiprism.sandbox.launch import ChildProcess
child = ChildProcess("endless")
{then}
"""
    return Started(code, folder=tmp_path, **more)


def ready(started: Started, tmp_path: Path) -> bool:
    return (tmp_path / "ready").exists()


BEATS = "import time\nwhile True:\n    print(end='+', flush=True)\n    time.sleep(0.05)"
READY = "from pathlib import Path; Path('ready').touch()\n"


@pytest.mark.parametrize(
    ("then", "status"),
    [
        ("time.sleep(600)", -9),
        ("signal.pause()", -signal.SIGTERM),
        ("signal.signal(signal.SIGHUP, signal.SIG_DFL); signal.pause()", -signal.SIGHUP),
    ],
)
def test_a_child_ends_with_a_parent_that_is_killed_though_native_code_holds_it(tmp_path, module, then, status):
    module("endless", READY + HOLDS_ALL)
    started = parent(tmp_path, then)
    started.reach(lambda: ready(started, tmp_path))
    os.kill(started.pid, -status)
    assert started.all_end() == status


@pytest.mark.parametrize(
    ("then", "status"), [("", 0), ("sys.exit(3)", 3), ("raise OSError('fault')", 1), ("os.abort()", -signal.SIGABRT)]
)
def test_a_child_ends_with_a_parent_that_ends_by_itself(tmp_path, module, then, status):
    module("endless", READY + HOLDS_ALL)
    started = parent(tmp_path, f"while not os.path.exists('ready'): time.sleep(0.01)\n{then}")
    started.process.wait(60)
    assert started.all_end() == status


def test_a_grandchild_ends_too(tmp_path, module):
    module("endless", "from sentiprism.sandbox.launch import ChildProcess\nkept = ChildProcess('deeper')\n" + HOLDS_ALL)
    module("deeper", READY + HOLDS_ALL)
    started = parent(tmp_path, "signal.pause()")
    started.reach(lambda: ready(started, tmp_path))
    assert len(started.members()) == 3
    os.kill(started.pid, signal.SIGKILL)
    started.all_end()


def test_a_fork_of_the_parent_keeps_no_child_alive(tmp_path, module):
    module("endless", READY + HOLDS_ALL)
    then = """
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 3)
    open("fork", "w").write(str(os.getpid()))
signal.pause()
"""
    started, fork = parent(tmp_path, then), tmp_path / "fork"
    started.reach(lambda: ready(started, tmp_path) and fork.exists() and fork.read_text())
    try:
        os.kill(started.pid, signal.SIGKILL)
        started.all_end()
    finally:
        os.kill(int(fork.read_text()), signal.SIGKILL)


def test_a_child_outlives_the_thread_that_started_it(tmp_path, module):
    module("endless", BEATS)
    then = """
child.kill()
threading.Thread(target=lambda: globals().update(kept=ChildProcess("endless"))).start()
time.sleep(600)
"""
    started = parent(tmp_path, then)
    started.reach(lambda: started.shown.count("+") > 10)
    os.kill(started.pid, signal.SIGKILL)
    started.all_end()


def test_a_terminals_signals_are_left_to_the_parent(module):
    module("endless", BEATS)
    with ChildProcess("endless", stdout=subprocess.PIPE) as child:
        assert readable(child.stdout.fileno(), 60)
        for number in (signal.SIGINT, signal.SIGHUP):
            os.kill(child.pid, number)
        for _ in range(5):
            assert child.stdout.read(1) == b"+"
        assert child.poll() is None
    assert child.returncode == -signal.SIGKILL  # leaving it


def test_neither_descriptors_nor_processes_are_left(module):
    module("quick", "print('done')")
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        assert run("quick") == (0, "done\n", "")
    assert sorted(os.listdir("/proc/self/fd")) == before
    module("endless", HOLDS_ALL)
    with pytest.raises(subprocess.TimeoutExpired):
        run("endless", timeout=0.1)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_module_and_a_script_get_their_arguments(module, tmp_path):
    module("told", "import sys; print(sys.argv[1:], __name__, sys.argv[0].endswith('told.py'))")
    told = (0, "['a b', '3'] __main__ True\n", "")
    assert run("told", "a b", 3) == told
    assert run(tmp_path / "told.py", "a b", 3) == told  # a script


def test_a_lower_limit_of_the_user_is_kept():
    code = "import resource; from sentiprism.sandbox.confine import confine\n"
    code += "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 4000)); confine({'NOFILE': 1000})\n"
    code += "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "(100, 100)"
