"""The opener that every named file goes through, and messages that a terminal can show."""

import os

import pytest

from sentiprism.errors import MOST, UserError, printable, suggest
from sentiprism.reading import open_regular, parse_json, parse_number, read_json, read_json_lines, read_text


def refused(call, *words):
    with pytest.raises(UserError) as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/proc/self/environ", "/proc/self/fd/0", "/dev/fd/0"])
def test_system_files_are_refused(name, tmp_path):
    refused(lambda: read_text(name), "not a regular file")
    (tmp_path / "link").symlink_to(name)
    (tmp_path / "twice").symlink_to("link")
    refused(lambda: read_text(tmp_path / "twice"), "not a regular file")


def test_an_open_file_is_not_read_by_its_descriptor(tmp_path):
    (tmp_path / "a").write_text("x")
    with (tmp_path / "a").open() as file:
        (tmp_path / "link").symlink_to(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        refused(lambda: read_text(tmp_path / "link"), "not a regular file")


def test_links_to_real_files_are_followed(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "link").symlink_to("a")
    assert read_text(tmp_path / "link") == "x"


def test_pipes_folders_and_sizes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(lambda: read_text(tmp_path / "pipe", what="table"), "not a regular file; save the table")
    refused(lambda: read_text(tmp_path), "is a folder")
    refused(lambda: read_text(tmp_path / "none"), "no file")
    refused(lambda: read_text(f"{tmp_path}/a\0b"), "a\\x00b")
    (tmp_path / "empty").touch()
    refused(lambda: read_text(tmp_path / "empty"), "is empty")
    (tmp_path / "large").write_bytes(b"x" * 11)
    refused(lambda: read_text(tmp_path / "large", most=10), "too large: the limit for a file is 10 B")
    with open_regular(tmp_path / "large", 11) as fd:
        assert os.read(fd, 20) == b"x" * 11


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings_by_their_mark(encoding, tmp_path):
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    (tmp_path / "t").write_bytes(mark + "naïve 語".encode(encoding))
    assert read_text(tmp_path / "t") == "naïve 語"


def test_other_bytes_are_no_text(tmp_path):
    (tmp_path / "t").write_bytes(b"caf\xe9")
    refused(lambda: read_text(tmp_path / "t"), "not UTF-8 text (byte 3)")
    (tmp_path / "t").write_bytes(b"a\0b")
    refused(lambda: read_text(tmp_path / "t"), "NUL")


def test_json_depth_and_faults(tmp_path):
    assert parse_json("[" * 64 + "]" * 64, "x")
    for text in ("[" * 66 + "]" * 66, "[" * 100_000, '{"a":' * 100_000):
        refused(lambda text=text: parse_json(text, "x"), "x is n")
    refused(lambda: parse_json("1" * 10_000, "x"), "x is not JSON")
    (tmp_path / "j").write_text("{,}")
    refused(lambda: read_json(tmp_path / "j"), "is not JSON", "fix the file")


def test_messages_are_clean_and_short():
    error = UserError("a\x1b[31m\u202eb\ud800" + "x" * 10_000, "fix\nit")
    assert error.cause.startswith("a\\x1b[31m\\u202eb\\ud800xxx")
    assert len(error.cause) <= MOST
    assert error.remedy == "fix it"
    assert printable("naïve 語\u3000😀") == "naïve 語\u3000😀"


def test_suggestions_are_near_and_few():
    names = [f"model-{n}" for n in range(100)]
    assert suggest("model-7", names).count("model-") == 3
    assert suggest("zzz", names).endswith("and 92 more")
    assert suggest("mfd", ["mdf", "tfn", "mult"]) == "did you mean 'mdf'?"


def test_json_with_a_key_twice_or_half_a_character_is_refused():
    refused(lambda: parse_json('[{"a": 1, "b": 2, "a": 3}]', "x"), "one object has the key 'a' twice")
    for text in ('"\\ud800"', '{"\\udfff": 1}', '["\\ud83d\\ude00\\udc00"]'):
        refused(lambda text=text: parse_json(text, "x"), "half of a surrogate pair")
    assert parse_json('"\\ud83d\\ude00"', "x") == "😀"


@pytest.mark.parametrize("text", ["1_0", "１", "٣", "nan", "inf", "1e999", "0x1", "", ".", "1e", "1,5", "--1", "1 2"])
def test_only_ascii_numbers_are_numbers(text):
    with pytest.raises(ValueError, match="not a number"):
        parse_number(text)


@pytest.mark.parametrize("text", ["1", "-1.5", "+.5", "2.", " 3e-2\n", "1E3"])
def test_numbers_are_read_as_python_reads_them(text):
    assert parse_number(text) == float(text)


def test_old_encodings_are_tried_where_they_are_asked_for(tmp_path):
    (tmp_path / "t").write_bytes(b"caf\xe9 \x80")
    assert read_text(tmp_path / "t", also=("ascii", "cp1252")) == "café €"
    refused(lambda: read_text(tmp_path / "t", also=("ascii",)), "is not UTF-8 text (byte 3)")
    (tmp_path / "t").write_bytes(bytes(range(1, 256)))
    refused(lambda: read_text(tmp_path / "t", also=("latin-1",)), "control characters")


def test_a_message_of_megabytes_is_cut_before_it_is_cleaned():
    error = UserError("\x1b" * 10_000_000, "y" * 10_000_000)
    assert len(str(error)) <= 2 * MOST + 2
    assert suggest("zzz", ["a", "b"], "it has") == "it has: a, b"


def test_lines_of_json_end_at_line_feeds_alone(tmp_path):
    (tmp_path / "l").write_text('{"a": "x\u2028y"}\n[1]\n', encoding="utf-8")
    assert read_json_lines(tmp_path / "l") == [{"a": "x\u2028y"}, [1]]
