"""The one error a user is meant to read: a cause and a remedy, on one line."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can mend; the command line prints it as one line and exits with status 2.

    Args:
        cause: what is wrong, naming the file, key or value.
        remedy: what to do about it, as an imperative.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        self.cause, self.remedy = cause, remedy
        super().__init__(f"{cause}; {remedy}")

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str]]:
        return type(self), (self.cause, self.remedy)


def suggest(name: str, known: Iterable[str]) -> str:
    """Remedy for an unknown name: the near match if there is one, else what there is."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"choose one of: {', '.join(names)}" if names else "there are none yet"
