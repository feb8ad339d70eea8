"""Forty networks of one's own (`idiom_networks.py`), trained with AdamW: no instruction of theirs may run in NumPy."""

from typing import Any

import numpy as np

from .family import SEED, TRAINED, Competitor, Workload, epochs_of
from .idiom_networks import IDIOMS, network, of_cutaway
from .idiom_networks import data as rows_of
from .peers import DECAY, LR, as_torch, from_torch

WORKLOADS = {name: Workload(name, (), batch=32, task=name, rows=512, about=f"of {idiom.given}, batch 32")
             for name, idiom in IDIOMS.items()}
TARGETS = {name: {"PyTorch": 1.5} for name in WORKLOADS}
UNIT, PROOF = "a step", TRAINED
#: 16 updates in float32. A bias before batch norm has only noise for a gradient, which AdamW follows as far as others.
TOLERANCE = 5e-3
COLD = None
TOGETHER = True


def data(work):
    """The rows, and the initial weights and buffers by name, after a dot."""
    X, y = rows_of(IDIOMS[work.name], work.rows, SEED)
    weights = network(IDIOMS[work.name], *of_cutaway()).init(SEED).state_dict()
    return {f"X{k}": x for k, x in enumerate(X)} | {"y": y} | {f".{name}": w for name, w in weights.items()}


def inputs(data):
    X = [data[key] for key in sorted(data) if key[0] == "X"]
    return X[0] if len(X) == 1 else tuple(X)


def weights_of(data):
    return {name[1:]: w for name, w in data.items() if name[0] == "."}


def loss(work, data, weights):
    """Its own loss on all rows, by Cutaway's rules in float64."""
    net, X = network(IDIOMS[work.name], *of_cutaway()).astype("float64"), inputs(data)
    net.load_state_dict(weights)
    y = data["y"].astype(np.float64) if data["y"].dtype.kind == "f" else data["y"]
    return float(net.loss(net(*X) if isinstance(X, tuple) else net(X), y).item())


# --- Cutaway ------------------------------------------------------------------------------------------------------

def compiled(work, data, threads):
    import cutaway as ct

    net, X = network(IDIOMS[work.name], *of_cutaway()), inputs(data)
    net.load_state_dict(weights_of(data))
    opt = ct.optim.AdamW(LR, weight_decay=DECAY)
    program = ct.compile(net, net.loss, opt, work.batch, X, data["y"], threads=threads)
    program.feed(X, data["y"])
    return net, program


def cutaway(work, data, threads):
    """Many epochs are one call, as in `fit`."""
    try:
        net, program = compiled(work, data, threads)
    except (AttributeError, TypeError, ValueError):  # an older build may lack a name
        raise NotImplementedError from None
    if not hasattr(program.state, "put"):
        return by_fit(net, work, data, threads)
    start = program.state.copy()

    def train(epochs, shuffle):
        program.state.put(start)
        rng, order = np.random.default_rng(SEED), np.arange(work.rows)
        program.run(np.concatenate([rng.permutation(work.rows) if shuffle else order for _ in range(epochs)]))
        return net.state_dict()

    return train


def by_fit(net, work, data, threads):
    """An older build, whose states are not put back."""
    import cutaway as ct

    def train(epochs, shuffle):
        net.load_state_dict(weights_of(data))
        ct.fit(net, inputs(data), data["y"], loss=net.loss, optimizer=ct.optim.AdamW(LR, weight_decay=DECAY),
               epochs=epochs, batch_size=work.batch, seed=SEED, shuffle=shuffle, threads=threads, progress=False)
        return net.state_dict()

    return train


def by_their_rule(work, data):
    """The operations that have no kernel, of two threads' program and of the one that evaluates."""
    from cutaway.engines import evaluator

    net, program = compiled(work, data, 2)
    found = {i.title for p in (program, evaluator(net, inputs(data), threads=2)) for k, i in enumerate(p.instructions)
             if p.source(k).startswith("# runs by its rule")}
    return ", ".join(sorted(found)) or "none"


# --- PyTorch ------------------------------------------------------------------------------------------------------

def of_torch():
    """The network's words (nn, ops) in PyTorch: rows first, channels last, both without copying."""
    from types import SimpleNamespace

    import torch
    from torch import nn
    from torch.nn import functional

    def channels_last(layer):
        """A layer of images or sequences that takes and gives them with their channels last."""
        base: Any = layer

        class ChannelsLast(base):
            def forward(self, x):
                return super().forward(x.movedim(-1, 1)).movedim(1, -1)

        return ChannelsLast

    def rows_first(layer):
        return lambda *sizes, **named: layer(*sizes, batch_first=True, **named)

    class Words:
        def __getattr__(self, name):
            return getattr(torch, name, None) or getattr(functional, name)

        def split(self, x, sizes, axis):
            return torch.split(x, sizes, axis)

        def one_hot(self, i, classes):
            return functional.one_hot(i.long(), classes)

        def where(self, test, u, v):
            return torch.where(test, u, v)

    layers = {name: channels_last(getattr(nn, name)) for name in ("Conv1d", "Conv2d", "BatchNorm2d", "MaxPool2d")}
    layers |= {name: rows_first(getattr(nn, name)) for name in ("GRU", "LSTM")}
    return SimpleNamespace(
        Module=nn.Module, Linear=nn.Linear, Embedding=nn.Embedding, LayerNorm=nn.LayerNorm,
        Parameter=lambda array: nn.Parameter(torch.tensor(array)), **layers), Words()


def torch_trained(fused=False):
    def prepare(work, data, threads):
        import torch

        torch.set_num_threads(threads)
        net, X, y = network(IDIOMS[work.name], *of_torch()), inputs(data), torch.from_numpy(data["y"])
        X = [torch.from_numpy(x) for x in (X if isinstance(X, tuple) else (X,))]
        y = y if y.is_floating_point() else y.long()
        start = {name: torch.tensor(as_torch(name, w)) for name, w in weights_of(data).items()}
        net.load_state_dict(start, strict=False)  # PyTorch counts batches too
        opt = torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=DECAY, fused=fused or None)

        @torch.no_grad()
        def reset():
            net.load_state_dict(start, strict=False)
            for state in opt.state.values():
                for value in state.values():
                    value.zero_()

        def epoch(order):
            order = torch.from_numpy(order)
            parts = [x[order].split(work.batch) for x in (*X, y)]
            for *xs, yb in zip(*parts, strict=True):
                opt.zero_grad()
                net.loss(net(*xs), yb).backward()
                opt.step()

        def weights():
            return {name: from_torch(name, w.detach().numpy()) for name, w in net.state_dict().items() if name in start}

        return epochs_of(work, reset, epoch, weights)

    return prepare


COMPETITORS = [
    Competitor("Cutaway", "Cutaway", "cutaway", cutaway, ours=True, profile=by_their_rule),
    Competitor("PyTorch eager", "PyTorch", "torch", torch_trained()),
    Competitor("PyTorch, fused AdamW", "PyTorch", "torch", torch_trained(fused=True)),
]
