"""The form of a training: made from the model's own configuration, read back as ``--set`` does."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sentiprism.config import override
from sentiprism.data.store import SYNTHETIC, list_datasets
from sentiprism.errors import UserError, suggest
from sentiprism.models import MODELS
from sentiprism.models.search_space import ENCODER, SHARED
from sentiprism.studio.fields import Field, assignments, fields_of, refuse_path
from sentiprism.training.config import MOST_SEEDS, RunConfig
from sentiprism.training.experiments import list_experiments, load_experiment, starting_settings

if TYPE_CHECKING:
    from sentiprism.models.base import ModelConfig

ENCODER_FIELD = "data.text.encoder"
COMMON = ("seeds", "optim.epochs", "optim.batch_size", "optim.lr", "data.text.encoder", "data.text.mode")
"""What most people change, in this order; the rest is folded away."""


class Choice(NamedTuple):
    """A model or dataset to choose."""

    name: str
    title: str
    about: str


class Group(NamedTuple):
    """Fields under one heading."""

    title: str
    fields: tuple[Field, ...]
    open: bool


class Form(NamedTuple):
    """Everything about one training that can be set."""

    model: str
    dataset: str
    experiment: str
    preset: str
    presets: tuple[str, ...]
    base: dict[str, Any]
    """Settings that it starts from, as sparse as they are written."""
    groups: tuple[Group, ...]

    @property
    def fields(self) -> list[Field]:
        """Of all groups."""
        return [field for group in self.groups for field in group.fields]


def list_model_choices() -> list[Choice]:
    """Models that can be trained, with the paper of each."""
    return [
        Choice(name, kind.citation.title, f"{kind.citation.venue} {kind.citation.year}")
        for name, kind in MODELS.items()
    ]


def list_dataset_choices() -> list[Choice]:
    """Datasets of the store; the synthetic one is made when it is asked for."""
    try:
        found = [
            Choice(card.name, card.title, f"{sum(s.utterances for s in card.splits.values()):,} utterances")
            for card in list_datasets()
        ]
    except UserError as error:
        found = [Choice("", "A dataset is damaged", str(error))]
    if all(one.name != SYNTHETIC for one in found):
        found.append(Choice(SYNTHETIC, "Synthetic: the right prediction is known", "made by the program"))
    return found


def list_experiments_of(model: str) -> list[Choice]:
    """Experiments whose settings a training of a model can start from."""
    names = [name for name in list_experiments() if name.startswith(f"{model}/")]
    return [Choice(name, _title(name), "") for name in names]


@cache
def _title(experiment: str) -> str:
    """Experiments are files of the program, which do not change while it runs."""
    return load_experiment(experiment).title


def make_form(model: str, dataset: str, experiment: str = "", preset: str = "") -> Form:
    """Make the form of a model on a dataset.

    Args:
        model: by name.
        dataset: by name.
        experiment: whose settings it starts from; empty = this project's own, else the defaults.
        preset: of the model; empty = the settings' own.

    Raises:
        UserError: there is no such model, dataset, experiment or preset.
    """
    from sentiprism.training.train import resolve

    MODELS.check(model)
    known = [one.name for one in list_dataset_choices()]
    if dataset not in known:  # a folder, perhaps: no path comes from a browser
        raise UserError(f"no dataset is called {dataset!r}", suggest(dataset, known))
    if experiment and not experiment.startswith(f"{model}/"):
        raise UserError(f"{experiment!r} is not an experiment of {model}", "choose another one")
    base = {**starting_settings(model, dataset, experiment or None, "run"), "model": model, "dataset": dataset}
    if preset:
        base = override(base, [f"config.preset={preset}"])
    run = resolve(base)
    kind = MODELS[model]
    config = kind.Config.parse(run.config, f"configuration of {model}")
    found = {field.name: field for field in _all_fields(run, config)}
    common = tuple(found.pop(name) for name in COMMON if name in found)
    groups = [Group("What most people change", common, open=True)]
    for title, prefix in (("The model", "config."), ("The data", "data."), ("The optimiser", "optim.")):
        own = tuple(field for name, field in found.items() if name.startswith(prefix))
        groups.append(Group(title, own, open=False))
    presets = tuple(kind.Config.PRESETS)
    return Form(model, dataset, experiment, config.preset, presets, base, tuple(groups))


def read_form(form: Form, given: Mapping[str, str]) -> RunConfig:
    """The run that a filled form describes.

    Args:
        form: as it was shown.
        given: values by the names of its fields.

    Raises:
        UserError: a value is not allowed, in the words of the command line.
    """
    from sentiprism.training.train import resolve

    run = resolve(form.base, assignments(form.fields, given))
    if run.data.text.encoder is not None and given.get(ENCODER_FIELD, "").strip():
        refuse_path(run.data.text.encoder, f"the setting: {ENCODER_FIELD}")
    return run


def name_fault(form: Form, error: UserError) -> str | None:
    """The field that a message is about; None where it names none."""
    source, _, rest = error.cause.partition(": ")
    key = rest.partition(" ")[0].strip("':")
    name = f"config.{key}" if source.startswith("configuration of") else key
    return next((field.name for field in form.fields if f"{name}.".startswith(f"{field.name}.")), None)


def _all_fields(run: RunConfig, config: "ModelConfig") -> list[Field]:
    count = "How many, from 1111 on, or a list of them. Papers report the mean and standard deviation over seeds."
    seeds = Field("seeds", "Seeds", count, "text", str(len(run.seeds)), limits=f"at least 1, at most {MOST_SEEDS:,}")
    space = {**{f"config.{name}": found for name, found in config.space().items()}, **SHARED, **ENCODER}
    inner = fields_of(config, "config.", leave_out=["config.preset"], space=space)
    rest = fields_of(run, leave_out=["model", "dataset", "seeds", "init", "config"], space=space)
    return [seeds, *inner, *rest]
