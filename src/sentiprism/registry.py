"""Discover classes by the `name` in their source, built in or from plugins."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from sentiprism import plugin_modules
from sentiprism.errors import UserError, suggest
from sentiprism.files import sha256

T = TypeVar("T")
MODEL = "model"
"""Module with the class, in a folder that also has the class's own parts."""


class Registry(Mapping[str, type[T]], Generic[T]):
    """Concrete subclasses of ``base`` by their ``name``, from the modules of a package and from plugins.

    Files whose name begins with ``_`` and the module that defines ``base`` are skipped. A class has its name as a
    literal (``name = "mdf"``), which is read from the source. So an unknown name is refused before anything is
    imported, and a look-up only imports the module that has the name. An installed plugin has the name of its entry
    point.

    Args:
        package: dotted name, for example ``sentiprism.models``; "" = nothing is built in.
        base: dotted name of the base class, for example ``sentiprism.models.base:Model``.
        noun: name of an entry in errors.
        group: group of entry points, for example ``sentiprism.models``.
        needs: attributes that the class of a plugin must have.
    """

    def __init__(self, package: str, base: str, noun: str, group: str = "", needs: tuple[str, ...] = ()) -> None:
        self.package, self.base, self.noun, self.group, self.needs = package, base, noun, group, needs
        self._loaded: dict[str, dict[str, type[T]]] = {}

    def check(self, name: str) -> None:
        """Refuse an unknown name, without importing built-in modules.

        Raises:
            UserError: the name is unknown.
        """
        if name not in self._written and name not in self._of_files:
            raise UserError(f"no {self.noun} is called {name!r}", suggest(name, {**self._written, **self._of_files}))

    def module_of(self, name: str) -> str:
        """Name of an entry's module, which is not imported.

        Raises:
            UserError: the name is unknown.
        """
        self.check(name)
        return self._written[name] if name in self._written else self._of_files[name].__module__

    def plugin_of(self, name: str) -> dict[str, str] | None:
        """Plugin of an entry: ``file`` and its ``sha256``, or ``package`` and its ``version``.

        None if the entry is built in or unknown.
        """
        if name in self._built_in:
            return None
        if (point := self._installed.get(name)) is not None:
            return {"package": point.dist.name, "version": point.dist.version} if point.dist else {"package": name}
        kind = self._of_files.get(name)
        path = None if kind is None else sys.modules[kind.__module__].__file__
        return None if path is None else {"file": Path(path).name, "sha256": sha256(Path(path))}

    def plugins(self) -> list[str]:
        """Names from plugins, without importing their modules."""
        return sorted({*self._installed, *self._of_files})

    @cached_property
    def _built_in(self) -> dict[str, str]:
        """Modules by names in their sources; only importing shows whether a name is an entry."""
        found: dict[str, str] = {}
        for module in self._modules:
            for name in _literal_names(module):
                if found.setdefault(name, module) != module:
                    raise RuntimeError(f"two {self.noun}s are called {name!r}")
        return found

    @property
    def _installed(self) -> dict[str, EntryPoint]:
        return plugin_modules.installed(self.group) if self.group else {}

    @cached_property
    def _written(self) -> dict[str, str]:
        """Modules by name, built in or installed."""
        for name, point in self._installed.items():
            if name in self._built_in:
                cause = f"package {plugin_modules.package_of(point)} defines the {self.noun} {name!r}, which exists"
                raise UserError(cause, "uninstall it, or give it another name")
        return {**self._built_in, **{name: point.module for name, point in self._installed.items()}}

    @property
    def _of_files(self) -> dict[str, type[T]]:
        """Entries of files that the user named."""
        modules = plugin_modules.loaded_modules() if self.group else []
        return {name: kind for module in modules for name, kind in self._entries_of(module).items()}

    def entries_of_file(self, module: str, file: str) -> dict[str, type[T]]:
        """Check and return the entries of a file that was just imported.

        Raises:
            UserError: an entry is incomplete or has an existing name.
        """
        found = self._entries_of(module)
        others = [self._entries_of(other) for other in plugin_modules.loaded_modules() if other != module]
        for name, kind in found.items():
            if name in self._written or any(name in other for other in others):
                raise UserError(f"{file} defines the {self.noun} {name!r}, which exists", "give it another name")
            self._check_class(kind, name, file)
        for kind in self._classes_of(module):
            if kind not in found.values() and not kind.__name__.startswith("_") and "name" in vars(kind):
                missing = ", ".join(sorted(getattr(kind, "__abstractmethods__", ())))
                raise UserError(f"{file}: {kind.__name__} has no {missing}", "define it")
        return found

    def _check_class(self, kind: Any, name: str, source: str) -> type[T]:
        """Refuse an object that is not a complete entry."""
        base = self._base()
        if not (isinstance(kind, type) and issubclass(kind, base)) or isabstract(kind):
            abstract = ", ".join(sorted(getattr(kind, "__abstractmethods__", ())))
            what = f"has no {abstract}" if abstract else f"is not a subclass of {base.__name__}"
            raise UserError(f"{source}: {getattr(kind, '__name__', kind)} {what}", "fix the plugin")
        if vars(kind).get("name") != name:
            raise UserError(f"{source}: the name of {kind.__name__} is not {name!r}", f'give it name = "{name}"')
        for attribute in self.needs:
            if not hasattr(kind, attribute):
                raise UserError(f"{source}: {kind.__name__} has no {attribute}", f"every {self.noun} has one")
        return kind

    @cached_property
    def _modules(self) -> list[str]:
        if not self.package:
            return []
        defining, _, _ = self.base.partition(":")
        found = [info for info in iter_modules(import_module(self.package).__path__) if info.name[0] != "_"]
        names = (f"{self.package}.{info.name}" + (f".{MODEL}" if info.ispkg else "") for info in found)
        return [name for name in names if name != defining]

    def _base(self) -> type[T]:
        defining, _, attribute = self.base.partition(":")
        base: type[T] = getattr(import_module(defining), attribute)
        return base

    def _classes_of(self, module: str) -> list[type[T]]:
        """Subclasses of the base that a module defines."""
        base = self._base()
        found = (value for value in vars(import_module(module)).values() if isinstance(value, type))
        return [value for value in found if issubclass(value, base) and value.__module__ == module]

    def _entries_of(self, module: str) -> dict[str, type[T]]:
        if module in self._loaded:
            return self._loaded[module]
        concrete = (kind for kind in self._classes_of(module) if not isabstract(kind) and "name" in vars(kind))
        found = {vars(kind)["name"]: kind for kind in concrete}
        if not module.startswith(plugin_modules.PREFIX):  # a file may be removed and imported again
            self._loaded[module] = found
        return found

    def _entry(self, name: str) -> type[T] | None:
        """Get an entry by name; None if the name is in a source but not that of an entry."""
        if name in self._built_in:
            return self._entries_of(self._built_in[name]).get(name)
        if (point := self._installed.get(name)) is not None:
            source = f"package {plugin_modules.package_of(point)}"
            return self._check_class(plugin_modules.import_installed(point), name, source)
        return self._of_files.get(name)

    @property
    def _entries(self) -> dict[str, type[T]]:
        names = {*self._written, *self._of_files}
        return dict(sorted((name, kind) for name in names if (kind := self._entry(name)) is not None))

    def __getitem__(self, name: str) -> type[T]:
        self.check(name)
        entry = self._entry(name)
        if entry is None:
            raise UserError(f"no {self.noun} is called {name!r}", suggest(name, self._entries))
        return entry

    def __contains__(self, name: object) -> bool:
        known = isinstance(name, str) and (name in self._written or name in self._of_files)
        return known and self._entry(str(name)) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@cache
def read_source(module: str) -> ast.Module:
    """Parse a module's source; only its parent packages are imported."""
    spec = find_spec(module)
    source = spec.loader.get_source(module) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined] # of every loader of files
    return ast.parse(source or "")


def _literal_names(module: str) -> list[str]:
    """Literal values of the attribute ``name`` of classes in a module's source."""
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
