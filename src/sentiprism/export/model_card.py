"""Card of a published model: metadata for the hub, and the text for people."""

import re
from math import isfinite
from typing import Any

from sentiprism.assets.hub_names import PREFIX
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import load_evaluation
from sentiprism.evaluation.footnotes import footnotes
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.export.card import UNKNOWN, describe_input, describe_target, describe_valid, join_blocks, scorer_of
from sentiprism.export.inputs import describe_inputs
from sentiprism.export.published import Published, without_paths
from sentiprism.metrics import Protocol
from sentiprism.models import MODELS
from sentiprism.tables import markdown, number

LICENCES = (
    *("mit", "apache-2.0", "bsd-3-clause", "gpl-3.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0"),
    *("cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0"),
)
"""Identifiers of licences that the hub knows; others are "other", with their text."""
NOT_FOR = (
    "decisions about people: hiring, credit, insurance, policing, health, education. Nobody should be assessed by it, "
    "and nobody recorded for it without knowing. Inferring emotions of people at work or in schools is forbidden in "
    "some places (in the European Union by Article 5 of Regulation 2024/1689)."
)
TASK = "Multimodal sentiment analysis"


def make_model_card(published: Published, repository: str) -> str:
    """Write the card: what it is, how to load it, metrics with intervals, data, seeds, limits, licence and citation.

    Args:
        published: the model.
        repository: OWNER/NAME.
    """
    from huggingface_hub import ModelCard

    saved = published.saved
    measured = _measure(published)
    citation = MODELS[saved.model.name].citation
    known = without_paths(saved.metadata)
    name = f"{PREFIX}{repository}"
    text = [
        f"# {repository.partition('/')[2]}",
        f"Predicts {describe_target(saved)} of an utterance from {', '.join(saved.model.modalities)}. "
        f"Trained with [sentiprism](https://pypi.org/project/sentiprism/).",
        "## Use",
        f'```python\nimport sentiprism as sp\n\nsaved = sp.load_model("{name}")  # prints the commit: pin it as '
        f'"{name}@COMMIT"\n```',
        f"```console\nsentiprism analyze talk.mp4 --model {name}\n```",
        "Loading copies safetensors, JSON and the tokenizer's files alone; nothing is unpickled or executed.",
        "## Inputs",
        *(f"- `{one}`: {describe_input(spec)}" for one, spec in describe_inputs(saved.model).items()),
        "A modality may be missing from any utterance.",
        "## Measured",
        describe_valid(saved),
        *_tables(published, measured),
        "## Data and training",
        f"- model: `{saved.model.name}`, {sum(p.numel() for p in saved.model.parameters()):,} parameters",
        f"- dataset: {known.get('dataset') or UNKNOWN}, content {str(known.get('content') or UNKNOWN)[:12]}",
        f"- language: {known.get('language') or UNKNOWN}",
        f"- seed: {known.get('seed', UNKNOWN)}{_of_seeds(published)}",
        f"- selection: {known.get('selection') or UNKNOWN}",
        *_started(published),
        "## Limits",
        *(f"- {limit}" for limit in known.get("limits", ())),
        "- It estimates what an utterance expresses, as people who labelled the dataset saw it; it is wrong often, as "
        "the numbers above show, and more often on recordings that differ from the dataset.",
        "## Intended use",
        "Research, and exploration of one's own recordings.",
        f"Not for: {NOT_FOR}",
        "## Licence",
        f"{known.get('licence') or 'Not stated'}.",
        "## Citation",
        f"{citation.authors}: {citation.title}. {citation.venue} {citation.year}. {citation.url}".strip(),
    ]
    head = _metadata(published, repository, measured).to_yaml()
    return str(ModelCard(f"---\n{head}\n---\n\n{join_blocks(text)}"))


def _measure(published: Published) -> Evaluation | None:
    """Metrics of all seeds of the run on test; None if they cannot be had."""
    if published.run is None:
        return None
    try:
        return load_evaluation(published.run, "test")
    except UserError:
        return None


