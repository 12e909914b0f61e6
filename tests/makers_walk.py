"""A studio with something of everything, and a walk over all of its pages."""

import re
from collections.abc import Iterator
from pathlib import Path

from fastapi.routing import APIRoute

from makers_adapt import EFFECT
from makers_analysis import features, saved_model
from makers_cli import SIZES, SMALL
from makers_label import rate_all, serve_task
from makers_media import make_media, sine
from makers_studio import Server
from makers_study import shifted
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.report.files import write_report
from sentiprism.studio.app import ROUTERS
from sentiprism.studio.datasets import identify_dataset
from sentiprism.studio.store.tables import JobRow, RecordingRow
from sentiprism.training.train import train

LINK = re.compile(r'<a\b[^>]*\bhref="(/[^"#]*)"')


def fill(server: Server, folder: Path) -> list[str]:
    """Give a studio recordings, reports, a collection, a dataset, a run, tasks of labelling, and jobs in all states.

    Args:
        server: whose store is empty.
        folder: for what is made.

    Returns:
        Addresses of pages that only a form leads to.
    """
    studio = server.studio
    data = synthetic_dataset("tiny", sizes=SIZES)
    train("mdf", data, seeds=1, settings=SMALL, out=studio.workspace / "runs" / "tiny", device="cpu", quiet=True)
    sound = make_media(folder / "voice.wav", samples=sine(1.0, 8_000)).read_bytes()
    server.upload("voice <b>&amp; ü</b>.wav", sound)
    server.upload("deleted.wav", sound + bytes(2))
    rows, _ = studio.recordings.page("deleted", 0, 1)
    studio.recordings.delete([rows[0].id])
    names = [f"p{n} {when}.mp4" for n in range(11) for when in ("before", "after")]
    rows = [
        RecordingRow(name=name, suffix=".mp4", content=f"{n:064x}", size=1, kind="video", duration=15.0)
        for n, name in enumerate(names)
    ]
    parameters = {"items": [{"id": "x", "name": "x", "file": "x", "report": "reports/x"}]}
    states = ("queued", "done", "failed", "stopped", "interrupted")
    jobs = [
        JobRow(
            kind="analyze",
            title=f"Analyze ({state})",
            parameters=parameters,
            state=state,
            host=studio.runner.host,
            workspace=str(studio.workspace),
            error="there was a reason" if state == "failed" else None,
        )
        for state in states
    ]
    with studio.database.write() as session:
        session.add_all([*rows, *jobs])
    for n, row in enumerate(rows):
        write_report(shifted(0.03 * n + n % 2, row.content, row.name), studio.workspace / "reports" / str(n))
    made = server.post("/collections/add", {"name": "Interviews", "q": ".mp4"}).headers["location"]
    table = "file;condition;person\n" + "".join(
        f"{name};{name[-10:-4].split()[-1]};{name.split()[0]}\n" for name in names
    )
    server.post(f"{made}/table", {"table": table})
    studio.folders.forget()
    closed, opened = (serve_task(server, folder) for _ in range(2))
    for name, values in (("A", [2.0, -1.0, 1.0, 0.0]), ("B", [-1.0, 1.0, 2.0, 0.0])):
        rate_all(studio.tasks, closed.id, name, values)
    studio.tasks.close(closed.id)
    rater = rate_all(studio.tasks, opened.id, "A", [2.0])
    adapted = {"model": "starter", "cross_validated": EFFECT, "test": None}
    model = saved_model(studio.workspace / "models" / "mine", features(folder / "text"), adapted=adapted)
    server.post(f"/data/{identify_dataset(synthetic_dataset('other', sizes=SIZES).name)}/delete", {"sure": "yes"})
    studio.folders.forget()
    return [
        f"/models/{studio.folders.identifier(model)}",
        f"/label/{opened.id}/cuts/{opened.recordings[0]}",
        f"/label/{closed.id}/decide/full/{closed.segments[0]}",
        "/train/new?model=mdf&dataset=tiny",
        f"/label/{opened.id}/rate/{rater}",
        f"/label/{closed.id}",
        f"/label/{closed.id}/disagreements",
    ]


def walk(server: Server, *more: str) -> Iterator[str]:
    """Addresses of the studio's pages, one of each kind: those that routes list, and those that pages link.

    Args:
        server: filled.
        more: addresses that only a form leads to.
    """
    routes = [one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute) and "GET" in one.methods]
    waiting = [*more, *(one.path for one in routes if "{" not in one.path)]
    seen: set[str] = set()
    while waiting:
        address = waiting.pop(0)
        path = address.partition("?")[0]
        kind = next((one.path for one in routes if one.path_regex.match(path)), path)
        if kind in seen or kind in {"/events", "/open"}:
            continue
        page = server.get(address.replace("&amp;", "&"))
        shown = str(page.headers["content-type"]).startswith("text/html") and "content-disposition" not in page.headers
        assert page.status < 500, f"{address}: {page.text}"
        if page.status != 200 or not shown:
            continue
        seen.add(kind)
        yield address.replace("&amp;", "&")
        waiting.extend(LINK.findall(page.text))
