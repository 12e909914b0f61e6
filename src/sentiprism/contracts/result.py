"""Contracts and the outcomes of their checks."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from sentiprism.errors import UserError, shorten

State = Literal["passed", "failed", "exception", "not run"]
LONGEST = 160
"""Most characters of a reason."""


class ContractError(AssertionError):
    """A contract is violated; the message says how."""


class NotRunError(Exception):
    """A contract cannot be checked on this machine; the message says why."""


class Contract(NamedTuple):
    """A requirement for all classes of a kind."""

    name: str
    """Also the key of exceptions that a model declares."""
    check: Callable[..., None]
    """Raises `ContractError` if the contract is violated."""
    tokens: bool = False
    """Whether it is also checked with text as token ids."""

    @property
    def meaning(self) -> str:
        """One-line description."""
        return (self.check.__doc__ or "").split("\n", maxsplit=1)[0].rstrip(".")


class Outcome(NamedTuple):
    """Outcome of checking one contract."""

    subject: str
    """Name of the class that was checked."""
    contract: str
    state: State
    reason: str = ""
    """Why it failed, was not run, or is declared as an exception."""


def expect(condition: object, reason: str) -> None:
    """Raise `ContractError` if a condition is false."""
    if not condition:
        raise ContractError(reason)


def run_check(subject: str, name: str, check: Callable[[], Any], exception: str = "") -> Outcome:
    """Check one contract; any exception of the checked code counts as a failure.

    Args:
        subject: name of the class to check.
        name: of the contract.
        check: raises if the contract is violated.
        exception: declared reason for an exception; the contract is then not checked.
    """
    if exception:
        return Outcome(subject, name, "exception", exception)
    try:
        check()
    except ContractError as error:
        return Outcome(subject, name, "failed", _line(str(error)))
    except NotRunError as error:
        return Outcome(subject, name, "not run", _line(str(error)))
    except UserError as error:
        return Outcome(subject, name, "failed", _line(str(error)))
    except Exception as error:  # any exception of a plugin is its failure
        return Outcome(subject, name, "failed", _line(f"{type(error).__name__}: {error}"))
    return Outcome(subject, name, "passed")


def _line(text: str) -> str:
    return shorten(" ".join(text.split()), LONGEST)
