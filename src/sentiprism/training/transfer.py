"""Initialise a model from a saved model's weights."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sentiprism.data.dataset import Card, TuningView
from sentiprism.errors import UserError, few
from sentiprism.files import sha256
from sentiprism.models import create_model
from sentiprism.models.artifact import CONFIG, DTYPES, STARTER, WEIGHTS, describe_model, folder_of
from sentiprism.tensors import open_tensors
from sentiprism.text.tokens import origin
from sentiprism.training.config import RunConfig
from sentiprism.training.run import Run
from sentiprism.training.seeding import seed_at
from sentiprism.training.shared_videos import describe_shared_videos
from sentiprism.types import FeatureSpec, TargetSpec

if TYPE_CHECKING:
    from sentiprism.models import Model

ENCODER = "text_encoder."
"""Prefix of the names of a text encoder's tensors."""
SEED = "{seed}"
"""In a source: the seed that starts from it."""
REMEDY = "give a run folder, the folder of one of its seeds, the folder of a saved model, starter, or hf://OWNER/NAME"


class Transfer(NamedTuple):
    """Plan of which tensors of a saved model are loaded into another model."""

    folder: Path
    """Of the saved model."""
    weights: str
    """SHA-256 of its file of weights."""
    taken: tuple[str, ...]
    left: tuple[str, ...]
    """Tensors that keep their fresh initialisation."""
    numbers: tuple[int, int]
    """Number of values in the loaded tensors, and in all tensors of the model."""
    notes: tuple[str, ...] = ()
    """Other differences between the two models."""
    shared_videos: tuple[str, ...] = ()
    """Notes on whether it was trained on videos of the new test split."""

    def record(self, source: str) -> dict[str, Any]:
        """For ``environment.json``."""
        return {
            "source": source,
            "weights": self.weights,
            "taken": len(self.taken),
            "left": list(self.left),
            "shared_videos": list(self.shared_videos),
        }

    def describe(self, source: str) -> list[str]:
        """Lines for the user that say which tensors were loaded."""
        count, (some, every) = len(self.taken) + len(self.left), self.numbers
        line = f"started from {source}: {len(self.taken)} of {count} tensors were loaded ({some:,} of {every:,} values)"
        rest = [f"newly initialised: {few(self.left)}"] if self.left else []
        return [line, *rest, *self.notes, *self.shared_videos]


def plan_transfers(
    source: str, seeds: Iterable[int], model: "Model", view: TuningView | None = None
) -> dict[int, Transfer]:
    """Plan the transfer of each seed, otherwise as `plan_transfer`; one plan serves all if the source is one."""
    places = sources_of(source, seeds)
    plans = {place: plan_transfer(place, model, view) for place in dict.fromkeys(places.values())}
    return {seed: plans[place] for seed, place in places.items()}


def record_transfers(source: str, transfers: Mapping[int, Transfer]) -> dict[str, Any]:
    """The record of the initial weights for ``environment.json``."""
    first, own = next(iter(transfers.values())), {str(seed): one.weights for seed, one in transfers.items()}
    return first.record(source) | ({"seeds": own} if SEED in source else {})


def sources_of(source: str, seeds: Iterable[int]) -> dict[int, str]:
    """Name the saved model that each seed starts from."""
    return {seed: source.replace(SEED, str(seed)) for seed in seeds}


def find_weights(source: str) -> Path:
    """Find the folder of a saved model.

    Args:
        source: run folder (its first finished seed is used), folder of a seed or of a saved model, ``starter``, or
            ``hf://OWNER/NAME@REVISION``.

    Raises:
        UserError: it is none of these, or no seed of the run is finished.
    """
    folder = folder_of(source)
    if os.path.lexists(folder / CONFIG):
        return folder
    if os.path.lexists(folder / "model" / CONFIG):
        return folder / "model"
    if not (folder / "run.yaml").is_file():
        raise UserError(f"{folder} does not contain a saved model", REMEDY)
    run = Run(folder)
    if not run.finished:
        raise UserError(f"no seed of {folder} is finished", f"resume it with: sentiprism train --resume {folder}")
    return run.seed_folder(run.finished[0]) / "model"


