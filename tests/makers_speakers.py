"""Voices and utterances of several speakers."""

from collections.abc import Sequence

import numpy as np

from makers_report import review
from sentiprism.media.types import Segment, Span, Word
from sentiprism.media.voices import HOP, WIDTH, WINDOW, Voices
from sentiprism.report.analysis import Analysis
from sentiprism.report.statistics import summarise_speakers


def voices(*spans: Sequence[int], noise: float = 0.05) -> Voices:
    """Voices of spans of speech with a pause of a second; each number is the speaker of a window."""
    rng = np.random.default_rng(0)
    windows, numbers, vectors, start = list[Span](), list[int](), list[np.ndarray](), 0.0
    for number, who in enumerate(spans):
        windows += [Span(start + HOP * n, start + HOP * n + WINDOW) for n in range(len(who))]
        numbers += [number] * len(who)
        vectors += [np.eye(WIDTH)[speaker] + noise * rng.normal(size=WIDTH) / WIDTH**0.5 for speaker in who]
        start = windows[-1].end + 1.0
    found = np.stack(vectors)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return Voices(tuple(windows), np.array(numbers), found.astype(np.float32))


def sentence(text: str, start: float, step: float = 0.5, pause_before: dict[int, float] | None = None) -> Segment:
    """An utterance whose words last 0.4 s each; ``pause_before`` gives words a longer pause before them."""
    words, time = list[Word](), start
    for n, word in enumerate(text.split()):
        time += (pause_before or {}).get(n, 0.0)
        words.append(Word(word, time, time + 0.8 * step))
        time += step
    return Segment(words[0].start, words[-1].end, tuple(words))


def conversation() -> Analysis:
    """The review as a conversation of two: S1 says the first half of every four utterances."""
    parts = [
        part.model_copy(update={"speaker": "S1" if part.number % 4 in {1, 2} else "S2"}) for part in review().utterances
    ]
    return review(utterances=tuple(parts), speakers=summarise_speakers(parts, review().model.target))
