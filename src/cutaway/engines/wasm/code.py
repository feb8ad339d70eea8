"""The kernels of programs as one WebAssembly module, made by llvmlite alone: all in one LLVM module, so that nothing
has
to be linked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir

from ..cpu import building, codegen, language, native
from ..cpu.codegen import Kernel
from ..cpu.engine import called_library
from ..cpu.scalars import I32, I64, VOID
from ..cpu.target import target
from . import binary, loops

TARGET = "wasm32"
EXPORTS = ("run", "one")


@dataclass(frozen=True)
class Code:
    """A module, and the number of each kernel in its table of functions, by the kernel's text."""

    module: binary.WasmModule
    numbers: dict[str, int]

    def number(self, kernel: Kernel) -> int:
        return self.numbers[kernel.sized if kernel.sized in self.numbers else kernel.text]


def code(kernels: Sequence[Kernel | None], dtype: np.dtype, sized: bool = False) -> Code:
    """Compile kernels to one module; from the cache folder if some process has done so before. sized: those that have a
    text with their sizes as numbers are made of that, which takes longer and then runs faster, to the same bits."""
    texts = ((sized and k.sized) or k.text for k in kernels if k is not None)
    return _code(tuple(dict.fromkeys(texts)), dtype.name)


@cache
def _code(texts: tuple[str, ...], dtype: str) -> Code:
    symbols = [f"k{i}" for i in range(len(texts))]
    whole = building.Source("module", dtype, "\n\n# ----\n\n".join([loops.TEXT, *texts]), TARGET)
    content = native.kept(building.digest(whole))
    if content is None:
        content = _compiled(texts, symbols, dtype)
        native.keep(building.digest(whole), content, whole.text)
    return Code(binary.module(content, symbols, EXPORTS), dict(zip(texts, range(1, len(texts) + 1), strict=True)))


def _compiled(texts: Sequence[str], symbols: Sequence[str], dtype: str) -> bytes:
    """Compile to an object file."""
    written = codegen._hand_written()
    called = {native.library_symbol(name, dtype, TARGET): written[name] for name in called_library(texts)}
    whole = called | dict(zip(symbols, texts, strict=True)) | {"steps": loops.STEPS, "single": loops.SINGLE}
    native.loader()
    module = llvm.parse_assembly(_exported())
    for symbol, text in whole.items():
        module.link_in(llvm.parse_assembly(language.written(text, dtype, symbol, TARGET)))
    for symbol in (*called, "steps", "single"):
        module.get_function(symbol).linkage = llvm.Linkage.internal
    return language.optimized(module, target(TARGET)).emit_object(module)


def _exported() -> str:
    """Write what a page calls: run(program, steps) gives the steps done, one(program, i) nothing. Each finds where the
    program's numbers stand (loops.py) and calls the loop that is written in the language of kernels."""
    module = ir.Module()
    module.triple = target(TARGET).triple
    numbers = I64.as_pointer()
    for name, loop, result in (("run", "steps", I32), ("one", "single", VOID)):
        inner = ir.Function(module, ir.FunctionType(VOID, [numbers, numbers]), loop)
        outer = ir.Function(module, ir.FunctionType(result, [I32, I32]), name)
        b = ir.IRBuilder(outer.append_basic_block())
        program, wanted = outer.args
        at = b.add(b.mul(program, I32(8 * loops.WIDTH)), I32(loops.DIRECTORY))
        entry = b.inttoptr(at, numbers)
        b.store(b.sext(wanted, I64), b.gep(entry, [I32(loops.WANTED)]))
        state = b.inttoptr(b.load(b.gep(entry, [I32(loops.STATE)])), numbers)
        b.call(inner, [entry, state])
        if result is VOID:
            b.ret_void()
        else:
            b.ret(b.trunc(b.load(b.gep(entry, [I32(loops.DONE)])), I32))
    return str(module)
