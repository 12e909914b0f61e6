"""Samples to predict: the inputs of one utterance as JSON, checked against the model's features."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field

from sentiprism.config import Config
from sentiprism.errors import UserError, few
from sentiprism.report.schema import Estimate
from sentiprism.types import FeatureSpec, Modality, ModalitySpec

MOST_STEPS = 4096
"""Steps of a sequence: 160 s at 25 steps a second."""
MOST_SAMPLES = 64
"""Samples of a request."""
LONGEST_TEXT = 20_000
"""Characters of a text; encoders read its beginning."""
LARGEST = 1e9
"""Largest feature; columns are in Hz, dB or smaller units."""
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-LARGEST, le=LARGEST)]
Steps = Annotated[list[Annotated[list[Number], Field(max_length=20_000)]], Field(max_length=MOST_STEPS)]
Mask = Annotated[list[Annotated[bool, Field(strict=True)]], Field(max_length=MOST_STEPS)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
COLUMNS = "send the columns of /v1/model in their order"


class Sample(Config):
    """Inputs of one utterance; modalities that are left out are missing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "I really liked the ending."}]})

    text: Text | None = None
    """What is said, for models that read transcripts."""
    words: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MOST_STEPS)] | None = None
    """What is said, as words; instead of ``text``."""
    context: Annotated[list[Text], Field(max_length=16)] = []
    """Texts of the preceding utterances, the oldest first, for models that read context."""
    token_ids: (
        Annotated[list[Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]], Field(max_length=MOST_STEPS)] | None
    ) = None
    """Ids of tokens, for models that read stored ids."""
    text_features: Steps | None = None
    """One list per step, for models that read stored text features."""
    audio: Steps | None = None
    """One list per step, with the model's columns."""
    vision: Steps | None = None
    """One list per step, with the model's columns."""
    masks: dict[Modality, Mask] = {}
    """True = a real step, False = padding, which is left out; by default all steps are real."""


class PredictRequest(Config):
    """Samples to predict."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"samples": [{"text": "I really liked the ending."}]},
                {"samples": [{"words": ["It", "was", "awful"]}, {"text": "Fine."}], "contributions": True},
            ]
        }
    )

    samples: Annotated[list[Sample], Field(min_length=1, max_length=MOST_SAMPLES)]
    contributions: Annotated[bool, Field(strict=True)] = False
    """Compute the contribution of each modality, which takes 2^M predictions."""


class Prediction(Config):
    """Prediction of one sample; fields are those of an utterance in analysis.json."""

    estimate: Estimate
    base: float | None = None
    """Prediction without any modality; None if contributions were not requested."""
    contributions: dict[Modality, float] | None = None
    """Shapley values of the modalities; with ``base`` they sum to the estimate before it is clipped."""
    weights: dict[Modality, float] | None = None
    """The model's own modality weights, if any."""
    present: tuple[Modality, ...]
    """Modalities that the sample has for the model."""


class PredictResponse(Config):
    """Predictions in the order of the samples."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "starter",
                    "predictions": [
                        {"estimate": {"value": 1.31, "low": -0.02, "high": 2.64, "probabilities": [], "caution": []},
                         "base": None, "contributions": None, "weights": None, "present": ["text"]}
                    ],
                }
            ]
        }
    )  # fmt: skip

    model: str
    predictions: list[Prediction]


class Item(NamedTuple):
    """A checked sample, as a worker gets it."""

    sample: Mapping[str, Any]
    contributions: bool


def check_sample(sample: Sample, features: FeatureSpec, modalities: tuple[Modality, ...], where: str) -> None:
    """Check that a sample fits a model.

    Args:
        sample: to check.
        features: of the model.
        modalities: that the model reads.
        where: its place in the request, for messages.

    Raises:
        UserError: an input is not one of the model's, has another width, or does not fit its mask; or nothing is left.
    """
    given = _given(sample)
    if sample.text is not None and sample.words is not None:
        raise UserError(f"{where} has both text and words", "send one of them")
    allowed = {field for name in modalities for field in _fields(name, getattr(features, name))}
    if strange := sorted(given - allowed):
        raise UserError(f"{where}.{strange[0]} is not an input of this model", f"send {few(sorted(allowed))}")
    if sample.context and not (features.text is not None and features.text.context):
        raise UserError(f"{where}.context is not read by this model", "leave it out")
    for name, mask in sample.masks.items():
        steps = sample.text_features if name == "text" else getattr(sample, name)
        if steps is None or len(steps) != len(mask):
            count = "none" if steps is None else len(steps)
            raise UserError(f"{where}.masks.{name} has {len(mask)} steps, its features {count}", "make them equal")
    for field in sorted(given & {"text_features", "audio", "vision"}):
        spec: ModalitySpec = getattr(features, "text" if field == "text_features" else field)
        for number, step in enumerate(getattr(sample, field)):
            if len(step) != spec.width:
                raise UserError(f"{where}.{field}.{number} has {len(step)} features, not {spec.width}", COLUMNS)
    if sample.token_ids is not None and features.text is not None:
        highest = max(sample.token_ids, default=0)
        if highest >= features.text.width:
            cause = f"{where}.token_ids has {highest}, the vocabulary has {features.text.width} tokens"
            raise UserError(cause, "use the tokenizer of the model")
    if not any(_has_content(sample, field) for field in given):
        raise UserError(f"{where} is empty", f"send {few(sorted(allowed))}")


def _given(sample: Sample) -> set[str]:
    """Names of the inputs that a sample has."""
    names = ("text", "words", "token_ids", "text_features", "audio", "vision")
    return {name for name in names if getattr(sample, name) is not None}


def _fields(name: Modality, spec: ModalitySpec | None) -> tuple[str, ...]:
    """Names of the fields by which a sample may have a modality."""
    if spec is None:
        return ()
    if name != "text":
        return (name,)
    return {"raw": ("text", "words"), "ids": ("token_ids",), "features": ("text_features",)}[spec.source]


def _has_content(sample: Sample, field: str) -> bool:
    value = getattr(sample, field)
    if field == "text":
        return bool(value.strip())
    if field == "words":
        return any(word.strip() for word in value)
    mask = sample.masks.get("text" if field == "text_features" else field)  # type: ignore[call-overload]
    return bool(value) if mask is None else any(mask)
