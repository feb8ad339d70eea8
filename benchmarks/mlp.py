"""Plain networks of linear layers and ReLU, trained with AdamW: workloads A to D.

`python -m benchmarks.mlp` measures them beside every installed peer; `--quick` does it roughly in a few minutes.
"""

import math

import numpy as np

from benchmarks.family import SEED, Competitor, Workload, epochs_of

LR, DECAY = 1e-3, 0.01

WORKLOADS = {
    "A": Workload("A", (20, 64, 32, 1), batch=32, task="regression"),
    "B": Workload("B", (64, 128, 64, 10), batch=64, task="classification"),
    "C": Workload("C", (784, 256, 128, 10), batch=128, task="classification"),
    "D": Workload("D", (784, 1024, 1024, 10), batch=256, task="classification"),
}
TARGETS = {
    "A": {"PyTorch": 40, "JAX": 3, "scikit-learn": 25, "limit": 1.6},
    "B": {"PyTorch": 8, "JAX": 1.7, "scikit-learn": 12, "limit": 1.6},
    "C": {"PyTorch": 2, "JAX": 1.1, "scikit-learn": 3.5, "limit": 1.3},
    "D": {"PyTorch": 1.3, "JAX": 1, "scikit-learn": 2, "limit": 1.3, "memory": 1},
}
TOLERANCE = 0.01  # 32 to 256 updates in float32; scikit-learn has no weight decay
COLD = "A"


# --- the data, the initial weights and the loss: the same for everyone --------------------------------------------

def data(work):
    """Noisy outputs of a random tanh network, and He-normal initial weights as (out, in)."""
    rng = np.random.default_rng(SEED)
    n_in, n_out = work.shape[0], work.shape[-1]
    X = rng.standard_normal((work.rows, n_in), dtype=np.float32)
    z = np.tanh(X @ rng.standard_normal((n_in, 16)) / np.sqrt(n_in)) @ rng.standard_normal((16, n_out))
    z += 0.5 * rng.standard_normal(z.shape)
    y = z[:, 0].astype(np.float32) if work.task == "regression" else z.argmax(axis=1).astype(np.int32)
    arrays = {"X": X, "y": y}
    for i, (fan_in, fan_out) in enumerate(zip(work.shape, work.shape[1:], strict=False), start=1):
        W = rng.standard_normal((fan_out, fan_in)) * np.sqrt(2 / fan_in)
        arrays |= {f"layer{i}.weight": W.astype(np.float32), f"layer{i}.bias": np.zeros(fan_out, np.float32)}
    return arrays


def layers(weights):
    """[(W, b), ...] from arrays by name."""
    depth = sum(name.endswith(".weight") for name in weights)
    return [(weights[f"layer{i}.weight"], weights[f"layer{i}.bias"]) for i in range(1, depth + 1)]


def named(pairs):
    """The inverse of `layers`."""
    names = ((f"layer{i}.weight", f"layer{i}.bias") for i in range(1, len(pairs) + 1))
    return {n: np.array(v) for name, pair in zip(names, pairs, strict=True) for n, v in zip(name, pair, strict=True)}


def loss(work, data, weights):
    """Mean squared error or cross-entropy on all rows, in float64."""
    a = data["X"].astype(np.float64)
    for i, (W, b) in enumerate(layers(weights)):
        a = (np.maximum(a, 0) if i else a) @ W.T.astype(np.float64) + b
    if work.task == "regression":
        return float(np.mean((a[:, 0] - data["y"]) ** 2))
    a -= a.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(a).sum(axis=1)) - a[np.arange(len(a)), data["y"]]))


# --- Cutaway ------------------------------------------------------------------------------------------------------

def cutaway(work, data, threads):
    import cutaway as ct

    model = ct.nn.MLP(work.shape[0], list(work.shape[1:-1]), work.shape[-1], activation="relu")
    initial = named(layers(data))

    def train(epochs, shuffle):
        model.load_state_dict(initial)
        ct.fit(model, data["X"], data["y"], loss="mse" if work.task == "regression" else "cross_entropy",
               optimizer=ct.optim.AdamW(LR, weight_decay=DECAY), epochs=epochs, batch_size=work.batch, seed=SEED,
               shuffle=shuffle, threads=threads, progress=False)
        return model.state_dict()

    return train


# --- PyTorch ------------------------------------------------------------------------------------------------------

