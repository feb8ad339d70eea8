"""Python's syntax as LLVM's instructions, for functions of numbers and pointers.

There are loops over ranges, ifs, assignments, and calls, which are expanded where they stand. Nothing is allocated and
nothing raises. Values are whole numbers (64 bits, signed), words (32 bits, unsigned, for random bits), numbers in the
program's precision, numbers in double precision, truths, and pointers (scalars.py).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from llvmlite import ir

from .scalars import (
    BYTE,
    DOUBLE,
    I1,
    I64,
    INT,
    POINTERS,
    SHORT,
    SINGLE,
    TRUTH,
    VOID,
    Item,
    NotInTheLanguage,
    Scalar,
    ScalarKind,
    Scalars,
)
from .target import Processor


class Scope:
    """The names of one function while it is expanded, and where its results go."""

    def __init__(self, apart: bool = False) -> None:
        self.fixed: dict[str, Item] = {}
        self.places: dict[str, tuple[ScalarKind, Any]] = {}
        self.loops: list[tuple[Any, Any]] = []
        self.results: list[tuple[ScalarKind, Any]] | Item = None
        self.end: Any = None
        self.apart: dict[str, Any] | None = {} if apart else None


class Compiler(Scalars):
    """Writes the LLVM instructions of one kernel. The methods are named like the nodes of Python's syntax tree.

    words: what a kernel may name: functions (their syntax trees), what is built in (a Python function of the compiler
    and the arguments), and constants.
    """

    def __init__(self, dtype: str, words: Mapping[str, Any], target: Processor) -> None:
        self.real = SINGLE if dtype == "float32" else DOUBLE
        self.words, self.target = words, target
        self.module = ir.Module()
        self.module.triple = target.triple
        self.b: Any = None
        self.scope = Scope()
        self.areas = 0

    def kernel(self, node: ast.FunctionDef, symbol: str) -> ir.Module:
        """Write a function with C's calling convention: p and s point to whole numbers, capitals to numbers, and other
        parameters are whole numbers."""
        kinds = self.conventional(node)
        f = ir.Function(self.module, ir.FunctionType(VOID, [kind.type for kind in kinds]), symbol)
        f.attributes.add("nounwind")
        self.b = ir.IRBuilder(f.append_basic_block("entry"))
        body = f.append_basic_block("body")
        self.entry = self.b.block
        self.b.position_at_end(body)
        self.expand(node, [Scalar(kind, value) for kind, value in zip(kinds, f.args, strict=True)])
        self.b.ret_void()
        self.b.position_at_end(self.entry)
        self.b.branch(body)
        return self.module

    def conventional(self, node: ast.FunctionDef) -> list[ScalarKind]:
        names = [a.arg for a in node.args.args]
        return [POINTERS[INT] if x in ("p", "s") else POINTERS[self.real] if x.isupper() else INT for x in names]

    # ---- functions -------------------------------------------------------------------------------------------------
    def expand(self, node: ast.FunctionDef, arguments: Sequence[Item]) -> Item:
        """Expand a call: write the function's own lines, with the arguments in the place of its parameters."""
        names = [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]
        if len(names) != len(arguments):
            raise NotInTheLanguage(f"{node.name} takes {len(names)} arguments, got {len(arguments)}")
        outer, self.scope = self.scope, Scope(apart=_is_apart(node))
        changed, early = _changes(node)
        for name, value in zip(names, arguments, strict=True):
            if name in changed:
                self.assign(name, value)
            else:
                self.scope.fixed[name] = value
        if early:
            self.scope.end = self.b.append_basic_block(f"{node.name}.end")
        self.lines(node.body)
        scope, self.scope = self.scope, outer
        if not early:
            return scope.results
        if not self.b.block.is_terminated:
            self.b.branch(scope.end)
        self.b.position_at_end(scope.end)
        if "return" not in scope.places:
            return None
        kind, place = scope.places["return"]
        return Scalar(kind, self.b.load(place))

    def lines(self, body: Sequence[ast.stmt]) -> None:
        for line in body:
            if self.b.block.is_terminated:
                return
            getattr(self, type(line).__name__, self.unknown)(line)

    def unknown(self, node: ast.AST) -> Any:
        raise NotInTheLanguage(f"{type(node).__name__} is not in the language of kernels: {ast.unparse(node)}")

    # ---- lines -----------------------------------------------------------------------------------------------------
    def Return(self, node: ast.Return) -> None:
        value = self.value(node.value) if node.value is not None else None
        if self.scope.end is None:
            self.scope.results = value
            return
        if value is not None:
            self.assign("return", value)
        self.b.branch(self.scope.end)

    def Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.value(node.value)

    def Assign(self, node: ast.Assign) -> None:
        self.store(node.targets[0], self.value(node.value), isinstance(node.value, ast.Subscript))

    def AugAssign(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Subscript):
            pointer, place = self.value(target.value), self.whole(self.value(target.slice))
            new = self.arithmetic(node.op, self.load(target, pointer, place), self.value(node.value))
            self.put(target, pointer, place, new)
        else:
            assert isinstance(target, ast.Name)
            self.assign(target.id, self.arithmetic(node.op, self.name(target.id), self.value(node.value)))

    def store(self, target: ast.expr, value: Item, copied: bool = False) -> None:
        """Give the target of an assignment a value. copied: it is a number from memory, as it was there."""
        if isinstance(target, ast.Tuple):
            for part, item in zip(target.elts, value, strict=True):
                self.store(part, item)
        elif isinstance(target, ast.Subscript):
            self.put(target, self.value(target.value), self.whole(self.value(target.slice)), value, copied)
        else:
            assert isinstance(target, ast.Name)
            self.assign(target.id, value)

    def assign(self, name: str, value: Item) -> None:
        """Give a variable a value. It has the kind of its first one."""
        if value is None:
            return
        if isinstance(value, int | float):
            value = self.strong(value)
        if name not in self.scope.places:
            with self.b.goto_block(self.entry):
                self.scope.places[name] = value.kind, self.b.alloca(value.kind.type)
        kind, place = self.scope.places[name]
        self.b.store(self.cast(value, kind).value, place)

    def If(self, node: ast.If) -> None:
        test = self.truth(self.value(node.test))
        if isinstance(test, bool):
            return self.lines(node.body if test else node.orelse)
        then, other, end = (self.b.append_basic_block(f"if.{part}") for part in ("then", "else", "end"))
        self.b.cbranch(test, then, other)
        for block, lines in ((then, node.body), (other, node.orelse)):
            self.b.position_at_end(block)
            self.lines(lines)
            if not self.b.block.is_terminated:
                self.b.branch(end)
        self.b.position_at_end(end)

    def For(self, node: ast.For) -> None:
        """Write `for name in range(...)`, downwards only where the step is a literal. It counts from zero, so that LLVM
        sees that i * m to i * m + m are m numbers."""
        assert isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Call)
        ends = [self.value(a) for a in node.iter.args]
        start, stop, step = (0, *ends, 1) if len(ends) == 1 else (*ends, 1)[:3]
        count = self.arithmetic(ast.Sub(), stop, start)
        if step != 1:
            one = -1 if isinstance(step, int) and step < 0 else 1
            count = self.arithmetic(ast.Add(), count, self.arithmetic(ast.Sub(), step, one))
            count = Scalar(INT, self.b.sdiv(self.whole(count), self.whole(step)))
        with self.b.goto_block(self.entry):
            place = self.b.alloca(I64)
        self.b.store(I64(0), place)
        test, body, following, end = (self.b.append_basic_block(f"for.{x}") for x in ("test", "body", "next", "end"))
        self.b.branch(test)
        self.b.position_at_end(test)
        turn = Scalar(INT, self.b.load(place))
        self.b.cbranch(self.b.icmp_signed("<", turn.value, self.whole(count)), body, end)
        self.b.position_at_end(body)
        self.assign(node.target.id, self.arithmetic(ast.Add(), start, self.arithmetic(ast.Mult(), turn, step)))
        self.loop(node.body, following, end)
        self.b.position_at_end(following)
        self.b.store(self.b.add(self.b.load(place), I64(1), flags=("nsw",)), place)
        self.b.branch(test)
        self.b.position_at_end(end)

    def While(self, node: ast.While) -> None:
        test, body, end = (self.b.append_basic_block(f"while.{part}") for part in ("test", "body", "end"))
        self.b.branch(test)
        self.b.position_at_end(test)
        goes_on = self.truth(self.value(node.test))
        self.b.cbranch(I1(goes_on) if isinstance(goes_on, bool) else goes_on, body, end)
        self.b.position_at_end(body)
        self.loop(node.body, test, end)
        self.b.position_at_end(end)

    def loop(self, body: Sequence[ast.stmt], following: Any, end: Any) -> None:
        self.scope.loops.append((following, end))
        self.lines(body)
        self.scope.loops.pop()
        if not self.b.block.is_terminated:
            self.b.branch(following)

    def Continue(self, node: ast.Continue) -> None:
        self.b.branch(self.scope.loops[-1][0])

    def Break(self, node: ast.Break) -> None:
        self.b.branch(self.scope.loops[-1][1])

    # ---- values ----------------------------------------------------------------------------------------------------
    def value(self, node: ast.expr) -> Item:
        return getattr(self, type(node).__name__, self.unknown)(node)

    def Constant(self, node: ast.Constant) -> Item:
        if not isinstance(node.value, int | float | None):
            self.unknown(node)
        return node.value

    def Tuple(self, node: ast.Tuple) -> Item:
        return tuple(self.value(part) for part in node.elts)

    def Name(self, node: ast.Name) -> Item:
        return self.name(node.id)

    def name(self, name: str) -> Item:
        if name in self.scope.places:
            kind, place = self.scope.places[name]
            return Scalar(kind, self.b.load(place))
        if name in self.scope.fixed:
            return self.scope.fixed[name]
        if isinstance(self.words.get(name), int | float):
            return self.words[name]
        raise NotInTheLanguage(f"the language of kernels knows no {name!r}")

    def Attribute(self, node: ast.Attribute) -> Item:
        if ast.unparse(node) in ("np.inf", "xp.inf"):
            return float("inf")
        return self.unknown(node)

    def UnaryOp(self, node: ast.UnaryOp) -> Item:
        x = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            test = self.truth(x)
            return not test if isinstance(test, bool) else Scalar(TRUTH, self.b.not_(test))
        if not isinstance(node.op, ast.USub):
            return self.unknown(node)
        if isinstance(x, int | float):
            return -x
        return Scalar(x.kind, self.b.neg(x.value) if x.kind is INT else self.b.fneg(x.value, flags=self.target.flags))

    def BinOp(self, node: ast.BinOp) -> Item:
        return self.arithmetic(node.op, self.value(node.left), self.value(node.right))

    def arithmetic(self, op: ast.operator, x: Item, y: Item) -> Item:
        if isinstance(x, int | float) and isinstance(y, int | float):
            return LITERALS[type(op)](x, y)
        name = type(op).__name__
        x, y, kind = self.alike(x, y, at_least=DOUBLE if name in ("Div", "Pow") else None)
        if kind is TRUTH and name not in ("BitAnd", "BitOr", "BitXor"):
            x, y, kind = self.cast(x, INT), self.cast(y, INT), INT
        a, c = x.value, y.value
        if kind in (SINGLE, DOUBLE):
            if name == "Pow":
                return self.library("pow", x, y)
            return Scalar(kind, getattr(self.b, FLOATS[name])(a, c, flags=self.target.flags))
        if name in ("FloorDiv", "Mod"):
            return Scalar(kind, self.floor_division(a, c, name == "Mod"))
        wraps = {} if kind is not INT or name not in ("Add", "Sub", "Mult") else {"flags": ("nsw",)}
        return Scalar(kind, getattr(self.b, WHOLES[name])(a, c, **wraps))

    def floor_division(self, a: Any, c: Any, rest: bool) -> Any:
        """Divide as Python does: towards minus infinity, the rest with the divisor's sign."""
        left = self.b.srem(a, c)
        apart = self.b.icmp_signed("<", self.b.xor(left, c), I64(0))
        wrong = self.b.and_(self.b.icmp_signed("!=", left, I64(0)), apart)
        if rest:
            return self.b.select(wrong, self.b.add(left, c), left)
        return self.b.sub(self.b.sdiv(a, c), self.b.zext(wrong, I64))

    def Compare(self, node: ast.Compare) -> Item:
        sign = COMPARISONS.get(type(node.ops[0]))
        if len(node.ops) > 1 or sign is None:
            return self.unknown(node)
        x, y = self.value(node.left), self.value(node.comparators[0])
        if isinstance(x, int | float) and isinstance(y, int | float):
            return LITERALS[type(node.ops[0])](x, y)
        x, y, kind = self.alike(x, y)
        if kind in (SINGLE, DOUBLE):
            compare = self.b.fcmp_unordered if sign == "!=" else self.b.fcmp_ordered  # NaN differs from itself
        else:
            compare = self.b.icmp_signed if kind is INT else self.b.icmp_unsigned
        return Scalar(TRUTH, compare(sign, x.value, y.value))

    def BoolOp(self, node: ast.BoolOp) -> Item:
        """Evaluate `and` or `or` from left to right, and no further than needed."""
        first, *others = node.values
        rest = ast.BoolOp(node.op, others) if len(others) > 1 else others[0]
        both = isinstance(node.op, ast.And)
        literal: ast.expr = ast.Constant(not both)
        return self.IfExp(ast.IfExp(first, rest if both else literal, literal if both else rest), TRUTH)

    def IfExp(self, node: ast.IfExp, kind: ScalarKind | None = None) -> Item:
        """Compute only the side that is wanted: the other may read numbers that are not there."""
        test = self.truth(self.value(node.test))
        if isinstance(test, bool):
            return self.value(node.body if test else node.orelse)
        sides, blocks, ends = (node.body, node.orelse), [], []
        end = self.b.append_basic_block("either.end")
        start = self.b.block
        for side in sides:
            blocks.append(self.b.append_basic_block("either"))
            self.b.position_at_end(blocks[-1])
            ends.append((self.value(side), self.b.block))
        self.b.position_at_end(start)
        self.b.cbranch(test, *blocks)
        kind = kind or self.common(*(value for value, _ in ends))
        arrived = []
        for value, block in ends:
            self.b.position_at_end(block)
            arrived.append((self.cast(value, kind).value, self.b.block))
            self.b.branch(end)
        self.b.position_at_end(end)
        phi = self.b.phi(kind.type)
        for source in arrived:
            phi.add_incoming(*source)
        return Scalar(kind, phi)

    # ---- memory ----------------------------------------------------------------------------------------------------
    def Subscript(self, node: ast.Subscript) -> Item:
        return self.load(node, self.value(node.value), self.whole(self.value(node.slice)))

    def load(self, node: ast.Subscript, pointer: Scalar, place: Any) -> Scalar:
        target = pointer.kind.target
        assert target is not None
        value = self.tagged(node, self.b.load(self.b.gep(pointer.value, [place], inbounds=True)))
        if target in (SHORT, BYTE):
            return Scalar(INT, (self.b.sext if target is SHORT else self.b.zext)(value, I64))
        return Scalar(target, value)

    def put(self, node: ast.Subscript, pointer: Scalar, place: Any, value: Item, copied: bool = False) -> None:
        target = pointer.kind.target
        assert target is not None
        number = self.cast(value, INT if target in (SHORT, BYTE) else target).value
        if target in (SINGLE, DOUBLE) and self.target.portable and not copied:
            number = self.flushed(number, target)
        if target in (SHORT, BYTE):
            number = self.b.trunc(number, target.type)
        self.tagged(node, self.b.store(number, self.b.gep(pointer.value, [place], inbounds=True)))

    def flushed(self, number: Any, kind: ScalarKind) -> Any:
        """Make zero of a number below 1e-38, arithmetic on which is many times slower; elsewhere a mode does so."""
        x, least = Scalar(kind, number), kind.type(2.0**-126 if kind is SINGLE else 2.0**-1022)
        zero = self.intrinsic("copysign", Scalar(kind, kind.type(0.0)), x).value
        return self.b.select(self.b.fcmp_ordered("<", self.intrinsic("fabs", x).value, least), zero, number)

    def tagged(self, node: ast.Subscript, instruction: Any) -> Any:
        """Promise LLVM, in a function marked @apart, that what its pointers lead to does not overlap.

        Without it LLVM compares addresses before a loop, and gives up vectorising where there are more than a handful
        of pointers (LSTM: 7.5 ms without it, 2.9 with it).
        """
        scopes = self.scope.apart
        if scopes is not None and isinstance(node.value, ast.Name) and node.value.id in self.scope.fixed:
            if not scopes:
                self.areas += 1
                area = self.module.add_metadata([f"area {self.areas}"])
                names = [n for n, v in self.scope.fixed.items() if isinstance(v, Scalar) and v.kind.target is not None]
                scopes |= {name: self.module.add_metadata([f"{name} {self.areas}", area]) for name in names}
            own = scopes[node.value.id]
            instruction.set_metadata("alias.scope", self.module.add_metadata([own]))
            others = [scope for scope in scopes.values() if scope is not own]
            if others:
                instruction.set_metadata("noalias", self.module.add_metadata(others))
        return instruction

    # ---- calls -----------------------------------------------------------------------------------------------------
    def Call(self, node: ast.Call) -> Item:
        name = ast.unparse(node.func)
        arguments, function = [self.value(a) for a in node.args], self.words.get(name)
        if isinstance(function, ast.FunctionDef):
            return self.expand(function, arguments)
        if callable(function):
            return function(self, *arguments)
        raise NotInTheLanguage(f"the language of kernels has no function {name!r}: {ast.unparse(node)}")

    def outside(self, name: str, result: Any, kinds: Sequence[Any]) -> Any:
        """Declare a function of another object file or library."""
        known = self.module.globals.get(name)
        return known or ir.Function(self.module, ir.FunctionType(result, kinds), name)

    def library(self, name: str, *arguments: Item, kind: ScalarKind | None = None) -> Scalar:
        """Call a function of libm; on a portable target, of maths.py, which computes in double."""
        kind = kind or self.common(*arguments)
        if self.target.portable:
            made = self.expand(self.words[f"{name}64"], [self.cast(x, DOUBLE) for x in arguments])
            return self.cast(made, kind)
        f = self.outside(name + ("f" if kind is SINGLE else ""), kind.type, [kind.type] * len(arguments))
        return Scalar(kind, self.b.call(f, [self.cast(x, kind).value for x in arguments]))

    def intrinsic(self, name: str, *arguments: Item) -> Scalar:
        """Call a function that LLVM knows, so that loops with it vectorise; of whole numbers it is one in double."""
        kind = self.common(*arguments, at_least=DOUBLE)
        f = self.outside(f"llvm.{name}.f{32 if kind is SINGLE else 64}", kind.type, [kind.type] * len(arguments))
        return Scalar(kind, self.b.call(f, [self.cast(x, kind).value for x in arguments]))


FLOATS = {"Add": "fadd", "Sub": "fsub", "Mult": "fmul", "Div": "fdiv"}
WHOLES = {"Add": "add", "Sub": "sub", "Mult": "mul", "BitAnd": "and_", "BitOr": "or_", "BitXor": "xor",
          "RShift": "lshr", "LShift": "shl"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
LITERALS: dict[type, Callable] = {
    ast.Add: lambda x, y: x + y, ast.Sub: lambda x, y: x - y, ast.Mult: lambda x, y: x * y,
    ast.Div: lambda x, y: x / y, ast.FloorDiv: lambda x, y: x // y, ast.Mod: lambda x, y: x % y,
    ast.Pow: lambda x, y: x**y, ast.Lt: lambda x, y: x < y, ast.LtE: lambda x, y: x <= y, ast.Gt: lambda x, y: x > y,
    ast.GtE: lambda x, y: x >= y, ast.Eq: lambda x, y: x == y, ast.NotEq: lambda x, y: x != y,
}


@lru_cache(1000)  # kernels expand the same few functions many times
def _changes(node: ast.FunctionDef) -> tuple[frozenset[str], bool]:
    """Find the names that a function gives a value, and whether it may return before its last line."""
    nodes = list(ast.walk(node))
    names = frozenset(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    returns = sum(isinstance(n, ast.Return) for n in nodes)
    return names, returns > isinstance(node.body[-1], ast.Return)


def _is_apart(node: ast.FunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "apart" for d in node.decorator_list)
