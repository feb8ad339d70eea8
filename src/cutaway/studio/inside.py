"""Looking into a run: a step, its batch, a row, a unit, a weight, where its gradient and its update come from, and the
weight over all steps. Every number is one that the run's own program wrote, or writes again to the same bits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..inspect import Session, Trace, session_of
from ..inspect.traces.listing import cells, title
from ..program import gradient_name
from ..report.columns import columns
from ..report.explanations import explained
from ..text import jsonable, short
from .landscape import PathPlane
from .limits import (
    MAP_WIDTH,
    MOST_DRAWN,
    MOST_MAPS,
    MOST_POINTS_OF_COURSE,
    MOST_ROWS,
    MOST_TRACES,
    MOST_UNITS,
)
from .planes import InputsPlane, plane_of, regions
from .training import RunTraining, kept_start
from .weights import input_name, weights_of

ANSWERED = ("binary", "multiclass", "regression")  # tasks whose answers are shown: one class or number a row
STRETCH = 1000  # steps that are done at a time while somebody may be waiting
NEAR = 30  # steps between two points of a course that are done one by one; others are jumped over


class Inside:
    """What a person looks through at one future of a run: the run itself, or a fork of it."""

    def __init__(self, training: RunTraining, session: Session) -> None:
        self.training, self.session = training, session
        self.lock = threading.RLock()
        self._traces: OrderedDict[int, Trace] = OrderedDict()
        self._walker: Session | None = None
        self._walking = threading.Lock()
        self.plane: PathPlane | None = None

    @classmethod
    def on(cls, training: RunTraining) -> Inside:
        if training.run is None:
            raise ArgumentError("this run has not begun to train: there is no step to look at")
        return cls(training, session_of(training.run, kept_start(training.folder)))

    @property
    def done(self) -> int:
        """The number of steps that there are to look at."""
        run = self.training.run
        assert run is not None
        return len(run.steps) + (not run.program.engine.finite)

    def at(self, step: int) -> Trace:
        """Trace a step; the last few are kept."""
        if not 1 <= step <= self.done:
            raise ArgumentError(f"step {step:,} is not there: this run has done steps 1 to {self.done:,}")
        with self.lock:
            if step not in self._traces:
                self.session.goto(step)
                self.session.next_step()
                self._traces[step] = self.session.trace()
                while len(self._traces) > MOST_TRACES:
                    self._traces.popitem(last=False)
            self._traces.move_to_end(step)
            return self._traces[step]

    def warm(self) -> None:
        """Do the run again once, in stretches, so that there are snapshots near every step when somebody asks."""
        step = STRETCH
        while step < self.done:
            with self.lock:
                self.session.goto(step)
            step += STRETCH

    # ---- from a step down to a number --------------------------------------------------------------------------------
    def step(self, step: int) -> dict[str, Any]:
        """Describe a step: J, its batch with the file's own cells, its layers, how far each parameter moved."""
        t = self.at(step)
        head, rows = cells(t)
        losses = t["ℓ"] if "ℓ" in t.facts and t.keeps("ℓ") else None
        some = list(t.about.rows[:MOST_ROWS])
        each = [None] * len(some) if losses is None or np.ndim(losses) != 1 else losses[: len(some)].tolist()
        named, table = self._file_rows(some)
        return jsonable({
            "step": step, "steps": self.session.steps, "done": self.done, "epoch": t.about.epoch, "J": t.J,
            "lr": t.about.lr, "title": title(t), "finite": t.about.finite, "size": len(t.about.rows),
            "head": named, "rows": [{"place": k, "row": row, "cells": cells_, "loss": each[k]}
                                    for k, (row, cells_) in enumerate(zip(self.names(some), table, strict=True))],
            "listing": {"head": list(head), "rows": [list(row) for row in rows]}, "updates": self._updates(t),
            "layers": [_layer(t, c) for c in columns(t)], "plane": self.inputs_plane.there, "views": self.views,
        })

    def row(self, step: int, place: int) -> dict[str, Any]:
        """Describe a row of a batch: its cells in the file, what the network was given, and every unit's answer."""
        t = self.at(step)
        self.check(place, len(t.about.rows), "row of the batch")
        number = int(t.about.rows[place])
        head, (table,) = self._file_rows([number], 10**6)
        x = t["x"][place] if "x" in t.facts and t.keeps("x") else None
        names = self.study.estimator.encoded_names
        given = None
        if x is not None and x.ndim == 1:
            given = [[names[k] if names else f"x{k}", value] for k, value in enumerate(x.tolist())]
        picture = x.tolist() if x is not None and x.ndim in (2, 3) and x.size <= 20_000 else None
        y = self.study.rows(0)[1].iloc[number]
        return jsonable({
            "step": step, "place": place, "row": self.names([number])[0], "head": head, "cells": table,
            "target": [[str(name), _cell(value)] for name, value in zip(
                self.study.problem.targets, np.atleast_1d(np.asarray(y, object)).tolist(), strict=False)],
            "given": given, "picture": picture, "plane": self.inputs_plane.there,
            "inputs": self.study.problem.kind.name, "views": self.views,
            "loss": _one(t, "ℓ", place),
            "layers": [_units(t, c, place, self.study.problem.kind.name != "table") for c in columns(t)],
        })

    def unit(self, step: int, place: int, name: str, unit: tuple[int, ...]) -> dict[str, Any]:
        """Describe a unit for a row: where its value comes from, and its weights (weights.py)."""
        t = self.at(step)
        index = (place, *unit)
        gradient = gradient_name(name)
        part = t.facts.get(gradient)
        column = next((c for c in columns(t) if name in c["values"]), None)
        value, names = _number(t, name, index), self.study.estimator.encoded_names
        reads, weights = weights_of(t, column, name, index, names) if column else (False, [])
        return jsonable({
            "step": step, "place": place, "name": name, "unit": list(unit), "value": value,
            "gradient": _number(t, gradient, index) if part else None, "reads": reads, "weights": weights,
            "input": input_name(t, name, index, names) if names else "",
            "blocks": [block for one in (column["values"] if column else [name])
                       if t.facts[one].shape == t.facts[name].shape for block in explained(t, one, index, "value")],
            "layer": column["label"] if column else "",
            "back": explained(t, name, index, "gradient") if part and t.about.finite else [],
        })

    def weight(self, step: int, name: str, index: tuple[int, ...]) -> dict[str, Any]:
        """Describe a weight in a step: its gradient by the chain rule, and its update in parts."""
        t = self.at(step)
        if name not in t.parameters:
            raise ArgumentError(f"there is no weight {name!r:.60}: there are {', '.join(t.parameters)}")
        finite = t.about.finite and t.parameters[name].trained
        return jsonable({
            "step": step, "name": name, "index": list(index), "shape": list(t.parameters[name].shape),
            "value": _number(t, name, index), "gradient": explained(t, name, index, "gradient") if finite else [],
            "update": explained(t, name, index, "update") if finite else [],
        })

    def course(self, name: str, index: tuple[int, ...]) -> dict[str, Any]:
        """Give a weight's value after each step, or after evenly spread ones: the run is done again for it."""
        steps = self.spread(MOST_POINTS_OF_COURSE)
        values = list(self.along(steps, lambda walker: float(walker.look(name, index)),
                                 lambda walker: walker.look_up(name, index)))
        steps = steps[: len(values)]
        return jsonable({"name": name, "index": list(index), "steps": steps.tolist(), "values": values})

    def spread(self, most: int, last: int = 0) -> np.ndarray:
        """Steps that are spread evenly from the beginning, 0, to the last one."""
        last = last or min(self.done, self.session.steps)
        return np.unique(np.linspace(0, last, min(last + 1, most)).round().astype(int))

    def along(self, steps: np.ndarray, read: Callable[[Session], Any],
              begin: Callable[[Session], Any] = lambda walker: None) -> Iterator[Any]:
        """Do the run again and read something after each of these steps, as far as it goes."""
        with self._walking:
            with self.lock:
                if self._walker is None:
                    self._walker = self.session.fork()
                walker = self._walker
            begin(walker)
            at = -1
            for step in steps.tolist():
                if at < 0 or step - at > NEAR:
                    walker.goto(step + 1 if step < self.session.steps else step)
                    at = walker.step - 1
                while at < step and walker.one_more():
                    at += 1
                if at == step:
                    yield read(walker)

    def regions(self, step: int, a: str = "", b: str = "", place: int | None = None, batch: bool = False
                ) -> dict[str, Any]:
        """Tell what the network says before a step over a plane of two of its inputs (planes.py)."""
        return regions(self, self.inputs_plane, step, a, b, place, batch)

    @property
    def views(self) -> list[str]:
        """The views that a step of this run has (seeing.py)."""
        weights = list(self.session.model.named_parameters())
        there = {"answers": self.study.problem.task in ANSWERED, "landscape": True,
                 "filters": any(len(p.shape) in (3, 4) for _, p in weights),
                 "states": any("weight_hh" in name for name, _ in weights)}
        return [name for name, has in there.items() if has]

    # ---- parts -------------------------------------------------------------------------------------------------------
    @cached_property
    def inputs_plane(self) -> InputsPlane:
        """Where rows lie in planes of two inputs."""
        return plane_of(self.study, self.training.folder.settings.get("made"))

    @property
    def study(self) -> Any:
        """The file at work: what was read, divided and designed."""
        assert self.training.study is not None
        return self.training.study

    def names(self, rows: list[Any]) -> list[int]:
        """The numbers that rows have in the file, from 0."""
        index = self.study.rows(0)[1].index
        return [int(index[int(row)]) for row in rows]

    def _file_rows(self, rows: list[Any], most: int = 12) -> tuple[list[str], list[list[str]]]:
        """The columns' names and the cells of rows as the file has them, the target first."""
        X, y = self.study.rows(0)
        targets = list(self.study.problem.targets)
        told = y.iloc[[int(row) for row in rows]]
        answers = [[_cell(v) for v in np.atleast_1d(np.asarray(one, object))] for one in told.to_numpy().tolist()]
        if self.study.problem.kind.name != "table":
            return targets, answers
        own = X.iloc[[int(row) for row in rows]]
        names = [str(name) for name in X.columns[:most]]
        return targets + names, [answers[k] + [_cell(v) for v in own.iloc[k, :most].tolist()] for k in range(len(rows))]

    def _updates(self, t: Trace) -> list[dict[str, Any]]:
        found = []
        for name, part in t.parameters.items():
            if not (part.trained and t.about.finite and t.keeps(name) and t.keeps(gradient_name(name))):
                continue
            g, u = t.grad(name), t.update(name)
            k = int(np.abs(g).argmax())
            found.append({"name": name, "shape": list(part.shape), "gradient": float(np.linalg.norm(g)),
                          "size": float(np.linalg.norm(u.before)), "change": float(np.linalg.norm(u.change)),
                          "largest": [int(i) for i in np.unravel_index(k, part.shape)]})
        return found

    @staticmethod
    def check(place: int, count: int, what: str) -> None:
        """Refuse a place that is not there."""
        if not 0 <= place < count:
            raise ArgumentError(f"there is no {what} {place}: there are 0 to {count - 1}")


