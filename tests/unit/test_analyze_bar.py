"""What a person sees of a long analysis."""

from contextlib import contextmanager
from io import StringIO

import pytest
from rich.console import Console

from sentiprism import progress as shown
from sentiprism.cli.analyze import PREDICTING, recordings_bar


@pytest.fixture
def reached(monkeypatch):
    steps = []

    @contextmanager
    def progress(message, total):
        steps.append(0.0)
        yield steps.append

    monkeypatch.setattr(shown, "progress", progress)
    return lambda: sum(steps)


def test_the_bar_follows_the_slower_of_faces_and_speech(reached):
    with recordings_bar("two", 2) as (on, ended):
        on("speech", 1.0)  # a transcript with times takes no time
        assert reached() == 0
        on("faces", 0.5)
        on("faces", 0.4)
        assert reached() == pytest.approx((1 - PREDICTING) / 2)
        on("faces", 1.0)
        on("predicting", 0.5)
        assert reached() == pytest.approx(1 - PREDICTING / 2)
        ended()
        assert reached() == pytest.approx(1)
        on("predicting", 1.0)  # a text
        assert reached() == pytest.approx(1 + PREDICTING)
        ended()
    assert reached() == pytest.approx(2)


def test_a_long_name_leaves_room_for_the_time_left(monkeypatch):
    written = StringIO()
    console = Console(file=written, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr("sentiprism.screen.console", lambda **_: console)
    with shown.progress("analysing a_recording_with_a_name_that_goes_on_and_on_for_80_characters.mp4", 4):
        shown._shown[-1].start()
    assert "analysing a_rec…characters.mp4" in written.getvalue()
    assert "-:--:-- left" in written.getvalue()
