"""The dataset that the starter model learns from: text of MOSI and MOSEI, voices and faces of RAVDESS, as one.

Nothing here has all three modalities. RAVDESS has no text (its two sentences carry nothing), MOSI and MOSEI as they are
public have nothing else; what is missing is missing. So that a model also learns how the three go together, train holds
made-up utterances beside the real ones, and test does for a look at them, by themselves:

- ``joined``: a voice and a face of RAVDESS with a text of like label, as if they told of it independently;
- ``unrelated``: the same with any text, whose label counts. The voices and faces of people who talk to a camera say
  much less than an actor's do, and their labels follow the words: a model that has text must not rest on the others.

Train also has some utterances without anything, with labels of any text: what a model says of nothing should be the
middle, for that is where contributions are counted from. Valid, which chooses and calibrates, is real throughout.

A microphone or a tracker of faces unlike those of train shifts features. Each take is therefore in train several times,
each time through another microphone (gain and a smooth curve over the bands) and another tracker (scale of each unit);
the gladdest takes, of which there are few, oftener, so that being unsure does not mean being sad.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.fft import dct, idct

from sentiprism.data.dataset import Dataset, DatasetInfo, Split, Utterance
from sentiprism.data.importers.table import read_table
from sentiprism.data.store import load_dataset, write_dataset
from sentiprism.features.extractors.expression import Expression
from sentiprism.recipe import Recipe
from sentiprism.types import TargetSpec

NAME = "starter"
ALONE, ALONE_GLAD = 2, 6
"""Copies of a take in train without a text; of a take whose label is `GLAD` or more."""
GLAD = 2.0
NOTHING = 200
"""Utterances of train without anything."""
NEAR = 0.34
"""How far the label of a joined text may be from the take's: MOSEI's labels are thirds."""
SILENCE = 30.0
"""dB below a take's loudest step."""
GAIN = 8.0
"""dB, deviation over microphones."""
CURVE = (12.0, 8.0, 5.0)
"""Deviations of the lowest cosines over the bands: about 3, 2 and 1 dB."""
UNIT_SCALE = 0.3
"""Deviation of the logarithm of each unit's scale over trackers."""
FACE = Expression.recipe.with_step("utterance")
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


def takes(split: Split, units: Sequence[int], loudness: int) -> Iterator[tuple[int, dict[str, Floats]]]:
    """Row, voice and face of each take of RAVDESS; of the face only some columns."""
    for row in range(len(split)):
        audio, vision = (np.asarray(split.sequences[name][row]) for name in ("audio", "vision"))
        yield row, {"audio": spoken(audio, loudness), "vision": vision[:, units]}


def spoken(steps: Floats, loudness: int) -> Floats:
    """The steps from the first to the last that is not silent: a take has a second of silence, an utterance none.

    Args:
        steps: (T, F) of a take.
        loudness: column of the level in dB.
    """
    loud = np.flatnonzero(steps[:, loudness] > steps[:, loudness].max() - SILENCE)
    return steps[loud[0] : loud[-1] + 1]


def utterances(data: Path, ravdess: Dataset, seed: int = 0) -> Iterator[tuple[str, Utterance]]:
    """All of it, split by split as the sources have it."""
    have = ravdess.card.recipes["vision"].columns
    units = [have.index(column) for column in FACE.columns]
    loudness = ravdess.card.recipes["audio"].columns.index("rms")
    said: dict[str, list[Utterance]] = {"train": [], "valid": [], "test": []}
    for name in ("mosi", "mosei"):
        for split, row in texts(name, data):
            said[split].append(row)
            yield split, row
    for split, rows in said.items():
        found = ravdess.split(split)
        labels = np.array([row.labels["M"] for row in rows])
        for row, sequences in takes(found, units, loudness):
            label = float(found.labels["M"][row])
            like = np.flatnonzero(np.abs(labels - label) <= NEAR)
            kinds = ["ravdess"]
            if split == "train":
                kinds = ["ravdess"] * (ALONE_GLAD if label >= GLAD else ALONE)
            if split != "valid":
                kinds += ["joined", "unrelated"]
            for copy, kind in enumerate(kinds):
                draw = np.random.default_rng((seed, copy, *map(int, str(found.ids[row]).split("-"))))
                other = None
                if kind != "ravdess":
                    other = rows[int(draw.choice(like if kind == "joined" else len(rows)))]
                changed = _changed(sequences, ravdess.card.recipes["audio"], draw) if split == "train" else sequences
                worth = label if other is None else other.labels["M"]
                yield (
                    split,
                    Utterance(
                        f"{kind}:{found.ids[row]}:{copy}",
                        str(found.video_ids[row]),
                        other.text if other else None,
                        {"M": (label + worth) / 2 if kind == "joined" else worth},
                        changed,
                    ),
                )
    draw = np.random.default_rng(seed)
    for number, label in enumerate(draw.choice([row.labels["M"] for row in said["train"]], NOTHING)):
        yield "train", Utterance(f"nothing:{number}", "nothing", None, {"M": float(label)})


def _changed(sequences: dict[str, Floats], recipe: Recipe, draw: np.random.Generator) -> dict[str, Floats]:
    return {"audio": microphone(sequences["audio"], recipe, draw), "vision": tracker(sequences["vision"], draw)}


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
        DatasetInfo(
            title="Starter: text of CMU-MOSI and CMU-MOSEI, voices and faces of RAVDESS",
            source=f"mosi/labels.csv, mosei/labels.csv, {ravdess} ({voices.card.content[:8]}), by tools/starter",
            target=TargetSpec(low=-3, high=3),
            protocol="intensity",
            recipes={"audio": voices.card.recipes["audio"], "vision": FACE},
            notes=[
                "no source has all modalities: RAVDESS has no text, MOSI and MOSEI have nothing else",
                "ids joined:* and unrelated:* are voice and face of RAVDESS with a text, made up, in train and test",
                "takes of RAVDESS stand several times in train, each through another microphone and face tracker",
            ],
        ),
        replace=True,
    )
