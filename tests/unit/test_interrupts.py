"""A signal ends a process cleanly, by force where that takes too long, at once when it comes again."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired

import pytest

from makers_processes import HOLDS_ALL, NEVER_RETURNS, Started, needs_proc

pytestmark = needs_proc

START = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # the runner of tests may ignore it
from pathlib import Path
from sentiprism.files import atomic_file
from sentiprism.interrupts import Interrupts
from sentiprism.sandbox.launch import ChildProcess

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + chr(10))
    sys.stdout.flush()
"""


def start(tmp_path: Path, code: str, **more: object) -> Started:
    return Started(START + code, folder=tmp_path, **more)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_ends_it_cleanly_with_the_status_of_shells(tmp_path, number):
    code = """
with Interrupts(600, lambda number: say("farewell", number)):
    try:
        say("ready")
        while True:
            signal.pause()
    finally:
        say("cleaned")
"""
    started = start(tmp_path, code)
    started.reach(lambda: "ready" in started.shown)
    os.kill(started.pid, number)
    assert started.all_end() == 128 + number
    assert started.said() == ["ready", "cleaned", f"farewell {number}"]


def test_native_code_is_ended_by_force_with_all_that_it_was_writing_and_its_children(tmp_path):
    (tmp_path / "endless.py").write_text(HOLDS_ALL)
    code = f"""
sys.path.append({str(tmp_path)!r})
child = ChildProcess("endless")
with Interrupts(0.3, lambda number: say("farewell", number)), atomic_file(Path("out/whole.txt")) as path:
    path.write_text("half")
    say("ready")
    {NEVER_RETURNS}
"""
    started = start(tmp_path, code)
    started.reach(lambda: "ready" in started.shown)
    assert len(started.members()) == 2
    os.kill(started.pid, signal.SIGTERM)
    assert started.all_end() == 143
    assert started.said() == ["ready", f"farewell {signal.SIGTERM}"]
    assert list((tmp_path / "out").iterdir()) == []


def test_an_exception_that_a_callback_swallows_costs_the_grace_and_no_word(tmp_path):
    code = """
import weakref
class Thing: pass
def swallows(_):
    say("ready")
    while True:
        signal.pause()
        break
with Interrupts(0.3):
    thing = Thing()
    kept = weakref.ref(thing, swallows)
    del thing
    while True:
        signal.pause()
"""
    started = start(tmp_path, code)
    started.reach(lambda: "ready" in started.shown)
    os.kill(started.pid, signal.SIGINT)
    assert started.all_end() == 130
    assert started.said() == ["ready"]


def test_a_second_signal_ends_it_at_once(tmp_path):
    started = start(tmp_path, f"with Interrupts(600):\n    say('ready')\n    {NEVER_RETURNS}")
    started.reach(lambda: "ready" in started.shown)
    os.kill(started.pid, signal.SIGINT)
    while started.process.poll() is None:  # one alone would be waited for ten minutes
        os.kill(started.pid, signal.SIGINT)
        with suppress(TimeoutExpired):
            started.process.wait(0.3)
    assert started.all_end() == 130


def test_two_signals_of_one_cause_are_one(tmp_path):
    """As `timeout` sends them, and a shell and its terminal do."""
    code = """
with Interrupts(600):
    try:
        say("ready")
        signal.pause()
    finally:
        say("cleaned")
"""
    started = start(tmp_path, code)
    started.reach(lambda: "ready" in started.shown)
    os.kill(started.pid, signal.SIGHUP)
    os.kill(started.pid, signal.SIGHUP)
    assert started.all_end() == 129
    assert started.said() == ["ready", "cleaned"]


def test_what_was_ignored_before_stays_so(tmp_path):
    code = """
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
with Interrupts(600):
    say("ready")
    signal.raise_signal(signal.SIGHUP)
    say("goes on")
    signal.pause()
"""
    started = start(tmp_path, code)
    started.reach(lambda: "goes on" in started.shown)
    os.kill(started.pid, signal.SIGTERM)
    assert started.all_end() == 143


def test_outside_of_it_signals_are_as_before(tmp_path):
    code = """
before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
with Interrupts(600):
    pass
say(before == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)], signal.set_wakeup_fd(-1))
"""
    started = start(tmp_path, code)
    assert started.process.wait(60) == 0
    started.all_end()
    assert started.said() == ["True -1"]


def test_what_must_not_be_done_by_half_is_done(tmp_path):
    code = """
from sentiprism.interrupts import deferred_interrupts
with Interrupts(600) as interrupts:
    try:
        with deferred_interrupts():
            say("ready")
            while interrupts.number is None:
                pass
            say("done")
        say("goes on")
    finally:
        say("cleaned")
"""
    started = start(tmp_path, code)
    started.reach(lambda: "ready" in started.shown)
    os.kill(started.pid, signal.SIGINT)
    assert started.all_end() == 130
    assert started.said() == ["ready", "done", "cleaned"]


def test_a_process_whose_stderr_blocks_ends_too():
    """A supervisor that reads nothing of a full pipe, and terminates."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    code = "import sys, time; from sentiprism.interrupts import Interrupts\n"
    code += "with Interrupts(farewell=lambda n: print(n, file=sys.stderr, flush=True)):\n"
    code += "    print('up', flush=True); time.sleep(60)"
    with Popen([sys.executable, "-c", code], stdout=PIPE, stderr=writing) as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGTERM
    os.close(reading)
    os.close(writing)
