"""A recurrent network that takes one time step after the other, and keeps its state in between."""

from __future__ import annotations

from collections import deque
from typing import Any, NoReturn

import numpy as np

from ..arguments import is_whole, whole_number
from ..autodiff import Tensor, ops
from ..errors import ArgumentError, CutawayError
from ..random import stream
from .carry import ONE_WAY, carrying
from .module import Module
from .recurrent import RecurrentLayer

#: How long the sequences are that a stream is tried on before it is given out.
TRIED = (2, 5)
#: Engines may differ by so much in what they give for a row alone and among others; the CPU engine does not at all.
NEAR = 1e-4


class StepModule(Module):
    """A network that reads one time step: (n, features + states) in, (n, outputs + the states after it) out.

    Its weights are those of `net`, not copies. `parts` says what lies where in a row's states: names such as
    "layer1.gru.h", and widths.
    """

    def __init__(self, net: Module, n_in: int) -> None:
        self.net, self.n_in = net, n_in

    @property
    def parts(self) -> dict[str, int]:
        """The names of all that is carried, in order, and how many numbers each is."""
        found: dict[str, int] = {}
        for name, layer in layers_of(self.net):
            for i in range(layer.layers):
                inner = f"{name}.l{i}" if layer.layers > 1 else name
                found |= {f"{inner}.{part}" if inner else part: layer.width for part in layer.parts}
        return found

    def forward(self, x: Tensor) -> Tensor:
        before: dict[int, list[Any]] = {}
        at = self.n_in
        for _, layer in layers_of(self.net):
            states = []
            for _ in range(layer.layers):
                parts = []
                for _ in layer.parts:
                    parts.append(x[:, at : at + layer.width])
                    at += layer.width
                states.append(parts[0] if len(parts) == 1 else tuple(parts))
            before[id(layer)] = states
        with carrying(before) as carry:
            y = self.net(x[:, None, : self.n_in])
        if not isinstance(y, Tensor):
            raise ArgumentError(f"a stream gives one array of outputs, and the network gives {type(y).__name__}")
        rows = [y if y.ndim == 2 else y.reshape(y.shape[0], -1)]
        for name, layer in layers_of(self.net):
            if id(layer) not in carry.after:
                raise ArgumentError(f"{name or 'the network'} ({layer!r}) reads nothing in a pass: take it out")
            for entry in carry.after[id(layer)]:
                rows += entry if isinstance(entry, tuple) else [entry]
        return ops.concat(rows, axis=-1)

    @property
    def theta(self) -> np.ndarray:
        """The network's own block of weights."""
        return self.net.theta

    @theta.setter
    def theta(self, values: np.ndarray) -> None:
        self.net.theta = values


class Stream:
    """One sequence, told step by step: `ct.predictor(network).stream()` makes it.

    `add(row)` gives what the network gives for the sequence up to this row, to the last bit (of the CPU engine), in
    microseconds however long it is; `reset()` begins another sequence. `state` is what is carried, as plain numbers
    that JSON takes: assign it to go on later, in another process too. A stream is for one thread at a time.

    prepared: the class Predictor, which does the computing. n_in: features of a row, where no layer says it.
    """

    def __init__(self, model: Module, prepared: Any, n_in: int | None = None, engine: str = "cpu") -> None:
        refuse_more_than_past(model)
        width = n_in if n_in is not None else next((m.n_in for _, m in model.named_modules() if hasattr(m, "n_in")), 0)
        if not is_whole(width, 1):
            raise ArgumentError("the network's first layer does not say how many features a row has: it must read rows "
                                "of numbers, such as a GRU does")
        self._step = StepModule(model, width)
        self._parts = self._step.parts
        self._predictor = prepared(self._step, np.zeros(width + sum(self._parts.values()), model.dtype), engine)
        self._form = self._predictor.form_of(np.zeros(width + sum(self._parts.values()), model.dtype))
        self._width, self._carried = width, sum(self._parts.values())
        self._outputs = int(self._form.spares[-1].answer.size) - self._carried
        self.reset()
        self._try(model, engine)

    def reset(self) -> None:
        """Begin another sequence."""
        self._state = np.zeros(self._carried, self._form.dtype)
        self.steps = 0

    def add(self, row: Any) -> np.ndarray:
        """Take the next row, `features` numbers, and give the raw outputs for the sequence so far."""
        x = np.asarray(row)
        if x.shape != (self._width,) or x.dtype.kind not in "fiub":
            raise ArgumentError(f"a stream takes one row of {self._width:,} numbers at a time, got "
                                f"{f'shape {x.shape}' if x.dtype.kind in 'fiub' else f'an array of {x.dtype}'}")
        spare = self._predictor.spare(self._form)
        spare.place[0, : self._width] = x
        return self.run(spare)

    def run(self, spare: Any) -> np.ndarray:
        """Compute on the row that lies in a place of `spare`."""
        spare.place[0, self._width :] = self._state
        spare.run()
        answer = spare.answer.reshape(-1).copy()
        self._form.spares.append(spare)
        self._state = answer[self._outputs :]
        self.steps += 1
        return answer[: self._outputs]

    def spare(self) -> Any:
        """Take the place for the next row: whoever writes it calls `run`."""
        return self._predictor.spare(self._form)

    @property
    def state(self) -> dict[str, Any]:
        """How many steps were taken, and each layer's h (of an LSTM c, too) after the last, as lists of numbers."""
        ends = np.cumsum(list(self._parts.values()))[:-1]
        values = np.split(self._state, ends)
        return {"steps": self.steps, **{name: part.tolist() for name, part in zip(self._parts, values, strict=True)}}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._state, self.steps = self.checked(state)

    def checked(self, state: Any) -> tuple[np.ndarray, int]:
        """The numbers of a state that `state` gave. Raises ArgumentError for that of another network."""
        wanted = ["steps", *self._parts]
        if not isinstance(state, dict) or sorted(map(str, state)) != sorted(wanted):
            got = ", ".join(map(str, state)) if isinstance(state, dict) else type(state).__name__
            raise ArgumentError(f"a state of this stream is a dict of {', '.join(wanted)}, got {got:.200}")
        if not is_whole(state["steps"], 0):
            raise ArgumentError(f"steps of a state is a whole number from 0 on, got {state['steps']!r:.40}")
        parts = []
        for name, width in self._parts.items():
            try:
                part = np.asarray(state[name], np.float64)
            except (TypeError, ValueError):
                part = np.zeros(0)
            if part.shape != (width,) or not np.isfinite(part).all():
                raise ArgumentError(f"{name} of a state is a list of {width} finite numbers, got {state[name]!r:.60}")
            parts.append(part)
        return np.concatenate(parts).astype(self._form.dtype), int(state["steps"])

    def _try(self, model: Module, engine: str) -> None:
        """Raise ArgumentError where the network sees more of a sequence than the rows so far, however it does that."""
        rows = stream(0, "stream").standard_normal((TRIED[-1], self._width)).astype(self._form.dtype)
        given = [self.add(row) for row in rows]
        self.reset()
        for steps in TRIED:
            try:
                whole = np.asarray(model.predict(rows[None, :steps], 1, engine, threads=1))[0]
            except CutawayError as reason:
                raise ArgumentError(f"the network does not read sequences of {steps} steps: {reason}") from reason
            last = whole[-1] if whole.shape == (steps, self._outputs) else whole.reshape(-1)
            if last.shape != given[steps - 1].shape or not np.allclose(last, given[steps - 1], NEAR, NEAR):
                raise ArgumentError(f"{NOT_CAUSAL}: {ways_out()}")

    def __reduce__(self) -> NoReturn:
        raise ArgumentError("a stream is prepared for this process alone: keep its `state`, and assign it to another "
                            "stream of the same network")

    def __repr__(self) -> str:
        return f"Stream({type(self._step.net).__name__}, {self.steps:,} steps so far)"


