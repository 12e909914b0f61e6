"""Every registered route of the studio is attacked; a new one fails here until its parameters and form are named.

The table of routes comes from the application itself, that of valid forms from `makers_routes`.
"""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from makers_routes import ID, Filled, address, fields_of_module, filled, forms, names, parameters, routes
from makers_studio import encoded, files_below, needs_unix, serving
from makers_walk import walk
from sentiprism.studio.store.tables import Table
from sentiprism.studio.web.guard import STATIC, UPLOAD
from sentiprism.studio.web.tokens import form_token

pytestmark = needs_unix

TRICKS = (
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..%252f..%252fetc", "%00", "a%00.mp4",
    "%2fetc%2fpasswd", "....//....//etc", "..%5c..%5cwindows", "~root", "' OR 1=1 --", "%F0%9F%98%80", "9" * 3000, ID,
)  # fmt: skip
MARKUP = "<script>alert(1)</script>\"' onmouseover=alert(1) x='{{7*7}}${7*7}"
VALUES = (
    MARKUP, "../../etc/passwd", "/etc/passwd", "C:\\x\\..\\y", "~/.ssh/id_rsa", "' OR 1=1; DROP TABLE jobs; --",
    "\x00\x1b[31m\u202e\ud7ff", "x" * 20_000, "-1", "1e999", "9" * 400, "nan", "[1, {", "!!python/object:os.system",
    "http://evil.example/", "//evil.example", "=cmd|'/c calc'!A1", "é😀" * 300, "file:///etc/passwd", ID,
)  # fmt: skip
EVERY, READ, SENT = routes("GET", "POST"), routes("GET"), [one for one in routes("POST") if one.path != UPLOAD]
WITH_PARTS = [one for one in EVERY if "{" in one.path]
REFUSED = {
    "/features": 422,  # the table names no recording
    "/compare": 422,  # one run alone
    "/data/bin/restore": 422,  # nothing is in the bin
    "/data/exports/{identifier}/delete": 404,  # the job has not begun
    "/label/{identifier}/rate/{rater}": 409,  # rated before
    "/label/{identifier}/cuts/{recording}": 422,  # boundaries of another version
}
"""Forms that do nothing here: they are stale, or not complete."""
MANY = {"/label/{identifier}/rest": 4}
"""Rows that a form makes where it makes several."""
LAST = ("delete", "state", "empty", "speakers", "cuts")
"""Forms that may change what others need come at the end."""
SENT.sort(key=lambda one: next((n for n, word in enumerate(LAST, 1) if word in one.path), 0))


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    with serving(folder) as server:
        yield filled(server, folder)


def ask(studio: Filled, method: str, path: str, fields: object = ()):
    return studio.server.post(path, fields) if method == "POST" else studio.server.get(path)


def method_of(route) -> str:
    return "POST" if "POST" in route.methods else "GET"


def check_refusal(answer, *, allowed: set[int], about: object) -> None:
    assert answer.status in allowed, (answer.status, about)
    assert b"root:" not in answer.body, about
    assert b"Traceback" not in answer.body, about
    assert re.fullmatch(r"/(?!/)\S*", answer.headers["location"] or "/"), about


def test_every_route_has_kinds_of_its_parameters_and_a_form(studio):
    known = forms(studio.ids)
    assert {one.path for one in SENT} == set(known)
    for route in EVERY:
        assert "{" not in address(route.path, studio.ids)
    fields: dict[str, set[str]] = {}
    for route in SENT:
        fields.setdefault(route.endpoint.__module__, set()).update(known[route.path])
    for route in SENT:
        unknown = fields_of_module(route) - fields[route.endpoint.__module__] - {"once"}
        assert {
            name for name in unknown if not any(one.startswith(name) for one in fields[route.endpoint.__module__])
        } == set()


@pytest.mark.parametrize("route", EVERY, ids=names(EVERY))
def test_nothing_is_shown_and_nothing_done_without_a_session_or_from_elsewhere(studio, route):
    server, path, method = studio.server, address(route.path, studio.ids), method_of(route)
    if not path.startswith(STATIC):
        for cookie in (None, "studio=", "studio=guessed", f"other={server.session}", f"studio={server.session}x"):
            assert server.send(method, path, Cookie=cookie).status == 401
    assert server.send(method, path, Host="evil.example").status in {400, 421}
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        f"https://127.0.0.1:{server.port}",
        f"{server.address}.x",
    ):
        assert server.send(method, path, Origin=origin).status == 403
    for site in ("cross-site", "same-site"):
        assert server.send(method, path, Sec_Fetch_Site=site).status == 403
    if method == "POST":
        assert server.post(path, Origin=None).status == 403
        kind = "application/x-www-form-urlencoded"
        for body in (b"", b"form_token=", b"form_token=guessed", f"form_token={form_token('another')}".encode()):
            assert server.send("POST", path, body, Content_Type=kind).status == 403
        for kind in ("application/json", "text/plain"):
            assert server.send("POST", path, b"{}", Content_Type=kind).status in {403, 415}
        assert server.send("POST", path, b"x", **{"X-Form-Token": "guessed"}).status == 403


