"""Make the page of results from run folders."""

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from math import nan
from pathlib import Path
from statistics import mean, stdev
from types import MappingProxyType
from typing import Any, NamedTuple

from sentiprism.data.known import describe
from sentiprism.errors import UserError, few
from sentiprism.evaluation.compare import difference
from sentiprism.evaluation.constant import NAME
from sentiprism.evaluation.differences import Difference, holm
from sentiprism.evaluation.evaluate import load_evaluation
from sentiprism.evaluation.footnotes import footnotes
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.evaluation.predictions import training_seconds
from sentiprism.evaluation.resampling import FEW
from sentiprism.evaluation.within import LABEL
from sentiprism.models import MODELS
from sentiprism.models.artifact import count_parameters, describe_model
from sentiprism.reproduction.command import trained_by
from sentiprism.reproduction.folds import pooled
from sentiprism.reproduction.robustness_table import damaged
from sentiprism.tables import duration, markdown, number, probability
from sentiprism.training.run import Run

ABSENT = "–"
HEAD = f"""# Results

Made by `sentiprism results RUN... --out FILE` from run folders; edits are lost. Mean ± std over seeds, in brackets the
95% bootstrap interval over the videos of test (over its utterances where their videos are not known; each table says
which); percentages where a metric is a share. *Valid* is the mean score that chose the epochs. *Less text_only* is the
paired bootstrap difference from the plain head on the same dataset and encoder: what a system adds to its encoder;
where none was trained the linear model is the reference, on the same inputs if it has them. Its p is that of one
comparison; *Holm* is p corrected over all runs of the table that are compared with the reference. Of fewer than {FEW}
videos nothing is tested: there is no p, and no mark. *Training* is the time of all epochs of a seed without validation,
mean over seeds."""

REFERENCES = ("text_only", "ridge")
"""What the others are held against: the first of them that stands in the same table."""


