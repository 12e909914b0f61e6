"""Discover classes by the `name` in their source."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from importlib.util import find_spec
from inspect import isabstract
from pkgutil import iter_modules
from typing import Generic, TypeVar

from sentiprism.errors import UserError, suggest

T = TypeVar("T")


class Registry(Mapping[str, type[T]], Generic[T]):
    """Concrete subclasses of ``base`` that have a ``name`` of their own, found in the modules of a package.

    Files whose name begins with ``_`` and the module that defines ``base`` are passed over. A name stands in its class
    as a literal (``name = "mdf"``): it is read from the source, so that an unknown one is refused before anything is
    imported, and a look-up imports the one module that has it.

    Args:
        package: dotted name, for example ``sentiprism.models``.
        base: dotted name of the base class, for example ``sentiprism.models.base:Model``.
        noun: what an entry is called in errors.
    """

    def __init__(self, package: str, base: str, noun: str) -> None:
        self.package, self.base, self.noun = package, base, noun
        self._loaded: dict[str, dict[str, type[T]]] = {}

    def check(self, name: str) -> None:
        """Refuse an unknown name; no module is imported for it.

        Raises:
            UserError: nothing is called so.
        """
        if name not in self._written:
            raise UserError(f"no {self.noun} is called {name!r}", suggest(name, self._written))

    def module_of(self, name: str) -> str:
        """Module that an entry is written in; it is not imported.

        Raises:
            UserError: nothing is called so.
        """
        self.check(name)
        return self._written[name]

    @cached_property
    def _written(self) -> dict[str, str]:
        """Module by each name that stands in a source; whether it is an entry is known when it is imported."""
        found: dict[str, str] = {}
        for module in self._modules:
            for name in _literal_names(module):
                if found.setdefault(name, module) != module:
                    raise RuntimeError(f"two {self.noun}s are called {name!r}")
        return found

    @cached_property
    def _modules(self) -> list[str]:
        defining, _, _ = self.base.partition(":")
        found = (info.name for info in iter_modules(import_module(self.package).__path__))
        names = (f"{self.package}.{name}" for name in found if not name.startswith("_"))
        return [name for name in names if name != defining]

    def _entries_of(self, module: str) -> dict[str, type[T]]:
        if module not in self._loaded:
            defining, _, attribute = self.base.partition(":")
            base = getattr(import_module(defining), attribute)
            self._loaded[module] = {
                vars(value)["name"]: value
                for value in vars(import_module(module)).values()
                if isinstance(value, type)
                and issubclass(value, base)
                and not isabstract(value)
                and value.__module__ == module
                and "name" in vars(value)
            }
        return self._loaded[module]

    @cached_property
    def _entries(self) -> dict[str, type[T]]:
        modules = dict.fromkeys(self._written.values())
        return dict(sorted(entry for module in modules for entry in self._entries_of(module).items()))

    def __getitem__(self, name: str) -> type[T]:
        self.check(name)
        entries = self._entries_of(self._written[name])
        if name not in entries:
            raise UserError(f"no {self.noun} is called {name!r}", suggest(name, self._entries))
        return entries[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._written and name in self._entries_of(self._written[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@cache
def read_source(module: str) -> ast.Module:
    """A module's source, parsed; the module is not imported, only the packages that it is in."""
    spec = find_spec(module)
    source = spec.loader.get_source(module) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined] # of every loader of files
    return ast.parse(source or "")


def _literal_names(module: str) -> list[str]:
    """Texts that classes of a module's source give the attribute ``name``."""
    return [
        statement.value.value
        for kind in read_source(module).body
        if isinstance(kind, ast.ClassDef)
        for statement in kind.body
        if isinstance(statement, ast.Assign)
        and [target.id for target in statement.targets if isinstance(target, ast.Name)] == ["name"]
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    ]
