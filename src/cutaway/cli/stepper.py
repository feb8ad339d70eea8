"""The commands of `cutaway step`: a line in, a few lines out."""

from __future__ import annotations

import re
import sys
import textwrap
from cmd import Cmd
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..errors import ArgumentError, CutawayError
from ..inspect.stepping.breakpoints import places
from ..inspect.stepping.fork import compare
from ..inspect.stepping.looking import label
from ..inspect.stepping.session import Session
from ..inspect.traces.record import TracedInstruction
from ..optim.optimizers import OPTIMIZERS
from ..program import Instruction, short, title
from ..program.listing import formula
from ..text import number, printable
from .step_commands import COMMANDS, REPEATED, SHORT, USAGE
from .terminal import Screen, console

NUMBERS = 6  # of a sample that a line shows, at most
INDENT = " " * 6
PHASES = {
    "load": "a batch of rows is taken from the data, in this epoch's order",
    "forward": "each layer computes its values from those before it",
    "loss": "how wrong the outputs are: ℓ for each sample, J on average",
    "backward": "the same operations in reverse: what J would gain if a value grew, written d before its name",
    "update": "the optimizer moves all weights θ against their gradient g",
}


class Stepper(Cmd):
    """Reads commands and shows what they did. `go` returns when the user leaves or the input ends."""

    def __init__(self, session: Session) -> None:
        self.typed = sys.stdin.isatty()
        super().__init__("tab" if self.typed else "")
        self.s, self.forked = session, None  # type: Session, Session | None
        self.console = console()
        self.told: set[str] = set()
        self.again = "next"
        self.before: dict[str, Any] = {}

    # ---- the loop ----------------------------------------------------------------------------------------------------
    def go(self, *about: str) -> None:
        for paragraph in about:
            self.say(paragraph)
        self.say()
        self.position()
        while True:
            try:
                return self.cmdloop()
            except KeyboardInterrupt:  # at the prompt
                self.say("\n(q leaves)")

    @property
    def prompt(self) -> str:  # type: ignore[override]
        return f"step {self.s.step}> "

    def preloop(self) -> None:
        if self.typed:
            with suppress(ImportError):
                import readline

                readline.set_completer_delims(" []")

    def precmd(self, line: str) -> str:
        """Echo what comes from a pipe, so that the output can be read by itself."""
        if line == "EOF" or not self.typed:
            self.say("" if line == "EOF" else line)  # as Cmd calls the end of the input
        return line

    def parseline(self, line: str) -> tuple[str, str, str]:
        """Split a line: the command's full name ("" for none), what stands behind, and the line."""
        word, rest = [*line.strip().split(maxsplit=1), "", ""][:2]
        name = "quit" if line == "EOF" else SHORT.get(word.lower(), word.lower())
        return name if name in USAGE else "", rest, line.strip()

    def onecmd(self, line: str) -> bool:
        """Do what a line says; True to leave."""
        leave = False
        try:
            leave = bool(super().onecmd(line))
        except CutawayError as problem:
            text, names, _ = str(problem).partition(" There are: ")
            self.say(str(problem) if len(str(problem)) < 300 or not names else f"{text} v lists all.", style="yellow")
        except KeyboardInterrupt:
            self.s.settle()
            self.say("stopped", style="yellow")
            self.position()
        if (name := self.parseline(line)[0]) in REPEATED:
            self.again = name
        return leave

    def emptyline(self) -> bool:
        return self.onecmd(self.again)

    def default(self, line: str) -> None:
        word = line.split()[0]
        close = get_close_matches(word.lower(), [*USAGE, *SHORT], n=1, cutoff=0.6)
        self.say(f"There is no command {word!r}" + (f": did you mean {close[0]}?" if close else "."),
                 "help lists all.", style="yellow")

    def completenames(self, text: str, *_: Any) -> list[str]:
        return [name for name in USAGE if name.startswith(text)]

    def completedefault(self, text: str, *_: Any) -> list[str]:
        names = [*self.s.trace().facts, *(name for name, _ in self.s.model.named_modules() if name)]
        return [name for name in names if name.startswith(text)]

    def do_quit(self, rest: str) -> bool:
        return True

    def say(self, *text: str, style: str = "") -> None:
        self.console.print(*(printable(part, keep="\n") for part in text), style=style or None)

    # ---- going -------------------------------------------------------------------------------------------------------
    def do_next(self, rest: str) -> None:
        for _ in range(_count(rest)):
            done = self.s.next() if self.s.coming is not None else None
            if done is None:
                break
            self.phase(done.phase)
            self.show(done)
        self.position()

    def do_back(self, rest: str) -> None:
        for _ in range(_count(rest)):
            if (self.s.step, self.s.at) == (1, 0):
                self.say("This is the beginning.")
                break
            self.s.back()
            undone = self.s.program.instructions[self.s.at]
            self.say(f"instruction {self.s.at} of step {self.s.step}, {title(undone)}, is undone")
        self.position()

    def do_phase(self, rest: str) -> None:
        at = 0 if self.s.done else self.s.at
        if self.s.coming is not None:
            self.s.next_phase()
            for done in self.s.trace().instructions[at:]:
                self.phase(done.phase)
                self.show(done)
        self.position()

    def do_sample(self, rest: str) -> None:
        s = self.s
        if rest:
            k = _number(rest, int)
            if not 0 <= k < len(s.rows):
                raise ArgumentError(f"this batch has samples 0 to {len(s.rows) - 1}, got {k}")
            s.sample = k
        else:
            s.next_sample()
        self.say(f"sample {s.sample} of {len(s.rows)}, row {s.rows[s.sample]} of the data")
        trace = s.trace()
        self.values({n: trace[n] for n, v in trace.facts.items() if v.rows and n in trace.versions})
        self.position()

    def do_step(self, rest: str) -> None:
        self.ended(self.s.next_step())

    def do_epoch(self, rest: str) -> None:
        self.ended(self.s.next_epoch())

    def do_run(self, rest: str) -> None:
        self.ended(self.s.run(_count(rest) if rest else None))

    def do_goto(self, rest: str) -> None:
        if not rest:
            raise ArgumentError(f"goto which step? It is one from 1 to {self.s.steps:,}: goto 3")
        self.s.goto(_number(rest, int))
        self.position()

    def ended(self, how: str) -> None:
        s = self.s
        self.say(how, style="" if how.endswith(("done", "over")) else "bold")
        if s.done:
            lengths = (f"{name} {number(float(s.length(value)), 4)}" for name, value in (("‖g‖", "g"), ("‖θ‖", "θ")))
            self.say(f"J {number(s.losses[s.step], 4)}   {'   '.join(lengths)}   lr {number(s.lr, 4)}")
        self.position()

    # ---- looking -----------------------------------------------------------------------------------------------------
    def do_value(self, rest: str) -> None:
        if not rest:
            self.names()
            return
        name, index = _named(rest)
        value = self.s.value(name, *index)
        with np.printoptions(precision=4, suppress=True, threshold=400, edgeitems=4, linewidth=self.console.width - 2):
            self.say(f"{label(name, index)} ={chr(10) if value.ndim else ' '}{value}")

    def names(self) -> None:
        facts = self.s.trace().facts
        for kind, roles in (
            ("weights", ("parameter", "buffer")),
            ("values", ("input", "target", "weight", "activation")),
            ("gradients", ("gradient",)),
        ):
            found = [f"{n} {v.shape}" if v.shape else n for n, v in facts.items() if v.role in roles]
            self.say(f"{kind}: {', '.join(found)}")
        if state := self.s.optimizer.state_names:
            first = next(iter(dict(self.s.model.named_parameters())))
            self.say(f"state of the optimizer: {', '.join(state)}; of one parameter {first}.{state[0]}")

    def do_explain(self, rest: str) -> None:
        name, index = _named(rest)
        self.say(str(self.s.explain(name, *index)))

    def do_watch(self, rest: str) -> None:
        if rest:
            place = _named(rest)
            if place in self.s.watched:
                self.s.watched.remove(place)
                self.say(f"{label(*place)} is no longer watched")
            else:
                self.s.watch(place[0], *place[1])
        elif not self.s.watched:
            self.say("nothing is watched: watch layer1.weight 0 1")
        self.watched()

    def do_break(self, rest: str) -> None:
        if rest:
            how = re.fullmatch(r"(\S+?)((?:\s+\d+)+)(\s+(?:<|>|crosses).*)", rest)  # layer1.weight 0 1 crosses 0
            index = ", ".join(how[2].split()) if how else ""
            self.s.stop_when(f"{how[1]}[{index}]{how[3]}" if how else rest)
        for k, condition in enumerate(self.s.breaks):
            self.say(f"{k}  {condition}")
        if not self.s.breaks:
            self.say("no breakpoint: " + USAGE["break"][1])

    def do_clear(self, rest: str) -> None:
        if rest and not 0 <= _number(rest, int) < len(self.s.breaks):
            raise ArgumentError(f"there is no breakpoint {rest}: break lists them")
        del self.s.breaks[slice(None) if not rest else _number(rest, int)]
        self.do_break("")

    def do_list(self, rest: str) -> None:
        at = -1 if self.s.coming is None else 0 if self.s.done else self.s.at
        for k, line in enumerate(str(self.s.program).splitlines()[:-1]):
            line = f"{'>' if k - 1 == at else ' '} {printable(line)}"
            cut = self.console.is_terminal
            self.console.print(line, no_wrap=cut, overflow="ellipsis" if cut else None, soft_wrap=not cut,
                               style="bold" if k - 1 == at else None)

    # ---- changing ----------------------------------------------------------------------------------------------------
    def do_set(self, rest: str) -> None:
        where, _, value = rest.rpartition(" ")
        if not where:
            raise ArgumentError("set what to what? set layer1.weight 0 1 0.5")
        name, index = _named(where)
        self.say(repr(self.s.set(name, index, _number(value, float))))

    def do_freeze(self, rest: str) -> None:
        name, index = _named(rest)
        self.say(repr(self.s.freeze(name, *index)))

    def do_unfreeze(self, rest: str) -> None:
        name, index = _named(rest)
        self.say(repr(self.s.unfreeze(name, *index)))

    def do_kill(self, rest: str) -> None:
        self.say(repr(self.s.kill(*_neuron(rest))))

    def do_revive(self, rest: str) -> None:
        self.say(repr(self.s.revive(*_neuron(rest))))

    def do_lr(self, rest: str) -> None:
        if rest:
            self.s.lr = _number(rest, float)
            self.say(repr(self.s.log[-1]))
        else:
            self.say(f"lr = {self.s.lr:g}")

    def do_optimizer(self, rest: str) -> None:
        if not rest:
            self.say(repr(self.s.optimizer))
            return
        name, *rate = rest.split()
        known = {key.lower(): kind for key, kind in OPTIMIZERS.items() if kind.__module__ == "cutaway.optim.optimizers"}
        if name.lower() not in known:
            raise ArgumentError(f"there is no optimizer {name!r}: it is one of {', '.join(known)}")
        lr = _number(rate[0], float) if rate else self.s.optimizer.lr
        made = replace(known[name.lower()](lr), prepare=self.s.optimizer.prepare)
        self.say(repr(self.s.use(made)))

    def do_undo(self, rest: str) -> None:
        self.say(f"undone: {self.s.undo()}")
        self.position()

    def do_log(self, rest: str) -> None:
        self.say(str(self.s.log))

    def do_fork(self, rest: str) -> None:
        self.forked = self.s.fork()
        self.say(f"forked at step {self.s.step}: make changes, then compare")

    def do_compare(self, rest: str) -> None:
        steps = _count(rest) if rest else 100
        self.say("first: with the changes; second: without them")
        found = self.s.compare(steps=steps) if self.forked is None else compare(self.s, self.forked, steps)
        self.console.print(printable(found, keep="\n"), soft_wrap=True)

    def do_help(self, rest: str) -> None:
        name = SHORT.get(rest, rest)
        wanted = {name: USAGE[name]} if name in USAGE else None
        for group, commands in COMMANDS.items() if wanted is None else (("", wanted),):
            if group:
                self.say(group, style="bold")
            Screen().table([(f"{letter or ' '}  {command} {arguments}".rstrip(), about)
                            for command, (arguments, about, letter) in commands.items() if about])

    # ---- what is shown -----------------------------------------------------------------------------------------------
    def phase(self, name: str) -> None:
        """Explain each phase in a line when it is first seen."""
        if name not in self.told:
            self.told.add(name)
            self.say(f"{name}: {PHASES.get(name, '')}", style="italic cyan")

    def show(self, done: TracedInstruction) -> None:
        """Show an instruction that ran, and what it wrote."""
        how, optimizer = done.formula, repr(self.s.optimizer)
        if done.op == "optimizer" and self.s.trace().instructions[done.number - 1].op == "optimizer":
            how = how.removeprefix(optimizer).strip() or how
        self.line(done.number, done.phase, done.title, how)
        if done.op == "batch":
            rows = ", ".join(map(str, self.s.rows[:NUMBERS])) + (", ..." if len(self.s.rows) > NUMBERS else "")
            self.say(f"{INDENT}n = {len(self.s.rows)}: rows {rows}")
        elif done.op == "check":
            self.say(f"{INDENT}all are finite" if self.s.finite else f"{INDENT}not finite: no update takes place")
        elif done.phase == "update" and done.writes:
            moved: list[str] = []
            for name, now in done.writes.items():
                before = done.reads.get(name, now * 0).astype(np.float64)
                was, by = (number(float(np.linalg.norm(a)), 3) for a in (before, now - before))
                moved.append(f"{name} moved by {by}" if moved else f"‖{name}‖ was {was}, moved by {by}")
            self.say(INDENT + "; ".join(moved))
        else:
            self.values(done.writes)

    def values(self, arrays: Any) -> None:
        """Show each value in a line: its shape, its ends, and the numbers of the sample in view, as many as fit."""
        for name, a in arrays.items():
            v = self.s.trace().facts[name]
            if not a.ndim:
                self.say(f"{INDENT}{v.symbol} = {number(float(a), 5)}")
                continue
            one = a if not v.rows else a[self.s.sample] if self.s.sample < len(a) else a[:0]
            whose = f"sample {self.s.sample}:" if v.rows and one.size else "first:"
            text, whole = f"{INDENT}{v.symbol} {_spread(a)}; {whose}", self.console.width
            if len(text) > whole - 16:  # the numbers on a line of their own
                self.say(f"{INDENT}{v.symbol} {_spread(a)}")
                text = f"{INDENT}{whose}"
            numbers = [number(float(n), 3) for n in one.ravel()[:NUMBERS]]
            while numbers and len(text) + sum(map(len, numbers)) + 2 * len(numbers) + 5 > whole:
                numbers.pop()
            more = ["..."] if len(numbers) < one.size else []
            self.say("  ".join([text.rstrip("; "), *numbers, *more]))

    def line(self, k: int, phase: str, what: str, how: str, coming: bool = False) -> None:
        from rich.text import Text

        style = "green" if coming else ""
        head, what = f"{'next' if coming else ''}{k:>{3 if coming else 4}} {phase:<9}", f"{what:<14} "
        room = self.console.width - len(head) - len(what)
        own_line = room < 24  # a narrow terminal
        lines = textwrap.wrap(how, self.console.width - len(INDENT) if own_line else room)
        gap = "\n" + (INDENT if own_line else " " * (len(head) + len(what)))
        how = (gap if own_line else "") + gap.join(lines)
        what, how = printable(what), printable(how, keep="\n")
        self.console.print(Text.assemble((head, style or "dim"), (what, f"bold {style}"), (how, style)))

    def watched(self) -> None:
        for name, value in self.s.watching().items():
            old = self.before.get(name)
            self.before[name] = value
            if value is None:
                self.say(f"  {name}: not there yet")
            elif value.ndim == 0:
                was = f", was {number(float(old), 5)}" if old is not None and old != value else ""
                self.say(f"  {name} = {number(float(value), 5)}{was}")
            else:
                self.say(f"  {name} {_spread(value)}")

    def position(self) -> None:
        """Show where the session stands, what is watched, and what comes next."""
        s = self.s
        self.watched()
        where = f"step {s.step:,} of {s.steps:,}, epoch {s.epoch:,} of {s.epochs:,}"
        if s.over:
            self.say(f"{where}: the run is over. goto goes back, q leaves.", style="bold")
        elif not s.finite:
            self.say(f"{where} cannot go on: J or a gradient is not finite. Go back (goto {s.step}), change something "
                     "(lr, optimizer), try again.", style="bold")
        else:
            self.say(f"{where}" + (", done" if s.done else ""), style="dim")
            coming: Instruction = s.coming  # type: ignore[assignment]
            reads = " ".join(dict.fromkeys(short(v) for v in coming.reads))
            writes = " ".join(short(v) for v in coming.written)
            how = formula(coming) + (f"   [{reads} -> {writes}]" if reads and writes else "")
            self.line(0 if s.done else s.at, coming.phase, title(coming), how, coming=True)


