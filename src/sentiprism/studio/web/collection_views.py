"""What pages show of a collection."""

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import splitext

from sentiprism.errors import UserError
from sentiprism.studio.collections import Member
from sentiprism.studio.folders import ReportFolder
from sentiprism.studio.store.tables import CollectionRow
from sentiprism.studio.web.pages import existing
from sentiprism.studio.web.state import Studio
from sentiprism.study.design import Observation, measures_of
from sentiprism.study.study import Study, compare_groups

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

    @property
    def missing(self) -> list[Member]:
        """Recordings that are not analysed yet; texts with the words of another one do not count."""
        stems = {splitext(one.row.name)[0] for one in self.members if one.row.kind != "text"}
        return [
            one
            for one in self.members
            if one.row.id not in self.reports and (one.row.kind != "text" or splitext(one.row.name)[0] not in stems)
        ]

    @property
    def used_attributes(self) -> list[str]:
        """Attributes that any recording has a value of."""
        return [name for name in self.row.attributes if any(name in one.attributes for one in self.members)]


@dataclass(frozen=True)
class Compared:
    """A study of a collection, or why there is none."""

    study: Study | None
    measures: Sequence[str]
    by: str | None
    error: UserError | None = None


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
        Observation(one.row.id, one.attributes, found.summaries[reports[one.row.id].id])
        for one in members
        if one.row.id in reports and reports[one.row.id].id in found.summaries
    ]
    return CollectionView(row, members, reports, observations, found.waiting, found.damaged)


def compare_collection(view: CollectionView, by: str, measure: str) -> Compared:
    """Compare a collection's recordings by an attribute.

    Args:
        view: of the collection.
        by: the attribute; others than the collection's are all recordings together.
        measure: by default the first.
    """
    chosen = by if by in view.row.attributes else None
    measures = measures_of(view.observations)
    if not view.observations:
        return Compared(None, measures, chosen)
    try:
        study = compare_groups(view.observations, chosen, measure if measure in measures else None)
    except UserError as error:
        return Compared(None, measures, chosen, error)
    return Compared(study, measures, chosen)
