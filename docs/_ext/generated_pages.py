"""Pages made at each build, so that they cannot differ from the code: models, commands, the Python API."""

from pathlib import Path
from typing import Any

import api_page
import commands_page
import deviations_page
import model_pages
from sphinx.application import Sphinx


def write_pages(app: Sphinx) -> None:
    """Write the generated pages below the sources; git ignores them."""
    source = Path(app.srcdir)
    pages = {
        **model_pages.pages((source / "results.md").read_text(encoding="utf-8")),
        "reference/commands.md": commands_page.page(),
        "reference/python.rst": api_page.page(),
    }
    for stale in set(source.glob("models/*.md")) - {source / name for name in pages}:
        stale.unlink()
    for name, text in pages.items():
        path = source / name
        path.parent.mkdir(exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:  # a page that is the same is not built again
            path.write_text(text, encoding="utf-8")


def collect_deviations(_: Sphinx, page: str, text: list[str]) -> None:
    """Put the models' own deviations into the page on them, which links their sources where it is read as it is."""
    if page == deviations_page.PAGE:
        text[0] = deviations_page.with_tables(text[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the pages before Sphinx looks for its sources."""
    app.connect("builder-inited", write_pages)
    app.connect("env-get-outdated", lambda *_: [deviations_page.PAGE])  # the models may have changed, not the page
    app.connect("source-read", collect_deviations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
