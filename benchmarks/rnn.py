"""Recurrent networks that read a sequence and classify it by their last state, trained with AdamW."""

import numpy as np

from .family import SEED, TRAINED, Competitor, Workload, mean_loss, teacher
from .peers import jax_like, moving, ours, products, torch_like, trained

GATES = {"LSTM": 4, "GRU": 3}


def recurrent(name, rows=2048):
    cell, hidden = name.split("-")
    return Workload(name, (64, 16, int(hidden), 10), batch=32, task="classification", rows=rows,
                    about=f"16 features - {cell} {hidden} - 10, 64 time steps, batch 32, classification")


WORKLOADS = {"LSTM-64": recurrent("LSTM-64"), "GRU-64": recurrent("GRU-64"), "LSTM-256": recurrent("LSTM-256", 1024)}
TARGETS = {"LSTM-64": {"PyTorch": 3, "limit": 1.1}, "GRU-64": {"PyTorch": 7, "limit": 1.1},
           "LSTM-256": {"PyTorch": 1.25, "limit": 1.1}}
UNIT, PROOF = "a step", TRAINED
TOLERANCE = 1e-4  # 32 or 64 updates in float32, which bring the loss down by 3 or 4 %
COLD = None


def cell(work):
    return work.name.split("-")[0]


def names(work):
    """The weights, in PyTorch's order."""
    layer = f"layer1.{cell(work).lower()}"
    return [*(f"{layer}.{kind}_l0" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
            "layer2.weight", "layer2.bias"]


# --- the data, the initial weights and the loss: the same for everyone --------------------------------------------

def data(work):
    """Noise for sequences, classes by a random network, and uniform initial weights, outputs first."""
    rng = np.random.default_rng(SEED)
    time, features, hidden, classes = work.shape
    gates = GATES[cell(work)] * hidden
    X = rng.standard_normal((work.rows, time, features), dtype=np.float32)
    arrays = {"X": X, "y": teacher(rng, X, classes).argmax(axis=1).astype(np.int32)}
    shapes = ((gates, features), (gates, hidden), (gates,), (gates,), (classes, hidden), (classes,))
    bound = 1 / np.sqrt(hidden)
    return arrays | {name: rng.uniform(-bound, bound, shape).astype(np.float32)
                     for name, shape in zip(names(work), shapes, strict=True)}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(work, data, weights):
    """Cross-entropy on all rows, in float64."""
    W_ih, W_hh, b_ih, b_hh, W, b = (weights[name].astype(np.float64) for name in names(work))
    h = c = np.zeros((work.rows, work.shape[2]))
    for t in range(work.shape[0]):
        z_in, z_h = data["X"][:, t] @ W_ih.T + b_ih, h @ W_hh.T + b_hh
        if cell(work) == "LSTM":
            i, f, g, o = np.split(z_in + z_h, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (r_in, z_in, n_in), (r_h, z_h, n_h) = np.split(z_in, 3, axis=1), np.split(z_h, 3, axis=1)
            z, n = sigmoid(z_in + z_h), np.tanh(n_in + sigmoid(r_in + r_h) * n_h)
            h = (1 - z) * n + z * h
    return mean_loss(work, h @ W.T + b, data["y"])


# --- the network, in each library's words -------------------------------------------------------------------------

def cutaway_net(nn, work):
    _, features, hidden, classes = work.shape
    layer = getattr(nn, cell(work))(features, hidden)
    return nn.Sequential(nn.LastState(layer), nn.Linear(hidden, classes))


def torch_net(work):
    import torch._dynamo
    from torch import nn

    # Its LSTM is oneDNN's, which torch.compile cannot look into; its GRU can be compiled whole, in some minutes.
    torch._dynamo.config.allow_rnn = cell(work) == "GRU"
    _, features, hidden, classes = work.shape

    class LastState(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.out = getattr(nn, cell(work))(features, hidden), nn.Linear(hidden, classes)

        def forward(self, x):
            y, _ = self.layer(x.transpose(0, 1))  # time first is its faster order
            return self.out(y[-1])

    return LastState()


def jax_net(work):
    """The input's product for all time steps at once, a scan over time for the rest: unrolled, it was slower."""
    import jax.numpy as jnp
    from jax import lax
    from jax.nn import sigmoid

    def net(params, x):
        W_ih, W_hh, b_ih, b_hh, W, b = (params[name] for name in names(work))
        h0 = jnp.zeros((x.shape[0], work.shape[2]))

        def lstm(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ W_hh, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
            return (sigmoid(o) * jnp.tanh(c), c), None

        def gru(h, z_in):
            (r_in, z_in, n_in), (r_h, z_h, n_h) = jnp.split(z_in, 3, axis=1), jnp.split(h @ W_hh + b_hh, 3, axis=1)
            z, n = sigmoid(z_in + z_h), jnp.tanh(n_in + sigmoid(r_in + r_h) * n_h)
            return (1 - z) * n + z * h, None

        z = jnp.swapaxes(x, 0, 1) @ W_ih + b_ih
        h = lax.scan(lstm, (h0, h0), z + b_hh)[0][0] if cell(work) == "LSTM" else lax.scan(gru, h0, z)[0]
        return h @ W + b

    return net


def shapes(work, rows):
    """(times, m, k, n): all inputs at once, the state's products one by one, the gradients of weights at the end."""
    time, features, hidden, classes = work.shape
    gates = GATES[cell(work)] * hidden
    return [(1, time * rows, features, gates), (time, rows, hidden, gates), (time, rows, gates, hidden),
            (1, gates, time * rows, features), (1, gates, time * rows, hidden),
            (1, rows, hidden, classes), (1, classes, rows, hidden), (1, rows, classes, hidden)]


def moved(work):
    """Bytes that a step moves outside its products: at each time step the gates, and the states h (and c)."""
    time, features, hidden, classes = work.shape
    gates = GATES[cell(work)] * hidden
    weights = gates * (features + hidden + 2) + classes * (hidden + 1)
    states = 2 * hidden if cell(work) == "LSTM" else hidden
    return trained(weights, work.batch * time * (gates + states), work.batch * time * features)


COMPETITORS = [
    ours(cutaway_net),
    Competitor("PyTorch eager", "PyTorch", "torch", torch_like(torch_net)),
    Competitor("PyTorch, fused AdamW", "PyTorch", "torch", torch_like(torch_net, fused=True)),
    Competitor("PyTorch, torch.compile", "PyTorch", "torch", torch_like(torch_net, fused=True, compiled=True)),
    Competitor("JAX, jit a step", "JAX", "jax", jax_like(jax_net, scan=False)),
    Competitor("JAX, scan an epoch", "JAX", "jax", jax_like(jax_net, scan=True)),
    Competitor("matrix products alone", "products", "numpy", products(shapes), ours=True, trains=False),
    moving(moved),
]