# ---- reading what was typed ------------------------------------------------------------------------------------------


def _count(rest: str) -> int:
    k = _number(rest or "1", int)
    if k < 1:
        raise ArgumentError(f"give a whole number of at least 1, not {rest}")
    return k


def _number(text: str, kind: Callable) -> Any:
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ArgumentError(f"{text!r} is not {wanted}") from None


def _named(rest: str) -> tuple[str, tuple[int, ...]]:
    """Read a value's name and its index from a command.

    >>> _named("layer1.weight 0 1"), _named("layer1.weight[0, 1]"), _named("J")
    (('layer1.weight', (0, 1)), ('layer1.weight', (0, 1)), ('J', ()))
    """
    match = re.fullmatch(r"([^\s\[]+(?:\[\d+\](?=\s*[\[\d]))?)\s*(\[[\d,\s]*\]|(?:\d+[\s,]*)*)", rest.strip())
    if not match:
        raise ArgumentError(f"{rest!r} names no value: give its name and place, such as layer1.weight 0 1")
    return match[1], places(match[2])


def _neuron(rest: str) -> tuple[str, int]:
    name, index = _named(rest)
    if len(index) != 1:
        raise ArgumentError("which neuron? kill layer1 3")
    return name, index[0]


# ---- numbers in a line -----------------------------------------------------------------------------------------------


def _shape(a: np.ndarray) -> str:
    """Write an array's shape.

    >>> _shape(np.zeros((32, 4)))
    '(32 × 4)'
    """
    return f"({' × '.join(map(str, a.shape))})"


def _spread(a: np.ndarray) -> str:
    """Write the ends of an array's values.

    >>> _spread(np.array([[1.0, -2.5]])), _spread(np.array([1.0, np.nan]))
    ('(1 × 2) -2.5 to 1', '(2) 1 of 2 not finite')
    """
    if a.dtype.kind == "f" and not np.isfinite(a).all():
        return f"{_shape(a)} {np.count_nonzero(~np.isfinite(a)):,} of {a.size:,} not finite"
    return f"{_shape(a)} {number(float(a.min()), 3)} to {number(float(a.max()), 3)}" if a.size else _shape(a)
