"""The demo's recordings, for those who have none of their own."""

import shutil
from pathlib import Path
from typing import Any

from sentiprism.files import sha256
from sentiprism.studio.recordings import Recordings


def add_fetched(recordings: Recordings, result: dict[str, Any]) -> None:
    """Add the files that a job has fetched.

    Args:
        recordings: of the studio.
        result: of the job.

    Raises:
        UserError: a file is not a recording, or there are too many.
    """
    for file in map(Path, result["files"]):
        recordings.check_room()
        copy = recordings.new_upload()
        shutil.copyfile(file, copy)  # the asset stays where the command line finds it
        recordings.add(copy, file.name, sha256(copy))
