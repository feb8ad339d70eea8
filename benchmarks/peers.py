"""How each library trains, whatever the network: a family gives the network, this file the loop, the loss and AdamW.

A family's `build` says what it is in the library's own words. Weights are carried across by name and by shape: Cutaway
has a layer's outputs first and its input channels last, PyTorch input channels second, JAX inputs first.
"""

import itertools
import math

import numpy as np

from .family import SEED, Competitor, epochs_of
from .machine import fastest

LR, DECAY = 1e-3, 0.01


def initial(data):
    """The initial weights by name."""
    return {name: value for name, value in data.items() if name not in ("X", "y")}


def rounding(work, function):
    """The setting for a workload's precision, where this build of Cutaway has one; an older one runs in float32."""
    import inspect

    known = "precision" in inspect.signature(function).parameters
    return {"precision": work.precision} if work.precision and known else {}


def cutaway(build):
    """Cutaway's `fit`; `build(nn, work)` gives the model."""

    def prepare(work, data, threads):
        import cutaway as ct

        model, weights = build(ct.nn, work), initial(data)

        def train(epochs, shuffle):
            model.load_state_dict(weights)
            ct.fit(model, data["X"], data["y"], loss="mse" if work.task == "regression" else "cross_entropy",
                   optimizer=ct.optim.AdamW(LR, weight_decay=DECAY), epochs=epochs, batch_size=work.batch, seed=SEED,
                   shuffle=shuffle, threads=threads, progress=False, **rounding(work, ct.fit))
            return model.state_dict()

        return train

    return prepare


def profile(build):
    """Where the time of one of Cutaway's steps goes, on one thread."""

    def of(work, data):
        import cutaway as ct

        model = build(ct.nn, work)
        model.load_state_dict(initial(data))
        program = ct.compile(model, "mse" if work.task == "regression" else "cross_entropy",
                             ct.optim.AdamW(LR, weight_decay=DECAY), work.batch, data["X"][:2], threads=1,
                             **rounding(work, ct.compile))
        program.feed(data["X"], data["y"])
        program.run(steps=2)
        return str(program.profile())

    return of


def ours(build):
    """Cutaway's line of a training family."""
    return Competitor("Cutaway", "Cutaway", "cutaway", cutaway(build), ours=True, profile=profile(build))


def as_torch(_, w):
    """Input channels second."""
    return np.moveaxis(w, -1, 1) if w.ndim > 1 else w


def from_torch(_, w):
    return np.moveaxis(w, 1, -1) if w.ndim > 1 else w


def begin_again(net, start, opt):
    """Put a PyTorch network's weights back to where they began, and its optimizer's memory to zero."""
    import torch

    with torch.no_grad():
        for p, p0 in zip(net.parameters(), start.values(), strict=True):
            p.copy_(p0)
        for state in opt.state.values():
            for value in state.values():
                value.zero_()


def torch_like(build, fused=False, compiled=False, autocast=False, there=as_torch, back=from_torch, **options):
    """PyTorch with its options; an epoch's rows are gathered once, so that batches are slices that copy nothing.

    autocast: products in bf16, for workloads of that precision. `build(work, **options)` gives a module whose
    parameters come in the order of the initial weights.
    """

    def prepare(work, data, threads):
        import torch
        from torch import nn

        if autocast and not work.precision:
            raise NotImplementedError
        torch.set_num_threads(threads)
        regression = work.task == "regression"
        X, y = torch.from_numpy(data["X"]), torch.from_numpy(data["y"])
        y = y[:, None] if regression else y.long()
        net, lossf = build(work, **options), nn.MSELoss() if regression else nn.CrossEntropyLoss()
        opt = torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=DECAY, fused=fused or None)
        start = {name: torch.tensor(there(name, w)) for name, w in initial(data).items()}

        def objective(x, y):
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                return lossf(net(x), y)

        forward = torch.compile(objective) if compiled else objective

        def epoch(order):
            order = torch.from_numpy(order)
            for xb, yb in zip(X[order].split(work.batch), y[order].split(work.batch), strict=True):
                opt.zero_grad()
                forward(xb, yb).backward()
                opt.step()

        def weights():
            return {name: back(name, p.detach().numpy()) for name, p in zip(start, net.parameters(), strict=True)}

        return epochs_of(work, lambda: begin_again(net, start, opt), epoch, weights)

    return prepare


