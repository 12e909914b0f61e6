"""Which video is in which split: from a file, or N folds of which one after the other is left out."""

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path

from sentiprism.data.dataset import SPLITS
from sentiprism.errors import UserError, suggest

SPLIT_NAMES = {split: split for split in SPLITS} | {"dev": "valid", "val": "valid", "validation": "valid"}
LEFT_OUT = re.compile(r"(\d+)/(\d+)")
LEAST = 3
"""Folds there must be: one to train on, one to select by, one to test on."""


def split_videos(folds: Path | str, sizes: Mapping[str, int], notes: list[str]) -> dict[str, str]:
    """Split of each video.

    Args:
        folds: JSON file ``{split: [video]}``, CSV file of ``video_id, split``, or ``K/N``: fold K of N is the test
            split, the next one (after the last, the first) valid, the others train. The folds depend on ``sizes``
            alone, so the N test splits are disjoint and together the whole.
        sizes: utterances of each video; folds are balanced by them: largest video first, into the smallest fold.
        notes: warnings are appended to it.

    Raises:
        UserError: the file cannot be read or contradicts itself, or there is no such fold.
    """
    left_out = LEFT_OUT.fullmatch(str(folds))
    if left_out is None:
        return _read(Path(folds))
    fold, N = map(int, left_out.groups())
    if not LEAST <= N <= len(sizes):
        raise UserError(f"{N} folds of {len(sizes)} videos", f"make {LEAST} to {len(sizes)} folds")
    if not 1 <= fold <= N:
        raise UserError(f"there is no fold {folds}", f"leave out one of 1/{N} to {N}/{N}")
    held, place = [0] * N, {}
    for video in sorted(sizes, key=lambda name: (-sizes[name], name)):
        place[video] = held.index(min(held))
        held[place[video]] += sizes[video]
    names = {(fold - 1) % N: "test", fold % N: "valid"}
    notes.append(f"splits were made here: fold {fold} of {N} by video is test, fold {fold % N + 1} valid")
    return {video: names.get(place[video], "train") for video in sizes}


def fold_of(folds: Path | str | None) -> str | None:
    """``K/N`` where that is what was asked for; None where a file says it."""
    return str(folds) if folds is not None and LEFT_OUT.fullmatch(str(folds)) else None


def short(folds: Path | str) -> str:
    """Name of the folds for notes and cards."""
    return fold_of(folds) or Path(folds).name


def _read(path: Path) -> dict[str, str]:
    try:
        if path.suffix == ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
            pairs = [(str(video), split) for split, videos in content.items() for video in videos]
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                pairs = [(row["video_id"], row["split"]) for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise UserError(f"no file {path}", "check the path, or give K/N") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error):
        raise UserError(f"{path} gives no folds", "write JSON {split: [video]}, or CSV video_id,split") from None
    folds: dict[str, str] = {}
    for video, name in pairs:
        split = SPLIT_NAMES.get(name)
        if split is None:
            raise UserError(f"{path}: no split is called {name!r}", suggest(str(name), SPLITS))
        if folds.setdefault(video, split) != split:
            raise UserError(f"{path}: video {video!r} is in {folds[video]} and {split}", "keep it in one split")
    return folds
