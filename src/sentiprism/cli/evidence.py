"""Commands: compare, robustness, calibrate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import (
    FORMATS,
    KINDS,
    MODALITIES,
    MOST_SEED,
    Device,
    Fresh,
    Json,
    OneRun,
    Split,
    choice,
    option,
)
from sentiprism.cli.run import cell, heads, seeds_of
from sentiprism.cli.tables import Cell, emit_json, number, points, side_by_side, table
from sentiprism.errors import UserError

if TYPE_CHECKING:
    from sentiprism.evaluation.calibration import Calibrated, Coverage
    from sentiprism.evaluation.compare import Comparison
    from sentiprism.evaluation.robustness_curves import Robustness


@followed_by("sentiprism figure runs {runs}")
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of runs.")],
    split: Split = "test",
    reference: Annotated[Path | None, option("RUN", "Reference of the comparison; by default the first.")] = None,
    oracle: Annotated[
        bool,
        typer.Option("--oracle", help="Also show what selection on test would report (oracle=true in train)."),
    ] = False,
    form: Annotated[
        str | None, typer.Option("--format", **choice("format", FORMATS), help="Print one table in this format.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Compare runs by metrics and cost, with paired bootstrap differences from one of them.

    Examples:
        sentiprism compare runs/full runs/without-w runs/text-only

        sentiprism compare runs/* --reference runs/text-only --format latex

        sentiprism compare runs/full --oracle
    """
    if form is not None and as_json:
        raise UserError("--format and --json are two output formats", "give one of them")
    from sentiprism.evaluation.compare import check_form
    from sentiprism.evaluation.compare import compare as side

    if form is not None:
        check_form(form)
    found = side(runs, split, reference=reference, oracle=oracle, device=device)
    if as_json:
        return emit_json(found.to_dict())
    return show_comparison(found) if form is None else typer.echo(found.render(form))


def show_comparison(found: "Comparison") -> None:
    """Print runs side by side."""
    from sentiprism.evaluation.constant import NAME
    from sentiprism.evaluation.footnotes import footnotes
    from sentiprism.evaluation.oracle import ORACLE
    from sentiprism.tables import duration, probability

    first = found.evaluations[0]
    metrics, rows = first.protocol.metrics, heads(first.protocol)
    title = f"{first.dataset}, {first.split}"
    shown: dict[str, list[Cell]] = {}
    if (constant := found.constant) is not None:
        shown[NAME] = [constant.metrics[name].cells(metric.scale) for name, metric in metrics.items()]
    for one in found.entries:
        shown[f"{one.name} ({seeds_of(one.evaluation)}){one.evaluation.mark}"] = [
            cell(one.evaluation, metric) for metric in metrics
        ]
        if one.oracle:
            chosen = [one.oracle[name].cells(m.scale)[:1] for name, m in metrics.items()]
            shown[f"{one.name} †"] = [*chosen]
    rules = "\n".join(dict.fromkeys(one.selection for one in found.evaluations))
    caption = f"mean ± std over seeds, 95% bootstrap interval over {first.drawn_over}\n{rules}"
    oracle = [ORACLE] * any(one.oracle is not None for one in found.entries)
    side_by_side(title, rows, shown, "\n".join([caption, *oracle, *footnotes(found.evaluations)]))
    if found.differences:
        apart: dict[str, list[Cell]] = {
            one.name: [
                (*one.difference[name].cells(m.scale), probability("Holm", one.difference[name].holm))
                for name, m in metrics.items()
            ]
            for one in found.entries
            if one.difference
        }
        tested = bool(found.tests)
        caption = f"95% interval{' and p' * tested} by paired bootstrap over the same {first.drawn_over}"
        caption += f"\n{found.correction}" * tested
        side_by_side(f"difference from {found.reference}", rows, apart, caption)
    costs = [
        (e.name, f"{e.parameters:,}", duration(e.seconds), e.evaluation.selection.partition(";")[0])
        for e in found.entries
    ]
    columns = ("run", "parameters", "training", "selected")
    table("Cost", columns, costs, "training: of a seed, without validation", numbers=("parameters", "training"))


