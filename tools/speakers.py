"""Measure who speaks, by voice, on mixtures of real clips: the table of docs/speakers.md.

Clips of one, two or three videos of CMU-MOSI are joined, one after the other and by turns, each louder or quieter at
random. Who speaks is known: a video has one speaker. Every second video is used to choose the threshold of `diarize`;
the others measure it.

    python tools/speakers.py ../shared/data/mosi_raw --acted ../shared/data/ravdess
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.media.decode import sound
from sentiprism.media.diarize import diarize
from sentiprism.media.probe import probe
from sentiprism.media.speech import RATE, find_speech
from sentiprism.media.voices import Voices, embed_voices

ODD = {"2WGyTLYerpo_44"}
"""Clips that are cut wrongly: two words in 52 seconds."""
STEP = 0.01
"""Seconds in which who speaks is compared."""
GAIN = 6.0
"""Most dB by which a clip is made louder or quieter."""
SEED = 2026
ACTED = 5
"""Every fifth clip of RAVDESS is used: twelve of each actor."""

Sound = npt.NDArray[np.int16]
Videos = dict[str, list[Sound]]


class Mixture(NamedTuple):
    """Joined clips."""

    voices: Voices
    speech: npt.NDArray[np.intp]
    """Steps with speech."""
    truth: npt.NDArray[np.intp]
    """(steps,) who speaks."""
    count: int


class Result(NamedTuple):
    """Measured on one mixture."""

    right: float
    """Share of the speech's time that is given to the right speaker, by the best matching of names."""
    right_given: float
    """The same if the number of speakers is given."""
    found: int
    """Number of speakers that are found."""
    count: int


def read_videos(folder: Path) -> Videos:
    """Sounds of the clips of each video."""
    found: Videos = defaultdict(list)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["id"] not in ODD:
                found[row["video_id"]].append(np.array(sound(probe(folder / row["file"]), RATE)))
    return dict(sorted(found.items()))


def read_actors(folder: Path) -> Videos:
    """Some clips of each actor of RAVDESS, in all emotions; odd numbers are men."""
    found: Videos = defaultdict(list)
    for number, path in enumerate(sorted(folder.glob("*.flac"))):
        if number % ACTED == 0:
            found[path.stem[-2:]].append(np.array(sound(probe(path), RATE)))
    return dict(sorted(found.items()))


def draw(clips: Sequence[Sound], seconds: float, rng: np.random.Generator) -> list[Sound]:
    """Clips in a random order, until they have the given length."""
    found: list[Sound] = []
    for n in rng.permutation(len(clips)):
        if sum(map(len, found)) >= seconds * RATE:
            break
        found.append(clips[n])
    return found


def mix(speakers: Sequence[Sequence[Sound]], rng: np.random.Generator) -> Mixture:
    """Join clips of several speakers by turns."""
    order = [(n, own[k]) for k in range(max(map(len, speakers))) for n, own in enumerate(speakers) if k < len(own)]
    gains = 10 ** (rng.uniform(-GAIN, GAIN, len(order)) / 20)
    loud = [np.clip(clip * gain, -32768, 32767).astype(np.int16) for (_, clip), gain in zip(order, gains, strict=True)]
    whole = np.concatenate(loud)
    spans = find_speech(whole)
    who = np.concatenate([np.full(len(clip), n) for n, clip in order])
    steps = np.arange(0, len(whole) / RATE, STEP) + STEP / 2
    inside = np.zeros(len(steps), bool)
    for span in spans:
        inside |= (steps >= span.start) & (steps < span.end)
    truth = who[np.minimum((steps * RATE).astype(int), len(who) - 1)]
    return Mixture(embed_voices(whole, spans), np.flatnonzero(inside), truth, len(speakers))


def compare(mixture: Mixture, speakers: int | None) -> tuple[float, int]:
    """Share of the time of speech with the right speaker, and how many speakers are found."""
    from scipy.optimize import linear_sum_assignment

    said = np.full(len(mixture.truth), -1)
    turns = diarize(mixture.voices, speakers)
    for turn in turns:
        said[round(turn.start / STEP) : round(turn.end / STEP)] = turn.speaker
    count = max(turn.speaker for turn in turns) + 1
    shared = np.zeros((mixture.count, count))
    kept = mixture.speech[said[mixture.speech] >= 0]
    np.add.at(shared, (mixture.truth[kept], said[kept]), 1)
    return float(shared[linear_sum_assignment(-shared)].sum() / len(mixture.speech)), count


