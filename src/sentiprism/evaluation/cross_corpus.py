"""Evaluate a run on another dataset than it was trained on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sentiprism.data.binned import binned
from sentiprism.data.dataset import Card, Dataset, Split
from sentiprism.data.names import COMMA, dataset_names, short_name, without_fold
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.constant import constant_of
from sentiprism.evaluation.evaluate import evaluate, measure, predict_seeds
from sentiprism.evaluation.measurement import Evaluation, header_of
from sentiprism.evaluation.opened import OpenedRun
from sentiprism.evaluation.predictions import keep_predictions
from sentiprism.files import safe_name
from sentiprism.metrics import protocol
from sentiprism.text.encoders import check_vocabulary
from sentiprism.training.config import RunConfig
from sentiprism.training.run import Run
from sentiprism.training.selection import selection_of
from sentiprism.types import FeatureSpec, Modality, ModalitySpec, TargetSpec

Array = npt.NDArray[np.float32]


def describe_exposure(config: RunConfig, dataset: str) -> str:
    """Describe how a run's training used another dataset."""
    if without_fold(dataset) in map(without_fold, short_name(config.dataset).split(COMMA)):
        return f"{dataset} is one of its training datasets"
    if config.init is not None:
        return f"its weights started from {config.init}, whose training data may include {dataset}"
    return f"nothing was fitted to {dataset}"


def evaluate_on(
    run: Run | Path | str, dataset: Dataset | Path | str, split: str = "test", *, device: str = "auto"
) -> Evaluation:
    """Predict a split of another dataset with every finished seed's selected model and evaluate it.

    Nothing is trained, selected or standardised on the dataset. The predictions are stored with the models, as
    ``predictions-<dataset>-<split>.parquet``.

    Args:
        run: a `Run` or its folder.
        dataset: a dataset, its name in the store, or its folder; for the run's own dataset as `evaluate`.
        split: ``train``, ``valid`` or ``test``.
        device: as in ``train``.

    Raises:
        UserError: no seed is finished, predictions cannot be mapped to the dataset's labels, or it has no inputs for
            the models.
    """
    run = Run.open(run)
    if (
        isinstance(dataset, str)
        and dataset_names(dataset)[1:]
        and short_name(dataset) != short_name(run.config.dataset)
    ):
        raise UserError(f"{dataset} are several datasets", "evaluate on one at a time")
    given = dataset if isinstance(dataset, Dataset) else load_dataset(dataset)
    if given.card.content == run.environment["dataset"]["content"]:
        return evaluate(run, split, dataset=given, device=device)
    other = binned(given, run.config.data.bins)
    file = f"{safe_name(other.name, 'dataset name')}-{split}"  # the name may come from any folder's card
    at, scorer = OpenedRun(run, other, other.split(split), device), protocol(other.card.protocol)
    model = at.load(run.finished[0]).model
    change, mapping = map_predictions(model.target, other.card.target)
    features, said = fit_features(model.features, model.modalities, other.card, at.rows)
    predictions = []
    for made in predict_seeds(at, features):
        if made.present is None or not any(made.present):
            kinds = " or ".join(model.modalities)
            raise UserError(f"{other.name} has no {kinds} in {split} for {run.name} to read", "choose another dataset")
        predictions.append(made._replace(prediction=change(made.prediction), bounds={}))
    empty = int(np.count_nonzero(predictions[0].present == ""))
    trained = run.environment["dataset"]["name"]
    lines = [
        f"trained and selected on {trained}; {describe_exposure(run.config, other.name)}",
        *dict.fromkeys([mapping, *said]),
        *([f"{empty} utterances have no inputs for the model"] if empty else []),
        *_compare(run, at.rows, other.card),
    ]
    constant, description = constant_of(other, len(at.rows))
    header = header_of(run, other.name, split, scorer, f"{selection_of(run, run.protocol)} (of {trained})")
    found = measure(header, predictions, (constant, f"{description}, of {other.name}"))
    if at.engine.is_main:
        keep_predictions(run, file, predictions)
    return replace(found, notes=tuple(lines))


