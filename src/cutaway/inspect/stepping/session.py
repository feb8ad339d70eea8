"""ct.step: a training run, one instruction at a time: forward, back, with conditions to stop at and changes by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...arguments import is_whole, whole_number
from ...engines import Program
from ...errors import ArgumentError, TrainingError
from ...optim import Optimizer
from ...program import title
from ...program.listing import formula
from ...shown import Shown
from ...text import counted
from ...train.fit import beginning
from ...train.interrupt import interruptible
from ...train.past import Past
from ..reading import network_of, training_of, unknown
from ..traces.record import TracedInstruction
from .breakpoints import Break, NotFinite, condition
from .fork import compare
from .looking import Looking, label, part_of, short
from .setup import Setup, activations
from .walk import END, Change


def step(model: Any, X: Any, y: Any = None, loss: str | Callable | None = None, optimizer: Optimizer | None = None,
         batch_size: int | str = 32, epochs: int = 20, sample_weight: Any = None, seed: int = 0, engine: str = "cpu",
         threads: int = 1, precision: str | None = None) -> Session:
    """Begin a stepping session: the run that `ct.fit` would do with these arguments, on a copy of the model, stands
    still before its first instruction.

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

    The arguments are fit's own and mean the same (loss: "mse" unless given); the model given stays as it is. A trained
    estimator takes X and y as its fit does, and brings its loss and optimizer. Raises what fit raises.
    """
    if y is None and network_of(model) is model:
        raise ArgumentError("a training step needs targets: ct.step(model, X, y)")
    arguments = training_of(model, X, y, loss, optimizer, sample_weight, precision)
    training = beginning(
        **arguments | {"model": copy.deepcopy(arguments["model"])}, epochs=epochs, batch_size=batch_size, seed=seed,
        engine=engine, threads=threads, progress=False, keep_all=True,
    )
    return Session(training.program, training.past, training.recipe.epochs)


class Session(Looking, Shown):
    """What `ct.step` returns. `print(s)` shows where it stands.

    step: the step under way or just done, from 1; at: how many of its instructions are done. model: the session's own
    copy with its weights as they are now. program: what runs. losses: J by step. log: the changes made. watched: names
    and places. breaks: the conditions at which `run` stops. sample: the row of the batch in view. stopping: why `run`
    is to stop after the step under way, "" if it is not.
    """

    def __init__(self, program: Program, past: Past, epochs: int, setup: Setup | None = None) -> None:
        super().__init__(program, past, epochs, setup)
        self.breaks: list[Break] = []
        self.stopping = ""

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
        """Run the rest of a phase (load, forward, loss, backward, update); give the phase that comes, "" at the end
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
        first = self.step - (not self.done)
        last = self.steps if steps is None else min(first + whole_number("steps", steps, 0), self.steps)
        for b in self.breaks:
            b.begin(self)
        self.stopping = ""
        found = ""
        with interruptible(self):
            while self._count < last and self.finite and not found and not self.stopping:
                found = self._onward(last)
        if not self._recorded:
            self._seek(max(self._count, 1), END if self._count else 0)
        if not self.finite:
            return f"step {self.step}: J or a gradient is not finite; its update did not take place"
        if found or self.stopping:
            return f"step {self.step}: {found}" if found else f"step {self.step}: {self.stopping}"
        count = self._count - first
        return f"{counted(count, 'step')} done" + (", the run is over" if self.over else "")

    def stop(self, reason: str = "stopped") -> None:
        """End `run` after the step under way."""
        self.stopping = reason

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
            self._native(t + 1 if self.breaks else last - 1, lambda done: bool(self.stopping))
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
                     for name in self._recorder.instructions[-1].written)
            if any(a.dtype.kind == "f" and not np.isfinite(a).all() for a in wrote):
                return

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
        self._seek(whole_number("step", step, instead=", the run's last", most=self.steps), 0)

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
        """Make a second session that stands at the same place, with the same past, batches and changes."""
        model = copy.deepcopy(self.model)
        setup, first = self._snapshots[0]
        program = setup.program(model, self.past, self.program.engine.name, self.program.engine.threads)
        program.state.put(first)
        other = Session(program, self.past, self.epochs, setup)
        other._snapshots, other._every = dict(self._snapshots), self._every
        other._changes, other.losses = list(self._changes), dict(self.losses)
        other.watched, other.sample = list(self.watched), self.sample
        other.breaks = [replace(b) for b in self.breaks]
        other._seek(self.step, END if self.done else self.at, again=True)
        return other

    def compare(self, other: Session | None = None, steps: int = 100) -> Any:
        """Compare this session's future with another's, or with that of the unchanged run: see `ct.inspect.compare`."""
        if other is None:
            other = self.fork()
            other.unchanged()
        return compare(self, other, steps)

    def unchanged(self) -> None:
        """Take every change back, and do the steps up to here again without them."""
        self._changes = []
        self._forget((1, 0))
        self._seek(self.step, END if self.done else 0, again=True)

    # ---- asking ------------------------------------------------------------------------------------------------------
    def explain(self, *what: Any, **how: Any) -> Any:
        """Explain a number of this step: see `Trace.explain`. It finishes a step under way in a fork."""
        if self.done or not self.finite:
            return self.trace().explain(*what, **how)
        other = self.fork()
        other.breaks = []
        other.next_step()
        return other.explain(*what, **how)

    def stop_when(self, given: str | Callable) -> Break:
        """Let `run`, `next_step` and `next_epoch` stop when a condition holds: a text (breakpoints.py has the forms,
        such as "nan", "gradient > 10", "dead relu 10", "layer1.weight[0, 1] crosses 0") or a function of the session.
        `s.breaks.remove(...)` takes it away."""
        new = condition(given)
        new.begin(self)
        self.breaks.append(new)
        return new

    # ---- changing ----------------------------------------------------------------------------------------------------
    def set(self, name: str, index: Any, value: Any) -> Change:
        """Give a weight (or a buffer, or state of the optimizer) another value, now. index: its place; () is all."""
        name = self._changeable(name)
        index = index if isinstance(index, tuple) else (index,)
        array = self._standing()[name]
        old = part_of(array, name, index).copy()
        try:
            value = np.broadcast_to(np.asarray(value, array.dtype), old.shape).copy()
        except (TypeError, ValueError):
            raise ArgumentError(f"{label(name, index)} has shape {old.shape}: {value!r} does not fit") from None
        what = f"{label(name, index)} = {short(value)}, was {short(old)}"
        return self._change(Change(self._here, self._here, what, None, name, index, value))

    def freeze(self, name: str, *index: Any) -> Change:
        """Keep a parameter, or one of its weights, as it is: instructions of the program take back its update. Its
        gradient is still computed and still counts in clipping and the optimizer's averages."""
        return self._fix(name, index, 1, f"{label(name, index)} is frozen")

    def unfreeze(self, name: str, *index: Any) -> Change:
        """Let a frozen parameter, or one of its weights, be trained again."""
        return self._fix(name, index, 0, f"{label(name, index)} is trained again")

    def kill(self, layer: str, neuron: int) -> Change:
        """Hold a neuron's activation (a filter's, in a convolution) at 0: nothing after it hears it, and no gradient
        goes through it. Recurrent units cannot be killed alone."""
        return self._silence(layer, neuron, True)

    def revive(self, layer: str, neuron: int) -> Change:
        """Let a killed neuron work again."""
        return self._silence(layer, neuron, False)

    def use(self, optimizer: Optimizer) -> Change:
        """Go on with another optimizer, or another learning rate. State of the same name and shape is kept, other
        state begins at zero, or as the optimizer says; the step number goes on, so that Adam's bias correction takes
        fresh averages for old ones."""
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(f"optimizer must be one of ct.optim's, such as ct.optim.AdamW(1e-3), got {optimizer!r}")
        optimizer = optimizer.for_run(self.steps)
        shapes = [part.shape for part in self._recorder.parameters.values()]
        kept = [name for name in optimizer.state_names if all(
                self._planned.optimizer.layout(shape).get(name) == optimizer.layout(shape)[name] for shape in shapes)]
        fresh = [name for name in optimizer.state_names if name not in kept]
        begin = "zero" if type(optimizer).start is Optimizer.start else "its start"
        state = [f"{', '.join(kept)} kept"] * bool(kept) + [f"{', '.join(fresh)} from {begin}"] * bool(fresh)
        what = f"the optimizer is {optimizer!r}" + (f" ({'; '.join(state)})" if state else "")
        return self._set_up(replace(self._planned, optimizer=optimizer), what)

    @property
    def lr(self) -> float:
        """The learning rate of this step. Assigning another is a change: `s.lr = 0.01`."""
        return self.optimizer.rate(self.step)

    @lr.setter
    def lr(self, rate: float) -> None:
        self._set_up(replace(self._planned, optimizer=replace(self._planned.optimizer, lr=rate)), f"lr = {rate!r}")

    def _fix(self, name: str, index: tuple, fixed: int, what: str) -> Change:
        name = self._changeable(name, parameters=True)
        part = self._recorder.parameters[name]
        mask = np.zeros(self.model.theta.shape, np.uint8) if self._planned.fixed is None else self._planned.fixed.copy()
        own = mask[part.lo : part.hi].reshape(part.shape)
        part_of(own, name, index)
        own[index or ...] = fixed
        return self._set_up(replace(self._planned, fixed=mask if mask.any() else None), what)

    def _silence(self, layer: str, neuron: int, dead: bool) -> Change:
        width = activations(self.program, layer)[0][1].shape[-1]
        if not is_whole(neuron, 0, width - 1):
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

    def _changeable(self, name: str, parameters: bool = False) -> str:
        """Find the full name of something that can be changed."""
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

    # ---- showing -----------------------------------------------------------------------------------------------------
    def __str__(self) -> str:
        i, count = self.coming, len(self._recorder.program.instructions)
        where = "done" if self.done else "not finite" if not self.finite else f"instruction {self.at} of {count}"
        lines = [f"step {self.step} of {self.steps} (epoch {self.epoch} of {self.epochs}), {where}"]
        lines.append(f"next: {i.phase} {title(i)}: {formula(i)}" if i is not None else "there is no next instruction")
        shown = ((k, "not there yet" if v is None else short(v)) for k, v in self.watching().items())
        return "\n".join([*lines, *(f"{name} = {value}" for name, value in shown)])

    def __repr__(self) -> str:
        return f"Session(step {self.step} of {self.steps}, {self.at} instructions of it done)"
