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
"""Shares of utterances per split, for a table without splits."""
SEED = 1111
"""Seed of these splits."""
LEAST = 3
"""Least number of folds: one each for training, selection and testing."""


def split_videos(folds: Path | str, sizes: Mapping[str, int], notes: list[str]) -> dict[str, str]:
    """Assign videos to splits.

    Args:
        folds: JSON file ``{split: [video]}``, CSV file of ``video_id, split``, or ``K/N``: fold K of N is the test
            split, the next one (cyclically) valid, the others train. The folds depend only on ``sizes``, so the N test
            splits are disjoint and cover the whole.
        sizes: utterances of each video, by which folds are balanced: largest video first, into the smallest fold.
        notes: warnings are appended to it.

    Raises:
        UserError: the file cannot be read or is inconsistent, or the fold does not exist.
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
    notes.append(f"splits were made by this program: fold {fold} of {N} by video is test, fold {fold % N + 1} valid")
    return {video: names.get(place[video], "train") for video in sizes}


def make_splits(sizes: Mapping[str, int], notes: list[str]) -> dict[str, str]:
    """Make splits by video with `SHARES` of the utterances, and at least one video per split.

    Videos are ordered at random, with a constant seed and their names only; each is put into the split that lacks most.
    So the same videos always get the same splits, and a further video rarely changes the others.

    Args:
        sizes: utterances of each video.
        notes: a description is appended to it.

    Raises:
        UserError: there are fewer videos than splits.
    """
    if len(sizes) < len(SHARES):
        raise UserError(
            f"{len(sizes)} video{'s' * (len(sizes) != 1)} cannot be split into {', '.join(SHARES)}",
            f"give at least {len(SHARES)}, since a video is never in two splits, or give splits in a column 'split'",
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
    notes.append(
        f"splits were made by this program by video, {aim}, with seed {SEED}: {shares}; "
        "a column 'split' can give others"
    )
    return place


def fold_of(folds: Path | str | None) -> str | None:
    """``K/N`` if folds were given like that; None for a file."""
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
    """Videos and names of their splits in a file."""
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