def _own(published: Published, measured: Evaluation) -> dict[str, float]:
    """Metrics of the published seed on test."""
    one = measured.predictions[measured.seeds.index(published.seed or 0)]
    return measured.protocol.compute(one.prediction, one.label)


def _tables(published: Published, measured: Evaluation | None) -> list[str]:
    if measured is None:
        kept = published.saved.metadata.get("measured")
        return _kept_table(kept) or ["Metrics on a test split are not published: it is not of a run that has them."]
    own, metrics = _own(published, measured), measured.protocol.metrics
    several = [f"mean of {len(measured.seeds)} seeds"] if measured.seeds[1:] else []
    constant = [] if measured.constant is None else [measured.constant.metrics]
    columns = ("test", "this model", *several, "95% interval", *["constant"] * len(constant))
    rows = []
    for name, metric in metrics.items():
        mean, *interval = measured.metrics[name].cells(metric.scale)
        others = [one[name].cells(metric.scale)[0] for one in constant]
        arrow = "↑" if metric.higher_is_better else "↓"
        cells = [f"{metric.label} {arrow}", number(own[name], metric.scale), *[mean] * len(several)]
        rows.append((*cells, *(interval or ["–"]), *others))
    note = (
        f"Test of {measured.dataset}, {len(measured.predictions[0].label)} utterances; intervals of the mean by "
        f"bootstrap over {measured.drawn_over}. Selected: {measured.selection}. constant: the constant predictor."
    )
    return [markdown(columns, rows), note, *(f"- {line}" for line in footnotes([measured]))]


def _kept_table(measured: Any) -> list[str]:
    """Metrics that a saved model has in its metadata: dataset, modalities given, metric, value and interval."""
    if not isinstance(measured, dict):
        return []
    rows, names = [], list[str]()
    for dataset, given in measured.items():
        for modalities, values in given.items():
            found = {name: one for name, one in values.items() if isinstance(one, list)}
            names = [*found]
            cells = (f"{number(value)} [{number(low)}, {number(high)}]" for value, low, high in found.values())
            rows.append((dataset, modalities, f"{values['utterances']:,}", *cells))
    table = markdown(("test of", "given", "utterances", *names), rows)
    return ["Measured on test splits, with 95% bootstrap intervals:", table] if rows else []


def _of_seeds(published: Published) -> str:
    if published.run is None or not published.run.finished[1:]:
        return ""
    return f" of {len(published.run.finished)} seeds: {', '.join(map(str, published.run.finished))}"


def _started(published: Published) -> list[str]:
    init = published.run.environment["init"] if published.run is not None else None
    if not init:
        return []
    source = without_paths(init).get("source", UNKNOWN)
    return [f"- started from: {source}", *(f"- {line}" for line in init.get("shared_videos", ()))]


def _metadata(published: Published, repository: str, measured: Evaluation | None) -> Any:
    """Metadata for the hub (YAML)."""
    from huggingface_hub import EvalResult, ModelCardData

    saved = published.saved
    known = without_paths(saved.metadata)
    scorer: Protocol = scorer_of(saved) if measured is None else measured.protocol
    split = "validation" if measured is None else "test"
    values = saved.metadata.get("valid", {}) if measured is None else _own(published, measured)
    dataset = known.get("dataset") or "unknown"
    results = [
        EvalResult(
            task_type="other",
            task_name=TASK,
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split=split,
            metric_type=name,
            metric_name=metric.label,
            metric_value=float(values[name]),
        )
        for name, metric in scorer.metrics.items()
        if name in values and isfinite(values[name])
    ]
    licence = str(known.get("licence") or "")
    terms: dict[str, Any] = {"license": licence.lower()} if licence.lower() in LICENCES else {}
    if licence and not terms:
        terms = {"license": "other", "license_name": re.sub(r"[^a-z0-9]+", "-", licence.lower())[:60].strip("-")}
    return ModelCardData(
        language=known.get("language"),
        library_name="sentiprism",
        tags=["sentiment-analysis", "multimodal", saved.model.name],
        datasets=[dataset] if known.get("dataset") else None,
        metrics=[result.metric_type for result in results] or None,
        model_name=repository.partition("/")[2],
        eval_results=results or None,
        **terms,
    )
