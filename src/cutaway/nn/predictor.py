"""Predictor: a network prepared to be asked for one sample at a time, thousands of times a second."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from .. import changes
from ..autodiff import Tensor
from ..engines import Program, evaluator, example_input
from ..errors import ArgumentError, ShapeError
from ..named_inputs import NamedInputs
from ..sequences import Sequences
from .module import Module
from .tree import details

MOST = 64  # forms of a sample, lengths of a sequence above all, for which a predictor keeps itself prepared


class Form:
    """What arrays look like that are one sample. `spares`: places for one, none of which is at work."""

    __slots__ = ("dtype", "sample", "shape", "spares")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, sample: tuple[int, ...]) -> None:
        self.shape, self.dtype, self.sample = shape, dtype, sample  # sample: the shape without the axis of rows
        self.spares: list[Spare] = []


class Spare:
    """Memory for one call at a time: where the sample goes, what computes, and where the answer is then."""

    __slots__ = ("answer", "place", "program", "row", "run", "seen")

    def __init__(self, program: Program, form: Form, seen: int) -> None:
        self.program, self.seen = program, seen
        inputs, outputs, self.run = program.engine.standing(1)
        (self.place,) = inputs.values()
        self.row = self.place.reshape(-1).data  # the same memory, for single numbers
        self.answer = outputs[0] if form.shape == form.sample and len(outputs) == 1 else outputs


class Predictor:
    """A network that is prepared once and called often, with one sample: `ct.predictor(model)` makes it."""

    def __init__(self, model: Module, example: Any = None, engine: str = "cpu") -> None:
        self.model, self.engine = model, engine
        self._lock = threading.Lock()
        self._details: tuple = ()
        self._programs: dict[tuple, Program] = {}
        self._forms: dict[tuple, Form] = {}
        self._form: Form = Form((-1,), np.dtype(np.float32), ())  # the last one; at first one that nothing has
        self._sample: tuple[int, ...] | None = None
        if example is not None:
            self(example)
            return
        with suppress(Exception):  # the first layer may say what the network takes; if not, the first sample does
            self(np.asarray(example_input(model))[0])

    def __call__(self, x: Any, proba: bool = False) -> np.ndarray:
        """Compute the network's raw outputs for one sample, as `model.predict` does for a row.

        x: an array or list in the shape of a sample, or of a batch of one, which gives a batch of one. Of a network
        of several inputs: a tuple of them, or a dict by the names that its forward has. proba: refused, since a network
        does not know what its outputs stand for; the predictor of a ct.Classifier does.
        """
        if proba:
            raise ArgumentError("proba=True is for the predictor of a ct.Classifier: a network gives raw outputs, such "
                                "as logits, and does not know what they stand for")
        form = self._form
        if type(x) is not np.ndarray or x.dtype is not form.dtype or x.shape != form.shape:
            if isinstance(x, dict | tuple | Sequences):
                return self._of_parts(x)
            x = self._array(x)
            form = self.form_of(x)
        spare = self.spare(form)
        spare.place[...] = x
        spare.run()
        answer = spare.answer.copy()
        form.spares.append(spare)
        return answer

    def spare(self, form: Form) -> Spare:
        """Take a place for one call out of those of a form; whoever takes it puts it back into `form.spares`."""
        try:
            spare = form.spares.pop()
        except IndexError:  # others are at work in all there are
            return self._prepared(form)
        return spare if spare.seen == changes.latest else self._prepared(form)

    def stream(self, window: int | None = None) -> Any:
        """One sequence that is told row by row, in microseconds each: its state is carried (a `Stream`).

        window: compute each answer over so many last rows instead, for a network that cannot carry a state.
        Raises ArgumentError for a network that sees more of a sequence than the rows so far.

        >>> import numpy as np, cutaway as ct
        >>> net = ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(3, 8)), ct.nn.Linear(8, 2)).init(0)
        >>> rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
        >>> stream = ct.predictor(net).stream()
        >>> answers = [stream.add(row) for row in rows]
        >>> bool((answers[-1] == net.predict(rows[None])[0]).all())
        True
        """
        from .stream import Stream, WindowStream

        return Stream(self.model, Predictor, None, self.engine) if window is None else WindowStream(self, window)

    # ---- what is not done often ------------------------------------------------------------------------------------
    def _array(self, x: Any) -> np.ndarray:
        """Make a sample an array of numbers."""
        array = x.data if isinstance(x, Tensor) else np.asarray(x)
        if array.dtype.kind not in "fiub":
            raise ArgumentError(f"a network takes numbers, not an array of {array.dtype}: encode text and dates first")
        return array

    def form_of(self, x: np.ndarray) -> Form:
        """Find the form of an array, and whether it is a sample or a batch of one; know it from now on."""
        key = x.shape, x.dtype.str
        form = self._forms.get(key)
        if form is None:
            alone = self._sample is not None and x.ndim == len(self._sample) + 1 and len(x) == 1
            form = Form(x.shape, x.dtype, x.shape[1:] if alone else x.shape)
            try:
                form.spares.append(self._prepared(form))
            except ShapeError as error:
                if self._sample is None or x.ndim == len(self._sample):
                    raise
                raise ShapeError(f"{error}. A predictor takes one sample, here of shape {self._sample}, got an array "
                                 f"of shape {x.shape}: for many rows write model.predict(X)") from None
            if len(self._forms) >= MOST:
                self._forms.clear()
            self._forms[key] = form
            if self._sample is None:
                self._sample = form.sample
        self._form = form
        return form

    def _prepared(self, form: Form) -> Spare:
        """Make a place for one call, after another look at the network, which may have changed."""
        with self._lock:
            seen = changes.latest
            now = details(self.model)
            if now != self._details:
                self._details = now
                self._programs.clear()
            key = form.sample, form.dtype.kind
            program = self._programs.get(key)
            if program is None:
                row = np.zeros((1, *form.sample), form.dtype)
                if len(self._programs) >= MOST:
                    self._programs.clear()
                program = self._programs[key] = evaluator(self.model, row, self.engine, 1, 1)
            return Spare(program.twin(self.model), form, seen)

    def _of_parts(self, x: Any) -> np.ndarray:
        """Ask a network of several inputs, or of sequences with their lengths."""
        if isinstance(x, Sequences):
            return self.model.predict(x, 1, self.engine)
        return self.model.predict(NamedInputs.of(x).each(_as_row), 1, self.engine)[0]

    def __reduce__(self) -> NoReturn:
        raise ArgumentError("a predictor is prepared for this process alone: pickle or copy the network, and call "
                            "ct.predictor(network) where it is to be asked")

    def __repr__(self) -> str:
        shape = "" if self._sample is None else f" for samples of shape {self._sample}"
        return f"Predictor({type(self.model).__name__}{shape})"


def _as_row(part: Any) -> Any:
    return np.asarray(part)[None]
