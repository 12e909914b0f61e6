"""A page for each model: paper, configuration, presets, experiments, published numbers, deviations."""

import ast
import inspect
import json
import sys
from typing import Any

import deviations_page
import equations
import measured_numbers
from markup import code, prose, table
from source_pages import source_link

from sentiprism.metrics import protocol
from sentiprism.models import MODELS
from sentiprism.models.base import Model, ModelConfig
from sentiprism.models.deviations import without_section
from sentiprism.registry import read_source
from sentiprism.training.experiments import OURS, Experiment, list_experiments, load_experiment
from sentiprism.training.experiments import Table as PublishedTable

SYSTEMS = ("mdf", "dlf", "fine", "tmt", "tmt_amw", "dpdf_lq")
"""Models that the page on disentanglement explains."""


def pages(results: str) -> dict[str, str]:
    """All pages by their path below the sources.

    Args:
        results: text of the page of results, as `sentiprism results` writes it.
    """
    models = dict(MODELS.items())
    measured = measured_numbers.sections(results)
    written = {f"models/{name}.md": _page(name, model, measured.get(name, "")) for name, model in models.items()}
    return {"models/index.md": _index(models), **written}


def _index(models: dict[str, type[Model]]) -> str:
    rows = [
        [f"[{name}]({name}.md)", prose(model.citation.title), f"{model.citation.venue} {model.citation.year}"]
        for name, model in sorted(models.items(), key=lambda item: (item[0] not in SYSTEMS, item[0]))
    ]
    toc = "\n".join(sorted(models))
    return f"""# Models

{len(models)} models. Each page is made from the model's own source and its experiments, at every build of this site.
`sentiprism models` prints the same list with the number of parameters.

{table(["model", "paper", "where"], rows)}
[How the six systems disentangle](../concepts/disentanglement.md) compares the first six with a diagram each.
[Deviations](../deviations.md) has the differences that all models share.

```{{toctree}}
:hidden:

{toc}
```
"""


