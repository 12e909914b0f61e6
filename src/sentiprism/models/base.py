"""Base classes of models and their configurations."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import Field, NonNegativeFloat, field_validator, model_validator
from torch import Tensor, nn

from sentiprism.config import Config, merge
from sentiprism.errors import UserError, suggest
from sentiprism.models.search_space import FIELDS, LOSS_FACTOR, Distribution, Space, between
from sentiprism.nn.objectives.task import TaskLoss
from sentiprism.nn.row_memory import RowMemory
from sentiprism.nn.text import TextEncoder
from sentiprism.types import MODALITIES, Batch, FeatureSpec, Modality, ModelOutput, Sequence, TargetSpec

SMALL_LAYERS = {"width": 16, "heads": 4, "head_width": 4, "hidden": 32, "positions": 16}
"""Settings of small attention layers, see `ModelConfig.SMALL`."""


class Citation(NamedTuple):
    """Publication of a model."""

    title: str
    authors: str
    venue: str
    year: int
    url: str = ""


class Fit(NamedTuple):
    """A solution of a model that is fitted in closed form, with its weights set."""

    settings: dict[str, float]
    """Settings of the solution, by name: the penalty."""
    losses: dict[str, float]
    """Losses on train, by the names in the configuration."""


class ModelConfig(Config):
    """Fields with the same meaning in every model. Ablations of papers are fields."""

    LOSSES: ClassVar[dict[str, float]] = {"task": 1.0}
    """The paper's losses by name, with its weights."""
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {"paper": {}}
    """Named groups of settings; the default of ``preset`` has the default values."""
    SEARCH: ClassVar[dict[str, Distribution | None]] = {}
    """Search space of `tune` in addition to the shared one: a distribution by field; None removes a shared one."""
    SMALL: ClassVar[dict[str, Any]]
    """Settings of a small model that is fast to build, for contracts and tests; {} if it has no sizes."""

    preset: str = "paper"
    """Source of fields that are not given."""
    modalities: tuple[Modality, ...] = MODALITIES
    """Modalities that the model may use; those that the dataset lacks are left out."""
    loss_weights: dict[str, NonNegativeFloat] = Field(default_factory=dict)
    """Weight per loss; losses that are not given have the paper's weight; 0 switches a loss off."""

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any) -> Any:
        usual = cls.model_fields["preset"].default
        if not isinstance(given, dict) or not isinstance(name := given.get("preset", usual), str):
            return given
        if name not in cls.PRESETS:
            raise UserError(f"there is no preset {name!r}", suggest(name, cls.PRESETS))
        return merge(cls.PRESETS[name], given)

    @field_validator("modalities")
    @classmethod
    def _each_once(cls, given: tuple[Modality, ...]) -> tuple[Modality, ...]:
        if len(set(given)) < len(given):
            raise ValueError("a modality is named twice")
        return given

    @field_validator("loss_weights")
    @classmethod
    def _fill_loss_weights(cls, given: dict[str, float]) -> dict[str, float]:
        for name in given:
            if name not in cls.LOSSES:
                raise UserError(f"there is no loss {name!r}", suggest(name, cls.LOSSES))
        filled = {**cls.LOSSES, **given}
        if not any(filled.values()):
            raise UserError("loss_weights switch off all losses", "leave one above 0")
        return filled

    @classmethod
    def small(cls) -> dict[str, Any]:
        """Settings of a model that is small and fast to build, see `SMALL`.

        Raises:
            UserError: the configuration states none.
        """
        if not hasattr(cls, "SMALL"):
            raise UserError(f"{cls.__name__} has no SMALL", "give it the settings of a small model, {} for none")
        return dict(cls.SMALL)

    def space(self) -> Space:
        """Search space around this configuration: shared fields, auxiliary losses, and `SEARCH`."""
        found: dict[str, Distribution | None] = {
            name: d for name, d in FIELDS.items() if name in type(self).model_fields
        }
        for name, weight in self.loss_weights.items():
            if name != "task" and weight > 0:  # losses that are switched off stay off
                found[f"loss_weights.{name}"] = between(weight / LOSS_FACTOR, weight * LOSS_FACTOR, log=True)
        found |= self.SEARCH
        return {name: distribution for name, distribution in found.items() if distribution is not None}


class NetworkConfig(ModelConfig):
    """Fields of most networks; a model with another default redefines the field."""

    task: TaskLoss = "mse"
    """Loss of the prediction."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Dropout in the layers and on their input."""


class HeadConfig(NetworkConfig):
    """Fields of networks with a separate dropout for the prediction head."""

    head_dropout: float = Field(0.5, ge=0, lt=1)
    """Dropout in the prediction head and on its input."""


