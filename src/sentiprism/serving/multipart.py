"""Read a form with files as it comes: each file is written to the disk under a name of ours."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from anyio.to_thread import run_sync
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from sentiprism.errors import few
from sentiprism.serving.problems import ProblemError
from sentiprism.web.uploads import blocks, clean_name

HEADER = 4096
"""Bytes of a header of a part."""


class Field(NamedTuple):
    """A file that a form may have."""

    suffixes: frozenset[str]
    most: int
    """Bytes."""


class Part(NamedTuple):
    """A file that was received."""

    name: str
    """As the client calls it, for people."""
    file: str
    """Name in the folder."""


async def receive_files(request: Request, folder: Path, fields: Mapping[str, Field]) -> dict[str, Part]:
    """Receive the files of a form.

    Args:
        request: its body is ``multipart/form-data``.
        folder: where files are written; their names are those of the fields.
        fields: files that the form may have, by name.

    Returns:
        The files by field.

    Raises:
        ProblemError: it is not such a form, is cut off, or has other files.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ProblemError(415, "the body is not multipart/form-data", "send the recording as the field 'file'")
    form = _Form(folder, fields)
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": form.begin,
                "on_header_field": form.header_name,
                "on_header_value": form.header_value,
                "on_header_end": form.header_end,
                "on_headers_finished": form.headers_finished,
                "on_part_data": form.data,
                "on_part_end": form.part_end,
                "on_end": form.end,
            },
            max_header_count=8,
            max_header_size=HEADER,
        )
        async for block in blocks(request, None):
            await run_sync(parser.write, block)
    except FormParserError as error:
        raise ProblemError(400, f"the form cannot be read: {error}") from None
    finally:
        await run_sync(form.close)
    if not form.whole:
        raise ProblemError(400, "the form is incomplete", "send the whole form, with its last boundary")
    return form.parts


class _Form:
    """Writes the parts of a form, of which a parser tells it."""

    def __init__(self, folder: Path, fields: Mapping[str, Field]) -> None:
        self._folder, self._fields = folder, fields
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._file: BinaryIO | None = None
        self._left = 0
        self.parts: dict[str, Part] = {}
        self.whole = False

    def begin(self) -> None:
        self._headers = {}

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name", b"").decode(errors="replace")
        if kind != b"form-data" or name not in self._fields:
            raise ProblemError(422, f"the form has an unknown field {name!r}", f"send {few(self._fields)}")
        if name in self.parts:
            raise ProblemError(422, f"the form has the field {name!r} twice", "send one file")
        if b"content-transfer-encoding" in self._headers:
            raise ProblemError(415, "a part has a Content-Transfer-Encoding", "send its bytes as they are")
        field, called = self._fields[name], clean_name(options.get(b"filename", b"").decode(errors="replace"))
        suffix = os.path.splitext(called)[1].lower()
        if suffix not in field.suffixes:
            known = few(sorted(field.suffixes))
            raise ProblemError(415, f"the {name} {called!r} is not of a known type", f"send one of: {known}")
        self.parts[name] = Part(called, f"{name}{suffix}")
        self._file, self._left = (self._folder / self.parts[name].file).open("xb"), field.most

    def data(self, data: bytes, start: int, end: int) -> None:
        self._left -= end - start
        if self._left < 0:
            raise ProblemError(413, "a file of the form is too large")
        if self._file is not None:
            self._file.write(data[start:end])

    def part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            if not os.path.getsize(self._file.name):
                raise ProblemError(422, "a file of the form is empty", "send a complete copy of it")
            self._file = None

    def end(self) -> None:
        self.whole = True

    def close(self) -> None:
        """Close the file of a form that was cut off."""
        if self._file is not None:
            self._file.close()
