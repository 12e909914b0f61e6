"""A saved model: config.json, safetensors and the text recipe; never a pickle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError
from safetensors import SafetensorError

from sentiprism.errors import UserError
from sentiprism.features.text import save_text_recipe
from sentiprism.files import atomic_folder, save_tensors, write_text
from sentiprism.metrics.conformal import Calibration
from sentiprism.types import FeatureSpec, TargetSpec

if TYPE_CHECKING:
    from sentiprism.models.base import Model

FORMAT = 2
WEIGHTS = "weights.safetensors"
DAMAGE = (ValueError, KeyError, TypeError, OSError, ValidationError, SafetensorError)
"""What damaged files raise."""


class Description(NamedTuple):
    """What a saved model says of itself; torch is not needed to read it."""

    model: str
    version: int
    """Of the model's equations."""
    features: FeatureSpec
    target: TargetSpec
    config: dict[str, Any]
    """Of the model, not validated yet."""
    metadata: dict[str, Any]


class SavedModel(NamedTuple):
    """A model, whose ``features`` say how to feed it, and what was noted of it."""

    model: "Model"
    metadata: dict[str, Any]

    @property
    def calibration(self) -> Calibration | None:
        """What gives its answers an interval, where ``sentiprism calibrate`` has noted it."""
        return noted_calibration(self.metadata)


def noted_calibration(metadata: dict[str, Any]) -> Calibration | None:
    """What gives a saved model's predictions an interval; None where it was not calibrated.

    Raises:
        UserError: what is noted is damaged.
    """
    noted = metadata.get("calibration")
    return None if noted is None else Calibration.parse(noted, "calibration of the saved model")


def save_model(model: "Model", folder: Path, metadata: dict[str, Any]) -> None:
    """Write a model that describes itself, atomically, in the place of an earlier one.

    Args:
        model: trained model, on any device.
        folder: will hold ``config.json``, ``weights.safetensors`` and, where the model reads tokens, ``text/``.
        metadata: dataset, protocol, selection rule: kept as given (JSON).
    """
    described = {
        "format": FORMAT,
        "model": model.name,
        "version": model.version,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "config": model.config.model_dump(mode="json"),
        "features": model.features.model_dump(mode="json"),
        "target": model.target.model_dump(mode="json"),
        "metadata": metadata,
    }
    with atomic_folder(folder, replace=True) as temporary:
        save_tensors(temporary / WEIGHTS, model.state_dict())
        spec = model.features.text
        if spec is not None and spec.kind == "tokens" and spec.encoder is not None:
            save_text_recipe(spec.encoder, temporary / "text")
        (temporary / "config.json").write_text(json.dumps(described, indent=1), encoding="utf-8")


def annotate(folder: Path, **notes: Any) -> None:
    """Add to what is noted of a saved model (JSON); its description is whole at every moment.

    Raises:
        UserError: the folder is no saved model.
    """
    path = folder / "config.json"
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        described["metadata"] = {**described["metadata"], **notes}
    except FileNotFoundError:
        raise UserError(f"{folder} is not a saved model: no {path}", "give a run's model folder") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error}", "train the model again") from None
    write_text(path, json.dumps(described, indent=1))


def describe_model(folder: Path | str) -> Description:
    """Read what a saved model says of itself, its text recipe in its own folder; the weights are not opened.

    Raises:
        UserError: the folder is not a saved model, is damaged, or its model is not known here.
    """
    from sentiprism.models import MODELS

    folder = Path(folder)
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if described["format"] != FORMAT:
            raise UserError(
                f"{folder} has format {described['format']!r}, not {FORMAT}", "load it with its own version"
            )
        MODELS.check(described["model"])
        features = FeatureSpec.model_validate(described["features"])
        target = TargetSpec.model_validate(described["target"])
        name, version = described["model"], described.get("version", 1)
        found = Description(name, version, features, target, described["config"], described["metadata"])
        (folder / WEIGHTS).stat()
    except FileNotFoundError as error:
        raise UserError(f"{folder} is not a saved model: no {error.filename}", "give a run's model folder") from None
    except DAMAGE as error:
        raise UserError(f"{folder} is damaged: {' '.join(str(error).split())}", "train the model again") from None
    if (folder / "text").is_dir() and features.text is not None:
        text = features.text.model_copy(update={"encoder": str(folder / "text")})
        return found._replace(features=features.model_copy(update={"text": text}))
    return found


def load_model(folder: Path | str) -> SavedModel:
    """Rebuild a saved model in evaluation mode, without its pretrained encoder's files.

    Raises:
        UserError: the folder is not a saved model, is damaged, holds an earlier version of its model, or its weights do
            not fit its configuration.
    """
    from safetensors.torch import load_file

    from sentiprism.models import MODELS

    folder, described = Path(folder), describe_model(folder)
    kind = MODELS[described.model]
    if described.version != kind.version:
        cause = f"{folder} holds {kind.name} version {described.version!r}, whose equations have changed since"
        raise UserError(cause, "train the model again, or load it with its own version of sentiprism")
    try:
        config = kind.Config.model_validate(described.config)
        weights = load_file(folder / WEIGHTS)
    except DAMAGE as error:
        raise UserError(f"{folder} is damaged: {' '.join(str(error).split())}", "train the model again") from None
    model = kind(described.features, described.target, config, pretrained=False)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"the weights in {folder} do not fit: {reason}", "train the model again") from None
    return SavedModel(model.eval(), described.metadata)
