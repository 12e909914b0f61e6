"""Predict samples with a saved model, in a worker."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.analysis.predictor import Predictor, UtterancePrediction
from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.serving.samples import Item, Prediction

FIELDS = {"text": "text_features", "audio": "audio", "vision": "vision"}
"""Fields of features, by stored sequence."""


def predict_items(predictor: Predictor, items: Sequence[Item]) -> list[dict[str, Any]]:
    """Predict samples in one batch.

    Args:
        predictor: the model.
        items: checked samples.

    Returns:
        `Prediction` of each as JSON.

    Raises:
        UserError: a text cannot be read, or a prediction is not finite.
    """
    data = _prepare(predictor, items)
    found: dict[int, Prediction] = {}
    for wanted in (False, True):
        rows = [row for row, item in enumerate(items) if item.contributions == wanted]
        for row, made in zip(rows, predictor.predict(data, rows, contributions=wanted), strict=True):
            found[row] = _prediction(made, contributions=wanted)
    return [found[row].model_dump(mode="json") for row in range(len(items))]


def _prediction(made: UtterancePrediction, *, contributions: bool) -> Prediction:
    numbers = (made.estimate.value, *made.contributions.values(), *(made.weights or {}).values())
    if not all(map(math.isfinite, numbers)):
        raise UserError("the prediction is not a finite number", "check the size of the features")
    return Prediction(
        estimate=made.estimate,
        base=made.base if contributions else None,
        contributions=made.contributions if contributions else None,
        weights=made.weights,
        present=made.present,
    )


def _prepare(predictor: Predictor, items: Sequence[Item]) -> PreparedSplit:
    """Samples as a split; texts of context are further rows, which are not predicted."""
    spec, samples = predictor.model.features, [item.sample for item in items]
    texts = [_text(sample) for sample in samples]
    before: list[list[int]] = []
    for sample in samples:
        said = sample["context"][-spec.text.context :] if spec.text is not None and spec.text.context else []
        before.append(list(range(len(texts), len(texts) + len(said))))
        texts += said
    more = len(texts) - len(samples)
    before += [[] for _ in range(more)]
    sequences = {}
    for name, field in FIELDS.items():
        found = getattr(spec, name)
        if found is not None and found.source == "features":
            rows = [_steps(sample, name, field, found.width) for sample in samples]
            sequences[name] = Ragged.from_rows([*rows, *[None] * more], found.width)
    if spec.text is not None and spec.text.source == "ids":
        ids = [None if sample["token_ids"] is None else np.array(sample["token_ids"], np.int32) for sample in samples]
        sequences["token_ids"] = Ragged.from_rows([*ids, *[None] * more], 0)
    names = np.array([str(number) for number in range(len(texts))])
    return PreparedSplit(Split("request", names, names, tuple(texts), {}, sequences), spec, before)


def _text(sample: Any) -> str | None:
    if sample["words"] is not None:
        return " ".join(sample["words"])
    text: str | None = sample["text"]
    return text


def _steps(sample: Any, name: str, field: str, width: int) -> npt.NDArray[np.float32] | None:
    if sample[field] is None:
        return None
    steps = np.asarray(sample[field], np.float32).reshape(-1, width)
    mask = sample["masks"].get(name)
    return steps if mask is None else steps[np.asarray(mask, bool)]
