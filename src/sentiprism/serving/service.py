"""What the routes share: the model's card, the batcher, the keys' callers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict
from starlette.requests import HTTPConnection

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.metrics.conformal import Calibration
from sentiprism.models.artifact import describe_model, folder_of, name_of, noted_calibration
from sentiprism.serving.batcher import Batcher
from sentiprism.serving.jobs import Jobs
from sentiprism.serving.keys import Caller
from sentiprism.serving.metrics import Metrics
from sentiprism.serving.streams import Streams
from sentiprism.types import FeatureSpec, Modality, TargetSpec

T = TypeVar("T")


class ModelCard(Config):
    """The served model: its inputs, its scale, its origin."""

    model_config = ConfigDict(json_schema_extra={"description": "The served model."})

    name: str
    model: str
    """Name of the architecture."""
    modalities: tuple[Modality, ...]
    target: TargetSpec
    """Scale of the predictions, or the classes."""
    features: dict[Modality, dict[str, Any]]
    """Kind, width and source of each modality, with the recipe of its columns if they are made from recordings."""
    level: float | None
    """Nominal coverage of intervals; None without calibration."""
    language: str | None
    licence: str | None
    dataset: str | None
    limits: tuple[str, ...]
    """Known limits of the model."""
    recordings: bool
    """Whether it can analyse recordings."""
    version: str
    """Version of the program."""


@dataclass
class Service:
    """Parts of a running server."""

    card: ModelCard
    features: FeatureSpec
    batcher: Batcher
    jobs: Jobs
    streams: Streams
    upload: int = 2 * 10**9
    """Bytes of a recording."""
    duration: float = 7200.0
    """Seconds of a recording."""
    asr: str = "base"
    """Whisper model by name or folder; ``none`` = no recognition."""
    wait: float = 30.0
    """Seconds that a client waits for an analysis before it becomes a job."""
    free: int = 10**9
    """Bytes that must stay free on the disk."""
    closing: bool = False
    """Whether it is ending: requests in progress are finished, new ones refused."""
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        """Make the metrics of these parts."""
        self.metrics = Metrics(self.batcher, self.jobs)


def make_card(model: str | Path, version: str) -> tuple[ModelCard, FeatureSpec]:
    """Describe a saved model without loading it.

    Raises:
        UserError: it is not a saved model.
    """
    from sentiprism.analysis.predictor import extractors_for

    folder = folder_of(model)
    found = describe_model(folder)
    modalities = found.modalities
    try:
        extractors_for(found.features, modalities)
        recordings = True
    except UserError:
        recordings = False
    notes, calibration = found.metadata, noted_calibration(found.metadata)
    card = ModelCard(
        name=name_of(model),
        model=found.model,
        modalities=modalities,
        target=found.target,
        features={name: _spec(found.features, name) for name in modalities},
        level=calibration.level if isinstance(calibration, Calibration) else None,
        language=_text(notes.get("language")),
        licence=_text(notes.get("licence")),
        dataset=_text(notes.get("dataset")),
        limits=tuple(str(limit) for limit in notes.get("limits", ())),
        recordings=recordings,
        version=version,
    )
    return card, found.features


def _spec(features: FeatureSpec, name: Modality) -> dict[str, Any]:
    """A modality's spec without statistics and places on this machine."""
    spec = getattr(features, name)
    described: dict[str, Any] = spec.model_dump(mode="json", exclude={"mean", "std", "frozen_layers", "dropout"})
    if (encoder := spec.encoder) is not None and Path(encoder).is_absolute():
        described["encoder"] = "its own tokenizer"
    return described


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request or web socket belongs to."""
    return _checked(connection.app.state.service, Service)


def caller_of(connection: HTTPConnection) -> Caller:
    """Who sends a request, as the guard has found."""
    return _checked(connection.scope["caller"], Caller)


def _checked(found: object, kind: type[T]) -> T:
    assert isinstance(found, kind)  # noqa: S101 - `create_app` and the guard put it there
    return found
