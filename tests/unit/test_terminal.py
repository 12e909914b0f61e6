"""A progress bar is seen while native libraries are kept from writing to standard error."""

import os
import re

import pytest

from makers_processes import Started, needs_proc
from sentiprism.terminal import own_stderr, silence_native

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BAR = """
import os, time
from sentiprism import progress as shown
from sentiprism.terminal import silence_native

shown.PATIENCE = 0.0
with silence_native(), shown.progress("looking", 1.0) as advance:
    os.write(2, b"native noise")
    for step in range(10):
        advance(0.1)
        time.sleep(0.1)
os.write(2, b"after")
"""


@needs_proc
@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_seen_and_native_noise_is_not(tmp_path, terminal):
    started = Started(BAR, folder=tmp_path, terminal=terminal)
    assert started.process.wait(60) == 0
    started.all_end()
    seen = ANSI.sub("", started.shown)
    assert "looking" in seen
    assert ("50%" in seen) == terminal
    assert "native noise" not in seen
    assert seen.endswith("after")
    if terminal:
        assert started.shown.rindex("\x1b[?25h") > started.shown.rindex("\x1b[?25l")  # the cursor is shown again


@needs_proc
def test_the_real_landmarker_is_silent_and_its_bar_is_seen(tmp_path, face_landmarker):
    code = """
import time
import numpy as np
from sentiprism import progress as shown
from sentiprism.features.extractors.face import landmarker

shown.PATIENCE = 0.0
with shown.progress("looking for faces", 1.0) as advance, landmarker() as detect:
    advance(0.5)
    time.sleep(1)  # a warm library loads between two redraws
"""
    started = Started(code, folder=tmp_path, terminal=True)
    assert started.process.wait(60) == 0
    started.all_end()
    seen = ANSI.sub("", started.shown)
    lines = [line for line in re.split(r"[\r\n]+", seen) if line.strip()]
    assert len(lines) > 5  # drawn again and again while the library was loading
    assert all("looking for faces" in line for line in lines), lines


def test_silences_may_lie_within_each_other(capfd):
    with silence_native():
        with silence_native():
            os.write(2, b"one")
        os.write(2, b"two")
        with own_stderr() as seen:
            assert seen is __import__("sys").stderr or seen.fileno() != 2
    os.write(2, b"three")
    assert capfd.readouterr().err == "three"
