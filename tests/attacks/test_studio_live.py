"""The web socket of the studio's page Live: who may open it, what it may be sent, and what is left afterwards."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from makers_analysis import features, saved_model
from makers_media import grey, make_media
from makers_processes import needs_proc
from makers_stream import RATE, Client, ended
from makers_studio import encoded, serving, wait_for
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.options import Options
from sentiprism.media.types import Frame
from sentiprism.report.stills import encode_jpeg
from sentiprism.studio.app import ROUTERS
from sentiprism.studio.web.tokens import form_token

websockets = pytest.importorskip("websockets", reason="websockets (extra studio) is not installed")
pytestmark = needs_proc
DEAF = {"recognition": False, "pause": 0.35, "words": False}
MALFORMED = (
    "{", "[]", "{}", '{"type": "finish"}', "[" * 100_000, '{"type": "start", "more": 1}', b"\x01", "\x00",
    '{"type": "start", "options": {"language": "../x"}}', '{"type": "start", "options": {"asr": "/etc"}}',
)  # fmt: skip


class Studio:
    """A studio with one small model, and clients of its page Live.

    Args:
        server: that is running.
        folder: for the model's text encoder.
    """

    def __init__(self, server, folder: Path) -> None:
        self.server, self.live = server, server.studio.live
        self.model = saved_model(server.studio.workspace / "models" / "small", features(folder / "text"))
        self.identifier = server.studio.folders.identifier(self.model)

    def path(self, session: str | None = None, **query: str | None) -> str:
        """Address of the socket; a part that is None is left out."""
        own = {"form_token": form_token(session or self.server.session), "model": self.identifier, "informed": "yes"}
        return "/live/stream?" + urlencode({name: text for name, text in {**own, **query}.items() if text is not None})

    def headers(self, session: str | None = None, **more: str | None) -> dict[str, str]:
        own = {"Cookie": f"studio={session or self.server.session}", "Origin": self.server.address}
        return {name: text for name, text in {**own, **more}.items() if text is not None}

    def open(self, session: str | None = None, **start) -> Client:
        """Open or resume a stream as the page does."""
        return Client(self.server, self.headers(session), path=self.path(session), **start)

    def send(self, first: str | bytes, **query: str | None) -> Client:
        """Open a connection with another first message or address."""
        return Client(self.server, self.headers(), path=self.path(**query), first=first)

    @property
    def workers(self) -> list[int]:
        """Processes of streams."""
        return [worker.pid for worker in self.live._workers if worker.pid is not None]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    with serving(folder) as server:
        yield Studio(server, folder)


def test_every_web_socket_is_the_one_that_is_attacked_here():
    routes = [one for router in ROUTERS for one in router.routes]
    assert [one.path for one in routes if isinstance(one, APIWebSocketRoute)] == ["/live/stream"]
    assert all(isinstance(one, APIRoute | APIWebSocketRoute) for one in routes)


def refused(studio: Studio, path: str, headers: dict[str, str]) -> int:
    """Status by which a connection is refused before it is one."""
    with pytest.raises(websockets.InvalidStatus) as caught:
        Client(studio.server, headers, path=path)
    return caught.value.response.status_code


def test_no_socket_without_the_session_and_the_token_of_a_page_of_this_origin(studio):
    path, port = studio.path(), studio.server.port
    for cookie in (None, "studio=", "studio=guessed", f"other={studio.server.session}"):
        assert refused(studio, path, studio.headers(Cookie=cookie)) == 401
    for origin in (None, "null", "http://evil.example", f"https://127.0.0.1:{port}", f"http://localhost:{port}"):
        assert refused(studio, path, studio.headers(Origin=origin)) == 403
    for site in ("cross-site", "same-site"):
        assert refused(studio, path, studio.headers(**{"Sec-Fetch-Site": site})) == 403
    for token in (None, "", "guessed", form_token("another"), studio.server.session):
        assert refused(studio, studio.path(form_token=token), studio.headers()) == 403
    for other in ("/live", "/", "/events", "/static/live.js", "/live/stream/more"):
        assert refused(studio, f"{other}?{path.partition('?')[2]}", studio.headers()) == 403
    assert studio.workers == []


def told(client: Client) -> tuple[int, int]:
    """Status and code by which a connection ends."""
    client.rest()
    return client.messages[-1]["status"], client.code


def test_nothing_is_started_without_the_notice_for_no_model_or_by_what_is_no_message(studio, monkeypatch):
    for informed in (None, "", "no", "YES"):
        client = studio.send("{}", informed=informed)
        assert told(client) == (403, 1008)
        assert "not confirmed" in client.messages[-1]["cause"]
    for model in (
        "",
        "x",
        "../../etc",
        "/etc/passwd",
        str(studio.model),
        "hf://a/b",
        encoded("%00"),
        "' OR 1=1",
        "é" * 400,
    ):
        assert told(Client(studio.server, studio.headers(), path=studio.path(model=model), first="{}")) == (404, 1008)
    for first in MALFORMED:
        assert told(studio.send(first)) == (422, 1003), first[:80]
    assert told(studio.send('{"type": "start", "resume": "x"}')) == (404, 1008)
    large = studio.send(bytes(3_000_000))
    large.rest()
    assert (large.code, large.messages) == (1009, [])
    with monkeypatch.context() as patch:
        patch.setattr("sentiprism.machine.memory", lambda: 10**8)
        assert "only 100 MB are available" in studio.open(options=DEAF).ready["cause"]
    assert studio.workers == []


def test_two_tabs_have_streams_of_their_own_which_leave_no_process(two_cities, whisper_base, face_landmarker, tmp_path):
    sound = two_cities[: round(8.6 * RATE)]
    with serving(tmp_path) as server:
        studio = Studio(server, tmp_path)
        first, second = studio.open(options=DEAF), studio.open(options=DEAF)
        assert (first.ready["model"], first.ready["target"]["low"]) == ("models/small (mdf)", -3.0)
        pids = studio.workers
        third = studio.open(options=DEAF)
        assert (third.ready["status"], "2 streams are running" in third.ready["cause"]) == (503, True)
        link = server.studio.tokens.make_link()
        stranger = studio.open(server.studio.tokens.redeem(link), resume=first.ready["token"])
        assert stranger.ready["status"] == 404, "of another session"
        first.picture(b"\xff\xd8 broken", 0.0)
        first.picture(encode_jpeg(Frame(0.1, grey(90))), 0.1)
        first.sound(sound[: 4 * RATE])
        first.drop()
        wait_for(lambda: sum(one.connected for one in studio.live._streams.values()) == 1, "the loss")
        again = studio.open(resume=first.ready["token"])
        again.sound(sound[round(again.ready["received"] * RATE) :])
        studio.live.resume_within = 0.2
        second.drop()  # a page that is left
        wait_for(lambda: len(studio.workers) == 1, "the end of the worker without a page")
        assert [Path(f"/proc/{pid}").exists() for pid in pids].count(True) == 1
        file = make_media(tmp_path / "reading.wav", samples=sound)
        options = Options(model=str(studio.model), asr="none", pause=0.35, streaming=True, words=False)
        expected = analyze(file, options=options).utterances
        assert len(expected) > 2
        while len(found := ended(again.messages)) < len(expected) - 1:  # the last one would end with the stream
            again.next()
        assert [(one["start"], one["end"]) for one in found] == [(one.start, one.end) for one in expected[:-1]]
        values = [one.estimate.value for one in expected[:-1]]
        assert [one["estimate"]["value"] for one in found] == pytest.approx(values, abs=1e-4)
        folders = [worker._settings.folder for worker in studio.live._workers]
        assert [folder.exists() for folder in folders].count(True) == 1
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "their end with the studio")
    assert not folders[0].parent.exists()
