"""Base class of importers that plugins define."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sentiprism.data.importers.sources import Reading, Source
from sentiprism.registry import Registry

if TYPE_CHECKING:
    from sentiprism.data.importers.sources import Rows


@dataclass(frozen=True)
class Importer(Source):
    """A file or folder of a further format, for ``dataset add NAME --importer IMPORTER=PATH``.

    Args:
        path: given by the user.
    """

    name: ClassVar[str]

    path: Path

    @abstractmethod
    def read(self, reading: Reading) -> "Rows":
        """Read utterances with their splits.

        Raises:
            UserError: a file is missing, damaged or inconsistent.
        """


IMPORTERS: Registry[Importer] = Registry(
    "", "sentiprism.data.importers.custom:Importer", "importer", "sentiprism.importers"
)
