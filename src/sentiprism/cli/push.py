"""Command: push."""

import sys
from typing import Annotated

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import option
from sentiprism.cli.tables import size, table
from sentiprism.errors import UserError


@followed_by("sentiprism analyze RECORDING --model {result}", "without --dry-run, this would be uploaded")
def push(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a run, seed or saved model; or starter.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Repository on the Hugging Face hub.")],
    private: Annotated[bool, typer.Option("--private", help="Make it private, if it is new.")] = False,
    revision: Annotated[str | None, option("BRANCH", "Branch to write to; by default the main one.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show files and card, and upload nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Upload without asking.")] = False,
) -> str | None:
    """Publish a model on the Hugging Face hub: safetensors, JSON, tokenizer and a card with its metrics.

    Shows what would be uploaded and asks before it connects. Of a run, the first finished seed is published. The token
    is the one of: hf auth login, or of HF_TOKEN. Others load it as hf://OWNER/NAME@COMMIT, wherever a model is named.

    Examples:
        sentiprism push runs/mdf-mosi me/mdf-mosi --dry-run

        sentiprism push runs/mdf-mosi/seed-1112 me/mdf-mosi --private

        sentiprism push starter me/starter --revision trial --yes
    """
    from sentiprism.export.push import prepare_push
    from sentiprism.export.push import push as upload

    prepared = prepare_push(model, repository, private=private, revision=revision)
    rows = [(path, size(count)) for path, count in prepared.sizes.items()]
    where = f"{'private' if private else 'public'} if it is new; {size(sum(prepared.sizes.values()))} in all"
    table(f"To upload to {prepared.repository}", ("file", "size"), rows, where, numbers=("size",))
    if dry_run:
        typer.echo(prepared.card)
        return None
    if not yes and not sys.stdin.isatty():
        raise UserError("nothing was uploaded: there is no terminal to ask on", "give `yes` to upload these files")
    if not yes and not typer.confirm("Upload these files?", err=True):
        raise UserError("nothing was uploaded", "see `dry_run` for the card")
    name = upload(prepared)
    typer.echo(f"uploaded: {name}")
    return name
