"""What each part of the estimators' recipe is worth: `python -m benchmarks.ablations` on the development tables.

Every variant is one fit on one thread, by the table's own first split, of the tables that have at most ROWS rows to
learn from. Measured are the parts of the recipe (PARTS), with --all what else was tried. It is kept in
build/ablations.json, so that a run goes on where one ended, and printed as a table.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import cutaway as ct
from cutaway import nn
from cutaway.data.limits import FEW_FOR_LINEAR
from cutaway.optim import schedules

from .report import markdown
from .shown import Table
from .tables import cases, files

ROWS = 5000


@dataclass(frozen=True)
class Variant:
    """A preset, and what is changed of it: choices for its network, fields of its design before training; layers: what
    it makes of the network's layers, given the design; optimizer: what it takes in place of the design's."""

    preset: str = "default"
    network: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    layers: Callable[[list, Any], list] | None = None
    optimizer: Callable[[Any], Any] | None = None


def parametric(activation: str) -> Callable[[list, Any], list]:
    """Activations that learn how far they bend, in place of ReLU."""

    def layers_of(layers: list, design: Any) -> list:
        widths = iter(design.hidden)
        return [nn.Parametric(next(widths), activation) if isinstance(layer, nn.ReLU) else layer for layer in layers]

    return layers_of


def scaled(layers: list, design: Any) -> list:
    """A learned factor for each input, behind the bins."""
    front = isinstance(layers[0], nn.TableInput)
    return [*layers[:front], nn.Scale(layers[0].n_out if front else design.n_in), *layers[front:]]


def falling(layers: list, design: Any) -> list:
    """Dropout that begins twice as high, and falls to nothing."""
    return [nn.FallingDropout(2 * design.dropout, design.steps) if isinstance(layer, nn.Dropout) else layer
            for layer in layers]


class Skip(nn.Module):
    """A layer whose output is added to what another layer, as wide, made before it."""

    def __init__(self, *inner: nn.Module) -> None:
        self.inner = list(inner)

    def forward(self, x: Any) -> Any:
        z = x
        for layer in self.inner:
            z = layer(z)
        return x + z


def skipping(layers: list, design: Any) -> list:
    """The second hidden layer adds to the first."""
    second = [k for k, layer in enumerate(layers) if isinstance(layer, nn.Linear)][1]
    end = second + (3 if design.dropout else 2)
    return [*layers[:second], Skip(*layers[second:end]), *layers[end:]]


def with_schedule(make: Callable, factor: float = 1.0, warm: bool = True, **adam: Any) -> Callable[[Any], Any]:
    """The design's optimizer with another schedule, of a rate so many times as high."""

    def optimizer(design: Any) -> Any:
        rate = make(design.lr * factor)
        rate = schedules.warmup(rate, max(1, round(design.warmup * design.steps))) if warm else rate
        made = ct.optim.AdamW(rate, weight_decay=design.weight_decay, decay="matrices", **adam)
        return ct.optim.average(made, design.average) if design.average else made

    return optimizer


VARIANTS: dict[str, Variant] = {
    "default": Variant(),
    "fast": Variant("fast"),
    "before: fast without the average": Variant("fast", fields={"average": 0.0}),
    "without the linear model beside few rows": Variant(network={"linear": False}),
    "without bins": Variant(network={"bins": 0}),
    "without members": Variant(network={"members": 1}),
    "without the average": Variant(fields={"average": 0.0}),
    "at half the rate": Variant(fields={"lr": 1e-3}),
    "no more dropout where columns are many": Variant(network={"dropout": 0.1}),
    "8 bins": Variant(network={"bins": 8}),
    "32 bins": Variant(network={"bins": 32}),
    "8 members": Variant(network={"members": 8}),
    "64 neurons": Variant(network={"hidden": [64, 64]}, fields={"lr": 2e-3}),
    "256 neurons": Variant(network={"hidden": [256, 256]}),
    "three layers": Variant(network={"hidden": [128] * 3}),
    "twice the dropout": Variant(network={"dropout": 0.2}),
    "twice the dropout, falling": Variant(layers=falling),
    "ten times the decay": Variant(fields={"weight_decay": 0.1}),
    "Mish": Variant(network={"activation": "mish"}),
    "parametric ReLU": Variant(layers=parametric("relu")),
    "parametric Mish": Variant(layers=parametric("mish")),
    "a learned factor for each input": Variant(layers=scaled),
    "a skip over the second layer": Variant(layers=skipping),
    "β₂ .95": Variant(optimizer=with_schedule(schedules.cosine, beta2=0.95)),
    "flat, then a cosine": Variant(optimizer=with_schedule(schedules.flat_cosine)),
    "coslog, at twice the rate": Variant(optimizer=with_schedule(schedules.coslog, 2.0, warm=False)),
    "best": Variant("best"),
}
PARTS = ("default", "fast", "without the linear model beside few rows", "without bins", "without members",
         "without the average", "at half the rate", "no more dropout where columns are many")


