"""Commands: models, train, evaluate."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.hints import OF_A_RUN, followed_by
from sentiprism.cli.options import Device, Json, OneModel, OneRun, Precision, Seeds, Split, option
from sentiprism.cli.resume import remember_run
from sentiprism.cli.tables import Cell, emit_json, number, side_by_side, table
from sentiprism.errors import UserError

if TYPE_CHECKING:
    from sentiprism.evaluation.measurement import Evaluation
    from sentiprism.metrics import Protocol
    from sentiprism.training.run import Run

OtherDataset = Annotated[
    str | None, option("NAME", "Evaluate on another dataset than the run's, by name or folder, without training.")
]


@followed_by("sentiprism train MODEL --dataset NAME (names: sentiprism dataset list)")
def models(
    name: Annotated[str | None, typer.Argument(metavar="MODEL", help="Show this one, with its deviations.")] = None,
    long: Annotated[bool, typer.Option("--long", help="With the titles of the papers.")] = False,
    as_json: Json = False,
) -> None:
    """List the models: publication, parameters, datasets with an experiment; with --long also the papers' titles.

    For one MODEL, show its paper and its deviations from it, with reasons.

    Parameters are counted without the text encoder, on word vectors of 300, audio of 74 and vision of 35.

    Examples:
        sentiprism models

        sentiprism models mdf

        sentiprism models --long

        sentiprism models --json
    """
    import torch

    from sentiprism.cli.model_details import show_model
    from sentiprism.models import MODELS, create_model
    from sentiprism.models.deviations import deviations_of
    from sentiprism.training.experiments import datasets_of
    from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

    def spec(width: int) -> ModalitySpec:
        return ModalitySpec(kind="features", width=width)

    features = FeatureSpec(text=spec(300), audio=spec(74), vision=spec(35))
    rows: list[dict[str, Any]] = []
    for one in [name] if name else MODELS:
        model = MODELS[one]
        with torch.device("meta"):
            parameters = sum(p.numel() for p in create_model(one, features, TargetSpec()).parameters())
        rows.append(
            {
                "name": one,
                **model.citation._asdict(),
                "parameters": parameters,
                "experiments": datasets_of(one),
                "plugin": MODELS.plugin_of(one),
            }
        )
    if name:
        deviations = deviations_of(MODELS.module_of(name))
        if not as_json:
            return show_model(rows[0], deviations)
        rows[0]["deviations"] = deviations and {"notes": deviations.notes, "rows": deviations.as_dicts()}
        return emit_json(rows[0])
    if as_json:
        return emit_json(rows)
    if long:
        papers = [(r["name"], f"{r['venue']} {r['year']}", r["title"]) for r in rows]
        return table("Models", ("name", "published", "paper"), papers)
    lines = [
        (r["name"], f"{r['venue']} {r['year']}", f"{r['parameters']:,}", ", ".join(r["experiments"]) or _origin(r))
        for r in rows
    ]
    return table(
        "Models",
        ("name", "published", "parameters", "experiments"),
        lines,
        "parameters: without text encoder, on 300 text, 74 audio and 35 vision features\n"
        "titles of the papers: sentiprism models --long",
        numbers=("parameters",),
        cut=("published", "experiments"),
    )


def _origin(row: dict[str, Any]) -> str:
    """Plugin of a model."""
    plugin = row["plugin"] or {}
    return f"plugin {plugin.get('file') or plugin.get('package')}" if plugin else ""


@followed_by("sentiprism explain {result}" + OF_A_RUN)
def train(
    model: OneModel = None,
    dataset: Annotated[str | None, option("NAME", "Name in the store, or its folder; or several names, A,B.")] = None,
    seeds: Seeds = None,
    init: Annotated[
        str | None,
        option(
            "RUN|MODEL|starter",
            "Start from the weights of this run or saved model, or of hf://OWNER/NAME@COMMIT; {seed} in a path stands "
            "for each seed.",
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        option("NAME", "Settings to start from: mdf/jian2026_mosi for example, or a YAML file."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        option("KEY=VALUE", "For example optim.batch_size=32; repeatable.", "--set"),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=3, max=1000, metavar="N", help="Cross-validate by video: one run per fold of the first dataset."
        ),
    ] = None,
    out: Annotated[Path | None, option("RUN", "Run folder; by default a new one under runs/.")] = None,
    resume: Annotated[Path | None, option("RUN", "Resume this run, or add --seeds to it.")] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write TensorBoard curves into the run.")
    ] = False,
    as_json: Json = False,
) -> Path:
    """Train a model with several seeds, select each epoch on valid, then measure on valid and test.

    With several datasets, the train splits of all are used, with labels mapped to the first one's scale; valid of the
    first one selects the epoch, and its test is evaluated. To evaluate on the others, use: sentiprism evaluate RUN
    --dataset NAME.

    With --folds each video is predicted by a model that was trained and selected without it, and all predictions are
    evaluated together. Their r is biased downwards, down to -0.4 for noise with a few videos: the higher the mean of
    the left-out videos, the lower that of train. So r within videos is reported too, and a stack on predictions of
    folds must be nested. The same command resumes.

    Examples:
        sentiprism train mdf --dataset mosi --seeds 5

        sentiprism train mdf --dataset mosi --set config.loss_weights.o=0

        sentiprism train --experiment mdf/jian2026_mosi

        sentiprism train mdf --dataset mosi --init runs/mdf-mosei-20260101-120000

        sentiprism train text_only --dataset mosi,mosei --set data.temperature=2

        sentiprism train mdf --dataset clips,mosi_text --folds 6

        sentiprism train --resume runs/mdf-mosi-20260101-120000

        sentiprism train --resume runs/mdf-mosi-20260101-120000 --seeds 10
    """
    from sentiprism.training.train import resume as resume_run
    from sentiprism.training.train import train as launch

    if resume is not None:
        if model or dataset or init or experiment or settings or out or folds:
            raise UserError(
                "--resume continues a run with its own settings",
                "give only --resume RUN, or with --seeds N to add seeds",
            )
        remember_run(resume)
        run = resume_run(resume, seeds=seeds, device=device, precision=precision, tensorboard=tensorboard)  # type: ignore[arg-type]
    elif folds is not None:
        from sentiprism.cli.folds import train_and_show_folds

        more: dict[str, Any] = {"seeds": seeds, "init": init, "experiment": experiment, "out": out}
        more |= {"assignments": settings or (), "device": device, "precision": precision}
        return train_and_show_folds(model, dataset, folds, more, tensorboard=tensorboard, as_json=as_json)
    else:
        run = launch(
            model,
            dataset,
            seeds=seeds,
            init=init,
            experiment=experiment,
            assignments=settings or (),
            out=out,
            device=device,
            precision=precision,  # type: ignore[arg-type]
            tensorboard=tensorboard,
            on_run=remember_run,
        )
    measured(run, device, as_json=as_json)
    return run.folder


@followed_by("sentiprism explain {run}" + OF_A_RUN)
def evaluate(
    run: OneRun,
    split: Split = "test",
    dataset: OtherDataset = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a run on a split: mean and standard deviation over its seeds, 95% bootstrap interval.

    On another dataset nothing is trained; intensities are mapped linearly between ranges, and modalities that the
    dataset lacks are masked.

    Examples:
        sentiprism evaluate runs/mdf-mosi-20260101-120000

        sentiprism evaluate runs/mdf-mosi-20260101-120000 --split valid --json

        sentiprism evaluate runs/mdf-mosi-20260101-120000 --dataset mosei
    """
    from sentiprism.evaluation.cross_corpus import evaluate_on
    from sentiprism.evaluation.evaluate import evaluate as measure

    found = measure(run, split, device=device) if dataset is None else evaluate_on(run, dataset, split, device=device)
    show_evaluations([found], run, as_json=as_json)


