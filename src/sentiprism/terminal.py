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
"""Descriptor of the original standard error."""
_silences = 0


@contextmanager
def silence_native() -> Iterator[None]:
    """Discard what native code writes to standard error; `own_stderr` still reaches it.

    This affects the whole process, so use it only briefly.
    """
    global _seen, _silences  # noqa: PLW0603 - the descriptor is global too
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
    """Yield standard error through a separate descriptor, which `silence_native` does not affect.

    If ``sys.stderr`` was replaced by something without a descriptor (a notebook, a test), that is yielded.
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
    """Write a last line before the process ends, and show the cursor again that a progress bar has hidden."""
    with suppress(OSError, ValueError), own_stderr() as stream:  # the terminal may be closed
        stream.write(f"{SHOW_CURSOR if stream.isatty() else ''}{line}\n")
        stream.flush()


def _flush() -> None:
    with suppress(AttributeError, ValueError, OSError):
        sys.stderr.flush()
