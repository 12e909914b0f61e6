"""Expected errors caused by user input: one line, exit status 2."""

import errno
import os
from collections.abc import Iterable
from difflib import get_close_matches
from unicodedata import category

MOST = 300
"""Most characters of a message's cause, and of its remedy; longer ones are cut in the middle."""
FEW = 8
"""Most names listed in a message, for example if none is similar to what was typed."""
JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiner: needed for Persian, Indic scripts and emoji, and harmless for terminals."""


class UserError(Exception):
    """Expected error caused by user input; the command line prints it as one line and exits with status 2.

    An argument of the library is written between backticks (`` `low` ``); the command line prints it as its flag.
    Both parts are cleaned: control characters are escaped, and long texts are cut.

    Args:
        cause: what is wrong, with the file, key or value.
        remedy: what to do about it, as an imperative.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        parts = (" ".join(shorten(part, 4 * MOST).split()) for part in (cause, remedy))  # may be megabytes long
        self.cause, self.remedy = (shorten(printable(part)) for part in parts)
        super().__init__(f"{self.cause}; {self.remedy}")

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str]]:
        return type(self), (self.cause, self.remedy)


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers for a full disk or a file that is too large."""
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)


def os_fault(error: OSError) -> UserError:
    """Turn an operating system error into a one-line `UserError`."""
    cause = os.strerror(error.errno) if error.errno is not None else str(error) or type(error).__name__
    if error.filename is not None:
        cause += f": {os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename}"
    if error.errno in FULL:
        return UserError(cause, "free some space there")
    return UserError(cause, "choose another place" if error.errno in REFUSED else "check the path and the disk")


def printable(text: object) -> str:
    """Escape the characters of a text that control a terminal or cannot be shown, such as ESC or surrogates."""
    return "".join(c if c.isprintable() or c in JOINERS or category(c) == "Zs" else _escaped(c) for c in str(text))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def shorten(text: str, most: int = MOST) -> str:
    """Cut a text in the middle if it has more than ``most`` characters."""
    half = (most - 5) // 2
    return text if len(text) <= most else f"{text[:half]} ... {text[-half:]}"


def suggest(name: str, known: Iterable[str], otherwise: str = "choose one of") -> str:
    """Remedy for an unknown name: the three most similar names, else the first few known ones.

    Args:
        name: the unknown name.
        known: all known names.
        otherwise: text before names that are not similar.
    """
    names = sorted(known)
    lower = {one.lower(): one for one in reversed(names)}  # if two differ only by case, use the first
    near = [lower[one] for one in get_close_matches(name[:100].lower(), lower, n=3, cutoff=0.6)]
    if near:
        quoted = [repr(one) for one in near]
        return f"did you mean {' or '.join([', '.join(quoted[:-1]), quoted[-1]] if quoted[1:] else quoted)}?"
    return f"{otherwise}: {few(names)}" if names else "there are none yet"


def few(names: Iterable[str]) -> str:
    """List the first `FEW` names, separated by commas, and how many more there are."""
    names = list(names)
    rest = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {rest} more" if rest > 0 else "")
