"""The workloads of `xla.py` on one device of XLA, with PyTorch in four ways beside: tools/bench_gpu.py runs it.

CUTAWAY_BENCH_DEVICE names the device: gpu, or cpu, to try the code. Products are full float32 everywhere (PyTorch's
default; JAX is told so), but in the wide network, whose products are bf16 everywhere.
"""

import os
from dataclasses import replace

import numpy as np

from . import cnn, mlp, xla
from .family import TRAINED, Competitor, Workload, epochs_of
from .peers import DECAY, LR, begin_again, initial

DEVICE = os.environ.get("CUTAWAY_BENCH_DEVICE", "gpu")
SHORT = bool(os.environ.get("CUTAWAY_BENCH_SHORT"))
WIDE = Workload("wide bf16", (4096, 4096, 4096, 4096, 4096), batch=8192, task="classification", rows=16384,
                precision="bf16", about="four layers of 4096, batch 8192, products in bf16")
EXPECTED = {"A": 23, "B": 38, "C": 50, "D": 108}  # µs a step, at most, on a device of the H100's class

WORKLOADS = dict(xla.WORKLOADS) | {WIDE.name: WIDE}
if SHORT:
    WORKLOADS = {name: replace(xla.WORKLOADS[name], rows=4 * xla.WORKLOADS[name].batch) for name in ("A", "C")}
    WORKLOADS[WIDE.name] = replace(WIDE, shape=(64, 64, 64, 64, 64), batch=128, rows=512)
TARGETS = {name: {"us": EXPECTED[name]} if name in EXPECTED else {} for name in WORKLOADS}
UNIT, PROOF, TOLERANCE, COLD = "a step", TRAINED, 0.05, None


def family_of(work):
    return xla.OF.get(work.name, mlp)


def data(work):
    return family_of(work).data(work)


def loss(work, data, result):
    return family_of(work).loss(work, data, result)


def cutaway(work, data, threads):
    if work.name in xla.OF:
        return xla.cutaway(work, data, threads)
    xla.OF[work.name] = mlp
    return xla.cutaway(work, data, threads)


def by_hand(work, data, threads):
    if work.precision or (work.name == "CNN" and DEVICE != "cpu"):
        return xla.jax_like(family_of(work).jax_net, scan=True)(work, data, threads) if not work.precision else refuse()
    return xla.by_hand(work, data, threads)


def refuse():
    raise NotImplementedError


def pytorch(fused=False, graph=False, compiled=False):
    """A loop over batches that are gathered on the device, with AdamW: eager, fused, as one CUDA graph, compiled."""

    def prepare(work, data, threads):
        import torch
        from torch import nn

        on = "cuda" if DEVICE == "gpu" else "cpu"
        if work.models > 1 or (graph and on == "cpu"):
            raise NotImplementedError
        family, regression = family_of(work), work.task == "regression"
        X, y = torch.from_numpy(data["X"]).to(on), torch.from_numpy(data["y"]).to(on)
        y = y[:, None] if regression else y.long()
        net, lossf = family.torch_net(work).to(on), nn.MSELoss() if regression else nn.CrossEntropyLoss()
        there, back = (cnn.to_torch, cnn.to_cutaway) if family is cnn else (lambda _, w: w,) * 2
        opt = torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=DECAY, fused=fused or None, capturable=graph)
        start = {name: torch.tensor(there(name, w), device=on) for name, w in initial(data).items()}

        def objective(x, y):
            with torch.autocast(on, torch.bfloat16, enabled=bool(work.precision)):
                return lossf(net(x), y)

        forward = torch.compile(objective) if compiled else objective

        rows = torch.zeros(work.batch, dtype=torch.long, device=on)

        def step():
            opt.zero_grad(set_to_none=not graph)
            forward(X[rows], y[rows]).backward()
            opt.step()

        run = step
        if graph:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    step()
            torch.cuda.current_stream().wait_stream(side)
            captured = torch.cuda.CUDAGraph()
            with torch.cuda.graph(captured):
                step()
            run = captured.replay

        def epoch(order):
            for batch in torch.from_numpy(order).to(on).view(work.steps, work.batch):
                rows.copy_(batch)
                run()
            if on == "cuda":
                torch.cuda.synchronize()

        def weights():
            return {name: back(name, p.detach().cpu().numpy())
                    for name, p in zip(start, net.parameters(), strict=True)}

        return epochs_of(work, lambda: begin_again(net, start, opt), epoch, weights)

    return prepare


def losses(name: str) -> np.ndarray:
    """The loss of each of 32 steps of Cutaway's program."""
    import cutaway as ct

    work = WORKLOADS[name]
    arrays = data(work)
    model = family_of(work).cutaway_net(ct.nn, work)
    model.load_state_dict(initial(arrays))
    run = ct.fit(model, arrays["X"][: 4 * work.batch], arrays["y"][: 4 * work.batch],
                 loss="mse" if work.task == "regression" else "cross_entropy", epochs=8, batch_size=work.batch,
                 optimizer=ct.optim.AdamW(LR, weight_decay=DECAY), engine="xla", progress=False)
    return run.steps["loss"]


COMPETITORS = [
    Competitor("Cutaway", "Cutaway", "cutaway", cutaway, ours=True),
    Competitor("JAX by hand", "JAX", "jax", by_hand),
    Competitor("PyTorch eager", "PyTorch", "torch", pytorch()),
    Competitor("PyTorch, fused AdamW", "PyTorch", "torch", pytorch(fused=True)),
    Competitor("PyTorch, CUDA graph", "PyTorch", "torch", pytorch(fused=True, graph=True)),
    Competitor("PyTorch, torch.compile", "PyTorch", "torch", pytorch(fused=True, compiled=True)),
]
