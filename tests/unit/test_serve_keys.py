"""Keys of clients: the file, limits by key, and an address that only keys open."""

import stat

import pytest

from sentiprism.errors import UserError
from sentiprism.serving.keys import Caller, KeyEntry, Keys, add_key, hash_of, read_keys
from sentiprism.serving.server import ServeOptions, is_loopback, serve


def entry(**limits: int) -> KeyEntry:
    return KeyEntry(label="a", sha256=hash_of("k"), **limits)


def test_a_key_is_stored_as_its_hash_and_found_by_itself(tmp_path):
    path = tmp_path / "keys.yaml"
    first, second = add_key(path, "alice"), add_key(path, "bob")
    text = path.read_text()
    assert first not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = Keys(read_keys(path).keys)
    assert keys.find(first).label == "alice"
    assert keys.find(second).label == "bob"
    for wrong in ("", "alice", first[:-1], first + "x", hash_of(first), "k" * 10_000):
        assert keys.find(wrong) is None
    with pytest.raises(UserError, match="has a key 'bob' already"):
        add_key(path, "bob")
    with pytest.raises(UserError, match="label"):
        add_key(path, "../x y")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keys: []", "has no keys"),
        ("keys:\n- {label: a, sha256: abc}", "should be a SHA-256"),
        ("keys:\n- {label: a}", "'keys.0.sha256' is missing"),
        ("keys:\n" + f"- {{label: a, sha256: {'e' * 64}}}\n" * 2, "the same label twice"),
        ("keys:\n" + "".join(f"- {{label: {n}, sha256: {'c' * 64}}}\n" for n in "ab"), "the same sha256 twice"),
        (f"keys:\n- {{label: a, sha256: {'a' * 64}, jobs: 0}}", "at least 1"),
        (f"keys:\n- {{label: a, sha256: {'a' * 64}, job: 1}}", "job"),
    ],
)
def test_a_faulty_file_of_keys_is_refused(tmp_path, text, message):
    path = tmp_path / "keys.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_keys(path)


def test_limits_are_counted_by_the_minute_and_by_the_day(monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr("sentiprism.serving.keys.time", lambda: now[0])
    caller = Caller(entry(requests_per_minute=2, bytes_per_day=100))
    assert [caller.count_request() for _ in range(2)] == [None, None]
    now[0] += 20
    assert caller.count_request() == pytest.approx(40)
    now[0] += 41
    assert caller.count_request() is None
    assert caller.has_bytes(100) is None
    caller.count_bytes(60)
    assert caller.has_bytes(40) is None
    assert 0 < caller.has_bytes(41) <= 86_400
    now[0] += caller.has_bytes(41) + 1
    assert caller.has_bytes(100) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False), ("", False)],  # noqa: S104
)
def test_another_address_needs_keys(host, loopback):
    assert is_loopback(host) is loopback
    if not loopback:
        with pytest.raises(UserError, match=r"without keys.*sentiprism serve --keys"):
            serve(ServeOptions(host=host))
