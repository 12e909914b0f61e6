"""List the feature extractors with their columns and units."""

import sys
from typing import NamedTuple

from sentiprism.errors import UserError
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.recipe import Recipe


class ExtractorFacts(NamedTuple):
    """What is known of an extractor without running it."""

    name: str
    modality: str
    summary: str
    """First line of its module's documentation."""
    recipe: Recipe | None
    """Columns, units and steps per second; None if the extractor cannot be imported."""
    licence: str | None
    """Licence of its library, if that restricts use."""
    plugin: str | None
    """Package or file that defines it; None if it is built in."""
    fault: str = ""
    """Why it cannot be imported."""


def list_extractors() -> list[ExtractorFacts]:
    """List the extractors, built in and from plugins, by modality and name."""
    return sorted(map(_describe, EXTRACTORS), key=lambda one: (one.modality, one.name))


def _describe(name: str) -> ExtractorFacts:
    origin = EXTRACTORS.plugin_of(name)
    plugin = None if origin is None else origin.get("package", origin.get("file"))
    try:
        kind = EXTRACTORS[name]
    except UserError as error:
        return ExtractorFacts(name, "", "", None, None, plugin, str(error))
    lines = (sys.modules[kind.__module__].__doc__ or kind.__doc__ or "").strip().splitlines()
    return ExtractorFacts(name, kind.modality, lines[0] if lines else "", kind.recipe, kind.licence, plugin)
