"""Train and measure the systems of a paper's table."""

import re
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from sentiprism.config import merge, override
from sentiprism.data.known import family
from sentiprism.files import check_writable
from sentiprism.models import list_models
from sentiprism.reproduction.ablation import (
    TableRequest,
    ablate,
    check_step,
    load_steps,
    load_view,
    plan_steps,
    plan_table,
    train_step,
)
from sentiprism.reproduction.published import PublishedTable, full_row, make_line
from sentiprism.training.engine import check_engine
from sentiprism.training.experiments import (
    OURS,
    Experiment,
    Row,
    dataset_of,
    default_settings,
    list_experiments,
    load_paper,
    other_form,
)
from sentiprism.training.options import TableOptions

HEAD = "plain head"
"""Name of the row of a plain head on the same text encoder."""
HEAD_MODEL = "text_only"
ABSENT = "not implemented here"


class Entry(NamedTuple):
    """A row of the table and its training settings."""

    row: Row
    settings: dict[str, Any] | None = None
    """Settings of a run; None if nothing is trained."""
    folder: str | None = None
    """Name of the run's folder; None = as in `ablate`."""
    note: str = ""


def reproduce(
    model: str,
    table: str,
    dataset: str | None = None,
    **options: Unpack[TableOptions],
) -> PublishedTable:
    """Train every row of a published table whose model is available, and compare published with measured.

    A row with settings is the paper's own model. Any other row is trained with the experiment file of that model for
    the same dataset, if the model is implemented. A plain head on the paper's text encoder is added. All are trained on
    one dataset. For a table with only the paper's own model, use `ablate`. Existing runs are used.

    Args:
        model: see ``list_models``.
        table: number, key or alias.
        dataset: a name in the store or a folder; by default the experiment's.
        options: see `TableOptions`; ``assignments`` of ``config`` only apply to the paper's own model. Runs in ``out``
            are named after their models, so that tables can share them. ``base`` is only for `ablate`.

    Raises:
        UserError: anything the user can fix; a row that was trained with other settings.
    """
    request = plan_table(model, table, dataset, options)
    options["assignments"] = assignments = tuple(options.get("assignments", ()))
    device, precision = options.get("device", "auto"), options.get("precision", "auto")
    papers = papers_on(str(request.paper.run["dataset"]))
    entries = [make_entry(request, model, row, papers, assignments) for row in request.rows]
    if not any(one.settings and one.row.settings is None for one in entries):
        return ablate(model, table, dataset, **options)
    base = _own(request, model, {}, assignments)
    entries.append(_head(request, base, assignments))
    check_engine(device, precision)
    view = load_view(base)
    folder = Path(options.get("out") or Path("runs") / f"reproduce-{view.name}")
    check_writable(folder / "row")
    rows = [Row(name=one.row.name, settings=one.settings, values=()) for one in entries]
    folders = {one.row.name: one.folder for one in entries if one.folder}
    steps = {step.row.name: step for step in plan_steps(rows, {}, view, folder, folders)}
    for step in steps.values():
        check_step(step, view, precision, more=True)
    for step in steps.values():
        train_step(step, view, device, precision, quiet=options.get("quiet", False))
    measured, whole = load_steps(steps.values(), device), full_row(base, request.rows)
    full = measured.get(whole.name) if whole else None
    lines = []
    for one in (entries[-1], *entries[:-1]):  # the plain head comes first
        measurable = steps.get(one.row.name)
        notes = [text for text in (one.note, measurable.note if measurable else "") if text]
        lines.append(make_line(one.row, measured.get(one.row.name), full, "; ".join(notes)))
    reference = whole.name if whole else "full"
    return PublishedTable(request.experiment, request.paper, request.key, view.name, tuple(lines), reference)


def make_entry(
    request: TableRequest, model: str, row: Row, papers: dict[str, Experiment], assignments: tuple[str, ...] = ()
) -> Entry:
    """Make the training settings of a row of a table.

    Args:
        request: the table.
        model: model of the paper.
        row: of the table.
        papers: experiments on the same dataset, see `papers_on`.
        assignments: as in `reproduce`.
    """
    if row.settings is not None:
        return Entry(row, _own(request, model, row.settings, assignments), None if row.settings else model)
    name = experiment_of(row.name, f"{model}_{request.key}", papers)
    if name is None:
        here, dataset = _model_of(row.name), request.paper.run["dataset"]
        return Entry(row, note=f"no published settings of {here} for {dataset} are here" if here else ABSENT)
    run = papers[name].run
    changes = override(request.changes, _common(assignments))
    settings = merge(run, changes)
    note = f"settings of {name}"
    if other_form(name, Path(settings["dataset"]).name):
        note += f", which are for {run['dataset']}"
    text, given = (one.get("data", {}).get("text", {}) for one in (settings, changes))
    if "frozen_layers" in text and "frozen_layers" not in given and {"mode", "encoder"} & {*given}:
        text = {key: value for key, value in text.items() if key != "frozen_layers"}
        settings = {**settings, "data": {**settings["data"], "text": text}}
        note += ", without the frozen layers of its own text encoder"
    return Entry(row, settings, settings["model"], note)


def papers_on(dataset: str) -> dict[str, Experiment]:
    """Experiments with published settings on a dataset in any form, by name."""
    names = (name for name in list_experiments() if dataset_of(name) == family(dataset) and OURS not in name)
    return {name: load_paper(name) for name in names}


def experiment_of(row: str, quoted: str, papers: dict[str, Experiment]) -> str | None:
    """Find the experiment with the settings of another model's row; None if there is none, or more than one.

    Args:
        row: its name in the table, ``MFN (A)`` for example.
        quoted: key of tables with the numbers that this table quotes, ``fine_table_4`` for example.
        papers: see `papers_on`.
    """
    for name, paper in papers.items():
        table = paper.published.get(quoted)
        if table is not None and any(one.name == row for one in table.rows):
            return name
    own = [name for name in papers if name.startswith(f"{_model_of(row)}/")]
    return own[0] if len(own) == 1 else None


def _model_of(row: str) -> str | None:
    """Find a model by its name in tables: ``tmt_amw`` for "TMT+AMW"."""
    name = re.sub(r"[^a-z0-9]+", "_", row.lower()).strip("_")
    return name if name in list_models() else None


def _own(request: TableRequest, model: str, settings: dict[str, Any], assignments: tuple[str, ...]) -> dict[str, Any]:
    """Settings of a row of the paper's own model; the row's changes come last."""
    start = merge(request.paper.run, {"model": model, **request.changes})
    return merge(override(start, assignments), settings)


def _head(request: TableRequest, base: dict[str, Any], assignments: tuple[str, ...]) -> Entry:
    """Entry of a plain head on the text encoder of the paper's own model, with this project's settings."""
    start = default_settings(HEAD_MODEL, str(request.paper.run["dataset"]))
    given: dict[str, Any] = {name: base[name] for name in ("dataset", "seeds", "data") if name in base}
    settings = override(merge(start, {**given, "model": HEAD_MODEL}), _common(assignments))
    row = Row(name=HEAD, values=(None,) * len(request.paper.published[request.key].columns))
    return Entry(row, settings, HEAD_MODEL, "a linear layer on the text encoder, with this project's settings")


def _common(assignments: tuple[str, ...]) -> list[str]:
    """Assignments that apply to any model."""
    return [text for text in assignments if re.split(r"[.=]", text, maxsplit=1)[0].strip() not in {"config", "model"}]
