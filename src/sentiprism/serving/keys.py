"""Keys of clients: a file of hashes, each with a label and limits."""

import hmac
import re
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from time import time

from pydantic import Field, field_validator

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.files import write_text
from sentiprism.yaml_files import dump_yaml, load_yaml

PREFIX = "sp_"
"""Beginning of each key, by which scanners of code find leaked ones."""
LONGEST = 200
"""Characters of a key that is compared; ours have 46."""
DAY = 86_400.0
MINUTE = 60.0


class KeyEntry(Config):
    """A key in the file."""

    label: str = Field(min_length=1, max_length=60, pattern=r"^[\w.@-]+$")
    sha256: str
    """Hash of the key; the key itself is not stored. Keys are random, so that a slow hash is not needed."""
    requests_per_minute: int = Field(600, ge=1)
    bytes_per_day: int = Field(20 * 10**9, ge=1)
    """Bytes of bodies; counted since midnight UTC or the start of the server."""
    jobs: int = Field(4, ge=1)
    """Analyses at a time, waiting ones included."""

    @field_validator("sha256")
    @classmethod
    def _hash(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            raise ValueError("should be a SHA-256 in hexadecimal digits")
        return value


class KeyFile(Config):
    """The file of keys."""

    keys: tuple[KeyEntry, ...] = ()


class Caller:
    """Who sends a request, and what is left of the limits.

    Args:
        entry: of the file; the limits of ``local`` if the server has no keys.
    """

    def __init__(self, entry: KeyEntry) -> None:
        self.entry = entry
        self.jobs = 0
        """Analyses that wait or run."""
        self._requests: deque[float] = deque()
        self._day, self._bytes = 0, 0

    @property
    def label(self) -> str:
        """Name of the key."""
        return self.entry.label

    def count_request(self) -> float | None:
        """Count a request; returns seconds to wait if there were too many in the last minute."""
        now = time()
        while self._requests and self._requests[0] <= now - MINUTE:
            self._requests.popleft()
        if len(self._requests) >= self.entry.requests_per_minute:
            return self._requests[0] + MINUTE - now
        self._requests.append(now)
        return None

    def has_bytes(self, count: int) -> float | None:
        """Return seconds to wait if a body of this size exceeds the limit of the day; None if it does not."""
        now = time()
        if self._day != int(now / DAY):
            self._day, self._bytes = int(now / DAY), 0
        return None if self._bytes + count <= self.entry.bytes_per_day else (self._day + 1) * DAY - now

    def count_bytes(self, count: int) -> None:
        """Count bytes of a body."""
        self._bytes += count


class Keys:
    """Keys that open the server.

    Args:
        entries: of the file.
    """

    def __init__(self, entries: Sequence[KeyEntry]) -> None:
        self._callers = [Caller(entry) for entry in entries]

    def find(self, key: str) -> Caller | None:
        """Find whose key this is, in a time that does not depend on it."""
        given, found = hash_of(key[:LONGEST]), None
        for caller in self._callers:  # all of them, whatever is found
            if hmac.compare_digest(caller.entry.sha256, given):
                found = caller
        return found


def hash_of(key: str) -> str:
    """Hash of a key, as in the file."""
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read_keys(path: Path) -> KeyFile:
    """Read a file of keys.

    Raises:
        UserError: it cannot be read, has no key, or a label or key twice.
    """
    found = KeyFile.parse(load_yaml(path), str(path))
    if not found.keys:
        raise UserError(f"{path} has no keys", f"add one: sentiprism serve --keys {path} --add-key LABEL")
    for name in ("label", "sha256"):
        values = [getattr(entry, name) for entry in found.keys]
        if len(set(values)) < len(values):
            raise UserError(f"{path} has the same {name} twice", "remove one of them")
    return found


def add_key(path: Path, label: str) -> str:
    """Add a new random key to a file, which is made if it does not exist.

    Returns:
        The key, which is not stored.

    Raises:
        UserError: the file cannot be read, or the label is taken or not valid.
    """
    known = read_keys(path).keys if path.exists() else ()
    if any(entry.label == label for entry in known):
        raise UserError(f"{path} has a key {label!r} already", "choose another label, or remove it from the file")
    key = PREFIX + token_urlsafe(32)
    entry = KeyEntry.parse({"label": label, "sha256": hash_of(key)}, "the new key")
    write_text(path, dump_yaml(KeyFile(keys=(*known, entry)).model_dump(mode="json"), width=120))
    path.chmod(0o600)
    return key