def plan_transfer(source: str, model: "Model", view: TuningView | None = None) -> Transfer:
    """Plan which tensors of a saved model to load: those with the same name and shape.

    Nothing is loaded from a different text encoder, even if names and shapes agree. Standardisation is not a tensor:
    it is computed from the new dataset.

    Args:
        source: see `find_weights`.
        model: the model, or its outline.
        view: the dataset that the model is trained on; None = do not check whether its test split is unseen.

    Raises:
        UserError: no tensor matches, or ``source`` is not a complete saved model.
    """
    folder = find_weights(source)
    described, own = (
        describe_model(folder),
        dict(model.named_parameters()),
    )  # its memory of utterances is not a parameter
    theirs = described.features
    same_encoder = _encoder(theirs) == _encoder(model.features)
    with open_tensors(folder / WEIGHTS) as file:
        names = {*file.keys()}
        taken = [
            name
            for name, tensor in own.items()
            if name in names
            and (same_encoder or not name.startswith(ENCODER))
            and _fits(file.get_slice(name), tensor.shape, str(tensor.dtype))
        ]
    if not taken:
        cause = f"init: no tensor of {source} has the name and shape of a tensor of this {model.name}"
        raise UserError(cause, f"start from the same model with the same widths (it has {few(sorted(names))})")
    numbers = sum(own[name].numel() for name in taken), sum(tensor.numel() for tensor in own.values())
    left = tuple(name for name in own if name not in {*taken})
    notes = (*_differences(theirs, model.features), *_other_labels(described.target, model.target))
    shared = () if view is None else tuple(describe_shared_videos(folder, describe_transfer(source), view))
    return Transfer(folder, sha256(folder / WEIGHTS), tuple(taken), left, numbers, notes, shared)


def load_transfer(transfer: Transfer, model: "Model") -> None:
    """Copy the planned tensors into a model, in the model's precision.

    Raises:
        UserError: the file has changed since, or has values that are not finite.
    """
    import torch

    if sha256(transfer.folder / WEIGHTS) != transfer.weights:
        raise UserError(f"init: the weights of {transfer.folder} have changed since the run began", "train a new run")
    own = model.state_dict()
    with open_tensors(transfer.folder / WEIGHTS) as file, torch.no_grad():
        for name in transfer.taken:
            tensor = file.get_tensor(name)
            if not torch.isfinite(tensor).all():
                raise UserError(f"init: {name} of {transfer.folder} has values that are not finite", REMEDY)
            own[name].copy_(tensor)


def build_initial_model(
    config: RunConfig, features: FeatureSpec, card: Card, seed: int, init: Transfer | None
) -> "Model":
    """Build the initial model of a seed; the same seed and ``init`` give the same weights."""
    seed_at(seed)
    model = create_model(config.model, features, card.target, config.config)
    if init is not None:
        load_transfer(init, model)
    return model


def _fits(part: Any, shape: Any, dtype: str) -> bool:
    """Whether a stored tensor has the shape of the model's, and is floating-point if the model's is."""
    stored = DTYPES.get(part.get_dtype())
    same = stored == dtype or (stored is not None and "float" in stored and "float" in dtype)
    return same and tuple(part.get_shape()) == tuple(shape)


def _encoder(features: FeatureSpec) -> str | None:
    text = features.text
    return None if text is None or text.encoder is None else origin(text.encoder)


def _differences(theirs: FeatureSpec, own: FeatureSpec) -> list[str]:
    """Describe differences in how the inputs of shared modalities are made."""
    found = []
    if theirs.text is not None and own.text is not None:
        before, now = (_encoder(one) or "stored features" for one in (theirs, own))
        found += [f"text: it was trained on {before}, this run uses {now}"] * (before != now)
        context = [_utterances(one.text.context) for one in (theirs, own) if one.text is not None]
        if context[0] != context[1]:
            found.append(f"text: it was trained with {context[0]} of context, this run uses {context[1]}")
    for modality in ("audio", "vision"):
        recipes = [spec.recipe for one in (theirs, own) if (spec := getattr(one, modality)) and spec.recipe]
        if len(recipes) == 2 and (difference := recipes[0].difference(recipes[1])) is not None:
            found.append(f"{modality}: it was trained on other features: {difference}")
    return found


def _utterances(count: int) -> str:
    return f"{count} utterance{'s' * (count != 1)}"


def _other_labels(theirs: TargetSpec, own: TargetSpec) -> list[str]:
    """Describe a different label scale or different classes."""
    before, now = theirs.describe(), own.describe()
    return [f"labels: it was trained on {before}, this run uses {now}"] * (before != now)


def describe_transfer(source: str) -> str:
    """An absolute ``init`` as shown in a command: relative if below the current folder."""
    here = Path.cwd()
    return str(Path(source).relative_to(here)) if source != STARTER and Path(source).is_relative_to(here) else source
