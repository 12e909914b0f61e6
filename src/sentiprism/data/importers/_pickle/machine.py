"""The stack machine."""

import codecs
import mmap
import os
import struct
from typing import Any

from sentiprism.data.importers._pickle.values import (
    Array,
    Blob,
    Dtype,
    LongText,
    Symbol,
    kind,
    refuse,
    scalar,
    shown,
    symbol,
    utf8,
)

LONG_TEXT = 1 << 20
"""Text longer than this is left in the file; only bytes in the disguise of protocol 2 are that long."""
PIECE = 1 << 20
MARK = object()


class Machine:
    """The stack machine: one method an opcode, in the table `OPCODES`.

    Args:
        file: the pickle.
        decoded: file descriptor that decoded bytes are appended to.
    """

    def __init__(self, file: mmap.mmap, decoded: int) -> None:
        self.file, self.decoded, self.decoded_size = file, decoded, 0
        self.at = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The object on top when the pickle stops."""
        while True:
            opcode = self.file[self.skip(1)]
            if opcode == ord("."):
                return self.pop()
            if opcode not in OPCODES:
                refuse(f"is no pickle: byte {self.at - 1} is 0x{opcode:02x}, which is no instruction")
            action, *argument = OPCODES[opcode]
            action(self, *argument)

    # reading

    def take(self, length: int) -> bytes:
        """The next bytes."""
        self.skip(length)
        return self.file[self.at - length : self.at]

    def skip(self, length: int) -> int:
        """Step over bytes and say where they began."""
        if length < 0 or length > len(self.file) - self.at:
            refuse(
                f"is cut short or broken: {length} bytes are announced at byte {self.at}, {len(self.file)} is its size"
            )
        self.at += length
        return self.at - length

    def number(self, form: str) -> Any:
        """The next number, in the notation of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        """The next line, without its end."""
        end = self.file.find(b"\n", self.at)
        if end < 0:
            refuse(f"is cut short or broken: the line at byte {self.at} has no end")
        return self.take(end + 1 - self.at)[:-1]

    def bytes_of(self, blob: Any) -> bytes:
        """Content of a blob."""
        if not isinstance(blob, Blob):
            refuse(f"holds {kind(blob)} where bytes belong")
        if blob.source:
            return os.pread(self.decoded, blob.length, blob.offset)
        return self.file[blob.offset : blob.offset + blob.length]

    # stack

    def pop(self) -> Any:
        """Top of the stack."""
        if not self.stack:
            refuse(f"is a broken pickle: nothing is on its stack at byte {self.at}")
        return self.stack.pop()

    def top(self, what: type) -> Any:
        """Top of the stack, left there, if it is a ``what``."""
        if not self.stack or not isinstance(self.stack[-1], what):
            refuse(f"is a broken pickle: no {what.__name__.lower()} is on its stack at byte {self.at}")
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        """Everything above the last mark, which goes too."""
        items = []
        while (item := self.pop()) is not MARK:
            items.append(item)
        return items[::-1]

    # opcodes

    def protocol(self) -> None:
        if (version := self.number("B")) > 5:
            refuse(f"is a pickle of protocol {version}, which is not known")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def fresh(self, kind: type) -> None:
        self.stack.append(kind())

    def read(self, form: str, keep: bool = True) -> None:
        if (value := self.number(form), keep)[1]:
            self.stack.append(value)

    def long(self, form: str) -> None:
        length = self.number(form)
        if not 0 <= length <= 16:
            refuse(f"holds an integer of {length} bytes")
        self.stack.append(int.from_bytes(self.take(length), "little", signed=True))

    def blob(self, form: str) -> None:
        length = self.number(form)
        self.stack.append(Blob(0, self.skip(length), length))

    def text(self, form: str) -> None:
        length = self.number(form)
        if length > LONG_TEXT:
            return self.stack.append(LongText(self.skip(length), length))
        return self.stack.append(utf8(self.take(length)))

    def tuple_of(self, count: int) -> None:
        self.stack.append(tuple([self.pop() for _ in range(count)][::-1]))

    def marked(self, convert: type) -> None:
        self.stack.append(convert(self.since_mark()))

    def marked_dict(self) -> None:
        items = self.since_mark()
        self.stack.append({})
        self.set_items(items)

    def append(self) -> None:
        item = self.pop()
        self.top(list).append(item)

    def extend(self) -> None:
        items = self.since_mark()
        self.top(list).extend(items)

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def set_items(self, items: list[Any] | None = None) -> None:
        items = self.since_mark() if items is None else items
        target = self.top(dict)
        if len(items) % 2:
            refuse("is a broken pickle: a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            key = utf8(self.bytes_of(key)) if isinstance(key, Blob) else key
            if not isinstance(key, str):
                refuse(f"has {kind(key)} as a key where a name belongs")
            target[key] = value

    def put(self, form: str) -> None:
        self.top(object)
        index = self.number(form) if form else len(self.memo)
        self.memo[index] = self.stack[-1]

    def get(self, form: str) -> None:
        index = self.number(form)
        if index not in self.memo:
            refuse(f"is a broken pickle: it recalls number {index}, which it never noted")
        self.stack.append(self.memo[index])

    def global_line(self) -> None:
        module, name = self.line(), self.line()
        self.stack.append(symbol(utf8(module), utf8(name)))

    def global_stack(self) -> None:
        name, module = self.pop(), self.pop()
        self.stack.append(symbol(module, name))

    def forbidden(self, what: str) -> None:
        refuse(f"wants {what} (byte {self.at - 1}), which this reader never does")

    def reduce(self) -> None:
        args, function = self.pop(), self.pop()
        if not isinstance(function, Symbol) or not isinstance(args, tuple):
            refuse(f"wants to call {kind(function)} (byte {self.at - 1}), which this reader never does")
        self.stack.append(self.made_by(function.name, args))

    def made_by(self, name: str, args: tuple[Any, ...]) -> Any:
        """What calling one of `KNOWN` would have made."""
        match name, args:
            case "numpy.core.multiarray._reconstruct", (Symbol("numpy.ndarray"), tuple(), _):
                return Array()
            case "numpy.core.numeric._frombuffer", (
                Blob() as data,
                Dtype() as dtype,
                tuple(shape),
                "C" | "F" as order,
            ):
                return Array(data, dtype, shape, order == "F")
            case "numpy.core.multiarray.scalar", (Dtype() as dtype, Blob() as data):
                return scalar(dtype, self.bytes_of(data))
            case "numpy.dtype", (str() | Blob() as code, *_):
                return Dtype(code if isinstance(code, str) else utf8(self.bytes_of(code)))
            case "_codecs.encode", (str() | LongText() as text, "latin1" | "latin-1"):
                return self.encode(text)
            case "builtins.bytes", ():
                return Blob(1, 0, 0)
            case "collections.OrderedDict", ():
                return {}
        return refuse(f"calls {name} with arguments that no array has")

    def encode(self, text: str | LongText) -> Blob:
        """Bytes that protocol 2 wrote as text of the same code points."""
        start, decoder = self.decoded_size, codecs.getincrementaldecoder("utf-8")()
        try:
            if isinstance(text, str):
                return self.keep(text.encode("latin-1"))
            for at in range(text.offset, text.offset + text.length, PIECE):
                end = min(at + PIECE, text.offset + text.length)
                self.keep(decoder.decode(self.file[at:end]).encode("latin-1"))
            decoder.decode(b"", final=True)
        except UnicodeError:
            refuse("holds text where the bytes of an array belong")
        return Blob(1, start, self.decoded_size - start)

    def keep(self, data: bytes) -> Blob:
        """Append decoded bytes for the parent."""
        start, view = self.decoded_size, memoryview(data)
        while view:
            written = os.write(self.decoded, view)
            view, self.decoded_size = view[written:], self.decoded_size + written
        return Blob(1, start, len(data))

    def build(self) -> None:
        state = self.pop()
        target = self.stack[-1] if self.stack else None
        match target, state:
            case Array(dtype=None), (int(), tuple(shape), Dtype() as dtype, bool() | int() as fortran, data):
                target.data, target.dtype, target.shape, target.fortran = data, dtype, shape, bool(fortran)
            case Dtype(), (int(), str() | Blob() as order, None, None, None, *_):
                target.order = order if isinstance(order, str) else utf8(self.bytes_of(order))
                if target.order not in {"<", ">", "|", "="}:
                    refuse(f"has a dtype of byte order {shown(target.order)}")
            case _:
                refuse(f"wants to set the state of {kind(target)} (byte {self.at - 1}) as no array does")


FORBIDDEN = {
    "an object made": b"\x81\x92io",
    "an extension code": b"\x82\x83\x84",
    "a persistent id": b"PQ",
    "a buffer from outside": b"\x97\x98",
    "a set": b"\x8f\x90\x91",
    "the text form of protocol 0": b"ILFSVpg",
}
OPCODES: dict[int, tuple[Any, ...]] = {
    opcode: (Machine.forbidden, what) for what, opcodes in FORBIDDEN.items() for opcode in opcodes
} | {
    0x80: (Machine.protocol,),
    0x95: (Machine.read, "<Q", False),  # FRAME: its length is of no use to a reader of a mapped file
    ord("("): (Machine.push, MARK),
    ord("0"): (Machine.pop,),
    ord("1"): (Machine.since_mark,),
    ord("N"): (Machine.push, None),
    0x88: (Machine.push, True),
    0x89: (Machine.push, False),
    ord("J"): (Machine.read, "<i"),
    ord("K"): (Machine.read, "B"),
    ord("M"): (Machine.read, "<H"),
    ord("G"): (Machine.read, ">d"),
    0x8A: (Machine.long, "B"),
    0x8B: (Machine.long, "<i"),
    ord("T"): (Machine.blob, "<i"),
    ord("U"): (Machine.blob, "B"),
    ord("B"): (Machine.blob, "<I"),
    ord("C"): (Machine.blob, "B"),
    0x8E: (Machine.blob, "<Q"),
    0x96: (Machine.blob, "<Q"),
    ord("X"): (Machine.text, "<I"),
    0x8C: (Machine.text, "B"),
    0x8D: (Machine.text, "<Q"),
    ord(")"): (Machine.push, ()),
    ord("t"): (Machine.marked, tuple),
    0x85: (Machine.tuple_of, 1),
    0x86: (Machine.tuple_of, 2),
    0x87: (Machine.tuple_of, 3),
    ord("]"): (Machine.fresh, list),
    ord("l"): (Machine.marked, list),
    ord("a"): (Machine.append,),
    ord("e"): (Machine.extend,),
    ord("}"): (Machine.fresh, dict),
    ord("d"): (Machine.marked_dict,),
    ord("s"): (Machine.set_item,),
    ord("u"): (Machine.set_items,),
    ord("q"): (Machine.put, "B"),
    ord("r"): (Machine.put, "<I"),
    0x94: (Machine.put, ""),
    ord("h"): (Machine.get, "B"),
    ord("j"): (Machine.get, "<I"),
    ord("c"): (Machine.global_line,),
    0x93: (Machine.global_stack,),
    ord("R"): (Machine.reduce,),
    ord("b"): (Machine.build,),
}
