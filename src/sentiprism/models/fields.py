"""Read the names of models' configuration fields from their sources, without importing torch."""

import ast
from collections.abc import Iterable, Iterator

from sentiprism.errors import UserError, suggest
from sentiprism.models import MODELS
from sentiprism.registry import read_source

COMMON = "sentiprism.models.base"
"""Module whose ``ModelConfig`` fills in presets before fields are checked, without changing names."""


def check_fields(model: str, names: Iterable[str]) -> None:
    """Refuse unknown fields of a model's configuration quickly; values are checked when it is built.

    Args:
        model: see ``list_models``.
        names: names of given fields.

    Raises:
        UserError: the configuration has no such field.
    """
    known = config_fields(model)
    if known is None:
        return
    for name in names:
        if name not in known:
            raise UserError(f"configuration of {model}: unknown key {name!r}", suggest(str(name), known))


def config_fields(model: str) -> set[str] | None:
    """Fields of a model's configuration; None if the source is not enough, for example if old names are translated.

    Raises:
        UserError: the model is unknown.
    """
    module = MODELS.module_of(model)
    if not module.startswith("sentiprism."):  # a plugin may define its configuration in any way
        return None
    for kind in _classes(module):
        given = {name: value for name, value in _assigned(kind) if isinstance(value, ast.Constant | ast.Name)}
        name, config = given.get("name"), given.get("Config")
        if isinstance(name, ast.Constant) and name.value == model and isinstance(config, ast.Name):
            return _fields(module, config.id)
    return None


def _fields(module: str, name: str) -> set[str] | None:
    """Annotated names of a class and its base classes."""
    kind = next((one for one in _classes(module) if one.name == name), None)
    if kind is None:
        source = _imported_from(module, name)
        return set() if source is None or not source.startswith("sentiprism.") else _fields(source, name)
    if module != COMMON and any(_translates(one) for one in kind.body):
        return None
    found = {
        one.target.id
        for one in kind.body
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and not ast.unparse(one.annotation).startswith("ClassVar")
    }
    for base in kind.bases:
        inherited = _fields(module, base.id) if isinstance(base, ast.Name) else None
        if inherited is None:
            return None
        found |= inherited
    return found


def _classes(module: str) -> Iterator[ast.ClassDef]:
    return (one for one in read_source(module).body if isinstance(one, ast.ClassDef))


def _assigned(kind: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for one in kind.body:
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            yield one.targets[0].id, one.value


def _imported_from(module: str, name: str) -> str | None:
    """Module from which a name is imported; None if it is not imported by name."""
    for one in read_source(module).body:
        if isinstance(one, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in one.names):
            return one.module
    return None


def _translates(statement: ast.stmt) -> bool:
    """Whether a statement is a validator that runs before names are checked."""
    return isinstance(statement, ast.FunctionDef) and any(
        ast.unparse(one).startswith("model_validator(mode='before'") for one in statement.decorator_list
    )
