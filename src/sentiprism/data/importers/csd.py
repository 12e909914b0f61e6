"""CMU computational sequences (``.csd``): HDF5 of one stream a video, joined to labelled segments by time.

Layout, CMU Multimodal SDK (Zadeh et al., 2018): one group of any name, in it ``data/<video>/features`` (T,
F), ``data/<video>/intervals`` (T, 2) in seconds, and ``metadata``. After the SDK's ``align``, keys are
segments, ``video[n]``; such a name is the id of a segment here too.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Utterance
from sentiprism.data.importers.folds import short, split_videos
from sentiprism.errors import UserError

SILENCE = "sp"
LARGEST = 1 << 30
"""Bytes one stream of one video may unpack to: days of speech at 100 features a hundredth of a second."""
REMEDY = "save it again with the CMU Multimodal SDK"


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

    A step belongs to the segment its midpoint lies in, start included, end not.

    Args:
        labels: per video one row a labelled segment; the first column is the sentiment.
        folds: which video is in which split, see `split_videos`.
        text: features (T, F), GloVe for instance; or words, as ``words``.
        audio: features (T, F).
        vision: features (T, F).
        words: (T, 1) strings; a segment's transcript are its words without the silences ``sp``.
        notes: warnings are appended to it.

    Yields:
        split and utterance, in the order of the folds.

    Raises:
        UserError: h5py is missing, a file has another layout or points to other files, or no video is in a
        fold.
    """
    notes = [] if notes is None else notes
    with ExitStack() as stack:
        label_file = stack.enter_context(_open(labels))
        paths = {"text": text, "audio": audio, "vision": vision, "words": words}
        files = {key: stack.enter_context(_open(path)) for key, path in paths.items() if path is not None}
        if "text" in files and files["text"].holds_strings():
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


def _segments(video: str, key: str, labels: "_Sequences", files: "dict[str, _Sequences]") -> Iterator[Utterance]:
    """Labelled segments of one entry of the label file."""
    scores, spans = labels.read(key)  # (n, K), (n, 2)
    steps = {name: file.read(key if key in file.keys else video) for name, file in files.items()}
    for n, (start, end) in enumerate(spans):
        found = {}
        for name, (values, intervals) in steps.items():
            middle = intervals.mean(axis=1)  # (T,)
            aligned = key != video and key in files[name].keys
            found[name] = values if aligned else values[(middle >= start) & (middle < end)]
        spoken = [word for word in found.pop("words", np.empty((0, 1), "S1"))[:, 0] if word != SILENCE.encode()]
        yield Utterance(
            id=key if key != video else f"{video}[{n}]",
            video_id=video,
            text=b" ".join(spoken).decode("utf-8", "replace") or None,
            labels={"M": float(scores[n, 0])},
            sequences=found,
        )


class _Sequences:
    """The streams of one file.

    Args:
        path: for messages.
        data: the group ``<root>/data``.
    """

    def __init__(self, path: Path, data: Any) -> None:
        self.path, self._data = path, data
        self.keys = dict.fromkeys(data)
        self._last: tuple[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]] | None = None
        if not self.keys:
            raise UserError(f"{path} holds no videos", REMEDY)

    def holds_strings(self) -> bool:
        """Whether the features are words."""
        return self.read(next(iter(self.keys)))[0].dtype.kind == "S"

    def read(self, key: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Features (T, F), float32 or byte strings, and intervals (T, 2); none where the key is absent."""
        if key not in self.keys:
            return np.empty((0, 1), np.float32), np.empty((0, 2))
        if self._last and self._last[0] == key:  # the segments of a video come one after another
            return self._last[1]
        group = _child(self.path, self._data, key)
        features, intervals = (self._array(group, key, name) for name in ("features", "intervals"))
        if not features.shape[1] or intervals.shape != (len(features), 2) or intervals.dtype.kind not in "fiu":
            raise UserError(
                f"{self.path}: {key} has {len(features)} steps and intervals of shape {intervals.shape}",
                "give each step its start and end in seconds",
            )
        self._last = key, (features, intervals)
        return features, intervals

    def _array(self, group: Any, key: str, name: str) -> npt.NDArray[Any]:
        import h5py

        dataset = _child(self.path, group, name)
        if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
            raise UserError(f"{self.path}: {key}/{name} is kept in another file, or no array", REMEDY)
        size = dataset.size or 0
        string = h5py.check_string_dtype(dataset.dtype) is not None
        if size * max(dataset.dtype.itemsize, 1) > LARGEST or dataset.ndim != 2:
            raise UserError(f"{self.path}: {key}/{name} has shape {dataset.shape}", "give it (T, F) of one video")
        if not string and dataset.dtype.kind not in "fiu":
            raise UserError(f"{self.path}: {key}/{name} is of type {dataset.dtype}", "store numbers, or words")
        try:
            values = np.asarray(dataset[()])
            return values.astype(np.bytes_) if string else values
        except (OSError, ValueError, MemoryError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{self.path}: {key}/{name} cannot be read: {reason}", REMEDY) from None


def _child(path: Path, group: Any, name: str) -> Any:
    """A member of a group that lies in the same file: a link could name any file of this machine."""
    import h5py

    if not isinstance(group, h5py.Group) or name not in group:
        raise UserError(f"{path} has no {name!r} where a computational sequence has it", REMEDY)
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise UserError(f"{path}: {name!r} is a link to somewhere else", "store the data itself in the file")
    return group[name]


@contextmanager
def _open(path: Path) -> Iterator[_Sequences]:
    try:
        import h5py
    except ImportError:
        raise UserError("computational sequences need h5py", "pip install 'sentiprism[csd]'") from None
    if not path.is_file():
        raise UserError(f"no file {path}", "check the path")
    try:
        file = h5py.File(path, "r")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no HDF5 file: {' '.join(str(error).split())}", REMEDY) from None
    with file:
        if len(file) != 1:
            raise UserError(f"{path} has {len(file)} groups where one sequence belongs", REMEDY)
        data = _child(path, _child(path, file, next(iter(file))), "data")
        if not isinstance(data, h5py.Group):
            raise UserError(f"{path} has 'data' that is no group of videos", REMEDY)
        yield _Sequences(path, data)
