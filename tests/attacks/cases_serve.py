"""Hostile requests to the server of a model, each with the statuses that refuse it."""

import gzip
import io
import json
import zipfile
from typing import NamedTuple

from makers_serve import BOUNDARY, form

JSON = "application/json"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
AUDIO = [0.0] * 62
LARGE = 300_000
"""Bytes; the server takes files of 200,000."""


class Attack(NamedTuple):
    name: str
    method: str
    path: str
    statuses: set[int]
    body: bytes | None = None
    headers: dict[str, str | None] = {}


def predict(name: str, value: object, *statuses: int) -> Attack:
    """A body for /v1/predict; texts are sent as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Attack(f"predict: {name}", "POST", "/v1/predict", set(statuses or {422}), body, {"Content-Type": JSON})


def sample(name: str, value: object, *statuses: int) -> Attack:
    return predict(name, {"samples": [value]}, *statuses)


def analyze(name: str, body: bytes, *statuses: int, query: str = "", kind: str | None = FORM) -> Attack:
    return Attack(f"analyze: {name}", "POST", f"/v1/analyze{query}", set(statuses), body, {"Content-Type": kind})


def file(name: str, called: str, content: bytes, *statuses: int, query: str = "") -> Attack:
    return analyze(name, form(("file", called, content)), *statuses, query=query)


def part(head: str, content: bytes = b"w1", end: str = f"--{BOUNDARY}--\r\n") -> bytes:
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" + end.encode()


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b"0" * 10_000_000)
    return made.getvalue()


SEND = json.dumps({"samples": [{"text": "w1"}]}).encode()
BOMB = gzip.compress(b'{"samples":[' + b" " * 5_000_000 + b"]}")
DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
KEYS = [
    ("no key", None), ("an empty header", ""), ("no scheme", "KEY"), ("Basic", "Basic KEY"), ("Bearer alone", "Bearer"),
    ("an empty key", "Bearer "), ("a wrong key", "Bearer sp_" + "A" * 43), ("a shorter key", "Bearer KEY[:-1]"),
    ("a longer key", "Bearer KEYx"), ("another case", "Bearer KEY.lower"), ("its hash", "Bearer HASH"),
    ("a text of SQL", "Bearer ' OR 1=1 --"), ("a long key", "Bearer " + "k" * 9000),
    ("a key and a comma", "Bearer KEY,KEY"),
    ("the label", "Bearer alice"), ("letters of Latin-1", "Bearer \xe9\xff"),
]  # fmt: skip
"""Values of the header Authorization; KEY and HASH are replaced by those of a key."""
METHODS = [
    Attack(f"method {name} {path}", name, path, {405} if name != "CONNECT" else {400, 404, 405})
    for path in ("/v1/predict", "/v1/jobs/x")
    for name in ("PUT", "PATCH", "OPTIONS", "TRACE", "FOO", "CONNECT")
] + [
    Attack("GET of a prediction", "GET", "/v1/predict", {405}),
    Attack("DELETE of the model", "DELETE", "/v1/model", {405}),
    Attack("POST to a job", "POST", "/v1/jobs/" + "0" * 32, {405}, b""),
]
PATHS = [
    Attack(f"path {path[:60]}", "GET", path, {404, 422})
    for path in (
        "/", "/docs", "/redoc", "/.env", "/.git/config", "/v1", "/v1/", "//v1/model", "/v1/model/", "/v2/model",
        "/v1/../../etc/passwd", "/v1/%2e%2e/%2e%2e/etc/passwd", "/v1/jobs/..%2f..%2fetc%2fpasswd", "/v1/jobs/%00",
        "/v1/jobs/*", "/v1/jobs/", "/v1/jobs/" + "F" * 32, "/v1/jobs/" + "0" * 32, "/v1/jobs/" + "0" * 3000,
        "/v1/jobs/' OR 1=1".replace(" ", "%20"), "/v1/jobs/" + "0" * 32 + "/events", "/v1/jobs/" + "0" * 32 + "/result",
        "/v1/jobs/" + "0" * 31 + "%0a", "/v1/jobs/%F0%9F%98%80", "/V1/MODEL", "/static/../app.py", "/\\..\\..\\windows",
    )
] + [
    Attack("path of 5,000 characters", "GET", "/" + "a" * 5000, {414}),
    Attack("query of 5,000 characters", "GET", "/v1/model?" + "a" * 5000, {414}),
]  # fmt: skip
HEADERS = [
    Attack(f"header {name}", "POST", "/v1/predict", statuses, body, {"Content-Type": JSON, **headers})
    for name, headers, body, statuses in (
        ("Origin", {"Origin": "https://evil.example"}, SEND, {403}),
        ("Origin null", {"Origin": "null"}, SEND, {403}),
        ("Sec-Fetch-Site", {"Sec-Fetch-Site": "cross-site"}, SEND, {403}),
        ("Content-Encoding gzip, a bomb", {"Content-Encoding": "gzip"}, BOMB, {415}),
        ("Content-Encoding deflate", {"Content-Encoding": "deflate"}, SEND, {415}),
        ("Content-Encoding br", {"Content-Encoding": "br"}, SEND, {415}),
        ("Content-Encoding zstd", {"Content-Encoding": "zstd"}, SEND, {415}),
        ("Content-Encoding twice", {"Content-Encoding": "identity, gzip"}, SEND, {415}),
        ("a bomb without its encoding", {}, BOMB, {400, 422}),
        ("Content-Type text", {"Content-Type": "text/plain"}, SEND, {422}),
        ("Content-Type of a form", {"Content-Type": "application/x-www-form-urlencoded"}, b"samples=1", {422}),
        ("no Content-Type", {"Content-Type": None}, SEND, {422}),
        ("Content-Length of 10 GB", {"Content-Length": "10000000000"}, b"", {413}),
        ("Content-Length of words", {"Content-Length": "many"}, b"", {400}),
        ("Content-Length below 0", {"Content-Length": "-1"}, b"", {400}),
        ("Content-Length of 4,000 digits", {"Content-Length": "9" * 4000}, b"", {400, 413}),
        ("Transfer-Encoding gzip", {"Content-Length": None, "Transfer-Encoding": "gzip, chunked"}, SEND, {400, 501}),
        ("a header of 40 kB", {"X-Long": "a" * 40_000}, SEND, {431}),
    )
]
BODIES = [
    predict("nothing", b"", 422),
    predict("no JSON", b"samples", 400),
    predict("half of it", SEND[:-3], 400),
    predict("two values", SEND + SEND, 400),
    predict("NaN", b'{"samples":[{"audio":[[NaN]]}]}'),
    predict("Infinity", b'{"samples":[{"audio":[[Infinity]]}]}'),
    predict("-Infinity", b'{"samples":[{"audio":[[-Infinity]]}]}'),
    predict("1e999", b'{"samples":[{"audio":[[1e999]]}]}'),
    predict("a number of 5,000 digits", b'{"samples":[{"token_ids":[' + b"9" * 5000 + b"]}]}", 400, 422),
    predict("100,000 brackets", b"[" * 100_000, 400),
    predict("100,000 brackets inside", b'{"samples":' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400, 422),
    predict("a list", [1]),
    predict("a text", "samples"),
    predict("null", None),
    predict("UTF-16", SEND.decode().encode("utf-16"), 400, 422, 200),
    predict("bytes that are not UTF-8", b'{"samples":[{"text":"\xff\xfe"}]}', 400),
    predict("half a surrogate pair", b'{"samples":[{"text":"\\ud800"}]}'),
    predict("no samples", {"samples": []}),
    predict("65 samples", {"samples": [{"text": "w1"}] * 65}),
    predict("samples as a mapping", {"samples": {"text": "w1"}}),
    predict("an unknown key", {"samples": [{"text": "w1"}], "model": "/etc/passwd"}),
    predict("a truth that is none", {"samples": [{"text": "w1"}], "contributions": "yes"}),
    sample("an empty sample", {}),
    sample("a path as text is a text, an unknown key is not", {"text": "w1", "file": "/etc/passwd"}),
    sample("a text of 20,001 characters", {"text": "a" * 20_001}),
    sample("a number as text", {"text": 1}),
    sample("5,000 words", {"words": ["a"] * 5000}),
    sample("a word of 1,000 characters", {"words": ["a" * 1000]}),
    sample("text and words", {"text": "a", "words": ["a"]}),
    sample("tokens of another model", {"token_ids": [1]}),
    sample("a token below 0", {"token_ids": [-1]}),
    sample("a token as float", {"token_ids": [1.5]}),
    sample("features of another model", {"text_features": [[0.0]]}),
    sample("context", {"text": "a", "context": ["b"]}),
    sample("61 columns", {"audio": [AUDIO[1:]]}),
    sample("63 columns", {"audio": [[*AUDIO, 0.0]]}),
    sample("steps of other lengths", {"audio": [AUDIO, AUDIO[1:]]}),
    sample("a flat list", {"audio": AUDIO}),
    sample("one level more", {"audio": [[AUDIO]]}),
    sample("texts for numbers", {"audio": [["0"] * 62]}),
    sample("truths for numbers", {"audio": [[True] * 62]}),
    sample("null for a number", {"audio": [[None] * 62]}),
    sample("1e300", {"audio": [[1e300] * 62]}),
    sample("5,000 steps", {"audio": [[0]] * 5000}),
    sample("30,000 columns", {"audio": [[0] * 30_000]}),
    sample("a mask that is longer", {"audio": [AUDIO], "masks": {"audio": [True] * 2}}),
    sample("a mask that is shorter", {"audio": [AUDIO] * 2, "masks": {"audio": [True]}}),
    sample("a mask of padding alone", {"audio": [AUDIO], "masks": {"audio": [False]}}),
    sample("a mask without features", {"text": "a", "masks": {"vision": [True]}}),
    sample("a mask of another modality", {"text": "a", "masks": {"smell": [True]}}),
    sample("a mask of texts", {"audio": [AUDIO], "masks": {"audio": ["maybe"]}}),
    sample("a mask of masks", {"audio": [AUDIO], "masks": {"audio": [[True]]}}),
]
FORMS = [
    analyze("JSON", SEND, 415, kind=JSON),
    analyze("no type", SEND, 415, kind=None),
    analyze("no boundary", SEND, 415, kind="multipart/form-data"),
    analyze("a boundary of 5,000 characters", SEND, 400, kind="multipart/form-data; boundary=" + "b" * 5000),
    analyze("another boundary", form(("file", "a.txt", b"w1")), 400, kind="multipart/form-data; boundary=other"),
    analyze("nothing", b"", 400),
    analyze("no parts", f"--{BOUNDARY}--\r\n".encode(), 400, 422),
    analyze("no end", part(DISPOSITION, end=""), 400),
    analyze("garbage", b"\0" * 5000, 400),
    analyze("a transcript alone", form(("transcript", "a.srt", b"w1")), 422),
    analyze("another field", form(("model", "a.txt", b"w1")), 422),
    analyze("a field by a path", form(("../../file", "a.txt", b"w1")), 422),
    analyze("two files", form(("file", "a.txt", b"w1"), ("file", "b.txt", b"w1")), 422),
    analyze("300 files", form(*[("file", "a.txt", b"w1")] * 300), 422),
    analyze("no disposition", part("Content-Type: text/plain"), 422),
    analyze("another disposition", part('Content-Disposition: attachment; name="file"; filename="a.txt"'), 422),
    analyze("a part in base64", part(f"{DISPOSITION}\r\nContent-Transfer-Encoding: base64"), 415),
    analyze("a part with 50 headers", part("\r\n".join([DISPOSITION, *["X-A: b"] * 50])), 400),
    analyze("a part with a long header", part(f"{DISPOSITION}\r\nX-A: {'a' * 9000}"), 400),
    analyze("a header without a colon", part("nothing"), 400),
    analyze("a transcript of another type", form(("file", "a.txt", b"w1"), ("transcript", "a.exe", b"w1")), 415),
    file("an empty file", "a.txt", b"", 422),
    file("too many bytes", "a.wav", b"\0" * LARGE, 413),
    file("bytes that are no text", "a.txt", b"\xff\xfe\xff", 422),
    file("a text of nothing", "a.txt", b" \n ", 422),
    file("a film of nothing", "a.mp4", b"\0" * 500, 422),
    file("a page by the name of a film", "a.mp4", b"<script>alert(1)</script>", 422),
    file("a playlist by the name of a film", "a.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 422),
    file("a list of files by the name of a film", "a.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n", 422),
    file("an archive by the name of a transcript", "a.json", zipped(), 422),
    file("a transcript that nests", "a.json", b"[" * 100_000, 422),
    file("a subtitle that runs backwards", "a.srt", b"1\n00:00:09,000 --> 00:00:01,000\nw1\n", 422),
    file("a table without texts", "a.csv", b"a,b\n1,2\n", 422),
    file("a table of 50,000 columns", "a.csv", b"text" + b",a" * 50_000 + b"\n", 422),
    *(
        file(f"a file called {name[:30]!r}", name, b"w1 w2", 415)
        for name in ("a.html", "a.svg", "a.pkl", "a.exe", "a.zip", "a.txt.exe", "a", "", "../../etc/passwd",
                     "a.txt\0.sh", "C:\\a.bat", "~/.bashrc")
    ),
    file("a language that does not exist", "a.txt", b"w1", 422, query="?language=zzzz"),
    file("a language by a path", "a.txt", b"w1", 422, query="?language=../../x"),
    file("an utterance of NaN seconds", "a.txt", b"w1", 422, query="?longest=nan"),
    file("an utterance of 1e99 seconds", "a.txt", b"w1", 422, query="?longest=1e99"),
    file("another model", "a.txt", b"w1", 422, query="?model=/etc/passwd"),
    file("another speech model", "a.txt", b"w1", 422, query="?asr=/etc/passwd"),
    file("a wait that is no truth", "a.txt", b"w1", 422, query="?wait=perhaps"),
    file("a face that does not exist", "a.txt", b"w1", 422, query="?face=evil"),
]  # fmt: skip
ATTACKS = [*METHODS, *PATHS, *HEADERS, *BODIES, *FORMS]
RAW = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/0.9": b"GET /v1/model\r\n\r\n",
    "no Host": b"GET /v1/model HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /v1/model HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a header without a colon": b"GET /v1/model HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n",
    "a folded header": b"GET /v1/model HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n",
    "two lengths": b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": (
        b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a chunk of another size": (
        b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n"
    ),
    "a line of 100 kB": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "5,000 headers": b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n",
    "an address of another server": b"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "control characters": b"GET /\x01\x02 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a web socket where there is none": (
        b"GET /v1/model HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ),
}
"""Bytes on a connection, without a key."""
