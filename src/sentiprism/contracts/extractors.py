"""Contracts of extractors."""

import numpy as np

from sentiprism.contracts.result import Contract, NotRunError, expect
from sentiprism.features.extractors import EXTRACTORS, AudioExtractor, VisionExtractor
from sentiprism.features.track import Track
from sentiprism.media.types import Frame

SECONDS = 2.0
PITCH = 150.0
"""Frequency in Hz of the tone used as a voice."""


def check_recipe(name: str) -> None:
    """The recipe has the extractor's name, and a unit for each column."""
    kind = EXTRACTORS[name]
    recipe = kind.recipe
    expect(recipe.extractor == name, f"its recipe is of {recipe.extractor!r}")
    expect(recipe.columns, "its recipe has no column")
    expect(len(set(recipe.columns)) == len(recipe.columns), "its recipe has a column twice")
    expect(set(kind.shown) <= set(recipe.columns), "it shows a column that is not in its recipe")


def check_track(name: str) -> None:
    """The features of a recording are finite, with the recipe's columns and increasing times."""
    columns = len(EXTRACTORS[name].recipe.columns)
    for track in _tracks(name, SECONDS):
        expect(track.values.shape == (len(track.times), columns), f"values have shape {track.values.shape}")
        expect(track.values.dtype in (np.float32, np.float16), f"values are {track.values.dtype}, not float32")
        expect(np.isfinite(track.values).all(), "a value is not finite")
        expect((np.diff(track.times) > 0).all(), "times do not increase")


def check_repeats(name: str) -> None:
    """The same recording gives the same features."""
    first, second = (_tracks(name, SECONDS) for _ in range(2))
    expect(len(first) == len(second), "the number of tracks differs")
    for one, other in zip(first, second, strict=True):
        expect(np.array_equal(one.times, other.times), "times differ")
        expect(np.array_equal(one.values, other.values), "values differ")


def check_short(name: str) -> None:
    """An empty recording and a very short one cause no error."""
    for seconds in (0.0, 0.01):
        for track in _tracks(name, seconds):
            expect(np.isfinite(track.values).all(), f"with {seconds} s, a value is not finite")


def _tracks(name: str, seconds: float) -> list[Track]:
    """Extract the tracks of a tone, or of grey pictures."""
    kind = EXTRACTORS[name]
    try:
        made = kind()
    except ImportError as error:
        raise NotRunError(f"{error.name} is not installed") from None
    if isinstance(made, AudioExtractor):
        time = np.arange(int(seconds * made.sample_rate)) / made.sample_rate
        return [made((np.sin(2 * np.pi * PITCH * time) * 8000).astype(np.int16))]
    expect(isinstance(made, VisionExtractor), "it is neither an AudioExtractor nor a VisionExtractor")
    frames = (Frame(i / 10, np.full((64, 64, 3), 100 + i, np.uint8)) for i in range(int(seconds * 10)))
    return made(frames) if isinstance(made, VisionExtractor) else []


OF_EXTRACTORS = (
    Contract("recipe", check_recipe),
    Contract("track", check_track),
    Contract("repeats", check_repeats),
    Contract("short", check_short),
)
