"""Values that are allowed in a pickle of a dataset."""

import re
import struct
from typing import Any, NamedTuple, NoReturn

KNOWN = {
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.core.numeric._frombuffer",
    "_codecs.encode",
    "builtins.bytes",
    "collections.OrderedDict",
}
SPELLINGS = {"numpy._core.": "numpy.core.", "__builtin__.": "builtins."}
CODES = re.compile(r"b1|[iu][1248]|f[248]|[SU][1-9]\d{0,6}|O8?")
"""Element types of a dataset's arrays, as numpy abbreviates them."""
NUMBERS = {"b1": "?", "f2": "e", "f4": "f", "f8": "d"} | dict(
    zip(("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"), "bhiqBHIQ", strict=True)
)


class RefusedError(Exception):
    """The file is invalid; the message is the cause, without the file's name."""


class Symbol(NamedTuple):
    """A name of `KNOWN`."""

    name: str


class Blob(NamedTuple):
    """Position of bytes in the pickle (source 0) or in the decoded ones (source 1)."""

    source: int
    offset: int
    length: int


class LongText(NamedTuple):
    """Text of more than `LONG_TEXT` bytes of UTF-8, left in the file."""

    offset: int
    length: int


class Dtype:
    """A numpy dtype: its code, such as f4, and its byte order."""

    def __init__(self, code: str) -> None:
        self.code, self.order = code.lstrip("<>=|"), "<"


class Array:
    """A numpy array, possibly still without its data before BUILD."""

    def __init__(
        self,
        data: object = None,
        dtype: object = None,
        shape: object = (),
        fortran: bool = False,
        axes: tuple[Any, ...] | None = None,
    ) -> None:
        self.data, self.dtype, self.shape, self.fortran, self.axes = data, dtype, shape, fortran, axes


def refuse(cause: str) -> NoReturn:
    """Raise `RefusedError`."""
    raise RefusedError(cause)


def shown(text: str) -> str:
    """Shorten a text from an untrusted file to one line."""
    quoted = ascii(text)
    return quoted if len(quoted) <= 82 else quoted[:78] + "...'"


def symbol(module: Any, name: Any) -> Symbol:
    """Look up a name in `KNOWN`, in the spelling of any numpy version; other names are refused."""
    if not (isinstance(module, str) and isinstance(name, str)):
        refuse("asks for something by a name that is not a text")
    full = f"{module}.{name}"
    for spelling, ours in SPELLINGS.items():
        if full.startswith(spelling):
            full = ours + full.removeprefix(spelling)
    if full not in KNOWN:
        refuse(f"asks for {shown(full)}, which no dataset needs")
    return Symbol(full)


def utf8(data: bytes) -> str:
    """Decode UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return refuse("holds text that is not UTF-8")


def kind(value: object) -> str:
    """Name the type of a value."""
    words = {
        Array: "an array",
        LongText: "a very long text",
        Blob: "bytes",
        Symbol: "a name",
        Dtype: "a dtype",
    }
    return words.get(type(value), "nothing" if value is None else f"a value of type {type(value).__name__}")


def scalar(dtype: Dtype, data: bytes) -> Any:
    """Convert a numpy scalar to a plain value."""
    order = ">" if dtype.order == ">" else "<"
    if (form := NUMBERS.get(dtype.code)) and struct.calcsize(form) == len(data):
        return struct.unpack(order + form, data)[0]
    if dtype.code.startswith("U"):
        try:
            return data.decode("utf-32-be" if order == ">" else "utf-32-le").rstrip("\0")
        except UnicodeDecodeError:
            refuse("holds text that cannot be decoded")
    if not dtype.code.startswith("S"):
        refuse(f"holds a scalar of dtype {shown(dtype.code)}")
    return utf8(data).rstrip("\0")
