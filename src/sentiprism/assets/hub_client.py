"""Read from the Hugging Face hub: bounded in size and time, and from its own hosts alone.

huggingface_hub gives the address, the token and the connection. The answers are read here, since a repository is
written by somebody else: its library bounds neither sizes nor times, and compares no checksum.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from sentiprism.assets import sources
from sentiprism.environment import OFFLINE, offline
from sentiprism.errors import UserError
from sentiprism.reading import MB, SMALL, parse_json
from sentiprism.tables import size

HOSTS = ("huggingface.co", "hf.co")
"""Domains of the hub, to which it redirects large files."""
REDIRECTS = 5
SLOWEST = 20_000
"""Slowest transfer in bytes per second, after `GRACE`."""
GRACE = 30.0
"""Seconds for an answer of any size."""
CHUNK = MB
AGAIN = "try again later"


class Received(NamedTuple):
    """Checksums of a received file."""

    size: int
    sha256: str
    blob: str
    """Git's object name."""


def forbidden() -> str | None:
    """Name of the variable that forbids network access, if one does."""
    from huggingface_hub import constants

    return OFFLINE if offline() else "HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else None


def get_json(path: str, name: str) -> Any:
    """Get a JSON value of the hub's API.

    Args:
        path: below the hub's address.
        name: name of the repository, for messages.

    Raises:
        UserError: the hub cannot be reached, refuses it, or answers with something else than JSON of a limited size.
    """
    with _opened(path, name) as response:
        content = b"".join(_chunks(response, SMALL, name, "its list of files"))
    if "json" not in response.headers.get("content-type", ""):
        raise UserError(f"the hub's answer for {name} is not JSON", "check HF_ENDPOINT, the network and its proxy")
    try:
        return parse_json(content.decode(), f"the hub's answer for {name}")
    except (UserError, UnicodeDecodeError):
        raise UserError(f"the hub's answer for {name} is not valid JSON", AGAIN) from None


def download(path: str, target: Path, length: int, name: str) -> Received:
    """Write a file of the hub.

    Args:
        path: below the hub's address.
        target: file to write.
        length: announced size in bytes; a longer or shorter one is refused.
        name: name of the repository, for messages.

    Raises:
        UserError: as `get_json`, or it has another size.
    """
    sha256, blob, count = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % length, usedforsecurity=False), 0
    with _opened(path, name) as response, target.open("wb") as file:
        for chunk in _chunks(response, length, name, target.name):
            file.write(chunk)
            sha256.update(chunk)
            blob.update(chunk)
            count += len(chunk)
    if count != length:
        raise UserError(f"{name}: {target.name} ended after {count} of {length} bytes", AGAIN)
    return Received(count, sha256.hexdigest(), blob.hexdigest())


@contextmanager
def _opened(path: str, name: str) -> Iterator[Any]:
    """Open an address below the hub's, following redirects to its own hosts; yields the response."""
    from huggingface_hub import constants, get_session, get_token

    if forbids := forbidden():
        raise UserError(f"{name} is not in the cache, and {forbids} forbids connecting to the hub", f"unset {forbids}")
    address, token = f"{constants.ENDPOINT}/{path}", get_token()
    for _ in range(REDIRECTS):
        headers = {"accept-encoding": "identity", "user-agent": "sentiprism"}
        if token and _origin(address) == _origin(constants.ENDPOINT):  # it is for the hub alone
            headers["authorization"] = f"Bearer {token}"
        try:
            with get_session().stream(
                "GET", address, headers=headers, follow_redirects=False, timeout=sources.PATIENCE
            ) as response:
                if not response.has_redirect_location:
                    if response.status_code != 200:
                        raise _refusal(response, name)
                    yield response
                    return
                target = urljoin(address, response.headers["location"])
        except UserError:
            raise
        except OSError:  # of the disk
            raise
        except Exception as error:  # of the HTTP library, whose name depends on huggingface_hub's version
            if not type(error).__module__.startswith("httpx"):
                raise
            raise UserError(
                f"the Hugging Face hub does not respond for {name} ({type(error).__name__})", "check the network"
            ) from None
        if not _is_hub(target, constants.ENDPOINT):
            cause = f"{name}: the hub redirects to {urlsplit(target).hostname}, which is not one of its hosts"
            raise UserError(cause, "check HF_ENDPOINT")
        address = target
    raise UserError(f"{name}: the hub redirects more than {REDIRECTS} times", AGAIN)


def _refusal(response: Any, name: str) -> UserError:
    """Error for a status that is not 200."""
    status, code = response.status_code, response.headers.get("x-error-code", "")
    if code == "RevisionNotFound":
        return UserError(f"{name} has no such revision", "give a commit, branch or tag that it has")
    if code == "EntryNotFound":
        return UserError(f"{name} lacks a file that it lists", AGAIN)
    if code == "GatedRepo" or status == 403:
        return UserError(f"access to {name} is refused", "ask for it on the page of the repository, then log in")
    if status in {401, 404}:
        cause = f"{name} was not found on the Hugging Face hub, or is private"
        return UserError(cause, "check the name; for a private one, log in with: hf auth login")
    return UserError(f"the Hugging Face hub refuses {name} (status {status})", AGAIN)


def _chunks(response: Any, most: int, name: str, what: str) -> Iterator[bytes]:
    """Read an answer of at most ``most`` bytes, at `SLOWEST` or faster."""
    count, end = 0, time.monotonic() + GRACE + most / SLOWEST
    for chunk in response.iter_raw():
        count += len(chunk)
        if count > most:
            raise UserError(f"{name}: {what} is larger than announced or allowed ({size(most)})", "do not use it")
        if time.monotonic() > end:
            raise UserError(f"{name}: {what} arrives too slowly", AGAIN)
        yield chunk


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


def _is_hub(address: str, endpoint: str) -> bool:
    try:
        scheme, host, port = _origin(address)
    except ValueError:  # an invalid port
        return False
    known = any(host == one or str(host).endswith(f".{one}") for one in HOSTS)
    return (known and scheme == "https") or (scheme, host, port) == _origin(endpoint)
