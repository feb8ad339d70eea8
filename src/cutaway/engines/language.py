"""The language of kernels: what Numba offers them, and how a kernel's text becomes an object file.

The only file that imports Numba, and only when a kernel must be compiled. A kernel sees raw pointers, never allocates
and never raises. `xp` here is the rules' namespace for single numbers, every branch a select, so that loops vectorise.
"""

from __future__ import annotations

import ast
import inspect
import platform
import re
import types as python_types
from functools import cache

import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir
from numba import cfunc, njit, types
from numba.core.errors import NumbaWarning
from numba.extending import intrinsic

from ..rules import augment, dropout, elementwise, recurrent
from . import native, slots
from . import tile as products
from .codegen import for_single_numbers
from .kernels import product

# no nnan, ninf (a NaN must stay visible) and no reassoc (the order of a sum is fixed)
FAST = {"contract", "nsz", "arcp"}
OPTIONS = {"fastmath": FAST, "error_model": "numpy"}
HELPER = OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # a fifth less to compile: kernels call it
INLINE = HELPER | {"forceinline": True}  # in a loop with one call that is left, nothing is vectorised
CELLS = tuple(f"{name}_cell{back}" for name in ("rnn", "lstm", "gru") for back in ("", "_back"))
INT = types.int64
INTS = types.CPointer(types.int64)
INT32S = types.CPointer(types.int32)


def _cast(source, target, how):
    @intrinsic
    def cast(context, x):
        def code(ctx, builder, signature, args):
            return getattr(builder, how)(args[0], ctx.get_value_type(target))

        return target(source), code

    return cast


@intrinsic
def at(context, p, i):
    """A pointer i places further on."""
    def code(ctx, builder, signature, args):
        return builder.gep(args[0], [args[1]])

    return p(p, types.int64), code


@intrinsic
def given(context, p):
    """Whether a pointer points anywhere: false for an operand that is not there."""
    def code(ctx, builder, signature, args):
        return builder.icmp_unsigned("!=", args[0], ir.Constant(args[0].type, None))

    return types.boolean(p), code


@intrinsic
def atomic_add(context, p, v):
    def code(ctx, builder, signature, args):
        return builder.atomic_rmw("add", args[0], args[1], "seq_cst")

    return types.int64(INTS, types.int64), code


@intrinsic
def atomic_load(context, p):
    def code(ctx, builder, signature, args):
        return builder.load_atomic(args[0], "seq_cst", 8)

    return types.int64(INTS), code


@intrinsic
def call(context, address, p, s):
    """A kernel by its address."""
    def code(ctx, builder, signature, args):
        function = ir.FunctionType(ir.VoidType(), [args[1].type, args[2].type])
        builder.call(builder.inttoptr(args[0], function.as_pointer()), [args[1], args[2]])
        return ctx.get_dummy_value()

    return types.void(types.int64, INTS, INTS), code


def _float_mode():
    """Reading and setting the thread's floating-point mode, and the bits by which numbers below 1e-38 become zero.

    Weights whose gradient died leave averages that halve for ever; arithmetic on such numbers is many times slower.
    """
    machine = platform.machine().lower()
    i32, i64 = ir.IntType(32), ir.IntType(64)

    def function(builder, name, kind):
        return builder.module.globals.get(name) or ir.Function(builder.module, kind, name)

    if machine in ("x86_64", "amd64"):
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])

        def read(ctx, builder, signature, args):
            place = builder.alloca(i32)
            builder.call(function(builder, "llvm.x86.sse.stmxcsr", kind), [builder.bitcast(place, kind.args[0])])
            return builder.zext(builder.load(place), i64)

        def write(ctx, builder, signature, args):
            place = builder.alloca(i32)
            builder.store(builder.trunc(args[0], i32), place)
            builder.call(function(builder, "llvm.x86.sse.ldmxcsr", kind), [builder.bitcast(place, kind.args[0])])
            return ctx.get_dummy_value()

        flush = 0x8040
    elif machine in ("aarch64", "arm64"):
        def read(ctx, builder, signature, args):
            return builder.call(function(builder, "llvm.aarch64.get.fpcr", ir.FunctionType(i64, [])), [])

        def write(ctx, builder, signature, args):
            kind = ir.FunctionType(ir.VoidType(), [i64])
            builder.call(function(builder, "llvm.aarch64.set.fpcr", kind), [args[0]])
            return ctx.get_dummy_value()

        flush = 1 << 24
    else:
        def read(ctx, builder, signature, args):
            return ir.Constant(i64, 0)

        def write(ctx, builder, signature, args):
            return ctx.get_dummy_value()

        flush = 0

    @intrinsic
    def float_mode(context):
        return types.int64(), read

    @intrinsic
    def set_float_mode(context, mode):
        return types.void(types.int64), write

    return float_mode, set_float_mode, flush


