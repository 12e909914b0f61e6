"""All commands, as one application."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sentiprism import __version__
from sentiprism.cli import dataset, evidence, experiment, figure, run
from sentiprism.cli.adapt import adapt
from sentiprism.cli.agreement import agreement
from sentiprism.cli.analyze import analyze
from sentiprism.cli.bench import bench
from sentiprism.cli.contracts import contracts
from sentiprism.cli.demo import demo
from sentiprism.cli.doctor import doctor
from sentiprism.cli.explain import explain
from sentiprism.cli.export_model import export
from sentiprism.cli.extract import extract
from sentiprism.cli.extractors import extractors
from sentiprism.cli.modalities import modalities
from sentiprism.cli.plugins import ListsExtractors, may_use_plugins
from sentiprism.cli.push import push
from sentiprism.cli.serve import serve
from sentiprism.cli.studio import studio
from sentiprism.cli.study import study
from sentiprism.cli.tune import tune
from sentiprism.cli.verification import may_skip_verification

FIRST = ("analyze", "study", "extract", "adapt", "dataset")
"""Commands that the help shows first, for new users."""


class _InOrder(TyperGroup):
    """Sorts groups of commands among commands; Typer puts them last."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return [*(name for name in FIRST if name in names), *(name for name in names if name not in FIRST)]


app = typer.Typer(
    name="sentiprism",
    cls=_InOrder,
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
PANELS: dict[str, tuple[Callable[..., Any], ...]] = {
    "Recordings": (analyze, study, extract, extractors, adapt),
    "Training": (run.models, may_skip_verification(run.train), may_skip_verification(tune)),
    "Measuring": (
        may_skip_verification(run.evaluate),
        may_skip_verification(evidence.compare),
        may_skip_verification(evidence.robustness),
        may_skip_verification(evidence.calibrate),
        may_skip_verification(modalities),
        bench,
    ),
    "Explaining": (may_skip_verification(explain),),
    "Papers": (
        may_skip_verification(experiment.reproduce),
        may_skip_verification(experiment.ablate),
        may_skip_verification(experiment.results),
    ),
    "Deploying": (may_skip_verification(export), may_skip_verification(push), serve),
    "System": (contracts,),
}
"""Commands by task, in the order of work."""
app.add_typer(dataset.app, name="dataset", rich_help_panel="Data")
app.command(rich_help_panel="Data")(agreement)
for panel, commands in PANELS.items():
    for command in commands:
        kind = ListsExtractors if command is extract else None
        app.command(rich_help_panel=panel, cls=kind)(may_use_plugins(command))
app.add_typer(figure.app, name="figure", rich_help_panel="Explaining")
app.command(rich_help_panel="System")(doctor)
app.command(rich_help_panel="System")(demo)
app.command(rich_help_panel="System")(studio)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"sentiprism {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass
