"""Create an extractor by name, or from a recipe."""

from collections.abc import Mapping
from contextlib import suppress

from sentiprism.errors import UserError, suggest
from sentiprism.features.extractors import EXTRACTORS, Extractor
from sentiprism.features.learned.audio import LearnedAudio
from sentiprism.features.learned.vision import LearnedVision
from sentiprism.recipe import Network, Recipe

LEARNED: dict[str, type[LearnedAudio] | type[LearnedVision]] = {
    LearnedAudio.name: LearnedAudio,
    LearnedVision.name: LearnedVision,
}
SETTINGS = ("crop", "layer", "pooling", "rate", "revision")
"""Settings of a network; ``crop`` and ``pooling`` are for pictures."""


def create_extractor(name: str, settings: Mapping[str, str] | None = None) -> Extractor:
    """Create an extractor by name.

    Args:
        name: in `EXTRACTORS`, or in `LEARNED` with a network after a colon: a name on the hub or a folder.
        settings: of the network, see `SETTINGS`.

    Raises:
        UserError: the extractor, network or setting is unknown.
    """
    kind, _, model = name.partition(":")
    settings = dict(settings or {})
    if kind not in LEARNED:
        if settings:
            raise UserError(f"{name!r} has no settings, but {next(iter(settings))!r} is given", "leave it out")
        return EXTRACTORS[name]()
    if not model:
        raise UserError(f"{kind!r} needs a network", f"name one, such as {kind}:{LEARNED[kind].example}")
    for key in settings:
        if key not in SETTINGS:
            raise UserError(f"{kind} has no setting {key!r}", suggest(key, SETTINGS))
    given: dict[str, object] = {"model": model, "revision": "", "rate": LEARNED[kind].steps, **settings}
    for key, number in (("layer", int), ("rate", float)):
        with suppress(KeyError, ValueError):  # a layer may be a word; errors are reported below
            given[key] = number(str(given[key]))
    return LEARNED[kind].create(Network.parse(given, f"settings of {kind}"))


def restore_extractor(recipe: Recipe) -> Extractor:
    """Create the extractor of a recipe; its own recipe may differ.

    The revision of a network is checked when it is loaded.

    Raises:
        UserError: the extractor is unknown.
    """
    if recipe.extractor in LEARNED and recipe.network is not None:
        made = recipe.model_copy(update={"per": "frame", "rate": recipe.network.rate, "relative": False})
        return LEARNED[recipe.extractor](made)
    return EXTRACTORS[recipe.extractor]()
