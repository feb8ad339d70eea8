"""64 networks of workload A at once, 8 initial weights by 8 learning rates, as a search over settings trains them."""

import math
from collections.abc import Callable

import numpy as np

from . import mlp
from .family import SEED, TRAINED, Competitor, Workload, epochs_of
from .peers import DECAY, moving

A = mlp.WORKLOADS["A"]
SEEDS, RATES = 8, np.geomspace(1e-4, 1e-2, 8)
MODELS = [(seed, float(lr)) for seed in range(SEEDS) for lr in RATES]

WORKLOADS = {"64 A": Workload("64 A", A.shape, A.batch, A.task, rows=2048, models=len(MODELS), stretch=6,
                              about=f"64 networks {A}: 8 seeds by 8 learning rates; the time is one model's step")}
TARGETS = {"64 A": {"us": 7, "JAX": 2}}
UNIT, PROOF = "a model's step", TRAINED
TOLERANCE = 1e-4  # 64 updates in float32
COLD = None


def data(work):
    """Workload A's rows, and the initial weights of all 64, stacked."""
    arrays = mlp.data(work)
    rng = np.random.default_rng(SEED + 1)
    for name in list(initial(arrays)):
        shape = (SEEDS, *arrays[name].shape)
        scale = np.sqrt(2 / shape[-1]) if len(shape) > 2 else 0
        weights = (scale * rng.standard_normal(shape)).astype(np.float32)
        arrays[name] = np.repeat(weights, len(RATES), axis=0)
    return arrays


def initial(arrays):
    return {name: value for name, value in arrays.items() if name not in ("X", "y")}


def loss(work, data, result):
    """The mean of all losses."""
    return float(np.mean([mlp.loss(work, data, {k: w[i] for k, w in result.items()}) for i in range(work.models)]))


def stacked(models):
    """[{name: weights}, ...] as one array a name."""
    return {name: np.stack([m[name] for m in models]) for name in models[0]}


# --- in each library's words --------------------------------------------------------------------------------------

def cutaway(work, data, threads):
    import cutaway as ct

    models = [mlp.cutaway_net(ct.nn, work) for _ in MODELS]
    X, y = data["X"], data["y"]

    def train(epochs, shuffle):
        for i, model in enumerate(models):
            model.load_state_dict({name: w[i] for name, w in initial(data).items()})
        ct.fit_many([{"model": model, "X": X, "y": y, "loss": "mse", "epochs": epochs, "batch_size": work.batch,
                      "optimizer": ct.optim.AdamW(lr, weight_decay=DECAY), "seed": seed, "shuffle": shuffle}
                     for model, (seed, lr) in zip(models, MODELS, strict=True)], workers=threads, progress=False)
        return stacked([model.state_dict() for model in models])

    return train


ONE: list[Callable] = []  # what a forked process runs


def one(job):
    return ONE[-1](*job)


def torch_in_turn(work, data, threads):
    """One model after another with fused AdamW, as a search written as a loop does; on two threads, a process each,
    which is faster for such small models than two threads in one."""
    import multiprocessing

    import torch
    from torch import nn

    torch.set_num_threads(1)
    X, y = torch.from_numpy(data["X"]), torch.from_numpy(data["y"])[:, None]
    net, lossf, names = mlp.torch_net(work), nn.MSELoss(), list(initial(data))

    def fit(i, seed, lr, epochs, shuffle):
        with torch.no_grad():
            for p, name in zip(net.parameters(), names, strict=True):
                p.copy_(torch.from_numpy(data[name][i]))
        opt = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=DECAY, fused=True)
        rng, order = np.random.default_rng(seed), np.arange(work.rows)
        for _ in range(epochs):
            rows = torch.from_numpy(rng.permutation(work.rows) if shuffle else order)
            for xb, yb in zip(X[rows].split(work.batch), y[rows].split(work.batch), strict=True):
                opt.zero_grad()
                lossf(net(xb), yb).backward()
                opt.step()
        return {name: p.detach().numpy().copy() for name, p in zip(names, net.parameters(), strict=True)}

    ONE.append(fit)
    run = map if threads == 1 else multiprocessing.get_context("fork").Pool(threads).map

    def train(epochs, shuffle):
        return stacked(list(run(one, [(i, seed, lr, epochs, shuffle) for i, (seed, lr) in enumerate(MODELS)])))

    return train


def orders(work, order):
    """An order of the rows for each model: the one given, permuted by the model's seed; as it is if it is sorted."""
    if order[0] == 0 and order[-1] == len(order) - 1:
        return np.tile(order, (work.models, 1))
    each = [np.random.default_rng([seed, order[0]]).permutation(order) for seed in range(SEEDS)]
    return np.repeat(each, len(RATES), axis=0)


