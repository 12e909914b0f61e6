"""Command: modalities."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Device, Json, Markdown, Precision, Seeds, option
from sentiprism.cli.tables import Cell, emit_json, points, side_by_side


@followed_by("sentiprism results {result}")
def modalities(
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help="See: sentiprism models.")],
    dataset: Annotated[
        list[str],
        option("NAME", "Name or folder, or A,B: B is only used for training; repeatable."),
    ],
    folds: Annotated[
        int, typer.Option(min=3, max=1000, metavar="N", help="Folds of the cross-validation by video.")
    ] = 6,
    seeds: Seeds = None,
    settings: Annotated[list[str] | None, option("KEY=VALUE", "Changes every run; repeatable.", "--set")] = None,
    out: Annotated[Path, option("FOLDER", "Folder for the runs.")] = Path("runs/modalities"),
    device: Device = "auto",
    precision: Precision = "auto",
    markdown: Markdown = False,
    as_json: Json = False,
) -> Path:
    """Measure what voice and face add to text: text, +audio, +vision and all, cross-validated by video.

    Each row has its paired difference from the same model with text alone, and a line says whether any interval
    excludes 0. Datasets with the same utterances and different features are compared. r within videos is reported
    too, since r is biased downwards if videos are left out. The same command resumes.

    Examples:
        sentiprism modalities ridge mdf --dataset clips --folds 6

        sentiprism modalities mdf --dataset new,texts --dataset old,texts
    """
    from sentiprism.reproduction.modalities import compare_modalities

    more: dict[str, Any] = {"seeds": seeds, "assignments": settings or (), "out": out}
    found = compare_modalities(models, dataset, folds, device=device, precision=precision, **more)  # type: ignore[arg-type]
    if os.environ.get("RANK", "0") != "0":
        return out
    if as_json:
        emit_json(found.to_dict())
    elif markdown:
        typer.echo(found.to_markdown())
    else:
        for key in dict.fromkeys((row.model, row.dataset) for row in found.rows):
            own = [row for row in found.rows if (row.model, row.dataset) == key]
            columns: dict[str, list[Cell]] = {row.modalities: [*found.cells(row)] for row in own}
            heads = [f"{one.label} {'↑' if one.higher_is_better else '↓'}" for one in found.heads.values()]
            side_by_side(f"{key[0]} on {key[1]}", heads, columns, "")
        points("Text alone against the others", [*found.verdict(), *found.notes()])
    return out
