"""Draw bootstrap samples of videos or utterances.

Where the videos of the samples are known, whole videos are drawn (cluster bootstrap, Davison and Hinkley 1997, section
3.8): utterances of one video resemble each other, and intervals over utterances would be too narrow.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.metrics.sums import Array, Floats

BLOCK = 4_000_000
"""Weights held at once: 32 MB, whatever N and the number of resamples."""
FEW, ROUGH = 10, 30
"""Below how many drawn units an interval is unreliable and no difference is tested, and an interval is rough."""


class Units(NamedTuple):
    """How many independent things a bootstrap draws, and what they are."""

    number: int
    name: str
    """``videos`` or ``utterances``."""

    @property
    def few(self) -> bool:
        """Whether they are too few for a p-value, or for a claim that a model is better."""
        return self.number < FEW

    @property
    def too_few(self) -> str:
        """``videos (4)`` where they are too few for a claim, else ""."""
        return f"{self.name} ({self.number})" if self.few else ""


def units_of(videos: Array | None, samples: int) -> Units:
    """Count what is independent among the samples: their videos, or themselves where no video is known.

    Utterances of a single video are drawn one by one, but nothing is known of other videos: that is one unit.

    Args:
        videos: (N,) the video of each sample, or None.
        samples: N.
    """
    if videos is None:
        return Units(samples, "utterances")
    count = len(np.unique(np.asarray(videos, str)))
    return Units(count, "videos" if count < samples else "utterances")


def draws(samples: int, resamples: int, seed: int, videos: Array | None = None) -> Iterator[Floats]:
    """Blocks (r, N) of how often each sample was drawn.

    Rows sum to N where samples are drawn one by one; V of V videos are drawn with replacement, each with all its
    samples, where `drawn_videos` gives their numbers.
    """
    generator, video = np.random.default_rng(seed), drawn_videos(videos)
    size = samples if video is None else int(video.max()) + 1
    rows = max(1, BLOCK // samples)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        index = generator.integers(size, size=(count, size)) + size * np.arange(count)[:, None]
        drawn = np.bincount(index.ravel(), minlength=count * size).reshape(count, size).astype(np.float64)
        yield drawn if video is None else drawn[:, video]


def drawn_videos(videos: Array | None) -> npt.NDArray[np.int64] | None:
    """(N,) number of the video that each sample is drawn with.

    None where samples are drawn one by one: nobody knows their videos, all are of one, or each is of its own.
    """
    if videos is None:
        return None
    names, number = np.unique(np.asarray(videos, str), return_inverse=True)
    return number.astype(np.int64) if 1 < len(names) < len(number) else None


def drawn_over(videos: Array | None) -> str:
    """What a bootstrap draws, as captions say it: "31 videos", "utterances"; and whether they are few."""
    if videos is None:
        return "utterances, whose videos are not known"
    if len(np.unique(np.asarray(videos, str))) == 1 < len(videos):
        return "the utterances of one video"
    units = len(videos) if (video := drawn_videos(videos)) is None else int(video.max()) + 1
    remark = " (too few for a reliable interval)" if units < FEW else " (few: intervals are rough)" * (units < ROUGH)
    return f"{'utterances' if video is None else f'{units} videos'}{remark}"
