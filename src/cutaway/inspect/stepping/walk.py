"""A training run that stands still between any two instructions, and goes to any other place, forward or back.

Where it stands follows from its first weights, the order of its batches and the changes made so far. Going back
therefore takes the nearest snapshot before that place and does the same steps again, which gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engines import Program
from ...train.past import MOST_BYTES, Past
from ..traces.recorder import Origin, Recorder
from ..traces.trace import Trace
from .setup import Setup

MOST, EVERY = 256, 16  # snapshots, and steps between them at first
END = 2**62  # of a step: after all of its instructions
Place = tuple[int, int]  # a step, from 1, and how many of its instructions are done


@dataclass(frozen=True, eq=False)
class Change:
    """Something that was changed by hand: `made` where the session stood, `at` where it takes effect."""

    made: Place
    at: Place
    what: str
    setup: Setup | None = None
    name: str = ""
    index: Any = ()
    value: Any = None

    def __repr__(self) -> str:
        step, k = self.at
        if k:
            return f"in step {step}, after instruction {k - 1}: {self.what}"
        return f"{f'after step {step - 1}' if step > 1 else 'before step 1'}: {self.what}"


class Log(list):
    """Changes in the order in which they were made; printed, a line each. here: those made later lie ahead."""

    here: Place = END, 0

    def __str__(self) -> str:
        lines = (f"{change!r}{' (ahead: it will be done again)' * (change.made > self.here)}" for change in self)
        return "\n".join(lines) or "nothing was changed"


class Walk:
    """A training run that can stand anywhere. What `Session` does is built on `_one`, `_native` and `_seek`.

    step: the step under way or just done, from 1; at: how many of its instructions are done. model: the run's own copy
    with its weights as they are now. program: what runs. losses: J by step.
    """

    def __init__(self, program: Program, past: Past, epochs: int, setup: Setup | None = None) -> None:
        self.past, self.epochs, self.model, self.program = past, epochs, program.model, program
        self.setup = Setup(past.optimizer) if setup is None else setup
        self.losses: dict[int, float] = {}
        self._changes: list[Change] = []
        self._shown: Trace | None = None
        self._order: tuple[int, np.ndarray] = (0, past.rows)
        self._snapshots = {0: (self.setup, program.state.copy())}
        self._every, self._count = EVERY, 0
        self._use(self.setup, program)
        self._begin()

    @property
    def step(self) -> int:
        return self._recorder.number

    @property
    def at(self) -> int:
        return len(self._recorder.instructions)

    @property
    def done(self) -> bool:
        """Whether the whole step is done."""
        return self._recorder.done and self.finite

    @property
    def finite(self) -> bool:
        """False where J or a gradient of this step is not finite, so that it cannot be finished."""
        return self._recorder.finite

    @property
    def steps(self) -> int:
        """The number of steps of the whole run."""
        return self.past.steps * self.epochs

    @property
    def over(self) -> bool:
        """Whether the whole run is done."""
        return self.done and self.step == self.steps

    @property
    def log(self) -> Log:
        """The changes made by hand, in order; printed, a line each. After going back, those that lie ahead are done
        again where they were made, until another change is made before them."""
        log = Log(self._changes)
        log.here = self._here
        return log

    @property
    def _here(self) -> Place:
        """Where it stands; the end of a step is the beginning of the next."""
        return (self.step + 1, 0) if self.done else (self.step, self.at)

    def trace(self) -> Trace:
        """Get what this step did so far, as a `Trace`."""
        if self._shown is None or len(self._shown.instructions) != self.at or self._shown.about.step != self.step:
            self._shown = self._recorder.trace()
        return self._shown

    # ---- how it moves ------------------------------------------------------------------------------------------------
    def _begin(self) -> None:
        """Stand at the beginning of the step after those that are done."""
        order, position, rows = self._batch(self._count)
        self._recorder, self._recorded, self._shown = self._next, True, None
        self._recorder.begin(order, position, self._count // self.past.steps + 1, rows)

    def _batch(self, done: int) -> tuple[np.ndarray | None, int, np.ndarray]:
        """Find the batch after `done` steps: the order and the position there, as the program takes them, and its rows.
        Data too large for memory are fed now."""
        past, epoch, k = self.past, done // self.past.steps + 1, done % self.past.steps
        if self._order[0] != epoch:
            self._order = epoch, past.order(epoch)
        order = self._order[1]
        rows = order[k * past.batch_size : (k + 1) * past.batch_size]
        if past.resident:
            return order, k * past.batch_size, rows
        part = past.data.rows(rows)
        self.program.feed(part.inputs, part.y, part.weight)
        return None, 0, rows

    def _one(self) -> None:
        """Run one instruction, then make the changes that belong there."""
        if self._recorder.done:
            self._begin()
        self._recorder.one()
        self._shown = None
        if self.done:
            J = self.program.engine.listing.loss
            assert J is not None
            self.losses[self.step] = float(self.program.engine.read(J))
            self._border()
        elif self.finite:
            self._change_here((self.step, self.at))

    def _whole(self) -> None:
        """Finish the step under way, or do the next one, instruction by instruction."""
        if self.at == 0 or self._recorder.done or not self._recorded:
            self._begin()
        while not self._recorder.done:
            self._one()

    def _native(self, last: int, until: Callable[[int], bool] | None = None) -> None:
        """Do whole steps at full speed: until `last` are done, or the program must halt before that."""
        t, past = self._count, self.past
        ends = [last, (t // past.steps + 1) * past.steps, (t // self._every + 1) * self._every]
        ends += [c.at[0] - 1 for c in self._changes if c.at[0] - 1 > t]
        order, position, _ = self._batch(t)
        count = min(ends) - t if past.resident else 1
        found = self.program.run(order, position, count, until)
        self.losses.update(zip(range(t + 1, t + 1 + len(found)), found.tolist(), strict=True))
        self._recorded, self._count = False, t + len(found)
        if self.program.engine.finite:
            self._border()
        else:
            self._whole()

    def _border(self) -> None:
        """Do what is due between two steps: take a snapshot now and then, and make the changes that belong here."""
        t = self._count = self.program.state.t
        if t % self._every == 0 and t not in self._snapshots:
            self._snapshots[t] = self.setup, self.program.state.copy()
            if len(self._snapshots) > max(2, min(MOST, MOST_BYTES // max(self.program.state.nbytes, 1))):
                self._every *= 2
                self._snapshots = {t: s for t, s in self._snapshots.items() if t % self._every == 0}
        self._change_here((t + 1, 0))

    def _restore(self, done: int) -> None:
        """Go back to the last snapshot at which no more than `done` steps were done."""
        t = max(t for t in self._snapshots if t <= done)
        setup, snapshot = self._snapshots[t]
        if setup is not self.setup:
            self._use(setup)
        self.program.state.put(snapshot)
        self._count, self._recorded = t, False
        self._change_here((t + 1, 0))

    def _seek(self, step: int, at: int, again: bool = False) -> None:
        """Go to a step, to where `at` of its instructions are done. again: do the steps before it once more."""
        between = not self._recorded or not self.at or self.done
        nearest = max(t for t in self._snapshots if t < step)
        if again or not between or not nearest <= self._count < step:
            self._restore(step - 1)
        while self._count < step - 1:
            if any(c.at[0] == self._count + 1 and c.at[1] for c in self._changes):
                self._whole()
            else:
                self._native(step - 1)
            if self._recorded and not self.finite:  # training breaks off before that
                return
        self._begin()
        while self.at < at and not self._recorder.done:
            self._one()

    # ---- how it is changed -------------------------------------------------------------------------------------------
    @property
    def _planned(self) -> Setup:
        """How the program will be set up when the next step begins."""
        setups = [c.setup for c in self._changes if c.setup is not None and c.made <= self._here]
        return setups[-1] if setups else self._snapshots[0][0]

    def _change(self, change: Change) -> Change:
        self._changes = [c for c in self._changes if c.made <= change.made]  # the future changes from here on
        self._changes.append(change)
        self._forget(change.at)
        if change.at == self._here:
            self._put(change)
        return change

    def _put(self, change: Change) -> None:
        if change.setup is not None:
            self._use(change.setup)
            if self._recorded and not self.at:
                self._begin()
            return
        array = self._standing()[change.name]
        array[change.index or ...] = change.value
        if change.at[1] and change.name in self._recorder.versions:  # instructions to come read the new value
            self._recorder.versions[change.name].append((self.at - 1, array.copy()))
            self._shown = None

    def _change_here(self, at: Place) -> None:
        for change in self._changes:
            if change.at == at:
                self._put(change)

    def _forget(self, at: Place) -> None:
        """Drop what is known of the time after a place where a change was made."""
        self._snapshots = {t: s for t, s in self._snapshots.items() if t < at[0]}
        self.losses = {t: J for t, J in self.losses.items() if t < at[0]}

    def _use(self, setup: Setup, program: Program | None = None) -> None:
        """Go on with a program that is set up like this, in the state of the one before."""
        before = self.program
        if program is None:
            program = setup.program(self.model, self.past, before.engine.name, before.engine.threads)
            program.state.put(before.state.copy(before.state.alike(program.state)))
        origin = Origin(self.model, self.past.loss, setup.optimizer, self.past.options["weighted"], self.past.example,
                        setup.altered)
        self.setup, self.program = setup, program
        self._next = Recorder(program, origin, loss=getattr(self.past.loss, "__name__", ""))
        self._values = {self._next.names[id(v)]: v for v in program.values()}

    def _standing(self) -> dict[str, np.ndarray]:
        """Collect what outlasts a step: weights, buffers, and the optimizer's state by parameter. Not copied."""
        state = self.program.state
        return {name: t.data for name, t in state.tensors.items()} | {
            f"{name}.{vector}": state.part(name, vector) for vector in state.vectors for name in self._next.parameters}
