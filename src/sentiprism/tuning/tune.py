"""Search a model's settings on train and valid.

A study is a folder: ``study.yaml`` defines the search, ``journal.log`` records every trial and is shared by all
processes, ``best.yaml`` is an experiment with the best settings so far. Weights of trials are not saved.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple, Unpack

from sentiprism.config import dump, merge, override
from sentiprism.data.binned import binned
from sentiprism.data.config import DataConfig
from sentiprism.data.dataset import Dataset, TuningView
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.store import load_tuning
from sentiprism.errors import UserError
from sentiprism.files import check_writable, write_text
from sentiprism.machine import check_jobs
from sentiprism.metrics import protocol
from sentiprism.models import MODELS
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import Engine, check_engine
from sentiprism.training.experiments import Experiment, starting_settings
from sentiprism.training.memory import check_memory
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.selection import selection_rule
from sentiprism.training.train import resolve
from sentiprism.training.transfer import build_initial_model, plan_transfers
from sentiprism.tuning.options import StudyOptions
from sentiprism.tuning.space import build_space, check_study, read_space, starting_values
from sentiprism.tuning.study import Journal, Pruned, Study, Trial
from sentiprism.tuning.workers import Workers
from sentiprism.types import FeatureSpec
from sentiprism.yaml_files import dump_yaml, load_yaml


class StudyResult(NamedTuple):
    """Trials of a study so far."""

    folder: Path
    study: Study
    trials: list[Trial]
    """In the order they started."""

    @property
    def ranked(self) -> list[Trial]:
        """Finished trials, the best valid score first."""
        sign = -1 if self.study.higher_is_better else 1
        return sorted((t for t in self.trials if t.score is not None), key=lambda t: sign * (t.score or 0.0))

    @property
    def experiment(self) -> Path:
        """Experiment file with the best settings."""
        return self.folder / "best.yaml"

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON."""
        return {
            "folder": str(self.folder),
            "experiment": str(self.experiment),
            "study": self.study.model_dump(mode="json"),
            "best": self.ranked[0]._asdict() if self.ranked else None,
            "trials": [trial._asdict() for trial in self.trials],
        }


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
    if not (folder / "study.yaml").exists():
        write_text(folder / "study.yaml", dump(study))
    elif _read(folder) != study:
        raise UserError(f"{folder} has a study with other settings", "choose another `out`, or resume the study")
    return resume_study(folder, trials=trials, view=view, **options)


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
    result = run_trials(Path(folder), trials=trials, view=view, **options)
    if not result.ranked:
        reason = next((trial.note for trial in result.trials if trial.note), "none was finished")
        raise UserError(f"no trial of {folder} has a score: {reason}", "start from other settings, or run more trials")
    return result


