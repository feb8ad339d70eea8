"""What a page that trains holds: programs for each optimizer, rows, weights, and what is known of every value."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np

from ...engines import compile, evaluator
from ...errors import ArgumentError
from ...files.container import write_whole
from ...files.endings import PAGE, check_ending
from ...inspect.traces.recorder import Recorder
from ...inspect.traces.trace import Trace
from ...program import Program, gradient_name
from ...random import stream
from ...text import counted, size
from ...train.past import Past
from ..columns import columns
from ..notebook import framed
from ..scripted import scripted_page
from .choices import choices, described
from .skeleton import skeleton

ROWS, DATA_BYTES = 5_000, 8_000_000  # that a page holds at most; of more rows it has a sample
BATCH = 256  # the largest batch that can be chosen in a page, if a step's values fit and the run's own is no larger
MEMORY = 2**27  # bytes of a step's values, for each optimizer
GRID = 48  # points of a decision map along a side
RATES = 20_000  # steps of a schedule
ORDERS = 200_000  # row numbers of orders that a run's own function gave
EPOCHS = 20  # that such a function is asked for, where there is no run
LOSSES = 120  # points of the run's own curve


@dataclass(frozen=True)
class TrainPage:
    """A page that trains: `html` is the whole file. `save(path)` writes it; a notebook shows it in a frame.

    notes: what it leaves out, in sentences.
    """

    html: str
    notes: tuple[str, ...] = ()

    def save(self, path: str | PathLike) -> None:
        """Write the page, whole or not at all. Raises FileError where it cannot be written."""
        check_ending(path, "a page", (*PAGE, ""))
        write_whole(path, self.html.encode("utf-8", "replace"))

    def __repr__(self) -> str:
        return f"TrainPage({len(self.html.encode()):,} bytes)"

    def __str__(self) -> str:
        bulk = size(len(self.html.encode()))
        return "\n".join((f'A page in which a network goes on training ({bulk}): page.save("page.html").', *self.notes))

    def _repr_html_(self) -> str:
        return framed(self.html, self, 900, "A network that trains", "allow-scripts")


@dataclass
class PageContent:
    """A training on its way into a page.

    program: of the reference engine, which keeps every value, and whose state is where the page begins. trained: a
    snapshot of where the run ended; losses: J of each of its steps.
    """

    program: Program
    past: Past
    inputs: Sequence[str]
    outputs: Sequence[str]
    title: str = ""
    trained: dict[str, Any] | None = None
    losses: Any = ()

    def page(self) -> TrainPage:
        """Compile it and write the page."""
        wasm, manifest = self._assembled()
        notes = self._notes()
        data = {
            "about": packed(json.dumps(self._about(notes), allow_nan=False, separators=(",", ":")).encode()),
            "manifest": packed(json.dumps(manifest, allow_nan=False, separators=(",", ":")).encode()),
            "wasm": packed(wasm),
            "data": {name: _array(a) for name, a in self.data.items()},
            "orders": None if self.orders is None else _array(self.orders),
            "trained": None if self.trained is None else {n: _array(a) for n, a in self.trained.items() if n != "t"},
        }
        title = self.title or "A network that trains"
        html = scripted_page("train_page", f"{title} · Cutaway", skeleton(), data, "train_page/main", compiles=True)
        return TrainPage(html, tuple(notes))

    # ---- its rows ----------------------------------------------------------------------------------------------------
    @cached_property
    def rows(self) -> np.ndarray:
        """Which rows of the data the page has: all, or a sample by chance."""
        rows = self.past.rows
        width = sum(v.width * v.dtype.itemsize for v in self.program.engine.listing.inputs)
        most = min(ROWS, max(DATA_BYTES // max(width, 1), 16))
        if len(rows) <= most:
            return rows
        return rows[np.sort(stream(self.past.seed, "sample of a page").choice(len(rows), most, replace=False))]

    @cached_property
    def data(self) -> dict[str, np.ndarray]:
        """The arrays that batches are gathered from, by the names of the program's inputs."""
        part = self.past.data.rows(self.rows)
        self.program.feed(part.inputs, part.y, part.weight)
        return dict(self.program.engine.data)  # type: ignore[attr-defined]

    @cached_property
    def orders(self) -> np.ndarray | None:
        """The order of the rows in each epoch, (epochs, rows), where a function of the run's own gives it."""
        past, n = self.past, len(self.rows)
        if not callable(past.shuffle) or n < len(past.rows):
            return None
        epochs = min(-(-len(self.losses) // past.steps) or EPOCHS, ORDERS // n)
        whole = replace(past, drop_last=False)
        orders = np.array([whole.order(epoch + 1) for epoch in range(epochs)], np.int64).reshape(epochs, n)
        place = np.full(len(past.data), -1, np.int32)
        place[self.rows] = np.arange(n, dtype=np.int32)
        found: np.ndarray = place[orders]
        return found if epochs and (found >= 0).all() else None

    # ---- its programs ------------------------------------------------------------------------------------------------
    @cached_property
    def batch_size(self) -> int:
        """The largest batch that the page can take."""
        width = sum(v.width * v.dtype.itemsize for v in self.program.values() if v.rows)
        return min(len(self.rows), max(self.past.batch_size, min(BATCH, MEMORY // max(width, 1))))

    @cached_property
    def optimizers(self) -> dict[str, Any]:
        return choices(self.past.optimizer)

    @property
    def plane(self) -> bool:
        """Whether inputs are rows of a table, which a map of two of them can be drawn of."""
        inputs = self.program.engine.listing.inputs
        data = [v for v in inputs if v.role == "input"]
        return len(data) == 1 and len(data[0].shape) == 1 and data[0].dtype.kind == "f"

    def _assembled(self) -> tuple[bytes, dict[str, Any]]:
        try:
            from ...engines.wasm import assembled
        except ImportError as reason:
            raise ArgumentError(f"this installation has no engine for browsers: {reason}") from None
        network, example = self.program.model, self.past.example
        options = {name: given for name, given in self.past.options.items() if name in ("weighted", "seed")}
        empty = {name: np.zeros_like(a) for name, a in self.data.items()}
        programs = {}
        for name, optimizer in self.optimizers.items():
            programs[name] = made = compile(network, self.past.loss, optimizer, self.batch_size, *example,
                                            engine="wasm", keep_all=True, **options)
            made.engine.feed(empty)
            made.state.t = self.program.state.t
        at_once = GRID * GRID if self.plane else 64
        ahead = evaluator(network, example[0], engine="wasm", batch_size=at_once, keep_all=True)
        inputs = {v.name for v in ahead.engine.listing.inputs}
        room = max(at_once, len(self.rows))
        ahead.engine.feed({n: np.zeros((room, *a.shape[1:]), a.dtype) for n, a in empty.items() if n in inputs})
        made = assembled(programs | {"forward": ahead})
        for program in made.manifest["programs"].values():
            for i in program["instructions"]:
                i.pop("text", None)
        return made.wasm, made.manifest

    # ---- what is known of them ---------------------------------------------------------------------------------------
    @cached_property
    def trace(self) -> Trace:
        """The first step, by the rules: what its values are called and which instruction makes them."""
        self.data  # noqa: B018  fed
        before = self.program.state.copy()
        size = min(self.past.batch_size, len(self.rows))
        trace = Recorder(self.program, loss=getattr(self.past.loss, "__name__", "")).step(np.arange(size), 0, 1)
        self.program.state.put(before)
        return trace

    def _about(self, notes: list[str]) -> dict[str, Any]:
        t, past = self.trace, self.past
        step = t.to_json()["steps"][0]
        listing = self.program.engine.listing
        kept = ("number", "phase", "op", "title", "backward", "layer", "formula", "read", "written")
        decays = {name: self.past.optimizer.decays(part.shape) for name, part in t.parameters.items()}
        return {
            "title": self.title, "notes": notes, "inputs": list(self.inputs), "outputs": list(self.outputs),
            "loss": t.about.loss, "output": t.about.output, "target": t.about.target, "rows": len(self.rows),
            "batch_size": min(past.batch_size, len(self.rows)), "most": self.batch_size, "seed": past.seed % 2**32,
            "shuffle": bool(past.shuffle), "drop": past.drop_last,
            "plane": self.plane, "grid": GRID, "input": listing.inputs[0].name,
            "values": {v["name"]: v for v in step["values"]}, "parameters": step["parameters"], "decays": decays,
            "instructions": [{k: i[k] for k in kept} for i in step["instructions"]],
            "gradients": {name: gradient_name(name) for name in t.parameters}, "columns": columns(t),
            "optimizers": [described(name, opt) for name, opt in self.optimizers.items()],
            "curve": self._curve(), "rates": self._rates(),
            "classes": t.about.loss == "cross_entropy", "parts": step["vectors"],
        }

    def _rates(self) -> list[float] | None:
        """The learning rate of each step, where it follows a schedule; the last one holds from then on."""
        lr, steps = self.past.optimizer.lr, min(len(self.losses) or self.past.steps, RATES)
        return [self.past.optimizer.rate(t + 1) for t in range(steps)] if callable(lr) else None

    def _curve(self) -> list[list[float]]:
        """The run's own losses: means of a few steps each, at the middle one's number."""
        J = np.asarray(self.losses, float)
        parts = np.array_split(J, min(LOSSES, -(-len(J) // 4))) if len(J) else []
        ends = np.cumsum([len(part) for part in parts])
        return [[float(end - (len(part) - 1) / 2), float(part.mean())] for end, part in zip(ends, parts, strict=True)
                if np.isfinite(part.mean())]

    def _notes(self) -> list[str]:
        rows, of = len(self.rows), len(self.past.rows)
        notes = []
        if rows < of:
            notes.append(f"This page has {counted(rows, 'row')} of {of:,}, chosen by chance: it does not repeat the "
                         "run.")
        if callable(self.past.optimizer.lr):
            notes.append("The learning rate follows the run's schedule, until another is chosen.")
        if callable(self.past.shuffle):
            known = 0 if self.orders is None else len(self.orders)
            notes.append(f"Rows come in the run's own order for {counted(known, 'epoch')}, then in one by chance."
                         if known else "The run had an order of its own; here rows come in an order by chance.")
        if self.past.options.get("precision"):
            notes.append("The run rounded the factors of its products to bf16; here they are not, and losses are only "
                         "near the run's.")
        return notes


def packed(content: bytes) -> str:
    """Pack bytes for a page: gzip, then base64; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def _array(a: np.ndarray) -> dict[str, Any]:
    a = np.ascontiguousarray(a, a.dtype.newbyteorder("<"))
    return {"dtype": a.dtype.name, "shape": list(a.shape), "packed": packed(a.tobytes())}