def measure(mixture: Mixture) -> Result:
    """Compare the turns that are found with the true ones."""
    right, found = compare(mixture, None)
    return Result(right, compare(mixture, mixture.count)[0], found, mixture.count)


def telephone(clip: Sound) -> Sound:
    """A clip as a telephone transmits it: 300 to 3400 Hz."""
    from scipy.signal import butter, sosfilt

    filtered = sosfilt(butter(4, (300, 3400), "bandpass", fs=RATE, output="sos"), clip)
    return np.clip(filtered, -32768, 32767).astype(np.int16)


def by_length(low: float, high: float) -> Callable[[Sound], bool]:
    """Whether a clip has between ``low`` and ``high`` seconds."""
    return lambda clip: low * RATE <= len(clip) < high * RATE


def settings(videos: Videos, rng: np.random.Generator) -> Iterable[tuple[str, Iterable[Mixture]]]:
    """Yield the rows of the table: what is joined, and the mixtures."""
    own = list(videos.values())
    yield "one, the whole video", (mix([clips], rng) for clips in own)
    yield "one, 40 s", (mix([draw(clips, 40, rng)], rng) for clips in own for _ in range(5))
    yield "one, 15 s", (mix([draw(clips, 15, rng)], rng) for clips in own for _ in range(5))
    yield "one, 40 s, every other clip by telephone", (mix([_half(draw(clips, 40, rng))], rng) for clips in own)
    pairs = list(combinations(range(len(own)), 2))
    yield "two", (mix([draw(own[n], 25, rng) for n in pair], rng) for pair in pairs for _ in range(2))
    for low, top in ((0.0, 2.5), (2.5, 5.0), (5.0, 60.0)):
        fits = by_length(low, top)
        fitting = [[clip for clip in clips if fits(clip)] for clips in own]
        chosen = [(a, b) for a, b in pairs if min(len(fitting[a]), len(fitting[b])) >= 4]
        name = f"two, clips of {low:g} to {top:g} s"
        yield name, (mix([draw(fitting[n], 20, rng) for n in pair], rng) for pair in chosen)
    yield "three", (mix([draw(own[n], 20, rng) for n in trio], rng) for trio in combinations(range(len(own)), 3))


def acted(actors: Videos, rng: np.random.Generator) -> Iterable[tuple[str, Iterable[Mixture]]]:
    """Yield the rows of acted speech."""
    yield "one actor in eight emotions", (mix([clips], rng) for clips in actors.values())
    names = list(actors)
    for name, step in (("two actors, one man and one woman", 1), ("two actors, both men or both women", 2)):
        pairs = zip(names[:-step], names[step:], strict=True)
        yield name, (mix([actors[a][:6], actors[b][:6]], rng) for a, b in pairs)


def _half(clips: Sequence[Sound]) -> list[Sound]:
    return [telephone(clip) if n % 2 else clip for n, clip in enumerate(clips)]


def row(name: str, results: Sequence[Result]) -> str:
    """A row of the table."""
    counts = np.mean([one.found == one.count for one in results])
    right, given = np.array([one.right for one in results]), np.array([one.right_given for one in results])
    shown = (f"{100 * value:.0f} %" for value in (counts, right.mean(), (right >= 0.9).mean(), given.mean()))
    return f"| {name} | {len(results)} | {' | '.join(shown)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder with the clips and labels.csv")
    parser.add_argument("--tuned", action="store_true", help="the videos by which the threshold was chosen")
    parser.add_argument("--acted", type=Path, help="folder with the clips of RAVDESS")
    given = parser.parse_args()
    chosen = dict(list(read_videos(given.source).items())[0 if given.tuned else 1 :: 2])
    rng = np.random.default_rng(SEED)
    rows = [settings(chosen, rng), acted(read_actors(given.acted), rng) if given.acted else ()]
    print("| speakers | mixtures | number found | time right | with at least 90 % | right, number given |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, mixtures in chain(*rows):
        if results := [measure(one) for one in mixtures]:
            print(row(name, results), flush=True)


if __name__ == "__main__":
    main()
