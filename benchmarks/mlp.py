"""Plain networks of linear layers and ReLU, trained with AdamW: workloads A to D, and C in bf16."""

import numpy as np

from .family import SEED, TRAINED, Competitor, Workload, epochs_of, mean_loss, teacher
from .peers import DECAY, LR, jax_like, keras_like, moving, ours, torch_like, trained

WORKLOADS = {
    "A": Workload("A", (20, 64, 32, 1), batch=32, task="regression"),
    "B": Workload("B", (64, 128, 64, 10), batch=64, task="classification"),
    "C": Workload("C", (784, 256, 128, 10), batch=128, task="classification"),
    "D": Workload("D", (784, 1024, 1024, 10), batch=256, task="classification"),
    "C bf16": Workload("C bf16", (784, 256, 128, 10), batch=128, task="classification", precision="bf16",
                       about='C with precision="bf16"', groups=("Cutaway", "before", "PyTorch")),
}
TARGETS = {
    "A": {"us": 8.5, "before": 1.37, "PyTorch": 42, "JAX": 2},
    "B": {"us": 48, "before": 1.54, "JAX": 2.2},
    "C": {"us": 800, "before": 1.37, "PyTorch": 2.1, "JAX": 1.4},
    "D": {"us": 15000, "PyTorch": 1.35, "JAX": 1.1},
    "C bf16": {"us": 520, "before": 2},
}
UNIT, PROOF = "a step", TRAINED
TOLERANCE = 0.01  # 32 to 256 updates in float32; scikit-learn has no weight decay
COLD = "A"


# --- the data, the initial weights and the loss: the same for everyone --------------------------------------------

def data(work):
    """Noisy outputs of a random tanh network, and He-normal initial weights as (out, in)."""
    rng = np.random.default_rng(SEED)
    n_in, n_out = work.shape[0], work.shape[-1]
    X = rng.standard_normal((work.rows, n_in), dtype=np.float32)
    z = teacher(rng, X, n_out)
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
    return mean_loss(work, a, data["y"])


# --- the network, in each library's words -------------------------------------------------------------------------

def cutaway_net(nn, work):
    return nn.MLP(work.shape[0], list(work.shape[1:-1]), work.shape[-1], activation="relu")


def torch_net(work):
    from torch import nn

    sizes = list(zip(work.shape, work.shape[1:], strict=False))
    return nn.Sequential(*[m for i, s in enumerate(sizes) for m in ([nn.ReLU()] if i else []) + [nn.Linear(*s)]])


def jax_net(work):
    import jax

    def net(params, a):
        for i in range(1, len(work.shape)):
            a = (jax.nn.relu(a) if i > 1 else a) @ params[f"layer{i}.weight"] + params[f"layer{i}.bias"]
        return a

    return net


def keras_net(keras, work):
    hidden = [keras.layers.Dense(n, activation="relu") for n in work.shape[1:-1]]
    return keras.Sequential([keras.Input(work.shape[:1]), *hidden, keras.layers.Dense(work.shape[-1])])


# --- more of PyTorch ----------------------------------------------------------------------------------------------

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
    done = [(a, b, a @ b) for a, b in jobs]

    def train(epochs, shuffle):
        for _ in range(epochs * work.steps // copies):
            for a, b, out in done:
                np.matmul(a, b, out=out)

    return train


def parameters(work):
    return sum((n_in + 1) * n_out for n_in, n_out in zip(work.shape, work.shape[1:], strict=False))


def moved(work):
    """Bytes that a step moves outside its products."""
    return trained(parameters(work), work.batch * sum(work.shape[1:-1]), work.batch * work.shape[0])


COMPETITORS = [
    ours(cutaway_net),
    Competitor("PyTorch eager", "PyTorch", "torch", torch_like(torch_net)),
    Competitor("PyTorch, fused AdamW", "PyTorch", "torch", torch_like(torch_net, fused=True)),
    Competitor("PyTorch, torch.compile", "PyTorch", "torch", torch_like(torch_net, fused=True, compiled=True)),
    Competitor("PyTorch, autocast to bf16", "PyTorch", "torch", torch_like(torch_net, fused=True, autocast=True)),
    Competitor("PyTorch, whole step compiled", "PyTorch, tuned", "torch", torch_whole_step),
    Competitor("JAX, jit a step", "JAX", "jax", jax_like(jax_net, scan=False)),
    Competitor("JAX, scan an epoch", "JAX", "jax", jax_like(jax_net, scan=True)),
    Competitor("Keras on JAX", "Keras", "keras", keras_like(keras_net)),
    Competitor("scikit-learn", "scikit-learn", "sklearn", sklearn),
    Competitor("matrix products alone", "products", "numpy", products, ours=True, trains=False),
    moving(moved),
]
