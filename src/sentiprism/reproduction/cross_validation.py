"""Train and measure on folds of a dataset by video, one run a fold; what was trained before is kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from sentiprism.config import merge, override
from sentiprism.data.importers.folds import LEAST
from sentiprism.data.names import COMMA, dataset_names, fold_name, parse_fold, resolve_folders, short_name
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import load_evaluation
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.files import check_writable
from sentiprism.reproduction.ablation import Step, check, plan, train_step, view_of
from sentiprism.reproduction.folds import join_evaluations
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import check_engine
from sentiprism.training.experiments import Row, starting_settings
from sentiprism.training.options import TableOptions

WHOLE = Row(name="whole", settings={}, values=())
"""The only row where nothing is varied."""


class Folds(NamedTuple):
    """Runs of one configuration on the folds of a dataset."""

    dataset: str
    folders: tuple[Path, ...]
    """One a fold; () where the model cannot be built so."""
    note: str = ""

    def evaluate(self, device: str = "auto") -> Evaluation:
        """Evaluate all folds' predictions on test together."""
        found = [load_evaluation(folder, device=device) for folder in self.folders]
        return join_evaluations(found, f"{self.dataset}, {len(found)} folds by video")


def train_folds(
    model: str | None,
    dataset: str | None,
    count: int,
    *,
    init: str | Path | None = None,
    rows: Sequence[Row] = (WHOLE,),
    **options: Unpack[TableOptions],
) -> dict[str, Folds]:
    """Train a run for each fold of the first dataset, and for each row of settings.

    The epoch of each is selected on the fold's own valid part, which is made of videos that are neither trained on nor
    tested. Other datasets are only trained on.

    Args:
        model: see ``list_models``.
        dataset: a name in the store, or several with commas between.
        count: number of folds.
        init: whose weights the models start from.
        rows: names of settings that differ, and these; by default one without any.
        options: see `TableOptions`; by default the settings are this project's own for model and dataset, and ``out``
            gets a folder for each row and fold. ``base`` and ``encoder`` are not used.

    Returns:
        The runs by the name of their row.

    Raises:
        UserError: anything the user can fix; a fold that was trained with other settings.
    """
    device, precision = options.get("device", "auto"), options.get("precision", "auto")
    settings = _settings(model, dataset, init, options)
    names = [str(name) for name in dataset_names(RunConfig.parse(settings, "run configuration").dataset)]
    if count < LEAST or parse_fold(names[0]) is not None:
        raise UserError(f"{names[0]} cannot be split into {count} folds", f"give {LEAST} or more of a whole dataset")
    check_engine(device, precision)
    short = short_name(COMMA.join(names)).replace(COMMA, "+")
    folder = Path(options.get("out") or Path("runs") / f"folds-{settings['model']}-{short}-{count}")
    check_writable(folder / "fold")
    steps: list[Step] = []
    for fold in range(1, count + 1):
        one = {**settings, "dataset": COMMA.join([fold_name(names[0], fold, count), *names[1:]])}
        view = view_of(one)
        places = {row.name: _place(row, fold, alone=len(rows) == 1) for row in rows}
        for step in plan(rows, one, view, folder, places):
            check(step, view, precision, more=True)
            steps.append(step)
    for step in steps:
        train_step(
            step, view_of(step.config.model_dump(mode="json")), device, precision, quiet=options.get("quiet", False)
        )
    return {row.name: _folds(row, short, steps) for row in rows}


def _settings(model: str | None, dataset: str | None, init: str | Path | None, options: TableOptions) -> dict[str, Any]:
    """What every run starts from, as ``train`` puts it together."""
    base = starting_settings(model, dataset, options.get("experiment"), "run")
    dataset = None if dataset is None else resolve_folders(dataset)
    given = {"model": model, "dataset": dataset, "seeds": options.get("seeds"), "init": init and str(init)}
    return override(
        merge(base, {key: value for key, value in given.items() if value is not None}), options.get("assignments", ())
    )


def _place(row: Row, fold: int, *, alone: bool) -> str:
    return f"fold-{fold}" if alone else f"{row.name.replace('+', '-')}/fold-{fold}"


def _folds(row: Row, dataset: str, steps: list[Step]) -> Folds:
    own = [step for step in steps if step.row is row]
    folders = [step.folder for step in own if step.folder is not None]
    return Folds(dataset, tuple(folders) if len(folders) == len(own) else (), own[0].note)
