"""Search a model's settings on train and valid.

A study is a folder: ``study.yaml`` defines the search, ``journal.log`` records every trial and is shared by all
processes, ``best.yaml`` is an experiment with the best settings so far. In place of the journal, a PostgreSQL database
records the trials of several machines, each of which has such a folder. Weights of trials are not saved.
"""

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Unpack

from sentiprism.config import dump, merge, override
from sentiprism.data.binned import binned
from sentiprism.data.dataset import Dataset, TuningView
from sentiprism.data.store import load_tuning
from sentiprism.errors import UserError
from sentiprism.files import check_writable, write_text
from sentiprism.machine import check_jobs
from sentiprism.metrics import protocol
from sentiprism.models import MODELS
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import Engine, check_engine
from sentiprism.training.experiments import starting_settings
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.selection import selection_rule
from sentiprism.training.train import resolve
from sentiprism.tuning.database import open_storage
from sentiprism.tuning.journal import Journal
from sentiprism.tuning.options import StudyOptions
from sentiprism.tuning.result import StudyResult
from sentiprism.tuning.runner import TrialRunner
from sentiprism.tuning.space import build_space, check_study, read_space, starting_values
from sentiprism.tuning.study import Study, make_terms, name_difference
from sentiprism.tuning.workers import Workers
from sentiprism.yaml_files import load_yaml


def tune(
    model: str | None = None,
    dataset: str | Path | TuningView | None = None,
    *,
    trials: int = 20,
    experiment: str | None = None,
    settings: dict[str, Any] | None = None,
    assignments: Iterable[str] = (),
    search: Iterable[str] = (),
    **options: Unpack[StudyOptions],
) -> StudyResult:
    """Search a model's settings for the best valid score; a trial trains one seed, or the mean of several.

    The first trial has the starting settings. The same call resumes the study in its folder; other processes that make
    it at the same time run trials of the same study. A setting that is given is not searched.

    Args:
        model: see ``list_models``.
        dataset: name in the store or folder, whose test split is not opened; or a view.
        trials: total number in the study, including earlier ones and those of other processes.
        experiment: settings to start from; by default as in ``train``.
        settings: changes, nested as in `RunConfig`.
        assignments: further changes, as ``key=value`` texts.
        search: changes of the search space, see `read_space`.
        options: see `StudyOptions`.

    Raises:
        UserError: optuna is not installed, the settings cannot be used, the folder has another study, or every
            trial failed.
    """
    check_jobs(options.get("jobs", 1))
    out = options.get("out")
    if (
        isinstance(dataset, str | Path) and Path(dataset).parts[1:]
    ):  # a folder: worker processes may have another working directory
        dataset = Path(dataset).resolve()
    name = dataset.name if isinstance(dataset, TuningView) else None if dataset is None else str(dataset)
    start = starting_settings(model, None if name is None else Path(name).name, experiment, "study")
    changes = override(settings or {}, assignments)
    given = {key: value for key, value in {"model": model, "dataset": name}.items() if value is not None}
    run = merge(merge(start, changes), given)
    partial = RunConfig.parse(run, "run configuration")
    MODELS.check(partial.model)
    check_engine(options.get("device", "auto"), options.get("precision", "auto"))
    ranges = read_space(search)
    view = binned(dataset if isinstance(dataset, TuningView) else load_tuning(partial.dataset), partial.data.bins)
    scorer = protocol(view.card.protocol)
    selection_rule(scorer, partial.optim.select)
    config = resolve(run)
    study = Study(
        content=view.card.content,
        protocol=view.card.protocol,
        select=config.optim.select or scorer.default_selection,
        run=run,
        space=build_space(config, view, changes) | ranges,
        seeds=options.get("seeds", 1),
        seed=options.get("seed", 0),
    )
    folder = Path(out) if out else Path("runs") / f"tune-{config.model}-{view.name}"
    check_writable(folder / "study.yaml")
    check_study(study, view)
    if (folder / "study.yaml").exists() and (stored := _read(folder)) != study:
        difference = name_difference(study.model_dump(mode="json"), stored.model_dump(mode="json"))
        cause = f"{folder} has a study with other settings: {difference}"
        raise UserError(cause, "choose another `out`, or resume the study")
    return _ranked(run_trials(folder, trials=trials, view=view, study=study, **options))