class Result(NamedTuple):
    """What a run folder says of itself on test."""

    run: Run
    evaluation: Evaluation
    inputs: str
    """Modalities it was fed, and its text encoder."""
    parameters: int
    """Trained with the run; a frozen encoder is not among them."""
    seconds: float
    """Mean over seeds of all epochs together."""
    command: str
    """Trains it again."""
    valid: tuple[str, list[float]]
    """Metric that chose the epochs, and its value a seed (and fold)."""
    reader: str = ""
    """Text encoder, and whether it was trained; "" where the text is features."""
    reference: str = ""
    """Model that the others of its table are held against."""
    difference: dict[str, Difference] | None = None
    """From the reference run; None where it is the reference itself, or there is none."""
    corrected: float = nan
    """p of the difference on the protocol's own metric, corrected over the runs of its table (Holm)."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self.evaluation.to_dict(),
            "folder": str(self.run.folder),
            "inputs": self.inputs,
            "parameters": self.parameters,
            "seconds": self.seconds,
            "command": self.command,
            "valid": {self.valid[0]: self.valid[1]},
            "reference": self.reference,
            "difference": {k: d._asdict() for k, d in self.difference.items()} if self.difference else None,
            "p_corrected": self.corrected,
            "environment": self.run.environment,
        }


def gather(
    folders: Iterable[Path | str],
    *,
    reference: str | None = None,
    device: str = "auto",
    on_fault: Callable[[Path, UserError], object] | None = None,
) -> list[Result]:
    """Read runs, and what each differs in from the reference's run on the same dataset and text encoder.

    Args:
        folders: run folders, or folders with runs below them.
        reference: model the others are held against; by default the first of `REFERENCES` that is there.
        device: for runs that were not evaluated yet.
        on_fault: is told of a run that cannot be read or has no finished seed, and why; it is left out. By default
            a run that cannot be read is an error.

    Returns:
        By dataset, the reference first, then in the order of their names.

    Raises:
        UserError: there is no finished run, or no such model.
    """
    told: dict[Path, UserError] = {}

    def leave_out(folder: Path, error: UserError) -> None:
        if on_fault is None:
            raise error
        told[folder] = error
        on_fault(folder, error)

    if reference:
        MODELS.check(reference)
    wanted = (reference,) if reference else REFERENCES
    given = [Path(folder) for folder in folders]
    found = dict.fromkeys(path.parent for folder in given for path in sorted(folder.rglob("run.yaml")))
    read: list[Result] = []
    for folder in found:
        try:
            run = Run(folder)
            if run.finished:
                read.append(_read(run, device))
            elif on_fault is not None:
                Run.open(run)  # says what it lacks
        except UserError as error:
            leave_out(folder, error)
    if not read:
        first = next(iter(told.values()), None)
        if first is not None:
            raise UserError(f"no run can be read: {first.cause}", first.remedy)
        raise UserError(f"no finished run in {few(map(str, given))}", "give run folders")
    results = pooled(read)
    there = {(_table(one), one.evaluation.model) for one in results}
    named = {table: next((name for name in wanted if (table, name) in there), wanted[0]) for table, _ in there}
    results = [one._replace(reference=named[_table(one)]) for one in results]
    results.sort(key=lambda one: (*_table(one), one.evaluation.model != one.reference, one.run.name))
    compared: list[Result] = []
    for one in results:
        try:
            compared.append(one._replace(difference=_from_reference(one, results)))
        except UserError as error:  # predictions of other utterances than the reference has
            leave_out(one.run.folder, error)
    return _corrected(compared)


def page(results: list[Result], left_out: Mapping[str, str] = MappingProxyType({})) -> str:
    """Write the page as Markdown: for each dataset a table, the selection rule and the commands.

    Args:
        results: as `gather` gives them.
        left_out: by run that could not be read, why.
    """
    parts = [HEAD]
    for key, group in groupby(results, key=_table):
        parts += _section(key, list(group))
    if left_out:
        lines = (f"- {name}: {reason}" for name, reason in left_out.items())
        parts.append("\n".join(["## Left out", "", *lines]))
    return "\n\n".join(parts) + "\n"


def _read(run: Run, device: str) -> Result:
    model = run.model_folder(run.finished[0])
    evaluation = load_evaluation(run, device=device)
    select = run.config.optim.select or evaluation.protocol.default_selection
    valid = select, run.valid_scores(select)
    inputs, reader = _inputs(run, model)
    return Result(
        run, evaluation, inputs, count_parameters(model), training_seconds(run), trained_by(run), valid, reader
    )


def _inputs(run: Run, model: Path) -> tuple[str, str]:
    """Modalities with the text's reader, and the reader alone."""
    described = describe_model(model)
    config = MODELS[described.model].Config.parse(described.config, f"{model}: config")
    present = [name for name in described.features.present() if name in config.modalities]
    text, encoder, reader = described.features.text, run.config.data.text.encoder, ""
    if text is not None and text.encoder and encoder is not None:
        reader = f"{Path(encoder).name}, {'tuned' if text.kind == 'tokens' else 'frozen'}"
    return ", ".join(f"text ({reader or 'features'})" if name == "text" else name for name in present), reader


def _from_reference(one: Result, results: list[Result]) -> dict[str, Difference] | None:
    def data(of: Result) -> tuple[Any, ...]:
        text = of.run.config.data.text if of.reader else None
        return of.run.environment["dataset"]["content"], text, of.evaluation.dataset

    fitting = [other for other in results if other.evaluation.model == one.reference and data(other) == data(one)]
    if not fitting or one.evaluation.model == one.reference:
        return None
    best = max(fitting, key=lambda other: (other.inputs == one.inputs, len(other.evaluation.seeds)))
    return difference(one.evaluation, best.evaluation)