float_mode, set_float_mode, FLUSH = _float_mode()
sched_yield = types.ExternalFunction("sched_yield", types.int32())
ints = _cast(types.int64, INTS, "inttoptr")
int32s = _cast(types.int64, INT32S, "inttoptr")


class Language:
    """Everything that a kernel's text may name, in one precision: "float32" or "float64"."""

    def __init__(self, dtype: str) -> None:
        single = dtype == "float32"
        real = types.float32 if single else types.float64
        F = np.float32 if single else np.float64
        llvm_real = ir.FloatType() if single else ir.DoubleType()
        pointer = self.pointer = types.CPointer(real)
        suffix = "f" if single else ""

        def builtin(name: str, n: int):
            def code(ctx, builder, signature, args):
                kind = ir.FunctionType(llvm_real, [llvm_real] * n)
                return builder.call(builder.module.declare_intrinsic(name, [llvm_real], kind), args)

            if n == 1:
                @intrinsic
                def unary(context, x):
                    return real(real), code

                return unary

            @intrinsic
            def binary(context, x, y):
                return real(real, real), code

            return binary

        def library(name: str, kind=real):
            function = types.ExternalFunction(name + (suffix if kind == real else ""), kind(kind))

            @njit(**HELPER)
            def f(x):
                return function(x)

            return f

        @intrinsic
        def select(context, c, x, y):
            def code(ctx, builder, signature, args):
                return builder.select(args[0], args[1], args[2])

            return real(types.boolean, real, real), code

        @intrinsic
        def number(context, bits):
            """A float64 setting from its bits, in this precision."""
            def code(ctx, builder, signature, args):
                value = builder.bitcast(args[0], ir.DoubleType())
                return builder.fptrunc(value, llvm_real) if single else value

            return real(types.int64), code

        @intrinsic
        def double(context, bits):
            def code(ctx, builder, signature, args):
                return builder.bitcast(args[0], ir.DoubleType())

            return types.float64(types.int64), code

        @intrinsic
        def bits(context, value):
            def code(ctx, builder, signature, args):
                return builder.bitcast(args[0], ir.IntType(64))

            return types.int64(types.float64), code

        @intrinsic
        def scaled(context, x, k):
            """x 2**k for a float32 x near 1 and a whole k held in a float32: k is added to the exponent's bits."""
            def code(ctx, builder, signature, args):
                i32 = ir.IntType(32)
                steps = builder.shl(builder.fptosi(args[1], i32), ir.Constant(i32, 23))
                return builder.bitcast(builder.add(builder.bitcast(args[0], i32), steps), ir.FloatType())

            return types.float32(types.float32, types.float32), code

        lanes, heights = products.geometry(np.dtype(dtype).itemsize)

        @intrinsic
        def tile(context, rows, left, k, A, ar, ac, outer, ao, B, br, bo, S, sr, start, C, cr):
            def code(ctx, builder, signature, args):
                return products.tiles(products.Vectors(builder, llvm_real, lanes), heights, args)

            A_, B_, S_, C_ = (pointer, INT, INT, INT, INT), (pointer, INT, INT), (pointer, INT, INT), (pointer, INT)
            return INT(INT, INT, INT, *A_, *B_, *S_, *C_), code

        @intrinsic
        def turn(context, W, wr, rows, columns, P, pr):
            def code(ctx, builder, signature, args):
                products.turn(products.Vectors(builder, llvm_real, lanes), args)
                return ctx.get_dummy_value()

            return types.void(pointer, INT, INT, INT, pointer, INT), code

        sqrt, absolute = builtin("llvm.sqrt", 1), builtin("llvm.fabs", 1)
        rint, copysign = builtin("llvm.rint", 1), builtin("llvm.copysign", 2)

        @njit(**INLINE)
        def exp32(x):
            """e^x with a relative error below 1e-7: 2^k times a polynomial (coefficients from Cephes, Moshier 1992)."""
            y = select(x > F(88.72283), F(88.72283), x)
            y = select(y < F(-87.33654), F(-87.33654), y)
            k = rint(y * F(1.4426950408889634))
            r = y - k * F(0.693359375) + k * F(2.12194440e-4)
            q = F(1.9875691500e-4)
            q = q * r + F(1.3981999507e-3)
            q = q * r + F(8.3334519073e-3)
            q = q * r + F(4.1665795894e-2)
            q = q * r + F(1.6666665459e-1)
            q = q * r + F(5.0000001201e-1)
            q = scaled(q * r * r + r + F(1), k)
            q = select(x > F(88.72283), F(np.inf), q)
            return select(x < F(-87.33654), F(0), q)

        @njit(**INLINE)
        def tanh32(x):
            """A ratio of polynomials on ±7.9, where tanh is ±1 in float32: error below 4e-7, a third of exp's cost."""
            y = select(x > F(7.90531111), F(7.90531111), x)
            y = select(y < F(-7.90531111), F(-7.90531111), y)
            q = y * y
            p = F(-2.76076847742355e-16)
            p = p * q + F(2.00018790482477e-13)
            p = p * q + F(-8.60467152213735e-11)
            p = p * q + F(5.12229709037114e-08)
            p = p * q + F(1.48572235717979e-05)
            p = p * q + F(6.37261928875436e-04)
            p = p * q + F(4.89352455891786e-03)
            r = F(1.19825839466702e-06)
            r = r * q + F(1.18534705686654e-04)
            r = r * q + F(2.26843463243900e-03)
            r = r * q + F(4.89352518554385e-03)
            return select(absolute(x) > F(7.90531111), copysign(F(1), x), y * p / r)

        @njit(**INLINE)
        def expm1_32(x):
            small = x * (F(1) + x * (F(0.5) + x * (F(1 / 6) + x * (F(1 / 24) + x * F(1 / 120)))))
            return select(absolute(x) < F(0.2), small, exp32(x) - F(1))

        @njit(**INLINE)
        def maximum(x, y):
            return select(x > y, x, select(x != x, x, y))  # NaN on either side stays

        @njit(**INLINE)
        def minimum(x, y):
            return select(x < y, x, select(x != x, x, y))

        @njit(**INLINE)
        def where(c, x, y):
            return select(c, F(x), F(y))

        @njit(**INLINE)
        def sign(x):
            return select(x > F(0), F(1), select(x < F(0), F(-1), x))

        self.xp = python_types.ModuleType("xp")
        self.xp.__dict__.update(
            exp=exp32 if single else library("exp"), tanh=tanh32 if single else library("tanh"),
            expm1=expm1_32 if single else library("expm1"), log=library("log"), log1p=library("log1p"),
            erf=library("erf"), sqrt=sqrt, abs=absolute, maximum=maximum, minimum=minimum, where=where, sign=sign,
            sin=library("sin", types.float64), cos=library("cos", types.float64), uint32=np.uint32, float64=np.float64,
        )  # fmt: skip
        self.names = slots.NAMES | {
            "np": np, "xp": self.xp, "F": F, "njit": njit, "ints": ints, "int32s": int32s, "sched_yield": sched_yield,
            "reals": _cast(types.int64, pointer, "inttoptr"), "number": number, "double": double, "bits": bits,
            "call": call, "atomic_add": atomic_add, "atomic_load": atomic_load, "select": select,
            "given": given, "at": at, "float_mode": float_mode, "set_float_mode": set_float_mode, "FLUSH": FLUSH,
        }  # fmt: skip
        for node in ast.parse(inspect.getsource(product)).body:
            if isinstance(node, ast.FunctionDef) and node.name in native.LIBRARY:
                kind = types.void(*self.arguments(node))
                self.names[node.name] = types.ExternalFunction(native.library_symbol(node.name, dtype), kind)
        self.names |= {"tile": tile, "turn": turn, "LANES": lanes, "PANEL": 2 * lanes}
        self.names |= {name: getattr(product, name) for name in ("WIDEST", "DEEP", "CROWDED", "APART")}
        self._rules(elementwise, typed=True)
        self._rules(dropout, typed=False, only=("scramble", "random_bits"))
        self._rules(augment, typed=False, only=("chance", "inverse_map"))
        self._rules(recurrent, typed=True, only=CELLS)

    def _rules(self, module, typed: bool, only: tuple[str, ...] | None = None) -> None:
        """Bind the rules of a module for single numbers."""
        tree = ast.parse(inspect.getsource(module))
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
                for target in node.targets[0].elts:
                    assert isinstance(target, ast.Name)
                    self.names[target.id] = self.names["F"](getattr(module, target.id))
            elif isinstance(node, ast.FunctionDef) and (only is None or node.name in only):
                if typed:
                    node = for_single_numbers(node)
                node.decorator_list = []
                self.define(node)

    def arguments(self, function: ast.FunctionDef) -> list:
        """The types of a compiled function's arguments: a kernel's p and s, pointers (capitals), whole numbers."""
        names = [a.arg for a in function.args.args]
        return [INTS if name in ("p", "s") else self.pointer if name.isupper() else INT for name in names]

    def define(self, node: ast.FunctionDef) -> None:
        code = compile(ast.fix_missing_locations(ast.Module([node], [])), f"<rule {node.name}>", "exec")
        exec(code, self.names)
        self.names[node.name] = njit(**INLINE)(self.names[node.name])


