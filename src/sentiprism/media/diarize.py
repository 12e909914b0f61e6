"""Tell who speaks when: cluster the voices of windows, and smooth over time (diarization)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.media.types import Span
from sentiprism.media.voices import Voices

MOST_SPEAKERS = 20
CHUNK = 4
"""Windows of a span of speech whose mean is clustered: 2.8 s."""
MOST_CLUSTERED = 2000
"""Chunks between which distances are computed, 16 MB; of more (an hour and a half of speech), evenly spread ones. The
others join the nearest cluster."""
FINE = 30
"""Clusters of the first pass, by average linkage; the second pass compares their means, which are less noisy."""
ALIKE = 0.8
"""Cosine of the mean voices of two clusters from which they are one speaker."""
BRIEF = 5.0
"""Seconds of speech below which a cluster is no speaker, if there are enough others."""
SWITCH, PAUSED = 0.1, 0.0
"""Cost of a change of speaker within a span of speech and between two, as the sum over windows of the difference of
cosines."""
ROUNDS = 2
"""Times that windows are assigned to speakers anew."""

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.intp]


class SpeakerTurn(NamedTuple):
    """A time in which one speaker is heard."""

    start: float
    end: float
    speaker: int
    """From 0, in the order of their first turns."""


def diarize(voices: Voices, speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
    """Find the turns of the speakers, in the order of time.

    Chunks of windows are clustered by average linkage of cosine distances; clusters with the most similar means are
    then merged, until there are ``speakers``, or until no two are `ALIKE`. Windows are assigned to the nearest mean,
    with a cost for every change (Viterbi).

    Args:
        voices: from `sentiprism.media.voices.embed_voices`.
        speakers: their number; None = as many as are heard. There may be fewer if the voices are fewer.

    Returns:
        The turns; within a span of speech there is no gap between them.
    """
    if not len(voices.vectors):
        return ()
    means = _cluster(voices, speakers)
    labels = assign_windows(voices, means)
    for _ in range(ROUNDS):
        kept = np.unique(labels)
        means = _unit(np.stack([voices.vectors[labels == one].sum(axis=0) for one in kept]))
        labels = assign_windows(voices, means)
    return _turns(voices, labels)


def _cluster(voices: Voices, speakers: int | None) -> Floats:
    """(K, D) mean voice of each speaker."""
    chunks = _chunks(voices)
    sums = np.stack([voices.vectors[chunk].sum(axis=0, dtype=np.float64) for chunk in chunks])
    seconds = np.array([_seconds(voices, chunk) for chunk in chunks])
    labels = _link(_unit(sums), FINE)
    count = labels.max() + 1
    totals = np.stack([sums[labels == one].sum(axis=0) for one in range(count)])
    amounts: Floats = np.bincount(labels, seconds, count).astype(np.float64)
    return _unit(_merge(totals, amounts, speakers))


def _link(vectors: Floats, most: int) -> Integers:
    """(N,) cluster of each vector, at most ``most``, by average linkage of at most `MOST_CLUSTERED` of them."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    if len(vectors) < 2:
        return np.zeros(len(vectors), np.intp)
    chosen = np.unique(np.linspace(0, len(vectors) - 1, MOST_CLUSTERED).round().astype(np.intp))
    own = vectors[chosen]
    found: Integers = fcluster(linkage(pdist(own, "cosine"), "average"), most, "maxclust").astype(np.intp) - 1
    if len(chosen) == len(vectors):
        return found
    means = _unit(np.stack([own[found == one].sum(axis=0) for one in range(found.max() + 1)]))
    labels: Integers = (vectors @ means.T).argmax(axis=1)
    labels[chosen] = found
    return labels