def _corrected(results: list[Result]) -> list[Result]:
    """With p-values corrected for how many runs of a table are compared with its reference."""
    found: dict[int, float] = {}
    for table in dict.fromkeys(map(_table, results)):
        main = {
            str(i): one.difference[one.evaluation.protocol.default_selection].p
            for i, one in enumerate(results)
            if _table(one) == table and one.difference is not None
        }
        found |= {int(i): p for i, p in holm(main).items()}
    return [one._replace(corrected=found.get(i, nan)) for i, one in enumerate(results)]


class Key(NamedTuple):
    """What the runs of one table share; those of others are not comparable with them."""

    dataset: str
    reader: str
    """Text encoder, and whether it was trained."""
    protocol: str
    content: str


def _table(one: Result) -> Key:
    content = one.run.environment["dataset"]["content"]
    return Key(one.evaluation.dataset, one.reader, one.evaluation.protocol.name, content)


def _section(key: Key, results: list[Result]) -> list[str]:
    evaluations = [one.evaluation for one in results]
    protocol, known = evaluations[0].protocol, describe(key.dataset)
    metrics = dict(protocol.metrics)
    main, folds = protocol.default_selection, any(one.within for one in evaluations)
    columns = [
        "run", "model", "seeds", "inputs",
        *(f"{metric.label} {'↑' if metric.higher_is_better else '↓'}" for metric in metrics.values()),
        *[f"{LABEL} ↑"] * folds,
        "valid", f"{metrics[main].label} less {results[0].reference}", "parameters", "training",
    ]  # fmt: skip
    rows = []
    if (constant := next((one.constant for one in evaluations if one.constant), None)) is not None:
        shown = ("<br>".join(constant.metrics[name].cells(metric.scale)) for name, metric in metrics.items())
        rows.append([NAME, *[ABSENT] * 3, *shown, *[ABSENT] * (4 + folds)])
    for one in results:
        name, scores = one.valid
        scale = metrics[name].scale
        spread = f" ± {number(stdev(scores), scale)}" if len(scores) > 1 else ""
        rows.append(
            [
                one.run.name + one.evaluation.mark,
                one.evaluation.model,
                str(len(one.evaluation.seeds)),
                one.inputs,
                *("<br>".join(one.evaluation.metrics[n].cells(m.scale)) for n, m in metrics.items()),
                *["<br>".join(one.evaluation.within.cells()) if one.evaluation.within else ABSENT] * folds,
                f"{number(mean(scores), scale)}{spread}",
                "<br>".join(_difference_cells(one, main)) if one.difference else ABSENT,
                f"{one.parameters / 1e6:.2f} M",
                duration(one.seconds),
            ]
        )
    notes = [
        f"intervals over {', or '.join(dict.fromkeys(one.drawn_over for one in evaluations))}",
        *(f"selection: {rule}" for rule in dict.fromkeys(one.selection for one in evaluations)),
        f"trained on {', or '.join(dict.fromkeys(_machine(one.run.environment) for one in results))}",
        *footnotes(evaluations),
    ]
    commands = "\n".join(f"    {one.command}  # {one.run.name}" for one in results)
    title = (known.title if known else key.dataset) + (f" (text encoder: {key.reader})" if key.reader else "")
    said = "\n".join(f"- {note}" for note in notes)
    return [
        f"## {title}",
        markdown(columns, rows),
        said,
        commands,
        *damaged([(one.run, one.evaluation.dataset) for one in results], main),
    ]


def _difference_cells(one: Result, metric: str) -> tuple[str, ...]:
    assert one.difference is not None  # noqa: S101 - for mypy
    scale = one.evaluation.protocol.metrics[metric].scale
    return (*one.difference[metric].cells(scale), probability("Holm", one.corrected))


def _machine(environment: dict[str, Any]) -> str:
    threads = environment["threads"]
    device = environment.get("gpu") or f"{environment['device']}, {threads} thread{'s' * (threads > 1)}"
    precision = environment["precision"]
    return device if precision == "no" else f"{device} ({precision})"
