"""What each model does differently from its paper, from the docstrings of the models."""

import re

from markup import prose, table

from sentiprism.models import MODELS
from sentiprism.models.deviations import deviations_of

PAGE = "deviations"
HEADING = "## Of each model"
"""Of the part of the page that is links to sources on a forge, and tables on the site."""


def section(model: str) -> str:
    """A model's deviations as Markdown: its notes and a table. "" where it declares none."""
    found = deviations_of(MODELS.module_of(model))
    if found is None:
        return ""
    parts = [prose(found.notes), table(found.headings, [list(map(prose, row)) for row in found.rows])]
    return "\n\n".join(part for part in parts if part) if found.rows else prose(found.notes)


def with_tables(page: str) -> str:
    """The page on deviations as the site shows it: tables in the place of links to sources.

    Raises:
        RuntimeError: a model of this project declares nothing, or is not linked.
    """
    head, heading, links = page.partition(HEADING)
    ours = {name: model for name, model in MODELS.items() if model.__module__.startswith("sentiprism.models.")}
    linked = re.findall(r"^\[(\w+)\]\(\.\./src/sentiprism/models/\1(?:\.py)?\)", links, re.MULTILINE)
    if sorted(linked) != sorted(ours):
        raise RuntimeError(f"docs/{PAGE}.md links {linked}, the models are {sorted(ours)}")
    parts = [
        f"{head}{heading}",
        'From the section "Deviations" of each model\'s source; `sentiprism models NAME` prints it.',
    ]
    for name in linked:
        if not (text := section(name)):
            raise RuntimeError(f"{ours[name].__module__} has no section 'Deviations' in its docstring")
        cited = ours[name].citation
        parts += [
            f"### {name}",
            f"{prose(cited.title)} ({prose(cited.venue)} {cited.year}), [its page](models/{name}.md).",
            text,
        ]
    return "\n\n".join(parts) + "\n"