def map_predictions(own: TargetSpec, other: TargetSpec) -> tuple[Callable[[Array], Array], str]:
    """Make a mapping of predictions between two targets, and a description of it.

    Intensities are mapped linearly between ranges; classes with the same names are reordered.

    Raises:
        UserError: one has intensities and the other classes, or their classes differ.
    """
    if own.kind != other.kind:
        kinds = {"intensity": "intensities", "classes": "classes"}
        cause = f"the run predicts {kinds[own.kind]}, the dataset is labelled with {kinds[other.kind]}"
        raise UserError(cause, "choose a dataset of the same kind, or train with data.bins")
    if own.kind == "classes":
        if {*own.classes} != {*other.classes} or len(own.classes) != len(other.classes):
            cause = f"the run predicts {', '.join(own.classes)}, the dataset has {', '.join(other.classes)}"
            raise UserError(cause, "choose a dataset of the same classes")
        order = [own.classes.index(name) for name in other.classes]
        return lambda logits: logits[:, order], "both have the same classes"
    scale = (other.high - other.low) / (own.high - own.low)
    ranges = [f"[{one.low:g}, {one.high:g}]" for one in (own, other)]
    if ranges[0] == ranges[1]:
        return lambda values: values, f"both scales are {ranges[0]}: predictions are not mapped"
    return (
        lambda values: (other.low + (values - own.low) * scale).astype(np.float32),
        f"predictions are mapped linearly from {ranges[0]} to {ranges[1]}",
    )


def fit_features(
    features: FeatureSpec, modalities: tuple[Modality, ...], card: Card, split: Split
) -> tuple[FeatureSpec, list[str]]:
    """Adjust a model's feature specs to another dataset, and list notes about it.

    Args:
        features: feature specs of the model.
        modalities: modalities that it uses; others are not read.
        card: the dataset's card.
        split: split to be read.

    Raises:
        UserError: the dataset has other features than the model for one of its modalities.
    """
    notes: list[str] = []
    found: dict[Modality, ModalitySpec] = {}
    for name in modalities:
        spec: ModalitySpec = getattr(features, name)
        if spec.source == "features":
            found[name] = spec
            _check_stored(name, spec, card)
            if name not in split.sequences:
                notes.append(f"{name}: {card.name} has none in {split.name}, it is masked")
            elif spec.recipe is None and spec.encoder is None:
                notes.append(f"{name}: both have {spec.width} features per step, treated as the same features")
            continue
        source = "raw" if split.texts is not None else "ids"
        found[name] = spec.model_copy(update={"source": source})
        if source == "ids" and "token_ids" in split.sequences:
            check_vocabulary(str(spec.encoder), card.vocabulary or "unknown")
        elif source == "ids":
            notes.append(f"text: {card.name} has no transcripts in {split.name}, it is masked")
    return FeatureSpec(**found), notes


def _check_stored(name: Modality, spec: ModalitySpec, card: Card) -> None:
    """Refuse stored features that are known to differ from the model's."""
    width, recipe = card.widths.get(name), card.recipes.get(name)
    if width is None:
        return
    reason = None
    if width != spec.width:
        reason = f"has {width} {name} features per step, the model needs {spec.width}"
    elif spec.recipe is not None and recipe is not None:
        difference = recipe.difference(spec.recipe)
        reason = difference and f"has other {name} features than the model: {difference}"
    elif spec.recipe is not None or recipe is not None:
        reason = f"does not state that its {name} features are those of the model"
    elif name == "text" and spec.encoder != card.text_encoder:
        reason = f"has text features of {card.text_encoder or 'words'}, the model needs those of {spec.encoder}"
    if reason:
        raise UserError(f"{card.name} {reason}", f"import it with the same features, or train without {name}")


def _compare(run: Run, rows: Split, card: Card) -> list[str]:
    """Notes on different languages, and on recordings of the split seen in training, by the videos' names."""
    known = run.find_dataset()
    if known is None:
        return [f"whether the run was trained on videos of {card.name} is not known: its dataset is missing"]
    notes = []
    if known.card.language != card.language:
        notes.append(f"the languages differ: {known.name} is in {known.card.language}, {card.name} in {card.language}")
    seen = {*known.train.video_ids.tolist(), *known.valid.video_ids.tolist()}
    videos = {*rows.video_ids.tolist()}
    count, where = len(videos & seen), f"train and valid of {known.name}"
    if count:
        return [
            *notes,
            f"{count} of {len(videos)} videos of {rows.name} have names of videos in {where}: they are not new",
        ]
    return [*notes, f"no video of {rows.name} has the name of one in {where}"]
