"""Make the source of ``dataset add`` from its options."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError

if TYPE_CHECKING:
    from sentiprism.data.importers.sources import Source

GOES_WITH = {
    "labels": ("text", "audio", "vision", "folds", "column"),
    "mmsa": (),
    "csd": ("text", "audio", "vision", "words", "folds"),
    "arrays": ("folds",),
    "urfunny": ("context",),
    "importer": (),
}
"""Options that are allowed with each source."""


def choose_source(sources: dict[str, Any], options: dict[str, Any]) -> "Source":
    """Make the only given source, with its options."""
    from sentiprism.data.importers.sources import ArraysSource, CsdSource, MmsaSource, TableSource, UrfunnySource

    given = [name for name, value in sources.items() if value]
    if len(given) != 1:
        chosen = " and ".join(f"--{name}" for name in given) or "no source"
        raise UserError(f"{chosen} given", f"give one of {', '.join(f'--{name}' for name in sources)}")
    kind = given[0]
    idle = [f"--{name}" for name, value in options.items() if value and name not in GOES_WITH[kind]]
    if idle:
        raise UserError(f"--{kind} cannot be combined with {' and '.join(idle)}", "leave one of them out")
    if kind == "importer":
        return _import_by_plugin(sources[kind])
    if kind == "csd" and not options["folds"]:
        raise UserError("--csd has no splits", "give the videos of each split with --folds")
    kinds = {
        "labels": TableSource,
        "mmsa": MmsaSource,
        "csd": CsdSource,
        "arrays": ArraysSource,
        "urfunny": UrfunnySource,
    }
    taken = {"renamed" if name == "column" else name: options[name] for name in GOES_WITH[kind]}
    source: Source = kinds[kind](sources[kind], **taken)
    return source


def _import_by_plugin(given: str) -> "Source":
    """Make the source of ``IMPORTER=PATH``."""
    from sentiprism.data.importers.custom import IMPORTERS

    ((name, path),) = pairs([given], "IMPORTER=PATH").items()
    return IMPORTERS[name](Path(path))


def pairs(assignments: list[str], form: str) -> dict[str, str]:
    """Parse ``NAME=VALUE`` words as a mapping."""
    pairs: dict[str, str] = {}
    for text in assignments:
        name, sign, value = text.partition("=")
        if not (name and sign and value) or name in pairs:
            cause = f"{name} is given twice" if name in pairs else f"{text!r} is not an assignment"
            raise UserError(cause, f"write {form}, each name once")
        pairs[name] = value
    return pairs
