"""Cross-validate by video: train and measure one run per fold; existing runs are used."""

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
from sentiprism.reproduction.ablation import Step, check_step, load_view, plan_steps, train_step
from sentiprism.reproduction.folds import join_evaluations
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import check_engine
from sentiprism.training.experiments import Row, starting_settings
from sentiprism.training.options import TableOptions

WHOLE = Row(name="whole", settings={}, values=())
"""The only row, if nothing is varied."""


class Folds(NamedTuple):
    """Runs of one configuration on the folds of a dataset."""

    dataset: str
    folders: tuple[Path, ...]
    """One per fold; () if the model cannot be built with these settings."""
    note: str = ""

    def evaluate(self, device: str = "auto") -> Evaluation:
        """Evaluate the test predictions of all folds together."""
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

    Epochs are selected on the valid split of the fold, whose videos are neither trained nor tested on. Other datasets
    are only used for training.

    Args:
        model: see ``list_models``.
        dataset: a name in the store, or several, separated by commas.
        count: number of folds.
        init: model to start from.
        rows: named changes of settings; by default one row without changes.
        options: see `TableOptions`; by default the settings are this project's for the model and dataset, and ``out``
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
        view = load_view(one)
        places = {row.name: _place(row, fold, alone=len(rows) == 1) for row in rows}
        for step in plan_steps(rows, one, view, folder, places):
            check_step(step, view, precision, more=True)
            steps.append(step)
    for step in steps:
        train_step(
            step, load_view(step.config.model_dump(mode="json")), device, precision, quiet=options.get("quiet", False)
        )
    return {row.name: _folds(row, short, steps) for row in rows}


def _settings(model: str | None, dataset: str | None, init: str | Path | None, options: TableOptions) -> dict[str, Any]:
    """Base settings of all runs, as in ``train``."""
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
