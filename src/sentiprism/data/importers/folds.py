"""Assign videos to splits: from a file, or by cross-validation folds."""

import os
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from sentiprism.data.dataset import SPLITS
from sentiprism.data.importers.csv_files import read_csv
from sentiprism.errors import UserError, suggest
from sentiprism.reading import SMALL, read_json

SPLIT_NAMES = {split: split for split in SPLITS} | {"dev": "valid", "val": "valid", "validation": "valid"}
LEFT_OUT = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
FOLDS = "file of folds"
FORM = "write JSON {split: [video]}, or CSV video_id,split"
SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
"""Of the utterances, where a table states no splits."""
SEED = 1111
"""Of their draw."""
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
        if not os.path.lexists(folds):
            raise UserError(f"no file {folds}", "check the path, or give K/N, for example 1/5")
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


def make_splits(sizes: Mapping[str, int], notes: list[str]) -> dict[str, str]:
    """Split of each video where nobody says it: `SHARES` of the utterances, each split at least one video.

    Videos come in an order drawn by a constant seed from their names alone; each goes where most is lacking. So the
    same videos are always split alike, and a further one seldom moves others.

    Args:
        sizes: utterances of each video.
        notes: what was done is appended to it.

    Raises:
        UserError: there are fewer videos than splits.
    """
    if len(sizes) < len(SHARES):
        raise UserError(
            f"{len(sizes)} video{'s' * (len(sizes) != 1)} cannot be split into {', '.join(SHARES)}",
            f"give at least {len(SHARES)}, for one video is never in two splits, or state splits in a column 'split'",
        )
    order = sorted(sizes, key=lambda name: sha256(f"{SEED} {name}".encode(errors="surrogatepass")).digest())
    total, held, place = sum(sizes.values()), dict.fromkeys(SHARES, 0), dict[str, str]()
    for left, video in zip(range(len(order), 0, -1), order, strict=True):
        empty = [split for split in SHARES if not held[split]]
        place[video] = max(
            empty if left <= len(empty) else SHARES, key=lambda split: SHARES[split] - held[split] / total
        )
        held[place[video]] += sizes[video]
    shares = ", ".join(f"{held[split]} {split}" for split in SHARES)
    aim = "/".join(f"{100 * share:g}" for share in SHARES.values())
    notes.append(f"splits were made here by video, {aim}, with seed {SEED}: {shares}; a column 'split' states others")
    return place


def fold_of(folds: Path | str | None) -> str | None:
    """``K/N`` where that is what was asked for; None where a file says it."""
    return str(folds) if folds is not None and LEFT_OUT.fullmatch(str(folds)) else None


def short(folds: Path | str) -> str:
    """Name of the folds for notes and cards."""
    return fold_of(folds) or Path(folds).name


def _read(path: Path) -> dict[str, str]:
    folds: dict[str, str] = {}
    for video, name in _pairs(path):
        split = SPLIT_NAMES.get(name)
        if split is None:
            raise UserError(f"{path}: no split is called {name!r}", suggest(name, SPLITS))
        if folds.setdefault(video, split) != split:
            raise UserError(f"{path}: video {video!r} is in {folds[video]} and {split}", "keep it in one split")
    return folds


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Video and name of its split, as they stand in a file."""
    if path.suffix.lower() == ".json":
        content = read_json(path, SMALL, FOLDS)
        if not isinstance(content, dict):
            raise UserError(f"{path} does not name splits", FORM)
        for split, videos in content.items():
            if not isinstance(videos, list) or not all(isinstance(video, str | int) for video in videos):
                raise UserError(f"{path}: {split!r} is not a list of video names", FORM)
            yield from ((str(video), split) for video in videos)
        return
    names, columns = read_csv(path, ("video_id", "split").__contains__, FOLDS)
    for name in ("video_id", "split"):
        if name not in columns:
            raise UserError(f"{path} has no column {name!r}", f"{FORM}; {suggest(name, names, 'it has')}")
    yield from zip(columns["video_id"], columns["split"], strict=True)
