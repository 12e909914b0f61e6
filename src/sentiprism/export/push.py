"""Upload a saved model to the Hugging Face hub, in one commit."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiprism.assets.hub_client import forbidden
from sentiprism.assets.hub_names import PREFIX, Repository, parse_repository
from sentiprism.assets.repository import list_files
from sentiprism.assets.sources import COMMIT, quiet_hub
from sentiprism.errors import UserError, few
from sentiprism.export.model_card import make_model_card
from sentiprism.export.published import collect
from sentiprism.models.hub import MODEL
from sentiprism.progress import progress

CARD = "README.md"
OTHERS = (CARD, ".gitattributes", ".gitignore", "LICENSE")
"""Files that a repository of ours may have besides the model's."""
LOGIN = "log in with a token that may write: hf auth login, or set HF_TOKEN"


@dataclass(frozen=True)
class Upload:
    """An upload that was prepared and not begun.

    Args:
        repository: where, and the branch.
        files: content or file by path.
        private: whether a new repository is private.
    """

    repository: Repository
    files: Mapping[str, bytes | Path]
    private: bool = False

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes by path."""
        return {
            path: one.stat().st_size if isinstance(one, Path) else len(one) for path, one in sorted(self.files.items())
        }

    @property
    def card(self) -> str:
        """Text of the card."""
        card = self.files[CARD]
        return card.decode() if isinstance(card, bytes) else card.read_text(encoding="utf-8")


def prepare_push(model: str | Path, repository: str, *, private: bool = False, revision: str | None = None) -> Upload:
    """Prepare an upload without connecting: collect the files and write the card.

    Args:
        model: run folder (its first finished seed), folder of a seed or of a saved model, or ``starter``.
        repository: OWNER/NAME.
        private: make it private, if it is new.
        revision: branch; by default the main one. A new branch is made.

    Raises:
        UserError: the name is not valid, or the model cannot be published, see `collect`.
    """
    named = f"{PREFIX}{repository.removeprefix(PREFIX)}"
    place = parse_repository(f"{named}@{revision}" if revision else named)
    if place is None or (revision is None and place.revision is not None) or place.pinned:
        raise UserError(f"{repository!r} is not a repository to write to", "write OWNER/NAME; a branch with `revision`")
    published = collect(model)
    card = make_model_card(published, place.id)
    return Upload(place, {CARD: card.encode(), **published.files}, private)


def push(upload: Upload) -> str:
    """Upload what was prepared, as one commit; the repository is made if it is new.

    Returns:
        ``hf://OWNER/NAME@COMMIT``.

    Raises:
        UserError: no network, no permission, a repository with other files, or a public one that should be private;
            nothing is uploaded then.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token

    place = upload.repository
    if forbids := forbidden():
        raise UserError(f"{forbids} forbids connecting to the hub", f"unset {forbids}")
    if get_token() is None:
        raise UserError("you are not logged in to the Hugging Face hub", LOGIN)
    api, branch = HfApi(), place.revision or "main"
    with _one_line(place), progress(f"uploading {place.id}"):
        api.create_repo(place.id, private=upload.private, exist_ok=True)
        if upload.private and not api.model_info(place.id).private:
            raise UserError(f"{place.id} is public already", "make it private on its page, or leave out `private`")
        if branch != "main":
            api.create_branch(place.id, branch=branch, exist_ok=True)
        there = [file.path for file in list_files(place._replace(revision=branch))[1]]
        others = [path for path in there if path not in OTHERS and MODEL.most(path) is None]
        if others or not _is_ours(there):
            cause = f"{place.id} has files of another kind: {few(others or there)}"
            raise UserError(cause, "choose another name, or remove them")
        operations: list[Any] = [CommitOperationDelete(path) for path in there if _is_left(path, upload)]
        operations += [
            CommitOperationAdd(path, one if isinstance(one, bytes) else str(one)) for path, one in upload.files.items()
        ]
        made = api.create_commit(place.id, operations, commit_message="Model by sentiprism", revision=branch)
    if not re.fullmatch(COMMIT, made.oid):
        raise UserError(f"the hub gives no commit for {place.id}", "look at its page")
    return str(place._replace(revision=made.oid))


def _is_ours(there: list[str]) -> bool:
    """Whether a repository is new or has a model of ours."""
    files = [path for path in there if path not in OTHERS]
    return not files or all(any(re.fullmatch(one, path) for path in files) for one in MODEL.needed)


def _is_left(path: str, upload: Upload) -> bool:
    """Whether a file is of an earlier upload."""
    return path not in upload.files and path not in OTHERS


@contextmanager
def _one_line(place: Repository) -> Iterator[None]:
    """Turn the errors of huggingface_hub and its HTTP library into one line; none of them is shown, for the token."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        with quiet_hub():
            yield
    except UserError:
        raise
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in {401, 403, 404}:
            raise UserError(f"you may not write to {place.id} (status {status})", LOGIN) from None
        raise UserError(f"the Hugging Face hub refuses the upload (status {status})", "try again later") from None
    except Exception as error:
        if isinstance(error, OSError) and not type(error).__module__.startswith("huggingface_hub"):
            raise
        raise UserError(
            f"the upload to {place.id} failed ({type(error).__name__})", "check the network, and try again"
        ) from None
