"""Every route of the studio with addresses and forms that are valid, for sweeps over all of them."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from fastapi.routing import APIRoute

from makers_media import make_media, sine
from makers_studio import Server, job_of
from makers_walk import fill
from sentiprism.data.store import load_dataset
from sentiprism.studio.app import ROUTERS
from sentiprism.studio.datasets import identify_dataset
from sentiprism.studio.labelling.rating import join_task
from sentiprism.studio.web.guard import OPEN

ID = "0123456789abcdef"
"""Of nothing."""
OPTIONS = {"model": "starter", "asr": "base", "language": "en", "language_mismatch": "drop", "face": "largest",
           "longest": "15", "pause": "0.5"}  # fmt: skip
FIELD = re.compile(r"""\btexts?\(request, (?:f?)"([\w-]+)""")
"""A field that a module of the studio reads from a form."""


class Filled(NamedTuple):
    """A studio with something of everything."""

    server: Server
    pages: list[str]
    """That only a form leads to."""
    ids: dict[str, str]
    """An identifier of each kind."""


def routes(*methods: str) -> list[APIRoute]:
    """Every registered route, but those without a session's own content."""
    found = [one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute)]
    return [one for one in found if set(methods) & one.methods and one.path != OPEN]


def names(found: list[APIRoute]) -> list[str]:
    return [f"{'/'.join(sorted(one.methods))} {one.path}" for one in found]


def filled(server: Server, folder: Path) -> Filled:
    """Fill a studio, and name one thing of each kind."""
    pages, studio = fill(server, folder), server.studio
    shutil.copytree(studio.workspace / "runs" / "tiny", studio.workspace / "runs" / "again")
    sound = make_media(folder / "own.wav", samples=sine(1.0, 8_000)).read_bytes()
    recording = json.loads(server.upload("own.wav", sound).body)["id"]
    collection = studio.collections.every()[0].row.id
    studio.collections.add(collection, [recording])
    table = b"id,split,label,text\nown,train,1,so\nb,valid,0,so\nc,test,-1,so\n"
    opened, rater = next(re.findall("^/label/(.+)/rate/(.+)", one)[0] for one in pages if "/rate/" in one)
    closed = next(one.split("/")[2] for one in pages if one.endswith("/disagreements"))
    model = next(one for one in pages if one.startswith("/models/")).split("/")[2]
    task = studio.tasks.get(opened)
    exported = job_of(server.post(f"/data/{identify_dataset('tiny')}/export", {"format": "table"}))
    runs = studio.folders.runs()
    return Filled(
        server,
        pages,
        {
            "recording": recording,
            "report": studio.folders.reports()[0].id,
            "collection": collection,
            "job": exported,
            "dataset": identify_dataset("tiny"),
            "file": json.loads(server.upload("table.csv", table, X_File_For="data").body)["id"],
            "model": model,
            "run": runs[0].id,
            "other run": runs[1].id,
            "task": opened,
            "closed task": closed,
            "rater": rater,
            "other rater": join_task(studio.tasks, opened, "B"),
            "utterance": str(load_dataset("tiny").test.ids[0]),
            "labelled recording": task.recordings[0].recording,
            "segment": task.segments[1].id,
            "closed segment": studio.tasks.get(closed).segments[0].id,
        },
    )


def parameters(path: str) -> dict[str, str]:
    """What each part of a route's address names: a kind of `Filled.ids`, or a word in quotes.

    A route that is not known here has no sweep: name the kinds of its parameters.
    """
    found: dict[str, str] = {}
    kinds = {
        "recordings": "recording", "reports": "report", "collections": "collection", "jobs": "job", "data": "dataset",
        "runs": "run", "label": "task", "models": "model",
    }  # fmt: skip
    after_closing = any(part in path for part in ("/decide/", "/files/", "/disagreements", "/rest", "/use"))
    for name in re.findall(r"{(\w+)}", path):
        if name == "identifier":
            kind = "job" if path.startswith("/data/exports/") else kinds[path.split("/")[1]]
            found[name] = f"closed {kind}" if kind == "task" and after_closing else kind
        elif name == "name":
            found[name] = {"runs": "'weights-test.png'", "label": "'labels.csv'", "static": "'live.js'"}[
                path.split("/")[1]
            ]
        else:
            found[name] = {
                "split": "'train'", "number": "'0'", "rater": "rater", "recording": "labelled recording",
                "seen": "'full'", "segment": "closed segment",
            }[name]  # fmt: skip
    return found


