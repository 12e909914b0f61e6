"""Measure how often the face that speaks is found, on mixtures of real clips.

Two clips of different videos are shown side by side with the sound of one of them, so that it is known who speaks. The
other person talks without sound, which is the hard case, or is a still picture. In a third kind of mixture the left one
speaks first and the right one afterwards, while both are visible: the one that does not speak talks without sound, or
is still. Each clip is one utterance. Faces are detected in the joined pictures, at the rate of `analyze`. Only videos
that `fit` did not see count.

    python -m tools.speaking.measure ../shared/data/mosi_raw --pairs 30
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.cache import cached
from sentiprism.features.extractors.face import RATE as FRAMES
from sentiprism.features.extractors.face import Face
from sentiprism.features.face_choice import choose_faces
from sentiprism.features.speaking import SURE, find_speaking
from sentiprism.media.decode import frames, sound
from sentiprism.media.speech import RATE
from sentiprism.media.types import Frame, Media, Span
from tools.speaking.clips import MEASURED, read_videos, suitable

SEED = 0
DRAWS = 2000
"""Bootstrap samples of pairs."""

Array = npt.NDArray[np.float64]


class Mixture(NamedTuple):
    """Two persons side by side."""

    name: str
    """Under which its faces are kept in the cache, so that a stopped measurement resumes."""
    pictures: Callable[[], list[Frame]]
    sound: npt.NDArray[np.int16]
    turn: float
    """Second from which the right person speaks instead of the left one."""


def one_speaks(a: Media, b: Media, *, still: bool) -> Mixture:
    """The left person speaks; the right one talks without sound, or is still."""
    seconds = min(a.duration, b.duration)

    def show() -> list[Frame]:
        left, right = pictures(a, seconds), pictures(b, seconds)
        return join(left, repeated(right[0], left) if still else right)

    return Mixture(f"{a.content} {b.content} {still}", show, sound(a, RATE)[: round(seconds * RATE)], seconds)


def by_turns(a: Media, b: Media, other_a: Media, other_b: Media, *, still: bool) -> Mixture:
    """The left person speaks, then the right one; the other one talks without sound, or is still.

    Args:
        a: left, with its sound.
        b: right, with its sound.
        other_a: clip of the left person while the right one speaks.
        other_b: clip of the right person while the left one speaks.
        still: whether the one that does not speak is still.
    """
    first, second = min(a.duration, other_b.duration), min(b.duration, other_a.duration)

    def show() -> list[Frame]:
        left, right = pictures(a, first), pictures(b, second)
        beside_left = repeated(right[0], left) if still else pictures(other_b, first)
        beside_right = repeated(left[-1], right) if still else pictures(other_a, second)
        after = [Frame(one.time + first, one.image) for one in join(beside_right, right)]
        return join(left, beside_left) + after

    samples = np.zeros(round((first + second) * RATE), np.int16)
    for clip, start, length in ((a, 0.0, first), (b, first, second)):
        own = sound(clip, RATE)[: round(length * RATE)]
        samples[round(start * RATE) : round(start * RATE) + len(own)] = own
    contents = (one.content for one in (a, b, other_a, other_b))
    return Mixture(f"{' '.join(contents)} {still}", show, samples, first)


@lru_cache(maxsize=8)
def pictures_of(clip: Media) -> list[Frame]:
    """The middle of the pictures of a clip, half as wide as those that `analyze` decodes."""
    with closing(frames(clip, FRAMES, 480)) as found:
        return [Frame(one.time, one.image[:, (left := (one.image.shape[1] - 320) // 2) : left + 320]) for one in found]


def pictures(clip: Media, seconds: float) -> list[Frame]:
    """Pictures of the beginning of a clip."""
    return [frame for frame in pictures_of(clip) if frame.time < seconds]


def repeated(still: Frame, others: list[Frame]) -> list[Frame]:
    """One picture at the times of others."""
    return [Frame(one.time, still.image) for one in others]


def join(left: list[Frame], right: list[Frame]) -> list[Frame]:
    """Pictures side by side, as long as both last."""
    found = []
    for one, other in zip(left, right, strict=False):
        height = max(one.image.shape[0], other.image.shape[0])
        both = [np.pad(x.image, ((0, height - x.image.shape[0]), (0, 0), (0, 0))) for x in (one, other)]
        found.append(Frame(one.time, np.concatenate(both, axis=1)))
    return found


def compare(mixture: Mixture) -> Array:
    """Compare the chosen face with the truth, in each tenth of a second of the utterances.

    Returns:
        (N, 5): right, right without measuring the lips, sure, certainty, seconds of the utterance.
    """
    faces = cached(f"middle {mixture.name}", Face.recipe, {"rate": FRAMES}, lambda: Face()(mixture.pictures()))
    right_side = [float(face.values[:, Face.recipe.columns.index("face_x")].mean()) > 0.5 for face in faces]
    found = []
    end = len(mixture.sound) / RATE
    spans = [Span(0.0, mixture.turn), *([Span(mixture.turn, end)] if mixture.turn < end - 0.1 else [])]
    for side, span in enumerate(spans):
        speaking = find_speaking(faces, mixture.sound, [span]).get(span)
        largest = choose_faces(faces, span)[0]
        chosen = choose_faces(faces, span, speaking=speaking and speaking.face)[0]
        sure = speaking is not None and speaking.face is not None
        right = [face is not None and right_side[face] == bool(side) for face in (chosen, largest)]
        certainty = speaking.certainties.get(chosen, 0.0) if speaking and chosen is not None else 0.0
        found += [[*right, sure, certainty, span.end - span.start]] * round((span.end - span.start) * FRAMES)
    return np.array(found, np.float64).reshape(-1, 5)


def mixtures(videos: dict[str, list[Path]], count: int) -> Iterator[dict[str, Mixture]]:
    """Yield the four kinds of mixtures of two clips of each of two persons, which are drawn."""
    rng = np.random.default_rng(SEED)
    for _ in range(count):
        names = rng.choice(list(videos), 2, replace=False)
        orders = [[videos[name][n] for n in rng.permutation(len(videos[name]))] for name in names]
        drawn = (islice(suitable(paths), 2) for paths in orders)
        (a, other_a), (b, other_b) = drawn
        yield {
            "one speaks, the other is still": one_speaks(a, b, still=True),
            "one speaks, the other talks without sound": one_speaks(a, b, still=False),
            "by turns, the other is still": by_turns(a, b, other_a, other_b, still=True),
            "by turns, the other talks without sound": by_turns(a, b, other_a, other_b, still=False),
        }


def measure(folder: Path, count: int) -> None:
    """Print the shares of speech time in which the speaker is chosen, with intervals over pairs."""
    found: dict[str, list[Array]] = {}
    for mixed in mixtures(read_videos(folder, MEASURED), count):
        for kind, mixture in mixed.items():
            found.setdefault(kind, []).append(compare(mixture))
    print(
        f"{count} pairs of other videos than those of the fit; % of the time of utterances, 95 % interval over pairs\n"
    )
    print("| mixture | time | right | largest face | sure | right where sure |\n|---|---|---|---|---|---|")
    for kind, parts in found.items():
        show(kind, parts)
    every = [np.concatenate([found[kind][n] for kind in found]) for n in range(count)]
    show("all", every)
    hard = np.concatenate([part for kind, parts in found.items() if "without" in kind for part in parts])
    print("\nright where the other talks without sound, by the seconds of the utterance:")
    show_bins(hard, 4, (0.0, 2.0, 3.0, 5.0, 60.0))
    print("\nright by the certainty, all mixtures:")
    show_bins(np.concatenate(every), 3, (0.0, SURE, 0.5, 0.6, 0.75, 0.9, 1.01))


def show_bins(found: Array, column: int, edges: tuple[float, ...]) -> None:
    """Print how often the chosen face is right, by the values of a column."""
    for low, high in pairwise(edges):
        own = found[(found[:, column] >= low) & (found[:, column] < high)]
        if len(own):
            print(f"{low:g} to {high:g}: {100 * own[:, 0].mean():.0f} % of {len(own) / FRAMES:.0f} s")


def show(kind: str, parts: list[Array]) -> None:
    """Print a line of the table."""
    whole = np.concatenate(parts)
    rng = np.random.default_rng(SEED)
    draws = rng.integers(len(parts), size=(DRAWS, len(parts)))
    sums = np.array([[part[:, 0].sum(), len(part)] for part in parts])[draws].sum(axis=1)
    low, high = np.percentile(100 * sums[:, 0] / sums[:, 1], (2.5, 97.5))
    right, largest, sure = 100 * whole[:, :3].mean(axis=0)
    surely = 100 * whole[whole[:, 2] > 0, 0].mean() if whole[:, 2].any() else float("nan")
    cells = f"{right:.1f} [{low:.1f}, {high:.1f}] | {largest:.1f} | {sure:.1f} | {surely:.1f}"
    print(f"| {kind} | {len(whole) / FRAMES:.0f} s | {cells} |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with the clips and labels.csv")
    parser.add_argument("--pairs", type=int, default=30, help="pairs of persons")
    given = parser.parse_args()
    measure(given.folder, given.pairs)


if __name__ == "__main__":
    main()