def resume_study(
    folder: Path | str,
    *,
    trials: int,
    view: TuningView | None = None,
    **options: Unpack[StudyOptions],
) -> StudyResult:
    """Resume a study until it has the given number of trials.

    Args:
        folder: of the study.
        trials: as in `tune`.
        view: the dataset; by default loaded from the store, as worker processes do.
        options: see `StudyOptions`; ``out`` and ``seed`` are taken from the study.

    Raises:
        UserError: it is not a study folder, its dataset has changed, or every trial failed.
    """
    return _ranked(run_trials(Path(folder), trials=trials, view=view, **options))


def _ranked(result: StudyResult) -> StudyResult:
    """The result, refused if no trial has a score."""
    if not result.ranked:
        cause = next((trial.note for trial in result.trials if trial.note), "none was finished")
        remedy = "start from other settings, or run more trials"
        raise UserError(f"no trial of {result.folder} has a score: {cause}", remedy)
    return result


def run_trials(
    folder: Path,
    *,
    trials: int,
    view: TuningView | None = None,
    study: Study | None = None,
    **options: Unpack[StudyOptions],
) -> StudyResult:
    """Run trials of a study until it has enough; arguments as in `resume_study`.

    Args:
        folder: of the study.
        trials: as in `tune`.
        view: the dataset.
        study: of a folder that may be new; by default the folder's.
        options: see `StudyOptions`.
    """
    jobs = options.get("jobs", 1)
    check_jobs(jobs)
    jobs = min(jobs, trials)
    device, precision = options.get("device", "auto"), options.get("precision", "auto")
    check_engine(device, precision)
    study = study or _read(folder)
    base = RunConfig.parse(study.run, str(folder / "study.yaml"))
    view = binned(view or load_tuning(base.dataset), base.data.bins)
    view = view.tuning() if isinstance(view, Dataset) else view
    if view.card.content != study.content:
        raise UserError(
            f"dataset {view.name} is not the one of {folder}", "import the same files, or start a new study"
        )
    import torch

    engine = Engine(device, precision)
    if engine.world > 1:
        raise UserError("a study cannot run in distributed training", "start one process; `jobs` adds workers")
    chosen = {"device": device, "precision": precision}
    storage = open_storage(folder, options.get("storage"))
    threads, share = torch.get_num_threads(), max(1, (os.cpu_count() or 1) // jobs)
    with closing(storage):
        if not storage.several_machines:  # before the first trial is queued
            _define(folder, study)
        terms = make_terms(study, engine.precision) if storage.several_machines else None
        journal = Journal(storage, study, starting_values(study), terms)
        _define(folder, study)  # now that a database has not refused it
        storage.remember()
        torch.set_num_threads(max(1, threads // jobs))
        try:
            with (
                TrainingProgress(quiet=options.get("quiet", False)) as progress,
                Workers(folder, trials, chosen, jobs - 1, share, progress.note, storage.environment) as workers,
            ):
                runner = TrialRunner(journal, view, engine, progress)
                while True:
                    while (started := journal.ask(trials)) is not None:
                        runner.run(*started)
                        workers.report()
                    if not workers.wait() and not journal.wait(trials):
                        break  # if a process has ended, it may have left an interrupted trial
                return runner.write_best()
        finally:
            torch.set_num_threads(threads)


def _define(folder: Path, study: Study) -> None:
    """Write the definition of a new study."""
    if not (folder / "study.yaml").exists():
        write_text(folder / "study.yaml", dump(study))


def _read(folder: Path) -> Study:
    if not (folder / "study.yaml").is_file():
        raise UserError(f"{folder} is not a study folder", "start a study with: sentiprism tune MODEL --dataset NAME")
    return Study.parse(load_yaml(folder / "study.yaml"), str(folder / "study.yaml"))
