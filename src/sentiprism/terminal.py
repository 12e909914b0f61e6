"""Keep native libraries from writing to standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TextIO

STDERR = 2
SHOW_CURSOR = "\x1b[?25h"
_lock = Lock()
_seen = STDERR
"""Descriptor of what the process was given as standard error."""
_silences = 0


@contextmanager
def silence_native() -> Iterator[None]:
    """Discard what native code writes to standard error; `own_stderr` still reaches it.

    The whole process shares it, so this is for short moments only.
    """
    global _seen, _silences  # noqa: PLW0603 - so is the descriptor
    with _lock:
        if not _silences:
            _flush()
            _seen = os.dup(STDERR)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, STDERR)
            os.close(nowhere)
        _silences += 1
    try:
        yield
    finally:
        with _lock:
            _silences -= 1
            if not _silences:
                _flush()
                os.dup2(_seen, STDERR)
                os.close(_seen)
                _seen = STDERR


@contextmanager
def own_stderr() -> Iterator[TextIO]:
    """Yield standard error through a descriptor of its own, which `silence_native` leaves alone.

    Where ``sys.stderr`` was replaced by something that is no descriptor (a notebook, a test), that is yielded.
    """
    stream = sys.stderr
    try:
        replaced = stream.fileno() != STDERR
    except (AttributeError, OSError, ValueError):
        replaced = True
    if replaced:
        yield stream
        return
    with _lock:
        descriptor = os.dup(_seen)
    with open(descriptor, "w", encoding=stream.encoding, errors=stream.errors, buffering=1) as private:
        yield private


def say_last(line: str) -> None:
    """Write a line for a process that is about to end, and show the cursor that a progress bar has hidden."""
    with suppress(OSError, ValueError), own_stderr() as stream:  # a terminal that is gone reads nothing
        stream.write(f"{SHOW_CURSOR if stream.isatty() else ''}{line}\n")
        stream.flush()


def _flush() -> None:
    with suppress(AttributeError, ValueError, OSError):
        sys.stderr.flush()
