"""A study: search space and journal of trials."""

import os
import shutil
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from sentiprism.config import Config, merge
from sentiprism.errors import UserError, shorten
from sentiprism.extras import install_extra
from sentiprism.metrics import Protocol, protocol
from sentiprism.models.search_space import Among, Between, Distribution
from sentiprism.reading import MB, parse_json, read_text
from sentiprism.training.config import Seed

SETTLING = 4
"""Trials that run whole before any is compared with their median."""


JOURNAL = 256 * MB
"""Bytes of a journal; a trial has some thousands."""
DAMAGE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError)
"""What optuna raises for entries that do not fit each other."""
REMEDY = "remove the folder, and begin the study again"


class Study(Config):
    """What is searched; ``study.yaml`` in the study's folder."""

    content: str
    """Hash of the dataset."""
    protocol: str
    """By which valid is scored."""
    select: str
    """Metric that trials are judged by."""
    run: dict[str, Any]
    """Settings that every trial starts from."""
    space: dict[str, Between | Among]
    """What trials change in them."""
    seed: Seed = 0
    """Of the search; trial n proposes the same after the same trials."""

    @property
    def scorer(self) -> Protocol:
        """The protocol itself."""
        return protocol(self.protocol)

    @property
    def higher_is_better(self) -> bool:
        """Of the metric that trials are judged by."""
        return self.scorer.higher_is_better(self.select)

    def settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The run with a trial's changes, which are named by their places: ``optim.lr``."""
        run = self.run
        for place, value in changes.items():
            change: Any = value
            for part in reversed(place.split(".")):
                change = {part: change}
            run = merge(run, change)
        return run


def _check_journal(path: Path) -> None:
    """Refuse a journal that is not a file of JSON objects, before optuna reads it.

    The part of a line that a killed process left at its end is cut off: the next entry would be written behind it.
    """
    if not os.path.lexists(path) or (path.is_file() and not path.stat().st_size):  # nothing is written yet
        return
    *lines, rest = read_text(path, JOURNAL, "journal").split("\n")
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
    """What it changed, by place."""
    score: float | None
    """Best valid score; None where it was not finished."""
    epochs: int
    note: str = ""
    """Why it failed."""


class Journal:
    """The trials of a study, in a file that processes append to.

    A process holds a lock as long as its trial runs, and a kill lets go of it: a trial that runs without its lock was
    interrupted, and its settings are tried again.

    Args:
        folder: of the study.
        study: what is searched.
        first: changes of the first trial, as far as they lie within the space.

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
                    pruner=optuna.pruners.MedianPruner(n_startup_trials=SETTLING, n_warmup_steps=1),
                    load_if_exists=True,
                )
                begun = self._study.get_trials(deepcopy=False)
                found = self.trials()
            except DAMAGE as error:
                reason = shorten(f"{type(error).__name__}: {error}", 100)
                raise UserError(f"{path} is damaged ({reason})", REMEDY) from None
            for trial in found:
                self._check_trial(trial, path)
            if not begun:
                self._study.enqueue_trial(first)

    def _check_trial(self, trial: Trial, path: Path) -> None:
        """Refuse a trial of settings that the study does not search."""
        space = self.definition.space
        for place, value in trial.settings.items():
            if place not in space or not space[place].has(value):
                raise UserError(f"{path}: trial {trial.number} has {place}={shorten(str(value), 40)}", REMEDY)
        if trial.score is not None and not (isinstance(trial.score, int | float) and isfinite(trial.score)):
            raise UserError(f"{path}: trial {trial.number} has the score {shorten(repr(trial.score), 40)}", REMEDY)

    def ask(self, most: int) -> tuple[Any, dict[str, Any]] | None:
        """The next trial and its changes; None where the study has ``most`` already, running ones among them."""
        states = self._optuna.trial.TrialState
        with self.lock:
            begun = [t for t in self._reaped() if t.state != states.WAITING]
            if sum(t.state != states.FAIL or bool(t.user_attrs) for t in begun) >= most:
                return None
            seed = np.random.SeedSequence((self.definition.seed, len(begun))).generate_state(1)[0]
            self._study.sampler = self._optuna.samplers.TPESampler(seed=int(seed))
            trial = self._study.ask()
            self._mine = FileLock(self._lock_of(trial.number))
            self._mine.acquire()
            return trial, {place: _suggest(trial, place, d) for place, d in self.definition.space.items()}

    def workshop(self, trial: Any) -> Path:
        """Where a running trial may write; it goes when the trial ends."""
        return self.running / str(trial.number)

    def tell(self, trial: Any, score: float | None = None, note: str = "") -> None:
        """End a trial: with its score, as failed with a note, or as pruned with neither."""
        states = self._optuna.trial.TrialState
        if note:
            trial.set_user_attr("note", note)
        state = states.FAIL if note else states.PRUNED if score is None else states.COMPLETE
        with self.lock:
            self._study.tell(trial, score, state=state)
        self.let_go(trial.number)

    def let_go(self, number: int) -> None:
        """Remove what a trial wrote, and its lock."""
        shutil.rmtree(self.running / str(number), ignore_errors=True)
        if self._mine is not None:
            self._mine.release()
            self._mine = None
        self._lock_of(number).unlink(missing_ok=True)

    def pruning(self, trial: Any) -> Callable[[dict[str, Any]], None]:
        """Takes each epoch's line of a trial and raises `Pruned` where it lies behind the median of the others."""

        def judge(row: dict[str, Any]) -> None:
            score = row["valid"][self.definition.select]
            if np.isfinite(score):
                trial.report(score, row["epoch"])
            if trial.should_prune():
                raise Pruned

        return judge

    def trials(self) -> list[Trial]:
        """All of them, in the order they began."""
        states = self._optuna.trial.TrialState
        names = {states.COMPLETE: "complete", states.PRUNED: "pruned", states.RUNNING: "running"}
        found = []
        for t in self._study.get_trials(deepcopy=False, states=(*names, states.FAIL)):
            note = t.user_attrs.get("note", "")
            state = names.get(t.state, "failed" if note else "interrupted")
            score = t.value if state == "complete" else None
            found.append(Trial(t.number, state, dict(t.params), score, len(t.intermediate_values), note))
        return found

    def _reaped(self) -> list[Any]:
        """All trials, after those whose process is gone were ended and queued again."""
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
    """The journal's own lock, which a kill lets go of: optuna's is a file that stays, and is waited for 30 s."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


class Pruned(Exception):  # noqa: N818 - it is no error
    """A trial is not worth going on with."""


def _suggest(trial: Any, place: str, distribution: Distribution) -> Any:
    if isinstance(distribution, Among):
        return trial.suggest_categorical(place, distribution.values)
    low, high = distribution.low, distribution.high
    whole = isinstance(low, int) and isinstance(high, int)
    return (trial.suggest_int if whole else trial.suggest_float)(place, low, high, log=distribution.log)
