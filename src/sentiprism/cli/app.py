"""All commands, as one application."""

from typing import Annotated

import typer

from sentiprism import __version__
from sentiprism.cli import dataset, evidence, experiment, figure, run
from sentiprism.cli.adapt import adapt
from sentiprism.cli.analyze import analyze
from sentiprism.cli.bench import bench
from sentiprism.cli.contracts import contracts
from sentiprism.cli.demo import demo
from sentiprism.cli.doctor import doctor
from sentiprism.cli.explain import explain
from sentiprism.cli.extract import extract
from sentiprism.cli.modalities import modalities
from sentiprism.cli.plugins import may_use_plugins
from sentiprism.cli.tune import tune
from sentiprism.cli.verification import may_skip_verification

app = typer.Typer(
    name="sentiprism",
    help="Multimodal sentiment analysis: from a dataset file to an honest number.",
    epilog="First steps: sentiprism demo · sentiprism dataset add --help · sentiprism train --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for group in (dataset.app, figure.app):
    for registered in group.registered_commands:
        if registered.callback is not None:
            registered.callback = may_use_plugins(registered.callback)
app.add_typer(dataset.app, name="dataset")
app.add_typer(figure.app, name="figure")
for command in (
    analyze,
    extract,
    adapt,
    run.models,
    may_skip_verification(run.train),
    may_skip_verification(run.evaluate),
    may_skip_verification(evidence.compare),
    may_skip_verification(evidence.robustness),
    may_skip_verification(evidence.calibrate),
    may_skip_verification(experiment.reproduce),
    may_skip_verification(experiment.ablate),
    may_skip_verification(modalities),
    may_skip_verification(experiment.results),
    may_skip_verification(explain),
    may_skip_verification(tune),
    bench,
    contracts,
):
    app.command()(may_use_plugins(command))
app.command()(doctor)
app.command()(demo)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"sentiprism {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass
