"""Streams over a web socket: as the file, bounded, resumed, refused where they make no sense."""

import os
import signal
import socket
import time
from contextlib import suppress
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from makers_media import grey, make_media
from makers_serve import needs_unix, serving, small_model, wait_for
from makers_stream import PIECE, RATE, Client, ended
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.options import Options
from sentiprism.media.types import Frame
from sentiprism.report.stills import encode_jpeg
from sentiprism.serving import stream_connections
from sentiprism.serving.asyncapi import RECEIVED, SENT, make_document
from sentiprism.serving.keys import KeyEntry, hash_of

websockets = pytest.importorskip("websockets", reason="websockets (extra serve) is not installed")
pytestmark = needs_unix
KEY, OTHER = "sp_" + "k" * 40, "sp_" + "o" * 40
OWN = {"Authorization": f"Bearer {KEY}"}
DEAF = {"recognition": False, "pause": 0.35, "words": False}


@pytest.fixture(scope="module")
def server(tmp_path_factory, whisper_base, face_landmarker):
    model = small_model(tmp_path_factory.mktemp("model"))
    keys = [
        KeyEntry(label=label, sha256=hash_of(key), jobs=jobs) for label, key, jobs in (("a", KEY, 9), ("b", OTHER, 1))
    ]
    with serving(model, tmp_path_factory.mktemp("work"), keys=keys, streams=2) as opened:
        opened.model = model
        yield opened


@pytest.fixture(scope="module")
def reading(server, two_cities, tmp_path_factory):
    """Seconds of a reading, with the utterances that its file has as a stream with and without recognition."""
    sound = two_cities[: round(8.6 * RATE)]
    file = make_media(tmp_path_factory.mktemp("sound") / "reading.wav", samples=sound)

    def utterances(asr):
        options = Options(model=str(server.model), asr=asr, pause=0.35, streaming=True, words=asr != "none")
        return [one.model_dump(mode="json") for one in analyze(file, options=options).utterances]

    return SimpleNamespace(sound=sound, heard=utterances("base"), deaf=utterances("none"))


