"""Find Whisper models by name."""

import os
import re
from pathlib import Path

from sentiprism.assets.registry import fetch
from sentiprism.assets.sources import UnavailableError, hub_snapshot
from sentiprism.errors import UserError, suggest
from sentiprism.reading import SMALL, check_folder

READ = {".bin", ".json", ".txt"}
"""Suffixes of the files that faster-whisper may read."""

SIZES = (
    *("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en"),
    *("large-v1", "large-v2", "large-v3"),
)
"""Whisper models that are available converted on the hub; ``.en`` models only know English."""


def resolve_whisper(model: str | Path) -> Path:
    """Local folder of a Whisper model in CTranslate2's format, downloaded at first use.

    Args:
        model: a name of `SIZES` (``base`` is a pinned asset), a folder, or ``owner/name`` on the hub, in this order.

    Raises:
        UserError: there is no such model, or it cannot be downloaded.
    """
    check_whisper(model)
    if model == "base":
        return fetch("whisper-base")
    if model not in SIZES and (folder := Path(model).expanduser()).is_dir():
        return folder
    try:
        return hub_snapshot(f"Systran/faster-whisper-{model}" if model in SIZES else str(model), kept="model.bin")
    except UnavailableError as error:
        raise UserError(
            f"speech model {str(model)!r} is not available: {error}", "give a folder, or use 'base'"
        ) from None


def check_whisper(model: str | Path) -> None:
    """Refuse an invalid Whisper model, without downloading or loading anything.

    Raises:
        UserError: the name is unknown, or the folder has no model.
    """
    folder = Path(model).expanduser()
    if model in SIZES:
        return
    if folder.is_dir():
        if not os.path.lexists(folder / "model.bin"):
            remedy = "give a Whisper model converted by ct2-transformers-converter"
            raise UserError(f"{folder} is not a CTranslate2 Whisper model: it has no model.bin", remedy)
        check_folder(folder, READ, {".json": SMALL, ".txt": SMALL}, "file of a speech model")
    elif isinstance(model, Path) or not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", model):
        raise UserError(f"no speech model is called {str(model)!r}", suggest(str(model), SIZES))
