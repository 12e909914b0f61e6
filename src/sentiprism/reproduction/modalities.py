"""Measure what voice and face add to text: models with each set of modalities, cross-validated by video."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from sentiprism.data.names import COMMA, short_name
from sentiprism.errors import UserError
from sentiprism.evaluation.bootstrap import Interval, Resampled, resample
from sentiprism.evaluation.differences import PAIRED, Difference, corrected, pair_scores
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.evaluation.within import MEANING, PROTOCOL, WITHIN, resample_within
from sentiprism.metrics import Metric
from sentiprism.reproduction.cross_validation import train_folds
from sentiprism.tables import markdown, number, probability
from sentiprism.training.experiments import Row
from sentiprism.training.options import TableOptions

ALONE = "text"
"""The set that the others are compared with."""
SETS = {
    ALONE: ("text",),
    "text+audio": ("text", "audio"),
    "text+vision": ("text", "vision"),
    "text+audio+vision": ("text", "audio", "vision"),
}
ROWS = tuple(Row(name=name, settings={"config": {"modalities": list(used)}}, values=()) for name, used in SETS.items())


class ModalityRow(NamedTuple):
    """A model with one set of modalities, evaluated over all folds."""

    model: str
    dataset: str
    modalities: str
    evaluation: Evaluation
    differences: dict[str, Difference] | None
    """Differences from the same model with text alone, by metric; None for text alone."""

    @property
    def shown(self) -> dict[str, Interval]:
        """Metrics of the table: the protocol's selection metric; for intensities, also r and r within videos."""
        metrics = self.evaluation.metrics
        found = {name: metrics[name] for name in _names(self.evaluation)}
        return found | ({WITHIN: self.evaluation.within} if self.evaluation.within else {})


class ModalityTable(NamedTuple):
    """A comparison of models, features and sets of modalities."""

    rows: tuple[ModalityRow, ...]

    @property
    def heads(self) -> dict[str, Metric]:
        """Shown metrics by name."""
        protocol = self.rows[0].evaluation.protocol
        return {
            name: PROTOCOL.metrics[name] if name == WITHIN else protocol.metrics[name] for name in self.rows[0].shown
        }

    def verdict(self) -> list[str]:
        """Differences from text alone whose interval excludes 0."""
        every = [(row, name, one) for row in self.rows for name, one in (row.differences or {}).items()]
        if not every:
            return ["nothing to compare with text alone"]
        sure = [(row, name, one) for row, name, one in every if one.low > 0 or one.high < 0]
        if not sure:
            return [f"no interval of a difference from text alone excludes 0, of {len(every)}"]
        named = f"p corrected for all {len(every)} differences"
        lines = [
            f"{row.model} on {row.dataset}, {row.modalities}: {self.heads[name].label} {self._better(name, one)} "
            f"than text alone: Δ {number(one.mean, self.heads[name].scale)} "
            f"{one.cells(self.heads[name].scale)[1]}, {probability(named, one.holm)}"
            for row, name, one in sure
        ]
        chance = f"{len(sure)} of {len(every)} intervals exclude 0; of so many {0.05 * len(every):.1f} would by chance"
        return [*lines, chance]

    def _better(self, name: str, one: Difference) -> str:
        return "better" if (one.mean > 0) == self.heads[name].higher_is_better else "worse"

    def notes(self) -> list[str]:
        """Table footnotes."""
        one = self.rows[0].evaluation
        return [
            f"{one.dataset.partition(', ')[2]}; 95% bootstrap interval over {one.drawn_over}; Δ: less the same model "
            "with text alone, paired over the same resamples",
            f"seeds: {len(one.seeds)}; how far others would differ is not in the intervals",
            *dict.fromkeys(row.evaluation.selection for row in self.rows),
            *([f"r within videos: {MEANING}"] if one.within else []),
        ]

    def cells(self, row: ModalityRow) -> list[tuple[str, ...]]:
        """Each metric with its interval, and below it the difference from text alone."""
        found = []
        for name, metric in self.heads.items():
            apart = row.differences[name].cells(metric.scale) if row.differences else ()
            found.append((*row.shown[name].cells(metric.scale), *([f"Δ {apart[0]} {apart[1]}"] if apart else [])))
        return found

    def to_markdown(self) -> str:
        """The table, its notes and its verdict as Markdown."""
        columns = ["model", "dataset", "modalities", *(_head(metric) for metric in self.heads.values())]
        body = [[row.model, row.dataset, row.modalities, *self.cells(row)] for row in self.rows]
        return "\n\n".join(
            [markdown(columns, body), "\n".join(f"- {line}" for line in [*self.verdict(), *self.notes()])]
        )

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON."""
        rows = [
            {
                **row._asdict(),
                "evaluation": row.evaluation.to_dict(),
                "differences": row.differences and {name: one._asdict() for name, one in row.differences.items()},
            }
            for row in self.rows
        ]
        return {"rows": rows, "verdict": self.verdict(), "notes": self.notes()}


def compare_modalities(
    models: Sequence[str], datasets: Iterable[str], folds: int, **options: Unpack[TableOptions]
) -> ModalityTable:
    """Train each model on each dataset with text alone, and with voice, face and both added, cross-validated by video.

    Existing runs are used. A set that is equivalent to another, because a model or dataset lacks a modality, is left
    out.

    Args:
        models: see ``list_models``.
        datasets: the same utterances with different features; further datasets, joined by commas, are only used for
            training.
        folds: number of folds.
        options: see `TableOptions`; ``out`` gets a folder for each model, dataset, set and fold.

    Raises:
        UserError: anything the user can fix.
    """
    out, device = Path(options.pop("out", None) or Path("runs") / "modalities"), options.get("device", "auto")
    rows: list[ModalityRow] = []
    for model in models:
        for dataset in datasets:
            name = short_name(dataset).replace(COMMA, "+")
            trained = train_folds(model, dataset, folds, rows=ROWS, out=out / f"{model}-{name}", **options)  # type: ignore[misc]
            distinct = {one.folders: label for label, one in reversed(trained.items()) if one.folders}
            found = {label: trained[label].evaluate(device) for label in SETS if label in distinct.values()}
            if ALONE not in found:
                raise UserError(f"{model} on {name} has no text", "compare sets of modalities where there is text")
            drawn = {label: _resample(one) for label, one in found.items()}
            for label, one in found.items():
                apart = None if label == ALONE else pair_scores(drawn[label], drawn[ALONE])
                rows.append(ModalityRow(model, name, label, one, apart))
    differences = corrected([row.differences for row in rows])
    return ModalityTable(tuple(row._replace(differences=one) for row, one in zip(rows, differences, strict=True)))


def _names(found: Evaluation) -> tuple[str, ...]:
    main = found.protocol.default_selection
    return tuple(dict.fromkeys([main, *(["pearson"] if "pearson" in found.protocol.metrics else [])]))


def _resample(found: Evaluation) -> Resampled:
    """Compute the table's metrics on resamples that are the same for all sets of modalities."""
    label, videos = found.predictions[0].label, found.predictions[0].videos
    drawn = resample(found.stacked, label, found.protocol, videos=videos, resamples=PAIRED)
    names = _names(found)
    values, resampled = ({name: part[name] for name in names} for part in (drawn.values, drawn.drawn))
    if found.within is not None and videos is not None:
        within = resample_within(found.stacked, label, videos, resamples=PAIRED)
        values, resampled = values | within.values, resampled | within.drawn
    return drawn._replace(values=values, drawn=resampled)


def _head(metric: Metric) -> str:
    return f"{metric.label} {'↑' if metric.higher_is_better else '↓'}"
