"""Card of an exported model, as Markdown, and the parts that it shares with the card of a published one."""

import re
from collections.abc import Iterable
from typing import Any

from sentiprism.export.result import ExportResult
from sentiprism.metrics import Protocol, protocol, protocol_for
from sentiprism.models import MODELS
from sentiprism.models.artifact import SavedModel
from sentiprism.tables import markdown, number

UNKNOWN = "not stated"


def make_card(saved: SavedModel, result: ExportResult, described: dict[str, Any]) -> str:
    """Describe an exported model for people: what it predicts and reads, metrics, data, licence, limits.

    Args:
        saved: the model.
        result: what the export measured.
        described: config.json.
    """
    model, known = saved.model, saved.metadata
    citation = MODELS[model.name].citation
    lines = [
        f"# {model.name}, exported",
        f"Predicts {describe_target(saved)} of an utterance from {', '.join(model.modalities)}.",
        f"Model: {citation.title} ({citation.authors}, {citation.venue} {citation.year}).",
        "## Use",
        "Python with onnxruntime, numpy and tokenizers is enough:",
        '```console\npip install -r requirements.txt\npython run.py "I really liked the ending."\n```',
        "```python\nfrom run import Runner\n\n"
        'Runner(".").predict([{"text": "I really liked the ending."}, {"text": "Well."}])\n```',
        "## Inputs",
        *(f"- `{name}`: {describe_input(spec)}" for name, spec in described["inputs"].items()),
        "A modality may be missing from any utterance. Batch size and lengths are free.",
        "## Measured",
        describe_valid(saved),
        markdown(*result.table()),
        f"{result.caption}.",
        "## Origin",
        *([f"- model: {described['source']}"] if described.get("source") else []),
        f"- data: {known.get('dataset') or UNKNOWN}",
        f"- selection: {known.get('selection') or UNKNOWN}",
        f"- licence: {known.get('licence') or UNKNOWN}",
        *(f"- limit: {limit}" for limit in known.get("limits", ())),
    ]
    return join_blocks(lines)


def join_blocks(blocks: Iterable[str]) -> str:
    """Join paragraphs, headings and items of lists as Markdown."""
    text = "\n\n".join(blocks)
    return re.sub(r"(?m)(^- .*)\n\n(?=- )", r"\1\n", text) + "\n"


def describe_target(saved: SavedModel) -> str:
    """What a model predicts."""
    target, calibration = saved.model.target, saved.calibration
    what = "the class" if target.classes else "the sentiment intensity"
    level = f", with {'sets' if target.classes else 'intervals'} of {calibration.level:.0%}" if calibration else ""
    return f"{what} ({target.describe()}{level})"


def describe_input(spec: dict[str, Any]) -> str:
    """What an input is made of."""
    if spec["kind"] == "tokens":
        return f"words, up to {spec['max_tokens']} tokens"
    recipe = spec["recipe"]
    origin = f", extractor {recipe['extractor']} version {recipe['version']}" if recipe else ""
    return f"(T, {spec['width']}) features a step, not standardised{origin}"


def scorer_of(saved: SavedModel) -> Protocol:
    """Metrics of a model's dataset."""
    known = saved.metadata.get("protocol")
    return protocol(known) if known else protocol_for(saved.model.target)


def describe_valid(saved: SavedModel) -> str:
    """Metrics of the saved model on valid, as its training measured them."""
    valid, metrics = saved.metadata.get("valid", {}), scorer_of(saved).metrics
    known_ones = [name for name in metrics if name in valid]
    shown = ", ".join(f"{metrics[name].label} {number(valid[name], metrics[name].scale)}" for name in known_ones)
    return f"Valid, as trained: {shown or UNKNOWN}."
