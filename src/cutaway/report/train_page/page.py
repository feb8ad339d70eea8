"""A training as one file that goes on training: compiled programs, weights, data and a script, for any browser.

The page asks nothing of anybody: no server, no Python, no network. What it shows is read from the memory of the
programs that train in it, which are those of `engine="wasm"`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from os import PathLike
from typing import Any

from ...errors import ArgumentError
from ...inspect.reading import names_of, network_of, training_of
from ...optim import Optimizer
from ...text import printable
from ...train import Run
from ...train.fit import prepared
from ...train.past import Past
from .content import PageContent, TrainPage


def to_page(model: Any, X: Any, y: Any = None, loss: str | Callable | None = None, optimizer: Optimizer | None = None,
            path: str | PathLike | None = None, *, batch_size: int | str = 32, sample_weight: Any = None, seed: int = 0,
            shuffle: bool = True, inputs: Any = (), outputs: Any = (), title: str = "") -> TrainPage:
    """Make a page that trains `model` in a browser: from its weights on, as `ct.fit` would with these arguments.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=64, seed=0)
    >>> page = ct.to_page(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", optimizer=ct.optim.Adam(0.01))
    >>> len(page.html) < 1_000_000
    True

    model: a network, or a trained estimator, which takes X and y as its fit does. loss ("mse" unless given), optimizer,
    batch_size, sample_weight, seed, shuffle: fit's own. path: where to write it, too. inputs, outputs: names of the
    features and outputs. title: what stands above. Of many rows a page holds a sample, and says so. The model stays as
    it is. Raises what fit raises, and ArgumentError for a program that cannot be compiled for a browser.
    """
    if y is None and network_of(model) is model:
        raise ArgumentError("a page that trains needs targets: ct.to_page(model, X, y)")
    taken = training_of(model, X, y, loss, optimizer, sample_weight)
    taken = {name: given for name, given in taken.items() if name != "precision"}
    program, past = prepared(copy.deepcopy(taken.pop("model")), **taken, batch_size=batch_size, seed=seed,
                             shuffle=shuffle, engine="reference", steps=1)
    return _written(PageContent(program, past, *_names(model, inputs, outputs), title=title), path)


def run_to_page(run: Run, path: str | PathLike | None = None, *, inputs: Any = (), outputs: Any = (),
                title: str = "") -> TrainPage:
    """See `Run.to_page`."""
    past: Past | None = run.past
    if past is None:
        raise ArgumentError("this run does not know its past: run.to_page works on the run that ct.fit returned")
    program = past.program(copy.deepcopy(run.model), "reference", None, keep_all=True)
    first, trained = past.snapshots[0] if past.snapshots else None, program.state.copy()
    whole = first is not None and not first["t"] and first["θ"].shape == trained["θ"].shape
    if first is not None and whole:
        program.state.put(first)
    losses = run.steps["loss"] if whole and len(run.steps) else ()
    names = _names(run.model, inputs, outputs)
    content = PageContent(program, past, *names, title=title, trained=trained if whole else None, losses=losses)
    return _written(content, path)


def _names(model: Any, inputs: Any, outputs: Any) -> tuple[list[str], list[str]]:
    """The names of inputs and outputs: those given, or an estimator's."""
    known, classes = names_of(model) or (), getattr(model, "classes_", ())
    return ([printable(str(name)) for name in (inputs if len(inputs) else known)],
            [printable(str(name)) for name in (outputs if len(outputs) else classes)])


def _written(made: PageContent, path: Any) -> TrainPage:
    page = made.page()
    if path is not None:
        page.save(path)
    return page