def torch_like(fused=False, compiled=False):
    """PyTorch with its options; an epoch's rows are gathered once, so that batches are slices that copy nothing."""

    def prepare(work, data, threads):
        import torch
        from torch import nn

        torch.set_num_threads(threads)
        regression = work.task == "regression"
        X, y = torch.from_numpy(data["X"]), torch.from_numpy(data["y"])
        y = y[:, None] if regression else y.long()
        sizes = list(zip(work.shape, work.shape[1:], strict=False))
        net = nn.Sequential(*[m for i, s in enumerate(sizes) for m in ([nn.ReLU()] if i else []) + [nn.Linear(*s)]])
        lossf = nn.MSELoss() if regression else nn.CrossEntropyLoss()
        opt = torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=DECAY, fused=fused or None)
        initial = [torch.from_numpy(v) for pair in layers(data) for v in pair]

        def objective(x, y):
            return lossf(net(x), y)

        forward = torch.compile(objective) if compiled else objective

        @torch.no_grad()
        def reset():
            for p, p0 in zip(net.parameters(), initial, strict=True):
                p.copy_(p0)
            for state in opt.state.values():
                for value in state.values():
                    value.zero_()

        def epoch(order):
            order = torch.from_numpy(order)
            for xb, yb in zip(X[order].split(work.batch), y[order].split(work.batch), strict=True):
                opt.zero_grad()
                forward(xb, yb).backward()
                opt.step()

        def weights():
            linear = [m for m in net if isinstance(m, nn.Linear)]
            return named([(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in linear])

        return epochs_of(work, reset, epoch, weights)

    return prepare


def torch_whole_step(work, data, threads):
    """Loss, gradient and AdamW as one compiled function of the parameters: no autograd left when it runs. Few users
    write this; it is the least that PyTorch's calls cost on a small network."""
    import torch
    import torch._inductor.config
    from torch.nn import functional as F

    torch._inductor.config.cpp_wrapper = True
    torch.set_num_threads(threads)
    regression = work.task == "regression"
    X, y = torch.from_numpy(data["X"]), torch.from_numpy(data["y"])
    y = y[:, None] if regression else y.long()
    initial = [torch.from_numpy(v) for pair in layers(data) for v in pair]
    params, ms, vs = [[torch.zeros_like(p) for p in initial] for _ in range(3)]
    t = torch.zeros((), dtype=torch.float64)

    def objective(params, x, y):
        a = x
        for i in range(0, len(params), 2):
            a = F.linear(torch.relu(a) if i else a, params[i], params[i + 1])
        return F.mse_loss(a, y) if regression else F.cross_entropy(a, y)

    @torch.compile(fullgraph=True)
    def step(params, ms, vs, t, x, y):
        grads = torch.func.grad(objective)(params, x, y)
        t += 1
        alpha, root = LR / (1 - 0.9**t), torch.sqrt(1 - 0.999**t)
        for p, m, v, g in zip(params, ms, vs, grads, strict=True):
            m.lerp_(g, 0.1)
            v.mul_(0.999).addcmul_(g, g, value=0.001)
            p.mul_(1 - LR * DECAY).sub_(alpha * m / (v.sqrt() / root + 1e-8))

    def reset():
        t.zero_()
        for p, m, v, p0 in zip(params, ms, vs, initial, strict=True):
            p.copy_(p0), m.zero_(), v.zero_()

    @torch.no_grad()
    def epoch(order):
        order = torch.from_numpy(order)
        for xb, yb in zip(X[order].split(work.batch), y[order].split(work.batch), strict=True):
            step(params, ms, vs, t, xb, yb)

    return epochs_of(work, reset, epoch, lambda: named(list(zip(params[::2], params[1::2], strict=True))))


# --- JAX ----------------------------------------------------------------------------------------------------------

def jax_like(scan):
    """JAX with one jitted call a step, or with a whole epoch as one `lax.scan`; AdamW as three fused expressions."""

    def prepare(work, data, threads):
        import os
        os.environ["NPROC"] = str(threads)  # the size of XLA's thread pool; read when JAX starts its CPU client
        os.environ["JAX_PLATFORMS"] = "cpu"
        import jax
        import jax.numpy as jnp
        from jax import lax

        X, y = jnp.asarray(data["X"]), jnp.asarray(data["y"])
        initial = [(W.T, b) for W, b in layers(data)]

        def objective(params, x, y):
            a = x
            for i, (W, b) in enumerate(params):
                a = (jax.nn.relu(a) if i else a) @ W + b
            if work.task == "regression":
                return jnp.mean((a[:, 0] - y) ** 2)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(a), y[:, None], axis=1))

        def corrected(beta, t):  # 1 - beta**t; as a difference it would have an error of 6e-5 in float32
            return -jnp.expm1(t * math.log(beta))

        def step(state, batch):
            params, m, v, t = state
            grads = jax.grad(objective)(params, *batch)
            t = t + 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
            alpha, root = LR / corrected(0.9, t), jnp.sqrt(corrected(0.999, t))
            params = jax.tree.map(lambda p, m, v: p - alpha * m / (jnp.sqrt(v) / root + 1e-8) - LR * DECAY * p,
                                  params, m, v)
            return (params, m, v, t), None

        def batches(X, y, order):
            return X[order].reshape(work.steps, work.batch, -1), y[order].reshape(work.steps, work.batch)

        scanned = jax.jit(lambda state, X, y, order: lax.scan(step, state, batches(X, y, order))[0], donate_argnums=0)
        gathered = jax.jit(batches)
        stepped = jax.jit(lambda state, xs, ys, i: step(state, (xs[i], ys[i]))[0], donate_argnums=0)
        now = {}

        def reset():
            params = jax.tree.map(lambda w: jnp.array(w, copy=True), initial)
            zeros = jax.tree.map(jnp.zeros_like, params)
            now["state"] = (params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.float32(0))

        def epoch(order):
            order = order.astype(np.int32)
            if scan:
                now["state"] = scanned(now["state"], X, y, order)
            else:
                xs, ys = gathered(X, y, order)
                for i in range(work.steps):
                    now["state"] = stepped(now["state"], xs, ys, i)

        return epochs_of(work, reset, epoch, lambda: named([(W.T, b) for W, b in now["state"][0]]))

    return prepare


