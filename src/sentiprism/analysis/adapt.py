"""Fine-tune a saved model on a folder of labelled clips, cross-validated."""

import csv
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np

from sentiprism.analysis.clip_options import AdaptClips
from sentiprism.analysis.cuts import COLUMNS
from sentiprism.analysis.extract import extract
from sentiprism.analysis.predictor import check_model
from sentiprism.analysis.recording import NONE, ExtractOptions
from sentiprism.data.dataset import Split
from sentiprism.data.importers.columns import read_columns
from sentiprism.data.importers.csv_files import read_csv
from sentiprism.data.importers.folds import SPLIT_NAMES
from sentiprism.errors import UserError, shorten
from sentiprism.executors.base import THIS_PROCESS
from sentiprism.features.learned.create import SETTINGS
from sentiprism.files import temporary_folder
from sentiprism.metrics.conformal import LEAST as CALIBRATED
from sentiprism.metrics.conformal import Calibration
from sentiprism.models.artifact import STARTER, describe_model, folder_of
from sentiprism.models.hub import pin_model
from sentiprism.tables import jsonable
from sentiprism.types import MODALITIES, FeatureSpec, TargetSpec

if TYPE_CHECKING:
    from sentiprism.data.dataset import Dataset
    from sentiprism.evaluation.adaptation import Effect

OF_SOUND = ("layer", "rate", "revision")
"""Settings of an audio network; those of a vision network are `SETTINGS`."""
SPEAKER = "speaker"
"""Column that replaces a missing ``video_id``."""
LEAST_CLIPS = 20
"""Smallest number of labelled utterances; cross-validation on fewer is meaningless."""
MOST_NAME = 60
"""Most characters of a dataset's name."""


class Adapted(NamedTuple):
    """An adapted model, and its evaluation."""

    folder: Path
    """Folder of the saved model, trained on all clips except those of the split test."""
    dataset: str
    """Dataset of the clips' features in the store."""
    crossed: "Effect"
    """Effect in the cross-validation by video."""
    tested: "Effect | None"
    """Effect of the saved model on the table's split test; None without one."""
    failed: dict[str, str]
    """Reasons by name of recordings that were left out."""

    @property
    def verdicts(self) -> list[str]:
        """Whether it helped, one sentence per evaluation; they are stored with the model."""
        found = [f"cross-validated on {self.crossed.utterances} clips: {self.crossed.verdict}"]
        if self.tested is not None:
            found.append(f"on {self.tested.utterances} clips of the split test: {self.tested.verdict}")
        return found

    @property
    def measured(self) -> dict[str, Any]:
        """Both evaluations, as values for JSON."""
        tested = None if self.tested is None else self.tested.to_dict()
        return {"cross_validated": self.crossed.to_dict(), "test": tested}

    def to_dict(self) -> dict[str, Any]:
        """As values for JSON."""
        described = {"model": str(self.folder), "dataset": self.dataset, "failed": self.failed}
        return {**described, "verdicts": self.verdicts, **self.measured}


def adapt(
    clips: Path | str,
    labels: Path | str,
    *,
    out: Path | str,
    model: Path | str = STARTER,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    on: Callable[[str, int, int], Any] | None = None,
    **options: Unpack[AdaptClips],
) -> Adapted:
    """Fine-tune a saved model on labelled clips; the gain is measured on left-out videos.

    Features are extracted with the model's recipe and standardised with its statistics; its text encoder stays frozen.
    The dataset of the features replaces an earlier one of its name.

    Args:
        clips: folder of recordings.
        labels: CSV of file and label; and video_id or speaker, text, split, start, end. Rows of the split test are
            never trained on.
        out: folder of the new model, which must not exist.
        model: folder of a saved model that predicts intensities, ``starter``, or ``hf://OWNER/NAME@REVISION``.
        settings: see `AdaptConfig`.
        device: as in ``train``.
        on: called with the current task, the number of finished steps, and of all steps.
        options: see `AdaptClips`.

    Raises:
        UserError: the table, the model or the settings are wrong, or there are too few clips or videos.
    """
    from sentiprism.data.prepare import PreparedSplit
    from sentiprism.evaluation.adaptation import cross_validate, measure, predict_unseen
    from sentiprism.metrics import protocol_for
    from sentiprism.models import save_model
    from sentiprism.training.adapt import AdaptConfig, check_trainable, fine_tune
    from sentiprism.training.engine import Engine
    from sentiprism.training.run import check_new

    clips, out, model = Path(clips), Path(out), pin_model(model)
    config = AdaptConfig.parse(dict(settings or {}), "settings of adapt")
    check_new(out)
    check_model(model)
    base, folder = describe_model(folder_of(model)), folder_of(model)
    check_trainable(base.model)
    if base.target.kind != "intensity":
        raise UserError(f"{model} predicts classes", "adapt a model that predicts intensities")
    low, high = options.get("low"), options.get("high")
    span = TargetSpec(low=base.target.low if low is None else low, high=base.target.high if high is None else high)
    with temporary_folder("sentiprism-adapt") as scratch:
        columns = dict(options.get("columns") or {})
        table, test = _without_splits(Path(labels), scratch, columns)
        columns.pop("split", None)
        made = extract(
            clips,
            options.get("dataset") or re.sub(r"[^\w.-]+", "-", f"adapt-{clips.resolve().name}")[:MOST_NAME],
            labels=table,
            options=extract_options(base.features, base.config, options.get("text", "given")),
            columns=columns,
            low=span.low,
            high=span.high,
            language=options.get("language"),
            executor=options.get("executor", THIS_PROCESS),
            allow_missing=options.get("allow_missing", False),
            replace=True,
            on=None if on is None else partial(on, "extracting"),
        )
    everything = _joined(made.dataset, span, base.target)
    held = np.isin(everything.ids, sorted(test))
    if (count := int((~held).sum())) < LEAST_CLIPS:
        raise UserError(f"only {count} labelled clips are left for training", f"label at least {LEAST_CLIPS}")
    data = PreparedSplit(everything, base.features)
    train, engine, scorer = data.subset(np.flatnonzero(~held)), Engine(device, "no"), protocol_for(base.target)
    crossed = measure(
        found := cross_validate(folder, train, scorer, engine, config, None if on is None else partial(on, "folds")),
        scorer,
    )
    tuned = fine_tune(folder, train, scorer, engine, config)
    unseen = data.subset(np.flatnonzero(held)) if held.any() else None
    tested = None if unseen is None else measure(predict_unseen(folder, tuned, unseen, train, engine), scorer)
    adapted = Adapted(out, made.dataset.name, crossed, tested, made.failed)
    known = {key: base.metadata[key] for key in ("licence",) if key in base.metadata}
    notes: dict[str, Any] = {
        **known,
        "dataset": made.dataset.name,
        "content": made.dataset.card.content,
        "language": made.dataset.card.language,
        "protocol": scorer.name,
        "seed": config.seed,
        "selection": f"adapted from {model} for {config.epochs} epochs; nothing was selected",
        "limits": [*base.metadata.get("limits", ()), *adapted.verdicts],
        "adapted": jsonable({"model": str(model), "settings": config.model_dump(mode="json"), **adapted.measured}),
    }
    if count >= CALIBRATED:
        calibration = Calibration.fit(found.after, found.label, base.target)
        notes["calibration"] = calibration.model_dump(mode="json")
    save_model(tuned, out, notes)
    return adapted


