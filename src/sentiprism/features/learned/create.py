"""Build an extractor by the name a user gives, or restore that of a recipe."""

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
"""That a network may be given; ``crop`` and ``pooling`` are of pictures."""


def create_extractor(name: str, settings: Mapping[str, str] | None = None) -> Extractor:
    """An extractor by name.

    Args:
        name: of `EXTRACTORS`, or of `LEARNED` with a network after a colon: a name on the hub or a folder.
        settings: of the network, see `SETTINGS`.

    Raises:
        UserError: no such extractor, network or setting.
    """
    kind, _, model = name.partition(":")
    settings = dict(settings or {})
    if kind not in LEARNED:
        if settings:
            raise UserError(f"{name!r} has no settings, and {next(iter(settings))!r} is given", "leave it out")
        return EXTRACTORS[name]()
    if not model:
        raise UserError(f"{kind!r} is given no network", f"name one, such as {kind}:{LEARNED[kind].example}")
    for key in settings:
        if key not in SETTINGS:
            raise UserError(f"{kind} has no setting {key!r}", suggest(key, SETTINGS))
    given: dict[str, object] = {"model": model, "revision": "", "rate": LEARNED[kind].steps, **settings}
    for key, number in (("layer", int), ("rate", float)):
        with suppress(KeyError, ValueError):  # a layer may be a word; what is wrong is said below
            given[key] = number(str(given[key]))
    return LEARNED[kind].create(Network.parse(given, f"settings of {kind}"))


def restore_extractor(recipe: Recipe) -> Extractor:
    """The extractor that makes features by a recipe, or whose own recipe differs from it.

    The revision of a network is compared when it is loaded.

    Raises:
        UserError: no such extractor.
    """
    if recipe.extractor in LEARNED and recipe.network is not None:
        made = recipe.model_copy(update={"per": "frame", "rate": recipe.network.rate, "relative": False})
        return LEARNED[recipe.extractor](made)
    return EXTRACTORS[recipe.extractor]()
