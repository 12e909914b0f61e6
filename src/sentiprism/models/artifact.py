"""Save and load models as config.json, safetensors and text recipe, never as a pickle."""

import json
import os
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import ConfigDict, Field, model_validator

from sentiprism.assets.hub_names import is_repository
from sentiprism.assets.repository import is_copy
from sentiprism.config import Record, Undefined
from sentiprism.errors import UserError, shorten
from sentiprism.files import atomic_folder, write_text
from sentiprism.machine import check_room
from sentiprism.metrics.conformal import Calibration
from sentiprism.models.create import MODELS
from sentiprism.models.hub import model_in, pin_model, repository_folder
from sentiprism.plugins import check_plugin
from sentiprism.reading import check_regular, read_json
from sentiprism.tensors import open_tensors, save_tensors
from sentiprism.text.encoders import save_text_recipe
from sentiprism.types import MODALITIES, FeatureSpec, Modality, TargetSpec

if TYPE_CHECKING:
    from sentiprism.models.base import Model

FORMAT = 2
WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
STARTER = "starter"
"""Name of the model that comes with the program."""
REMEDY = "get a complete copy of it, or train the model again"
DTYPES = {
    **dict.fromkeys(("F32", "F16", "BF16"), "torch.float32"),
    "I64": "torch.int64",
    "BOOL": "torch.bool",
}
"""Safetensors' names of the types of weights and buffers; the starter model has half precision."""


class Notes(Record):
    """Metadata of a saved model; further keys are allowed."""

    model_config = ConfigDict(extra="allow")

    dataset: str | None = None
    content: str | None = None
    protocol: str | None = None
    seed: int | None = None
    selection: str | None = None
    valid: dict[str, Undefined] = {}
    calibration: Calibration | None = None


class _Described(Record):
    """``config.json``."""

    model: str
    version: int = 1
    parameters: int | None = Field(None, ge=0)
    config: dict[str, Any]
    features: FeatureSpec
    target: TargetSpec
    metadata: Notes
    plugin: dict[str, str] | None = None
    """Plugin of a model that is not built in, for people to read; nothing is imported from it."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found, wanted = self.metadata.calibration, "set" if self.target.kind == "classes" else "interval"
        if found is not None and {found.kind, *(one.kind for one in found.by_modalities.values())} != {wanted}:
            raise ValueError(f"the calibration of {self.target.kind} should be of kind {wanted}")
        return self


class Description(NamedTuple):
    """Description of a saved model, which can be read without torch."""

    model: str
    version: int
    """Version of the model's equations."""
    features: FeatureSpec
    target: TargetSpec
    config: dict[str, Any]
    """Configuration of the model, not yet validated."""
    metadata: dict[str, Any]

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that the model uses."""
        used = self.config.get("modalities", MODALITIES)
        return tuple(name for name in self.features.present() if name in used)


class SavedModel(NamedTuple):
    """A loaded model with its metadata; its ``features`` describe the inputs."""

    model: "Model"
    metadata: dict[str, Any]

    @property
    def calibration(self) -> Calibration | None:
        """Calibration of prediction intervals, if ``sentiprism calibrate`` has stored one."""
        return noted_calibration(self.metadata)


def noted_calibration(metadata: dict[str, Any]) -> Calibration | None:
    """Get the calibration in a saved model's metadata; None without one.

    Raises:
        UserError: it is invalid.
    """
    noted = metadata.get("calibration")
    return None if noted is None else Calibration.parse(noted, "calibration of the saved model")


def save_model(model: "Model", folder: Path, metadata: dict[str, Any]) -> None:
    """Save a model with its description atomically, replacing an earlier one.

    Args:
        model: trained model, on any device.
        folder: for ``config.json``, ``weights.safetensors`` and, for token ids, ``text/``.
        metadata: dataset, protocol, selection rule; stored unchanged (JSON).
    """
    plugin = MODELS.plugin_of(model.name)
    described = {
        "format": FORMAT,
        "model": model.name,
        "version": model.version,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "config": model.config.model_dump(mode="json"),
        "features": model.features.model_dump(mode="json"),
        "target": model.target.model_dump(mode="json"),
        "metadata": metadata,
        **({"plugin": plugin} if plugin else {}),
    }
    with atomic_folder(folder, replace=True) as temporary:
        save_tensors(temporary / WEIGHTS, model.state_dict())
        spec = model.features.text
        if spec is not None and spec.kind == "tokens" and spec.encoder is not None:
            save_text_recipe(spec.encoder, temporary / "text")
        (temporary / "config.json").write_text(json.dumps(described, indent=1), encoding="utf-8")


def folder_of(model: str | Path) -> Path:
    """Folder of a saved model: as given, the package's for ``starter``, or a copy of ``hf://OWNER/NAME@REVISION``.

    Raises:
        UserError: a repository cannot be copied, see `fetch_repository`.
    """
    if is_repository(model):
        return model_in(repository_folder(model))
    return Path(__file__).parents[1] / STARTER if str(model) == STARTER else Path(model)


def name_of(model: str | Path) -> str:
    """Short name of a saved model for reports: its folder's, ``starter``, or that of a repository with its commit."""
    if is_repository(model):
        return pin_model(model)
    return STARTER if str(model) == STARTER else Path(model).resolve().name


