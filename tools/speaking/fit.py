"""Fit the maps of `features/lip_sync.json`, and the calibration of certainties, to clips of every second video.

python -m tools.speaking.fit ../shared/data/mosi_raw
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.extractors.face import RATE as FRAMES
from sentiprism.features.extractors.face import Face
from sentiprism.features.lip_sync import MAP, LipMap, lip_score, mouth_measures, sound_levels, with_context
from sentiprism.features.track import Track
from sentiprism.features.track_extraction import face_tracks
from sentiprism.media.decode import sound
from sentiprism.media.speech import RATE
from sentiprism.media.types import Span
from tools.speaking.clips import FITTED, read_videos, suitable

VARIATES = 6
"""Pairs of variates, chosen by leaving out one video after the other."""
SHRINKAGE = 1.0
"""Added to the variance of each standardised measure."""
OTHERS = 6
"""Persons beside each speaker in the calibration."""
SEED = 0

Array = npt.NDArray[np.float64]


class Example(NamedTuple):
    """The face and the sound of a clip."""

    video: str
    track: Track
    sound: npt.NDArray[np.int16]
    span: Span


def examples(videos: dict[str, list[Path]]) -> Iterator[Example]:
    """Yield clips in which one face is visible throughout."""
    for video, paths in videos.items():
        for media in suitable(paths):
            tracks, samples = face_tracks(media, Face()), sound(media, RATE)
            span = Span(0.0, min(media.duration, len(samples) / RATE))
            if len(tracks) == 1 and len(tracks[0].times) >= 0.9 * span.end * FRAMES:
                yield Example(video, tracks[0], samples, span)


def fit_maps(given: list[Example]) -> LipMap:
    """Fit the maps by canonical correlation analysis, without a calibration."""
    both = [(mouth_measures(one.track.values), sound_levels(one.sound, one.track.times)) for one in given]
    sides = [np.concatenate([(x := with_context(pair[n])) - x.mean(axis=0) for pair in both]) for n in (0, 1)]
    scales = [side.std(axis=0) + 1e-6 for side in sides]
    mouth, heard = (side / scale for side, scale in zip(sides, scales, strict=True))
    roots = [
        np.linalg.inv(np.linalg.cholesky(x.T @ x / len(x) + SHRINKAGE * np.eye(x.shape[1]))) for x in (mouth, heard)
    ]
    left, strength, right = np.linalg.svd(roots[0] @ (mouth.T @ heard / len(mouth)) @ roots[1].T)
    to_mouth = (roots[0].T @ left[:, :VARIATES]) / scales[0][:, None]
    to_sound = (roots[1].T @ right[:VARIATES].T) / scales[1][:, None]
    return LipMap(to_mouth, to_sound, strength[:VARIATES], (sides[0] @ to_mouth).std(axis=0), 1.0, 0.0)


def scores(maps: LipMap, given: list[Example], video: str) -> Iterator[tuple[float, float, float]]:
    """Yield scores of each speaker of a video and of another person with the same sound, and the seconds."""
    rng = np.random.default_rng(SEED)
    others = [one for one in given if one.video != video]
    for one in given:
        if one.video == video:
            for number in rng.choice(len(others), min(OTHERS, len(others)), replace=False):
                span = Span(0.0, min(one.span.end, others[number].span.end))
                yield *(lip_score(x.track, one.sound, span, maps) for x in (one, others[number])), span.end


def calibrate(found: Array) -> tuple[float, float]:
    """Fit slope and least score by maximum likelihood, with each other person once beside the speaker, once alone.

    Args:
        found: (N, 3) see `scores`.
    """
    from scipy.optimize import minimize

    def loss(given: Array) -> float:
        speaker, other = (np.exp(np.clip(given[0] * (found[:, n] - given[1]), -50, 50)) for n in (0, 1))
        return float(-np.log(speaker / (1 + speaker + other)).mean() + np.log(1 + 2 * other).mean() / 2)

    best = minimize(loss, np.array([1.0, 0.5]), method="Nelder-Mead")
    return float(best.x[0]), float(best.x[1])


def write_map(given: list[Example]) -> None:
    """Fit and calibrate the maps, and write them."""
    parts = []
    for video in sorted({one.video for one in given}):
        maps = fit_maps([one for one in given if one.video != video])
        parts += list(scores(maps, given, video))
    found = np.array(parts)
    right, seconds = found[:, 0] > found[:, 1], found[:, 2]
    print(f"left out: {(seconds * right).sum() / seconds.sum():.3f} of the time of {len(found)} pairs right")
    slope, least = calibrate(found)
    maps = fit_maps(given)
    lists = {name: np.round(getattr(maps, name), 4).tolist() for name in LipMap._fields[:4]}
    about = f"{len(given)} clips of {len({one.video for one in given})} videos of CMU-MOSI"
    text = json.dumps({"fitted_to": about, **lists, "slope": round(slope, 3), "least": round(least, 3)})
    MAP.write_text(text.replace("], [", "],\n[") + "\n", encoding="utf-8")
    print(f"{MAP.name}: {about}, slope {slope:.3f}, least {least:.3f}")


if __name__ == "__main__":
    write_map(list(examples(read_videos(Path(sys.argv[1]), FITTED))))
