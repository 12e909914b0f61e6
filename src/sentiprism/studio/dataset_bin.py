"""Deleted datasets, which are kept in a bin until it is emptied."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sentiprism.data.store import list_names
from sentiprism.errors import UserError
from sentiprism.files import exclusive, home, make_folder, remove_folder
from sentiprism.studio.store.tables import new_id


class BinnedDataset(NamedTuple):
    """A deleted dataset."""

    id: str
    name: str
    deleted: datetime


class DatasetBin:
    """Moves datasets out of the store and back.

    Args:
        folder: of the studio; each dataset is in a folder of its own in the bin, so that names may repeat.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "bin"

    def put(self, name: str) -> None:
        """Move a dataset into the bin.

        Raises:
            UserError: the store does not have it any more, or the disk refuses.
        """
        place = self._folder / new_id()
        try:
            with exclusive(home("datasets", name)):
                if name not in list_names():
                    raise UserError(f"no dataset is called {name!r} any more", "load the page again")
                make_folder(place)
                shutil.move(home("datasets", name), place / name)
        except OSError as error:
            raise UserError(f"{name} cannot be moved: {error.strerror or error}", "free the disk, try again") from None

    def list(self) -> list[BinnedDataset]:
        """What is in the bin, the latest first."""
        found = self._folder.glob("*/*") if self._folder.is_dir() else ()
        made = (
            BinnedDataset(one.parent.name, one.name, datetime.fromtimestamp(one.parent.stat().st_mtime, UTC))
            for one in found
            if one.is_dir() and not one.name.startswith(".")
        )
        return sorted(made, key=lambda one: one.deleted, reverse=True)

    def restore(self, identifier: str) -> None:
        """Move a dataset back into the store.

        Raises:
            UserError: it is not in the bin, another one has its name by now, or the disk refuses.
        """
        found = next((one for one in self.list() if one.id == identifier), None)
        if found is None:
            raise UserError("the dataset is not in the bin any more", "load the page again")
        place = home("datasets", found.name)
        try:
            with exclusive(place):
                if place.exists():
                    raise UserError(f"another dataset is called {found.name} by now", "delete that one first")
                shutil.move(self._folder / found.id / found.name, place)
                (self._folder / found.id).rmdir()
        except OSError as error:
            cause = f"{found.name} cannot be moved: {error.strerror or error}"
            raise UserError(cause, "free the disk, try again") from None

    def empty(self) -> None:
        """Delete what is in the bin for good."""
        for one in self.list():
            remove_folder(self._folder / one.id)
