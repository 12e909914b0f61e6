"""x."""

import typer

app = typer.Typer()


@app.command()
def list() -> None:
    """X."""


@app.command()
def show() -> None:
    """X."""
