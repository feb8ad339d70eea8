"""cutaway warm: compile what common networks need, so that no first run waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any

from typer import Argument, Option


def warm(
    networks: Annotated[list[str] | None, Argument(metavar="[table|series|mlp|cnn|rnn|lstm|gru]...", show_default=False,
                                                   help="Which networks; unless named, all.")] = None,
    double: Annotated[bool, Option("--double", help="In float64 too; table and mlp always are.")] = False,
) -> None:
    """Compile the machine code of common networks for this processor, and keep it for later runs.

    table: what `cutaway fit` designs for tables, with every preset; series: for sequences, the filters. Of the others
    every activation, loss and optimizer.
    Training and prediction, one thread and several. What is there already stays; what no run has used for 90 days is
    deleted. Anything else is compiled, as ever, when it is first needed.
    """
    from ..engines.cpu import building, native
    from ..errors import ArgumentError
    from ..text import duration
    from .terminal import Screen

    for name in networks or ():
        if name not in NETWORKS:
            raise ArgumentError(f"no network is called {name!r}: use {', '.join(NETWORKS)}.")
    screen = Screen()
    sources = kernels(networks or list(NETWORKS), double)
    missing = building.missing(sources)
    if missing:
        building.build(missing)
    there = len(sources) - len(missing)
    took = f"{len(missing)} compiled in {duration(native.seconds)}, " if missing else ""
    gone = native.tidy()
    screen.say(f"{len(sources)} kernels: {took}{there} were there already. They are kept in {native.folder()}"
               + (f", from which {gone} unused for 90 days were deleted." if gone else "."))


def kernels(networks: list[str], double: bool = False) -> set[Any]:
    """List the kernels that those networks need."""
    from ..engines.cpu import building

    sources: set[Any] = set()
    last: Any = None  # a network that comes again, with another loss or optimizer, predicts as before
    for name in networks:
        both = double or name in SMALL_TOO
        for dtype in ("float32", "float64") if both else ("float32",):
            for case in NETWORKS[name]():  # a design of sequences tries what it designs, and so runs programs
                with building.collecting() as found:
                    _compile(dtype, case[0] is not last, *case)
                last = case[0]
                sources |= found
    return sources


def _compile(dtype: str, predict: bool, model: Any, X: Any, y: Any, loss: str, optimizer: Any, weighted: bool) -> None:
    """Make the programs that fit and, if asked, predict make, for one thread and, of the same listing, for two."""
    from ..engines import compile, evaluator

    model = model.astype(dtype).init(0)
    programs = [compile(model, loss, optimizer, 32, X, y, weighted=weighted, threads=1)]
    if predict:
        programs.append(evaluator(model, X, threads=1))
    for engine in (program.engine for program in programs):
        type(engine)(engine.listing, engine.batch_size, engine.optimizer, threads=2)


def _variants(build: Callable[..., Any], X: Any, n_out: int, options: list[dict[str, Any]]) -> Iterator[tuple]:
    """Give a network with each of some options, and then with each loss and optimizer."""
    import numpy as np

    from .. import losses, optim

    usual = optim.AdamW(optim.schedules.cosine(1e-3), decay="matrices")
    classes, numbers = np.zeros(len(X), np.int32), np.zeros((len(X), n_out), np.float32)
    for chosen in options:
        yield build(**chosen), X, classes, "cross_entropy", usual, False
    named: dict[str, Any] = dict.fromkeys(losses.LOSSES)
    named["quantile"] = partial(losses.quantile, quantiles=np.arange(1, n_out + 1) / (n_out + 1))
    net = build()
    for name, own in named.items():
        loss, y = own or name, {"cross_entropy": classes, "quantile": numbers[:, 0]}.get(name, numbers)
        yield from ((net, X, y, loss, usual, weighted) for weighted in (False, True))
    rules = (kind(1e-3) for kind in optim.OPTIMIZERS.values())
    for rule in (*rules, optim.clip(usual, norm=1.0), optim.clip(usual, value=1.0), optim.l1(usual, 1e-4),
                 optim.l2(usual, 1e-4)):
        yield net, X, classes, "cross_entropy", rule, False


def _mlp() -> Iterator[tuple]:
    import numpy as np

    from .. import nn

    def build(activation: str = "relu", **options: Any) -> nn.MLP:
        return nn.MLP(8, [16, 16], 2, activation, **options)

    beside: list[dict[str, Any]] = [{}, {"dropout": 0.1}, {"norm": "layer"}, {"norm": "batch"}]
    options = [{"activation": name} | others for name in nn.ACTIVATIONS for others in beside]
    yield from _variants(build, np.zeros((2, 8), np.float32), 2, options)


def _table() -> Iterator[tuple]:
    """Give what presets design for made tables: for each task and for more and fewer rows, then with codes in one to
    four of the columns."""
    import numpy as np
    import pandas as pd

    from ..data.limits import FEW_FOR_LINEAR, FEW_ROWS
    from ..estimators import design
    from ..estimators.presets import DEFAULT, PRESETS

    chance, k = np.random.default_rng(0), np.arange(FEW_FOR_LINEAR)
    a, b = chance.normal(size=(2, len(k)))
    numbers = pd.DataFrame({"a": a, "b": b, "c": np.where(k % 3, "p", "q")})
    shops = [f"d{i}" for i in k % 40]
    coded = [pd.DataFrame({name: numbers.get(name, shops) for name in order}) for order in CODED]
    targets = {"regression": a, "multi-output regression": np.stack([a, b], 1), "binary": k % 2, "multiclass": k % 3,
               "multilabel": np.stack([k % 2, a > 0], 1)}
    sizes = [(FEW_ROWS - 1, DEFAULT), *((FEW_FOR_LINEAR - 1, preset) for preset in PRESETS), (FEW_FOR_LINEAR, DEFAULT)]
    cases = [(numbers[:n], task, preset) for task in targets for n, preset in sizes]
    for X, task, preset in (*cases, *((X, "regression", DEFAULT) for X in coded)):
        y = targets[task][: len(X)]
        plan = design(X, y, task, preset=preset)
        assert plan.target_encoder is not None  # of what was just designed
        Z, T = plan.encoder.transform(X), plan.target_encoder.transform(y)
        net = plan.network()
        for weighted in (False, True)[: 1 + (preset == DEFAULT)]:
            yield net, Z, T, plan.loss, plan.optimizer(), weighted


CODED = ("abcd", "dabce", "defab", "dabefgc")  # columns; from d on they hold codes: behind, around, before, among


def _series() -> Iterator[tuple]:
    """Give the filters that are designed for sequences of one length and of several, for each task, and a single one of
    these networks."""
    import numpy as np

    from ..estimators import design
    from ..sequences import Sequences

    chance, k = np.random.default_rng(0), np.arange(40)
    speed = chance.uniform(0.3, 1.5, len(k))
    waves = np.sin(np.arange(60)[:, None] * speed[:, None, None] + chance.uniform(0, 6, (len(k), 1, 2)))
    targets = {"regression": speed, "multi-output regression": np.stack([speed, 2 * speed], 1), "binary": k % 2,
               "multiclass": k % 3, "multilabel": np.stack([k % 2, speed > 1], 1)}
    for X in (waves, waves[:, :, :1], Sequences(waves, 30 + k % 31)):
        for task, y in targets.items():
            plan = design(X, y, task)
            assert plan.target_encoder is not None  # of what was just designed
            Z, T = plan.encoder.transform(X), plan.target_encoder.transform(y)
            for members in (3, 1):
                if plan.kind == "fcn":
                    plan.change({"members": members})
                net = plan.network()
                for weighted in (False, True):
                    yield net, Z, T, plan.loss, plan.optimizer(), weighted


def _cnn() -> Iterator[tuple]:
    import numpy as np

    from .. import nn

    def build(activation: str = "relu", augment: bool = False, **options: Any) -> nn.Module:
        net = nn.CNN((16, 16, 3), 2, (4, 4), (8,), activation, **options)
        return nn.Sequential(nn.Augment(flip=True), *net.layers) if augment else net

    options: list[dict[str, Any]] = [{"activation": name} for name in nn.ACTIVATIONS]
    options += [{"dropout": 0.1}, {"norm": "batch"}, {"augment": True}]
    yield from _variants(build, np.zeros((2, 16, 16, 3), np.float32), 2, options)
    averaged = nn.CNN((40, 40, 3), 2, (4,))  # too large for its places to become a row of features
    yield from _variants(lambda: averaged, np.zeros((2, 40, 40, 3), np.float32), 2, [{}])


def _recurrent(cell: str) -> Iterator[tuple]:
    import numpy as np

    from .. import nn
    from ..sequences import Sequences

    def build(units: int = 16, **options: Any) -> nn.Recurrent:
        return nn.Recurrent(8, units, 2, cell, **options)

    options: list[dict[str, Any]] = [{}, {"layers": 2}, {"bidirectional": True}, {"layers": 2, "bidirectional": True},
                                     {"units": 40, "bidirectional": True}]  # joined in loops that do not know the width
    rows = np.zeros((2, 6, 8), np.float32)
    for X in (rows, Sequences.from_list([rows[0], rows[1, :4]])):
        yield from _variants(build, X, 2, options)


NETWORKS: dict[str, Callable[[], Iterator[tuple]]] = {
    "table": _table, "series": _series, "mlp": _mlp, "cnn": _cnn, "rnn": lambda: _recurrent("rnn"),
    "lstm": lambda: _recurrent("lstm"), "gru": lambda: _recurrent("gru"),
}
SMALL_TOO = ("table", "mlp")  # networks of small tables, which train in float64 (estimators/design_tables.py)
