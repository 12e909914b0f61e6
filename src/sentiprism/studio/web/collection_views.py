"""What pages show of a collection."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os.path import splitext

from sentiprism.studio.collections import Member
from sentiprism.studio.folders import ReportFolder
from sentiprism.studio.store.tables import CollectionRow
from sentiprism.studio.studies import Compared
from sentiprism.studio.web.pages import existing
from sentiprism.studio.web.state import Studio
from sentiprism.study.design import Observation

LIST = "/collections"


@dataclass(frozen=True)
class CollectionView:
    """A collection with what is known of its recordings."""

    row: CollectionRow
    members: Sequence[Member]
    reports: dict[str, ReportFolder]
    """The newest report of each recording that has one, by the recording's identifier."""
    observations: Sequence[Observation]
    """Of the recordings whose report is read."""
    waiting: int
    """Reports that are still being read."""
    damaged: int

    @cached_property
    def missing(self) -> list[Member]:
        """Recordings that are not analysed yet; texts with the words of another one do not count."""
        stems = {splitext(one.row.name)[0] for one in self.members if one.row.kind != "text"}
        return [
            one
            for one in self.members
            if one.row.id not in self.reports and (one.row.kind != "text" or splitext(one.row.name)[0] not in stems)
        ]

    @cached_property
    def used_attributes(self) -> list[str]:
        """Attributes that any recording has a value of."""
        used = {name for one in self.members for name in one.attributes}
        return [name for name in self.row.attributes if name in used]


def view_collection(studio: Studio, identifier: str) -> CollectionView:
    """A collection with its recordings and their reports' numbers.

    Raises:
        MissingError: there is no such collection.
    """
    row = existing(studio.collections.get(identifier), "collection", LIST)
    members = studio.collections.members(identifier)
    newest = studio.folders.newest_reports()
    reports = {one.row.id: newest[one.row.content] for one in members if one.row.content in newest}
    found = studio.summaries.find(list(reports.values()))
    observations = [
        Observation(one.row.id, one.attributes, summary)
        for one in members
        if (report := reports.get(one.row.id)) is not None and (summary := found.summaries.get(report.id)) is not None
    ]
    return CollectionView(row, members, reports, observations, found.waiting, found.damaged)


def compare_collection(studio: Studio, view: CollectionView, by: str, measure: str) -> Compared:
    """Compare a collection's recordings by an attribute.

    Args:
        studio: keeps what was compared before.
        view: of the collection.
        by: the attribute; others than the collection's are all recordings together.
        measure: by default the first.
    """
    versions = [view.reports[one.recording].version for one in view.observations]
    return studio.studies.compare(view.observations, versions, by if by in view.row.attributes else None, measure)
