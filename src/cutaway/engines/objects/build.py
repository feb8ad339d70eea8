"""Steps as one function of an object file or a WebAssembly module: kernels, one after the other, with all addresses and
numbers known, and arrays of their own. Nothing is allocated, and nothing but libm is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir

from ..cpu import codegen, language, native, slots
from ..cpu.engine import called_library
from ..cpu.scalars import I8, I32, I64, VOID
from ..cpu.target import target as named
from ..wasm import binary
from ..wasm.memory import Image

LINE = 64  # bytes; every array starts on a cache line
TYPES = {"float32": ir.FloatType(), "float64": ir.DoubleType(), "int32": I32, "uint8": I8}


@dataclass
class KernelCall:
    """A call of a kernel: its text, where each operand lies (the name of an array of `StaticMemory`, the number of an
    argument
    of the function, or None, and how many bytes further on), its numbers, and what it reads of the step state."""

    text: str
    dtype: str
    operands: Sequence[tuple[str | int | None, int]]
    numbers: Sequence[int]
    state: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class EntryPoint:
    """A function of an object file. arguments: the types of what its arguments point to. answer: the array of one whole
    number that it gives back, or "" for nothing. values: which arguments are numbers themselves, and no addresses."""

    name: str
    arguments: tuple[str, ...]
    steps: list[KernelCall]
    answer: str = ""
    values: tuple[int, ...] = ()


class StaticMemory:
    """The arrays of an object file by name: weights, which stay as they are, and what steps change."""

    def __init__(self) -> None:
        self.arrays: dict[str, tuple[np.ndarray, bool]] = {}

    def place(self, name: str, array: np.ndarray, changes: bool = False) -> str:
        """Have an array of this name; give the name."""
        self.arrays.setdefault(name, (np.ascontiguousarray(array), changes))
        return name

    @property
    def sizes(self) -> tuple[int, int]:
        """Count the bytes that stay as they are, and those that change."""
        fixed, works = (sum(a.nbytes for a, changes in self.arrays.values() if changes == which)
                        for which in (False, True))
        return fixed, works


def object_file(entries: Sequence[EntryPoint], memory: StaticMemory, target: str) -> bytes:
    """Compile functions to an object file; memory then has the arrays alone that are in it."""
    module = ir.Module()
    made = {name: _global(module, f"array{k}", *a) for k, (name, a) in enumerate(memory.arrays.items())}
    content, there = _compiled(module, entries, lambda b, name: b.ptrtoint(made[name], I64), target)
    memory.arrays = {name: array for name, array in memory.arrays.items() if made[name].name in there}
    return content


def wasm_module(entries: Sequence[EntryPoint], memory: StaticMemory, rooms: dict[str, int]) -> bytes:
    """Compile functions to a WebAssembly module that imports nothing. rooms: for each argument, by name, the bytes of
    room for it; the module exports a function of each name that gives the address."""
    image, module = Image(), ir.Module()
    at: dict[str, int] = {}
    for name, (array, _) in memory.arrays.items():
        at[name], copy = image.place(array.shape, array.dtype)
        copy[...] = array
    for name, count in rooms.items():
        address, _ = image.place((count,), np.uint8)
        f = ir.Function(module, ir.FunctionType(I32, []), name)
        ir.IRBuilder(f.append_basic_block()).ret(I32(address))
    content, _ = _compiled(module, entries, lambda b, name: I64(at[name]), "wasm32", tuple(rooms))
    names = [entry.name for entry in entries]
    return binary.module(content, [], [*names, *rooms]).bytes(image.pages, image.stretches())


def _compiled(module: ir.Module, entries: Sequence[EntryPoint], place: Callable[[Any, str], Any], target: str,
              kept: tuple[str, ...] = ()) -> tuple[bytes, set[str]]:
    """Compile a module and the kernels that its functions call; give the object file, and which arrays are in it. Each
    kernel stands where it is called, so that LLVM sees its addresses and sizes, and drops what is never reached."""
    known = named(target)
    module.triple = known.triple
    texts: dict[tuple[str, str], str] = {}
    for entry in entries:
        _write(module, entry, place, texts)
    kept += tuple(entry.name for entry in entries)
    native.loader()
    whole = llvm.parse_assembly(str(module))
    there: set[str] = set()
    for (text, dtype), symbol in texts.items():
        for name in called_library([text]):
            called = native.library_symbol(name, dtype, target)
            if called not in there:
                there.add(called)
                body = language.written(codegen._hand_written()[name], dtype, called, target)
                whole.link_in(llvm.parse_assembly(_plain(body)))
        whole.link_in(llvm.parse_assembly(_plain(language.written(text, dtype, symbol, target), inline=True)))
    for f in whole.functions:
        if not f.is_declaration and f.name not in kept:
            f.linkage = llvm.Linkage.internal
    machine = language.optimized(whole, known)
    return machine.emit_object(whole), {v.name for v in whole.global_variables}


def _plain(text: str, inline: bool = False) -> str:
    """Keep LLVM from making of loops calls of memcpy and the like; inline: have functions stand where they are
    called."""
    how = " alwaysinline" * inline + ' "no-builtins"'
    return re.sub(r"^(define .*?nounwind)", rf"\1{how}", text, flags=re.MULTILINE)


def _global(module: ir.Module, symbol: str, array: np.ndarray, changes: bool) -> ir.GlobalVariable:
    """Make an array of the object file's own."""
    raw = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() or b"\0"
    kind = ir.ArrayType(I8, len(raw))
    made = ir.GlobalVariable(module, kind, symbol)
    made.linkage, made.align, made.global_constant = "internal", LINE, not changes
    made.initializer = ir.Constant(kind, bytearray(raw) if any(raw) else None)
    return made


