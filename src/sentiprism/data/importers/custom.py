"""An importer of the user's own, which a plugin defines."""

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
    """A file or folder of one more format, chosen by ``dataset add NAME --importer IMPORTER=PATH``.

    Args:
        path: that the user gives.
    """

    name: ClassVar[str]

    path: Path

    @abstractmethod
    def read(self, reading: Reading) -> "Rows":
        """Utterances with their splits.

        Raises:
            UserError: a file is missing, damaged or contradicts itself.
        """


IMPORTERS: Registry[Importer] = Registry(
    "", "sentiprism.data.importers.custom:Importer", "importer", "sentiprism.importers"
)