def same(found, expected):
    """Equal utterances, with numbers up to 1e-4: the worker may have another number of threads."""
    assert [(one["start"], one["end"], one["text"]) for one in found] == [
        (one["start"], one["end"], one["text"]) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one["estimate"]["value"] == pytest.approx(other["estimate"]["value"], abs=1e-4)
        assert one["contributions"] == pytest.approx(other["contributions"], abs=1e-4)
        assert [word["text"] for word in one["words"]] == [word["text"] for word in other["words"]]
        assert [word["contribution"] for word in one["words"]] == pytest.approx(
            [word["contribution"] for word in other["words"]], abs=1e-4
        )
    return True


def test_a_stream_has_the_utterances_of_the_file(server, reading):
    client = Client(server, OWN, options={"pause": 0.35})
    assert client.ready["type"] == "ready"
    assert client.ready["model"] == "model"
    client.sound(reading.sound)
    assert len(reading.heard) >= 2
    assert same(client.finish(), reading.heard)
    assert client.code == 1000
    events = [message for message in client.messages if message["type"] == "event"]
    assert [one["sequence"] for one in events] == list(range(1, len(events) + 1))
    assert all(one["delay"] >= 0 for one in events if one["event"]["type"] == "utterance.end")
    assert client.messages[-1] == {
        "type": "finished",
        "sequence": len(events) + 1,
        "seconds": pytest.approx(8.6),
        "pictures": {"received": 0, "broken": 0, "skipped": 0},
    }


def test_two_streams_at_once_and_a_third_is_told_to_wait(server, reading):
    clients = [Client(server, OWN, options=DEAF) for _ in range(2)]
    third = Client(server, OWN, options=DEAF)
    assert (third.ready["status"], third.ready["type"]) == (503, "error")
    third.rest()
    assert third.code == 1013
    for first in range(0, len(reading.sound), RATE):
        for client in clients:
            client.sound(reading.sound[first : first + RATE])
    for client in clients:
        assert same(client.finish(), reading.deaf)
    wait_for(lambda: server.service.streams.running == 0, "the end of both")


def test_a_lost_connection_is_resumed_where_it_was(server, reading):
    client = Client(server, OWN, options=DEAF)
    client.sound(reading.sound[: 6 * RATE])
    while not ended(client.messages):
        client.next()
    last = client.messages[-1]["sequence"]
    client.drop()
    wait_for(lambda: not any(one.connected for one in server.service.streams._streams.values()), "the loss")
    other = Client(server, OWN, resume=client.ready["token"], after=last)
    assert other.ready["received"] == pytest.approx(6.0)
    for first in range(5 * RATE, len(reading.sound), PIECE):  # a second of it once more
        other.sound(reading.sound[first : first + PIECE], first / RATE)
    (stream,) = server.service.streams._streams.values()
    length = len(reading.sound) / RATE
    wait_for(lambda: stream.received > length - 0.05, "all sound")
    assert stream.received == pytest.approx(length)
    assert same([*ended(client.messages), *other.finish()], reading.deaf)
    sequences = [one["sequence"] for one in [*client.messages, *other.messages] if one["type"] == "event"]
    assert all(after == before + 1 for before, after in pairwise(sequences))
    again = Client(server, OWN, resume=client.ready["token"])
    assert again.ready["status"] == 404
    again.rest()
    assert again.code == 1008


def test_a_stream_that_has_finished_may_take_its_time(server, reading, monkeypatch):
    monkeypatch.setattr(stream_connections, "IDLE", 0.5)
    client = Client(server, OWN, options=DEAF)
    (stream,) = server.service.streams._streams.values()
    os.kill(stream._worker.pid, signal.SIGSTOP)
    client.sound(reading.sound[: 3 * RATE])
    client.say(type="finish")
    time.sleep(1.0)  # longer than a client may be silent before it has finished
    os.kill(stream._worker.pid, signal.SIGCONT)
    client.rest()
    assert (client.messages[-1]["type"], client.code) == ("finished", 1000)


def test_what_is_no_message_ends_the_stream_with_its_reason(server):
    for send, cause in [
        (lambda client: client.socket.send("{"), "the message is not JSON"),
        (lambda client: client.say(type="start"), "started already"),
        (lambda client: client.say(type="finish", more=1), "'more'"),
        (lambda client: client.socket.send(b"\x01"), "a binary message has 1 bytes"),
        (lambda client: client.socket.send(b"\x03" + bytes(20)), "of the kind 3"),
        (lambda client: client.socket.send(b"\x01" + bytes(9)), "1 bytes of sound"),
        (lambda client: client.sound(np.zeros(16, np.int16), 100.0), "the sound continues at 100 s"),
        (lambda client: client.picture(b"", float("nan")), "a picture has no time"),
    ]:
        client = Client(server, OWN, options=DEAF)
        send(client)
        client.rest()
        assert (client.messages[-1]["type"], client.messages[-1]["status"]) == ("error", 422)
        assert cause in client.messages[-1]["cause"]
        assert client.code == 1003
        wait_for(lambda: server.service.streams.running == 0, "its end")
    client = Client(server, OWN, options=DEAF)
    client.socket.send(bytes(3_000_000))
    client.rest()
    assert client.code == 1009
    assert (
        Client(server, OWN, options={"pause": 99})
        .ready["cause"]
        .endswith("options.pause should be at most 5 (it is 99)")
    )


def test_silence_noise_and_broken_pictures_have_no_events(server):
    client = Client(server, OWN, options=DEAF)
    client.picture(b"\xff\xd8 broken", 0.0)
    client.picture(encode_jpeg(Frame(0.1, grey(90))), 0.1)
    client.sound(np.random.default_rng(0).normal(0, 3000, 2 * RATE).astype(np.int16))
    client.sound(np.zeros(2 * RATE, np.int16))
    assert client.finish() == []
    assert [message["type"] for message in client.messages] == ["ready", "finished"]
    assert client.messages[-1]["pictures"]["received"] == 2


def test_a_worker_that_ends_is_an_error_and_the_next_stream_has_another(server, reading):
    client = Client(server, OWN, options=DEAF)
    client.sound(reading.sound[: 2 * RATE])
    client.next()
    worker = server.service.streams._used[client.ready["token"]]
    os.kill(worker.pid, signal.SIGKILL)
    client.sound(reading.sound[:RATE])
    client.rest()
    assert (client.messages[-1]["status"], client.code) == (500, 1011)
    wait_for(lambda: server.service.streams.running == 0, "its end")


def test_a_client_that_does_not_read_is_cut_and_may_resume(server, reading, monkeypatch):
    monkeypatch.setattr(stream_connections, "STALLED", 0.3)
    client = Client(server, OWN, options={**DEAF, "provisional": True})
    client.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    stream = server.service.streams._streams[client.ready["token"]]
    with suppress(OSError, websockets.ConnectionClosed):  # once it is cut
        for _ in range(10):
            client.sound(reading.sound)
    wait_for(lambda: not stream.connected, "the cut")
    assert stream.received > 0
    other = Client(server, OWN, resume=stream.token, after=stream._count)
    assert other.ready["received"] > 0
    other.finish()
    assert other.code == 1000


def test_keys_and_pages_of_other_sites(server):
    other = {"Authorization": f"Bearer {OTHER}"}
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}, {**other, "Origin": "http://a"}):
        with pytest.raises(websockets.InvalidStatus) as caught:
            Client(server, headers)
        assert caught.value.response.status_code == (403 if "Origin" in headers else 401)
    first = Client(server, other, options=DEAF)
    assert first.ready["type"] == "ready"
    assert Client(server, other).ready["status"] == 429
    stranger = Client(server, OWN, resume=first.ready["token"])
    assert stranger.ready["status"] == 404, "of another key"
    first.finish()


def test_a_server_that_ends_lets_streams_end_first(server, reading):
    client = Client(server, OWN, options=DEAF)
    client.sound(reading.sound[: 3 * RATE])
    client.next()
    server.service.streams.finish_from_thread(30)
    assert client.rest()
    assert (client.messages[-1]["type"], client.code) == ("finished", 1000)


def test_the_description_of_the_messages_is_whole(server):
    found = server.get("/asyncapi.json").json
    assert found == make_document(found["info"]["version"])
    assert found["asyncapi"] == "3.0.0"
    names = set(found["components"]["messages"])
    assert names == {*(model.__name__ for model in (*SENT, *RECEIVED)), "Sound", "Picture"}

    def check(node):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            if key == "$ref":
                target = found
                for part in value.removeprefix("#/").split("/"):
                    target = target[part]
            check(value)

    check(found)
    used = {one["$ref"].rpartition("/")[2] for way in found["operations"].values() for one in way["messages"]}
    assert used == names
    schema = found["components"]["schemas"]["Event"]
    assert {"sequence", "event"} <= set(schema["required"])
