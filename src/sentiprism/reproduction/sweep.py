"""Train a model once for each value of a setting."""

import re
from pathlib import Path
from typing import Any, Unpack

from sentiprism.config import merge, override
from sentiprism.data.binned import binned
from sentiprism.data.names import resolve_folders
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.files import check_writable
from sentiprism.reproduction.ablation import base_settings, check_step, plan_steps, train_step
from sentiprism.reproduction.published import find_experiment
from sentiprism.training.config import RunConfig
from sentiprism.training.engine import check_engine
from sentiprism.training.experiments import Row, load_experiment
from sentiprism.training.options import TableOptions

RANGE = re.compile(r"(-?[0-9]{1,9})\.\.(-?[0-9]{1,9})")
MOST = 100
"""Most values of a sweep."""


def sweep(
    model: str,
    over: str,
    dataset: str | None = None,
    **options: Unpack[TableOptions],
) -> tuple[Path, ...]:
    """Train one run for each value; existing runs are used, as in `ablate`.

    Args:
        model: see ``list_models``.
        over: ``config.depth=1..6`` or ``optim.lr=1e-4,1e-3``, see `parse_values`.
        dataset: a name in the store or a folder; by default the experiment's.
        options: see `TableOptions`; ``experiment`` has the base settings, ``out`` gets a folder for each value.

    Returns:
        The run of each value, in order.

    Raises:
        UserError: anything the user can fix; a value that was trained with other settings.
    """
    key, values = parse_values(over)
    experiment, base, encoder = options.get("experiment"), options.get("base"), options.get("encoder")
    device, precision = options.get("device", "auto"), options.get("precision", "auto")
    if experiment is None and dataset is None:
        raise UserError("a sweep needs a dataset", "give `dataset` or `experiment`")
    if base is None or experiment is not None:
        paper = load_experiment(experiment or find_experiment(model, Path(str(dataset)).name)).run
    else:
        paper = {}
    if dataset is not None:
        dataset = resolve_folders(dataset)
    given = {"model": model, "dataset": dataset or paper["dataset"], "seeds": options.get("seeds")}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if encoder is not None:
        changes["data"] = {"text": {"encoder": encoder}}
    start = base_settings(base, paper, model, Path(changes["dataset"]).name)
    settings = override(merge(start, changes), options.get("assignments", ()))
    rows = tuple(Row(name=f"{key}={value}", settings=override({}, [f"{key}={value}"]), values=()) for value in values)
    check_engine(device, precision)
    config = RunConfig.parse(settings, "run configuration")
    view = binned(load_dataset(config.dataset).tuning(), config.data.bins)
    folder = Path(options.get("out") or Path("runs") / f"sweep-{model}-{view.name}-{key}")
    check_writable(folder / "row")
    steps = plan_steps(rows, settings, view, folder)
    for number, step in enumerate(steps):
        if step.folder is None or step.folder in [one.folder for one in steps[:number]]:
            raise UserError(f"{step.row.name}: {step.note}", "leave the value out")
        check_step(step, view, precision, more=True)
    for step in steps:
        train_step(step, view, device, precision, quiet=options.get("quiet", False))
    return tuple(step.folder for step in steps if step.folder is not None)


def parse_values(over: str) -> tuple[str, list[str]]:
    """Parse a key and its values: ``KEY=FIRST..LAST`` of whole numbers, inclusive, or ``KEY=A,B,C``.

    Raises:
        UserError: it is neither, has a value twice, or has more than `MOST` values.
    """
    key, sign, text = (part.strip() for part in over.partition("="))
    if not (key and sign and text):
        raise UserError(f"{over!r} is not a sweep", "write it as KEY=FIRST..LAST or KEY=A,B,C, config.depth=1..6")
    if (found := RANGE.fullmatch(text)) is not None:
        first, last = int(found[1]), int(found[2])
        count = last - first + 1
        values = [str(value) for value in range(first, last + 1)] if 2 <= count <= MOST else []
    else:
        values = [value.strip() for value in text.split(",")]
        count = len(values)
    if not 2 <= count <= MOST or not all(values) or len(set(values)) < len(values):
        raise UserError(f"{text!r} is not a list of different values", f"give 2 to {MOST}: 1..6, or a,b,c")
    return key, values
