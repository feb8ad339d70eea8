"""Evidence: what the symptoms look at. A sample of rows through the training program, now and at snapshots of a run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ... import losses
from ...data import TableEncoder
from ...engines import compile
from ...optim import SGD, Optimizer
from ...program import Snapshot, State, evaluated
from ...random import stream
from ...text import printable
from ...train.feeding import Data
from ...train.run import Run
from ..traces.recorder import Recorder
from ..traces.trace import Trace

PROBE_BYTES = 2**26  # of the values of all sampled rows together
NUMBERS = (losses.mse, losses.half_mse, losses.mae, losses.huber)
MOST_MOMENTS = 8  # snapshots whose next step is done again
MOST_COUNTED = 4000  # rows whose answers are counted by class: they only go forward


@dataclass(frozen=True)
class Moment:
    """A step of the run, done again: ‖Δθ‖ / ‖θ‖ of its matrices by name, and J of its batch before and after."""

    step: int
    ratios: dict[str, float]
    J: float
    J_after: float


class Evidence:
    """A network, its data, and the run that trained it if there is one; everything else is found when asked for.

    learnt: numbers of the training rows of data, all if None. held_out: rows that the run did not learn from. names: of
    the columns of X. rows: at most so many of the training rows are looked at. owner: the estimator that the network
    belongs to, which knows the table's columns and classes.
    """

    def __init__(self, model: Any, data: Data, loss: str | Callable, optimizer: Optimizer | None,
                 run: Run | None = None, held_out: Data | None = None, names: list[str] | None = None,
                 rows: int = 1000, learnt: np.ndarray | None = None, owner: Any = None) -> None:
        self.model, self.data, self.loss, self.optimizer = model, data, losses.get(loss), optimizer
        self.names, self.owner = names, owner
        self.run: Any = run  # symptoms that look at these say that they need them
        self.past: Any = None if run is None else run.past
        self.learnt = np.arange(len(data)) if learnt is None else learnt
        self.held_out: Any = None if held_out is None else held_out.rows(_some(len(held_out), rows))
        self.sample = data.rows(self.learnt[_some(len(self.learnt), rows)])

    # ---- what can be looked at ---------------------------------------------------------------------------------------
    def lacks(self, need: str) -> str | None:
        """Say why this cannot be looked at: None if it can, "" where it has no meaning for this problem."""
        present, why = {
            "run": (lambda: self.run is not None, "takes the run that ct.fit returned"),
            "trained": (lambda: self.trained, "the network is not trained yet"),
            "finite": (lambda: self.finite, "the loss is not finite"),
            "held out": (lambda: self.held_out is not None, "takes validation=(Xv, yv), rows not learnt from"),
            "table": (lambda: self.table is not None, ""),
            "classes": (lambda: self.labels is not None, ""),
            "numbers": (lambda: self.loss in NUMBERS, ""),
            "constant": (lambda: self.constant > 0, "the loss of a constant is not known here"),
        }[need]
        return None if present() else why

    @cached_property
    def trained(self) -> bool:
        """Whether training changed the weights: known from the run, else told by biases, which start at zero."""
        if self.run is not None:
            return len(self.run.steps) > 0
        biases = [p.data for name, p in self.model.named_parameters() if name.endswith("bias") and p.data.ndim == 1
                  and p.requires_grad]
        norms = [m for _, m in self.model.named_modules() if hasattr(m, "eps")]  # their bias starts at zero too
        return not biases or any(b.any() for b in biases) or (bool(norms) and len(biases) == len(norms))

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.loss_now))

    @cached_property
    def table(self) -> np.ndarray | None:
        """The sampled rows of X where they are a table of numbers, (n, features)."""
        parts = list(self.sample.inputs.arrays.values())
        one = len(parts) == 1 and parts[0].ndim == 2 and not self.model.takes_integers()
        return parts[0].astype(np.float64) if one else None

    @cached_property
    def labels(self) -> np.ndarray | None:
        """The sampled rows' classes, (n,)."""
        return self._labels(self.sample.y)

    def _labels(self, y: np.ndarray) -> np.ndarray | None:
        if self.loss is losses.cross_entropy:
            return y if y.ndim == 1 else y.argmax(1)
        if self.loss is losses.binary_cross_entropy and y.size == len(y):
            flat = y.reshape(-1)
            return flat.astype(np.int64) if np.isin(flat, (0, 1)).all() else None
        return None

    @cached_property
    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """The classes, and the predicted ones, of more rows than are sampled: the sample has few of a rare class."""
        some = self.data.rows(self.learnt[_some(len(self.learnt), max(MOST_COUNTED, len(self.sample)))])
        z, labels = self._predict(some), self._labels(some.y)
        assert labels is not None
        return labels, z.argmax(1) if self.loss is losses.cross_entropy else (z.reshape(-1) > 0).astype(np.int64)

    def column(self, k: int) -> str:
        return self.names[k] if self.names is not None else f"column {k}"

    @property
    def width(self) -> int:
        """Features of the table."""
        return 0 if self.table is None else self.table.shape[1]

    @property
    def codes(self) -> list[int]:
        """Which columns of X hold codes that an estimator's network looks up."""
        return list(getattr(getattr(self.owner, "encoder_", None), "codes", ()))

    @cached_property
    def columns(self) -> dict[str, slice]:
        """The features of each column of the table: an estimator knows them, else every column is one feature."""
        if self.owner is not None and isinstance(self.owner.encoder_, TableEncoder):
            from ...estimators.importance import feature_slices

            return {printable(name): features for name, features in feature_slices(self.owner.encoder_).items()}
        return {self.column(k): slice(k, k + 1) for k in range(self.width)}

    def label(self, k: int) -> str:
        """The name of a class where an estimator knows it, else its number."""
        classes = getattr(self.owner, "classes_", None)
        return str(k) if classes is None or not 0 <= k < len(classes) else printable(classes[k])

    def learnt_from(self, most: int) -> Data:
        """Take rows that training saw: the run's own where there is one."""
        if self.past is not None:
            return self.past.data.rows(self.past.rows[:most])
        return self.data.rows(self.learnt[:most])

    # ---- the loss, and that of a constant ----------------------------------------------------------------------------
    @cached_property
    def outputs(self) -> np.ndarray:
        return self._predict(self.sample)

    @cached_property
    def loss_now(self) -> float:
        """The loss on the sampled training rows, as in evaluation (no dropout)."""
        return self._loss(self.outputs, self.sample)

    @cached_property
    def loss_held_out(self) -> float:
        assert self.held_out is not None
        return self._loss(self._predict(self.held_out), self.held_out)

    @cached_property
    def doubt_held_out(self) -> float:
        """The standard error of the held-out loss, from ten parts of the rows."""
        parts = np.array_split(np.arange(len(self.held_out)), min(10, len(self.held_out)))
        z = self._predict(self.held_out)
        each = [self._loss(z[part], self.held_out.rows(part)) for part in parts]
        return float(np.std(each, ddof=1) / np.sqrt(len(each))) if len(each) > 1 else float("inf")

    @property
    def share(self) -> float:
        """The loss as a share of that of the best constant prediction; 1 where that is not known."""
        return self.loss_now / self.constant if self.constant > 0 else 1.0

    @cached_property
    def constant(self) -> float:
        """The loss of the best constant prediction on the sampled rows, NaN for a loss of one's own, and where all
        these rows have one target."""
        y, w = self.sample.y, self.sample.weight
        w = np.ones(len(y)) if w is None else w / w.mean()
        if (y == y[:1]).all():  # of a rare class no sampled row: always giving the same answer is right
            return float("nan")
        if self.loss in (losses.cross_entropy, losses.binary_cross_entropy):
            if self.loss is losses.cross_entropy and y.ndim == 1:
                p = np.bincount(y, w) / w.sum()
                return float(-np.sum(p[p > 0] * np.log(p[p > 0])))
            p = np.clip(np.average(y.reshape(len(y), -1), axis=0, weights=w), 1e-12, 1 - 1e-12)
            each = -p * np.log(p)
            if self.loss is losses.cross_entropy:
                return float(each.sum())
            return float((each - (1 - p) * np.log(1 - p)).mean())
        if self.loss not in losses.LOSSES.values():
            return float("nan")
        flat = y.reshape(len(y), -1).astype(np.float64)
        middle = np.median(flat, 0) if self.loss is losses.mae else np.average(flat, axis=0, weights=w)
        return self._loss(np.broadcast_to(middle, flat.shape).reshape(y.shape), self.sample)

    def _loss(self, z: np.ndarray, data: Data) -> float:
        options = {} if data.weight is None else {"weight": (data.weight / data.weight.mean()).astype(z.dtype)}
        with np.errstate(over="ignore", invalid="ignore"):  # evidence, finite or not
            return evaluated(self.loss, np.ascontiguousarray(z), data.y, **options)

    def _predict(self, data: Data) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # evidence, finite or not
            return self.model.predict(data.inputs)

    # ---- a sample through the training program -----------------------------------------------------------------------
    @cached_property
    def now(self) -> Trace:
        """A step on the sampled rows (fewer where their values would fill the memory), with the weights as they are."""
        return self._probe(State(self.model))

    @cached_property
    def start(self) -> Trace:
        """A step like `now` with the weights from before the first step, or as they are where no step is known."""
        first = self.past.snapshots[:1] if self.past is not None else []
        return self._probe(first[0]) if first and not first[0]["t"] else self.now

    @cached_property
    def _recorder(self) -> Recorder:
        model = copy.deepcopy(self.model)
        weighted = self.sample.weight is not None
        few = self.sample.rows(np.arange(min(len(self.sample), 8)))
        for _ in range(2):  # on a few rows, to see how much memory a row takes, then on as many as fit
            program = compile(model, self.loss, self.optimizer or SGD(0.0), len(few), few.inputs, few.y,
                              weighted=weighted, keep_all=True, threads=1)
            each = max(program.engine.needs.bytes // len(few), 1)
            wanted = min(len(self.sample), max(PROBE_BYTES // each, 8))
            if wanted <= len(few):
                break
            few = self.sample.rows(np.arange(wanted))
        program.feed(few.inputs, few.y, few.weight)
        return Recorder(program)

    def _probe(self, of: Mapping[str, Any]) -> Trace:
        """Trace a first step on the sampled rows, with the weights and buffers of a state or a snapshot."""
        program = self._recorder.program
        State(program.model).put(of)
        program.state.t = 0
        with np.errstate(all="ignore"):  # evidence, finite or not
            return self._recorder.step()

    # ---- the run, done again in parts --------------------------------------------------------------------------------
    @cached_property
    def _replay(self) -> Any:
        """The run's own program on a copy of its model, fed; None where its data did not fit into memory."""
        past = self.past
        if past is None or not past.resident or not past.snapshots:
            return None
        engine = self.run.program.engine
        return past.feed(past.program(copy.deepcopy(self.model), engine.name, engine.threads))

    def _go_to(self, step: int) -> None:
        """Bring the replay from where it is to after `step` steps."""
        past, state = self.past, self._replay.state
        while state.t < step:
            epoch, k = divmod(state.t, past.steps)
            todo = min(step - state.t, past.steps - k)
            if len(self._replay.run(past.order(epoch + 1)[k * past.batch_size :], steps=todo)) < todo:
                return  # not finite

    @cached_property
    def moments(self) -> list[Moment]:
        """Some steps from all over the run, with the sizes of their updates."""
        program, past = self._replay, self.past
        if program is None:
            return []
        chosen = [s for s in past.snapshots if s["t"] < len(self.run.steps)]
        chosen = [chosen[i] for i in np.unique(np.linspace(0, len(chosen) - 1, MOST_MOMENTS).round().astype(int))]
        return [moment for s in chosen if (moment := self._moment(s)) is not None]

    def _moment(self, snapshot: Snapshot) -> Moment | None:
        program, past = self._replay, self.past
        program.state.put(snapshot)
        before = [p.data.copy() for p in program.model.parameters()]
        batch = past.order(past.epoch_of(snapshot))[: past.batch_size]
        J = program.run(batch, steps=1)
        if not len(J):
            return None
        ratios = {name: norm(p.data - old) / max(norm(old), 1e-30)
                  for (name, p), old in zip(program.model.named_parameters(), before, strict=True)
                  if p.ndim > 1 and p.requires_grad}
        program.state.t -= 1  # the same masks of dropout, to compare J
        again = program.run(batch, steps=1)
        return Moment(snapshot["t"] + 1, ratios, float(J[0]), float(again[0]) if len(again) else float("inf"))

    def ratio(self, name: str = "") -> float:
        """The median over the run of ‖Δθ‖ / ‖θ‖, of one matrix or of the median matrix; NaN if unknown."""
        every = [m.ratios[name] if name else float(np.median([*m.ratios.values()])) for m in self.moments if m.ratios]
        return float(np.median(every[1:] or every)) if every else float("nan")

    def began(self, shows: Callable[[Trace], bool]) -> int | None:
        """Find the step after which a trace of the sample first shows something that it shows now, by bisection.

        First among the snapshots, then among the steps between two of them, which are done again: together no more
        steps than lie between them. 0: before the first step. None: no run, or it began before what is remembered.
        """
        if self.past is None or not self.past.snapshots:
            return None
        end = self.run.best_epoch * self.past.steps if self.run.best_epoch else len(self.run.steps)
        known = [s for s in self.past.snapshots if s["t"] < end]
        if not known:
            return None
        low, high = -1, len(known)
        while high - low > 1:
            mid = (low + high) // 2
            low, high = (low, mid) if shows(self._probe(known[mid])) else (mid, high)
        if low < 0:
            return 0 if not known[0]["t"] else None
        first, last = known[low]["t"], known[high]["t"] if high < len(known) else end
        if self._replay is None:
            return last
        good = known[low]
        while last - first > 1:
            mid = (first + last) // 2
            self._replay.state.put(good)
            self._go_to(mid)
            if shows(self._probe(self._replay.state)):
                last = mid
            else:
                first, good = mid, self._replay.state.copy()
        return last


def _some(n: int, most: int) -> np.ndarray:
    """Choose row numbers: all, or `most` drawn by chance, always the same."""
    return np.arange(n) if n <= most else np.sort(stream(0, "diagnose").choice(n, most, replace=False))


def norm(a: np.ndarray) -> float:
    """The length of an array's numbers as one vector, ‖a‖."""
    return float(np.sqrt(np.square(a, dtype=np.float64).sum()))
