"""Find the utterances before each one in its video."""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Dataset, Split
from sentiprism.data.ragged import Ragged
from sentiprism.text.encoders import load_tokenizer, tokenize_context
from sentiprism.types import ModalitySpec

Before = Sequence[Sequence[int]]
"""Rows that precede each row, the nearest one last."""

_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
_CLIP = re.compile(rf"[^0-9A-Za-z]*({_NUMBER}(?:[^0-9A-Za-z.]+{_NUMBER})*)[^0-9A-Za-z]*")


def clip_numbers(id_: str, video: str) -> tuple[float, ...] | None:
    """Parse the numbers of a clip, which follow the video's name in the id; None without numbers.

    ``v_1_10`` has the numbers 1 and 10, and comes after ``v_1_2``; ``v_12.5`` is a time. MOSI numbers clips. MOSEI has
    their start in seconds, with ``_`` as the decimal point: clips of one video do not start in the same second.
    """
    found = _CLIP.fullmatch(id_.removeprefix(video)) if id_.startswith(video) else None
    if found is None:
        return None
    return tuple(float(part) if "." in part else int(part) for part in re.findall(_NUMBER, found[1]))


def order_in_videos(split: Split) -> tuple[list[list[int]], int]:
    """Rows of each video in temporal order, and the number of videos that are ordered by clip number.

    A video with a clip without number keeps the order of the split.
    """
    videos: dict[tuple[int, str], list[int]] = defaultdict(list)
    parts = [0] * len(split) if split.part is None else split.part.tolist()
    for row, (part, video) in enumerate(zip(parts, split.video_ids.tolist(), strict=True)):
        videos[part, video].append(row)
    found, numbered = [], 0
    for (part, video), rows in videos.items():
        ids = {row: str(split.ids[row]) for row in rows}
        if part:  # after the name of its dataset
            ids = {row: id_.partition(":")[2] for row, id_ in ids.items()}
        numbers = {row: number for row in rows if (number := clip_numbers(ids[row], video)) is not None}
        if len(numbers) == len(rows):
            rows.sort(key=numbers.__getitem__)
            numbered += 1
        found.append(rows)
    return found, numbered


def describe_order(dataset: Dataset) -> str | None:
    """Describe how utterances of a video are ordered; None if no video has two."""
    videos = numbered = 0
    for split in (dataset.train, dataset.valid, dataset.test):
        rows, known = order_in_videos(split)
        videos, numbered = videos + len(rows), numbered + known
    if videos == len(dataset.train) + len(dataset.valid) + len(dataset.test):
        return None
    if numbered in {0, videos}:
        return "by clip_id, read as a number" if numbered else "as it was imported"
    return f"by clip_id, read as a number, in {numbered:,} of {videos:,} videos; else as it was imported"


def rows_before(split: Split, count: int) -> Before:
    """For each row, the ``count`` preceding rows of its video, within the split."""
    found: list[Sequence[int]] = [()] * len(split)
    for rows in order_in_videos(split)[0]:
        for place, row in enumerate(rows):
            found[row] = rows[max(0, place - count) : place]
    return found


def context_ids(
    split: Split, encoder: str, spec: ModalitySpec, before: Before, own: npt.NDArray[np.int64], most: int
) -> Ragged:
    """(N,) second segments of an encoder's input; empty for an utterance without text.

    Args:
        split: has the texts, or stored token ids.
        encoder: the text encoder.
        spec: source of the text.
        before: rows of each row's context.
        own: (N,) number of tokens of the first segments.
        most: most tokens of both segments.
    """
    if spec.source == "raw":
        texts = split.texts or [None] * len(split)
        context: list[str | npt.NDArray[np.int32]] = [
            " ".join(words for row in rows if (words := (texts[row] or "").strip())) for rows in before
        ]
    else:
        stored = split.sequences.get("token_ids", Ragged.from_rows([None] * len(split), 0))
        special = load_tokenizer(encoder).all_special_ids
        context = [
            np.concatenate(
                [np.zeros(0, np.int32), *(ids[~np.isin(ids, special)] for ids in map(stored.__getitem__, rows))]
            )
            for rows in before
        ]
    room = np.where(own > 0, most - own, 0).tolist()
    return Ragged.from_rows(tokenize_context(encoder, context, room), 0)