def measure(name: str, X: Any, y: np.ndarray, task: str, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Fits one variant, and gives its error on the test rows (RMSE, or log loss) and its seconds of processor time."""
    kind = ct.Classifier if task == "classification" else ct.Regressor
    taught = X.iloc[train].reset_index(drop=True), y[train]
    fit(VARIANTS[name], kind, *taught, epochs=1)  # so that no time is that of building kernels
    began = time.process_time()
    model = fit(VARIANTS[name], kind, *taught)
    seconds = time.process_time() - began
    asked, truth = X.iloc[test].reset_index(drop=True), y[test]
    if kind is ct.Regressor:
        error = float(np.sqrt(np.mean((model.predict(asked) - truth) ** 2)))
    else:
        p = model.predict_proba(asked)[np.arange(len(test)), np.searchsorted(model.classes_, truth)]
        error = float(-np.log(np.clip(p, 1e-6, 1)).mean())
    return {"error": error, "seconds": seconds, "classes": float(kind is ct.Classifier)}


def fit(variant: Variant, kind: Any, X: Any, y: np.ndarray, **given: Any) -> Any:
    """The estimator of a variant, fitted."""
    few = len(y) < FEW_FOR_LINEAR and "hidden" in variant.network  # whose linear model chosen layers would lose
    choices = variant.network | ({"linear": True} if few else {})
    model = kind(network=choices or "auto", preset=variant.preset, threads=1, **given)
    rows = model.prepare(X, y)
    for field_name, value in variant.fields.items():
        setattr(model.design_, field_name, value)
    if variant.layers is not None:
        model.model_.layers = variant.layers(model.model_.layers, model.design_)
        model.model_.astype(model.design_.dtype).init(0)
    if variant.optimizer is not None:
        model.optimizer = variant.optimizer(model.design_)
    return model.train(rows)


def table(found: dict[str, dict[str, dict[str, float]]], base: str = "default") -> Table:
    """By how much errors and seconds of each variant differ from those of `base`: geometric means over the tables."""
    rows = []
    for variant in VARIANTS:
        cells = [variant]
        for classes in (0.0, 1.0):
            ratios = [np.log(fits[variant]["error"] / fits[base]["error"]) for fits in found.values()
                      if variant in fits and base in fits and fits[base]["classes"] == classes]
            cells.append(f"{np.expm1(np.mean(ratios)):+.1%} ({len(ratios)})" if ratios else "")
        times = [np.log(fits[variant]["seconds"] / fits[base]["seconds"]) for fits in found.values()
                 if variant in fits and base in fits]
        rows += [[*cells, f"{np.exp(np.mean(times)):.2f}"]] if times else []
    return Table("", ["", "RMSE (tables)", "log loss (tables)", "time"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablations", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), metavar="VARIANT", help="these alone")
    parser.add_argument("--all", action="store_true", help="what was tried and not kept, too")
    parser.add_argument("--tables", nargs="+", metavar="TABLE", help="these alone")
    parser.add_argument("--out", type=Path, default=files.ROOT / "build" / "ablations.json")
    given = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    found = json.loads(given.out.read_text()) if given.out.exists() else {}
    small = [(name, *case) for name, *case in cases("development")
             if len(case[3]) <= ROWS and (not given.tables or name in given.tables)]
    for variant in given.only or (VARIANTS if given.all else PARTS):
        for name, *case in small:
            if variant not in found.setdefault(name, {}):
                found[name][variant] = measure(variant, *case)
                given.out.parent.mkdir(parents=True, exist_ok=True)
                given.out.write_text(json.dumps(found, indent=1))
    print(markdown(table(found)))


if __name__ == "__main__":
    main()
