"""Attribute each prediction to its words by integrated gradients."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.analysis.predictor import Predictor, UtterancePrediction
from sentiprism.data.prepare import PreparedSplit
from sentiprism.explanation.steps import POINTS, attribute_all, rows_at_once
from sentiprism.media.types import Segment
from sentiprism.text.encoders import load_tokenizer


def attribute_words(
    predictor: Predictor,
    data: PreparedSplit,
    segments: Sequence[Segment],
    answers: Sequence[UtterancePrediction],
    on: Callable[[int], Any] = lambda _: None,
) -> list[list[float] | None]:
    """Attribute predictions to words.

    Utterances of like length go through the model together, as many as memory for one long one holds.

    Args:
        predictor: the model.
        data: of ``predictor.prepare``; its first rows are the utterances.
        segments: of each utterance.
        answers: to each utterance.
        on: told how many utterances more are done.

    Returns:
        A number a word for each utterance, in the prediction's unit; None where the model does not read its words.
    """
    spec = predictor.model.features.text
    found: list[list[float] | None] = [None] * len(segments)
    if spec is None or spec.encoder is None or spec.source == "features":
        return found
    left = [row for row, answer in enumerate(answers) if "text" in answer.present]
    on(len(segments) - len(left))
    steps = np.max([data.lengths, *(data.steps(name) for name in predictor.model.modalities)], axis=0)
    left.sort(key=lambda row: int(steps[row]))
    while left:
        most = max(1, rows_at_once(int(steps[left[-1]])) // POINTS[0])
        rows, left = left[-most:], left[:-most]
        batch = predictor.engine.move(data.batch(rows))._replace(labels={})
        classes = [int(answers[row].estimate.value) for row in rows] if predictor.model.target.classes else None
        parts = [values for values, _, _ in attribute_all(predictor.model, batch, "text", classes)]
        for row, credit in zip(rows, _by_word(spec.encoder, [segments[row] for row in rows], parts), strict=True):
            found[row] = credit
        on(len(rows))
    return found


def _by_word(encoder: str, segments: Sequence[Segment], parts: Sequence[npt.NDArray[np.float64]]) -> list[list[float]]:
    """Parts of the tokens of each line, summed over the tokens of each of its words."""
    tokenizer, cut = load_tokenizer(encoder), {"truncation": True, "max_length": max(map(len, parts))}
    offsets = tokenizer([one.text for one in segments], return_offsets_mapping=True, **cut)["offset_mapping"]
    found = []
    for segment, tokens, own in zip(segments, offsets, parts, strict=True):
        ends = np.cumsum([len(word.text) + 1 for word in segment.words])  # a space follows each word of the line
        credit = np.zeros(len(segment.words))
        for (start, end), part in zip(tokens, own, strict=True):
            if end > start:  # [CLS] and [SEP] are no part of the line
                credit[np.searchsorted(ends, start, side="right")] += part
        found.append((credit + 0.0).tolist())
    return found