def _merge(totals: Floats, amounts: Floats, speakers: int | None) -> Floats:
    """Merge the two clusters with the most similar means, repeatedly; what is too brief at the end is left out.

    Args:
        totals: (K, D) sums of the voices of each cluster.
        amounts: (K,) seconds of each.
        speakers: their number; None = until no two means are `ALIKE`.
    """
    stages = [(totals.copy(), amounts.copy())]
    while len(totals := stages[-1][0]) > 1:
        means = _unit(totals)
        cosines = means @ means.T
        cosines[np.tril_indices(len(cosines))] = -np.inf
        one, other = np.unravel_index(cosines.argmax(), cosines.shape)
        if speakers is None and cosines[one, other] < ALIKE:
            break
        merged, longer = totals.copy(), stages[-1][1].copy()
        merged[one] += merged[other]
        longer[one] += longer[other]
        stages.append((np.delete(merged, other, axis=0), np.delete(longer, other)))
    if speakers is None:
        totals, amounts = stages[-1]
        kept: Floats = totals[amounts >= min(BRIEF, amounts.max())]
        return kept
    for least in (BRIEF, 0.0):  # a recording may be too short for long clusters
        for totals, amounts in reversed(stages):
            if (amounts >= least).sum() >= speakers:
                longest: Floats = totals[np.sort(np.argsort(-amounts, kind="stable")[:speakers])]
                return longest
    return stages[0][0]


def assign_windows(voices: Voices, means: Floats) -> Integers:
    """(n,) most probable speaker of each window, by dynamic programming over the sequence.

    Args:
        voices: of the windows.
        means: (K, D) mean voice of each speaker.
    """
    scores = voices.vectors @ means.T.astype(np.float32)
    best = scores[0].astype(np.float64)
    before = np.zeros(scores.shape, np.int16)
    own = np.arange(len(means))
    for n in range(1, len(scores)):
        leader, cost = int(best.argmax()), PAUSED if _apart(voices, n) else SWITCH
        switched = best[leader] - cost > best
        before[n] = np.where(switched, leader, own)
        best = np.where(switched, best[leader] - cost, best) + scores[n]
    labels = np.empty(len(scores), np.intp)
    labels[-1] = best.argmax()
    for n in range(len(scores) - 1, 0, -1):
        labels[n - 1] = before[n, labels[n]]
    return labels


def _turns(voices: Voices, labels: Integers) -> tuple[SpeakerTurn, ...]:
    """Turns of consecutive windows; a change is halfway between the middles of two windows."""
    order = {label: n for n, label in enumerate(dict.fromkeys(labels.tolist()))}
    found: list[SpeakerTurn] = []
    for first, last in _runs(voices.spans, labels):
        start = voices.windows[first].start if first == 0 or _apart(voices, first) else found[-1].end
        ends = last + 1 == len(labels) or _apart(voices, last + 1)
        end = voices.windows[last].end if ends else _between(voices.windows[last], voices.windows[last + 1])
        found.append(SpeakerTurn(start, end, order[int(labels[last])]))
    return tuple(found)


def _runs(spans: Integers, labels: Integers) -> list[tuple[int, int]]:
    """First and last window of each run of one speaker in one span."""
    changes = (np.flatnonzero((np.diff(labels) != 0) | (np.diff(spans) != 0)) + 1).tolist()
    return [(first, after - 1) for first, after in pairwise([0, *changes, len(labels)])]


def _apart(voices: Voices, window: int) -> bool:
    """Whether a window is in another span of speech than the one before it."""
    return bool(voices.spans[window] != voices.spans[window - 1])


def _between(one: Span, after: Span) -> float:
    return (one.start + one.end + after.start + after.end) / 4


def _chunks(voices: Voices) -> list[Integers]:
    """Windows of each chunk: consecutive ones of one span."""
    found: list[Integers] = []
    for first, last in _runs(voices.spans, np.zeros(len(voices.spans), np.intp)):
        inside = np.arange(first, last + 1)
        found += np.array_split(inside, -(-len(inside) // CHUNK))
    return found


def _seconds(voices: Voices, chunk: Sequence[int] | Integers) -> float:
    """Seconds of speech of a chunk, without those that it shares with the next one of its span."""
    last = int(chunk[-1])
    follows = last + 1 < len(voices.spans) and not _apart(voices, last + 1)
    return (voices.windows[last + 1].start if follows else voices.windows[last].end) - voices.windows[chunk[0]].start


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths == 0, 1.0, lengths)
