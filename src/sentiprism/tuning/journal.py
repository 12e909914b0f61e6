"""The trials of a study: start, end, prune and retry them, with any storage."""

import shutil
import time
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from sentiprism.errors import UserError, shorten
from sentiprism.extras import install_extra
from sentiprism.models.search_space import Among, Distribution
from sentiprism.tuning.storage import TrialStorage
from sentiprism.tuning.study import Study, Trial, name_difference

UNPRUNED_TRIALS = 4
"""First trials, which are never pruned: later ones are compared with their median."""
JOURNAL_ERRORS = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError)
"""Exceptions that optuna raises for inconsistent entries."""
RETRIES = 1
"""Times that the settings of a trial are tried again after its process ended by a crash or kill."""
POLL = 1.0
"""Seconds between looks at trials of other machines."""


class Journal:
    """The trials of a study, which several processes share.

    A running trial whose process has ended was interrupted, and its settings are tried again.

    Args:
        storage: where the trials are kept.
        study: what is searched.
        first: settings of the first trial.
        terms: what all processes must agree on, if the storage is not in the folder of the study's definition.

    Raises:
        UserError: optuna is not installed, the storage cannot be used, or its study has other terms.
    """

    def __init__(
        self, storage: TrialStorage, study: Study, first: dict[str, Any], terms: dict[str, Any] | None = None
    ) -> None:
        try:
            import optuna
        except ImportError:
            raise UserError("optuna is not installed", install_extra("tune")) from None
        self.storage, self.folder, self.definition, self._optuna = storage, storage.folder, study, optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.running = self.folder / "running"
        with storage.exclusive():
            try:
                self._study = optuna.create_study(
                    storage=storage.open(),
                    study_name=self.folder.resolve().name if storage.several_machines else "study",
                    direction="maximize" if study.higher_is_better else "minimize",
                    pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS, n_warmup_steps=1),
                    load_if_exists=True,
                )
                begun = self._study.get_trials(deepcopy=False)
                found = self.trials()
            except JOURNAL_ERRORS as error:
                reason = shorten(f"{type(error).__name__}: {error}", 100)
                raise UserError(f"{storage.shown} is damaged ({reason})", storage.remedy) from None
            if terms is not None:
                self._check_terms(terms, new=not begun)
            for trial in found:
                self._check_trial(trial)
            if not begun:
                self._study.enqueue_trial(first)
            self._discard_left({t.number for t in self._running()})

    def _discard_left(self, running: set[int]) -> None:
        """Remove temporary files of trials that a killed process of this machine left."""
        for folder in self.running.glob("[0-9]*"):
            if folder.is_dir() and folder.name not in map(str, running):
                shutil.rmtree(folder, ignore_errors=True)

    def _check_terms(self, terms: dict[str, Any], *, new: bool) -> None:
        """Store what trials must have in common, or refuse other terms than the stored ones."""
        stored = self._study.user_attrs.get("terms")
        if stored is None and new:
            self._study.set_user_attr("terms", terms)
        elif not isinstance(stored, dict):
            raise UserError(f"{self.storage.shown} was not made by sentiprism", "choose another name for `out`")
        elif (difference := name_difference(terms, stored)) is not None:
            remedy = "give the same settings on every machine, or choose another `out`"
            raise UserError(f"{self.storage.shown} has other settings: {difference}", remedy)

    def _check_trial(self, trial: Trial) -> None:
        """Refuse a trial whose settings are outside the search space."""
        space, shown, remedy = self.definition.space, self.storage.shown, self.storage.remedy
        for place, value in trial.settings.items():
            if place not in space or not space[place].has(value):
                raise UserError(f"{shown}: trial {trial.number} has {place}={shorten(str(value), 40)}", remedy)
        if trial.score is not None and not (isinstance(trial.score, int | float) and isfinite(trial.score)):
            raise UserError(f"{shown}: trial {trial.number} has the score {shorten(repr(trial.score), 40)}", remedy)

    def ask(self, most: int) -> tuple[Any, dict[str, Any]] | None:
        """Start the next trial and return it with its changes; None if ``most`` trials have been started."""
        states = self._optuna.trial.TrialState
        with self.storage.exclusive():
            begun = [t for t in self._retry_interrupted() if t.state != states.WAITING]
            if sum(t.state != states.FAIL or "note" in t.user_attrs for t in begun) >= most:
                return None
            seed = np.random.SeedSequence((self.definition.seed, len(begun))).generate_state(1)[0]
            self._study.sampler = self._optuna.samplers.TPESampler(seed=int(seed))
            trial = self._study.ask()
            self.storage.hold(trial)
            return trial, {place: _suggest(trial, place, d) for place, d in self.definition.space.items()}

    def wait(self, most: int) -> bool:
        """Wait a moment for trials of other machines; False if ``most`` are finished or none is running."""
        if not self.storage.several_machines:
            return False
        states = [trial.state for trial in self.trials()]
        if "running" not in states or sum(state not in {"running", "interrupted"} for state in states) >= most:
            return False
        time.sleep(POLL)
        return True

    def tell(self, trial: Any, score: float | None = None, note: str = "") -> None:
        """End a trial: with its score, as failed with a note, or as pruned with neither.

        Raises:
            Retried: the trial was given to another process meanwhile.
        """
        states = self._optuna.trial.TrialState
        state = states.FAIL if note else states.PRUNED if score is None else states.COMPLETE
        with self.storage.exclusive():
            if trial.number not in {t.number for t in self._running()}:
                raise Retried
            if note:
                trial.set_user_attr("note", note)
            self._study.tell(trial, score, state=state)
        self.release(trial.number)

    def interrupt(self, trial: Any, *, crashed: bool) -> None:
        """End a trial that this process cannot finish, so that its settings are tried again."""
        with self.storage.exclusive():
            self._retry([t for t in self._running() if t.number == trial.number], crashed=crashed)

    def release(self, number: int) -> None:
        """Remove a trial's temporary files and its signs of life."""
        shutil.rmtree(self.running / str(number), ignore_errors=True)
        self.storage.release(number)

    def trial_folder(self, trial: Any) -> Path:
        """Temporary folder of a running trial, removed at its end."""
        return self.running / str(trial.number)

    def pruning_callback(self, trial: Any) -> Callable[[dict[str, Any]], None]:
        """Callback for each epoch's record of a trial; raises `Pruned` if the trial is worse than the median."""

        def check_epoch(row: dict[str, Any]) -> None:
            score = row["valid"][self.definition.select]
            with self.storage.errors():
                try:
                    if np.isfinite(score):
                        trial.report(score, row["epoch"])
                    prune = trial.should_prune()
                except self._optuna.exceptions.UpdateFinishedTrialError:
                    raise Retried from None
            if prune:
                raise Pruned

        return check_epoch

    def trials(self) -> list[Trial]:
        """All trials, in the order they started."""
        states = self._optuna.trial.TrialState
        names = {states.COMPLETE: "complete", states.PRUNED: "pruned", states.RUNNING: "running"}
        found = []
        with self.storage.errors():
            listed = self._study.get_trials(deepcopy=False, states=(*names, states.FAIL))
        for t in listed:
            note = t.user_attrs.get("note", "")
            state = names.get(t.state, "failed" if note else "interrupted")
            score = t.value if state == "complete" else None
            found.append(Trial(t.number, state, dict(t.params), score, len(t.intermediate_values), note))
        return found

    def _running(self) -> list[Any]:
        return list(self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.RUNNING,)))

    def _retry_interrupted(self) -> list[Any]:
        """All trials, after those of ended processes were marked as failed and queued again."""
        ended = self.storage.ended(self._running())
        self._retry(ended, crashed=True)
        for t in ended:
            shutil.rmtree(self.running / str(t.number), ignore_errors=True)
        return list(self._study.get_trials(deepcopy=False))

    def _retry(self, trials: list[Any], *, crashed: bool) -> None:
        """Mark trials as failed and queue their settings again; those that crash again are not queued."""
        fail = self._optuna.trial.TrialState.FAIL
        for t in trials:
            crashes = t.user_attrs.get("crashes", 0) + crashed
            if crashes > RETRIES:
                note = f"its process ended without a result {crashes} times"
                self._study._storage.set_trial_user_attr(t._trial_id, "note", note)
            self._study.tell(t.number, state=fail)
            if t.params and crashes <= RETRIES:
                self._study.enqueue_trial(t.params, user_attrs={"crashes": crashes})


class Pruned(Exception):  # noqa: N818 - not an error
    """Raised to stop a trial that is worse than the others."""


class Retried(Exception):  # noqa: N818 - not an error
    """Raised to stop a trial that another process tries again, as this one gave no signs of life for too long."""


def _suggest(trial: Any, place: str, distribution: Distribution) -> Any:
    if isinstance(distribution, Among):
        return trial.suggest_categorical(place, distribution.values)
    low, high = distribution.low, distribution.high
    whole = isinstance(low, int) and isinstance(high, int)
    return (trial.suggest_int if whole else trial.suggest_float)(place, low, high, log=distribution.log)
