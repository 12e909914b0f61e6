"""The option ``--no-verify`` of commands that open datasets."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

NoVerify = Annotated[
    bool,
    typer.Option("--no-verify", help="Do not compare the dataset's files with their hashes: for very large ones."),
]


def may_skip_verification(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option ``--no-verify``."""

    @wraps(command)
    def run(*args: Any, no_verify: bool = False, **kwargs: Any) -> Any:
        if not no_verify:
            return command(*args, **kwargs)
        from sentiprism.data.integrity import unverified

        with unverified():
            return command(*args, **kwargs)

    known = inspect.signature(command)
    option = inspect.Parameter("no_verify", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=NoVerify)
    run.__signature__ = known.replace(parameters=[*known.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "no_verify": NoVerify}
    return run
