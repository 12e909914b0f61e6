"""A page asks the database and opens files as often for many recordings as for few, so that long lists stay quick."""

import re
import shutil

import pytest
from sqlalchemy import event

from makers_files import counting_opens, settle
from makers_studio import Server, needs_unix, serving
from makers_walk import fill, walk
from sentiprism.studio.store.tables import JobRow, RecordingRow

pytestmark = needs_unix
MOST = 30
"""Statements of any page."""
MOST_OPENED = 40
"""Files of the workspace and the data folder that any page opens."""


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as opened:
        yield opened


def effort(server: Server, pages: list[str]) -> dict[str, tuple[int, int]]:
    """How many statements each page takes, and how many files it opens, when it is asked for again."""
    told: list[str] = []

    def tell(connection, cursor, statement, *_: object) -> None:
        if not re.match("BEGIN|PRAGMA", statement):
            told.append(statement)

    found = {}
    settle(server.studio.workspace)
    event.listen(server.studio.database.engine, "before_cursor_execute", tell)
    for page in pages:
        server.get(page)  # reports are read and their numbers kept
        told.clear()
        with counting_opens(server.studio.workspace, server.studio.database.folder) as opened:
            assert server.get(page).status == 200, page
        found[page] = len(told), len(opened)
    event.remove(server.studio.database.engine, "before_cursor_execute", tell)
    return found


def test_statements_and_opened_files_do_not_grow_with_the_recordings(server, tmp_path):
    pages = list(walk(server, *fill(server, tmp_path)))
    assert len(pages) > 20
    few = effort(server, pages)
    assert max(opened for _, opened in few.values()) <= MOST_OPENED
    rows = [
        RecordingRow(name=f"p{n} more.mp4", suffix=".mp4", content=f"{n:064x}", size=1, kind="video", duration=15.0)
        for n in range(1_000, 1_100)
    ]
    jobs = [JobRow(kind="compare", title="x", parameters={}, state="failed", host="", workspace="") for _ in range(20)]
    with server.studio.database.write() as session:
        session.add_all([*rows, *jobs])
    reports = server.studio.workspace / "reports"
    for n, row in enumerate(rows):
        folder = shutil.copytree(reports / "0", reports / f"more {n}")
        document = (folder / "analysis.json").read_text()
        (folder / "analysis.json").write_text(re.sub('(?<="content":")[0-9a-f]{64}', row.content, document))
    server.post("/collections/add", {"name": "More", "q": "more"})
    many = effort(server, pages)
    assert {page: count for page, (count, _) in many.items()} == {page: count for page, (count, _) in few.items()}
    assert {page: opened for page, (_, opened) in many.items() if opened > few[page][1]} == {}
    assert max(count for count, _ in few.values()) <= MOST
