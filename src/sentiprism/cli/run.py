"""Verbs that train and measure: models, train, evaluate, compare, demo."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.tables import emit_json, number, table
from sentiprism.errors import UserError

if TYPE_CHECKING:
    from sentiprism.evaluation import Evaluation

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Split = Annotated[str, typer.Option(help="train, valid or test.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]


def models(as_json: Json = False) -> None:
    """List the models: paper, year, parameters, datasets with an experiment.

    Parameters are counted without the text encoder, on word vectors of 300, audio of 74 and vision of 35.
    """
    import torch

    from sentiprism.models import MODELS, create_model
    from sentiprism.training.experiments import datasets_of
    from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

    def spec(width: int) -> ModalitySpec:
        return ModalitySpec(kind="features", width=width)

    features = FeatureSpec(text=spec(300), audio=spec(74), vision=spec(35))
    rows: list[dict[str, Any]] = []
    for name, model in MODELS.items():
        with torch.device("meta"):
            parameters = sum(p.numel() for p in create_model(name, features, TargetSpec()).parameters())
        rows.append(
            {
                "name": name,
                **model.citation._asdict(),
                "parameters": parameters,
                "experiments": datasets_of(name),
            }
        )
    if as_json:
        return emit_json(rows)
    return table(
        "Models",
        ("name", "paper", "year", "parameters", "experiments"),
        [
            (
                r["name"],
                r["title"],
                f"{r['venue']} {r['year']}",
                f"{r['parameters']:,}",
                ", ".join(r["experiments"]),
            )
            for r in rows
        ],
    )


def train(
    model: Annotated[str | None, typer.Argument(help="See: sentiprism models.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Name in the store, or its folder.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many seeds, from 1111 on.")] = None,
    experiment: Annotated[
        str | None,
        typer.Option(help="Settings to start from: a name such as mdf/jian2026_mosi, or a YAML file."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value, for example optim.batch_size=32; repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default a new one under runs/.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this run.")] = None,
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="auto, no, bf16, fp16.")] = "auto",
    tensorboard: Annotated[bool, typer.Option(help="Also write TensorBoard curves into the run.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model with several seeds, select each epoch on valid, then measure on valid and test.

    Examples:
        sentiprism train mdf --dataset mosi --seeds 5

        sentiprism train mdf --dataset mosi --set optim.batch_size=32 --set config.loss_weights.o=0

        sentiprism train --resume runs/mdf-mosi-20260101-120000
    """
    from sentiprism.evaluation import evaluate as measure
    from sentiprism.training import resume as go_on
    from sentiprism.training import train as launch

    if resume is not None:
        if model or dataset or seeds or experiment or settings or out:
            raise UserError("--resume goes on with a run as it was begun", "give --resume RUN alone")
        run = go_on(resume, device=device, precision=precision, tensorboard=tensorboard)  # type: ignore[arg-type]
    else:
        run = launch(
            model,
            dataset,
            seeds=seeds,
            experiment=experiment,
            assignments=settings or (),
            out=out,
            device=device,
            precision=precision,  # type: ignore[arg-type]
            tensorboard=tensorboard,
        )
    results = [measure(run, split, device=device) for split in ("valid", "test")]
    if os.environ.get("RANK", "0") == "0":
        _report(results, as_json=as_json)


def evaluate(run: Path, split: Split = "test", device: Device = "auto", as_json: Json = False) -> None:
    """Measure a run on a split: mean and deviation over its seeds, 95% interval over the utterances.

    Example: sentiprism evaluate runs/mdf-mosi-20260101-120000 --split test
    """
    from sentiprism.evaluation import evaluate as measure

    _report([measure(run, split, device=device)], as_json=as_json)


def compare(runs: list[Path], split: Split = "test", device: Device = "auto", as_json: Json = False) -> None:
    """Show runs side by side, and what each differs from the first, by paired bootstrap.

    Example: sentiprism compare runs/full runs/without-w runs/text-only
    """
    from sentiprism.evaluation import compare as side_by_side

    found = side_by_side(runs, split, device=device)
    if as_json:
        return emit_json(found.to_dict())
    first = found.evaluations[0]
    metrics = first.protocol.metrics
    columns = ("run", "seeds", *(f"{m.label} {'↑' if m.higher_is_better else '↓'}" for m in metrics.values()))
    rows = [
        (e.run, str(len(e.seeds)), *(_cell(e, name, split_lines=True) for name in metrics)) for e in found.evaluations
    ]
    caption = f"{first.dataset}, {split}: mean ± deviation over seeds, 95% interval over utterances; {first.selection}"
    table("Comparison", columns, rows, caption)
    if found.differences:
        rows = [
            (
                e.run,
                *(
                    f"{number(d[name].mean, m.scale)}\n[{number(d[name].low, m.scale)}, {number(d[name].high, m.scale)}]"
                    f"\np = {d[name].p:.3f}"
                    for name, m in metrics.items()
                ),
            )
            for e, d in zip(found.evaluations[1:], found.differences, strict=True)
        ]
        table(
            f"Difference from {first.run}",
            ("run", *columns[2:]),
            rows,
            "paired bootstrap over the same utterances",
        )
    return None


def demo(seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 2, device: Device = "auto") -> None:
    """Train and measure MDF on the built-in synthetic dataset, where the right answer is known."""
    from sentiprism.data.synthetic import synthetic_dataset
    from sentiprism.evaluation import evaluate as measure
    from sentiprism.training import train as launch

    dataset = synthetic_dataset()
    run = launch("mdf", dataset.name, seeds=seeds, device=device)
    _report([measure(run, split, device=device) for split in ("valid", "test")], as_json=False)


def _report(results: "list[Evaluation]", *, as_json: bool) -> None:
    if as_json:
        return emit_json([result.to_dict() for result in results])
    first = results[0]
    rows = [
        (f"{metric.label} {'↑' if metric.higher_is_better else '↓'}", *(_cell(r, name) for r in results))
        for name, metric in first.protocol.metrics.items()
    ]
    caption = (
        f"{len(first.seeds)} seed(s): mean ± deviation over seeds, 95% bootstrap interval over utterances\n"
        f"selected: {first.selection}\nrun: {first.run}"
    )
    for result in results:
        if result.recovery:
            pairs = ", ".join(f"{name} {value:.2f}" for name, value in result.recovery.items())
            caption += f"\n{result.split}: rank correlation of weights with planted contributions: {pairs}"
    return table(f"{first.model} on {first.dataset}", ("metric", *(r.split for r in results)), rows, caption)


def _cell(result: "Evaluation", name: str, *, split_lines: bool = False) -> str:
    value, scale = result.metrics[name], result.protocol.metrics[name].scale
    spread = "" if len(result.seeds) == 1 else f" ± {number(value.std, scale)}"
    gap = "\n" if split_lines else "  "
    return f"{number(value.mean, scale)}{spread}{gap}[{number(value.low, scale)}, {number(value.high, scale)}]"
