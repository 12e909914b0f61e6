"""The option --no-verify."""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Annotated, Any

import typer

from sentiprism.errors import UserError

NoVerify = Annotated[
    bool,
    typer.Option("--no-verify", help="Use the dataset without checking that its files are unchanged since import."),
]


def may_skip_verification(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option ``--no-verify``."""

    @wraps(command)
    def run(*args: Any, no_verify: bool = False, **kwargs: Any) -> Any:
        from sentiprism.data.integrity import ChangedError, unverified

        with unverified() if no_verify else nullcontext():
            try:
                return command(*args, **kwargs)
            except ChangedError as error:
                raise UserError(error.cause, f"{error.remedy}, or use it as it is with --no-verify") from None

    known = inspect.signature(command)
    option = inspect.Parameter("no_verify", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=NoVerify)
    run.__signature__ = known.replace(parameters=[*known.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "no_verify": NoVerify}
    return run
