"""Names of repositories on the Hugging Face hub: ``hf://OWNER/NAME@REVISION``."""

import re
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from sentiprism.assets.sources import COMMIT
from sentiprism.errors import UserError

PREFIX = "hf://"
DATASETS = "datasets/"
FORM = "write hf://OWNER/NAME@COMMIT, or hf://datasets/OWNER/NAME@COMMIT for a dataset"
_SEEN = re.compile(r"hf:/{1,2}(.*)", re.DOTALL)
"""A path has one slash: ``Path("hf://a/b")`` is ``hf:/a/b``."""
_PART = r"[A-Za-z0-9_](?:[\w.-]{0,94}\w)?"
_NAME = re.compile(rf"(datasets/)?({_PART})/({_PART})(?:@([A-Za-z0-9_][\w./-]{{0,199}}))?", re.ASCII)


class Repository(NamedTuple):
    """A repository at a revision."""

    kind: Literal["models", "datasets"]
    owner: str
    name: str
    revision: str | None = None
    """A commit, branch or tag; None = the default branch."""

    def __str__(self) -> str:
        prefix = DATASETS if self.kind == "datasets" else ""
        return f"{PREFIX}{prefix}{self.id}" + (f"@{self.revision}" if self.revision else "")

    @property
    def id(self) -> str:
        """Owner and name."""
        return f"{self.owner}/{self.name}"

    @property
    def pinned(self) -> bool:
        """Whether the revision is a complete commit hash."""
        return re.fullmatch(COMMIT, self.revision or "") is not None

    def address(self, file: str) -> str:
        """Path of a file below the hub's address."""
        prefix = DATASETS if self.kind == "datasets" else ""
        return f"{prefix}{self.id}/resolve/{quote(self.revision or 'main', safe='')}/{quote(file)}"


def is_repository(text: str | Path) -> bool:
    """Whether a text is meant as the name of a repository, valid or not."""
    return _SEEN.match(_as_text(text)) is not None


def parse_repository(text: str | Path, kind: Literal["models", "datasets"] = "models") -> Repository | None:
    """Parse the name of a repository; None for other texts, such as paths.

    Raises:
        UserError: it begins with ``hf://``, but is not valid or is of the other kind.
    """
    seen = _SEEN.match(_as_text(text))
    if seen is None:
        return None
    found = _NAME.fullmatch(seen[1])
    if found is None or ".." in seen[1] or "--" in f"{found[2]} {found[3]}":
        raise UserError(f"{str(text)!r} is not the name of a repository", FORM)
    if (found[1] is not None) != (kind == "datasets") or (found[1] is None and found[2] == DATASETS[:-1]):
        raise UserError(f"{text} is not a repository of {kind}", FORM)
    return Repository(kind, found[2], found[3], found[4])


def _as_text(text: str | Path) -> str:
    return text.as_posix() if isinstance(text, Path) else str(text)
