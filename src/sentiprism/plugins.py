"""Plugins: models, extractors, metrics and importers in a file of the user's own, found as if they were built in."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from sentiprism.errors import UserError
from sentiprism.plugin_modules import forget_file, import_file, module_of_file
from sentiprism.registry import Registry

REGISTRIES = {
    "model": "sentiprism.models:MODELS",
    "extractor": "sentiprism.features.extractors:EXTRACTORS",
    "metric": "sentiprism.metrics.custom:METRICS",
    "importer": "sentiprism.data.importers.custom:IMPORTERS",
}
"""What a plugin may define."""


def load_plugins(files: Iterable[Path | str]) -> None:
    """Import the files of plugins that a user names himself, and check what they define.

    Raises:
        UserError: a file cannot be imported, defines nothing, or what is incomplete or has a name that exists.
    """
    for file in files:
        load_plugin(file)


def load_plugin(file: Path | str) -> dict[str, list[str]]:
    """Import one file, and check what it defines.

    Returns:
        Names by kind: ``{"model": ["my_model"]}``.

    Raises:
        UserError: as `load_plugins`.
    """
    known = module_of_file(file)
    module = known or import_file(file).__name__
    try:
        found = {noun: list(registry(noun).entries_of_file(module, str(file))) for noun in REGISTRIES}
    except UserError:
        if known is None:
            forget_file(file)
        raise
    found = {noun: names for noun, names in found.items() if names}
    if not found:
        forget_file(file)
        cause = f"{file} defines no {', '.join([*REGISTRIES][:-1])} or {[*REGISTRIES][-1]}"
        raise UserError(cause, 'give it a subclass, such as of Model, with a name: name = "my_model"')
    return found


def registry(noun: str) -> Registry[Any]:
    """The registry of a kind."""
    module, _, attribute = REGISTRIES[noun].partition(":")
    found: Registry[Any] = getattr(import_module(module), attribute)
    return found


def check_plugin(known: Registry[Any], name: str, plugin: dict[str, str] | None, what: str) -> None:
    """Refuse a name that is not known, and say which plugin it was of.

    Args:
        known: where the name should be.
        name: of a model, for example.
        plugin: what was noted of its plugin, see `Registry.plugin_of`.
        what: that needs it, for the message.

    Raises:
        UserError: nothing is called so.
    """
    try:
        known.check(name)
    except UserError:
        if not plugin:
            raise
        if file := plugin.get("file"):
            cause = f"{what} was made with the plugin {file}, which is not loaded"
            raise UserError(cause, f"name that file with `plugin` {file}") from None
        package = plugin.get("package", "")
        cause = f"{what} was made with the package {package} {plugin.get('version', '')}, which is not installed"
        raise UserError(cause, f"install {package}") from None
