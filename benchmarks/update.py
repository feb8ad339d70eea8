"""The optimizer's update alone, on one flat vector: what is left of a step when the gradient is there."""

from typing import Any

import numpy as np

from . import mlp
from .family import SEED, Competitor, Workload
from .peers import DECAY, LR, moving

SIZES = {key: mlp.parameters(mlp.WORKLOADS[key]) for key in "ACD"}
BYTES = {"AdamW": 28, "Adam": 28, "RMSProp": 20, "Momentum": 20}  # a weight: θ, g, state read; θ, state written


def update(rule, size):
    n = SIZES[size]
    return Workload(f"{rule} {size}", (n,), batch=1, task=rule, rows=64, about=f"{rule} on {n:,} weights")


WORKLOADS = {w.name: w for w in (*(update("AdamW", size) for size in "ACD"),
                                 *(update(rule, "C") for rule in ("Adam", "RMSProp", "Momentum")))}
TARGETS: dict[str, dict[str, float]] = {name: {} for name in WORKLOADS}
UNIT = "an update"
PROOF = "After the same updates, the mean distance that a weight has moved"
TOLERANCE = 1e-3  # 64 updates in float32
COLD = None


def data(work):
    rng = np.random.default_rng(SEED)
    return {name: rng.standard_normal(work.shape, dtype=np.float32) for name in ("theta", "g")}


def loss(work, data, result):
    """How far weights have moved on the average, in float64."""
    return float(np.mean(np.abs(result["theta"].astype(np.float64) - data["theta"])))


def moved(work):
    return BYTES[work.task] * work.shape[0]


def updates(work, reset, step, theta):
    """`train` for a library with a call for each update."""

    def train(epochs, shuffle):
        reset()
        for _ in range(epochs * work.steps):
            step()
        return {"theta": np.array(theta())}

    return train


# --- each library's own optimizer ---------------------------------------------------------------------------------

def cutaway(work, data, threads):
    """A training program's update instructions, and `batch`, which counts the steps: run as `fit` runs them."""
    from dataclasses import replace

    import cutaway as ct
    try:
        from cutaway.engines.cpu.engine import CPU
    except ImportError:  # in a build of before it lay elsewhere, and took other things
        raise NotImplementedError from None

    opt = {"AdamW": ct.optim.AdamW(LR, weight_decay=DECAY), "Adam": ct.optim.Adam(LR),
           "RMSProp": ct.optim.RMSPropOutside(LR), "Momentum": ct.optim.Momentum(LR)}[work.task]
    model = ct.nn.Linear(work.shape[0] - 1, 1)
    program = ct.compile(model, "mse", opt, batch_size=threads, threads=threads)
    listing, state = program.engine.listing, program.state
    alone = replace(listing, instructions=[i for i in listing.instructions if i.op in ("batch", "optimizer")])
    engine = CPU(alone, threads, opt, threads=threads)
    engine.bind(state)

    def train(epochs, shuffle):
        state.put({"θ": data["theta"], "t": 0} | {name: np.zeros_like(state[name]) for name in state.vectors})
        engine.write(listing.block["g"], data["g"])
        steps = epochs * work.steps
        engine.rows = steps * threads
        engine.run(None, 0, steps)
        return {"theta": model.theta.copy()}

    return train


def torch_optimizer(**options):
    """One tensor of all weights, the least work that PyTorch can have."""

    def prepare(work, data, threads):
        import torch

        if work.task == "RMSProp" and options.get("fused"):
            raise NotImplementedError
        torch.set_num_threads(threads)
        p = torch.nn.Parameter(torch.tensor(data["theta"]))
        p.grad = torch.tensor(data["g"])
        make, own = {"AdamW": (torch.optim.AdamW, {"weight_decay": DECAY}), "Adam": (torch.optim.Adam, {}),
                     "RMSProp": (torch.optim.RMSprop, {"alpha": 0.9}),
                     "Momentum": (torch.optim.SGD, {"momentum": 0.9, "dampening": 0.9})}[work.task]
        opt = make([p], lr=LR, **own, **options)

        @torch.no_grad()
        def reset():
            p.copy_(torch.from_numpy(data["theta"]))
            for value in opt.state[p].values():
                value.zero_()
            if work.task == "Momentum":  # PyTorch's first v is the gradient itself, unless there is one
                opt.state[p]["momentum_buffer"] = torch.zeros_like(p)

        return updates(work, reset, opt.step, lambda: p.detach().numpy())

    return prepare


def rule(xp, task):
    """The update as an array expression: (θ, g, t, state) -> (θ, state)."""

    def adam(theta, g, t, m, v):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = LR / (1 - xp.float32(0.9) ** t) * m / (xp.sqrt(v / -xp.expm1(t * np.log(0.999))) + 1e-8)
        return theta - step - (LR * DECAY * theta if task == "AdamW" else 0), m, v

    def rmsprop(theta, g, t, E):
        E = 0.9 * E + 0.1 * g * g
        return theta - LR * g / (xp.sqrt(E) + 1e-8), E

    def momentum(theta, g, t, v):
        v = 0.9 * v + 0.1 * g
        return theta - LR * v, v

    return {"AdamW": (adam, 2), "Adam": (adam, 2), "RMSProp": (rmsprop, 1), "Momentum": (momentum, 1)}[task]


def expression(package):
    """The rule in NumPy, or jitted by JAX with its arguments given away."""

    def prepare(work, data, threads):
        import os
        os.environ |= {"NPROC": str(threads), "JAX_PLATFORMS": "cpu"}
        if package == "jax":
            import jax

        xp: Any = jax.numpy if package == "jax" else np
        f, states = rule(xp, work.task)
        g, now = xp.asarray(data["g"]), {}

        def step(g, theta, t, *state):
            theta, *state = f(theta, g, t + 1, *state)
            return theta, t + 1, *state

        run = jax.jit(step, donate_argnums=range(1, 3 + states)) if package == "jax" else step

        def reset():
            zeros = (xp.zeros(work.shape, np.float32) for _ in range(states))
            now["all"] = (xp.array(data["theta"]), xp.float32(0), *zeros)

        def one():
            now["all"] = run(g, *now["all"])

        return updates(work, reset, one, lambda: now["all"][0])

    return prepare


COMPETITORS = [
    Competitor("Cutaway", "Cutaway", "cutaway", cutaway, ours=True),
    Competitor("PyTorch eager", "PyTorch", "torch", torch_optimizer(foreach=False)),
    Competitor("PyTorch, foreach", "PyTorch", "torch", torch_optimizer(foreach=True)),
    Competitor("PyTorch, fused", "PyTorch", "torch", torch_optimizer(fused=True)),
    Competitor("JAX, jit", "JAX", "jax", expression("jax")),
    Competitor("NumPy expression", "NumPy", "numpy", expression("numpy")),
    moving(moved),
]