def _layer(t: Trace, column: dict[str, Any]) -> dict[str, Any]:
    return {"label": column["label"], "about": column["about"], "units": column["units"],
            "value": (column["values"] or [""])[-1], "sources": column["sources"],
            "weights": (column["weights"] or {}).get("name", "")}


def _units(t: Trace, column: dict[str, Any], place: int, spread: bool) -> dict[str, Any]:
    """What a layer's units say for one row: a number each (or for each member), or a map over space or time (spread).
    """
    found = _layer(t, column)
    name = found["value"]
    known = bool(name) and t.keeps(name)
    plain = known and (t[name].ndim == 2 or (t[name].ndim == 3 and not spread))
    maps = [] if plain or not known or t[name].ndim < 3 else _maps(t[name][place])
    values = t[name][place] if plain else np.zeros(0)
    gradient = gradient_name(name)
    back = t[gradient][place] if plain and gradient in t.facts and t.keeps(gradient) else None
    places = [list(map(int, i)) for i in np.ndindex(values.shape)][:MOST_UNITS] if plain else []
    W = (column["weights"] or {}).get("name", "")
    drawn = None
    if plain and W and t.keeps(W) and t[W].ndim == 2:
        slopes = t.grad(W)[:MOST_DRAWN, :MOST_DRAWN].tolist() if t.keeps(gradient_name(W)) else None
        drawn = {"name": W, "source": column["weights"]["source"], "gradients": slopes,
                 "weights": t[W][:MOST_DRAWN, :MOST_DRAWN].tolist()}
    return found | {"maps": maps, "drawn": drawn, "places": places, "values": values.ravel()[:MOST_UNITS].tolist(),
                    "gradients": None if back is None else back.ravel()[:MOST_UNITS].tolist()}