class _Apart(ast.NodeTransformer):
    """p[j] -> load_p(p, j), and p[j] = x -> store_p(p, j, x), for the pointers among a function's arguments."""

    def __init__(self, node: ast.FunctionDef) -> None:
        self.pointers = sorted({n.value.id for n in ast.walk(node) if isinstance(n, ast.Subscript)
                                and isinstance(n.value, ast.Name)})  # fmt: skip

    def _call(self, how: str, place: ast.Subscript, *value: ast.expr) -> ast.Call:
        assert isinstance(place.value, ast.Name)
        name = ast.Name(f"{how}_{place.value.id}", ast.Load())
        return ast.Call(name, [ast.Name(place.value.id, ast.Load()), self.visit(place.slice), *value], [])

    def visit_Subscript(self, node):
        return self._call("load", node)

    def visit_Assign(self, node):
        value = self.visit(node.value)
        if isinstance(node.targets[0], ast.Subscript):
            return ast.Expr(self._call("store", node.targets[0], value))
        return ast.Assign(node.targets, value)

    def visit_AugAssign(self, node):
        if not isinstance(node.target, ast.Subscript):
            return self.generic_visit(node)
        sum_ = ast.BinOp(self._call("load", node.target), node.op, self.visit(node.value))
        return ast.Expr(self._call("store", node.target, sum_))


