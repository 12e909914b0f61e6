"""Tabulate robustness for the page of results."""

from collections.abc import Iterable, Sequence

from sentiprism.data.corruption import HIGHEST, KINDS, TITLES
from sentiprism.errors import UserError
from sentiprism.evaluation.constant import NAME
from sentiprism.evaluation.robustness_curves import Robustness, kept
from sentiprism.tables import Cell, markdown
from sentiprism.training.run import Run
from sentiprism.types import MODALITIES

ABSENT = "–"
UNLIKE = "means over other strengths, or with another corruption seed, are not comparable"


def tabulate_robustness(runs: Iterable[tuple[Run, str]], metric: str) -> list[str]:
    """Write the robustness of the runs for which ``robustness`` was measured.

    Args:
        runs: each with the dataset of its table.
        metric: metric to show.

    Returns:
        Blocks of Markdown; [] if nothing was measured.
    """
    found, faults = [], []
    for run, dataset in runs:
        try:
            measured = kept(run)
        except UserError as error:
            faults.append(f"Robustness of {run.name} is left out: {error.cause}.")
            continue
        if measured is not None and measured.dataset == dataset:
            found.append(measured)
    if not found:
        return faults
    kinds = dict.fromkeys(curve.kind for one in found for curve in one.curves)
    meaning = "; ".join(f"*{kind}*: {TITLES[kind]}, 0 to {HIGHEST[kind]:g}" for kind in kinds)
    label = found[0].protocol.metrics[metric].label
    said = f"Test inputs corrupted, one modality at a time (`sentiprism robustness`): mean {label} over the strengths."
    unlike = len({curve.grid for one in found for curve in one.curves}) > 1
    notes = [*dict.fromkeys(note for one in found for note in one.notes()), *[UNLIKE] * unlike]
    listed = "\n".join(f"- {note}" for note in notes)
    return [f"{said}\n{meaning}.", markdown(*tabulate_areas(found, metric)), *([listed] if notes else []), *faults]


def tabulate_areas(found: Sequence[Robustness], metric: str) -> tuple[list[str], list[list[Cell]]]:
    """Columns and rows of a table: a metric of each run on clean inputs, and its mean over strengths by corruption.

    A row has curves with the same number of strengths and the same corruption seed; a run with others has more rows.
    """
    scale = found[0].protocol.metrics[metric].scale
    order = [(kind, modality) for modality in MODALITIES for kind in KINDS]
    measured = {(curve.kind, curve.modality) for one in found for curve in one.curves}
    there = [key for key in order if key in measured]
    rows: list[list[Cell]] = []
    if (constant := next((one.constant for one in found if one.constant), None)) is not None:
        rows.append([NAME, ABSENT, ABSENT, *[constant[metric].cells(scale)] * (1 + len(there))])
    for one in found:
        for grid in dict.fromkeys(curve.grid for curve in one.curves):
            curves = {(curve.kind, curve.modality): curve for curve in one.curves if curve.grid == grid}
            cells = (curves[key].cells(-1, metric, scale) if key in curves else ABSENT for key in there)
            clean = next(iter(curves.values())).cells(0, metric, scale)
            seed = ABSENT if grid.seed is None else str(grid.seed)
            rows.append([one.run, str(grid.strengths), seed, clean, *cells])
    heads = (f"{modality}: {kind}" for kind, modality in there)
    return ["run", "strengths", "corruption seed", "clean", *heads], rows
