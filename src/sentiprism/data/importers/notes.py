"""Shorten the warnings of an import for the card."""

from collections.abc import Iterable

from sentiprism.errors import few


def not_read(file: str, kind: str, names: Iterable[str], why: str = "") -> list[str]:
    """A note on what a file holds beside what was read; none where there is nothing.

    Args:
        file: its name.
        kind: what they are: "column", "array".
        names: of what is not read; a few of them are named.
        why: not, for instance "not known and".
    """
    quoted = [repr(name) for name in names]
    if not quoted:
        return []
    one = len(quoted) == 1
    words = (f"{kind}{'' if one else 's'}", few(quoted), "is" if one else "are", why, "not read")
    return [f"{file}: {' '.join(word for word in words if word)}"]
