"""Options that several commands share."""

from typing import Annotated

import typer

from sentiprism.reading import parse_number


def number(text: str) -> float:
    """A number as it is written in files: ASCII digits, finite."""
    try:
        return parse_number(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None


Low = Annotated[float | None, typer.Option(parser=number, metavar="X", help="Least label of a dataset of your own.")]
High = Annotated[float | None, typer.Option(parser=number, metavar="X", help="Greatest label of it.")]
