"""Settings of how a dataset becomes batches."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sentiprism.config import Config
from sentiprism.types import MODALITIES, Modality, Source

if TYPE_CHECKING:
    from sentiprism.data.dataset import Card


Bins = Literal["acc_5"]
"""Metrics of a dataset whose classes can be predicted in the place of its intensities."""


POSITIONS = 512
"""Tokens that BERT and most encoders like it have positions for."""


class TextConfig(Config):
    """How the text of a dataset becomes a model's input."""

    encoder: str | None = "minilm"
    """Asset name, Hugging Face folder or hub name; None = use stored text features."""
    mode: Literal["tune", "frozen"] = "tune"
    """``tune``: the encoder is part of the model. ``frozen``: its hidden states are computed once and cached."""
    source: Literal["auto", Source] = "auto"
    """``raw`` transcripts, stored token ``ids`` or stored ``features``; ``auto`` uses the first of them that
    exists and matches the encoder."""
    max_tokens: int = Field(50, ge=3)
    """Longer texts are truncated; [CLS] and [SEP] count. 50 is the length in the MMSA distribution. With context, the
    limit is for both segments, context is truncated first, and the default is 50 per utterance that is read."""
    context: int = Field(0, ge=0)
    """Number of preceding utterances of the same video that the encoder reads as a second segment; the model only gets
    the utterance's own tokens."""
    context_dropout: float = Field(0.0, ge=0, lt=1)
    """Probability that a train utterance is read without its context, drawn in each epoch."""
    frozen_layers: int = Field(0, ge=0)
    """Freeze the embeddings and this many lower layers of an encoder that is tuned; they get no gradient."""
    dropout: float | None = Field(None, ge=0, lt=1)
    """Dropout within an encoder that is tuned; null = as in its own configuration."""

    @model_validator(mode="before")
    @classmethod
    def _make_room(cls, given: Any) -> Any:
        read = given.get("context") if isinstance(given, dict) else None
        if not isinstance(read, int) or read < 1 or "max_tokens" in given:
            return given
        usual: int = cls.model_fields["max_tokens"].default
        return {**given, "max_tokens": min(usual * (1 + read), POSITIONS)}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.encoder is None and self.source in {"raw", "ids"}:
            raise ValueError(f"source {self.source} needs an encoder")
        if self.frozen_layers and self.mode == "frozen":
            raise ValueError("mode frozen has no layers to freeze")
        if self.dropout is not None and self.mode == "frozen":
            raise ValueError("dropout needs mode tune")
        if self.context and (self.encoder is None or self.source == "features"):
            raise ValueError("context needs an encoder that reads transcripts or token ids")
        if self.context_dropout and not self.context:
            raise ValueError("context_dropout needs context")
        return self


class DataConfig(Config):
    """Settings of inputs, labels and augmentation."""

    text: TextConfig = TextConfig()
    normalize: Literal["auto", "none", "train"] = "auto"
    """``train``: standardise audio, vision and non-contextual text features with the statistics of the train split.
    ``auto``: ``train`` for a dataset made by `extract`, whose features are in Hz, dB and fractions; ``none`` for
    published features."""
    bins: Bins | None = None
    """``acc_5``: predict the five classes of the dataset's Acc-5 instead of intensities."""
    temperature: float = Field(1.0, ge=1)
    """For training on several datasets: each is drawn in proportion to its size to the power 1 / temperature; 1 = every
    utterance once per epoch."""
    modality_dropout: dict[Modality, Annotated[float, Field(ge=0, lt=1)]] = {}
    """Probability of leaving out a modality of a train utterance, drawn in each epoch; a number applies to all three.
    If none would be left, one modality that the utterance has is kept."""
    feature_noise: float = Field(0.0, ge=0)
    """Standard deviation of Gaussian noise on train batches, relative to that of each feature over train; for audio,
    vision and non-contextual text features."""

    def normalizes(self, card: "Card") -> bool:
        """Whether features of this dataset are standardised."""
        return self.normalize == "train" or (self.normalize == "auto" and bool(card.recipes))

    @field_validator("modality_dropout", mode="before")
    @classmethod
    def _spread(cls, given: Any) -> Any:
        return dict.fromkeys(MODALITIES, given) if isinstance(given, int | float) and given else given or {}
