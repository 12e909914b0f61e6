"""Curves of a training, for pages."""

from pathlib import Path
from typing import NamedTuple

from sentiprism.data.store import list_datasets
from sentiprism.errors import UserError
from sentiprism.metrics import protocol
from sentiprism.studio.charts import Chart, Line, draw_chart
from sentiprism.studio.jobs.training import SeedHistory, read_seeds
from sentiprism.training.config import RunConfig


class Curves(NamedTuple):
    """Two charts, and a line of text for each seed."""

    loss: Chart | None
    score: Chart | None
    metric: str
    """Label of the metric that chooses the epoch."""
    better: str
    """``lower`` or ``higher``."""
    seeds: tuple[SeedHistory, ...]


def curves_of(folder: Path, config: RunConfig) -> Curves:
    """Draw the epochs of a run's seeds so far.

    Args:
        folder: of the run.
        config: its configuration.
    """
    name, label, higher = _selection(config)
    seeds = read_seeds(folder, config, name)
    begun = [one for one in seeds if one.epochs]
    loss = draw_chart([Line(f"seed {one.seed}", one.epochs, one.loss) for one in begun], "loss on train by epoch")
    lines = [Line(f"seed {one.seed}", one.epochs, one.score, one.best) for one in begun]
    return Curves(
        loss, draw_chart(lines, f"{label} on valid by epoch"), label, "higher" if higher else "lower", tuple(seeds)
    )


def _selection(config: RunConfig) -> tuple[str, str, bool]:
    """Name and label of the metric that chooses the epoch, and whether a higher one is better."""
    try:
        card = next((one for one in list_datasets() if one.name == config.dataset), None)
        scorer = protocol(card.protocol if card is not None else "mosi")
        name = config.optim.select or scorer.default_selection
        return name, scorer.metrics[name].label, scorer.higher_is_better(name)
    except (UserError, KeyError):
        return config.optim.select or "mae", (config.optim.select or "MAE"), False