def address(path: str, ids: dict[str, str], **other: str) -> str:
    """The address of a route, with some parts replaced."""
    given = {name: kind.strip("'") if "'" in kind else ids[kind] for name, kind in parameters(path).items()}
    return path.format(**{**given, **other})


def forms(ids: dict[str, str]) -> dict[str, dict[str, str]]:
    """A valid form of every route that takes one, by its path; an upload is a file and has tests of its own."""
    cell = {f"cell:{ids['recording']}:group": "a", f"cell:{ids['recording']}:none": "a"}
    labels = {"low": "-3", "high": "3", "classes": "", "language": "en", "folds": "", "folds_file": "", "columns": ""}
    cuts = json.dumps([{"id": None, "start": 0.1, "end": 0.5, "text": "so"}])
    chosen, both = {"recording": ids["recording"]}, {"a": ids["run"], "b": ids["other run"]}
    return {
        "/recordings/demo": {"once": "x"},
        "/recordings/analyze": {**chosen, **OPTIONS},
        "/recordings/delete": {"recording": ID},
        "/recordings/restore": chosen,
        "/recordings/bin/empty": {"sure": ""},
        "/collections/add": {**chosen, "collection": "", "name": "new", "q": "nothing"},
        "/collections/{identifier}/analyze": OPTIONS,
        "/collections/{identifier}/attributes": {"page": "0", "q": "", **cell},
        "/collections/{identifier}/set": {**chosen, "attribute": "group", "value": "b", "action": "", "page": "0",
                                          "q": ""},
        "/collections/{identifier}/table": {"table": "file,group\nown.wav,c\n"},
        "/collections/{identifier}/settings": {"name": "new", "add": "mood", "remove": "none"},
        "/collections/{identifier}/delete": {"sure": ""},
        "/jobs/settings": {"at_once": "1"},
        "/jobs/{identifier}/stop": {"back": "jobs"},
        "/jobs/{identifier}/resume": {"back": "jobs"},
        "/data/import": {"kind": "table", "name": "new", "labels": ids["file"], "audio": "", "replace": "", **labels},
        "/data/files/delete": {"file": ID},
        "/data/{identifier}/delete": {"sure": ""},
        "/data/exports/{identifier}/delete": {"sure": ""},
        "/data/bin/restore": {"dataset": ID},
        "/data/bin/empty": {"sure": ""},
        "/data/{identifier}/evaluate": {"run": ids["run"]},
        "/data/{identifier}/export": {"format": "table"},
        "/features": {"kind": "table", "name": "new", "labels": ids["file"], "audio": "speech", "vision": "none",
                      "collection": "", "source": "", "audio_network": "", "vision_network": "", "asr": "base",
                      "allow_missing": "yes", **labels},
        "/train/new": {"model": "ridge", "dataset": "tiny", "experiment": "", "preset": "", "seeds": "1", "init": "",
                       "device": "cpu", "precision": "auto"},
        "/runs/{identifier}/resume": {"once": "x"},
        "/runs/{identifier}/measure": {"kind": "calibrate", "level": "0.9", "split": "test"},
        "/compare/why": {**both, "split": "test", "utterance": ids["utterance"]},
        "/compare": {"run": ids["run"], "reference": ids["run"], "split": "test"},
        "/label/new": {**chosen, "scale": "3", "classes": "", "pass": "full", "how": "whole", "name": "new",
                       "asr": "none", f"speaker-{ids['recording']}": "S"},
        "/label/{identifier}/raters": {"name": "C"},
        "/label/{identifier}/speakers": {f"speaker-{ids['labelled recording']}": "S"},
        "/label/{identifier}/rate/{rater}": {"pass": "full", "segment": ids["segment"], "last": "0", "value": "1",
                                             "comment": "", "once": "x"},
        "/label/{identifier}/cuts/{recording}": {"cuts": cuts, "version": "x", "sure": ""},
        "/label/{identifier}/rest": {"rule": "mean", "pass": "full", "who": "me"},
        "/label/{identifier}/decide/{seen}/{segment}": {"value": "1", "who": "me", "comment": "", "once": "x",
                                                        "following": f"full/{ids['closed segment']}"},
        "/label/{identifier}/use": {"what": "dataset", "dataset": "new", "audio": "speech", "vision": "none"},
        "/label/{identifier}/state": {"to": "open", "sure": ""},
    }  # fmt: skip


def fields_of_module(route: APIRoute) -> set[str]:
    """Names of the fields that a route's module reads."""
    return set(FIELD.findall(Path(str(sys.modules[route.endpoint.__module__].__file__)).read_text(encoding="utf-8")))
