"""What pages show of a run's measurements, figures and explanations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.errors import UserError
from sentiprism.studio.datasets import find_recording, identify_dataset, open_stored
from sentiprism.studio.folders import RunFolder, read_config
from sentiprism.studio.run_results import (
    Calibration,
    Covered,
    Picture,
    Robust,
    list_pictures,
    read_calibration,
    read_coverage,
    read_robustness,
)
from sentiprism.studio.store.tables import ACTIVE, JobRow
from sentiprism.studio.web.job_views import JobView, list_jobs
from sentiprism.studio.web.state import Studio
from sentiprism.types import MODALITIES

RUN_JOBS = ("calibrate", "robustness", "figure", "explain")
STEPS = 5
"""Strengths of colour that a word may have, on each side."""


class Results(NamedTuple):
    """What is known of a run."""

    pictures: Sequence[Picture]
    calibration: Calibration | None
    coverage: Sequence[Covered]
    robustness: Robust | None
    shares: Sequence[Mapping[str, Any]]
    """Share of each modality in the attributions; empty where it was not computed."""


class Bar(NamedTuple):
    """A modality's attribution, in per cent of half a row."""

    modality: str
    value: float
    left: float
    width: float


class Explained(NamedTuple):
    """A run's prediction for one utterance, with its attributions."""

    name: str
    run: str | None
    """Identifier of the run; None where it is gone."""
    seed: int
    prediction: float
    predicted: str | None
    base: float
    bars: Sequence[Bar]
    words: Sequence[tuple[str, float, str]]
    """Word, attribution and class of the style sheet."""


class Pair(NamedTuple):
    """An utterance that runs explain."""

    id: str
    text: str
    label: str
    address: str | None
    """Of the utterance's page; None where the dataset is gone."""
    media: bool
    runs: Sequence[Explained]


def jobs_about(studio: Studio, run: RunFolder) -> list[JobView]:
    """Jobs that wait for measuring a run, or do it."""
    found = [one for kind in RUN_JOBS for one in list_jobs(studio, "queued", *ACTIVE, kind=kind)]
    return [one for one in found if _folder(one.row) == run.folder]


def results_of(studio: Studio, run: RunFolder) -> Results:
    """Measurements and figures in a run's folder, and of jobs about it."""
    done = {}
    for kind in ("explain", "calibrate"):
        jobs = list_jobs(studio, "done", kind=kind, most=200)
        done[kind] = next(
            (
                one.row.result or {}
                for one in jobs
                if _folder(one.row) == run.folder and one.row.parameters.get("utterance") is None
            ),
            {},
        )
    shares = done["explain"].get("shares", [])
    return Results(
        list_pictures(run.folder),
        read_calibration(run.folder),
        read_coverage(done["calibrate"]),
        read_robustness(run.folder),
        [one for one in shares if isinstance(one, dict)] if isinstance(shares, list) else [],
    )


def _folder(row: JobRow) -> Path | None:
    """The run that a job is about."""
    named = row.parameters.get("run") or next(iter(row.parameters.get("runs", [])), None)
    return None if named is None else Path(row.workspace) / str(named)


def explained_of(studio: Studio, row: JobRow) -> Pair | None:
    """What a finished job has explained; None of other jobs, or of a damaged result."""
    result = row.result or {}
    if row.kind != "explain" or not isinstance(result.get("explanations"), list):
        return None
    try:
        return _pair(studio, row, result)
    except (KeyError, TypeError, ValueError):
        return None


def _pair(studio: Studio, row: JobRow, result: Mapping[str, Any]) -> Pair:
    found = result["explanations"]
    largest = max(abs(float(value)) for one in found for value in one["shapley"].values()) or 1.0
    strongest = max((abs(float(v)) for one in found for part in one["words"].values() for _, v in part), default=0.0)
    runs = []
    for one in found:
        folder = Path(row.workspace) / str(one["run"])
        identifier = studio.folders.identifier(folder)
        known = studio.folders.run(identifier)
        bars = [_bar(name, float(one["shapley"][name]), largest) for name in MODALITIES if name in one["shapley"]]
        words = [
            (str(word), float(v), _style(float(v), strongest)) for part in one["words"].values() for word, v in part
        ]
        runs.append(
            Explained(
                folder.name if known is None else known.name,
                None if known is None else identifier,
                int(one["seed"]),
                float(one["prediction"]),
                one["predicted"],
                float(one["base"]),
                bars,
                words,
            )
        )
    text, address, media, label = _place(studio, row, result, float(found[0]["label"]))
    return Pair(str(result["utterance"]), text, label, address, media, runs)


def _place(studio: Studio, row: JobRow, result: Mapping[str, Any], label: float) -> tuple[str, str | None, bool, str]:
    """Text, address, whether its recording is known, and label in the words of the dataset."""
    run = studio.folders.run(studio.folders.identifier(Path(row.workspace) / str(row.parameters["runs"][0])))
    shown = f"{label:.3g}".replace("-", "−")
    try:
        if run is None:
            return "", None, False, shown
        name, split = read_config(run).dataset, str(result["split"])
        opened = open_stored(name)
        rows = opened.split(split)
        number = [str(one) for one in rows.ids].index(str(result["utterance"]))
        one = rows.utterance(number)
    except (UserError, ValueError):
        return "", None, False, shown
    if opened.card.target.kind == "classes":
        shown = opened.card.target.classes[int(label)]
    address = f"/data/{identify_dataset(name)}/utterances/{split}/{number}"
    return one.text or "", address, find_recording(name, one, studio.recordings) is not None, shown


def _bar(modality: str, value: float, largest: float) -> Bar:
    width = round(50 * abs(value) / largest, 2)
    return Bar(modality, value, 50.0 if value >= 0 else round(50 - width, 2), width)


def _style(value: float, strongest: float) -> str:
    strength = round(STEPS * abs(value) / strongest) if strongest else 0
    return f"{'raises' if value > 0 else 'lowers'}-{strength}" if strength else ""
