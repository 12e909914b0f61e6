"""Command: demo."""

from pathlib import Path
from typing import Annotated

import typer

from sentiprism.cli.flags import with_flags
from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Device, ReportFolder
from sentiprism.cli.resume import remember_run
from sentiprism.cli.run import measured
from sentiprism.errors import UserError

RECORDINGS = {"two-cities": "two_cities.wav", "strong-expressions": "WolfgangLanger_Pexels.mp4"}
"""A real voice and a real face: file by asset."""


OWN = "sentiprism analyze YOUR_VIDEO.mp4, or in a browser: sentiprism studio"
"""Next step: analyse an own recording."""


@followed_by(f"open {{result}} (or: {OWN})", OWN)
def demo(
    seeds: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="How many seeds.")] = 2,
    out: ReportFolder = Path("demo"),
    device: Device = "auto",
) -> Path | None:
    """Analyse a real voice and a real face, then train MDF on data with known ground truth.

    The voice is a reading from LibriVox (public domain), the face a clip of Pexels; both are downloaded once.
    The training is on the built-in synthetic dataset.

    Examples:
        sentiprism demo

        sentiprism demo --seeds 5
    """
    from sentiprism.data.synthetic import synthetic_dataset
    from sentiprism.files import check_writable
    from sentiprism.training.train import train as launch

    check_writable(out / "index")
    index = None
    try:
        index = _analyse(out)
    except UserError as error:
        typer.echo(f"no recording was analysed: {with_flags(' '.join(str(error).split()))}\n", err=True)
    measured(launch("mdf", synthetic_dataset().name, seeds=seeds, device=device, on_run=remember_run), device)
    return index


def _analyse(out: Path) -> Path:
    """Analyse the recordings; returns the index page of their reports."""
    from sentiprism.assets.registry import fetch
    from sentiprism.cli.analyze import analyze
    from sentiprism.report.files import INDEX

    analyze([fetch(asset) / file for asset, file in RECORDINGS.items()], out=out, replace=True)
    return out / INDEX
