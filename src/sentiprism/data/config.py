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
    """Asset name, Hugging Face folder or hub name; None = text features as they are stored."""
    mode: Literal["tune", "frozen"] = "tune"
    """``tune``: the encoder is a part of the model. ``frozen``: its hidden states are made once and kept."""
    source: Literal["auto", Source] = "auto"
    """``raw`` transcripts, stored token ``ids`` or stored ``features``; ``auto`` takes the first of them that
    is there and fits the encoder."""
    max_tokens: int = Field(50, ge=3)
    """Longer texts are cut; [CLS] and [SEP] count. 50 is the length of the MMSA distribution. With context it is
    counted over both segments, the utterance is kept first, and the default is 50 for each utterance that is read."""
    context: int = Field(0, ge=0)
    """So many utterances before, of the same video, are read by the encoder as a second segment; the model itself sees
    the utterance's own tokens."""
    context_dropout: float = Field(0.0, ge=0, lt=1)
    """Probability that a train utterance is read without its context, drawn anew each epoch."""
    frozen_layers: int = Field(0, ge=0)
    """Of an encoder that is tuned, the embeddings and so many lower layers stay as they are; no gradient is computed
    for them."""

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
            raise ValueError("mode frozen leaves no layer to count")
        if self.context and (self.encoder is None or self.source == "features"):
            raise ValueError("context needs an encoder that reads transcripts or token ids")
        if self.context_dropout and not self.context:
            raise ValueError("context_dropout needs context")
        return self


class DataConfig(Config):
    """How a dataset becomes batches."""

    text: TextConfig = TextConfig()
    normalize: Literal["auto", "none", "train"] = "auto"
    """``train``: z-score audio, vision and text features that are not contextual with the train split's statistics.
    ``auto``: ``train`` on a dataset that `extract` made, whose features are in Hz, dB and shares, else ``none``:
    published features are taken as they come."""
    bins: Bins | None = None
    """``acc_5``: the five classes of the dataset's Acc-5 are what is predicted, in the place of its intensities."""
    temperature: float = Field(1.0, ge=1)
    """Of several datasets that are trained on together: a dataset's share of the draws is in proportion to its size to
    the power 1 / temperature; 1 = every utterance once an epoch."""
    modality_dropout: dict[Modality, Annotated[float, Field(ge=0, lt=1)]] = {}
    """Probability that a modality of a train utterance is left out, drawn anew each epoch; a number stands for all
    three. Where that would leave an utterance nothing, one modality that it has stays."""
    feature_noise: float = Field(0.0, ge=0)
    """Deviation of Gaussian noise on train batches, in deviations of each feature over train; on audio, vision and
    text features that are not contextual."""

    def normalizes(self, card: "Card") -> bool:
        """Whether features of this dataset are standardised."""
        return self.normalize == "train" or (self.normalize == "auto" and bool(card.recipes))

    @field_validator("modality_dropout", mode="before")
    @classmethod
    def _spread(cls, given: Any) -> Any:
        return dict.fromkeys(MODALITIES, given) if isinstance(given, int | float) and given else given or {}
