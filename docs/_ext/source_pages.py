"""Pages with the source of models and their blocks, whose lines can be linked."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SHOWN = ("sentiprism.models", "sentiprism.nn")
"""Packages whose modules have a page."""


def source_of(module: str) -> str:
    """Text of a module, which is not imported.

    Raises:
        RuntimeError: it has no file.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{module} has no file")
    return Path(spec.origin).read_text(encoding="utf-8")


def page_of(module: str) -> str:
    """Page of a module's source, below the site's root."""
    return f"source/{module.replace('.', '/')}"


def source_link(module: str, line: int | None = None) -> str:
    """A link to a module's source for a page one folder below the root, or its name where it has no page."""
    name = f"{module.replace('.', '/')}.py"
    if not module.startswith(SHOWN):
        return f"`{name}`"
    short = name.removeprefix("sentiprism/") + ("" if line is None else f":{line}")
    mark = "" if line is None else f"#line-{line}"
    return f'<a href="../{page_of(module)}.html{mark}">{short}</a>'


def shown_modules() -> list[str]:
    """Modules that have a page."""
    found = []
    for package in SHOWN:
        spec = find_spec(package)
        folders = spec.submodule_search_locations if spec else None
        found += [package, *(info.name for info in walk_packages(folders, f"{package}."))]
    return found


def pages(app: "Sphinx") -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield name, content and template of each page; they are not searched."""
    for module in shown_modules():
        code = app.builder.highlighter.highlight_block(  # type: ignore[attr-defined] # of every builder of HTML
            source_of(module), "python", linenos="inline", linespans="line"
        )
        name = f"{module.replace('.', '/')}.py"
        yield page_of(module), {"title": name, "body": f"<h1>{name}</h1>{code}"}, "page.html"


def setup(app: "Sphinx") -> dict[str, Any]:
    """Add the pages behind those that Sphinx writes itself."""
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
