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
    predictions: Sequence[UtterancePrediction],
    on: Callable[[int], Any] = lambda _: None,
) -> list[list[float] | None]:
    """Attribute predictions to words.

    Utterances of similar length are processed in batches, limited by the memory for one long one.

    Args:
        predictor: the model.
        data: from ``predictor.prepare``; its first rows are the utterances.
        segments: of each utterance.
        predictions: of each utterance.
        on: called with the number of further utterances that are done.

    Returns:
        One value per word for each utterance, in the prediction's unit; None if the model does not use its words.
    """
    spec = predictor.model.features.text
    found: list[list[float] | None] = [None] * len(segments)
    if spec is None or spec.encoder is None or spec.source == "features":
        return found
    left = [row for row, answer in enumerate(predictions) if "text" in answer.present]
    on(len(segments) - len(left))
    steps = np.max([data.lengths, *(data.steps(name) for name in predictor.model.modalities)], axis=0)
    left.sort(key=lambda row: int(steps[row]))
    while left:
        most = max(1, rows_at_once(int(steps[left[-1]])) // POINTS[0])
        rows, left = left[-most:], left[:-most]
        batch = predictor.engine.move(data.batch(rows))._replace(labels={})
        classes = [int(predictions[row].estimate.value) for row in rows] if predictor.model.target.classes else None
        parts = [values for values, _, _ in attribute_all(predictor.model, batch, "text", classes)]
        for row, credit in zip(rows, _by_word(spec.encoder, [segments[row] for row in rows], parts), strict=True):
            found[row] = credit
        on(len(rows))
    return found


def _by_word(encoder: str, segments: Sequence[Segment], parts: Sequence[npt.NDArray[np.float64]]) -> list[list[float]]:
    """Sum the attributions of tokens over each word of each line."""
    tokenizer, cut = load_tokenizer(encoder), {"truncation": True, "max_length": max(map(len, parts))}
    offsets = tokenizer([one.text for one in segments], return_offsets_mapping=True, **cut)["offset_mapping"]
    found = []
    for segment, tokens, own in zip(segments, offsets, parts, strict=True):
        ends = np.cumsum([len(word.text) + 1 for word in segment.words])  # a space follows each word
        credit = np.zeros(len(segment.words))
        for (start, end), part in zip(tokens, own, strict=True):
            if end > start:  # [CLS] and [SEP] are not part of the line
                credit[np.searchsorted(ends, start, side="right")] += part
        found.append((credit + 0.0).tolist())
    return found
