"""Interpret pickle opcodes without calling anything."""

import mmap
from typing import Any

from sentiprism.data.importers._pickle.reader import LONG_TEXT, Reader
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

MARK = object()


class Machine(Reader):
    """The stack machine, with a method for each kind of instruction in the table `OPCODES`.

    Args:
        file: the pickle.
        decoded: see `Reader`.
        numbered: allow whole numbers as keys of a dict, which become names.
    """

    def __init__(self, file: mmap.mmap, decoded: int, *, numbered: bool = False) -> None:
        super().__init__(file, decoded)
        self.numbered = numbered
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Interpret the pickle and return its object."""
        while True:
            opcode = self.file[self.skip(1)]
            if opcode == ord("."):
                return self.pop()
            if opcode not in OPCODES:
                refuse(f"is not a pickle: byte {self.at - 1} is 0x{opcode:02x}, not an instruction")
            action, *argument = OPCODES[opcode]
            action(self, *argument)

    def pop(self) -> Any:
        """Remove and return the top of the stack."""
        if not self.stack:
            refuse(f"is a broken pickle: nothing is on its stack at byte {self.at}")
        return self.stack.pop()

    def top(self, what: type) -> Any:
        """Return the top of the stack, which must be a ``what``."""
        if not self.stack or not isinstance(self.stack[-1], what):
            refuse(f"is a broken pickle: no {what.__name__.lower()} is on its stack at byte {self.at}")
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        """Remove and return everything above the last mark, and the mark."""
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

    def read(self, form: str) -> None:
        self.stack.append(self.number(form))

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
            name = utf8(self.bytes_of(key)) if isinstance(key, Blob) else key
            if self.numbered and type(name) is int:
                name = str(name)
            if not isinstance(name, str):
                refuse(f"has {kind(name)} as a key where a name belongs")
            target[name] = value

    def put(self, form: str) -> None:
        self.top(object)
        index = self.number(form) if form else len(self.memo)
        self.memo[index] = self.stack[-1]

    def get(self, form: str) -> None:
        index = self.number(form)
        if index not in self.memo:
            refuse(f"is a broken pickle: it loads memo entry {index}, which was not stored")
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
        """Value that calling one of `KNOWN` would create."""
        made: Any = None
        match name, args:
            case "numpy.core.multiarray._reconstruct", (Symbol("numpy.ndarray"), tuple(), _):
                made = Array()
            case "numpy.core.numeric._frombuffer", (Blob() as data, Dtype() as dtype, tuple(shape), *layout):
                match layout:
                    case ["C" | "F" as order] | ["C" | "F" as order, None]:
                        made = Array(data, dtype, shape, order == "F")
                    case ["K", tuple(axes)]:  # numpy 2.4: a C array, then its axes in another order
                        made = Array(data, dtype, shape, axes=axes)
            case "numpy.core.multiarray.scalar", (Dtype() as dtype, Blob() as data):
                made = scalar(dtype, self.bytes_of(data))
            case "numpy.dtype", (str() | Blob() as code, *_):
                made = Dtype(code if isinstance(code, str) else utf8(self.bytes_of(code)))
            case "_codecs.encode", (str() | LongText() as text, "latin1" | "latin-1"):
                made = self.encode(text)
            case "builtins.bytes", ():
                made = Blob(1, 0, 0)
            case "collections.OrderedDict", ():
                made = {}
        return refuse(f"calls {name} with invalid arguments") if made is None else made

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
                refuse(f"wants to set the state of {kind(target)} (byte {self.at - 1}) in an invalid way")


FORBIDDEN = {
    "an object made": b"\x81\x92io",
    "an extension code": b"\x82\x83\x84",
    "an object from outside of the file (a persistent id)": b"PQ",
    "a buffer from outside": b"\x97\x98",
    "a copy of its stack": b"2",
    "a set": b"\x8f\x90\x91",
    "the text form of protocol 0": b"ILFSVpg",
}
ARGUMENTS: dict[Any, dict[Any, bytes]] = {
    Machine.forbidden: FORBIDDEN,
    Machine.number: {"<Q": b"\x95"},  # FRAME: its length is not needed for a mapped file
    Machine.push: {MARK: b"(", None: b"N", True: b"\x88", False: b"\x89", (): b")"},
    Machine.read: {"<i": b"J", "B": b"K", "<H": b"M", ">d": b"G"},
    Machine.long: {"B": b"\x8a", "<i": b"\x8b"},
    Machine.blob: {"<i": b"T", "B": b"UC", "<I": b"B", "<Q": b"\x8e\x96"},
    Machine.text: {"<I": b"X", "B": b"\x8c", "<Q": b"\x8d"},
    Machine.marked: {tuple: b"t", list: b"l"},
    Machine.tuple_of: {1: b"\x85", 2: b"\x86", 3: b"\x87"},
    Machine.fresh: {list: b"]", dict: b"}"},
    Machine.put: {"B": b"q", "<I": b"r", "": b"\x94"},
    Machine.get: {"B": b"h", "<I": b"j"},
}
"""Instructions by what does them and by its argument."""
ALONE = {
    b"\x80": Machine.protocol,
    b"0": Machine.pop,
    b"1": Machine.since_mark,
    b"a": Machine.append,
    b"e": Machine.extend,
    b"d": Machine.marked_dict,
    b"s": Machine.set_item,
    b"u": Machine.set_items,
    b"c": Machine.global_line,
    b"\x93": Machine.global_stack,
    b"R": Machine.reduce,
    b"b": Machine.build,
}
"""Those without an argument."""
OPCODES: dict[int, tuple[Any, ...]] = {ord(opcode): (action,) for opcode, action in ALONE.items()} | {
    opcode: (action, argument)
    for action, arguments in ARGUMENTS.items()
    for argument, opcodes in arguments.items()
    for opcode in opcodes
}
