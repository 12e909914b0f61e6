"""Notes of an import for the card."""

from collections.abc import Iterable

from sentiprism.errors import few


def not_read(file: str, kind: str, names: Iterable[str], why: str = "") -> list[str]:
    """Make a note on parts of a file that were not read; [] if there are none.

    Args:
        file: name of the file.
        kind: kind of parts: "column", "array".
        names: names of parts that were not read; the note has a few of them.
        why: reason, for instance "not known and".
    """
    quoted = [repr(name) for name in names]
    if not quoted:
        return []
    one = len(quoted) == 1
    words = (f"{kind}{'' if one else 's'}", few(quoted), "is" if one else "are", why, "not read")
    return [f"{file}: {' '.join(word for word in words if word)}"]