def _maps(values: np.ndarray) -> list[dict[str, Any]]:
    """The maps of a layer's channels over (height, width) or over time, thinned, and where each is largest."""
    found = []
    for k in range(min(values.shape[-1], MOST_MAPS)):
        one = values[..., k]
        largest = [int(i) for i in np.unravel_index(int(np.abs(one).argmax()), one.shape)]
        thin = one[tuple(slice(None, None, -(-n // MAP_WIDTH)) for n in one.shape)]
        found.append({"unit": [*largest, k], "largest": float(one[tuple(largest)]),
                      "values": np.atleast_2d(thin).tolist()})
    return found


def _number(t: Trace, name: str, index: tuple[int, ...]) -> float:
    try:
        return float(t[name][index])
    except (KeyError, IndexError, TypeError, ValueError):
        raise ArgumentError(f"there is no number {name!r:.60} {list(index)} in this step") from None


def _one(t: Trace, name: str, place: int) -> float | None:
    if name not in t.facts or not t.keeps(name) or np.ndim(t[name]) != 1:
        return None
    return float(t[name][place])


def _cell(value: Any) -> str:
    """A cell as the file has it; a gap is nothing.

    >>> _cell(1.5), _cell(float("nan")), _cell("a b")
    ('1.5', '', 'a b')
    """
    if value is None or value != value:
        return ""
    return short(f"{value:g}" if isinstance(value, float) and value == int(value) else value, 40)
