"""Do a job by the public Python API."""

import shutil
from collections.abc import Callable
from functools import singledispatch
from pathlib import Path
from time import monotonic
from typing import Any

import sentiprism as sp
from sentiprism.analysis.batch import find_finished
from sentiprism.analysis.inputs import AnalysisTask
from sentiprism.assets.pinned import ASSETS
from sentiprism.assets.registry import fetch
from sentiprism.data.dataset import SPLITS
from sentiprism.errors import UserError
from sentiprism.evaluation.cross_corpus import evaluate_on
from sentiprism.report.files import is_report, read_report, write_report
from sentiprism.studio.jobs.data_jobs import export_to, extract_dataset, import_files
from sentiprism.studio.jobs.kinds import (
    AnalyzeJob,
    CompareJob,
    EvaluateJob,
    ExportJob,
    ExtractJob,
    FetchJob,
    ImportJob,
    Item,
    Job,
    TrainJob,
)
from sentiprism.studio.jobs.label_kinds import AdaptJob, CutJob, ExtractLabelsJob
from sentiprism.studio.jobs.process import PROGRESS, Progress, write_record
from sentiprism.studio.jobs.run_kinds import CalibrateJob, ExplainJob, FigureJob, RobustnessJob
from sentiprism.tables import clock

EVERY = 0.4
"""Seconds between two writes of the progress."""
PERCEIVING = 0.85
"""Share of an analysis' time that looking and listening take; the rest is predicting."""


def do(job: Job, folder: Path) -> dict[str, Any]:
    """Do a job.

    Args:
        job: its parameters.
        folder: its own, for its progress.

    Returns:
        What is kept of it in the database.

    Raises:
        UserError: it cannot be done.
    """
    return _do(job, _Told(folder))


