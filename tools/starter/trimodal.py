"""The dataset of the second starter: every utterance with what it really has, and no made-up pairs.

| source | has | train | valid | test |
|---|---|---|---|---|
| CMU-MOSI, CMU-MOSEI | text | official | official | official |
| mosi_raw, clips of MOSI's train | text, voice, face | all videos but those left out | – | the videos left out |
| RAVDESS | voice, face | actors 1-16 | actors 17-20 | actors 21-24 |

A clip of mosi_raw takes the place of its own text in MOSI. The voice is made by Whisper's encoder, the face is the
mean of nine action units: RAVDESS has OpenFace's, the clips have ours. Voices and faces are relative to the person:
less the median over all steps of the video, as `analyze` takes it over a recording. POM is left out: it has COVAREP and
Facet alone and no recordings, so nothing in it is what `analyze` can extract, and that its 14th label is sentiment is a
guess.

    python -m tools.starter.trimodal --data ../shared/data --clips mosi_raw_whisper --actors ravdess_whisper --fold 1/6
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import SPLITS, Dataset, DatasetInfo, Split, Utterance
from sentiprism.data.store import load_dataset, write_dataset
from sentiprism.errors import UserError
from sentiprism.features.extractors.expression import Expression
from sentiprism.features.track import Track
from sentiprism.recipe import Recipe
from sentiprism.types import TargetSpec
from tools.starter.dataset import FACE, NAME, texts

Floats = npt.NDArray[np.float32]
FACES = {"face": Expression.source.recipe.columns, "action_units": FACE.columns}
"""Extractors that nine action units can be told from, and columns that are needed for it."""


def left_out(videos: list[str], fold: str | None) -> set[str]:
    """Videos of one fold, ``1/6`` for example: every sixth in the order of their names; None = no video.

    Raises:
        UserError: it is not a fold of so many videos.
    """
    if fold is None:
        return set()
    number, _, folds = fold.partition("/")
    if not (number.isdecimal() and folds.isdecimal() and 1 <= int(number) <= int(folds) <= len(videos)):
        raise UserError(f"{fold!r} is not a fold of {len(videos)} videos", "give for example 1/6")
    return set(sorted(videos)[int(number) - 1 :: int(folds)])


def expression(frames: Floats, recipe: Recipe) -> Floats:
    """(T, F) columns of a face -> (T, 9) action units."""
    if recipe.extractor == "face":
        return Expression().derive(Track(np.arange(len(frames), dtype=np.float64), frames)).values
    return frames[:, [recipe.columns.index(column) for column in FACE.columns]]


def less_resting(pieces: list[Floats]) -> list[Floats]:
    """(T, F) utterances of a video, less the median over all their steps."""
    steps = np.concatenate(pieces)
    return [piece - np.median(steps, axis=0).astype(np.float32) for piece in pieces] if len(steps) else pieces


def recorded(dataset: Dataset) -> Iterator[tuple[str, Split, int, dict[str, Floats]]]:
    """Split, row, voice and expression of each recorded utterance of a dataset, less the resting level of its video."""
    recipe = dataset.card.recipes["vision"]
    videos: dict[str, list[tuple[str, Split, int]]] = {}
    for name in SPLITS:
        split = dataset.split(name)
        for row, video in enumerate(split.video_ids):
            videos.setdefault(str(video), []).append((name, split, row))
    for own in videos.values():
        voices = [np.asarray(split.sequences["audio"][row], np.float32) for _, split, row in own]
        faces = [expression(np.asarray(split.sequences["vision"][row], np.float32), recipe) for _, split, row in own]
        for (name, split, row), audio, units in zip(own, less_resting(voices), less_resting(faces), strict=True):
            vision = units.mean(axis=0, keepdims=True) if len(units) else units
            yield name, split, row, {"audio": audio, "vision": vision}


def utterances(
    data: Path, clips: Dataset, actors: Dataset | None, fold: str | None = None
) -> Iterator[tuple[str, Utterance]]:
    """All of it, split by split as the sources have it.

    Args:
        data: folder of ``mosi/labels.csv`` and ``mosei/labels.csv``.
        clips: dataset that `extract` made of mosi_raw.
        actors: the same of RAVDESS; None leaves it out.
        fold: of the videos of ``clips`` that are test, see `left_out`.
    """
    heard = {f"mosi:{split.ids[row]}": sequences for _, split, row, sequences in recorded(clips)}
    videos = {f"mosi:{video}" for name in SPLITS for video in clips.split(name).video_ids}
    held = left_out(sorted(videos), fold)
    for source in ("mosi", "mosei"):
        for split, row in texts(source, data):
            where = "test" if row.video_id in held else split
            if row.id in heard:
                own = row.id.partition(":")[2]
                yield where, Utterance(f"mosi_raw:{own}", row.video_id, row.text, row.labels, heard.pop(row.id))
            else:
                yield where, row
    if heard:
        raise UserError(
            f"{clips.name} has clips that are not in MOSI: {sorted(heard)[0]}", "extract mosi_raw with its ids"
        )
    if actors is not None:
        for name, split, row, sequences in recorded(actors):
            label = float(split.labels["M"][row])
            yield name, Utterance(f"ravdess:{split.ids[row]}", str(split.video_ids[row]), None, {"M": label}, sequences)


def build(data: Path, clips: str, actors: str | None, fold: str | None = None, name: str = NAME) -> Dataset:
    """Write the dataset into the store, in the place of an earlier one; see `utterances`.

    Raises:
        UserError: the datasets have other features than the starter reads, or clips that MOSI has not.
    """
    seen = [load_dataset(one) for one in (clips, *([actors] if actors else []))]
    voice = seen[0].card.recipes["audio"]
    for one in seen:
        recipes = one.card.recipes
        if any(recipe.relative for recipe in recipes.values()):
            raise UserError(f"{one.name} is relative to the person already", "extract it without --relative")
        if reason := voice.difference(recipes["audio"]):
            raise UserError(f"{one.name} has another voice than {clips}: {reason}", "extract both with --audio whisper")
        needed = FACES.get(recipes["vision"].extractor)
        if needed is None or not {*needed} <= {*recipes["vision"].columns}:
            raise UserError(f"{one.name} has no action units", "extract it with --vision face or action_units")
    sources = ", ".join(f"{one.name} ({one.card.content[:8]})" for one in seen)
    return write_dataset(
        name,
        utterances(data, seen[0], seen[1] if actors else None, fold),
        DatasetInfo(
            title="Starter: text of CMU-MOSI and CMU-MOSEI, clips of CMU-MOSI"
            + (", voices and faces of RAVDESS" if actors else ""),
            source=f"mosi/labels.csv, mosei/labels.csv, {sources}, by tools/starter",
            target=TargetSpec(low=-3, high=3),
            protocol="intensity",
            fold=fold,
            recipes={
                "audio": voice.with_step("frame", relative=True),
                "vision": FACE.with_step("utterance", relative=True),
            },
            notes=["ids mosi_raw:* have text, voice and face; mosi:* and mosei:* text alone; ravdess:* no text"],
        ),
        replace=True,
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make the dataset of the second starter.")
    parser.add_argument("--data", type=Path, required=True, help="folder of mosi and mosei")
    parser.add_argument("--clips", required=True, help="dataset that extract made of mosi_raw")
    parser.add_argument("--actors", help="dataset that extract made of RAVDESS; left out for a model without it")
    parser.add_argument("--fold", help="videos of mosi_raw to leave out, 1/6 for example")
    parser.add_argument("--name", default=NAME, help="of the dataset in the store")
    given = parser.parse_args()
    print(build(given.data, given.clips, given.actors, given.fold, given.name).card.content)


if __name__ == "__main__":
    main()
