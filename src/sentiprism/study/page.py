"""Render a study as one page that can be shared."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sentiprism.reading import MB, read_bytes
from sentiprism.report.page.template import fill
from sentiprism.study.charts import Small, draw_absolute, draw_relative, draw_small, draw_strips, group_colours
from sentiprism.study.design import Observation
from sentiprism.study.study import Study

STYLES = ("style.css", "study.css")
MOST_SMALL = 500
"""Small curves on the page."""
MOST_PICTURE = MB
"""Bytes of a still."""


class Shown(NamedTuple):
    """A recording on the page."""

    small: Small
    name: str
    link: str | None
    picture: str | None
    """A data: URI."""


def render_study(
    studies: Sequence[Study],
    title: str,
    observations: Sequence[Observation],
    names: Mapping[str, str] = MappingProxyType({}),
    *,
    links: Mapping[str, str] = MappingProxyType({}),
    pictures: Mapping[str, Path] = MappingProxyType({}),
    methods: Sequence[str] = (),
    failures: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Render the page of a study; it loads nothing, and names no file unless names are given.

    Args:
        studies: comparisons of the same recordings, as `sentiprism.study.study.compare_groups` returns them.
        title: of the page.
        observations: recordings that are shown each with a small curve.
        names: by identifier of a recording; others are numbered.
        links: address of a recording's report, by identifier.
        pictures: JPEG file of a still, by identifier; one that is missing is left out.
        methods: paragraphs for a paper.
        failures: reasons by name of recordings that could not be analysed.

    Raises:
        UserError: jinja2 is not installed.
    """
    first = studies[0]
    colours = group_colours(first)
    shown = [one for one in observations if one.summary.model == first.model]
    smalls = [
        Shown(
            draw_small(one, first, colours),
            names.get(one.recording) or f"recording {number}",
            links.get(one.recording),
            _picture(pictures.get(one.recording)),
        )
        for number, one in enumerate(shown[:MOST_SMALL], start=1)
    ]
    return fill(
        "study.html.j2",
        scripts=(),
        styles=STYLES,
        images=any(one.picture for one in smalls),
        title=title,
        first=first,
        sections=[(study, draw_strips(study), draw_relative(study), draw_absolute(study)) for study in studies],
        notes=dict.fromkeys(note for study in studies for note in study.notes),
        classes=all(one.summary.mean is None for one in shown),
        smalls=smalls,
        left_out=len(shown) - len(smalls),
        methods=methods,
        failures=sorted(failures.items()),
    )


def _picture(path: Path | None) -> str | None:
    if path is None or not path.is_file():
        return None
    content = read_bytes(path, MOST_PICTURE, "picture")
    return f"data:image/jpeg;base64,{b64encode(content).decode()}"