def torch_stacked(compiled):
    """All 64 as one network of stacked weights: gradients by torch.func's vmap, AdamW in place on whole stacks."""

    def prepare(work, data, threads):
        import torch
        from torch.func import grad, vmap
        from torch.nn import functional as F

        torch.set_num_threads(threads)
        X, y = torch.from_numpy(data["X"]), torch.from_numpy(data["y"])[:, None]
        start = {name: torch.from_numpy(w) for name, w in initial(data).items()}
        params, ms, vs = ({name: torch.zeros_like(w) for name, w in start.items()} for _ in range(3))
        lr, now = torch.tensor([lr for _, lr in MODELS], dtype=torch.float32), {}

        def objective(params, x, y):
            for i in range(1, len(work.shape)):
                x = F.linear(torch.relu(x) if i > 1 else x, params[f"layer{i}.weight"], params[f"layer{i}.bias"])
            return F.mse_loss(x, y)

        gradients = vmap(grad(objective))

        def step(params, ms, vs, alpha, root, x, y):
            for name, g in gradients(params, x, y).items():
                p, m, v = params[name], ms[name], vs[name]
                rate = lr.view(-1, *[1] * (p.ndim - 1))
                m.lerp_(g, 0.1)
                v.mul_(0.999).addcmul_(g, g, value=0.001)
                p.mul_(1 - rate * DECAY).sub_(rate * alpha * m / (v.sqrt() / root + 1e-8))

        run = torch.compile(step) if compiled else step

        def reset():
            now["t"] = 0
            for name, p0 in start.items():
                params[name].copy_(p0), ms[name].zero_(), vs[name].zero_()

        @torch.no_grad()
        def epoch(order):
            rows = torch.from_numpy(orders(work, order)).T.contiguous().view(work.steps, work.batch, -1)
            for batch in rows:
                batch = batch.T
                now["t"] += 1  # the corrections as tensors: numbers would be compiled anew at every step
                alpha, root = torch.tensor(1 / (1 - 0.9**now["t"])), torch.tensor(math.sqrt(1 - 0.999**now["t"]))
                run(params, ms, vs, alpha, root, X[batch], y[batch])

        return epochs_of(work, reset, epoch, lambda: {name: p.numpy().copy() for name, p in params.items()})

    return prepare


def jax_vmap(work, data, threads, losses=False):
    """`vmap` over weights, learning rates and orders of the rows, around the scan of an epoch. losses: each model's
    mean loss of every epoch is found, too, as `fit_many` gives it."""
    import os
    os.environ |= {"NPROC": str(threads), "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu")}
    import jax
    import jax.numpy as jnp
    from jax import lax

    X, y, net = jnp.asarray(data["X"]), jnp.asarray(data["y"]), mlp.jax_net(work)
    start = {name: np.swapaxes(w, 1, -1) for name, w in initial(data).items()}
    rates = jnp.asarray([lr for _, lr in MODELS], jnp.float32)

    def objective(params, x, y):
        return jnp.mean((net(params, x)[:, 0] - y) ** 2)

    def one(params, m, v, t, lr, order):
        def step(state, rows):
            params, m, v, t = state
            J, grads = jax.value_and_grad(objective)(params, X[rows], y[rows])
            t = t + 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
            alpha, root = -lr / jnp.expm1(t * math.log(0.9)), jnp.sqrt(-jnp.expm1(t * math.log(0.999)))
            params = jax.tree.map(lambda p, m, v: p - alpha * m / (jnp.sqrt(v) / root + 1e-8) - lr * DECAY * p,
                                  params, m, v)
            return (params, m, v, t), J if losses else None

        state, J = lax.scan(step, (params, m, v, t), order.reshape(work.steps, work.batch))
        return state, J.mean() if losses else None

    run, now = jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None, 0, 0), out_axes=((0, 0, 0, None), 0)),
                       donate_argnums=(0, 1, 2)), {}
    found: list = []

    def reset():
        params = jax.tree.map(jnp.array, start)
        now["state"] = (params, *(jax.tree.map(jnp.zeros_like, params) for _ in range(2)), jnp.float32(0))
        found.clear()

    def epoch(order):
        now["state"], J = run(*now["state"], rates, orders(work, order).astype(np.int32))
        found.append(J)

    def weights():
        if losses:
            np.array(found)  # on the host: (epochs, models)
        return {name: np.swapaxes(np.array(w), 1, -1) for name, w in now["state"][0].items()}

    return epochs_of(work, reset, epoch, weights)


# --- the limit ----------------------------------------------------------------------------------------------------

def products(work, data, threads):
    """Workload A's products for all models, each thread its share of them, as `mlp.products` has them on one thread."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")
    pool, each = ThreadPoolExecutor(threads), [mlp.products(work, data, 1) for _ in range(threads)]

    def train(epochs, shuffle):
        list(pool.map(lambda train: train(epochs * work.models // threads, shuffle), each))

    return train


COMPETITORS = [
    Competitor("Cutaway, fit_many", "Cutaway", "cutaway", cutaway, ours=True),
    Competitor("PyTorch, one after another", "PyTorch", "torch", torch_in_turn),
    Competitor("PyTorch, stacked with vmap", "PyTorch, tuned", "torch", torch_stacked(compiled=False)),
    Competitor("PyTorch, stacked, compiled", "PyTorch, tuned", "torch", torch_stacked(compiled=True)),
    Competitor("JAX, vmap of a scan", "JAX", "jax", jax_vmap),
    Competitor("matrix products alone", "products", "numpy", products, ours=True, trains=False),
    moving(mlp.moved),
]
