"""Experiment files: a run configuration and published numbers."""

from pathlib import Path
from typing import Any

from pydantic import model_validator

from sentiprism.config import Config
from sentiprism.data.known import describe, family
from sentiprism.data.names import dataset_names, without_fold
from sentiprism.errors import UserError, suggest
from sentiprism.plugins import load_plugins
from sentiprism.yaml_files import load_yaml

OURS = "sentiprism2026"
"""Author and year of this project's own settings, the default of ``train``."""


class Row(Config):
    """One line of a published table."""

    name: str
    settings: dict[str, Any] | None = None
    """Changes of the run that measure this row; null for another model's row."""
    values: tuple[float | None, ...]
    doubtful: tuple[str, ...] = ()
    """Columns whose value contradicts another statement of the same paper; see the notes."""


class Table(Config):
    """A published table, row by row in the paper's order."""

    caption: str
    alias: str | None = None
    """Short name for the command line: components, losses, modalities."""
    columns: tuple[str, ...]
    """Metrics, by their names in this project."""
    rows: tuple[Row, ...]

    @model_validator(mode="after")
    def _rectangular(self) -> "Table":
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(f"row {row.name!r} has {len(row.values)} values for {len(self.columns)} columns")
            for column in row.doubtful:
                if column not in self.columns:
                    raise ValueError(f"row {row.name!r} lists {column!r} as doubtful, which is not a column")
        return self


class Experiment(Config):
    """A file ``experiments/<model>/<author><year>_<dataset>.yaml``."""

    title: str
    source: str
    """Publication that settings and numbers are from."""
    selection: str
    """How the published numbers were selected, as far as known."""
    run: dict[str, Any]
    notes: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    """Plugin files that the run needs, in the same folder; imported when the user names this file."""
    published: dict[str, Table] = {}


def folder() -> Path:
    """Folder of the experiment files: next to the sources, or inside an installed package."""
    package = Path(__file__).parents[1]
    inside = package / "experiments"
    return inside if inside.is_dir() else package.parents[1] / "experiments"


def list_experiments() -> list[str]:
    """All experiments as ``model/author_dataset``."""
    return sorted(path.relative_to(folder()).with_suffix("").as_posix() for path in folder().glob("*/*.yaml"))


def dataset_of(experiment: str) -> str:
    """The dataset in an experiment's name: ``mosi`` of ``tmt_amw/yan2025_mosi``."""
    return experiment.rpartition("/")[2].partition("_")[2]


def datasets_of(model: str) -> list[str]:
    """Datasets for which a model has an experiment."""
    return sorted({dataset_of(name) for name in list_experiments() if name.startswith(f"{model}/")})


def load_paper(name: str) -> Experiment:
    """Read an experiment whose run names its model and dataset, as published numbers need.

    Raises:
        UserError: as `load_experiment`; or the run does not name both.
    """
    paper = load_experiment(name)
    for key in ("model", "dataset"):
        if not isinstance(paper.run.get(key), str):
            raise UserError(f"{name}: run does not name a {key}", f"add run.{key}")
    return paper


def load_experiment(name: str) -> Experiment:
    """Read an experiment by name or path.

    Raises:
        UserError: it does not exist or is not valid.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if name not in list_experiments():
            raise UserError(f"no experiment is called {name!r}", suggest(name, list_experiments()))
        path = folder() / f"{name}.yaml"
    found = Experiment.parse(load_yaml(path), str(path))
    load_plugins(path.parent / plugin for plugin in found.plugins)
    return found


def other_form(experiment: str, dataset: str) -> str | None:
    """A note if a run uses another form of the experiment's dataset, else None."""
    paper = load_experiment(experiment)
    wanted, found = describe(str(paper.run.get("dataset"))), describe(dataset)
    if wanted is None or found is None or wanted.name == found.name or wanted.family != found.family:
        return None
    forms = [f"{one.name}, {'aligned to words' if one.aligned else 'not aligned'}" for one in (wanted, found)]
    return f"{paper.title}: settings and published numbers are for {forms[0]}; this run is on {forms[1]}"


def default_settings(model: str, dataset: str) -> dict[str, Any]:
    """The run of this project's own experiment for a model and dataset (the first of several); {} if there is none."""
    name = f"{model}/{OURS}_{family(without_fold(str(dataset_names(dataset)[0])))}"
    return load_experiment(name).run if name in list_experiments() else {}


def starting_settings(model: str | None, dataset: str | None, experiment: str | None, what: str) -> dict[str, Any]:
    """Default settings of a run: the experiment's, else this project's for the model and dataset.

    Args:
        model: see ``list_models``.
        dataset: name, or several names separated by commas.
        experiment: name or path of an experiment file.
        what: what needs the settings, for the message: ``run`` or ``study``.

    Raises:
        UserError: without an experiment, the model or the dataset is missing.
    """
    if experiment is not None:
        return load_experiment(experiment).run
    if model is None or dataset is None:
        example = f"sentiprism {'tune' if what == 'study' else 'train'} mdf --dataset mosi"
        raise UserError(f"a {what} needs a model and a dataset", f"for example: {example}")
    return default_settings(model, dataset)