class Model(nn.Module, ABC):
    """Base class of models; subclasses are found by the name of their file.

    Args:
        features: kind and width of each modality.
        target: intensities or classes.
        config: an instance of the subclass's ``Config``.
        pretrained: load the text encoder's weights (False when a saved model is rebuilt).
    """

    name: ClassVar[str]
    citation: ClassVar[Citation]
    Config: ClassVar[type[ModelConfig]]
    version: ClassVar[int] = 1
    """Increased when the same configuration and weights give other predictions; older saved models are then refused."""
    closed_form: ClassVar[bool] = False
    """Whether `fit` replaces epochs of gradient descent."""
    rates: ClassVar[dict[str, float]] = {}
    """Default learning rates of parameter groups; other groups have ``optim.lr``."""
    exceptions: ClassVar[dict[str, str]] = {}
    """Contracts that the model does not satisfy, with reasons."""

    config: ModelConfig
    memory: RowMemory | None = None
    """See `create_memory`; None outside training."""

    def __init__(
        self, features: FeatureSpec, target: TargetSpec, config: ModelConfig, *, pretrained: bool = True
    ) -> None:
        super().__init__()
        self.features, self.target, self.config, self.pretrained = features, target, config, pretrained
        self.modalities = tuple(m for m in MODALITIES if m in config.modalities and m in features.present())
        if not self.modalities:
            raise UserError(
                f"{self.name} may use {', '.join(config.modalities) or 'nothing'} but the dataset has "
                f"{', '.join(features.present()) or 'no modality'}",
                "choose other modalities with config.modalities",
            )
        self.input_widths: dict[Modality, int] = {m: getattr(features, m).width for m in self.modalities}
        """F of each modality in use; for text, the width of the encoder's output."""
        if "text" in self.input_widths and features.text is not None:
            self.text_encoder = TextEncoder(features.text, pretrained=pretrained)
            self.input_widths["text"] = self.text_encoder.width
        self.build(config)

    def build(self, config: Any) -> None:
        """Make the model's layers; `modalities`, `input_widths` and the text encoder already exist.

        Args:
            config: an instance of the subclass's ``Config``.
        """

    @abstractmethod
    def forward(self, batch: Batch) -> ModelOutput:
        """Predict a batch, with losses if it has labels."""

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters by group name, for learning rates: ``text_encoder`` and ``default``."""
        groups: dict[str, list[nn.Parameter]] = {"text_encoder": [], "default": []}
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                groups["text_encoder" if name.startswith(("text_encoder.", "text_encoder_")) else "default"].append(
                    parameter
                )
        return {name: parameters for name, parameters in groups.items() if parameters}

    def after_step(self, batch: Batch, output: ModelOutput) -> None:
        """Update memories and queues after an optimiser step; called for each batch of it."""

    def fit(self, batches: Iterable[Batch]) -> Iterator[Fit]:
        """Set the weights to closed-form solutions, one after the other; the valid score selects one.

        Args:
            batches: all of train, once, without augmentation.
        """
        raise NotImplementedError(f"{self.name} is trained by gradient descent")

    def set_epoch(self, epoch: int) -> None:
        """Called before each epoch with its number, from 0."""

    def create_memory(self, rows: int) -> RowMemory | None:  # noqa: ARG002
        """Create the memory of each of the ``rows`` train utterances during training; None = no memory."""
        return None

    def remember(self, rows: int) -> RowMemory | None:
        """Start with an empty memory of ``rows`` train utterances; called once, before training.

        The caller moves the memory and stores it in checkpoints: it is not a submodule, so that the saved model and its
        size do not depend on the train split.
        """
        vars(self)["memory"] = self.create_memory(rows)
        return self.memory

    def sequence(self, modality: str, batch: Batch) -> Sequence:
        """Get a modality in use, (B, T, F); text is encoded."""
        given: Sequence = getattr(batch, modality)
        return self.text_encoder(given, context=batch.context) if modality == "text" else given

    def spread(self, weights: Tensor, among: tuple[Modality, ...] | None = None) -> Tensor:
        """(B, M) of the modalities in use, or ``among`` them -> (B, 3) in the order of `MODALITIES`, 0 for others."""
        columns = dict(zip(self.modalities if among is None else among, weights.unbind(1), strict=True))
        zero = torch.zeros_like(weights[:, 0])
        return torch.stack([columns.get(modality, zero) for modality in MODALITIES], dim=1)

    def present(self, batch: Batch) -> Tensor:
        """(B, M) bool: the modalities in use that each sample has."""
        return torch.stack([getattr(batch, modality).present for modality in self.modalities], dim=1)

    @property
    def outputs(self) -> int:
        """Number of outputs of the prediction head: 1, or one logit per class."""
        return len(self.target.classes) or 1

    def to_prediction(self, head: Tensor) -> Tensor:
        """(..., outputs) -> (...,) for an intensity; logits are unchanged."""
        return head.squeeze(-1) if self.target.kind == "intensity" else head
