"""Run the trials of a study in one process."""

from contextlib import suppress
from statistics import mean
from typing import Any

from sentiprism.data.config import DataConfig
from sentiprism.data.dataset import TuningView
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.errors import UserError
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import Engine
from sentiprism.training.memory import check_memory
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.train import resolve
from sentiprism.training.transfer import build_initial_model, plan_transfers
from sentiprism.tuning.journal import Journal, Pruned, Retried
from sentiprism.tuning.result import StudyResult, write_best
from sentiprism.tuning.storage import StorageError
from sentiprism.types import FeatureSpec


class TrialRunner:
    """Run trials of a study in one process; inputs are prepared once per data configuration."""

    def __init__(self, journal: Journal, view: TuningView, engine: Engine, progress: TrainingProgress) -> None:
        self.journal, self.view, self.engine, self.progress = journal, view, engine, progress
        self.prepared: dict[str, tuple[FeatureSpec, PreparedSplit, PreparedSplit]] = {}

    def run(self, trial: Any, changes: dict[str, Any]) -> None:
        """Train one trial and record its outcome."""
        study = self.journal.definition
        try:
            outcome = self._run(trial, study.settings(changes))
        except Retried:
            self.journal.release(trial.number)
            outcome = "no sign of life for too long; it is tried again elsewhere"
        except BaseException as error:  # so that its settings are tried again, here or elsewhere
            with suppress(StorageError):
                crashed = isinstance(error, Exception) and not isinstance(error, StorageError)
                self.journal.interrupt(trial, crashed=crashed)
            self.journal.release(trial.number)
            raise
        finally:
            self.engine.release()
        shown = ", ".join(f"{place}={_brief(value)}" for place, value in changes.items())
        self.progress.note(f"trial {trial.number}: {outcome}; {shown}")
        self.write_best()

    def write_best(self) -> StudyResult:
        """Write the best settings so far, and return all trials."""
        with self.journal.storage.exclusive():
            result = StudyResult(self.journal.folder, self.journal.definition, self.journal.trials())
            write_best(result, self.view.name)
        return result

    def _run(self, trial: Any, settings: dict[str, Any]) -> str:
        """Train one trial, end it, and describe its outcome."""
        try:
            scores = self._train(resolve(settings), trial)
        except Pruned:
            self.journal.tell(trial)
            return "pruned"
        except StorageError:
            raise
        except UserError as error:  # for example a learning rate too high, or widths that do not match
            self.journal.tell(trial, note=error.cause)
            return f"failed: {error.cause}"
        self.journal.tell(trial, mean(scores))
        outcome = f"valid {self.journal.definition.select} {mean(scores):.4f}"
        if len(scores) > 1:
            outcome += f" ({min(scores):.4f} to {max(scores):.4f} over {len(scores)} seeds)"
        return outcome

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


def _brief(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
