"""Page: import a dataset from files that were added."""

from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.known import KNOWN, describe
from sentiprism.data.store import check_store
from sentiprism.errors import UserError
from sentiprism.languages import check_language
from sentiprism.reading import parse_number
from sentiprism.studio.data_files import DataFile
from sentiprism.studio.jobs.kinds import ImportJob, NewDataset
from sentiprism.studio.web.data import AREA, queue_job
from sentiprism.studio.web.forms import text, texts
from sentiprism.studio.web.pages import show
from sentiprism.studio.web.state import Studio, studio_of

router = APIRouter()
PAGE = "/data/import"
KINDS = ("table", "mmsa", "arrays")
TABLES, FEATURES = (".csv",), (".npz", ".npy", ".parquet")


class Role(NamedTuple):
    """What a file can be in an import."""

    name: str
    label: str
    suffixes: tuple[str, ...]
    needed: bool
    words: tuple[str, ...] = ()
    """Parts of a file's name by which it is chosen at first."""


ROLES: dict[str, tuple[Role, ...]] = {
    "table": (
        Role("labels", "Table of labels", TABLES, needed=True),
        Role("text", "Text features", FEATURES, needed=False, words=("text", "glove", "bert")),
        Role("audio", "Audio features", FEATURES, needed=False, words=("audio", "covarep", "sound", "voice")),
        Role("vision", "Vision features", FEATURES, needed=False, words=("vision", "video", "face", "visual")),
    ),
    "mmsa": (Role("mmsa", "Pickle of the MMSA distribution", (".pkl",), needed=True),),
    "arrays": (Role("arrays", "Padded arrays of all splits", (".npz",), needed=True),),
}


@router.get(PAGE)
def page(request: Request) -> Response:
    """Files that are here, and a form for each kind of import."""
    return _show(request, {})


@router.post(PAGE)
def start(request: Request) -> Response:
    """Queue the import that a form describes, or show the form again with what is wrong."""
    given = {name: text(request, name) for name in request.state.form}
    try:
        job = _job(studio_of(request), given)
    except UserError as error:
        return _show(request, given, error)
    return queue_job(request, "import", f"Import {job.dataset.name}", job)


@router.post("/data/files/delete")
def delete(request: Request) -> Response:
    """Remove files that were added."""
    for identifier in texts(request, "file"):
        studio_of(request).data_files.delete(identifier)
    return RedirectResponse(PAGE, 303)


def _show(request: Request, given: dict[str, str], error: UserError | None = None) -> Response:
    files = studio_of(request).data_files.list()
    chosen = given.get("kind") or _kind_of(files)
    return show(
        request,
        "import.html.j2",
        area=AREA,
        status=200 if error is None else 422,
        files=files,
        roles=ROLES,
        guesses={role.name: _guess(role, files) for found in ROLES.values() for role in found},
        chosen=chosen,
        given=given,
        error=error,
        known=list(KNOWN.values()),
    )


def _kind_of(files: list[DataFile]) -> str:
    """Kind of import that the newest files suggest."""
    suffixes = {one.suffix for one in files}
    return "table" if ".csv" in suffixes or not suffixes else "mmsa" if ".pkl" in suffixes else "arrays"


def _guess(role: Role, files: list[DataFile]) -> str:
    """File that is chosen at first."""
    fitting = [one for one in files if one.suffix in role.suffixes]
    if role.words:
        fitting = [one for one in fitting if any(word in one.name.lower() for word in role.words)]
    return fitting[0].id if fitting else ""


def _job(studio: Studio, given: dict[str, str]) -> ImportJob:
    kind = given.get("kind", "")
    if kind not in ROLES:
        raise UserError("no kind of files is chosen", "choose a table, a pickle or arrays")
    files: dict[str, Path] = {}
    for role in ROLES[kind]:
        found = studio.data_files.get(given.get(role.name, ""))
        if found is not None and found.suffix in role.suffixes:
            files[role.name] = studio.data_files.path(found)
        elif given.get(role.name) or role.needed:
            raise UserError(f"no file is chosen as {role.label.lower()}", "add it above, then choose it")
    new = read_new_dataset(studio, given)
    return ImportJob.parse({"dataset": new, "kind": kind, "files": files}, "the import")


def read_new_dataset(studio: Studio, given: dict[str, str]) -> NewDataset:
    """Read name and labels of a dataset from a form.

    Args:
        studio: whose files are named.
        given: fields of the form.

    Raises:
        UserError: a value is wrong, or the name is taken.
    """
    name, replace = given.get("name", ""), given.get("replace") == "yes"
    check_store(name, replace=replace)
    values: dict[str, Any] = {key: _number(key, given[key]) for key in ("low", "high") if given.get(key)}
    classes = tuple(part.strip() for part in given.get("classes", "").split(",") if part.strip())
    LabelSpec(values.get("low"), values.get("high"), classes).resolve(name, describe(name))
    if language := given.get("language"):
        values["language"] = check_language(language)
    values["folds"] = _folds(studio, given)
    new = {"name": name, "replace": replace, "classes": classes, "columns": _columns(given), **values}
    return NewDataset.parse(new, "the dataset")


def _number(key: str, value: str) -> float:
    try:
        return parse_number(value)
    except ValueError:
        raise UserError(f"the {'lowest' if key == 'low' else 'highest'} label is {value!r}", "write a number") from None


def _folds(studio: Studio, given: dict[str, str]) -> str | None:
    """``K/N``, or the path of a file that was added."""
    chosen = studio.data_files.get(given.get("folds_file", ""))
    if chosen is not None:
        return str(studio.data_files.path(chosen))
    folds = given.get("folds", "")
    fold, sign, count = folds.partition("/")
    if folds and not (sign and fold.isascii() and fold.isdigit() and count.isascii() and count.isdigit()):
        raise UserError(f"folds are {folds!r}", "write fold K of N as K/N, such as 1/5")
    return folds or None


def _columns(given: dict[str, str]) -> dict[str, str]:
    """Lines of ``name = theirs``."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, given.get("columns", "").splitlines())):
        name, sign, theirs = (part.strip() for part in line.partition("="))
        if not (name and sign and theirs) or name in found:
            raise UserError(f"{line!r} does not name a column", "write one a line: label = Sentiment")
        found[name] = theirs
    return found
