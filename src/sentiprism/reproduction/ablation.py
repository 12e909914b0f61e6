"""Train and measure the rows of a published ablation table."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from sentiprism.config import merge, override
from sentiprism.data.binned import binned
from sentiprism.data.dataset import TuningView
from sentiprism.data.names import resolve_folders
from sentiprism.data.prepare import prepare
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.evaluate import load_evaluation
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.files import check_writable
from sentiprism.metrics import protocol
from sentiprism.reproduction.published import PublishedTable, find_experiment, find_table, full_row, make_line
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import Precision, check_engine
from sentiprism.training.experiments import OURS, Experiment, Row, default_settings, load_experiment, load_paper
from sentiprism.training.options import TableOptions
from sentiprism.training.run import Run
from sentiprism.training.selection import selection_rule
from sentiprism.training.train import launch, resolve, resume
from sentiprism.types import FeatureSpec


class TableRequest(NamedTuple):
    """A published table to measure, with changes for all of its runs."""

    experiment: str
    paper: Experiment
    key: str
    """``table_2``."""
    changes: dict[str, Any]
    """Requested changes: dataset, seeds, text encoder."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows of the table."""
        return self.paper.published[self.key].rows


class Step(NamedTuple):
    """A row with settings, and how it is measured."""

    row: Row
    config: RunConfig
    folder: Path | None
    """Folder of its run, which rows with the same effective settings share; None = not measurable."""
    note: str


def ablate(
    model: str,
    table: str,
    dataset: str | None = None,
    *,
    rows: Iterable[str] = (),
    **options: Unpack[TableOptions],
) -> PublishedTable:
    """Train and measure every row of a published table that has settings.

    Existing runs are used: a finished row is not trained again, an interrupted one is resumed. All checks are made
    before the first row is trained.

    Args:
        model: see ``list_models``.
        table: number, key or alias, see `find_table`.
        dataset: a name in the store or a folder; by default the experiment's.
        rows: names or numbers (from 1) of the rows; by default all.
        options: see `TableOptions`; ``out`` gets a folder for each row.

    Returns:
        The table with measurements on test, and each row's paired difference from the full model.

    Raises:
        UserError: anything the user can fix; a row that was trained with other settings.
    """
    asked = plan_table(model, table, dataset, options)
    device, precision = options.get("device", "auto"), options.get("precision", "auto")
    paper, changes = asked.paper, {"model": model, **asked.changes}
    start = base_settings(options.get("base"), paper.run, model, Path(changes["dataset"]).name)
    settings = override(merge(start, changes), options.get("assignments", ()))
    published = asked.rows
    chosen = _chosen(published, rows)
    check_engine(device, precision)
    view = load_view(settings)
    folder = Path(options.get("out") or Path("runs") / f"ablate-{model}-{view.name}-{asked.key}")
    check_writable(folder / "row")
    steps = plan_steps(published, settings, view, folder)
    for step in steps:
        check_step(step, view, precision, more=step.row in chosen)
    for step in steps:
        if step.row in chosen:
            train_step(step, view, device, precision, quiet=options.get("quiet", False))
    whole = full_row(settings, published)
    wanted = {step.row.name: step for step in steps if step.row in chosen}
    measured = load_steps([step for step in steps if step.row in chosen or step.row is whole], device)
    full = measured.get(whole.name) if whole else None
    lines = []
    for row in published:
        own = wanted.get(row.name)
        lines.append(make_line(row, measured.get(row.name) if own else None, full, own.note if own else ""))
    return PublishedTable(asked.experiment, paper, asked.key, view.name, tuple(lines))


def plan_table(
    model: str,
    table: str,
    dataset: str | None,
    options: TableOptions,
) -> TableRequest:
    """Find a published table and collect the changes for all its rows, see `ablate`."""
    experiment, seeds, encoder = options.get("experiment"), options.get("seeds"), options.get("encoder")
    if experiment is None:
        if dataset is None:
            raise UserError("a table needs a dataset", "give `dataset` or `experiment`")
        experiment = find_experiment(model, Path(dataset).name)
    paper = load_paper(experiment)
    key = find_table(paper, table)
    if dataset is not None:
        dataset = resolve_folders(dataset)
    changes: dict[str, Any] = {"dataset": dataset or paper.run["dataset"]}
    if seeds is not None:
        changes["seeds"] = seeds
    if encoder is not None:
        changes["data"] = {"text": {"encoder": encoder}}
    return TableRequest(experiment, paper, key, changes)


def load_view(settings: dict[str, Any]) -> TuningView:
    """Load train and valid of the dataset in the settings, with the labels that they specify."""
    config = RunConfig.parse(settings, "run configuration")
    return binned(load_dataset(config.dataset).tuning(), config.data.bins)


def load_steps(steps: Iterable[Step], device: str) -> dict[str, Evaluation]:
    """Load evaluations on test of finished steps by row name; a shared run is loaded once."""
    finished = [step for step in steps if _done(step)]
    found = {folder: load_evaluation(folder, device=device) for folder in {step.folder for step in finished} if folder}
    return {step.row.name: found[step.folder] for step in finished if step.folder}


