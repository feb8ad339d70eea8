"""The language of kernels: its words, and how a kernel's text becomes an object file.

The syntax is Python's (compiler.py). `xp` here is the rules' namespace for single numbers.
"""

from __future__ import annotations

import ast
import inspect
import platform
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir

from ...rules import augment, dropout, elementwise, recurrent
from . import bfloat, maths, native, numbers, slots, tile
from .compiler import Compiler
from .kernels import pairs, product
from .scalars import (
    BYTE,
    DOUBLE,
    I8,
    I32,
    I64,
    INT,
    POINTERS,
    SHORT,
    SINGLE,
    TRUTH,
    VOID,
    WORD,
    Item,
    NotInTheLanguage,
    Scalar,
    ScalarKind,
)
from .target import Processor
from .target import target as named

__all__ = ["NotInTheLanguage", "build", "optimized", "written"]

# ---- what the language has built in ----------------------------------------------------------------------------------


def _select(c: Compiler, test: Item, x: Item, y: Item) -> Item:
    """Select x where test, else y: both are computed, so that loops vectorise."""
    condition = c.truth(test)
    if isinstance(condition, bool):
        return x if condition else y
    x, y, kind = c.alike(x, y)
    return Scalar(kind, c.b.select(condition, x.value, y.value))


def _least(sign: str) -> Callable:
    def pick(c: Compiler, x: Item, y: Item) -> Item:
        if isinstance(x, int | float) and isinstance(y, int | float):
            return min(x, y) if sign == "<" else max(x, y)
        x, y, kind = c.alike(x, y)
        compare = c.b.icmp_signed if kind is INT else c.b.fcmp_ordered
        return Scalar(kind, c.b.select(compare(sign, x.value, y.value), x.value, y.value))

    return pick


def _at(c: Compiler, pointer: Scalar, places: Item) -> Scalar:
    """Move a pointer some places further on."""
    return Scalar(pointer.kind, c.b.gep(pointer.value, [c.whole(places)]))


def _doubles(c: Compiler, pointer: Scalar) -> Scalar:
    """Use the same memory for numbers of float64."""
    kind = POINTERS[DOUBLE]
    return Scalar(kind, c.b.bitcast(pointer.value, kind.type))


def _given(c: Compiler, pointer: Scalar) -> Scalar:
    """Whether a pointer points anywhere: false for an operand that is not there."""
    return Scalar(TRUTH, c.b.icmp_unsigned("!=", pointer.value, ir.Constant(pointer.value.type, None)))


def _same(c: Compiler, one: Scalar, other: Scalar) -> Scalar:
    """Whether two pointers point to the same place."""
    return Scalar(TRUTH, c.b.icmp_unsigned("==", one.value, other.value))


def _pointer(target: Callable[[Compiler], ScalarKind]) -> Callable:
    def pointer(c: Compiler, address: Item) -> Scalar:
        kind = POINTERS[target(c)]
        return Scalar(kind, c.b.inttoptr(c.whole(address), kind.type))

    return pointer


def _double(c: Compiler, bits: Item) -> Scalar:
    """Make a float64 setting from its bits."""
    return Scalar(DOUBLE, c.b.bitcast(c.whole(bits), DOUBLE.type))


def _scaled(c: Compiler, x: Item, k: Item) -> Scalar:
    """Compute x 2**k for a float32 x near 1 and a whole k held in a float32: add k to the exponent's bits."""
    steps = c.b.shl(c.b.fptosi(c.cast(k, SINGLE).value, I32), I32(23))
    return Scalar(SINGLE, c.b.bitcast(c.b.add(c.b.bitcast(c.cast(x, SINGLE).value, I32), steps), SINGLE.type))


def _bf16(c: Compiler, x: Item) -> Scalar:
    """Round a float32 to bf16 (rules/rounding.py): the half of its bits that stays, with the rest rounded into it."""
    b, single = c.b, c.cast(x, SINGLE)
    bits = b.bitcast(single.value, I32)
    odd = b.and_(b.lshr(bits, I32(16)), I32(1))
    kept = b.bitcast(b.and_(b.add(b.add(bits, I32(0x7FFF)), odd), I32(-0x10000)), SINGLE.type)
    kept = b.select(b.fcmp_unordered("uno", single.value, single.value), single.value, kept)
    size, zero = c.intrinsic("fabs", single), c.intrinsic("copysign", Scalar(SINGLE, SINGLE.type(0.0)), single)
    return Scalar(SINGLE, b.select(b.fcmp_ordered("<", size.value, SINGLE.type(2.0**-126)), zero.value, kept))


