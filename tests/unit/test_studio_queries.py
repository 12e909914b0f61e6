"""A page asks the database as often for many rows as for few, so that long lists stay quick."""

import re

import pytest
from sqlalchemy import event

from makers_studio import Server, needs_unix, serving
from makers_walk import fill, walk
from sentiprism.studio.store.tables import JobRow, RecordingRow

pytestmark = needs_unix
MOST = 30
"""Statements of any page."""


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as opened:
        yield opened


def statements(server: Server, pages: list[str]) -> dict[str, int]:
    """How many statements each page takes, when it is asked for again."""
    told: list[str] = []

    def tell(connection, cursor, statement, *_: object) -> None:
        if not re.match("BEGIN|PRAGMA", statement):
            told.append(statement)

    found = {}
    event.listen(server.studio.database.engine, "before_cursor_execute", tell)
    for page in pages:
        server.get(page)  # reports are read and their numbers kept
        told.clear()
        assert server.get(page).status == 200, page
        found[page] = len(told)
    event.remove(server.studio.database.engine, "before_cursor_execute", tell)
    return found


def test_statements_do_not_grow_with_the_rows(server, tmp_path):
    pages = list(walk(server, *fill(server, tmp_path)))
    assert len(pages) > 20
    few = statements(server, pages)
    rows = [
        RecordingRow(name=f"p{n} more.mp4", suffix=".mp4", content=f"{n:064x}", size=1, kind="video", duration=15.0)
        for n in range(1_000, 1_100)
    ]
    jobs = [JobRow(kind="compare", title="x", parameters={}, state="failed", host="", workspace="") for _ in range(20)]
    with server.studio.database.write() as session:
        session.add_all([*rows, *jobs])
    server.post("/collections/add", {"name": "More", "q": "more"})
    assert statements(server, pages) == few
    assert max(few.values()) <= MOST
