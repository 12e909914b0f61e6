"""Predict utterances with a saved model, with Shapley values per modality."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.explanation.values import chosen_class, shapley
from sentiprism.features.extractors import Extractor
from sentiprism.features.learned.create import restore_extractor
from sentiprism.media.types import Segment
from sentiprism.metrics.conformal import probabilities
from sentiprism.models import SavedModel, load_model
from sentiprism.models.artifact import WEIGHTS, describe_model, folder_of, name_of
from sentiprism.report.schema import Estimate, ModelFacts
from sentiprism.text.encoders import import_encoder
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all
from sentiprism.types import MODALITIES, FeatureSpec, Modality

if TYPE_CHECKING:
    from sentiprism.models import Model

Floats = npt.NDArray[np.float32]
FILES = ("config.json", WEIGHTS)
"""Files of a saved model."""


class UtteranceInputs(NamedTuple):
    """Inputs of the model for one utterance."""

    segment: Segment
    features: Mapping[Modality, Floats]
    """(T, F) of audio and vision; T=0 or absent = missing."""
    read: bool = True
    """Whether the model reads its words."""


class UtterancePrediction(NamedTuple):
    """Prediction of the model for one utterance."""

    estimate: Estimate
    base: float
    contributions: dict[Modality, float]
    weights: dict[Modality, float] | None
    present: tuple[Modality, ...]


class Predictor:
    """A saved model for predictions on recordings.

    Args:
        model: folder of a saved model, ``starter``, or ``hf://OWNER/NAME@REVISION``.
        device: as in ``train``.
        recordings: whether its features must be ones that can be extracted from recordings.

    Raises:
        UserError: not a saved model, or its features cannot be extracted from recordings.
    """

    def __init__(self, model: str | Path, device: str = "auto", *, recordings: bool = True) -> None:
        from sentiprism.explanation.coalitions import Coalitions

        self.saved: SavedModel = load_model(folder_of(model))
        self.model: Model = self.saved.model
        self.name = name_of(model)
        self.extractors = extractors_for(self.model.features, self.model.modalities) if recordings else {}
        self.engine = Engine(device, "no")
        self._coalitions = Coalitions(self.model).to(self.engine.device)

    @property
    def language(self) -> str | None:
        """Language of the texts it was trained on; None if unknown, or if it does not read words."""
        known = self.saved.metadata.get("language")
        return known if isinstance(known, str) and "text" in self.model.modalities else None

    def import_libraries(self, *, words: bool) -> None:
        """Import what `prepare` and the attribution of words import at first use, which takes seconds.

        What is missing is reported when it is needed.

        Args:
            words: whether words are attributed.
        """
        text = self.model.features.text
        if text is not None and text.encoder is not None and text.source != "features":
            with suppress(UserError, ImportError):
                import_encoder(text.encoder)
                if words:
                    import_module("captum.attr")

    def describe(self) -> ModelFacts:
        """Describe the model for the report."""
        known = self.saved.metadata
        calibration = self.saved.calibration
        notes = [f"{key}: {known[key]}" for key in ("dataset", "selection", "licence") if known.get(key)]
        text = self.model.features.text
        if text is not None and text.context:
            notes.append(f"context: reads each utterance with the words of up to {text.context} before it")
        return ModelFacts(
            name=self.name,
            model=self.model.name,
            target=self.model.target,
            language=self.language,
            level=calibration.level if calibration else None,
            notes=(*notes, *known.get("limits", ())),
        )

    def prepare(self, inputs: Sequence[UtteranceInputs], utterances: int = 0) -> PreparedSplit:
        """Prepare the utterances of a recording for the model, including the encoding of their texts.

        Args:
            inputs: utterances, each with one face, and windows.
            utterances: number of utterances of the recording at the start of ``inputs``; previous ones are the context
                of each, if the model reads context.
        """
        spec = self.model.features
        ids = np.array([str(number) for number in range(len(inputs))])
        sequences = {}
        for name in ("audio", "vision"):
            if (modality := getattr(spec, name)) is not None:
                rows = [one.features.get(name) for one in inputs]
                sequences[name] = Ragged.from_rows(rows, modality.width)
        texts = tuple(one.segment.text if one.read else None for one in inputs)
        count = spec.text.context if spec.text is not None else 0
        before = _said_before([one.segment for one in inputs], utterances, count)
        return PreparedSplit(Split("recording", ids, ids, texts, {}, sequences), spec, before)

    def predict(
        self, data: PreparedSplit, rows: Sequence[int], *, contributions: bool = True
    ) -> list[UtterancePrediction]:
        """Predict the utterances of ``rows``, by default with Shapley values of the modalities."""
        if not rows:
            return []
        model = self._coalitions if contributions else self.model.to(self.engine.device)
        found: dict[int, UtterancePrediction] = {}
        heard = data.present(self.model.modalities)
        for chosen, output in forward_all(model, data, self.engine, 32, rows=np.asarray(rows), labels=False):
            value = output.prediction.double().cpu().numpy()
            coalitions = value if contributions else value[:, None]
            worth = chosen_class(coalitions)
            credit = shapley(worth) if contributions else np.zeros((len(chosen), 0))
            estimates = self._estimates(coalitions[:, -1], heard[chosen])
            own = output.weights["modality"].cpu().numpy() if "modality" in output.weights else None
            for i, row in enumerate(chosen.tolist()):
                names = self.model.modalities
                present = tuple(name for name in names if data.steps(name)[row])
                shares = dict(zip(names, (credit[i] + 0.0).tolist(), strict=True)) if contributions else {}
                found[row] = UtterancePrediction(
                    estimate=estimates[i],
                    base=float(worth[i, 0]),
                    contributions={name: part if name in present else 0.0 for name, part in shares.items()},
                    weights=None if own is None else {name: float(own[i, MODALITIES.index(name)]) for name in names},
                    present=present,
                )
        return [found[row] for row in rows]

    def _estimates(self, prediction: npt.NDArray[np.float64], heard: npt.NDArray[np.str_]) -> list[Estimate]:
        if prediction.ndim > 1:
            shares = probabilities(prediction)
            return [Estimate(value=float(p.argmax()), probabilities=tuple(p.tolist())) for p in shares]
        target, calibration = self.model.target, self.saved.calibration
        bounds = calibration.bounds(prediction, heard) if calibration else {}
        values = np.clip(prediction, target.low, target.high) + 0.0  # converts -0.0 to 0
        return [
            Estimate(value=float(value), **{end: float(bounds[end][i]) for end in bounds})
            for i, value in enumerate(values)
        ]


def _said_before(segments: Sequence[Segment], utterances: int, count: int) -> list[list[int]]:
    """For each segment, the rows of the last ``count`` utterances whose middle is before its start, by time."""
    if not count:
        return [[] for _ in segments]
    rows: dict[Segment, int] = {}
    for row, one in enumerate(segments[:utterances]):
        rows.setdefault(one, row)  # an utterance may be repeated for each of its faces
    known = sorted(rows, key=lambda one: (one.start, one.end))
    return [
        [rows[other] for other in known if (other.start + other.end) / 2 < one.start and other != one][-count:]
        for one in segments
    ]


def load_predictor(model: str | Path) -> Predictor:
    """Load a saved model; the last one is cached, unless it was replaced by a new one."""
    return _load(str(model), state_of(model))


@lru_cache(maxsize=1)
def _load(model: str, state: tuple[Any, ...]) -> Predictor:  # noqa: ARG001 - part of the cache's key
    return Predictor(model)


def state_of(model: str | Path) -> tuple[Any, ...]:
    """State of a saved model's files, which changes if it is replaced, so that running processes load it again."""
    paths = (folder_of(model) / name for name in FILES)
    found = (path.stat() if path.is_file() else None for path in paths)
    return tuple(one and (one.st_ino, one.st_size, one.st_mtime_ns) for one in found)