def _write(module: ir.Module, entry: EntryPoint, place: Callable[[Any, str], Any],
           texts: dict[tuple[str, str], str]) -> None:
    """Write the function that calls the kernels of its steps. texts gets the symbols of their texts."""
    kinds = [TYPES[kind] if k in entry.values else TYPES[kind].as_pointer() for k, kind in enumerate(entry.arguments)]
    f = ir.Function(module, ir.FunctionType(I32 if entry.answer else VOID, kinds), entry.name)
    f.attributes.add("nounwind")
    b = ir.IRBuilder(f.append_basic_block())
    given = list(f.args)
    for k in entry.values:
        given[k] = b.alloca(f.args[k].type)
        b.store(f.args[k], given[k])
    shared = _room(b, slots.PIECES + 1)
    b.store(I64(0), b.gep(shared, [I32(slots.STOP)]))
    for step in entry.steps:
        row: list[Any] = []
        for where, offset in step.operands:
            at = I64(0) if where is None else (
                b.ptrtoint(given[where], I64) if isinstance(where, int) else place(b, where))
            row += [b.add(at, I64(offset)) if offset else at, I64(0), I64(0)]
        state = [I64(step.state.get(slot, 0)) for slot in range(slots.WIDTH)]
        state[slots.SHARED] = b.ptrtoint(shared, I64)
        p, s = (_filled(b, numbers) for numbers in ([*row, *map(I64, step.numbers)], state))
        symbol = texts.setdefault((step.text, step.dtype), f"step{len(texts)}")
        kind = ir.FunctionType(VOID, [p.type, s.type])
        b.call(module.globals.get(symbol) or ir.Function(module, kind, symbol), [p, s])
    if entry.answer:
        b.ret(b.load(b.inttoptr(place(b, entry.answer), I32.as_pointer())))
    else:
        b.ret_void()


def _room(b: ir.IRBuilder, count: int) -> Any:
    return b.gep(b.alloca(ir.ArrayType(I64, count)), [I32(0), I32(0)])


def _filled(b: ir.IRBuilder, numbers: Sequence[Any]) -> Any:
    made = _room(b, max(len(numbers), 1))
    for k, value in enumerate(numbers):
        b.store(value, b.gep(made, [I32(k)]))
    return made
