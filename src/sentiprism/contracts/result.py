"""A contract, and what came of checking it."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from sentiprism.errors import UserError, shorten

State = Literal["passed", "failed", "exception", "not run"]
LONGEST = 160
"""Characters of a reason."""


class ContractError(AssertionError):
    """What is checked does not keep a contract; the message says in what."""


class NotRunError(Exception):
    """A contract cannot be checked on this machine; the message says why."""


class Contract(NamedTuple):
    """One thing that is kept by all of a kind."""

    name: str
    """The key of the exception that a model declares, too."""
    check: Callable[..., None]
    """Raises `ContractError` where it is not kept."""
    tokens: bool = False
    """Whether it is checked on text as token ids, too."""

    @property
    def meaning(self) -> str:
        """One line for people."""
        return (self.check.__doc__ or "").split("\n", maxsplit=1)[0].rstrip(".")


class Outcome(NamedTuple):
    """What came of checking one contract."""

    subject: str
    """Name of what was checked."""
    contract: str
    state: State
    reason: str = ""
    """Why it failed, was not run, or is declared as an exception."""


def expect(condition: object, reason: str) -> None:
    """Raise `ContractError` where a condition does not hold."""
    if not condition:
        raise ContractError(reason)


def run_check(subject: str, name: str, check: Callable[[], Any], exception: str = "") -> Outcome:
    """Check one contract; whatever the checked code raises is a failure with its reason.

    Args:
        subject: name of what is checked.
        name: of the contract.
        check: raises where it is not kept.
        exception: reason for which it need not be kept; it is then not checked.
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
    except Exception as error:  # what a plugin raises is the plugin's fault
        return Outcome(subject, name, "failed", _line(f"{type(error).__name__}: {error}"))
    return Outcome(subject, name, "passed")


def _line(text: str) -> str:
    return shorten(" ".join(text.split()), LONGEST)
