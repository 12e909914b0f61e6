"""What raters have said: agreement, disagreements, decisions, labels."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from statistics import fmean, median, multimode
from typing import NamedTuple

import numpy as np
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from sentiprism.errors import UserError
from sentiprism.metrics.raters import RaterAgreement, measure_agreement
from sentiprism.studio.labelling.rating import LONGEST_COMMENT, LONGEST_NAME
from sentiprism.studio.labelling.tasks import Task, Tasks, tidy
from sentiprism.studio.store.label_tables import (
    LabelDecisionRow,
    LabelRaterRow,
    LabelRatingRow,
    LabelSegmentRow,
    LabelTaskRow,
)

RULES = {"mean": "the mean of the ratings", "median": "the median of the ratings", "majority": "what most have said"}
Key = tuple[str, str]
"""Pass, and identifier of an utterance."""


class Label(NamedTuple):
    """The label of an utterance in a pass."""

    value: float | None
    how: str
    """``person``, or one of `RULES`; empty where it has none yet."""
    decision: LabelDecisionRow | None


class Results(NamedTuple):
    """All ratings that count, and the decisions."""

    task: Task
    raters: tuple[LabelRaterRow, ...]
    ratings: dict[Key, dict[str, LabelRatingRow]]
    """By rater."""
    decisions: dict[Key, LabelDecisionRow]

    def values(self, key: Key) -> list[float]:
        """Ratings of an utterance, in the order of the raters; without those who cannot tell."""
        given = self.ratings.get(key, {})
        rows = (given[one.id] for one in self.raters if one.id in given)
        return [row.value for row in rows if row.value is not None]

    def spread(self, key: Key) -> float:
        """How far the ratings are apart: largest less smallest, of classes the share that is not in the majority."""
        values = self.values(key)
        if len(values) < 2:
            return 0.0
        if self.task.scale.classes:
            return 1 - max(map(values.count, values)) / len(values)
        return max(values) - min(values)

    def label(self, key: Key) -> Label:
        """The label: as it was decided; else by the rule of the scale, mean or majority."""
        decision = self.decisions.get(key)
        if decision is not None:
            return Label(decision.value, decision.how, decision)
        rule = "majority" if self.task.scale.classes else "mean"
        value = combine(self.values(key), rule)
        return Label(value, rule if value is not None else "", None)

    def agreement(self, seen: str) -> RaterAgreement:
        """Agreement of the raters in a pass."""
        matrix = np.full((len(self.task.segments), len(self.raters)), np.nan)
        columns = {one.id: n for n, one in enumerate(self.raters)}
        for row, segment in enumerate(self.task.segments):
            for rater, rating in self.ratings.get((seen, segment.id), {}).items():
                if rating.value is not None:
                    matrix[row, columns[rater]] = rating.value
        return measure_agreement(matrix, "nominal" if self.task.scale.classes else "interval")

    def disagreements(self) -> list[Key]:
        """Utterances whose ratings differ, or of which nobody has said a value, the largest disagreement first."""
        keys = [(seen, one.id) for seen in self.task.row.passes for one in self.task.passable(seen)]
        wanted = [key for key in keys if self.spread(key) > 0 or (key in self.ratings and not self.values(key))]
        return sorted(wanted, key=lambda key: -self.spread(key))


def combine(values: Sequence[float], rule: str) -> float | None:
    """One value of several; None of none, or where no class has the majority."""
    if not values:
        return None
    if rule == "majority":
        most = multimode(values)
        return most[0] if len(most) == 1 else None
    return fmean(values) if rule == "mean" else float(median(values))


def read_results(tasks: Tasks, task: Task) -> Results:
    """Read what raters have said of the current utterances of a task."""
    identifier = task.row.id
    current = {one.id for one in task.segments}
    with tasks.database.read() as session:
        raters = select(LabelRaterRow).where(LabelRaterRow.task == identifier)
        own = tuple(session.scalars(raters.order_by(LabelRaterRow.created, LabelRaterRow.id)))
        rows = select(LabelRatingRow).where(LabelRatingRow.task == identifier).order_by(LabelRatingRow.number)
        ratings: dict[Key, dict[str, LabelRatingRow]] = {}
        for row in session.scalars(rows):
            if row.segment in current:
                ratings.setdefault((row.seen, row.segment), {})[row.rater] = row
        decided = select(LabelDecisionRow).where(LabelDecisionRow.task == identifier).order_by(LabelDecisionRow.number)
        decisions = {(one.seen, one.segment): one for one in session.scalars(decided) if one.segment in current}
    return Results(task, own, ratings, decisions)


def decide(tasks: Tasks, task: str, key: Key, value: float | None, about: Mapping[str, str]) -> None:
    """Set a label by hand.

    Args:
        tasks: the store.
        task: its identifier, of a closed task.
        key: pass and utterance.
        value: the label; None = it gets none.
        about: ``who``, ``comment``, and ``once`` of the form.

    Raises:
        UserError: the task is not closed, has no such utterance, or nobody is named.
    """
    who, comment = tidy(about["who"], LONGEST_NAME), tidy(about["comment"], LONGEST_COMMENT)
    if not who:
        raise UserError("it is not said who decides", "type a name")
    made = _decision(task, key, value, "person", about["once"])
    made.who, made.comment = who, comment
    _store(tasks, task, [made])


def decide_rest(tasks: Tasks, results: Results, rule: str, who: str, once: str) -> int:
    """Set every label that no person has set by a rule; how many.

    Raises:
        UserError: the task is not closed, or the rule does not suit its scale.
    """
    task = results.task
    if rule not in RULES or (rule == "majority") != bool(task.scale.classes):
        raise UserError("the rule does not suit the scale", "take mean or median for numbers, majority for classes")
    made = []
    for key in sorted(results.ratings):
        value, old = combine(results.values(key), rule), results.decisions.get(key)
        is_same = old is not None and (old.how, old.value) == (rule, value)
        if value is None or is_same or (old is not None and old.how == "person"):
            continue
        row = _decision(task.row.id, key, value, rule, once)
        row.who = tidy(who, LONGEST_NAME)
        made.append(row)
    _store(tasks, task.row.id, made)
    return len(made)


def _decision(task: str, key: Key, value: float | None, how: str, once: str) -> LabelDecisionRow:
    form = sha256(f"{task} {key} {once}".encode()).hexdigest()
    return LabelDecisionRow(task=task, segment=key[1], seen=key[0], value=value, how=how, once=form)


def _store(tasks: Tasks, task: str, rows: Sequence[LabelDecisionRow]) -> None:
    """Add decisions; what is sent twice is stored once."""
    try:
        with tasks.database.write() as session:
            found = session.get(LabelTaskRow, task, with_for_update=True)
            if found is None or found.state != "closed":
                cause = "labels are set when a task is closed"
                raise UserError(cause, "close it first: raters must be blind until then")
            for row in rows:
                segment = session.get(LabelSegmentRow, row.segment) if row.segment.isalnum() else None
                mine = segment is not None and segment.task == task and segment.retired is None
                if not mine or row.seen not in found.passes:
                    raise UserError("the utterance does not belong to this task", "open the task again")
            session.add_all(rows)
    except IntegrityError:
        return