def _streams(node: ast.FunctionDef) -> dict:
    """Rewrite a function marked @apart; gives the loads and stores it then uses.

    They promise that no pointer's memory overlaps another's. Without the promise LLVM compares addresses before a loop,
    and gives up vectorising where there are more than a handful of pointers (LSTM: 7.5 ms without it, 2.9 with it).
    """
    node.decorator_list = []
    apart = _Apart(node)
    apart.visit(node)
    names = {}
    for k, pointer in enumerate(apart.pointers):
        names[f"load_{pointer}"], names[f"store_{pointer}"] = _stream(node.name, k, len(apart.pointers))
    return names


def _stream(domain: str, k: int, count: int):
    def tag(builder, instruction):
        module = builder.module
        area = module.add_metadata([domain])
        scopes = [module.add_metadata([f"stream {j}", area]) for j in range(count)]
        instruction.set_metadata("alias.scope", module.add_metadata([scopes[k]]))
        instruction.set_metadata("noalias", module.add_metadata([s for j, s in enumerate(scopes) if j != k]))
        return instruction

    @intrinsic
    def load(context, p, i):
        def code(ctx, builder, signature, args):
            return tag(builder, builder.load(builder.gep(args[0], [args[1]])))

        return p.dtype(p, types.int64), code

    @intrinsic
    def store(context, p, i, value):
        def code(ctx, builder, signature, args):
            tag(builder, builder.store(args[2], builder.gep(args[0], [args[1]])))
            return ctx.get_dummy_value()

        return types.void(p, types.int64, p.dtype), code

    return load, store