def run_trials(
    folder: Path,
    *,
    trials: int,
    view: TuningView | None = None,
    **options: Unpack[StudyOptions],
) -> StudyResult:
    """Run trials of a study until it has enough; arguments as in `resume_study`."""
    jobs = options.get("jobs", 1)
    check_jobs(jobs)
    jobs = min(jobs, trials)
    device, precision = options.get("device", "auto"), options.get("precision", "auto")
    check_engine(device, precision)
    study = _read(folder)
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
    journal = Journal(folder, study, starting_values(study))
    threads, share = torch.get_num_threads(), max(1, (os.cpu_count() or 1) // jobs)
    torch.set_num_threads(max(1, threads // jobs))
    try:
        with (
            TrainingProgress(quiet=options.get("quiet", False)) as progress,
            Workers(folder, trials, chosen, jobs - 1, share, progress.note) as workers,
        ):
            runner = _TrialRunner(journal, view, engine, progress)
            while True:
                while (started := journal.ask(trials)) is not None:
                    runner.run(*started)
                    workers.report()
                if not workers.wait():
                    break  # if one has ended, it may have left an interrupted trial
    finally:
        torch.set_num_threads(threads)
    return StudyResult(folder, study, journal.trials())


class _TrialRunner:
    """Run trials of a study in one process; inputs are prepared once per data configuration."""

    def __init__(self, journal: Journal, view: TuningView, engine: Engine, progress: TrainingProgress) -> None:
        self.journal, self.view, self.engine, self.progress = journal, view, engine, progress
        self.prepared: dict[str, tuple[FeatureSpec, PreparedSplit, PreparedSplit]] = {}

    def run(self, trial: Any, changes: dict[str, Any]) -> None:
        """Train one trial and record its outcome."""
        study, outcome = self.journal.definition, ""
        try:
            scores = self._train(resolve(study.settings(changes)), trial)
            self.journal.tell(trial, mean(scores))
            outcome = f"valid {study.select} {mean(scores):.4f}"
            if len(scores) > 1:
                outcome += f" ({min(scores):.4f} to {max(scores):.4f} over {len(scores)} seeds)"
        except Pruned:
            self.journal.tell(trial)
            outcome = "pruned"
        except UserError as error:  # for example a learning rate too high, or widths that do not match
            self.journal.tell(trial, note=error.cause)
            outcome = f"failed: {error.cause}"
        except BaseException:  # without its lock, the trial counts as interrupted
            self.journal.release(trial.number)
            raise
        finally:
            self.engine.release()
        shown = ", ".join(f"{place}={_brief(value)}" for place, value in changes.items())
        self.progress.note(f"trial {trial.number}: {outcome}; {shown}")
        with self.journal.lock:
            _write_best(StudyResult(self.journal.folder, study, self.journal.trials()), self.view.name)

    def _train(self, config: RunConfig, trial: Any) -> list[float]:
        """Best valid score of each seed; only the first seed can be pruned."""
        from sentiprism.models.outline import outline
        from sentiprism.training.loop import Trainer
        from sentiprism.training.optimizer import check_in_backward
        from sentiprism.training.training_data import TrainingData

        features, train, valid = self._inputs(config.data)
        sketch = outline(config.model, features, self.view.card.target, config.config)
        check_memory(sketch, config.optim, self.engine.memory, train)
        check_in_backward(config.optim, self.engine)
        study, folder = self.journal.definition, self.journal.trial_folder(trial)
        data, scores = TrainingData(train, valid, study.scorer), list[float]()
        seeds = range(config.seeds[0], config.seeds[0] + study.seeds)
        init = {} if config.init is None else plan_transfers(config.init, seeds, sketch)
        for seed in seeds:
            model = build_initial_model(config, features, self.view.card, seed, init.get(seed))
            trainer = Trainer(config, seed, model, data, folder / str(seed), self.engine, {})
            on_epoch = (lambda _: None) if scores else self.journal.pruning_callback(trial)
            best = trainer.run(TrainingProgress(quiet=True), on_epoch)
            scores.append(float(best["valid"][study.select]))
        return scores

    def _inputs(self, config: DataConfig) -> tuple[FeatureSpec, PreparedSplit, PreparedSplit]:
        key = config.model_dump_json()
        if key not in self.prepared:
            features = prepare(self.view, config)
            train, valid = (PreparedSplit(split, features) for split in (self.view.train, self.view.valid))
            self.prepared[key] = features, train, valid
        return self.prepared[key]


def _read(folder: Path) -> Study:
    if not (folder / "study.yaml").is_file():
        raise UserError(f"{folder} is not a study folder", "start a study with: sentiprism tune MODEL --dataset NAME")
    return Study.parse(load_yaml(folder / "study.yaml"), str(folder / "study.yaml"))


def _write_best(result: StudyResult, dataset: str) -> None:
    if not result.ranked:
        return
    best, study = result.ranked[0], result.study
    done = sum(trial.state in {"complete", "pruned", "failed"} for trial in result.trials)
    experiment = Experiment(
        title=f"{study.run['model']} on {dataset}, tuned",
        source=f"sentiprism tune, trial {best.number} of {done}",
        selection=selection_rule(study.scorer, study.select),
        run=study.settings(best.settings),
        notes=(
            f"Best valid {study.select} of {done} trials, each with {study.seeds} seed{'s' * (study.seeds > 1)}: "
            f"{best.score:.4f}. The best of many trials is better than what the settings give with other seeds.",
        ),
    )
    text = dump_yaml(experiment.model_dump(mode="json"), width=120)
    write_text(result.experiment, text)


def _brief(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
