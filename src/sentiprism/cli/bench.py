"""Command: bench."""

from typing import Annotated

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Device, Json, choice, option
from sentiprism.cli.tables import emit_json, points, table

HEADINGS = ("model", "parameters", "G MAC", "s/step", "ratio", "ms, 1", "ms, 32", "peak MB")
FORMS = {
    "padded": "padded as distributed",
    "real": "lengths of MOSI's texts, batches of similar length",
}


@followed_by("sentiprism train MODEL --dataset NAME")
def bench(
    models: Annotated[list[str] | None, typer.Argument(metavar="MODEL", help="By default all.")] = None,
    experiment: Annotated[
        list[str] | None,
        option("NAME", "Measure its model with its settings and shapes; repeatable."),
    ] = None,
    encoder: Annotated[
        str | None,
        option(
            "NAME", "minilm, mpnet, bert-base (random weights), none, a folder; by default minilm, or the experiment's."
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1, max=4096, metavar="N", help="Utterances per training step; by default 16, or the experiment's."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Number of different batches to time.")] = 5,
    rounds: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Repetitions of each; the median is used.")
    ] = 3,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, metavar="N", help="By default one per core.")] = None,
    precision: Annotated[
        str, typer.Option(**choice("precision", ("auto", "no", "bf16")), help="auto: no, which is single precision.")
    ] = "auto",
    device: Device = "cpu",
    only: Annotated[str | None, typer.Option(**choice("form", tuple(FORMS)), help="By default both.")] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Beside the last release's figures, measured with its settings.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure the size, multiply-adds, time and memory of models on this machine.

    Inputs are random, with the shapes of MOSI or of an experiment's dataset; each model has a separate process.

    Examples:
        sentiprism bench

        sentiprism bench mdf text_only --encoder bert-base

        sentiprism bench --encoder none --only real --json

        sentiprism bench --experiment dpdf_lq/zhou2025_mosei --device cuda

        sentiprism bench --history
    """
    if history:
        given = {"experiment": experiment, "encoder": encoder, "batch_size": batch_size, "threads": threads}
        given |= {"only": only, "device": device != "cpu", "precision": precision != "auto"}
        return _show_history(models or [], [name for name, value in given.items() if value], as_json=as_json)
    from sentiprism.benchmark.cost import REFERENCE, ratios
    from sentiprism.benchmark.cost import bench as measure
    from sentiprism.machine import machine

    here = machine()  # before the measurement causes load
    costs = measure(
        models or (),
        experiments=experiment or (),
        encoder=encoder,
        batch_size=batch_size,
        steps=steps,
        rounds=rounds,
        threads=threads,
        precision=precision,  # type: ignore[arg-type]
        device=device,
        forms=(only,) if only else tuple(FORMS),  # type: ignore[arg-type]
        watch=lambda what: typer.echo(f"measuring {what}", err=True),
    )
    against = ratios(costs)
    if as_json:
        rows = [{**one._asdict(), "ratio": ratio} for one, ratio in zip(costs, against, strict=True)]
        chosen = encoder or (None if experiment else "minilm")
        said = {"machine": here, "device": device, "encoder": chosen, "precision": precision}
        return emit_json({**said, "costs": rows})
    count = f"{threads} threads" if threads else "one thread per core"
    count += f", precision {precision}" if precision != "auto" else ""
    count += f", device {device}" if device != "cpu" else ""
    base = REFERENCE if any(one.model == REFERENCE and not one.error for one in costs) else "the fastest"
    caption = (
        f"{_settings(experiment or [], encoder, batch_size)}; ratio: of s/step to {base}'s\n"
        "G MAC: 10^9 multiply-adds per utterance; ms per utterance at inference, 1 and 32 at once\n"
        f"medians of {rounds} rounds over {steps} batches; {count}; {here}"
    )
    for form, title in FORMS.items():
        lines = [
            (
                one.model,
                f"{one.parameters / 1e6:.2f} M",
                f"{one.multiply_adds / 1e9:.3f}",
                f"{one.step:.3f}",
                f"{ratio:.2f}",
                f"{one.one:.1f}",
                f"{one.many:.1f}",
                f"{one.peak:,.0f}",
            )
            for one, ratio in zip(costs, against, strict=True)
            if one.form == form and not one.error
        ]
        if lines:
            table(f"Cost, {title}", HEADINGS, lines, caption, numbers=HEADINGS[1:])
    if failed := [f"{one.model}, {one.form}: {one.error}" for one in costs if one.error]:
        points("Failed", failed)
    return None


def _show_history(models: list[str], given: list[str], *, as_json: bool) -> None:
    """Measure and print today's figures beside the last release's."""
    from sentiprism.benchmark.history import FIGURES, compare_figures
    from sentiprism.errors import UserError
    from sentiprism.machine import machine

    if given:
        raise UserError(
            f"`history` measures with the release's settings, not with `{given[0]}`", "leave one of them out"
        )
    here = machine()
    record, found = compare_figures(models, lambda what: typer.echo(f"measuring {what}", err=True))
    then = {name: record[name] for name in ("version", "date", "machine", "torch", "settings")}
    if as_json:
        rows = [{**one._asdict(), "change": one.change, "mark": one.mark} for one in found]
        return emit_json({"release": then, "machine": here, "figures": rows})
    headings = ("model", "figure", record["version"], "today", "change", "")
    lines = [
        (one.model, FIGURES[one.figure], *_medians(one.figure, one.then, one.now), f"{one.change:+.0%}", one.mark)
        for one in found
    ]
    caption = (
        f"times in steps of a fixed Transformer in the same process, medians of {record['turns']} turns\n"
        f"{record['version']}: {record['date']}, torch {record['torch']}, {record['machine']}\n"
        f"today: {here}"
    )
    return table("Cost beside the last release's", headings, lines, caption, numbers=headings[2:5])


def _medians(figure: str, *groups: tuple[float, ...]) -> tuple[str, ...]:
    """Medians of the numbers of a figure."""
    from statistics import median

    return tuple(f"{median(values):,.0f}" if figure == "peak" else f"{median(values):.3g}" for values in groups)


def _settings(experiments: list[str], encoder: str | None, batch_size: int | None) -> str:
    """Describe encoder, batch and shapes for the caption."""
    if not experiments:
        return (
            f"encoder {encoder or 'minilm'}, batch {batch_size or 16} in training, MOSI: audio 375 x 5, vision 500 x 20"
        )
    kept = [f"encoder {encoder}"] * bool(encoder) + [f"batch {batch_size}"] * bool(batch_size)
    own = [name for name, given in (("encoder", encoder), ("batch", batch_size)) if not given]
    return ", ".join([*kept, f"{' and '.join([*own, 'shapes'])} of each experiment"])
