"""Render a study as one page that can be shared."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sentiprism.report.page.template import fill
from sentiprism.study.charts import draw_absolute, draw_relative, draw_small, draw_strips, group_colours
from sentiprism.study.design import Observation
from sentiprism.study.study import Study

STYLES = ("style.css", "study.css")
MOST_SMALL = 500
"""Small curves on the page."""


def render_study(
    study: Study, title: str, observations: Sequence[Observation], names: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Render the page of a study; it loads nothing, and names no file unless names are given.

    Args:
        study: as `sentiprism.study.study.compare_groups` returns it.
        title: of the page.
        observations: recordings that are shown each with a small curve.
        names: by identifier of a recording; others are numbered.

    Raises:
        UserError: jinja2 is not installed.
    """
    colours = group_colours(study)
    shown = [one for one in observations if one.summary.model == study.model]
    smalls = [
        (draw_small(one, study, colours), names.get(one.recording) or f"recording {number}")
        for number, one in enumerate(shown[:MOST_SMALL], start=1)
    ]
    return fill(
        "study.html.j2",
        scripts=(),
        styles=STYLES,
        title=title,
        study=study,
        strips=draw_strips(study),
        relative=draw_relative(study),
        absolute=draw_absolute(study),
        smalls=smalls,
        left_out=len(shown) - len(smalls),
    )