def measured(run: "Run", device: str, *, as_json: bool = False) -> None:
    """Measure a run on valid and test, and print both."""
    from sentiprism.evaluation.evaluate import evaluate as measure

    results = [measure(run, split, device=device) for split in ("valid", "test")]
    if os.environ.get("RANK", "0") == "0":
        show_evaluations(results, run.folder, as_json=as_json)


def show_evaluations(results: "list[Evaluation]", folder: Path, *, as_json: bool) -> None:
    """Print the evaluations of a run, or of the runs of folds."""
    if as_json:
        return emit_json([result.to_dict() for result in results])
    from sentiprism.evaluation.constant import NAME
    from sentiprism.evaluation.footnotes import footnotes
    from sentiprism.evaluation.within import LABEL

    first = results[0]
    metrics = first.protocol.metrics
    drawn = " and ".join(f"{one.drawn_over} of {one.split}" for one in results)
    caption = (
        f"{seeds_of(first)}; mean{' ± std over seeds' * (len(first.seeds) > 1)}\n95% bootstrap interval over {drawn}\n"
        f"selected: {first.selection}\nrun: {folder}"
    )
    if first.predictions[0].bounds:
        caption += "\npredictions with calibrated intervals: predictions-*.parquet in the seeds' folders"
    notes = dict.fromkeys(note for result in results for note in result.notes)
    caption = "\n".join([caption, *notes, *footnotes(results)])
    for result in results:
        columns: dict[str, list[Cell]] = {}
        within = [f"{LABEL} ↑"] * bool(result.within)
        if (constant := result.constant) is not None:
            shown = [constant.metrics[name].cells(metric.scale) for name, metric in metrics.items()]
            columns[NAME] = [*shown, *[("–",)] * len(within)]
        folds = [result.within.cells()] if result.within else []
        columns[f"{first.model}{result.mark}"] = [*(cell(result, name) for name in metrics), *folds]
        title, below = f"{first.model} on {first.dataset}, {result.split}", caption if result is results[-1] else ""
        side_by_side(title, [*heads(first.protocol), *within], columns, below)
    if first.recovery:
        columns = {result.split: [(number(value),) for value in result.recovery.values()] for result in results}
        caption = "Spearman's rank correlation over utterances that have all modalities, mean over seeds"
        side_by_side("Modality weights against planted contributions", list(first.recovery), columns, caption)
    return None


def seeds_of(result: "Evaluation") -> str:
    """Number of seeds of a result, as a text."""
    return f"{len(result.seeds)} seed{'s' * (len(result.seeds) > 1)}"


def heads(protocol: "Protocol") -> list[str]:
    """Headings of metrics with the better direction."""
    return [f"{metric.label} {'↑' if metric.higher_is_better else '↓'}" for metric in protocol.metrics.values()]


def cell(result: "Evaluation", name: str) -> Cell:
    """Cell of a metric of a result."""
    return result.metrics[name].cells(result.protocol.metrics[name].scale)
