"""Read clips of persons who speak: every second video of a folder is for fitting, the others for measuring."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from sentiprism.media.probe import probe
from sentiprism.media.types import Media

FITTED, MEASURED = 0, 1
"""Halves of the videos."""
SECONDS = (1.5, 15.0)
"""Shortest and longest clip."""


def read_videos(folder: Path, half: int) -> dict[str, list[Path]]:
    """Read the clips of every second video, by video."""
    found: dict[str, list[Path]] = {}
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["video_id"], []).append(folder / row["file"])
    return {video: found[video] for video in sorted(found)[half::2]}


def suitable(paths: Iterable[Path]) -> Iterator[Media]:
    """Yield clips that are neither too short nor too long."""
    for media in map(probe, paths):
        if SECONDS[0] <= media.duration <= SECONDS[1]:
            yield media
