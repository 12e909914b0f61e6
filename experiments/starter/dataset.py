"""The dataset that the starter model learns from: text of MOSI and MOSEI, voices and faces of RAVDESS, as one.

Nothing here has all three modalities. RAVDESS has no text (its two sentences carry nothing), MOSI and MOSEI as they are
public have nothing else; what is missing is missing. So that a model also learns how the three go together, train holds
joined utterances beside the real ones: a voice and a face of RAVDESS with a text of like label. That supposes that text
and face tell of the sentiment independently of each other, which is the best guess where nothing is known, and wrong
for irony. Valid and test, which choose and judge, are real throughout, but for the joined utterances of test, which are
reported by themselves.

A microphone or a tracker of faces unlike those of train shifts features. Each take is therefore in train several times,
each time through another microphone (gain and a smooth curve over the bands) and another tracker (scale of each unit).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import dct, idct

from sentiprism.data.dataset import Dataset, Split, Utterance
from sentiprism.data.importers.table import read_table
from sentiprism.data.store import load_dataset, write_dataset
from sentiprism.features.extractors.expression import Expression
from sentiprism.recipe import Recipe
from sentiprism.types import TargetSpec

NAME = "starter"
COPIES = 4
"""Of each take in train: every other one is joined with a text."""
NEAR = 0.34
"""How far the label of a joined text may be from the take's: MOSEI's labels are thirds."""
GAIN = 8.0
"""dB, deviation over microphones."""
CURVE = (12.0, 8.0, 5.0)
"""Deviations of the lowest cosines over the bands: about 3, 2 and 1 dB."""
UNIT_SCALE = 0.3
"""Deviation of the logarithm of each unit's scale over trackers."""
FACE = Expression.recipe.taken("utterance")
"""Only what OpenFace and our own map mean alike."""

Floats = npt.NDArray[np.float32]


def microphone(steps: Floats, recipe: Recipe, draw: np.random.Generator) -> Floats:
    """The same voice through another microphone: (T, F) of the extractor ``speech``."""
    bands = [n for n, name in enumerate(recipe.columns) if name.startswith("mel_")]
    cepstra = [n for n, name in enumerate(recipe.columns) if name.startswith("mfcc_")]
    cosines = np.zeros(len(bands))
    cosines[1 : 1 + len(CURVE)] = draw.normal(0, CURVE)
    gain = draw.normal(0, GAIN)
    curve = idct(cosines, norm="ortho")
    made = steps.copy()
    made[:, bands] += gain + curve
    made[:, cepstra] += dct(curve, norm="ortho")[1 : 1 + len(cepstra)]
    made[:, recipe.columns.index("rms")] += gain
    return made


def tracker(units: Floats, draw: np.random.Generator) -> Floats:
    """The same face as another program scales it: (1, F) intensities from 0 to 5."""
    scale = np.exp(draw.normal(0, UNIT_SCALE, units.shape[1]))
    return np.clip(units * scale, 0, 5).astype(np.float32)


def texts(name: str, data: Path) -> Iterator[tuple[str, Utterance]]:
    """Utterances of MOSI or MOSEI, with text alone."""
    for split, row in read_table(data / name / "labels.csv", features={}):
        yield split, Utterance(f"{name}:{row.id}", f"{name}:{row.video_id}", row.text, row.labels)


def takes(split: Split, units: Sequence[int]) -> Iterator[tuple[int, dict[str, Floats]]]:
    """Row, voice and face of each take of RAVDESS; of the face only some columns."""
    for row in range(len(split)):
        audio, vision = (np.asarray(split.sequences[name][row]) for name in ("audio", "vision"))
        yield row, {"audio": audio, "vision": vision[:, units]}


def utterances(data: Path, ravdess: Dataset, seed: int = 0) -> Iterator[tuple[str, Utterance]]:
    """All of it, split by split as the sources have it."""
    have = ravdess.card.recipes["vision"].columns
    units = [have.index(column) for column in FACE.columns]
    spoken: dict[str, list[Utterance]] = {"train": [], "valid": [], "test": []}
    for name in ("mosi", "mosei"):
        for split, row in texts(name, data):
            spoken[split].append(row)
            yield split, row
    for split, rows in spoken.items():
        found = ravdess.split(split)
        labels = np.array([row.labels["M"] for row in rows])
        for row, sequences in takes(found, units):
            label = float(found.labels["M"][row])
            near = np.flatnonzero(np.abs(labels - label) <= NEAR)
            whole = f"ravdess:{found.ids[row]}"
            if split != "train":
                yield split, _take(whole, found, row, None, label, sequences)
            for copy in range(COPIES if split == "train" else int(split == "test")):
                draw = np.random.default_rng((seed, copy, *map(int, str(found.ids[row]).split("-"))))
                changed: dict[str, Any] = sequences
                text = None
                if split == "train":
                    audio = microphone(sequences["audio"], ravdess.card.recipes["audio"], draw)
                    changed = {"audio": audio, "vision": tracker(sequences["vision"], draw)}
                if copy % 2 or split == "test":
                    other = rows[int(draw.choice(near))]
                    text, label_of = other.text, (label + other.labels["M"]) / 2
                    name = f"joined:{found.ids[row]}:{copy}"
                else:
                    label_of, name = label, f"{whole}:{copy}"
                yield split, _take(name, found, row, text, label_of, changed)


def _take(name: str, split: Split, row: int, text: str | None, label: float, sequences: dict[str, Any]) -> Utterance:
    return Utterance(name, str(split.video_ids[row]), text, {"M": label}, sequences)


def build(data: Path, ravdess: str) -> Dataset:
    """Write the dataset into the store, in the place of an earlier one.

    Args:
        data: folder of ``mosi/labels.csv``, ``mosei/labels.csv`` and ``ravdess``.
        ravdess: dataset that `extract` made of it.
    """
    voices = load_dataset(ravdess)
    return write_dataset(
        NAME,
        utterances(data, voices),
        title="Starter: text of CMU-MOSI and CMU-MOSEI, voices and faces of RAVDESS",
        source=f"mosi/labels.csv, mosei/labels.csv, {ravdess} ({voices.card.content[:8]}), by experiments/starter",
        target=TargetSpec(low=-3, high=3),
        protocol="intensity",
        recipes={"audio": voices.card.recipes["audio"], "vision": FACE},
        notes=[
            "no source has all modalities: RAVDESS has no text, MOSI and MOSEI have nothing else",
            "ids joined:* are a voice and a face of RAVDESS with a text of like label, in train and test",
            f"takes of RAVDESS stand {COPIES} times in train, each through another microphone and face tracker",
        ],
        replace=True,
    )