@followed_by("sentiprism figure robustness {run}")
def robustness(
    run: OneRun,
    split: Split = "test",
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            **choice("kind of corruption", KINDS, "NAME"),
            help="missing, swap, noise, frames, delay, words; repeatable.",
        ),
    ] = None,
    modalities: Annotated[
        list[str] | None,
        typer.Option("--modality", **choice("modality", MODALITIES), help="Modality to corrupt; repeatable."),
    ] = None,
    metric: Annotated[
        str | None,
        option("NAME", "Metric to show, or weight: of the corrupted modality; by default the protocol's own."),
    ] = None,
    count: Annotated[int, typer.Option("--points", min=2, max=101, metavar="N", help="Strengths on a curve.")] = 6,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, metavar="N", help="Random seed of the corruption.")] = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Corrupt the inputs, one modality at a time, and show a metric by strength, with 95% intervals.

    All metrics are stored in RUN/robustness-SPLIT.json, for 'figure robustness'.

    Examples:
        sentiprism robustness runs/mdf-mosi

        sentiprism robustness runs/mdf-mosi --kind missing --kind words

        sentiprism robustness runs/mdf-mosi --modality audio --points 11

        sentiprism robustness runs/mdf-mosi --metric weight
    """
    from sentiprism.evaluation.robustness import robustness as measure
    from sentiprism.evaluation.robustness_curves import WEIGHT
    from sentiprism.training.run import Run

    opened = Run(run)
    scorer = opened.protocol
    metric = metric or scorer.default_selection
    if metric != WEIGHT:
        scorer.higher_is_better(metric)  # refuses an unknown metric before measuring
    found = measure(
        opened,
        split,
        kinds=kinds or (),
        modalities=modalities or (),
        points=count,
        seed=seed,
        device=device,
        on_replaced=lambda line: typer.echo(line, err=True),
    )
    if as_json:
        return emit_json(found.to_dict())
    return _show_weights(found) if metric == WEIGHT else _show_robustness(found, metric)


def _show_robustness(found: "Robustness", metric: str) -> None:
    from sentiprism.data.corruption import TITLES

    chosen = found.protocol.metrics[metric]
    heading = f"{chosen.label} {'↑' if chosen.higher_is_better else '↓'}"
    kinds = list(dict.fromkeys(curve.kind for curve in found.curves))
    for kind in kinds:
        curves = [curve for curve in found.curves if curve.kind == kind]
        places = range(len(curves[0].points))
        constant = [found.constant[metric].cells(chosen.scale)]
        columns = {
            f"{curve.modality}": constant + [curve.cells(place, metric, chosen.scale) for place in (*places, -1)]
            for curve in curves
        }
        rows = ["constant", *(f"{strength:g}" for strength in curves[0].strengths), "area"]
        title = f"{found.model} on {found.dataset}, {found.split}: {heading}, {TITLES[kind]}"
        caption = (
            f"mean{' ± std over seeds' * (len(found.seeds) > 1)}, 95% bootstrap interval over "
            f"{found.drawn_over}; area: mean over the strengths ({found.grids})\n{found.selection}"
        )
        if kind == kinds[-1]:
            caption = "\n".join([caption, *found.notes(), *found.protocol.footnotes([metric])])
        side_by_side(title, rows, columns, caption, stub="strength")


def _show_weights(found: "Robustness") -> None:
    """Print the weight of the corrupted modality by strength, one table per kind of corruption."""
    from sentiprism.data.corruption import TITLES

    found.check_weights()
    for kind in dict.fromkeys(curve.kind for curve in found.curves):
        curves = [curve for curve in found.curves if curve.kind == kind]
        columns: dict[str, list[Cell]] = {
            f"{curve.modality}": [(number(weights[curve.modality]),) for weights in curve.weights] for curve in curves
        }
        title = f"{found.model} on {found.dataset}, {found.split}: weight of the corrupted modality, {TITLES[kind]}"
        caption = "mean over seeds and utterances; the weights of an utterance's modalities sum to 1"
        side_by_side(title, [f"{one:g}" for one in curves[0].strengths], columns, caption, stub="strength")


@followed_by("sentiprism figure reliability {run}")
def calibrate(
    run: OneRun,
    level: Annotated[float, option("SHARE", "Nominal coverage.")] = 0.9,
    scaled: Annotated[
        bool, typer.Option("--scaled", help="Let the width depend on the predicted intensity; uses half of valid.")
    ] = False,
    split: Fresh = "test",
    show: Annotated[int, typer.Option(min=0, metavar="N", help="Also print this many predictions.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a calibration with other settings.")] = False,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Fit prediction intervals (or sets of classes) on valid by split conformal prediction, and measure their coverage.

    They are stored with the saved models, and as columns low and high (or set) of the Parquet files of predictions.

    An existing calibration is kept unless --replace is given.

    Examples:
        sentiprism calibrate runs/mdf-mosi

        sentiprism calibrate runs/mdf-mosi --level 0.8 --scaled --show 5
    """
    from sentiprism.evaluation.calibration import calibrate as measure

    found = measure(run, split, level=level, scaled=scaled, replace=replace, device=device)
    return emit_json(found.to_dict()) if as_json else _show_calibrated(found, show)


