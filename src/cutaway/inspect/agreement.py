"""How nearly a step that is looked into is the step that trained, and an engine the CPU engine: for each kind of layer.

The smallest network with each kind of layer is trained for a few steps; they are then done again one instruction after
the other, as traces and stepping sessions do them, and by the CPU engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn
from ..autodiff import Tensor
from ..engines import ENGINES, compile
from ..optim import AdamW
from ..program import Program
from ..random import stream
from ..sequences import Sequences

ROWS, STEPS, WIDTH = 8, 3, 22
EPS = 1e-3  # of AdamW: it would make full steps of the roundings that a bias before batch norm has for a gradient


class EveryActivation(nn.Module):
    """The sum of what all activations make of one layer's outputs."""

    def __init__(self) -> None:
        self.layer, self.each = nn.Linear(6, 4), [make() for make in nn.ACTIVATIONS.values()]
        self.learned = [nn.Softmax(), nn.LogSoftmax(), *(nn.Parametric(4, name) for name in nn.layers.PARAMETRIC)]

    def forward(self, x: Tensor) -> Tensor:
        z = self.layer(x)
        return sum((activation(z) for activation in (*self.each, *self.learned)), start=0 * z)


def _rows(*between: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Linear(6, 8), *(make() for make in between), nn.Linear(8, 2))


def _image(*layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*(make() for make in layers), nn.GlobalAveragePool(), nn.Linear(4, 2))


def _series(*layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*(make() for make in layers), nn.GlobalMaxPool(), nn.Linear(4, 2))


def _scan(layer: type) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.LastState(layer(3, 4)), nn.Linear(4, 2))


#: Kinds of layers: the smallest network with each, and what it takes.
KINDS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "Linear": (_rows(), "rows"),
    "activations": (lambda: nn.Sequential(EveryActivation(), nn.Linear(4, 2)), "rows"),
    "LayerNorm": (_rows(lambda: nn.LayerNorm(8)), "rows"),
    "BatchNorm1d": (_rows(lambda: nn.BatchNorm1d(8)), "rows"),
    "BatchNorm2d": (_image(lambda: nn.Conv2d(2, 4, 3), lambda: nn.BatchNorm2d(4)), "images"),
    "Dropout": (_rows(lambda: nn.Dropout(0.3), lambda: nn.FallingDropout(0.3, 9), lambda: nn.Scale(8)), "rows"),
    "Embedding": (lambda: nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2)), "codes"),
    "TableInput": (lambda: nn.Sequential(
        nn.TableInput(6, columns=(0, 1), bins=(3, 3), width=2, codes=(5,), entries=(4,), widths=(3,), plain=(2, 3, 4)),
        nn.Linear(10, 2)), "table"),
    "members": (lambda: nn.TabM(6, [8], 2, k=3), "rows"),
    "Conv1d": (_series(lambda: nn.Conv1d(3, 4, 3)), "series"),
    "Conv2d": (_image(lambda: nn.Conv2d(2, 4, 3, padding="same")), "images"),
    "MaxPool2d, AvgPool2d": (_image(lambda: nn.Conv2d(2, 4, 3, padding="same"), lambda: nn.MaxPool2d(2),
                                    lambda: nn.AvgPool2d(2)), "images"),
    "MaxPool1d, AvgPool1d": (_series(lambda: nn.Conv1d(3, 4, 1), lambda: nn.MaxPool1d(2), lambda: nn.AvgPool1d(2)),
                             "steps"),
    "Augment": (_image(lambda: nn.Augment(flip=True, shift=1, rotate=10), lambda: nn.Conv2d(2, 4, 3)), "images"),
    "RNN": (_scan(nn.RNN), "series"), "LSTM": (_scan(nn.LSTM), "series"), "GRU": (_scan(nn.GRU), "series"),
    "Lagged": (lambda: nn.Lagged(nn.GRU(1, 4), nn.Linear(4 + 6, 2), 4), "rows"),
    "PiecewiseLinear": (lambda: nn.Sequential(nn.PiecewiseLinear(range(6), [3] * 6, 2), nn.Linear(12, 2)), "rows"),
    "Ensemble": (lambda: nn.Ensemble([nn.MLP(6, [3], 2), nn.Linear(6, 2)]), "rows"),
    "SideBySide": (lambda: nn.SideBySide([nn.Linear(2, 1), nn.MLP(4, [3], 1)], [2, 4]), "rows"),
}


@dataclass(frozen=True)
class Agreement:
    """How far weights, state and losses are apart after a few steps, beside the largest of each array: 0 is the same
    bits. traced: steps done instruction by instruction, and in one call. cpu: the engine, and the CPU engine."""

    kind: str
    traced: float
    cpu: float

    def __str__(self) -> str:
        return "".join(f"{part:{WIDTH}}" for part in (self.kind, words(self.traced), words(self.cpu))).rstrip()


def agreements(engine: str, kinds: list[str] | None = None) -> Iterator[Agreement]:
    """Measure an engine, one kind of layer after the other. Raises ArgumentError for one that cannot be had."""
    ENGINES[engine]
    for kind in KINDS if kinds is None else kinds:
        trained, again, cpu = (_program(kind, name) for name in (engine, engine, "cpu"))
        trained.run(steps=STEPS), cpu.run(steps=STEPS)
        yield Agreement(kind, _apart(trained, _one_by_one(again)), _apart(trained, cpu))


def _program(kind: str, engine: str) -> Program:
    """A training program of the network, fed with rows that are always the same."""
    make, given = KINDS[kind]
    rng, n = stream(0, "agreement"), ROWS * STEPS
    X: Any = {
        "rows": lambda: rng.standard_normal((n, 6)), "images": lambda: rng.standard_normal((n, 6, 5, 2)),
        "series": lambda: Sequences(rng.standard_normal((n, 5, 3)), rng.integers(3, 6, n)),
        "steps": lambda: rng.standard_normal((n, 6, 3)), "codes": lambda: rng.integers(0, 5, (n, 2)),
        "table": lambda: np.column_stack([rng.standard_normal((n, 5)), rng.integers(0, 4, n)]),
    }[given]()
    y, model = rng.standard_normal((n, 2)), make().init(0)
    program = compile(model, "mse", AdamW(1e-2, eps=EPS), ROWS, X, y, engine=engine, threads=1, keep_all=True)
    program.feed(X, y)
    return program


def _one_by_one(program: Program) -> Program:
    engine = program.engine
    engine.begin(None, 0, STEPS)
    for i in [*range(len(engine.instructions))] * STEPS:
        engine.one(i)
    return program


def _apart(one: Program, other: Program) -> float:
    """The largest difference of an array of the state, as a share of its largest number."""
    found = [0.0]
    for name in one.state.names:
        a, b = (np.asarray(program.state[name], np.float64) for program in (one, other))
        found.append(float(np.abs(a - b).max(initial=0) / max(np.abs(a).max(initial=0), 1e-30)))
    return max(found)


def words(apart: float) -> str:
    return f"{apart:.0e}" if apart else "the same bits"