class _Told:
    """Writes the progress, not too often."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._path, self._last = folder, folder / PROGRESS, 0.0

    def __call__(self, share: float, text: str, *, now: bool = False) -> None:
        if now or monotonic() - self._last > EVERY:
            self._last = monotonic()
            write_record(self._path, Progress(share=min(max(share, 0.0), 1.0), text=text))


@singledispatch
def _do(job: Job, told: _Told) -> dict[str, Any]:
    raise TypeError(f"{type(job).__name__} of {told}")


@_do.register
def _analyze(job: AnalyzeJob, told: _Told) -> dict[str, Any]:
    predictor = None
    done: dict[str, str] = {}
    failed: dict[str, str] = {}
    for number, item in enumerate(job.items):
        text = f"{item.name} ({number + 1} of {len(job.items)})" if len(job.items) > 1 else item.name
        told(number / len(job.items), text, now=True)
        try:
            if not _is_finished(item, job):
                predictor = predictor or sp.Predictor(job.options.model)
                _analyze_one(item, job, predictor, _parts(told, number, len(job.items), text))
            done[item.id] = str(item.report)
        except UserError as error:
            print(f"{item.name}: {error}", flush=True)
            failed[item.id] = str(error)
    if not done:
        reasons = dict.fromkeys(failed.values())
        raise UserError(f"no recording was analysed: {next(iter(reasons))}", "see the log")
    told(1.0, "", now=True)
    return {"reports": done, "failed": failed}


def _is_finished(item: Item, job: AnalyzeJob) -> bool:
    """Whether the report is there, of the same file by the same settings: a job that resumes keeps it."""
    if not is_report(item.report):
        return False
    options = read_report(item.report).details.get("studio")
    return bool(options == _key(item, job))


def _key(item: Item, job: AnalyzeJob) -> dict[str, Any]:
    said = item.transcript and item.transcript.name
    options = job.options.model_dump(mode="json")
    return {"recording": item.id, "transcript": said, "options": options, "version": sp.__version__}


def _parts(told: _Told, number: int, count: int, text: str) -> Callable[[str, float], None]:
    """Progress of one recording, of which parts run side by side: the slower one counts."""
    shares: dict[str, float] = {}

    def on(part: str, share: float) -> None:
        shares[part] = share
        perceived = min(shares.get("faces", 0.0), shares.get("speech", 0.0))
        whole = PERCEIVING * perceived + (1 - PERCEIVING) * shares.get("predicting", 0.0)
        told((number + whole) / count, text)

    return on


def _analyze_one(item: Item, job: AnalyzeJob, predictor: sp.Predictor, on: Callable[[str, float], None]) -> None:
    if not is_report(item.report):  # before the work, not after it: whatever else is there may be dear to somebody
        find_finished(AnalysisTask(item.file, item.report), job.options)
    made = sp.analyze(item.file, transcript=item.transcript, options=job.options, predictor=predictor, on=on)
    named = made.recording.model_copy(update={"name": item.name})
    made = made.model_copy(update={"recording": named, "details": {**made.details, "studio": _key(item, job)}})
    write_report(made, item.report, media=item.file, replace=True)
    print(f"{item.name}: {clock(made.recording.duration)}, {len(made.utterances)} utterances", flush=True)


@_do.register
def _train(job: TrainJob, told: _Told) -> dict[str, Any]:
    if (job.out / "run.yaml").is_file():
        run = sp.resume(job.out, device=job.device)
    else:
        shutil.rmtree(job.out, ignore_errors=True)  # what a kill between the run's first two files left
        given = job.run.model_dump(mode="json")
        settings = {key: given[key] for key in ("config", "data", "optim", "oracle")}
        run = sp.train(
            job.run.model,
            job.run.dataset,
            seeds=job.run.seeds,
            init=job.run.init,
            settings=settings,
            out=job.out,
            device=job.device,
            precision=job.precision,
        )
    told(0.98, "measuring on valid and test", now=True)
    for split in ("valid", "test"):
        print(f"measured on {split}: {_line(sp.evaluate(run, split, device=job.device))}", flush=True)
    told(1.0, "", now=True)
    return {"run": str(job.out)}


def _line(found: sp.Evaluation) -> str:
    shown = found.protocol.metrics.items()
    return ", ".join(f"{one.label} {' '.join(found.metrics[name].cells(one.scale))}" for name, one in shown)


@_do.register
def _compare(job: CompareJob, told: _Told) -> dict[str, Any]:
    told(0.1, "predicting and resampling", now=True)
    found = sp.compare(job.runs, job.split)
    metrics = {
        name: {"label": one.label, "scale": one.scale, "higher": one.higher_is_better}
        for name, one in found.evaluations[0].protocol.metrics.items()
    }
    told(1.0, "", now=True)
    names = [entry.name for entry in found.entries]
    return {"comparison": found.to_dict(), "names": names, "metrics": metrics, "notes": found.notes()}


@_do.register
def _evaluate(job: EvaluateJob, told: _Told) -> dict[str, Any]:
    for number, split in enumerate(SPLITS):
        told(number / len(SPLITS), f"predicting {split}", now=True)
        print(f"predicted {split}: {_line(evaluate_on(job.run, job.dataset, split))}", flush=True)
    told(1.0, "", now=True)
    return {"dataset": job.dataset}


@_do.register
def _export(job: ExportJob, told: _Told) -> dict[str, Any]:
    return export_to(job, told.folder, told)


@_do.register
def _import(job: ImportJob, told: _Told) -> dict[str, Any]:
    return import_files(job, told)


@_do.register
def _extract(job: ExtractJob, told: _Told) -> dict[str, Any]:
    return extract_dataset(job, told.folder, told)


@_do.register
def _do_labels(job: CutJob | AdaptJob | ExtractLabelsJob, told: _Told) -> dict[str, Any]:
    from sentiprism.studio.jobs.label_work import do_label_job

    return do_label_job(job, told)


@_do.register
def _fetch(job: FetchJob, told: _Told) -> dict[str, Any]:
    files = []
    for number, name in enumerate(job.assets):
        told(number / len(job.assets), ASSETS[name].title, now=True)
        folder = fetch(name)
        files += [str(folder / file) for file in sorted(ASSETS[name].files)]
        print(f"{name}: {ASSETS[name].licence}", flush=True)
    told(1.0, "", now=True)
    return {"files": files}


@_do.register
def _do_runs(job: CalibrateJob | RobustnessJob | FigureJob | ExplainJob, told: _Told) -> dict[str, Any]:
    from sentiprism.studio.jobs.run_jobs import do_run_job

    return do_run_job(job, told)
