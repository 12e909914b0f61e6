"""Import CMU computational sequences (`.csd`), joined to segments by time.

Layout of the CMU Multimodal SDK (Zadeh et al., 2018): one group of any name with ``data/<video>/features`` (T, F),
``data/<video>/intervals`` (T, 2) in seconds, and ``metadata``. After the SDK's ``align``, keys are segments,
``video[n]``, which are also the ids of segments here.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Utterance
from sentiprism.data.importers.csd_file import Kind, Streams, open_csd
from sentiprism.data.importers.folds import short, split_videos
from sentiprism.errors import UserError

SILENCE = "sp"
OVERLAP = 20
"""Most segments per step, on average; in existing datasets a step is in at most one."""


def read_csd(
    *,
    labels: Path,
    folds: Path | str,
    text: Path | None = None,
    audio: Path | None = None,
    vision: Path | None = None,
    words: Path | None = None,
    notes: list[str] | None = None,
) -> Iterator[tuple[str, Utterance]]:
    """Read computational sequences video by video.

    A step belongs to the segment that contains its midpoint (start inclusive, end exclusive).

    Args:
        labels: one row per labelled segment of a video; the first column is the sentiment.
        folds: split of each video, see `split_videos`.
        text: features (T, F), GloVe for instance; or words, as ``words``.
        audio: features (T, F).
        vision: features (T, F).
        words: (T, 1) strings; a segment's transcript is its words without the silences ``sp``.
        notes: warnings are appended to it.

    Yields:
        split and utterance, in the order of the folds.

    Raises:
        UserError: h5py is missing, a file has another layout or links to other files, or no video is in a
        fold.
    """
    notes = [] if notes is None else notes
    with ExitStack() as stack:
        label_file = stack.enter_context(open_csd(labels, "numbers"))
        kinds: dict[str, Kind] = {"text": "either", "audio": "numbers", "vision": "numbers", "words": "words"}
        paths = {"text": text, "audio": audio, "vision": vision, "words": words}
        files = {
            key: stack.enter_context(open_csd(path, kinds[key])) for key, path in paths.items() if path is not None
        }
        if "text" in files and files["text"].kind == "words":
            files["words"] = files.pop("text")
        segments: dict[str, list[str]] = {}
        for key in label_file.keys:
            segments.setdefault(key.partition("[")[0], []).append(key)
        sizes = {video: sum(len(label_file.read(key)[0]) for key in keys) for video, keys in segments.items()}
        split_of = split_videos(folds, sizes, notes)
        left = segments.keys() - split_of.keys()
        if left == segments.keys():
            raise UserError(f"{labels} and {folds} have no video in common", "name videos as the label file does")
        if left:
            notes.append(f"{labels.name}: {len(left)} videos are in no split of {short(folds)}, not read")
        absent = split_of.keys() - segments.keys()
        if absent:
            notes.append(f"{short(folds)}: {len(absent)} videos have no labels, for example {min(absent)}")
        for video, split in split_of.items():
            for key in segments.get(video, ()):
                yield from ((split, utterance) for utterance in _segments(video, key, label_file, files))


def _segments(video: str, key: str, labels: Streams, files: dict[str, Streams]) -> Iterator[Utterance]:
    """Labelled segments of one entry of the label file."""
    scores, spans = labels.read(key)  # (n, K), (n, 2)
    if not np.isfinite(spans).all():
        raise UserError(f"{labels.path}: {key} has a segment without finite times", "give it start and end in seconds")
    steps: dict[str, list[npt.NDArray[Any]]] = {}
    for name, file in files.items():
        own = key if key in file.keys else video
        values, intervals = file.read(own)
        aligned = key != video and own == key
        steps[name] = [values] * len(spans) if aligned else _cut(file.path, own, values, intervals, spans)
    for n in range(len(spans)):
        found = {name: parts[n] for name, parts in steps.items()}
        spoken = [word for word in found.pop("words", np.empty((0, 1), "S1"))[:, 0] if word != SILENCE.encode()]
        yield Utterance(
            id=key if key != video else f"{video}[{n}]",
            video_id=video,
            text=b" ".join(spoken).decode("utf-8", "replace") or None,
            labels={"M": float(scores[n, 0])},
            sequences=found,
        )


def _cut(
    path: Path, key: str, values: npt.NDArray[Any], intervals: npt.NDArray[Any], spans: npt.NDArray[Any]
) -> list[npt.NDArray[Any]]:
    """Steps of each segment, in order."""
    with np.errstate(over="ignore", invalid="ignore"):  # steps without times are in no segment
        middle = intervals.astype(np.float64).mean(axis=1)  # (T,)
    order = np.argsort(middle, kind="stable")
    first, last = (np.searchsorted(middle[order], spans[:, side], side="left") for side in (0, 1))  # (n,)
    if np.maximum(last - first, 0).sum() > OVERLAP * max(len(middle), 1):
        raise UserError(f"{path}: the segments of {key} overlap {OVERLAP} times", "correct their times")
    return [values[np.sort(order[begin:end])] for begin, end in zip(first, last, strict=True)]