def _call(c: Compiler, address: Item, p: Scalar, s: Scalar) -> None:
    """Call a kernel by its address."""
    kind = ir.FunctionType(VOID, [p.kind.type, s.kind.type]).as_pointer()
    c.b.call(c.b.inttoptr(c.whole(address), kind), [p.value, s.value])


def _atomic_add(c: Compiler, p: Scalar, x: Item) -> Scalar:
    return Scalar(INT, c.b.atomic_rmw("add", p.value, c.whole(x), "seq_cst"))


def _atomic_load(c: Compiler, p: Scalar) -> Scalar:
    return Scalar(INT, c.b.load_atomic(p.value, "seq_cst", 8))


def _exchange(c: Compiler, p: Scalar, old: Item, new: Item) -> Scalar:
    """Put a number in the place of another one; whether that one was there."""
    done = c.b.cmpxchg(p.value, c.whole(old), c.whole(new), "seq_cst", "seq_cst")
    return Scalar(TRUTH, c.b.extract_value(done, 1))


def _pause(c: Compiler) -> None:
    """Tell the processor that a loop waits."""
    if c.target.family == "x86":
        c.b.call(c.outside("llvm.x86.sse2.pause", VOID, []), [])
    elif c.target.family == "arm":
        c.b.call(c.outside("llvm.aarch64.hint", VOID, [I32]), [I32(1)])


def _give_way(c: Compiler) -> None:
    """Let another thread that waits for this core have it."""
    c.b.call(c.outside("sched_yield", I32, []), [])


def _sleep_while(c: Compiler, word: Scalar, seen: Item, times: Item) -> None:
    """Sleep until somebody wakes those who wait for a word, at once if it is not what was seen. It may end early.

    Where the system cannot wake them they look by themselves: after 50 µs, then less and less often.
    """
    if FUTEX:
        _futex(c, word, 0, c.whole(seen))
    else:
        turns = BUILT_IN["min"](c, c.arithmetic(ast.Add(), times, 1), 200)
        pause = c.b.trunc(c.whole(c.arithmetic(ast.Mult(), turns, 50)), I32)
        c.b.call(c.outside("usleep", I32, [I32]), [pause])


def _wake(c: Compiler, word: Scalar) -> None:
    if FUTEX:
        _futex(c, word, 1, I64(2**31 - 1))


def _futex(c: Compiler, word: Scalar, what: int, value: Any) -> None:
    private = 128
    address = c.b.ptrtoint(word.value, I64)
    given = [I64(FUTEX), address, I64(what | private), value, I64(0), I64(0), I64(0)]
    c.b.call(c.outside("syscall", I64, [I64] * 7), given)


FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine(), 0) if sys.platform == "linux" else 0


def _prefetch(c: Compiler, p: Scalar, write: int = 0) -> None:
    """Have the cache line that p points into brought near; write: taken from other cores, for writing."""
    near = c.outside("llvm.prefetch.p0", VOID, [I8.as_pointer(), I32, I32, I32])
    c.b.call(near, [c.b.bitcast(p.value, I8.as_pointer()), I32(write), I32(3), I32(1)])


def _vectors(write: Callable[..., None], kind: type[tile.Vectors] = tile.Vectors, literals: bool = True) -> Callable:
    """Make a word of a function of tile.py or bfloat.py. literals: it gets them as they are."""
    def call(c: Compiler, *given: Item) -> None:
        plain = [x if isinstance(x, int) and literals else
                 c.whole(x) if isinstance(x, int) or not x.kind.target else x.value for x in given]
        write(kind(c.b, c.real.type, c.target.lanes(4 if c.real is SINGLE else 8), c.target), *plain)

    return call


def _where_single(name: str) -> Callable:
    """Use the fast version of a function in single precision (numbers.py), and libm's in double."""

    def f(c: Compiler, x: Item) -> Item:
        if isinstance(x, Scalar) and x.kind is SINGLE:
            return c.expand(c.words[f"{name}32"], [x])
        return c.library(name, x)

    return f