def check_model(model: str | Path) -> dict[Modality, Extractor]:
    """Check that a folder is a saved model for recordings, without reading its weights or importing torch.

    Returns:
        Extractors of its features.

    Raises:
        UserError: see `Predictor`.
    """
    found = describe_model(folder_of(model))
    used = found.config.get("modalities", MODALITIES)
    return extractors_for(found.features, tuple(name for name in found.features.present() if name in used))


def extractors_for(features: FeatureSpec, modalities: Collection[str]) -> dict[Modality, Extractor]:
    """Create the extractors of a model's features.

    Args:
        features: feature specs of the model.
        modalities: modalities that it uses.

    Raises:
        UserError: a modality has no recipe, or another one than in this version; the first difference is named.
    """
    found: dict[Modality, Extractor] = {}
    for name in ("audio", "vision"):
        spec = getattr(features, name)
        if spec is None or name not in modalities:
            continue
        if spec.recipe is None:
            cause = f"the model does not say how its {spec.width} {name} features are made from a recording"
            raise UserError(cause, "train it on a dataset made by: sentiprism extract")
        extractor = restore_extractor(spec.recipe)
        ours = extractor.recipe.with_step(spec.recipe.per, relative=spec.recipe.relative)
        if difference := ours.difference(spec.recipe):
            cause = f"{name} features of this program are not those of the model: {difference}"
            raise UserError(cause, "use the program that made them, or train the model anew")
        found[name] = extractor
    text = features.text
    if text is not None and (text.encoder is None or text.source != "raw") and "text" in modalities:
        cause = "the model reads stored text features, which cannot be made of a transcript here"
        raise UserError(cause, "train it with a text encoder: `assignments` data.text.encoder=minilm")
    return found