def check_own(folder: Path) -> None:
    """Refuse to change a copy of a repository.

    Raises:
        UserError: it is one.
    """
    if is_copy(folder):
        raise UserError(f"{folder} is a copy of a repository, which is not changed", "give a model of your own")


def annotate(folder: Path, **notes: Any) -> None:
    """Add metadata (JSON) to a saved model atomically.

    Raises:
        UserError: the folder is not a saved model, is damaged, or is a copy of a repository.
    """
    check_own(folder)
    described = _read(folder)
    write_text(folder / CONFIG, json.dumps({**described, "metadata": {**described["metadata"], **notes}}, indent=1))


def describe_model(folder: Path | str) -> Description:
    """Read the description of a saved model without opening its weights.

    Raises:
        UserError: the folder is not a saved model, is damaged, or its model is unknown.
    """
    folder = Path(folder)
    read = _read(folder)
    described = _Described.parse(read, str(folder / CONFIG), REMEDY)
    check_plugin(MODELS, described.model, described.plugin, f"{folder}, a saved model,")
    check_regular(folder / WEIGHTS, what="safetensors file")
    features = described.features
    if (folder / "text").is_dir() and features.text is not None:
        text = features.text.model_copy(update={"encoder": str(folder / "text")})
        features = features.model_copy(update={"text": text})
    return Description(
        described.model, described.version, features, described.target, described.config, read["metadata"]
    )


def load_model(folder: Path | str) -> SavedModel:
    """Load a saved model in evaluation mode; the files of its pretrained encoder are not needed.

    Args:
        folder: see `folder_of`.

    Raises:
        UserError: the folder is not a saved model, is damaged, has an earlier version of its model, or its weights do
            not match its configuration.
    """
    from safetensors.torch import load_file

    from sentiprism.meta_device import weigh
    from sentiprism.models.outline import outline

    folder = folder_of(folder)
    described = describe_model(folder)
    kind = MODELS[described.model]
    if described.version != kind.version:
        cause = f"{folder} has {kind.name} version {described.version!r}, whose equations have changed since"
        raise UserError(cause, "train the model again, or load it with the version of sentiprism that saved it")
    config = kind.Config.parse(described.config, f"{folder / CONFIG}: config", REMEDY)
    sketch = outline(kind.name, described.features, described.target, config)
    _check_weights(folder / WEIGHTS, sketch)
    check_room(str(folder), weigh(sketch), "its weights", REMEDY)
    model = kind(described.features, described.target, config, pretrained=False)
    model.load_state_dict(load_file(folder / WEIGHTS))
    return SavedModel(model.eval(), described.metadata)


def count_parameters(folder: Path) -> int:
    """Count the parameters of a saved model; for earlier versions, all elements of its tensors.

    Raises:
        UserError: the folder is not a saved model, or is damaged.
    """
    described = _Described.parse(_read(folder), str(folder / CONFIG), REMEDY)
    if described.parameters is not None:
        return described.parameters
    with open_tensors(folder / WEIGHTS, "np") as file:
        return sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - not a mapping


def _read(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not os.path.lexists(path):
        raise UserError(f"{folder} is not a saved model: no {path}", "give a run's model folder")
    described = read_json(path)
    if not isinstance(described, dict):
        raise UserError(f"{path} is not a mapping of keys to values", REMEDY)
    if isinstance(found := described.get("format"), int) and found > FORMAT:
        cause = f"{folder} was saved by a newer version of sentiprism (format {found}, this one reads {FORMAT})"
        raise UserError(cause, "update sentiprism")
    if described.get("format") != FORMAT:
        cause = f"{folder} has format {shorten(repr(described.get('format')), 30)}, not {FORMAT}"
        raise UserError(cause, "load it with the version of sentiprism that saved it")
    if not isinstance(described.get("metadata"), dict):
        raise UserError(f"{path}: metadata should be a mapping of keys to values", REMEDY)
    return described


def _check_weights(path: Path, model: "Model") -> None:
    """Compare the header of a file of weights with a model, before reading or building either."""
    wanted = {name: (tuple(tensor.shape), str(tensor.dtype)) for name, tensor in model.state_dict().items()}
    with open_tensors(path) as file:
        names = set(file.keys())
        if names != wanted.keys():
            name = min(names ^ wanted.keys())
            raise UserError(f"{path} {'lacks' if name in wanted else 'has an unknown'} {shorten(name, 60)!r}", REMEDY)
        for name, (shape, kind) in wanted.items():
            part = file.get_slice(name)
            found, stored = tuple(part.get_shape()), DTYPES.get(part.get_dtype(), part.get_dtype())
            if (found, stored) != (shape, kind):
                raise UserError(f"{path}: {name} is {found} {stored}, not {shape} {kind}", REMEDY)
