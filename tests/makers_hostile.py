"""What tests of hostile input share: a refusal as a user reads it, and what no reader may open."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiprism.errors import UserError

LONGEST = 400
"""Characters of a message, paths of temporary folders included: some three lines of a terminal."""
NO_FILES = ("/dev/zero", "/dev/stdin", "/proc/self/environ", "fifo")
"""Targets of links that would block, never end, or tell of other things; see `no_file`."""


def refusal(call: Callable[[], Any], *told: str) -> str:
    """The one line that a call is refused with; it holds each of ``told``."""
    with pytest.raises(UserError) as caught:
        call()
    message = str(caught.value)
    assert all(part in message for part in told), message
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    assert len(message) <= LONGEST, message
    assert caught.value.remedy
    return message


def no_file(path: Path, target: str) -> Path:
    """A name by which a file is asked for, and something else is reached."""
    os.mkfifo(path) if target == "fifo" else path.symlink_to(target)
    return path
