"""Command: dataset export."""

from pathlib import Path
from typing import Annotated

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import choice, option

EXPORTS = ("table", "mmsa", "huggingface")
"""Copies of names in the library, to avoid importing it; a test compares them."""


@followed_by("sentiprism dataset list")
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name in the store; see: sentiprism dataset list.")],
    out: Annotated[Path, option("PLACE", "Folder to write; for mmsa the file, such as NAME.pkl.")],
    form: Annotated[
        str,
        typer.Option(
            "--format", **choice("format", EXPORTS), help="CSV and Parquet, MMSA's pickle, or a folder for datasets."
        ),
    ] = "table",
    replace: Annotated[bool, typer.Option("--replace", help="Replace what is there.")] = False,
) -> None:
    """Write a dataset in a format that other programs read.

    table is labels.csv with a Parquet file of features per modality, which dataset add and extract read back; mmsa is a
    pickle with the keys of MMSA's files; huggingface is a folder for datasets.load_dataset.

    Examples:
        sentiprism dataset export mosi --out mosi_table

        sentiprism dataset export mosi --format mmsa --out unaligned.pkl

        sentiprism dataset export mosi --format huggingface --out mosi_hf
    """
    from sentiprism.data.exporters.export_dataset import export_dataset
    from sentiprism.data.store import load_dataset
    from sentiprism.progress import progress

    dataset = load_dataset(name)
    total = sum(split.utterances for split in dataset.card.splits.values())
    done = 0
    with progress(f"exporting {name}", total) as advance:

        def on(count: int) -> None:
            nonlocal done
            advance(count - done)
            done = count

        place = export_dataset(dataset, out, format=form, replace=replace, progress=on)
    typer.echo(f"wrote {place}")
