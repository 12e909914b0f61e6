"""What the routes share."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from starlette.requests import HTTPConnection

from sentiprism.studio.collections import Collections
from sentiprism.studio.data_files import DataFiles
from sentiprism.studio.dataset_bin import DatasetBin
from sentiprism.studio.demo import add_fetched
from sentiprism.studio.folders import Folders
from sentiprism.studio.health import Health
from sentiprism.studio.jobs.runner import Runner
from sentiprism.studio.labelling.tasks import Tasks
from sentiprism.studio.live import Live
from sentiprism.studio.recordings import Recordings
from sentiprism.studio.store.database import Database
from sentiprism.studio.studies import Studies
from sentiprism.studio.summaries import Summaries
from sentiprism.studio.web.tokens import Tokens


@dataclass
class Studio:
    """The parts of a running studio.

    Args:
        database: rows.
        runner: the queue of jobs.
        recordings: the files that were added.
        folders: runs and reports of the workspace.
        health: what is missing on this machine.
        tokens: who may come in.
        cookie: name of the session's cookie.
        closing: the server is about to end, and so must streams.
        collections: recordings that belong together.
        summaries: numbers of reports.
    """

    database: Database
    runner: Runner
    recordings: Recordings
    folders: Folders
    health: Health
    tokens: Tokens
    cookie: str
    closing: bool = field(default=False)
    collections: Collections = field(init=False)
    summaries: Summaries = field(init=False)
    studies: Studies = field(init=False)
    """Comparisons of collections."""
    data_files: DataFiles = field(init=False)
    """Files that datasets are imported from."""
    dataset_bin: DatasetBin = field(init=False)
    """Datasets that were deleted."""
    tasks: Tasks = field(init=False)
    """Tasks of labelling."""
    live: Live = field(init=False)
    """Streams of the page Live, from the start of the server."""

    def __post_init__(self) -> None:
        """Make the parts that need the database alone."""
        self.collections, self.summaries = Collections(self.database), Summaries(self.database)
        self.studies = Studies()
        self.data_files = DataFiles(self.database.folder)
        self.dataset_bin = DatasetBin(self.database.folder)
        self.tasks = Tasks(self.database, self.database.folder)
        self.runner.on_done["fetch"] = partial(add_fetched, self.recordings)

    @property
    def workspace(self) -> Path:
        """Folder that the studio was started in; runs and reports are below it, as the command line's are."""
        return self.folders.workspace


def studio_of(connection: HTTPConnection) -> Studio:
    """The studio that a request or web socket belongs to."""
    found = connection.app.state.studio
    assert isinstance(found, Studio)  # noqa: S101 - `create_app` puts it there
    return found
