"""Files that were added to make a dataset of: tables, features, pickles; stored under names of ours for a week."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.files import make_folder, write_text
from sentiprism.reading import read_json
from sentiprism.studio.reports import file_name
from sentiprism.studio.store.tables import ID, new_id

SUFFIXES = (".csv", ".npz", ".npy", ".parquet", ".pkl", ".json")
"""Kinds of files that an import takes."""
MOST = 200
"""Files at once."""
KEPT = timedelta(days=7)
"""After which a file is removed at the next start."""
RECORD = "file.json"


class DataFile(Config):
    """A file that was added."""

    id: str
    name: str
    """As the user calls it; not a part of a path."""
    file: str
    """Name on the disk: letters, digits and a known suffix."""
    content: str
    """SHA-256."""
    size: int
    added: datetime

    @property
    def suffix(self) -> str:
        """Its kind."""
        return os.path.splitext(self.file)[1]


class DataFiles:
    """Files to import, each in a folder named by its identifier.

    Args:
        folder: data folder of the studio.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "files"
        make_folder(self.folder)
        for place in self.folder.iterdir():
            if time() - place.stat().st_mtime > KEPT.total_seconds():
                shutil.rmtree(place, ignore_errors=True)

    def check(self, name: str) -> str:
        """Return the suffix of a file that an import takes.

        Raises:
            UserError: it is another one, or there are too many files.
        """
        suffix = os.path.splitext(name)[1].lower()
        if suffix not in SUFFIXES:
            kinds = ", ".join(one.removeprefix(".") for one in SUFFIXES)
            raise UserError(
                f"{name} is not a table, features or a pickle by its name", f"add files like these: {kinds}"
            )
        if len(os.listdir(self.folder)) >= MOST:
            raise UserError(f"{MOST} files are waiting to be imported", "remove some of them")
        return suffix

    def add(self, upload: Path, name: str, content: str) -> tuple[DataFile, bool]:
        """Take an uploaded file in.

        Args:
            upload: the file; it is gone afterwards, whatever happens.
            name: as the user calls it.
            content: its SHA-256.

        Returns:
            The file, and whether the same bytes were there already.

        Raises:
            UserError: it is not a file to import, by its name.
        """
        try:
            suffix = self.check(name)
            known = next((one for one in self.list() if one.content == content and one.suffix == suffix), None)
            if known is not None:
                return known, True
            made = DataFile(
                id=new_id(),
                name=name,
                file=f"{file_name(name)}{suffix}",
                content=content,
                size=upload.stat().st_size,
                added=datetime.now(UTC),
            )
            place = self.folder / made.id
            make_folder(place)
            upload.rename(place / made.file)
            write_text(place / RECORD, made.model_dump_json())
            return made, False
        finally:
            upload.unlink(missing_ok=True)

    def list(self) -> list[DataFile]:
        """Every file, the newest first."""
        found = (self.get(name) for name in os.listdir(self.folder))
        return sorted((one for one in found if one is not None), key=lambda one: one.added, reverse=True)

    def get(self, identifier: str) -> DataFile | None:
        """The file of an identifier."""
        if len(identifier) != ID or not all(c in "0123456789abcdef" for c in identifier):
            return None
        try:
            return DataFile.model_validate(read_json(self.folder / identifier / RECORD))
        except (UserError, ValueError):
            return None

    def path(self, one: DataFile) -> Path:
        """Where a file is."""
        return self.folder / one.id / one.file

    def delete(self, identifier: str) -> None:
        """Remove a file."""
        if self.get(identifier) is not None:
            shutil.rmtree(self.folder / identifier, ignore_errors=True)