BUILT_IN: dict[str, Callable] = {
    "F": lambda c, x: c.cast(x, c.real), "np.float64": lambda c, x: c.cast(x, DOUBLE),
    "int": lambda c, x: c.cast(x, INT), "np.int32": lambda c, x: c.cast(x, INT),
    "np.uint32": lambda c, x: c.cast(x, WORD), "xp.uint32": lambda c, x: c.cast(x, WORD),
    "xp.float64": lambda c, x: c.cast(x, DOUBLE), "xp.wide": lambda c, x: c.cast(x, DOUBLE),
    "select": _select, "xp.where": _select, "min": _least("<"), "max": _least(">"),
    "abs": lambda c, x: c.intrinsic("fabs", x), "xp.abs": lambda c, x: c.intrinsic("fabs", x),
    "np.sqrt": lambda c, x: c.intrinsic("sqrt", x), "xp.sqrt": lambda c, x: c.intrinsic("sqrt", x),
    "rint": lambda c, x: c.intrinsic("rint", x), "copysign": lambda c, x, y: c.intrinsic("copysign", x, y),
    "xp.exp": _where_single("exp"), "xp.tanh": _where_single("tanh"), "xp.expm1": _where_single("expm1"),
    "xp.log": lambda c, x: c.library("log", x), "xp.log1p": lambda c, x: c.library("log1p", x),
    "xp.erf": lambda c, x: c.library("erf", x), "xp.sin": lambda c, x: c.library("sin", x, kind=DOUBLE),
    "xp.cos": lambda c, x: c.library("cos", x, kind=DOUBLE),
    "xp.maximum": lambda c, x, y: c.expand(c.words["larger"], [x, y]),
    "xp.minimum": lambda c, x, y: c.expand(c.words["smaller"], [x, y]),
    "xp.sign": lambda c, x: c.expand(c.words["sign"], [x]),
    "bf16": _bf16,
    "scaled": _scaled, "at": _at, "given": _given, "same": _same, "ints": _pointer(lambda c: INT),
    "int32s": _pointer(lambda c: SHORT), "uint8s": _pointer(lambda c: BYTE),
    "singles": _pointer(lambda c: SINGLE), "reals": _pointer(lambda c: c.real),
    "doubles": _doubles, "double": _double,
    "number": lambda c, x: c.cast(_double(c, x), c.real),
    "bits": lambda c, x: Scalar(INT, c.b.bitcast(c.cast(x, DOUBLE).value, I64)), "call": _call,
    "atomic_add": _atomic_add, "atomic_load": _atomic_load, "exchange": _exchange, "pause": _pause,
    "give_way": _give_way, "sleep_while": _sleep_while, "wake": _wake, "prefetch": _prefetch,
    "tiles": _vectors(tile.tiles), "turn": _vectors(tile.turn), "row": _vectors(tile.row),
    "tile_pairs": _vectors(tile.tiles, bfloat.Pairs),
    "pair_along": _vectors(bfloat.pair_along, bfloat.Pairs, literals=False),
    "pair_across": _vectors(bfloat.pair_across, bfloat.Pairs, literals=False),
    "turn_pairs": _vectors(bfloat.turn_pairs, bfloat.Pairs, literals=False),
}


# ---- numbers too small to matter -------------------------------------------------------------------------------------


def _on_x86(c: Compiler, name: str, mode: Item = None) -> Item:
    with c.b.goto_block(c.entry):
        place = c.b.alloca(I32)
    f = c.outside(f"llvm.x86.sse.{name}", VOID, [I8.as_pointer()])
    if mode is not None:
        c.b.store(c.b.trunc(c.whole(mode), I32), place)
    c.b.call(f, [c.b.bitcast(place, I8.as_pointer())])
    return Scalar(INT, c.b.zext(c.b.load(place), I64)) if mode is None else None


def _read_mode(c: Compiler) -> Item:
    """Read the thread's floating-point mode."""
    if c.target.mode == "x86":
        return _on_x86(c, "stmxcsr")
    return Scalar(INT, c.b.call(c.outside("llvm.aarch64.get.fpcr", I64, []), [])) if c.target.mode == "arm" else 0


def _set_mode(c: Compiler, mode: Item) -> None:
    if c.target.mode == "x86":
        _on_x86(c, "ldmxcsr", mode)
    elif c.target.mode == "arm":
        c.b.call(c.outside("llvm.aarch64.set.fpcr", VOID, [I64]), [c.whole(mode)])


