"""A study: search space and journal of trials."""

import os
import shutil
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from pydantic import Field

from sentiprism.config import Config, merge
from sentiprism.errors import UserError, shorten
from sentiprism.extras import install_extra
from sentiprism.metrics import Protocol, protocol
from sentiprism.models.search_space import Among, Between, Distribution
from sentiprism.reading import MB, parse_json, read_text
from sentiprism.training.config import MOST_SEEDS, Seed

UNPRUNED_TRIALS = 4
"""First trials, which are never pruned: later ones are compared with their median."""


MAX_JOURNAL = 256 * MB
"""Largest journal in bytes; a trial takes some thousands."""
JOURNAL_ERRORS = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError)
"""Exceptions that optuna raises for inconsistent entries."""
REMEDY = "remove the folder and start the study again"


class Study(Config):
    """What is searched; ``study.yaml`` in the study's folder."""

    content: str
    """Hash of the dataset."""
    protocol: str
    """Name of the protocol that scores valid."""
    select: str
    """Valid metric that ranks trials."""
    run: dict[str, Any]
    """Settings that every trial starts from."""
    space: dict[str, Between | Among]
    """Settings that trials change, with their ranges."""
    seeds: int = Field(1, ge=1, le=MOST_SEEDS)
    """Seeds that each trial is trained with; its score is their mean."""
    seed: Seed = 0
    """Random seed of the search: after the same trials, trial n proposes the same settings."""

    @property
    def scorer(self) -> Protocol:
        """The protocol that scores valid."""
        return protocol(self.protocol)

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher value of the metric is better."""
        return self.scorer.higher_is_better(self.select)

    def settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The run's settings with a trial's changes, given by dotted keys such as ``optim.lr``."""
        run = self.run
        for place, value in changes.items():
            change: Any = value
            for part in reversed(place.split(".")):
                change = {part: change}
            run = merge(run, change)
        return run


def _check_journal(path: Path) -> None:
    """Refuse a journal that is not a file of JSON objects, before optuna reads it.

    An incomplete last line, left by a killed process, is removed: otherwise the next entry would be appended to it.
    """
    if not os.path.lexists(path) or (path.is_file() and not path.stat().st_size):  # not written yet
        return
    *lines, rest = read_text(path, MAX_JOURNAL, "journal").split("\n")
    if not lines:
        raise UserError(f"{path} is not a journal", REMEDY)
    if rest:
        os.truncate(path, path.stat().st_size - len(rest.encode()))
    for number, line in enumerate(lines, start=1):
        entry = parse_json(line, f"{path} line {number}")
        known = isinstance(entry, dict) and isinstance(entry.get("op_code"), int)
        if not known or not isinstance(entry.get("worker_id"), str):
            raise UserError(f"{path} line {number} is not an entry of a journal", REMEDY)


class Trial(NamedTuple):
    """One training of a study."""

    number: int
    state: str
    """complete, pruned, failed, running, or interrupted."""
    settings: dict[str, Any]
    """Its changes, by dotted key."""
    score: float | None
    """Best valid score; None if not finished."""
    epochs: int
    note: str = ""
    """Why it failed."""


