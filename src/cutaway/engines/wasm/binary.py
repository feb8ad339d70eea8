"""From LLVM's object file to a WebAssembly module of its own, without a linker.

An object with everything in it is nearly a module: it imports its memory, its table of functions and a place for its
stack, and exports nothing. Here these are defined, the table is filled, functions are exported under names that the
object's symbol table gives, and memory gets what lies in it at the start.
(WebAssembly Core Specification 2.0, 5.5 modules; tool-conventions, Linking.md.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEMENT, CODE, DATA = range(1, 12)
SYMBOLS = 8  # the part of the section "linking" that lists symbols
PAGE = 65536
STACK = 1024, 33792  # where values lie that no register holds: between what a page reads first and all arrays


class Reader:
    """Reads the numbers and names of a section one after the other."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def __bool__(self) -> bool:
        return self.at < len(self.content)

    def byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def number(self) -> int:
        """Read an unsigned number, seven bits a byte, low ones first."""
        found = shift = 0
        while True:
            byte = self.byte()
            found |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return found

    def take(self, count: int) -> bytes:
        self.at += count
        return self.content[self.at - count : self.at]

    def name(self) -> str:
        return self.take(self.number()).decode()


def number(n: int) -> bytes:
    """Write an unsigned number."""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def signed(n: int) -> bytes:
    """Write a number that an instruction holds."""
    out = bytearray()
    while not -64 <= n < 64:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n & 127])


def listed(parts: Sequence[bytes]) -> bytes:
    return number(len(parts)) + b"".join(parts)


def _text(name: str) -> bytes:
    return listed([bytes([x]) for x in name.encode()])


def sections(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Go through the sections of an object file or module: the kind of each, and what is in it."""
    reader = Reader(content[8:])
    while reader:
        kind = reader.byte()
        yield kind, reader.take(reader.number())


def functions(content: bytes) -> dict[str, int]:
    """The numbers of the functions that an object file defines, by name."""
    found: dict[str, int] = {}
    for kind, section in sections(content):
        linking = Reader(section)
        if kind or linking.name() != "linking":
            continue
        linking.number()  # its version
        while linking:
            part, inner = linking.byte(), Reader(linking.take(linking.number()))
            if part == SYMBOLS:
                found |= dict(_symbols(inner))
    return found


def _symbols(reader: Reader) -> Iterator[tuple[str, int]]:
    for _ in range(reader.number()):
        kind, flags = reader.byte(), reader.number()
        defined = not flags & 0x10
        if kind == 1:  # data
            reader.name()
            for _ in range(3 * defined):
                reader.number()
        elif kind == 3:  # a section
            reader.number()
        else:
            index = reader.number()
            name = reader.name() if defined or flags & 0x40 else ""
            if kind == 0 and defined:
                yield name, index


@dataclass(frozen=True)
class WasmModule:
    """A module but for its memory: what its sections hold, by their kinds."""

    parts: Mapping[int, bytes]

    def bytes(self, pages: int, data: Sequence[tuple[int, bytes]] = ()) -> bytes:
        """Write it down with so many pages of memory, in which these stretches lie at the start: (address, bytes)."""
        stretches = [b"\0\x41" + signed(at) + b"\x0b" + number(len(some)) + some for at, some in data]
        parts = {**self.parts, MEMORY: listed([b"\0" + number(pages)])}
        if stretches:
            parts[DATA] = listed(stretches)
        return b"\0asm\1\0\0\0" + b"".join(
            bytes([kind]) + number(len(parts[kind])) + parts[kind] for kind in sorted(parts))


def module(content: bytes, table: Sequence[str], exports: Sequence[str]) -> WasmModule:
    """Make a module of an object file. table: the functions that are called by their number, from 1 on."""
    parts = {kind: section for kind, section in sections(content) if kind}
    if DATA in parts:
        raise RuntimeError("the kernels hold data of their own, for which the module has no place")
    stack = _imports(Reader(parts.pop(IMPORT, b"\0")))
    numbers = functions(content)
    parts = {kind: parts[kind] for kind in (TYPE, FUNCTION, CODE)}
    places = [number(numbers[name]) for name in table]
    parts[TABLE] = listed([b"\x70\0" + number(1 + len(table))])
    parts[ELEMENT] = listed([b"\0\x41\1\x0b" + listed(places)])
    parts[EXPORT] = listed([_text("memory") + b"\2\0", *(_text(name) + b"\0" + number(numbers[name])
                                                          for name in exports)])
    if stack:
        parts[GLOBAL] = listed([b"\x7f\1\x41" + signed(STACK[1]) + b"\x0b"])
    return WasmModule(parts)


def _imports(reader: Reader) -> bool:
    """Look through what an object file imports: whether it wants a stack. Raises RuntimeError for a function."""
    stack = False
    for _ in range(reader.number()):
        reader.name()
        name, kind = reader.name(), reader.byte()
        if kind == 0:
            raise RuntimeError(f"a kernel calls {name}: not among what a module has")
        if kind in (1, 2):
            reader.take(1 if kind == 1 else 0)
            for _ in range(1 + reader.byte() % 2):
                reader.number()
        else:
            reader.take(2)
            stack = True
    return stack