def _show_calibrated(found: "Calibrated", show: int) -> None:
    from sentiprism.evaluation.resampling import drawn_over

    first = found.calibrations[0]
    sets = first.kind == "set"
    size, counts = "classes in the set" if sets else "mean width", found.groups | found.classes
    counts |= {f"only {name.replace('+', ' + ')}": one for name, one in found.only.items()}

    def line(name: str, one: "Coverage") -> tuple[str, ...]:
        share, *between = one.coverage.cells(100)
        return name, f"{one.utterances:,}", share, *(between or [""]), number(one.size)

    columns = ("label", "utterances", "covered, %", "95% interval", size)
    share = f"{100 * first.level:g}%"
    caption = (
        f"{share} {'sets' if sets else 'intervals'} by split conformal prediction on {first.samples} utterances of "
        f"valid, which also selected the epoch\n95% bootstrap interval over {drawn_over(found.predictions[0].videos)}"
        "; for 0 and 100% the one-sided interval of Clopper and Pearson\n"
        f"{found.selection}"
    )
    title = f"{found.model} on {found.dataset}, {found.split}: how often the label is inside"
    table(title, columns, [line(*item) for item in counts.items()], caption, numbers=columns[1:])
    if found.remarks:
        points("Remarks", found.remarks)
    answer = found.predictions[0]
    if show and not sets:
        low, high = answer.bounds["low"], answer.bounds["high"]
        shown = ("utterance", "label", "prediction", f"{share} interval")
        rows = [
            (
                str(answer.ids[i]),
                number(answer.label[i]),
                number(answer.prediction[i]),
                f"[{low[i]:.3f}, {high[i]:.3f}]",
            )
            for i in range(min(show, len(answer.ids)))
        ]
        table(f"Predictions, seed {found.seeds[0]}", shown, rows, numbers=shown[1:])
    elif show:
        names = list(found.classes) or [str(i) for i in range(answer.prediction.shape[1])]
        rows = [
            (
                str(answer.ids[i]),
                names[int(answer.label[i])],
                names[int(answer.prediction[i].argmax())],
                ", ".join(name for name, inside in zip(names, answer.bounds["set"][i], strict=True) if inside),
            )
            for i in range(min(show, len(answer.ids)))
        ]
        table(f"Predictions, seed {found.seeds[0]}", ("utterance", "label", "prediction", f"{share} set"), rows)