def _page(name: str, model: type[Model], measured: str) -> str:
    cited, module = model.citation, sys.modules[model.__module__]
    link = f" [Paper or code]({cited.url})." if cited.url else ""
    summary = prose(inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0])
    parts = [
        f"# {name}",
        summary,
        f"> {prose(cited.authors)}. *{prose(cited.title)}*. {prose(cited.venue)}, {cited.year}.{link}",
        f"```console\n$ sentiprism train {name} --dataset synthetic\n```",
        f"Source: {source_link(model.__module__)}. Version {model.version} of the saved format."
        + (" Fitted in closed form: every seed gives the same model." if model.closed_form else ""),
        "## What it computes",
        prose(without_section(module.__doc__ or "")),
        equations.section(name),
        "## Configuration",
        "Set a field with `--set config.NAME=VALUE`, or in Python with "
        '`settings={"config": {"NAME": VALUE}}`. A field without a meaning shares that of the next.',
        _fields(model.Config),
        "### Losses",
        "Weights of the losses; `--set config.loss_weights.NAME=0` switches one off.",
        table(["loss", "weight"], [[code(loss), f"{weight:g}"] for loss, weight in model.Config.LOSSES.items()]),
        _presets(model.Config),
        _contracts(model),
        _experiments(name),
        measured,
        "## Deviations from the paper",
        deviations_page.section(name) or "None are listed.",
        "[Deviations](../deviations.md#under-every-preset-in-every-model) has those of all models.",
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return text.replace("docs/deviations.md", "[Deviations](../deviations.md)")


def _fields(config: type[ModelConfig]) -> str:
    meanings: dict[str, str] = {}
    for kind in reversed(config.__mro__):
        if issubclass(kind, ModelConfig):
            meanings |= _meanings(kind)
    rows = [
        [code(name), code(_default(config, name)), prose(meanings.get(name, ""))]
        for name in config.model_fields
        if name != "loss_weights"
    ]
    return table(["field", "default", "meaning"], rows)


def _default(config: type[ModelConfig], name: str) -> str:
    value = config.model_fields[name].get_default(call_default_factory=True)
    return json.dumps(value, ensure_ascii=False, default=str).strip('"')


def _meanings(kind: type) -> dict[str, str]:
    """Text below each annotated field of a class."""
    tree = next(
        one for one in read_source(kind.__module__).body if isinstance(one, ast.ClassDef) and one.name == kind.__name__
    )
    found: dict[str, str] = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            found[field.target.id] = str(text.value.value)
    return found


def _presets(config: type[ModelConfig]) -> str:
    if len(config.PRESETS) < 2:
        return ""
    usual = config.model_fields["preset"].default
    rows = []
    for name, settings in config.PRESETS.items():
        changes = ", ".join(code(f"{key}: {json.dumps(value, default=str)}") for key, value in settings.items())
        rows.append([code(name) + (" (default)" if name == usual else ""), changes or "the defaults above"])
    return "### Presets\n\nA preset sets several fields at once: `--set config.preset=NAME`.\n\n" + table(
        ["preset", "sets"], rows
    )


def _contracts(model: type[Model]) -> str:
    if not model.exceptions:
        return ""
    rows = [[code(name), prose(reason)] for name, reason in model.exceptions.items()]
    return "### Contracts it does not meet\n\n" + table(["contract", "why"], rows)


def _experiments(model: str) -> str:
    names = [name for name in list_experiments() if name.startswith(f"{model}/")]
    if not names:
        return ""
    loaded = {name: load_experiment(name) for name in names}
    rows = [[code(name), prose(one.title), code(one.run.get("dataset"))] for name, one in loaded.items()]
    parts = [
        "## Experiments",
        "Settings in files. Train one by name, for example:",
        f"```console\n$ sentiprism train --experiment {names[0]}\n```",
        f"Files of `{OURS}` are this project's own settings, which `train` takes by default; the others are papers'.",
        table(["experiment", "title", "dataset"], rows),
    ]
    published = [one for one in loaded.values() if one.published]
    if published:
        parts += [
            "## Published numbers",
            "As printed in the papers, selected by their rules; this project's measurements are in "
            "[Results](../results.md). An asterisk marks a value that contradicts something else its own paper says.",
            *(_published(one) for one in published),
        ]
    return "\n\n".join(parts)


def _published(experiment: Experiment) -> str:
    parts = [
        f"### {prose(experiment.title)}",
        f"From {prose(experiment.source)}. Selection: {prose(experiment.selection)}.",
    ]
    parts += [_published_table(key, one) for key, one in experiment.published.items()]
    if experiment.notes:
        parts.append("\n".join(f"- {prose(note)}" for note in experiment.notes))
    return "\n\n".join(parts)


def _published_table(key: str, published: PublishedTable) -> str:
    ours = " (a row in **bold** is one that `sentiprism ablate` can train)" if _trainable(published) else ""
    caption = f"*{prose(published.caption)}*, `--table {published.alias or key.removeprefix('table_')}`{ours}"
    labels = _labels()
    rows = [
        [
            f"**{prose(row.name)}**" if row.settings is not None else prose(row.name),
            *(
                ("–" if value is None else f"{value:g}") + (r"\*" if column in row.doubtful else "")
                for column, value in zip(published.columns, row.values, strict=True)
            ),
        ]
        for row in published.rows
    ]
    return caption + "\n\n" + table(["", *(labels.get(column, column) for column in published.columns)], rows)


def _trainable(published: PublishedTable) -> bool:
    return any(row.settings is not None for row in published.rows)


def _labels() -> dict[str, str]:
    """Headings of metrics by name."""
    known: dict[str, Any] = {}
    for name in ("intensity", "sims", "binary", "classes"):
        known |= protocol(name).known
    return {name: metric.label for name, metric in known.items()}