@pytest.mark.parametrize("route", WITH_PARTS, ids=names(WITH_PARTS))
def test_a_part_of_an_address_is_never_a_path_nor_anybody_elses(studio, route):
    """Path tricks, and identifiers of things of every other kind."""
    method, before = method_of(route), files_below(studio.server.studio.workspace)
    allowed = {400, 404} if method == "GET" else {303, 400, 404, 409, 422}
    fields = forms(studio.ids).get(route.path, {})
    for name, kind in parameters(route.path).items():
        own = {studio.ids.get(kind), kind.strip("'")}
        others = [
            value for about, value in studio.ids.items() if value not in own and about.split()[-1] != kind.split()[-1]
        ]
        for value in (*map(encoded, TRICKS), *others):
            answer = ask(studio, method, address(route.path, studio.ids, **{name: value}), fields)
            check_refusal(answer, allowed=allowed, about=(name, value))
    assert files_below(studio.server.studio.workspace) == before


ASKED = [one for one in READ if one.path != "/events"]


@pytest.mark.parametrize("route", ASKED, ids=names(ASKED))
def test_a_value_in_an_address_is_text(studio, route):
    more = ["run", "low", "words", "missing"] if route.path.endswith("/utterances") else []
    path, allowed = address(route.path, studio.ids), {200, 303, 400, 404, 414, 415, 422}
    for name in (*(one.name for one in route.dependant.query_params), *more):
        for value in VALUES[:-1]:
            if len(value) > 3_000:
                continue
            answer = studio.server.get(f"{path}?{name}={quote(value, safe='')}")
            check_refusal(answer, allowed=allowed, about=(name, value))
            if "html" in str(answer.headers["content-type"]):
                check_page(answer.text, about=(route.path, name))


@pytest.mark.parametrize("route", SENT, ids=names(SENT))
def test_a_field_is_never_a_path_nor_a_fault(studio, route):
    server, path = studio.server, address(route.path, studio.ids)
    before = [one for one in files_below(server.studio.workspace.parent) if "studio" not in one]
    for name, own in forms(studio.ids)[route.path].items():
        for value in VALUES:
            answer = server.post(path, {**forms(studio.ids)[route.path], "once": f"{name} {value[:40]}", name: value})
            check_refusal(answer, allowed={200, 303, 400, 404, 409, 413, 422}, about=(name, value[:40], own))
            check_page(answer.text, about=(route.path, name))
    assert [one for one in files_below(server.studio.workspace.parent) if "studio" not in one] == before


def test_no_page_shows_as_markup_what_was_sent_to_any_field(studio):
    for route in SENT:
        valid = forms(studio.ids)[route.path]
        for name in valid:
            hostile = {name: MARKUP + "\x00\x1b\u202e", "once": f"markup in {name}"}
            studio.server.post(address(route.path, studio.ids), {**valid, **hostile})
    visited = list(walk(studio.server, *studio.pages))
    assert len(visited) > 20
    for page in visited:
        text = studio.server.get(page).text
        check_page(text, about=page)
        assert not set(text) & set("\x00\x1b\u202e"), page


def test_a_form_that_is_sent_three_times_at_once_is_done_once(studio):
    """A double click, on every form; the database has at most one row more of each kind."""
    for route in SENT:
        fields = {**forms(studio.ids)[route.path], "once": f"three of {route.path}"}
        before = count_rows(studio)
        found = send_at_once(studio, address(route.path, studio.ids), fields, 3)
        assert set(found) <= {200, 303, REFUSED.get(route.path, 200)}, (route.path, found)
        grown = {name: count - before[name] for name, count in count_rows(studio).items()}
        assert max(grown.values()) <= MANY.get(route.path, 1), (route.path, grown)


def send_at_once(studio: Filled, path: str, fields: dict[str, str], count: int) -> list[int]:
    """Statuses of one form that is sent several times side by side."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: studio.server.post(path, fields).status, range(count)))


def count_rows(studio: Filled) -> Counter[str]:
    tables = {table.name: table for table in Table.metadata.sorted_tables if table.name != "report_summaries"}
    with studio.server.studio.database.read() as session:
        counts = {name: session.scalar(select(func.count()).select_from(table)) for name, table in tables.items()}
    return Counter(counts)


def check_page(text: str, *, about: object) -> None:
    for bad in ("<script>alert", "' onmouseover=alert", '" onmouseover', "49${49"):
        assert bad not in text, (bad, about)
