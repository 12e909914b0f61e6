"""The page of the public Python API, made from `sentiprism.__all__`."""

import inspect
import typing
from importlib import import_module
from types import ModuleType

import sentiprism


def page() -> str:
    """The page, in reStructuredText: a function or class of the API each, then the classes they return."""
    names = [name for name in sentiprism.__all__ if not name.startswith("_")]
    objects = {name: public(name) for name in names}
    functions = [name for name, one in objects.items() if inspect.isfunction(one)]
    given = {one for one in objects.values() if inspect.isclass(one)}
    returned = {kind for name in functions for kind in _returned(objects[name])} - given
    classes = sorted(given | returned, key=lambda kind: kind.__name__)
    parts = [_heading("Python API", "="), INTRODUCTION, _heading("Functions", "-")]
    parts += [f".. autofunction:: {_place(name)}\n" for name in functions]
    parts += [_heading("Classes", "-"), "What these functions return or take.\n"]
    parts += [
        f".. autoclass:: {kind.__module__}.{kind.__qualname__}\n   :members:\n   :exclude-members: model_config\n"
        for kind in classes
    ]
    return "\n".join(parts)


def public(name: str) -> typing.Any:
    """What a public name is; of a package that is called as its function, the function."""
    found = getattr(sentiprism, name)
    return getattr(import_module(sentiprism._API[name]), name) if isinstance(found, ModuleType) else found


def _place(name: str) -> str:
    """Where a function is found, for Sphinx."""
    whole = isinstance(getattr(sentiprism, name), ModuleType)
    return f"{sentiprism._API[name]}.{name}" if whole else f"sentiprism.{name}"


INTRODUCTION = """
.. code-block:: python

   import sentiprism as sp

``sp`` has every function below. Importing it costs nothing: a function's own module is imported when it is first used.
Errors that a caller can fix are ``sentiprism.errors.UserError``, with a cause and a remedy.
"""


def _heading(text: str, mark: str) -> str:
    return f"{text}\n{mark * len(text)}\n"


def _returned(function: typing.Callable[..., object]) -> set[type]:
    """Classes of this package in what a function is annotated to return."""
    annotation = inspect.signature(function).return_annotation
    if isinstance(annotation, str):
        module = inspect.getmodule(function)
        annotation = getattr(module, annotation, None) if isinstance(module, ModuleType) else None
    found = [annotation, *typing.get_args(annotation)]
    return {one for one in found if inspect.isclass(one) and one.__module__.startswith("sentiprism.")}
