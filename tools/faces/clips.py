"""Clips of several people in a folder."""

from itertools import groupby
from pathlib import Path

from sentiprism.errors import UserError

SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")


def videos(folder: Path) -> list[Path]:
    """List the videos of a folder.

    Raises:
        UserError: it has none.
    """
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise UserError(f"no video was found in {folder}", f"name a folder with files *{', *'.join(SUFFIXES)}")
    return found


def person_of(path: Path) -> str:
    """Name up to the last underscore: clips of one video are of one person."""
    return path.stem.rpartition("_")[0] or path.stem


def spread(paths: list[Path], most: int) -> list[Path]:
    """Choose at most ``most`` clips of each person, at equal distances in the order of names."""
    found = []
    for _, clips in groupby(paths, key=person_of):
        own = list(clips)
        found += own[:: -(-len(own) // most)]
    return found
