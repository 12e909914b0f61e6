"""What an export measured."""

from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.tables import number

TORCH = "torch"
"""Name of the row of the model in torch."""


class Measured(NamedTuple):
    """One graph beside the model in torch."""

    name: str
    """``torch``, ``float32`` or the name of a variant."""
    size: int
    """Bytes of the file."""
    difference: float
    """Largest absolute difference of a raw prediction from torch's."""
    score: float
    """Selection metric of the protocol on the utterances; NaN without labels."""
    single: float
    """Median seconds for an utterance alone."""
    batched: float
    """Median seconds for an utterance in a batch."""


class ExportResult(NamedTuple):
    """An exported folder and what was measured."""

    folder: Path
    dataset: str | None
    """Dataset whose valid split was predicted; None for made-up utterances."""
    utterances: int
    """Number of utterances compared."""
    metric: str
    """Label of the selection metric."""
    scale: int
    """Factor that shows it: 100 for percentages."""
    threads: int
    rows: tuple[Measured, ...]
    """In torch, in single precision, and the variant."""

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON; an undefined score is None."""
        rows = [row._asdict() | {"score": None if row.score != row.score else row.score} for row in self.rows]
        return {**self._asdict(), "folder": str(self.folder), "rows": rows}

    @property
    def caption(self) -> str:
        """What was compared, and how the times were measured."""
        made = "made-up utterances, since the model's dataset is not in the store"
        what = made if self.dataset is None else f"utterances of {self.dataset}'s valid split"
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return (
            f"{self.utterances} {what}. Difference: largest of a prediction. Alone, in batches: times as fast as torch "
            f"for an utterance, medians on {threads} in the same run"
        )

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Columns and rows of the table."""
        columns = ("graph", "MB", "difference", f"valid {self.metric}", "alone", "in batches")
        torch = self.rows[0]
        return columns, [
            (
                row.name,
                f"{row.size / 1e6:.1f}",
                f"{row.difference:.1e}" if row.difference else "0",
                number(row.score, self.scale),
                f"{torch.single / row.single:.1f} ×",
                f"{torch.batched / row.batched:.1f} ×",
            )
            for row in self.rows
        ]
