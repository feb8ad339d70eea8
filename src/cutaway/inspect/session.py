"""ct.step: a training run that stands still between any two instructions, goes forward and back, and can be changed.

Where a session stands follows from its first weights, the order of its batches and the changes made so far. Going back
therefore takes the nearest snapshot before that place and does the same steps again, which gives the same bits.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..engines import Program
from ..errors import ArgumentError, TrainingError
from ..optim import Optimizer
from ..program import Instruction, title
from ..program.listing import formula
from ..train.fit import interruptible, prepared
from ..train.past import MOST_BYTES, Past, Snapshot
from .breakpoints import Break, NotFinite, condition, label
from .reading import network_of, unknown
from .recorder import Origin, Recorder
from .setup import Setup, activations
from .trace import Trace, TracedInstruction

MOST, EVERY = 64, 16  # snapshots, and steps between them at first
END = 2**62  # of a step: after all of its instructions
Place = tuple[int, int]  # a step, from 1, and how many of its instructions are done


def step(model: Any, X: Any, y: Any = None, loss: str | Callable = "mse", optimizer: Optimizer | None = None,
         batch_size: int | str = 32, epochs: int = 20, sample_weight: Any = None, seed: int = 0, engine: str = "cpu",
         threads: int = 1) -> Session:  # fmt: skip
    """A stepping session: the run that `ct.fit` would do with these arguments, on a copy of the model, standing still
    before its first instruction.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=64, seed=0)
    >>> s = ct.step(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", optimizer=ct.optim.SGD(0.1))
    >>> s.next().title, s.next_phase(), s.coming.formula
    ('batch', 'forward', 'z = W x + b')
    >>> s.next_step(); s["layer1.z"].shape
    'step 1 is done'
    (32, 4)
    >>> s.set("layer1.weight", (0, 1), 0.0)
    after step 1: layer1.weight[0, 1] = 0, was -1.318
    >>> s.run(steps=10), s.step
    ('10 steps done', 11)
    >>> s.goto(3); s.step
    3

    The arguments are fit's own and mean the same; the model given stays as it is. Raises what fit raises.
    """
    network = network_of(model)
    if network is not model:
        raise ArgumentError(
            f"a {type(model).__name__} encodes its data: give its network and encoded data, "
            "ct.step(estimator.model_, estimator.encode(X), y, ...); on the command line `cutaway step` does it all"
        )
    if y is None:
        raise ArgumentError("a training step needs targets: ct.step(model, X, y)")
    if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 1:
        raise ArgumentError(f"epochs must be a whole number of at least 1, got {epochs!r}")
    each = -(-len(y) // batch_size) if isinstance(batch_size, int | np.integer) and batch_size > 0 else 1
    program, past = prepared(
        copy.deepcopy(network), X, y, loss, optimizer, batch_size=batch_size, sample_weight=sample_weight, seed=seed,
        shuffle=True, engine=engine, threads=threads, steps=int(epochs) * int(each),
    )  # fmt: skip
    return Session(program, past, int(epochs))


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


class Session:
    """What `ct.step` returns. `print(s)` shows where it stands.

    step: the step under way or just done, from 1; at: how many of its instructions are done. model: the session's own
    copy with its weights as they are now. program: what runs. log: the changes made. watched: names and places.
    breaks: the conditions at which `run` stops.
    """

    def __init__(self, program: Program, past: Past, epochs: int, setup: Setup | None = None) -> None:
        self.past, self.epochs, self.model, self.program = past, epochs, program.model, program
        self.setup = Setup(past.optimizer) if setup is None else setup
        self.breaks: list[Break] = []
        self.watched: list[tuple[str, tuple]] = []
        self.losses: dict[int, float] = {}
        self.sample = 0
        self._changes: list[Change] = []
        self._shown: Trace | None = None
        self._snapshots = {0: (self.setup, Snapshot.of(program, 1))}
        self._every, self._count, self._stop = EVERY, 0, ""
        self._use(self.setup, program)
        self._begin()

    # ---- where it stands ---------------------------------------------------------------------------------------------
    @property
    def step(self) -> int:
        return self._recorder.number

    @property
    def at(self) -> int:
        return len(self._recorder.instructions)

    @property
    def done(self) -> bool:
        """Whether the step is done, all of it."""
        return self._recorder.done and self.finite

    @property
    def finite(self) -> bool:
        """False where J or a gradient of this step is not finite, so that it cannot be finished."""
        return self._recorder.finite

    @property
    def epoch(self) -> int:
        return (self.step - 1) // self.past.steps + 1

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.past.steps * self.epochs

    @property
    def over(self) -> bool:
        """Whether the whole run is done."""
        return self.done and self.step == self.steps

    @property
    def coming(self) -> Instruction | None:
        """The instruction that `next` runs; None at the end of the run, or where the step cannot go on."""
        if self.over or not self.finite:
            return None
        return self.program.instructions[0 if self.done else self.at]

    @property
    def rows(self) -> np.ndarray:
        """Which rows of the data are this step's batch."""
        return self._recorder.rows

    @property
    def log(self) -> Log:
        """The changes made by hand, in order; printed, a line each. After going back, those that lie ahead are done
        again where they were made, until another change is made before them."""
        log = Log(self._changes)
        log.here = self._here
        return log

    @property
    def optimizer(self) -> Optimizer:
        return self.setup.optimizer

    @property
    def _here(self) -> Place:
        """The end of a step is the beginning of the next."""
        return (self.step + 1, 0) if self.done else (self.step, self.at)

    # ---- going forward -----------------------------------------------------------------------------------------------
    def next(self) -> TracedInstruction | None:
        """Run one instruction, and give it with what it read and wrote; None at the end of the run."""
        if self.over:
            return None
        if not self.finite:
            raise TrainingError(
                f"step {self.step} cannot go on: J or a gradient is not finite, so that its update does not take "
                f"place. Go back with s.goto({self.step}), change something (a lower learning rate, "
                "ct.optim.clip), and try again"
            )
        self._one()
        return self.trace().instructions[-1]

    def next_phase(self) -> str:
        """Run the rest of a phase (load, forward, loss, backward, update); gives the phase that comes, "" at the end
        of a step."""
        first = self.coming
        while self.coming is not None and first is not None and self.coming.phase == first.phase:
            self._one()
            if self.done:
                return ""
        return self.coming.phase if self.coming is not None else ""

    def next_step(self) -> str:
        """Finish the step under way, or do the next one. Says how it ended, as `run` does."""
        ended = self.run(1)
        return f"step {self.step} is done" if ended == "1 step done" else ended

    def next_epoch(self) -> str:
        """Finish the epoch under way, or do the next one, unless a condition holds before. Says how it ended."""
        epoch = self.epoch + (self.done and self.step % self.past.steps == 0)
        ended = self.run(epoch * self.past.steps - self.step + (not self.done))
        return f"epoch {self.epoch} is done" if ended.endswith("done") else ended

    def next_sample(self) -> int:
        """Look at the next sample of the batch, after its last one at the first of the next step's. Gives its row in
        the data. With batches of one, a sample is a step."""
        if self.sample + 1 < len(self.rows):
            self.sample += 1
        elif not self.over and self.finite:
            self.next_step()
            if not self.over and self.finite:
                self._begin()
            self.sample = 0
        return int(self.rows[min(self.sample, len(self.rows) - 1)])

    def run(self, steps: int | None = None) -> str:
        """Do so many steps (all that are left if None; one under way counts), or stop where a condition holds.

        Without conditions the program runs at full speed; with conditions it halts after each step to look at its
        memory. Ctrl-C stops it after the step under way. Says how it ended.
        """
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0):
            raise ArgumentError(f"steps must be a whole number of at least 0, got {steps!r}")
        first = self.step - (not self.done)
        last = self.steps if steps is None else min(first + int(steps), self.steps)
        for b in self.breaks:
            b.begin(self)
        self._stop = ""
        found = ""
        with interruptible(self):  # type: ignore[arg-type]
            while self._count < last and self.finite and not found and not self._stop:
                found = self._onward(last)
        if not self._recorded:
            self._seek(max(self._count, 1), END if self._count else 0)
        if not self.finite:
            return f"step {self.step}: J or a gradient is not finite; its update did not take place"
        if found or self._stop:
            return f"step {self.step}: {found}" if found else f"step {self.step}: {self._stop}"
        count = self._count - first
        return f"{count:,} step{'' if count == 1 else 's'} done" + (", the run is over" if self.over else "")

    def stop(self, reason: str = "stopped") -> None:
        """End `run` after the step under way."""
        self._stop = reason

    # ---- going back --------------------------------------------------------------------------------------------------
    def back(self) -> None:
        """Undo one instruction: everything is as it was before it, to the last bit. Nothing at the very beginning."""
        if self.at > 1 or self.step == 1:
            self._seek(self.step, max(self.at - 1, 0))
        elif self.at:
            self._seek(self.step - 1, END)
        else:
            self._seek(self.step - 1, END)
            self._seek(self.step, self.at - 1)

    def goto(self, step: int) -> None:
        """Stand at the beginning of a step, earlier or later: no instruction of it is done yet."""
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or not 1 <= step <= self.steps:
            raise ArgumentError(f"step must be a whole number from 1 to {self.steps:,}, the run's last, got {step!r}")
        self._seek(int(step), 0)

    def settle(self) -> None:
        """Stand at the beginning of the step again, whatever an interruption left half done."""
        self._seek(self.step, 0, again=True)

    def undo(self) -> str:
        """Forget the last change, and stand where it was made. Says which it was."""
        if not self._changes:
            raise ArgumentError("nothing was changed that could be undone")
        last = self._changes.pop()
        self._forget(last.at)
        step, k = last.made
        self._seek(*((step, k) if k or step == 1 else (step - 1, END)), again=True)
        return last.what

    def fork(self) -> Session:
        """A session of its own that stands at the same place, with the same past, batches and changes."""
        model = copy.deepcopy(self.model)
        setup, first = self._snapshots[0]
        program = setup.program(model, self.past, self.program.engine.name, self.program.engine.shards)
        first.put(program)
        other = Session(program, self.past, self.epochs, setup)
        other._snapshots, other._every = dict(self._snapshots), self._every
        other._changes, other.losses = list(self._changes), dict(self.losses)
        other.watched, other.sample = list(self.watched), self.sample
        other.breaks = [replace(b) for b in self.breaks]
        other._seek(self.step, END if self.done else self.at, again=True)
        return other

    def compare(self, other: Session | None = None, steps: int = 100) -> Any:
        """This session's future beside another's, or beside that of the unchanged run: see `ct.inspect.compare`."""
        from .fork import compare

        if other is None:
            other = self.fork()
            other.unchanged()
        return compare(self, other, steps)

    def unchanged(self) -> None:
        """Take every change back, and do the steps up to here again without them."""
        self._changes = []
        self._forget((1, 0))
        self._seek(self.step, END if self.done else 0, again=True)

    # ---- looking -----------------------------------------------------------------------------------------------------
    def __getitem__(self, name: str) -> np.ndarray:
        """A value by its name or symbol: weights, buffers and the optimizer's state as they are now, all others as the
        step's instructions wrote them so far.

        Raises KeyError for an unknown name, and for a value that this step has not come to yet.
        """
        try:
            return self.value(name)
        except ArgumentError as error:
            raise KeyError(str(error)) from None

    def value(self, name: str, *index: Any) -> np.ndarray:
        """The same, or a part of it; raises ArgumentError with the nearest name."""
        name = {"gradient": "g"}.get(name, name)
        trace = self.trace()
        standing = self._standing()
        known = name if name in standing else trace.name(name) if "[" not in name else name
        if known in standing:
            return _part(standing[known], known, index).copy()
        if known in trace.facts and known not in trace.versions and known not in trace.vectors:
            raise ArgumentError(f"{known} is not there yet: no instruction of step {self.step} that ran wrote it")
        try:
            return _part(trace[known], known, index)
        except KeyError as error:
            raise ArgumentError(error.args[0]) from None

    def grad(self, name: str) -> np.ndarray:
        """∂J/∂ of a parameter or value in this step, as `Trace.grad` gives it."""
        return self.trace().grad(name)

    def trace(self) -> Trace:
        """What this step did so far, as a `Trace`."""
        if self._shown is None or len(self._shown.instructions) != self.at or self._shown.about.step != self.step:
            self._shown = self._recorder.trace()
        return self._shown

    def explain(self, *what: Any, **how: Any) -> Any:
        """Why a number of this step is what it is: see `Trace.explain`. A step under way is finished for it, apart."""
        if self.done or not self.finite:
            return self.trace().explain(*what, **how)  # type: ignore[attr-defined]
        other = self.fork()
        other.breaks = []
        other.next_step()
        return other.explain(*what, **how)

    def watch(self, name: str, *index: int) -> None:
        """Show a value, or one number of it, wherever the session stands: `print(s)`, and `s.watching()`."""
        if name != "gradient":
            self.look_up(name, index)
        if (name, index) not in self.watched:
            self.watched.append((name, index))

    def watching(self) -> dict[str, np.ndarray | None]:
        """The watched values by name and place; None for one that the step has not come to."""
        found: dict[str, np.ndarray | None] = {}
        for name, index in self.watched:
            try:
                found[label(name, index)] = self.length("g") if name == "gradient" else self.value(name, *index)
            except ArgumentError:
                found[label(name, index)] = None
        return found

    def length(self, name: str) -> np.ndarray:
        """The length ‖·‖ of a value."""
        return np.asarray(np.linalg.norm(self.value(name).astype(np.float64)))

    def stop_when(self, given: str | Callable) -> Break:
        """Let `run`, `next_step` and `next_epoch` stop when a condition holds: a text (breakpoints.py has the forms,
        such as "nan", "gradient > 10", "dead relu 10", "layer1.weight[0, 1] crosses 0") or a function of the session.
        `s.breaks.remove(...)` takes it away."""
        made = condition(given)
        made.begin(self)
        self.breaks.append(made)
        return made

    # ---- changing ----------------------------------------------------------------------------------------------------
    def set(self, name: str, index: Any, value: Any) -> Change:
        """Give a weight (or a buffer, or state of the optimizer) another value, now. index: its place; () is all."""
        name = self._own(name)
        index = index if isinstance(index, tuple) else (index,)
        array = self._standing()[name]
        old = _part(array, name, index).copy()
        try:
            value = np.broadcast_to(np.asarray(value, array.dtype), old.shape).copy()
        except (TypeError, ValueError):
            raise ArgumentError(f"{label(name, index)} has shape {old.shape}: {value!r} does not fit") from None
        what = f"{label(name, index)} = {_short(value)}, was {_short(old)}"
        return self._change(Change(self._here, self._here, what, None, name, index, value))

    def freeze(self, name: str, *index: Any) -> Change:
        """Keep a parameter, or one weight of it, as it is: the update's step of it is taken back, by instructions of
        the program. Its gradient is still computed and still counts in clipping and the optimizer's averages."""
        return self._fix(name, index, 1, f"{label(name, index)} is frozen")

    def unfreeze(self, name: str, *index: Any) -> Change:
        """Let it be trained again."""
        return self._fix(name, index, 0, f"{label(name, index)} is trained again")

    def kill(self, layer: str, neuron: int) -> Change:
        """Hold a neuron's activation (a filter's, in a convolution) at 0: nothing after it hears it, and no gradient
        goes through it. Recurrent units cannot be killed alone."""
        return self._silence(layer, neuron, True)

    def revive(self, layer: str, neuron: int) -> Change:
        """Let a killed neuron work again."""
        return self._silence(layer, neuron, False)

    def use(self, optimizer: Optimizer) -> Change:
        """Go on with another optimizer, or another learning rate. State of the same name is kept, other state begins
        at zero; the step number goes on, so that Adam's bias correction takes fresh averages for old ones."""
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(f"optimizer must be one of ct.optim's, such as ct.optim.AdamW(1e-3), got {optimizer!r}")
        optimizer = optimizer.for_run(self.steps)
        kept = [name for name in optimizer.state_names if name in self._planned.optimizer.state_names]
        fresh = [name for name in optimizer.state_names if name not in kept]
        state = [f"{', '.join(kept)} kept"] * bool(kept) + [f"{', '.join(fresh)} from zero"] * bool(fresh)
        what = f"the optimizer is {optimizer!r}" + (f" ({'; '.join(state)})" if state else "")
        return self._set_up(replace(self._planned, optimizer=optimizer), what)

    @property
    def lr(self) -> float:
        """The learning rate of this step. Assigning another is a change: `s.lr = 0.01`."""
        return self.optimizer.rate(self.step)

    @lr.setter
    def lr(self, rate: float) -> None:
        self._set_up(replace(self._planned, optimizer=replace(self._planned.optimizer, lr=rate)), f"lr = {rate!r}")

    # ---- how changes are made ----------------------------------------------------------------------------------------
    @property
    def _planned(self) -> Setup:
        """How the program will be set up when the next step begins."""
        setups = [c.setup for c in self._changes if c.setup is not None and c.made <= self._here]
        return setups[-1] if setups else self._snapshots[0][0]

    def _fix(self, name: str, index: tuple, fixed: int, what: str) -> Change:
        name = self._own(name, parameters=True)
        part = self._recorder.parameters[name]
        mask = np.zeros(self.model.theta.shape, np.uint8) if self._planned.fixed is None else self._planned.fixed.copy()
        own = mask[part.lo : part.hi].reshape(part.shape)
        _part(own, name, index)
        own[index or ...] = fixed
        return self._set_up(replace(self._planned, fixed=mask if mask.any() else None), what)

    def _silence(self, layer: str, neuron: int, dead: bool) -> Change:
        width = activations(self.program, layer)[0][1].shape[-1]
        if isinstance(neuron, bool) or not isinstance(neuron, int | np.integer) or not 0 <= neuron < width:
            raise ArgumentError(f"{layer} has neurons 0 to {width - 1}, got {neuron!r}")
        known = self._planned.dead
        own = {(layer, int(neuron))}
        what = f"neuron {neuron} of {layer} is {'killed: its activation is held at 0' if dead else 'alive again'}"
        return self._set_up(replace(self._planned, dead=known | own if dead else known - own), what)

    def _set_up(self, setup: Setup, what: str) -> Change:
        """Change the program: at once between steps, else from the next step on."""
        setup.program(copy.deepcopy(self.model), self.past, self.program.engine.name, 1)  # what is wrong shows now
        here = self._here
        late = f" (from step {here[0] + 1} on)" if here[1] else ""
        return self._change(Change(here, (here[0] + 1, 0) if here[1] else here, what + late, setup))

    def _change(self, change: Change) -> Change:
        self._changes = [c for c in self._changes if c.made <= change.made]  # another future than before begins here
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

    def _own(self, name: str, parameters: bool = False) -> str:
        """The name of something that can be changed."""
        known = dict(self.model.named_parameters()) if parameters else self._standing()
        if name in known:
            return name
        try:
            full = self.trace().name(name)
        except ArgumentError:
            full = ""
        if full not in known:
            raise unknown("weight" if parameters else "weight, buffer or state", name, known)
        return full

    # ---- how it moves ------------------------------------------------------------------------------------------------
    def _use(self, setup: Setup, program: Program | None = None) -> None:
        """Go on with a program that is set up like this, in the state of the one before."""
        before = self.program
        if program is None:
            program = setup.program(self.model, self.past, before.engine.name, before.engine.shards)
            for name, array in before.state.items():
                if name != "t" and name in program.state:
                    program.state[name][...] = array
            program.engine.t = before.engine.t
        first = self.past.data.rows(self.past.rows[:3])
        origin = Origin(self.model, self.past.loss, setup.optimizer, self.past.options["weighted"],
                        (first.inputs, first.y), setup.altered)  # fmt: skip
        self.setup, self.program = setup, program
        self._next = Recorder(program, origin, loss=getattr(self.past.loss, "__name__", ""))
        self._values = {self._next.names[id(v)]: v for v in program.values()}

    def _begin(self) -> None:
        """Stand at the beginning of the step after those that are done."""
        order, position, rows = self._batch(self._count)
        self._recorder, self._recorded, self._shown = self._next, True, None
        self._recorder.begin(order, position, self._count // self.past.steps + 1, rows)

    def _batch(self, done: int) -> tuple[np.ndarray | None, int, np.ndarray]:
        """The batch after so many steps: the order and the position in it, as the program takes them, and its rows.
        Data too large for memory is fed now."""
        past, k = self.past, done % self.past.steps
        order = past.order(done // past.steps + 1)
        rows = order[k * past.batch_size : (k + 1) * past.batch_size]
        if past.resident:
            return order, k * past.batch_size, rows
        part = past.data.rows(rows)
        self.program.feed(part.inputs, part.y, part.weight)
        return None, 0, rows

    def _one(self) -> None:
        """Run one instruction, and what belongs to its place."""
        if self._recorder.done:
            self._begin()
        self._recorder.one()
        self._shown = None
        if self.done:
            J = self.program.engine.listing.loss
            assert J is not None
            self.losses[self.step] = float(self.program.engine.view(J, 0))
            self._border()
        elif self.finite:
            self._change_here((self.step, self.at))

    def _whole(self) -> None:
        """Finish the step under way, instruction by instruction, or do the next one like that."""
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
        """Between two steps: take a snapshot if one is due, then make the changes that belong here."""
        t = self._count = self.program.engine.t
        if t % self._every == 0 and t not in self._snapshots:
            self._snapshots[t] = self.setup, Snapshot.of(self.program, t // self.past.steps + 1)
            size = sum(a.nbytes for a in self._snapshots[t][1].arrays)
            if len(self._snapshots) > max(2, min(MOST, MOST_BYTES // max(size, 1))):
                self._every *= 2
                self._snapshots = {t: s for t, s in self._snapshots.items() if t % self._every == 0}
        self._change_here((t + 1, 0))

    def _restore(self, done: int) -> None:
        """The last snapshot at which no more than so many steps were done."""
        t = max(t for t in self._snapshots if t <= done)
        setup, snapshot = self._snapshots[t]
        if setup is not self.setup:
            self._use(setup)
        snapshot.put(self.program)
        self._count, self._recorded = t, False
        self._change_here((t + 1, 0))

    def _seek(self, step: int, at: int, again: bool = False) -> None:
        """Stand in a step after so many of its instructions. again: by doing the steps before it once more."""
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

    def one_more(self) -> bool:
        """Do one step at full speed, whatever the conditions say; False where the run ends or breaks off. Only what
        lies in memory can be looked at then (`look`, `losses`), until the session moves on."""
        if self._count == self.steps or (self._recorded and not self.finite):
            return False
        breaks, self.breaks = self.breaks, []
        self._onward(self._count + 2)
        self.breaks = breaks
        return not self._recorded or self.finite

    def _onward(self, last: int) -> str:
        """Go on towards the end of step `last`, a stretch or a step; says which condition holds after it."""
        t = self._count
        between = not self._recorded or not self.at or self.done
        touched = any(c.at[0] == t + 1 and c.at[1] for c in self._changes)
        if not between or touched or t + 1 == last or any(b.recorded(self) for b in self.breaks):
            self._whole()
        else:
            self._native(t + 1 if self.breaks else last - 1, lambda done: bool(self._stop))
        found = [(b, what) for b in self.breaks if (what := b.hit(self))]
        if not found:
            return ""
        b, what = found[0]
        if isinstance(b, NotFinite):
            self._to_first_bad()
        return f"{b.text}: {what}"

    def _to_first_bad(self) -> None:
        """Stand after the first instruction of the step that wrote a value which is not finite."""
        number = self._count + (self._recorded and not self.finite)
        self._seek(number, 0)
        while not self._recorder.done:
            self._one()
            wrote = (self._recorder.versions.get(name, [(0, np.zeros(0))])[-1][1]
                     for name in self._recorder.instructions[-1].written)  # fmt: skip
            if any(a.dtype.kind == "f" and not np.isfinite(a).all() for a in wrote):
                return

    # ---- values in memory --------------------------------------------------------------------------------------------
    def memory(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every value of the program after a step, by name, in the order in which they were written; not copied."""
        engine = self.program.engine
        return ((name, engine.view(v, engine.n)) for name, v in self._values.items())

    def look(self, name: str, index: tuple = ()) -> np.ndarray:
        """A value as it lies in memory after a step, "gradient" for its length; empty where the batch has no such
        row."""
        engine = self.program.engine
        if name == "gradient" and self._recorded:
            return self.length("g")  # before it was clipped
        if name == "gradient":
            return np.asarray(np.linalg.norm(engine.view(self._values["g"], 0).astype(np.float64)))
        name = self._full(name)
        standing = self._standing()
        array = standing[name] if name in standing else engine.view(self._values[name], engine.n)
        try:
            return array[index]
        except IndexError:
            return np.zeros(0)

    def look_up(self, name: str, index: tuple = ()) -> np.ndarray:
        """Zeros shaped like a value or a part of it; ArgumentError for what is not there."""
        if name == "gradient":
            return np.zeros(())
        name = self._full(name)
        return _part(np.zeros(self._recorder.facts[name].shape), name, index)

    def relus(self) -> list[str]:
        """The values that ReLUs write, by name."""
        names = self._next.names
        return [names[id(i.written[0])] for i in self.program.instructions if i.op == "relu" and i.phase == "forward"]

    def _full(self, name: str) -> str:
        if name in self._values and name not in self._next.vectors:
            return name
        name = "J" if name == "loss" else self.trace().name(name)
        if name not in self._values and name not in self._standing():
            raise ArgumentError(f"{name} is no value of its own: give one of {', '.join(self._values)}")
        return name

    def _standing(self) -> dict[str, np.ndarray]:
        """Weights, buffers, and the optimizer's state by parameter: what outlasts a step. Not copied."""
        found = {name: t.data for name, t in (*self.model.named_parameters(), *self.model.named_buffers())}
        for vector, array in self.program.state.items():
            if vector != "t":
                for name, part in self._next.parameters.items():
                    found[f"{name}.{vector}"] = array[part.lo : part.hi].reshape(part.shape)
        return found

    # ---- showing -----------------------------------------------------------------------------------------------------
    def __str__(self) -> str:
        i, count = self.coming, len(self._recorder.program.instructions)
        where = "done" if self.done else "not finite" if not self.finite else f"instruction {self.at} of {count}"
        lines = [f"step {self.step} of {self.steps} (epoch {self.epoch} of {self.epochs}), {where}"]
        lines.append(f"next: {i.phase} {title(i)}: {formula(i)}" if i is not None else "there is no next instruction")
        shown = ((k, "not there yet" if v is None else _short(v)) for k, v in self.watching().items())
        return "\n".join([*lines, *(f"{name} = {value}" for name, value in shown)])

    def __repr__(self) -> str:
        return f"Session(step {self.step} of {self.steps}, {self.at} instructions of it done)"


def _part(array: np.ndarray, name: str, index: tuple) -> np.ndarray:
    try:
        return array[index]
    except (IndexError, TypeError):
        raise ArgumentError(f"{name} has shape {array.shape}: there is no {label(name, index)}") from None


def _short(array: np.ndarray) -> str:
    """
    >>> _short(np.float32(0.25)), _short(np.ones((3, 2)))
    ('0.25', 'shape (3, 2), ‖·‖ = 2.449')
    """
    if not np.ndim(array):
        return f"{array:.4g}"
    return f"shape {np.shape(array)}, ‖·‖ = {np.linalg.norm(array.astype(np.float64)):.4g}"
