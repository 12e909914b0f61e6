"""Fill a page's template with its style sheet, scripts and content security policy."""

from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.report import wording
from sentiprism.report.page.playable import Source
from sentiprism.tables import clock, p_value

if TYPE_CHECKING:
    from jinja2 import Environment


def fill(
    template: str,
    scripts: Iterable[str],
    media: Source | None = None,
    *,
    images: bool = False,
    styles: Iterable[str] = ("style.css",),
    **values: Any,
) -> str:
    """Fill a template; its policy only allows its style sheets and scripts, by their hashes.

    Args:
        template: its file.
        scripts: files of the page's script, in order.
        media: the recording, if the page has a player.
        images: whether the page has embedded pictures.
        styles: files of the page's style sheet, in order.
        values: that the template names.

    Raises:
        UserError: jinja2 is not installed.
    """
    style, script = ("".join(map(_text, parts)) for parts in (styles, scripts))
    allowed = ["default-src 'none'", f"style-src {_hash(style)}", f"script-src {_hash(script)}"]
    if media is not None:
        allowed.append("media-src data:" if media.embedded else "media-src 'self' file:")
    if images:
        allowed.append("img-src data:")
    policy = "; ".join([*allowed, "base-uri 'none'", "form-action 'none'"])
    environment = _environment()
    found = environment.get_template(template)
    return found.render(style=style, script=script, policy=policy, **values)


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


@cache
def _environment() -> "Environment":
    return make_environment(_text)


def make_environment(load: Callable[[str], str]) -> "Environment":
    """Templates in which every text is escaped and every name must be known.

    Args:
        load: source of a template by its name.

    Raises:
        UserError: jinja2 is not installed.
    """
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError:
        raise UserError("jinja2 is not installed", install_extra("media")) from None
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FunctionLoader(load),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(signed=wording.signed, p=p_value, clock=clock)
    environment.globals.update(trusted=Markup)
    return environment
