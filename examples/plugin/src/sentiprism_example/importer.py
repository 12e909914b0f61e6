"""An importer of its own: one utterance a line, split, id, label and text between bars."""

from collections.abc import Iterator

from sentiprism.data.dataset import Utterance
from sentiprism.data.importers.custom import Importer
from sentiprism.data.importers.sources import Reading
from sentiprism.errors import UserError
from sentiprism.reading import read_text


class Lines(Importer):
    """``train | video1_0 | 1.5 | what a film``, a line each."""

    name = "lines"

    def read(self, reading: Reading) -> Iterator[tuple[str, Utterance]]:
        """Utterances with their splits."""
        del reading  # range and classes of the labels, where an importer needs them
        for number, line in enumerate(read_text(self.path).splitlines(), 1):
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) != 4:
                raise UserError(f"{self.path} line {number} has {len(cells)} cells", "write split | id | label | text")
            split, name, label, text = cells
            yield split, Utterance(name, name.rpartition("_")[0] or name, text, {"M": float(label)})