NOT_CAUSAL = "the network sees more of a sequence at once than a state can hold, so that no row can be added to it"


def ways_out() -> str:
    """What to do with a network that has no state, or whose state is no use."""
    return f"fit it with {ONE_WAY}, or ask for stream(window=50), where each answer is computed over so many last rows"


def layers_of(model: Module) -> list[tuple[str, RecurrentLayer]]:
    """The recurrent layers of a network, each once."""
    return list({id(m): (name, m) for name, m in model.named_modules() if isinstance(m, RecurrentLayer)}.values())


def refuse_more_than_past(model: Module) -> None:
    """Raise ArgumentError for layers that need rows which are still to come, or all rows at once."""
    for name, layer in model.named_modules():
        at = f"{name} ({type(layer).__name__})" if name else type(layer).__name__
        if isinstance(layer, RecurrentLayer) and layer.bidirectional:
            raise ArgumentError(f"{at} reads both ways, and a stream does not know the last row: {ways_out()}")
        if "Pool" in type(layer).__name__ or getattr(layer, "window", (1,)) != (1,):
            raise ArgumentError(f"{at} sees many rows at once, of which a recurrent layer's state tells nothing: "
                                f"{ways_out()}")
        if getattr(layer, "embeds", False):
            raise ArgumentError(f"{at} looks tokens up, and a stream takes rows of numbers")
    if not layers_of(model):
        raise ArgumentError(f"the network has no recurrent layer whose state could be carried: {ways_out()}")



class WindowStream:
    """One sequence, told step by step, of which each answer is computed over the last `window` rows anew.

    It has the methods of `Stream`, for any network or estimator: `ask` is its predictor.
    """

    def __init__(self, ask: Any, window: int) -> None:
        self.window = whole_number("window", window)
        self._ask = ask
        self.reset()

    def reset(self) -> None:
        """Begin another sequence."""
        self._rows: deque[np.ndarray] = deque(maxlen=self.window)
        self.steps = 0

    def add(self, row: Any, **how: Any) -> Any:
        """Take the next row, and give what the predictor gives for the last rows; `how` goes to it, as proba=True."""
        x = np.asarray(row, np.float64)
        if x.ndim != 1:
            raise ArgumentError(f"a stream takes one row of numbers at a time, got shape {x.shape}")
        rows = np.stack([*self._rows, x][-self.window :])
        answer = self._ask(rows, **how)
        self._rows.append(x)
        self.steps += 1
        return answer

    @property
    def state(self) -> dict[str, Any]:
        """How many rows were taken, and the last ones, as lists of numbers; None for gaps."""
        rows = [[None if v != v else v for v in row.tolist()] for row in self._rows]
        return {"steps": self.steps, "rows": rows}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        if not isinstance(state, dict) or set(state) != {"steps", "rows"} or not is_whole(state["steps"], 0):
            raise ArgumentError(f"a state of this stream is a dict of steps and rows, got {state!r:.100}")
        self._rows = deque((np.asarray(row, np.float64) for row in state["rows"]), maxlen=self.window)
        self.steps = int(state["steps"])

    def __repr__(self) -> str:
        return f"WindowStream(the last {self.window:,} rows, {self.steps:,} so far)"