class Journal:
    """The trials of a study, in a file to which several processes append.

    A process holds a lock while its trial runs, and loses it when killed. So a running trial without a lock was
    interrupted, and its settings are tried again.

    Args:
        folder: of the study.
        study: what is searched.
        first: settings of the first trial.

    Raises:
        UserError: optuna is not installed.
    """

    def __init__(self, folder: Path, study: Study, first: dict[str, Any]) -> None:
        try:
            import optuna
            from optuna.storages.journal import JournalFileBackend
        except ImportError:
            raise UserError("optuna is not installed", install_extra("tune")) from None
        self.folder, self.definition, self._optuna = folder, study, optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.running = folder / "running"
        self.running.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(folder / "study.lock")
        lock: Any = _JournalLock(folder / "journal.lock")
        self._mine: FileLock | None = None
        with self.lock:
            path = folder / "journal.log"
            lock.acquire()
            try:
                _check_journal(path)
            finally:
                lock.release()
            try:
                self._study = optuna.create_study(
                    storage=optuna.storages.JournalStorage(JournalFileBackend(str(path), lock)),
                    study_name="study",
                    direction="maximize" if study.higher_is_better else "minimize",
                    pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS, n_warmup_steps=1),
                    load_if_exists=True,
                )
                begun = self._study.get_trials(deepcopy=False)
                found = self.trials()
            except JOURNAL_ERRORS as error:
                reason = shorten(f"{type(error).__name__}: {error}", 100)
                raise UserError(f"{path} is damaged ({reason})", REMEDY) from None
            for trial in found:
                self._check_trial(trial, path)
            if not begun:
                self._study.enqueue_trial(first)

    def _check_trial(self, trial: Trial, path: Path) -> None:
        """Refuse a trial whose settings are outside the search space."""
        space = self.definition.space
        for place, value in trial.settings.items():
            if place not in space or not space[place].has(value):
                raise UserError(f"{path}: trial {trial.number} has {place}={shorten(str(value), 40)}", REMEDY)
        if trial.score is not None and not (isinstance(trial.score, int | float) and isfinite(trial.score)):
            raise UserError(f"{path}: trial {trial.number} has the score {shorten(repr(trial.score), 40)}", REMEDY)

    def ask(self, most: int) -> tuple[Any, dict[str, Any]] | None:
        """Start the next trial and return it with its changes; None if ``most`` trials have been started."""
        states = self._optuna.trial.TrialState
        with self.lock:
            begun = [t for t in self._requeue_interrupted() if t.state != states.WAITING]
            if sum(t.state != states.FAIL or bool(t.user_attrs) for t in begun) >= most:
                return None
            seed = np.random.SeedSequence((self.definition.seed, len(begun))).generate_state(1)[0]
            self._study.sampler = self._optuna.samplers.TPESampler(seed=int(seed))
            trial = self._study.ask()
            self._mine = FileLock(self._lock_of(trial.number))
            self._mine.acquire()
            return trial, {place: _suggest(trial, place, d) for place, d in self.definition.space.items()}

    def trial_folder(self, trial: Any) -> Path:
        """Temporary folder of a running trial, removed at its end."""
        return self.running / str(trial.number)

    def tell(self, trial: Any, score: float | None = None, note: str = "") -> None:
        """End a trial: with its score, as failed with a note, or as pruned with neither."""
        states = self._optuna.trial.TrialState
        if note:
            trial.set_user_attr("note", note)
        state = states.FAIL if note else states.PRUNED if score is None else states.COMPLETE
        with self.lock:
            self._study.tell(trial, score, state=state)
        self.release(trial.number)

    def release(self, number: int) -> None:
        """Remove a trial's temporary files and its lock."""
        shutil.rmtree(self.running / str(number), ignore_errors=True)
        if self._mine is not None:
            self._mine.release()
            self._mine = None
        self._lock_of(number).unlink(missing_ok=True)

    def pruning_callback(self, trial: Any) -> Callable[[dict[str, Any]], None]:
        """Callback for each epoch's record of a trial; raises `Pruned` if the trial is worse than the median."""

        def check_epoch(row: dict[str, Any]) -> None:
            score = row["valid"][self.definition.select]
            if np.isfinite(score):
                trial.report(score, row["epoch"])
            if trial.should_prune():
                raise Pruned

        return check_epoch

    def trials(self) -> list[Trial]:
        """All trials, in the order they started."""
        states = self._optuna.trial.TrialState
        names = {states.COMPLETE: "complete", states.PRUNED: "pruned", states.RUNNING: "running"}
        found = []
        for t in self._study.get_trials(deepcopy=False, states=(*names, states.FAIL)):
            note = t.user_attrs.get("note", "")
            state = names.get(t.state, "failed" if note else "interrupted")
            score = t.value if state == "complete" else None
            found.append(Trial(t.number, state, dict(t.params), score, len(t.intermediate_values), note))
        return found

    def _requeue_interrupted(self) -> list[Any]:
        """All trials, after those of ended processes were marked as failed and queued again."""
        states = self._optuna.trial.TrialState
        for t in self._study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            try:
                with FileLock(self._lock_of(t.number), timeout=0):
                    pass
            except Timeout:
                continue
            self._study.tell(t.number, state=states.FAIL)
            shutil.rmtree(self.running / str(t.number), ignore_errors=True)
            self._lock_of(t.number).unlink(missing_ok=True)
            if t.params:
                self._study.enqueue_trial(t.params)
        return self._study.get_trials(deepcopy=False)

    def _lock_of(self, number: int) -> Path:
        return self.running / f"{number}.lock"


class _JournalLock:
    """Lock of the journal that is released on a kill; optuna's own lock file would stay and block for 30 s."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


class Pruned(Exception):  # noqa: N818 - not an error
    """Raised to stop a trial that is worse than the others."""


def _suggest(trial: Any, place: str, distribution: Distribution) -> Any:
    if isinstance(distribution, Among):
        return trial.suggest_categorical(place, distribution.values)
    low, high = distribution.low, distribution.high
    whole = isinstance(low, int) and isinstance(high, int)
    return (trial.suggest_int if whole else trial.suggest_float)(place, low, high, log=distribution.log)