# --- scikit-learn -------------------------------------------------------------------------------------------------

def sklearn(work, data, threads):
    """Its own estimators with early stopping off. It has Adam, not AdamW: the same updates but for the decay."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    make = MLPRegressor if work.task == "regression" else MLPClassifier
    options = {"batch_size": work.batch, "alpha": 0.0, "learning_rate_init": LR, "tol": 0.0, "n_iter_no_change": 10**9,
               "warm_start": True, "random_state": SEED}
    model = make(hidden_layer_sizes=work.shape[1:-1], max_iter=1, **options).fit(data["X"], data["y"])

    def train(epochs, shuffle):
        for W, b, (W0, b0) in zip(model.coefs_, model.intercepts_, layers(data), strict=True):
            W[:], b[:] = W0.T, b0
        model.set_params(max_iter=epochs, shuffle=shuffle)
        model.fit(data["X"], data["y"])
        return named([(W.T, b) for W, b in zip(model.coefs_, model.intercepts_, strict=True)])

    return train


# --- the limit ----------------------------------------------------------------------------------------------------

def products(work, data, threads):
    """The bare matrix products of a step, through NumPy's BLAS. Small ones go a few at a time, so that the cost of the
    calls from Python does not count."""
    rng = np.random.default_rng(SEED)
    copies = max(1, 32768 // (work.batch * max(work.shape)))

    def array(*shape):
        return rng.standard_normal((copies, *shape), dtype=np.float32)

    jobs = []
    for i, (n_in, n_out) in enumerate(zip(work.shape, work.shape[1:], strict=False)):
        x, W, dz = array(work.batch, n_in), array(n_out, n_in), array(work.batch, n_out)
        jobs += [(x, W.swapaxes(1, 2)), (dz.swapaxes(1, 2), x)] + ([(dz, W)] if i else [])
    jobs = [(a, b, a @ b) for a, b in jobs]

    def train(epochs, shuffle):
        for _ in range(epochs * work.steps // copies):
            for a, b, out in jobs:
                np.matmul(a, b, out=out)

    return train


COMPETITORS = [
    Competitor("Cutaway", "Cutaway", "cutaway", cutaway, ours=True),
    Competitor("PyTorch eager", "PyTorch", "torch", torch_like()),
    Competitor("PyTorch, fused AdamW", "PyTorch", "torch", torch_like(fused=True)),
    Competitor("PyTorch, torch.compile", "PyTorch", "torch", torch_like(fused=True, compiled=True)),
    Competitor("PyTorch, whole step compiled", "PyTorch, tuned", "torch", torch_whole_step),
    Competitor("JAX, jit a step", "JAX", "jax", jax_like(scan=False)),
    Competitor("JAX, scan an epoch", "JAX", "jax", jax_like(scan=True)),
    Competitor("scikit-learn", "scikit-learn", "sklearn", sklearn),
    Competitor("matrix products alone", "limit", "numpy", products, ours=True, products=True),
]

if __name__ == "__main__":
    from benchmarks.harness import main

    main("mlp")