def plan_steps(
    rows: Iterable[Row], settings: dict[str, Any], view: TuningView, out: Path, folders: Mapping[str, str] | None = None
) -> list[Step]:
    """Plan how each row with settings is measured on a dataset.

    Rows that only differ in a modality which the dataset lacks share one run.

    Args:
        rows: of the table.
        settings: base settings of all rows.
        view: the dataset.
        out: folder of the runs.
        folders: name of a row's folder in ``out``, by the row's name; by default made from its number and name.

    Raises:
        UserError: the settings are invalid for any dataset.
    """
    numbered = [(number, row) for number, row in enumerate(rows, start=1) if row.settings is not None]
    resolved = [(number, row, resolve(merge(settings, row.settings or {}))) for number, row in numbered]
    from sentiprism.models.outline import outline  # imports torch: only after the checks that do not need it
    from sentiprism.training.optimizer import check_groups

    steps: list[Step] = []
    seen: dict[str, Step] = {}
    specs: dict[str, FeatureSpec] = {}
    for number, row, config in resolved:
        data = config.data.model_dump_json()
        if data not in specs:
            specs[data] = prepare(view, config.data)
        try:
            built = outline(config.model, specs[data], view.card.target, config.config)
        except UserError as error:
            steps.append(Step(row, config, None, f"not measurable on {view.name}: {error.cause}"))
            continue
        check_groups(built, config.optim)
        selection_rule(protocol(view.card.protocol), config.optim.select)
        there = specs[data].present()
        lacking = [name for name in config.config["modalities"] if name not in there]
        note = f"measured without {' and '.join(lacking)}, which {view.name} lacks" if lacking else ""
        effective = config.model_copy(update={"config": {**config.config, "modalities": list(built.modalities)}})
        same = seen.get(effective.model_dump_json())
        if same is not None:
            note = f"{note}; " * bool(note) + f"the run of {same.row.name!r}"
            step = Step(row, same.config, same.folder, note)
        else:
            name = (folders or {}).get(row.name) or f"{number:02d}-{_slug(row.name)}"
            step = Step(row, config, out / name, note)
        seen.setdefault(effective.model_dump_json(), step)
        steps.append(step)
    return steps


def check_step(step: Step, view: TuningView, precision: Precision, *, more: bool) -> None:
    """Refuse a row whose existing run has other settings, data or precision.

    Args:
        step: the row.
        view: the dataset.
        precision: requested precision.
        more: whether seeds may be added to it.

    Raises:
        UserError: a setting differs; the message names the first.
    """
    if step.folder is None or not (step.folder / "run.yaml").is_file():
        return
    run = Run(step.folder)
    then, now = (resolve(one.model_dump(mode="json")).model_dump(mode="json") for one in (run.config, step.config))
    if run.config.data.normalizes(view.card) == step.config.data.normalizes(
        view.card
    ):  # "auto" may have the same effect
        then["data"]["normalize"] = now["data"]["normalize"]
    if more and set(run.config.seeds) <= set(step.config.seeds):  # `resume` trains the new ones
        then["seeds"] = list(step.config.seeds)
    changed = _first_change(then, now)
    if changed is not None:
        name, old, new = changed
        raise UserError(
            f"{step.row.name!r} was trained in {step.folder} with {name}={old}, not {new}",
            "choose another `out`, or remove that folder",
        )
    run.check_dataset(view.card)
    run.check_precision(precision)


def train_step(step: Step, view: TuningView, device: str, precision: Precision, *, quiet: bool) -> None:
    """Train a row's run, or resume it; does nothing if the row cannot be measured."""
    if step.folder is None:
        return
    if not (step.folder / "run.yaml").is_file():
        launch(step.config, view, out=step.folder, device=device, precision=precision, quiet=quiet)
    elif not _done(step):
        resume(step.folder, seeds=step.config.seeds, device=device, precision=precision, quiet=quiet)


def _done(step: Step) -> bool:
    folder = step.folder
    return (
        folder is not None and (folder / "run.yaml").is_file() and set(step.config.seeds) <= set(Run(folder).finished)
    )


def base_settings(name: str | None, paper: dict[str, Any], model: str, dataset: str) -> dict[str, Any]:
    """Get the base settings of all rows, see `ablate`."""
    if name is None:
        return paper
    if name not in {"ours", OURS}:
        return load_experiment(name).run
    if settings := default_settings(model, dataset):
        return settings
    raise UserError(f"this project has no settings for {model} on {dataset}", "name an experiment with `base`")


def _chosen(rows: tuple[Row, ...], wanted: Iterable[str]) -> list[Row]:
    by_name = {str(number): row for number, row in enumerate(rows, start=1)} | {row.name: row for row in rows}
    chosen = []
    for name in wanted:
        if name not in by_name:
            raise UserError(f"the table has no row {name!r}", suggest(name, [row.name for row in rows]))
        if by_name[name].settings is None:
            raise UserError(f"row {name!r} is of another model", "choose a row with settings")
        chosen.append(by_name[name])
    return chosen or [row for row in rows if row.settings is not None]


def _first_change(old: Any, new: Any, path: str = "") -> tuple[str, Any, Any] | None:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return None if old == new else (path, old, new)
    names = sorted({*old, *new}, key=str)
    changes = (_first_change(old.get(name), new.get(name), f"{path}.{name}".lstrip(".")) for name in names)
    return next((change for change in changes if change is not None), None)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "row"
