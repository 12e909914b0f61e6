"""Load plugins: files with models, extractors, metrics or importers, which are then found by name."""

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
"""Kinds of classes that a plugin may define, with their registries."""


def load_plugins(files: Iterable[Path | str]) -> None:
    """Import plugin files that the user names, and check what they define.

    Raises:
        UserError: a file cannot be imported or defines nothing, or a class is incomplete or has an existing name.
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
    """Get the registry of a kind."""
    module, _, attribute = REGISTRIES[noun].partition(":")
    found: Registry[Any] = getattr(import_module(module), attribute)
    return found


def check_plugin(known: Registry[Any], name: str, plugin: dict[str, str] | None, what: str) -> None:
    """Refuse an unknown name, with the plugin that it came from.

    Args:
        known: registry that should have the name.
        name: name of a model, for example.
        plugin: its recorded plugin, see `Registry.plugin_of`.
        what: what needs it, for the message.

    Raises:
        UserError: the name is unknown.
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