def jax_like(build, scan, losses=False, **options):
    """JAX with one jitted call a step, or with a whole epoch as one `lax.scan`, which can give every step's loss; AdamW
    as three fused expressions.

    `build(work, **options)` gives `net(weights by name, x) -> outputs`.
    """

    def prepare(work, data, threads):
        import os
        os.environ["NPROC"] = str(threads)  # the size of XLA's thread pool; read when JAX starts its CPU client
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax
        import jax.numpy as jnp
        from jax import lax

        X, y = jnp.asarray(data["X"]), jnp.asarray(data["y"])
        net, start = build(work, **options), {name: np.moveaxis(w, 0, -1) for name, w in initial(data).items()}

        def objective(params, x, y):
            a = net(params, x)
            if work.task == "regression":
                return jnp.mean((a[:, 0] - y) ** 2)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(a), y[:, None], axis=1))

        def corrected(beta, t):  # 1 - beta**t; as a difference it would have an error of 6e-5 in float32
            return -jnp.expm1(t * math.log(beta))

        def step(state, batch):
            params, m, v, t = state
            J, grads = jax.value_and_grad(objective)(params, *batch)
            t = t + 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
            alpha, root = LR / corrected(0.9, t), jnp.sqrt(corrected(0.999, t))
            params = jax.tree.map(lambda p, m, v: p - alpha * m / (jnp.sqrt(v) / root + 1e-8) - LR * DECAY * p,
                                  params, m, v)
            return (params, m, v, t), J if losses else None

        def batches(X, y, order):
            return X[order].reshape(work.steps, work.batch, *X.shape[1:]), y[order].reshape(work.steps, work.batch)

        scanned = jax.jit(lambda state, X, y, order: lax.scan(step, state, batches(X, y, order)), donate_argnums=0)
        gathered = jax.jit(batches)
        stepped = jax.jit(lambda state, xs, ys, i: step(state, (xs[i], ys[i]))[0], donate_argnums=0)
        now, losses_of = {}, list[object]()  # each epoch's, on the device until all is done

        def reset():
            params = jax.tree.map(lambda w: jnp.array(w, copy=True), start)
            zeros = jax.tree.map(jnp.zeros_like, params)
            now["state"] = (params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.float32(0))
            losses_of.clear()

        def epoch(order):
            order = order.astype(np.int32)
            if scan:
                now["state"], J = scanned(now["state"], X, y, order)
                losses_of.append(J)
            else:
                xs, ys = gathered(X, y, order)
                for i in range(work.steps):
                    now["state"] = stepped(now["state"], xs, ys, i)

        def weights():
            jax.device_get(losses_of)
            return {name: np.moveaxis(np.array(w), -1, 0) for name, w in now["state"][0].items()}

        return epochs_of(work, reset, epoch, weights)

    return prepare


def keras_like(build):
    """Keras on JAX, compiled, all steps of an epoch handed over at once; `build(keras, work)` gives the model."""

    def prepare(work, data, threads):
        import os
        os.environ |= {"KERAS_BACKEND": "jax", "NPROC": str(threads), "JAX_PLATFORMS": "cpu"}
        import keras

        model = build(keras, work)
        opt = keras.optimizers.AdamW(LR, weight_decay=DECAY, epsilon=1e-8)
        lossf = "mse" if work.task == "regression" else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(opt, lossf, jit_compile=True, steps_per_execution=work.steps)
        names, start = list(initial(data)), [np.moveaxis(w, 0, -1) for w in initial(data).values()]
        y = data["y"][:, None] if work.task == "regression" else data["y"]

        def train(epochs, shuffle):
            model.set_weights(start)
            for v in opt.variables:
                if "learning_rate" not in v.path:
                    v.assign(np.zeros(v.shape, v.dtype))
            model.fit(data["X"], y, batch_size=work.batch, epochs=epochs, shuffle=shuffle, verbose=0)
            return {name: np.moveaxis(w, -1, 0) for name, w in zip(names, model.get_weights(), strict=True)}

        return train

    return prepare


def layouts(a, b):
    """The product a b with each factor stored by rows or by columns, and each of these as (b^T a^T)^T."""
    by_columns = [np.ascontiguousarray(m.T).T for m in (a, b)]
    for left, right in itertools.product((a, by_columns[0]), (b, by_columns[1])):
        yield left, right
        yield right.T, left.T


def products(shapes):
    """The bare matrix products of a step through NumPy's BLAS, each in the layout that is fastest here.

    `shapes(work, rows)` gives (times, m, k, n) for each product (m, k) (k, n) that a step on so many rows does so many
    times. Repetitions have the same factors, which so stay in cache, and are one call, so that Python's does not count.
    Each thread has a shard of the rows and waits for no other.
    """

    def prepare(work, data, threads):
        from concurrent.futures import ThreadPoolExecutor

        from threadpoolctl import threadpool_limits

        rng, pool = np.random.default_rng(SEED), ThreadPoolExecutor(threads)
        threadpool_limits(1, "blas")

        def job(times, m, k, n):
            a, b = (rng.standard_normal(shape, dtype=np.float32) for shape in ((m, k), (k, n)))
            jobs = []
            for left, right in layouts(a, b):
                left = np.broadcast_to(left, (times, *left.shape))
                out = left @ right
                jobs.append(lambda left=left, right=right, out=out: np.matmul(left, right, out=out))
            return min(jobs, key=fastest)

        rows = work.batch // threads
        shards = [[job(*shape) for shape in shapes(work, rows)] for _ in range(threads)]

        def run(jobs, steps):
            for _ in range(steps):
                for job in jobs:
                    job()

        def train(epochs, shuffle):
            list(pool.map(run, shards, [epochs * work.steps] * threads))

        return train

    return prepare


def traffic(moved):
    """The bare memory traffic of a step: c = a + b over as many bytes as `moved(work)`, which lie in the caches that
    they fit in. Each thread has its share."""

    def prepare(work, data, threads):
        from concurrent.futures import ThreadPoolExecutor

        size, pool = max(1, moved(work) // 12 // threads), ThreadPoolExecutor(threads)
        shares = [[np.ones(size, np.float32) for _ in range(3)] for _ in range(threads)]

        def run(share, steps):
            a, b, c = share
            for _ in range(steps):
                np.add(a, b, out=c)

        def train(epochs, shuffle):
            list(pool.map(run, shares, [epochs * work.steps * work.models] * threads))

        return train

    return prepare


def moving(moved):
    """The line of the bare memory traffic."""
    return Competitor("memory traffic alone", "traffic", "numpy", traffic(moved), ours=True, trains=False)


def trained(weights, values, gathered):
    """Bytes that a training step moves outside its products: AdamW reads θ, g, m, v and writes θ, m, v; an activation
    is read and written on the way out, its gradient and itself read and its input's gradient written on the way back;
    gathering reads and writes the batch."""
    return 28 * weights + 20 * values + 8 * gathered