@cache
def language(dtype: str) -> Language:
    native._machine()
    return Language(dtype)


def build(source: str, dtype: str, symbol: str) -> bytes:
    """Compile functions, the last of which is the kernel `k(p, s)`, to an object file that defines `symbol`."""
    import warnings

    names = dict(language(dtype).names)
    tree = ast.parse(source)
    *helpers, kernel = tree.body
    for node in helpers:
        assert isinstance(node, ast.FunctionDef)
        if node.decorator_list:
            names |= _streams(node)
        code = compile(ast.fix_missing_locations(ast.Module([node], [])), f"<kernel {node.name}>", "exec")
        exec(code, names)
        names[node.name] = njit(**HELPER)(names[node.name])
    assert isinstance(kernel, ast.FunctionDef)
    arguments = language(dtype).arguments(kernel)
    exec(compile(ast.Module([kernel], []), f"<kernel {kernel.name}>", "exec"), names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaWarning)
        function = cfunc(types.void(*arguments), **OPTIONS)(names[kernel.name])
    module = llvm.parse_assembly(_export(function.inspect_llvm(), function.native_name, symbol, arguments))
    foreign = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    if unknown := set(foreign) - native.symbols():
        raise RuntimeError(f"kernel {kernel.name} calls {', '.join(unknown)}: not among what kernels may call")
    module.verify()
    return native.target_machine().emit_object(module)


def _export(text: str, wrapper: str, symbol: str, arguments: list) -> str:
    """LLVM text in which `symbol` calls the kernel, without the wrapper that would report Python exceptions.

    No other function is visible outside: Numba numbers names in each process anew, so that helpers of kernels which
    different processes compiled may have the same name, and the loader would take the first for all.
    """
    text = re.sub(rf"^define [^\n]*@{re.escape(wrapper)}\(.*?^}}\n", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^define (?:(?:linkonce_odr|weak_odr|weak|hidden|dso_local) )*", "define internal ", text,
                  flags=re.MULTILINE)  # fmt: skip
    inner = wrapper.removeprefix("cfunc.")
    taken = ", ".join(f"{'i64' if kind == INT else 'ptr'} %a{k}" for k, kind in enumerate(arguments))
    text += f"""
define void @{symbol}({taken}) {{
  %result = alloca ptr
  %exception = alloca ptr
  %status = call i32 @{inner}(ptr %result, ptr %exception, {taken})
  ret void
}}
"""
    used = set(re.findall(r"@([\w.]+)\(", re.sub(r"^declare .*$", "", text, flags=re.MULTILINE)))
    lines = text.split("\n")
    return "\n".join(x for x in lines if not x.startswith("declare") or re.findall(r"@([\w.]+)\(", x)[0] in used)
