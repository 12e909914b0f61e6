"""Discovery: a name in a package's files is all it takes to be found."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules
from typing import Generic, TypeVar

from sentiprism.errors import UserError, suggest

T = TypeVar("T")


class Registry(Mapping[str, type[T]], Generic[T]):
    """Concrete subclasses of ``base`` that have a ``name`` of their own, found in the modules of a package.

    Files whose name begins with ``_`` and the module that defines ``base`` are passed over. Nothing is imported
    before the first look-up.

    Args:
        package: dotted name, for example ``sentiprism.models``.
        base: dotted name of the base class, for example ``sentiprism.models.base:Model``.
        noun: what an entry is called in errors.
    """

    def __init__(self, package: str, base: str, noun: str) -> None:
        self.package, self.base, self.noun = package, base, noun

    @cached_property
    def _entries(self) -> dict[str, type[T]]:
        module, _, attribute = self.base.partition(":")
        base = getattr(import_module(module), attribute)
        found: dict[str, type[T]] = {}
        for info in iter_modules(import_module(self.package).__path__):
            name = f"{self.package}.{info.name}"
            if info.name.startswith("_") or name == module:
                continue
            for value in vars(import_module(name)).values():
                if not isinstance(value, type) or not issubclass(value, base) or isabstract(value):
                    continue
                if value.__module__ != name or "name" not in vars(value):
                    continue
                if found.setdefault(vars(value)["name"], value) is not value:
                    raise RuntimeError(f"two {self.noun}s are called {vars(value)['name']!r}")
        return dict(sorted(found.items()))

    def __getitem__(self, name: str) -> type[T]:
        if name not in self._entries:
            raise UserError(f"no {self.noun} is called {name!r}", suggest(name, self._entries))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
