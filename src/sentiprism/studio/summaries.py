"""Numbers of reports, computed once for each and kept in the database."""

import threading
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from sentiprism.studio.folders import ReportFolder, open_report
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.tables import SummaryRow
from sentiprism.study.summary import RecordingSummary, summarize

AT_ONCE = 0.4
"""Seconds in which a page reads reports itself; a thread reads the others."""
BATCH = 20
"""Reports whose numbers are written together."""
MOST = 30_000
"""Numbers of reports in memory."""


class Found(NamedTuple):
    """What is known of some reports."""

    summaries: dict[str, RecordingSummary]
    """By identifier of the report."""
    waiting: int
    """Reports that are still being read."""
    damaged: int


class Summaries:
    """Summarises reports, each once for as long as it does not change.

    Args:
        database: where the numbers are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, int], RecordingSummary | None] = {}
        self._reading = threading.Lock()

    def find(self, reports: Sequence[ReportFolder]) -> Found:
        """Numbers of reports; those that were never read are read now, or soon."""
        wanted = [(one.version, one) for one in reports]
        self._recall([version for version, _ in wanted if version not in self._known])
        missing = [one for version, one in wanted if version not in self._known]
        begun = monotonic()
        while missing and monotonic() - begun < AT_ONCE:
            self._read([missing.pop() for _ in range(min(BATCH, len(missing)))], until=begun + AT_ONCE)
        missing = [one for version, one in wanted if version not in self._known]
        if missing and not self._reading.locked():
            threading.Thread(target=self._read_all, args=(missing,), name="summaries", daemon=True).start()
        found = {version[0]: self._known.get(version) for version, _ in wanted}
        known = {report: summary for report, summary in found.items() if summary is not None}
        return Found(known, len(missing), len(found) - len(known) - len(missing))

    def _recall(self, versions: Iterable[tuple[str, int]]) -> None:
        """Take what the database has."""
        wanted = {version[0]: version for version in versions}
        if not wanted:
            return
        if len(self._known) > MOST:
            self._known.clear()
        with self._database.read() as session:
            rows = list(session.scalars(select(SummaryRow).where(SummaryRow.report.in_(wanted))))
        for row in rows:
            if wanted[row.report] == (row.report, row.changed):
                try:
                    numbers = None if row.numbers is None else RecordingSummary.model_validate(row.numbers)
                except ValidationError:  # of another version
                    continue
                self._known[row.report, row.changed] = numbers

    def _read(self, reports: Sequence[ReportFolder], until: float) -> None:
        rows = []
        for one in reports:
            analysis = open_report(one)
            summary = None if analysis is None else summarize(analysis)
            identifier, changed = one.version
            numbers = None if summary is None else summary.model_dump(mode="json")
            rows.append(SummaryRow(report=identifier, changed=changed, numbers=numbers))
            self._known[identifier, changed] = summary
            if monotonic() > until:
                break
        with self._database.write() as session:
            for row in rows:
                session.merge(row)

    def _read_all(self, reports: Sequence[ReportFolder]) -> None:
        if not self._reading.acquire(blocking=False):
            return
        try:
            for start in range(0, len(reports), BATCH):
                self._read(reports[start : start + BATCH], until=monotonic() + 3600)
        except SQLAlchemyError as error:  # the disk is full, the database away: the next page tries again
            print(f"numbers of reports are not kept: {error}")
        finally:
            self._reading.release()
