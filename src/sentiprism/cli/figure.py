"""Commands: figure weights, gates, confusion, tsne and others."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Device, Fresh, OneRun, Split, choice, option
from sentiprism.cli.verification import may_skip_verification

app = typer.Typer(help="Draw the papers' figures for any run.", no_args_is_help=True)

Out = Annotated[Path | None, option("FILE", "A .pdf, .svg or .png; by default a PDF in RUN/figures.")]
Seed = Annotated[int | None, option("N", "Seed of the model; by default the first finished one.")]


def _names(flag: str) -> Any:
    return option("NAME", "Name or pattern of names; repeatable.", flag)


def _figure(file: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command that draws and saves the figure of its name in `report.figures`, and prints the path.

    The options of the command are the arguments of that function; those that are None are left out.

    Args:
        file: name of the figure's file, made of the options.
    """

    def register(declared: Callable[..., None]) -> Callable[..., None]:
        @wraps(declared)
        def draw(out: Path | None, **options: Any) -> Path:
            runs = options.pop("runs", None) or [options.pop("run")]
            path = _target(out, runs[0], file.format_map(options))
            from sentiprism.report import figures

            given = {name: value for name, value in options.items() if value is not None}
            figures.save(getattr(figures, declared.__name__)(*runs, **given), path)
            typer.echo(str(path))
            return path

        app.command()(may_skip_verification(followed_by("open {result}")(draw)))
        return declared

    return register


@_figure("weights-{split}")
def weights(run: OneRun, out: Out = None, split: Split = "test", seed: Seed = None, device: Device = "auto") -> None:
    """Modality weights of every utterance, ranked, above their training targets (MDF, Figure 3).

    Examples:
        sentiprism figure weights runs/mdf-mosi

        sentiprism figure weights runs/mdf-mosi --seed 1112 --out weights.svg
    """


@_figure("gates-{split}")
def gates(run: OneRun, out: Out = None, split: Split = "test", seed: Seed = None, device: Device = "auto") -> None:
    """Distribution of every gate: modalities, paths, experts (DPDF-LQ, Appendix A.3).

    Examples:
        sentiprism figure gates runs/dpdf_lq-mosi
    """


@_figure("confusion-{split}")
def confusion(
    run: OneRun,
    out: Out = None,
    split: Split = "test",
    seed: Annotated[int | None, option("N", "Seed of the model; by default the mean over all.")] = None,
    device: Device = "auto",
) -> None:
    """Confusion of sentiment classes and accuracy of each (DLF, Figure 4; DPDF-LQ, Figure 5).

    On [-3, 3] the classes are the seven of Acc-7, HN (-3) to HP (3): values are clipped and rounded.

    Examples:
        sentiprism figure confusion runs/dlf-mosi
    """


@_figure("tsne-{by}-{split}")
def tsne(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of runs, one panel each.")],
    out: Out = None,
    split: Split = "test",
    by: Annotated[
        str, typer.Option(**choice("colouring", ("class", "polarity", "feature")), help="What colours show.")
    ] = "class",
    features: Annotated[list[str] | None, _names("--feature")] = None,
    dimensions: Annotated[int, typer.Option(min=2, max=3, metavar="2|3", help="Dimensions of the plot.")] = 2,
    points: Annotated[int, typer.Option(min=4, metavar="N", help="Most points per panel.")] = 2000,
    seed: Seed = None,
    device: Device = "auto",
) -> None:
    """t-SNE of features (MDF, Figure 4; DLF, Figure 5; FINE, Figure 5).

    Examples:
        sentiprism figure tsne runs/dlf-mosi

        sentiprism figure tsne runs/full runs/without-o --by feature

        sentiprism figure tsne runs/fine --by polarity --dimensions 3

        sentiprism figure tsne runs/fine --by feature --feature 's*.*'
    """


@_figure("attention-{split}")
def attention(
    run: OneRun,
    out: Out = None,
    split: Split = "test",
    layers: Annotated[list[str] | None, _names("--layers")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Average over at most this many utterances.")] = 200,
    seed: Seed = None,
    device: Device = "auto",
) -> None:
    """Mean attention matrices (DPDF-LQ, Figure 4).

    Examples:
        sentiprism figure attention runs/dpdf_lq-mosei

        sentiprism figure attention runs/dpdf_lq-mosei --layers 'local*'
    """


@_figure("robustness-{split}")
def robustness(
    run: OneRun,
    out: Out = None,
    split: Split = "test",
    metric: Annotated[
        str | None,
        option("NAME", "mae, acc_7 ..., or weight: of the corrupted modality; by default the protocol's own."),
    ] = None,
    device: Device = "auto",
) -> None:
    """A metric by strength of each kind of corruption, with 95% intervals.

    From RUN/robustness-SPLIT.json if it exists; see 'sentiprism robustness'.

    Examples:
        sentiprism figure robustness runs/mdf-mosi

        sentiprism figure robustness runs/mdf-mosi --metric acc2_non0

        sentiprism figure robustness runs/mdf-mosi --metric weight
    """


@_figure("reliability-{split}")
def reliability(
    run: OneRun,
    out: Out = None,
    split: Fresh = "test",
    level: Annotated[float, option("SHARE", "Nominal coverage for the bars.")] = 0.9,
    scaled: Annotated[bool, typer.Option("--scaled", help="Let widths depend on the predicted intensity.")] = False,
    device: Device = "auto",
) -> None:
    """Coverage of calibrated intervals by level, and by class of the label.

    This stores nothing; 'sentiprism calibrate' does.

    Examples:
        sentiprism figure reliability runs/mdf-mosi

        sentiprism figure reliability runs/mdf-mosi --scaled --level 0.8
    """


@_figure("runs-{split}")
def runs(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of runs, of one dataset or several.")],
    out: Out = None,
    split: Split = "test",
    metrics: Annotated[
        list[str] | None, option("NAME", "mae, acc_7 ...; repeatable; all by default.", "--metric")
    ] = None,
    over: Annotated[str | None, option("KEY", "Draw lines over this setting, optim.lr for example.")] = None,
    device: Device = "auto",
) -> None:
    """Bars of runs per metric with standard deviation over seeds, or lines over a setting.

    TMT+AMW, Figure 5; DPDF-LQ, Figures 6 and 7.

    Examples:
        sentiprism figure runs runs/tmt runs/tmt_amw --metric mae

        sentiprism figure runs runs/depth-* --over config.depth
    """


def _target(out: Path | None, run: Path, name: str) -> Path:
    """Path of the figure; an invalid path or run is refused before computing anything."""
    from sentiprism.report.figures import check_target
    from sentiprism.training.run import Run

    Run(run)
    return check_target(out or run / "figures" / f"{name}.pdf")