BUILT_IN |= {"float_mode": _read_mode, "set_float_mode": _set_mode}


# ---- the names that kernels find -------------------------------------------------------------------------------------

AWAKE = 1000  # turns of waiting before a thread offers its core to others: some 20 µs
OFFERS = 2000  # times it does so before it sleeps: about a millisecond where nobody wants the core
CELLS = tuple(f"{name}_cell{back}" for name in ("rnn", "lstm", "gru") for back in ("", "_back"))


def _definitions(module: Any, only: Sequence[str] | None = None) -> dict[str, ast.FunctionDef]:
    found = {node.name: node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.FunctionDef)}
    return found if only is None else {name: found[name] for name in only}


@cache
def _words(dtype: str, target: Processor) -> dict[str, Any]:
    """List what a kernel may name: rules for single numbers and the functions beneath them, constants, compiled
    functions, and what is built in.

    FLUSH: the bits of the floating-point mode by which numbers below 1e-38 become zero. Weights whose gradient died
    leave averages that halve for ever; arithmetic on such numbers is many times slower.
    """
    random = _definitions(dropout, ("scramble", "random_bits")) | _definitions(augment, ("chance", "inverse_map"))
    functions = random | _definitions(elementwise) | _definitions(recurrent, CELLS) | _definitions(numbers)
    functions |= _definitions(maths)
    lanes = target.lanes(np.dtype(dtype).itemsize)
    constants: dict[str, Any] = {"FLUSH": {"x86": 0x8040, "arm": 1 << 24}.get(target.mode, 0)}
    constants |= {"LANES": lanes, "PANEL": 2 * lanes, "SIDE": 16 // np.dtype(dtype).itemsize}
    constants |= {"AWAKE": AWAKE, "OFFERS": OFFERS}
    constants |= {name: getattr(product, name) for name in ("WIDEST", "DEEP", "CROWDED", "APART")}
    constants |= {name: x for name, x in vars(elementwise).items() if name.isupper() and isinstance(x, float)}
    library = _definitions(product, native.PRODUCTS) | _definitions(pairs, native.PAIRS)
    compiled = {name: _compiled(node, dtype, target) for name, node in library.items()}
    return functions | slots.NAMES | constants | compiled | BUILT_IN


def _compiled(node: ast.FunctionDef, dtype: str, target: Processor) -> Callable:
    """Make the call of a function that is compiled by itself (kernels/product.py). Where all sizes are known, it is the
    function's own lines, so that tiles are chosen now."""
    sizes = {place for place, a in enumerate(node.args.args) if a.arg in ("m", "n", "k")}

    def call(c: Compiler, *given: Item) -> None:
        if all(isinstance(given[place], int) for place in sizes):
            c.expand(node, given)
            return
        kinds = c.conventional(node)
        f = c.outside(native.library_symbol(node.name, dtype, target.name), VOID, [kind.type for kind in kinds])
        c.b.call(f, [c.cast(x, kind).value for x, kind in zip(given, kinds, strict=True)])

    return call


@lru_cache(1000)  # many kernels have the same helpers
def _functions(text: str) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]


def written(source: str, dtype: str, symbol: str, target: str = "host") -> str:
    """Translate functions, the last of which is the kernel, to LLVM text that defines `symbol`."""
    *helpers, kernel = (node for part in re.split(r"\n\n+(?=@|def )", source) for node in _functions(part))
    known = named(target)
    words = _words(dtype, known) | {node.name: node for node in helpers}
    return str(Compiler(dtype, words, known).kernel(kernel, symbol))


def build(source: str, dtype: str, symbol: str, target: str = "host") -> bytes:
    """Compile functions, the last of which is the kernel, to an object file that defines `symbol`."""
    native.loader()
    module = llvm.parse_assembly(written(source, dtype, symbol, target))
    foreign = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    if unknown := set(foreign) - native.symbols():
        raise RuntimeError(f"a kernel calls {', '.join(unknown)}: not among what kernels may call")
    return optimized(module, named(target)).emit_object(module)


def optimized(module: Any, target: Processor) -> Any:
    """Let LLVM make a module's code fast; give the machine that writes it down."""
    module.verify()
    machine = target.machine()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    options.loop_interleaving = options.loop_unrolling = True
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return machine
