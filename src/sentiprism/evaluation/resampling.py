"""Draw bootstrap samples of videos or utterances.

If the videos of the samples are known, whole videos are drawn (cluster bootstrap, Davison and Hinkley 1997, section
3.8): utterances in one video are similar, and intervals over utterances would be too narrow.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.metrics.sums import Array, Floats

BLOCK = 4_000_000
"""Most weights in memory at once: 32 MB, for any N and number of resamples."""
FEW, ROUGH = 10, 30
"""Numbers of drawn units below which intervals are unreliable and differences are not tested, and are rough."""


class Units(NamedTuple):
    """Number and kind of the independent units that a bootstrap draws."""

    number: int
    name: str
    """``videos`` or ``utterances``."""

    @property
    def few(self) -> bool:
        """Whether they are too few for a p-value, or for claiming that a model is better."""
        return self.number < FEW

    @property
    def too_few(self) -> str:
        """``videos (4)`` if they are too few for a claim, else ""."""
        return f"{self.name} ({self.number})" if self.few else ""


def units_of(videos: Array | None, samples: int) -> Units:
    """Count the independent units: videos, or samples if their videos are not known.

    Utterances of a single video are drawn separately, but count as one unit, since other videos may differ.

    Args:
        videos: (N,) the video of each sample, or None.
        samples: N.
    """
    if videos is None:
        return Units(samples, "utterances")
    count = len(np.unique(np.asarray(videos, str)))
    return Units(count, "videos" if count < samples else "utterances")


def draws(samples: int, resamples: int, seed: int, videos: Array | None = None) -> Iterator[Floats]:
    """Yield blocks (r, N) of counts of each sample.

    Rows sum to N if samples are drawn separately. If `drawn_videos` gives numbers of V videos, V videos are drawn with
    replacement, each with all its samples.
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
    """(N,) number of each sample's video.

    None if samples are drawn separately: videos are not known, there is only one, or each sample has a different one.
    """
    if videos is None:
        return None
    names, number = np.unique(np.asarray(videos, str), return_inverse=True)
    return number.astype(np.int64) if 1 < len(names) < len(number) else None


def drawn_over(videos: Array | None) -> str:
    """Describe the units of a bootstrap for captions: "31 videos", "utterances"; and whether they are few."""
    if videos is None:
        return "utterances, whose videos are not known"
    if len(np.unique(np.asarray(videos, str))) == 1 < len(videos):
        return "the utterances of one video"
    units = len(videos) if (video := drawn_videos(videos)) is None else int(video.max()) + 1
    remark = " (too few for a reliable interval)" if units < FEW else " (few: intervals are rough)" * (units < ROUGH)
    return f"{'utterances' if video is None else f'{units} videos'}{remark}"
