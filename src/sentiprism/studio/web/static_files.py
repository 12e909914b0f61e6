"""Style sheets and scripts, at addresses that change with their content: browsers keep them."""

import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter()
REPORT = "sentiprism.report.page"
"""Has the brand, and the colours and type of everything."""
OWN = "sentiprism.studio.static"
CSS, SCRIPT = "text/css", "text/javascript"
STATIC = {
    "base.css": (REPORT, "style.css", CSS),
    "study.css": (REPORT, "study.css", CSS),
    **{name: (OWN, name, CSS) for name in ("studio.css", "data.css", "label.css", "stream.css")},
    **{
        f"{name}.js": (OWN, f"{name}.js", SCRIPT)
        for name in (
            "live", "upload", "cells", "forms", "utterance", "label_player", "label_rate", "label_cuts", "label_live",
            "stream_page", "stream_socket", "stream_capture", "stream_sound", "stream_view",
        )
    },
}  # fmt: skip
"""Package, file and type of what pages load, by its name in the address; nothing else is served."""
SHARED = "drawing.js"
STATIC[SHARED] = (REPORT, "script", SCRIPT)
PARTS = ("elements.js", "estimates.js")
"""Parts of the report's script that a module of ours imports by the name `SHARED`."""
FOREVER = "private, max-age=31536000, immutable"
_NAMED = re.compile(r"^(?:const|function) (\w+)", re.MULTILINE)
_ADDRESS = re.compile(r"/static/(\w+\.js)\b")
"""Of a script that another one imports."""


def static_address(name: str) -> str:
    """Where a page loads a style sheet or script from; another content has another address."""
    return f"/static/{name}?v={_version(name)}"


@router.get("/static/{name}")
def static_file(name: str, v: str = "") -> Response:
    """A style sheet or script."""
    if name not in STATIC:
        return Response("There is no such file.", 404, media_type="text/plain")
    kept = FOREVER if v == _version(name) else "no-cache"
    return Response(_content(name), media_type=STATIC[name][2], headers={"Cache-Control": kept})


@router.get("/favicon.ico")
def favicon() -> Response:
    """Nothing: browsers ask for it."""
    return Response(status_code=204)


@cache
def _version(name: str) -> str:
    return sha256(_content(name)).hexdigest()[:12]


@cache
def _content(name: str) -> bytes:
    package, file, kind = STATIC[name]
    if name == SHARED:
        text = "".join(files(package).joinpath(file, part).read_text(encoding="utf-8") for part in PARTS)
        return f"{text}\nexport {{ {', '.join(_NAMED.findall(text))} }};\n".encode()
    content = files(package).joinpath(file).read_bytes()
    if kind != SCRIPT:
        return content
    return _ADDRESS.sub(lambda found: static_address(found[1]), content.decode()).encode()