def _without_splits(labels: Path, scratch: Path, columns: Mapping[str, str]) -> tuple[Path, frozenset[str]]:
    """Copy the table without its column split; returns it with the ids of the split test.

    Cross-validation splits by video, and a table of fifty clips has no valid. A column `SPEAKER` replaces a missing
    ``video_id``.
    """
    _, content = read_csv(labels, lambda _: True)
    source = columns.get("split", "split")
    if "split" in columns and source not in content:
        raise UserError(f"{labels}: no column {source!r} for split", "name a column of the table: `columns` split=NAME")
    splits = content.pop(source, None)
    names = {split.strip().lower() for split in splits or ()}
    if unknown := sorted(names - {*SPLIT_NAMES, ""}):
        raise UserError(f"{labels}: split is {shorten(unknown[0], 40)!r}", f"write {', '.join(sorted(SPLIT_NAMES))}")
    if "video_id" not in {*content, *columns} and SPEAKER in content:
        content["video_id"] = content.pop(SPEAKER)
    path = scratch / labels.name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(content)
        writer.writerows(zip(*content.values(), strict=True))
    if splits is None:
        return path, frozenset()
    others = {name: source for name, source in columns.items() if name != "split"}
    read = read_columns({"": path}, others, None, [], also=COLUMNS)
    tested = [SPLIT_NAMES.get(split.strip().lower()) == "test" for split in splits]
    rows = list(zip(read["id"], read["video_id"], tested, strict=True))
    both = {video for _, video, test in rows if test} & {video for _, video, test in rows if not test}
    if both:
        raise UserError(f"{labels}: video {min(both)!r} is in the split test and in another", "keep it in one split")
    return path, frozenset(name for name, _, test in rows if test)


def extract_options(features: FeatureSpec, config: Mapping[str, Any], text: str) -> ExtractOptions:
    """Options to extract the features that a model uses."""
    used = config.get("modalities", MODALITIES)
    wanted: dict[str, Any] = {"audio": NONE, "vision": NONE, "text": text}
    for name, step in (("audio", "per"), ("vision", "vision_per")):
        spec = getattr(features, name)
        if name not in used or spec is None or spec.recipe is None:
            continue
        wanted |= {name: spec.recipe.extractor, step: spec.recipe.per}
        wanted["relative"] = wanted.get("relative", False) or spec.recipe.relative
        if (network := spec.recipe.network) is not None:
            wanted[name] += f":{network.model}"
            settings = SETTINGS if name == "vision" else OF_SOUND
            wanted[f"{name}_settings"] = {key: str(getattr(network, key)) for key in settings}
    return ExtractOptions.parse(wanted, "options of extract")


def _joined(dataset: "Dataset", span: TargetSpec, target: TargetSpec) -> "Split":
    """Join all three splits, with labels on the model's scale."""
    from sentiprism.data.ragged import Ragged

    parts = (dataset.train, dataset.valid, dataset.test)
    label = np.concatenate([part.labels["M"] for part in parts]).astype(np.float64)
    mapped = target.low + (label - span.low) / (span.high - span.low) * (target.high - target.low)
    sequences = {
        name: Ragged.from_rows([part.sequences[name][row] for part in parts for row in range(len(part))], width)
        for name, width in dataset.card.widths.items()
    }
    return Split(
        dataset.name,
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.video_ids for part in parts]),
        tuple(text for part in parts for text in part.texts or [None] * len(part)),
        {"M": (label if span == target else mapped).astype(np.float32)},
        sequences,
    )
