"""A convolutional network on images of the size of MNIST's, trained with AdamW."""

import numpy as np

from .family import SEED, TRAINED, Competitor, Workload, mean_loss, teacher
from .peers import as_torch, from_torch, jax_like, keras_like, moving, ours, products, torch_like, trained

WORKLOADS = {
    "CNN": Workload("CNN", (28, 28, 1), batch=64, task="classification", rows=2048,
                    about="28x28x1 - conv 32 - max pool - conv 64 - max pool - 128 - 10, batch 64, classification; "
                          "convolutions 3x3, padding same, ReLU after each layer"),
}
TARGETS = {"CNN": {"us": 11500, "PyTorch": 2.5, "JAX": 2.1}}
UNIT, PROOF = "a step", TRAINED
TOLERANCE = 1e-3  # 32 updates in float32, which bring the loss from 5.0 to 2.3
COLD = None

SHAPES = {"layer1": (32, 3, 3, 1), "layer2": (64, 3, 3, 32), "layer3": (128, 7 * 7 * 64), "layer4": (10, 128)}


# --- the data, the initial weights and the loss: the same for everyone --------------------------------------------

def data(work):
    """Noise for images, classes by a random network, and He-normal initial weights, outputs first."""
    rng = np.random.default_rng(SEED)
    X = rng.standard_normal((work.rows, *work.shape), dtype=np.float32)
    arrays = {"X": X, "y": teacher(rng, X, 10).argmax(axis=1).astype(np.int32)}
    for name, shape in SHAPES.items():
        W = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        arrays |= {f"{name}.weight": W.astype(np.float32), f"{name}.bias": np.zeros(shape[0], np.float32)}
    return arrays


def outputs(weights, x):
    """The network in NumPy."""
    layers = [(weights[f"{name}.weight"].astype(np.float64), weights[f"{name}.bias"]) for name in SHAPES]
    for W, b in layers[:2]:
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2))
        z = np.tensordot(windows, W, axes=((3, 4, 5), (3, 1, 2))) + b
        n, h, w, c = z.shape
        x = np.maximum(z, 0).reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
    (W3, b3), (W4, b4) = layers[2:]
    return np.maximum(x.reshape(n, -1) @ W3.T + b3, 0) @ W4.T + b4


def loss(work, data, weights):
    """Cross-entropy on all rows, in float64, a few images at a time."""
    parts = np.split(data["X"].astype(np.float64), work.steps)
    return mean_loss(work, np.concatenate([outputs(weights, x) for x in parts]), data["y"])


# --- the network, in each library's words -------------------------------------------------------------------------

def cutaway_net(nn, work):
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(32, 64, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU(), nn.Linear(128, 10))


def torch_net(work, channels_last=False):
    import torch
    from torch import nn

    class Images(nn.Module):
        def forward(self, x):
            return x.permute(0, 3, 1, 2)  # with one channel that moves nothing

    net = nn.Sequential(Images(), nn.Conv2d(1, 32, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Conv2d(32, 64, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU(), nn.Linear(128, 10))
    return net.to(memory_format=torch.channels_last) if channels_last else net


def to_torch(name, w):
    """What `Flatten` hands to layer3 has its channels first too."""
    pixels = w.reshape(-1, 7, 7, 64) if name == "layer3.weight" else w
    return as_torch(name, pixels).reshape(len(w), *as_torch(name, w).shape[1:])


def to_cutaway(name, w):
    pixels = w.reshape(-1, 64, 7, 7) if name == "layer3.weight" else w
    return from_torch(name, pixels).reshape(len(w), *from_torch(name, w).shape[1:])


def jax_net(work, unfold=False):
    """A pool is the maximum of a reshaped array, whose gradient XLA does twice as fast as a window's on a CPU. Within a
    scan its convolutions are 10 times slower than outside: there `unfold` makes each a product of matrices."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    def conv(x, W):
        if not unfold:
            return lax.conv_general_dilated(x, W, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        n, h, w, c = x.shape
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        patches = jnp.concatenate([x[:, i:i + h, j:j + w] for i in range(3) for j in range(3)], axis=-1)
        return (patches.reshape(-1, 9 * c) @ W.reshape(9 * c, -1)).reshape(n, h, w, -1)

    def net(params, x):
        for name in ("layer1", "layer2"):
            a = jax.nn.relu(conv(x, params[f"{name}.weight"]) + params[f"{name}.bias"])
            n, h, w, c = a.shape
            x = a.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
        a = jax.nn.relu(x.reshape(n, -1) @ params["layer3.weight"] + params["layer3.bias"])
        return a @ params["layer4.weight"] + params["layer4.bias"]

    return net


def keras_net(keras, work):
    layers = keras.layers
    return keras.Sequential([keras.Input(work.shape), layers.Conv2D(32, 3, padding="same", activation="relu"),
                             layers.MaxPooling2D(2), layers.Conv2D(64, 3, padding="same", activation="relu"),
                             layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(128, activation="relu"),
                             layers.Dense(10)])


def shapes(work, rows):
    """Forward, gradient of the weights, gradient of the input: (times, m, k, n). Convolutions go image by image."""
    for side, c_in, c_out in ((28, 1, 32), (14, 32, 64)):
        pixels, patch = side * side, 9 * c_in
        yield from [(rows, pixels, patch, c_out), (rows, c_out, pixels, patch)]
        if c_in > 1:
            yield rows, pixels, c_out, patch
    for n_out, n_in in (SHAPES["layer3"], SHAPES["layer4"]):
        yield from [(1, rows, n_in, n_out), (1, n_out, rows, n_in), (1, rows, n_out, n_in)]


def moved(work):
    """Bytes that a step moves outside its products. A pool reads four values and writes one, and back the reverse: 10
    bytes for each it reads, half an activation's."""
    weights = sum(int(np.prod(shape)) + shape[0] for shape in SHAPES.values())
    pooled = 28 * 28 * 32 + 14 * 14 * 64
    return trained(weights, work.batch * (pooled + pooled // 2 + 128), work.batch * 28 * 28)


def torch_cnn(**options):
    return torch_like(torch_net, there=to_torch, back=to_cutaway, **options)


COMPETITORS = [
    ours(cutaway_net),
    Competitor("PyTorch eager", "PyTorch", "torch", torch_cnn()),
    Competitor("PyTorch, fused AdamW", "PyTorch", "torch", torch_cnn(fused=True)),
    Competitor("PyTorch, channels_last", "PyTorch", "torch", torch_cnn(fused=True, channels_last=True)),
    Competitor("PyTorch, torch.compile", "PyTorch", "torch", torch_cnn(fused=True, compiled=True)),
    Competitor("PyTorch, compile, channels_last", "PyTorch", "torch",
               torch_cnn(fused=True, compiled=True, channels_last=True)),
    Competitor("JAX, jit a step", "JAX", "jax", jax_like(jax_net, scan=False)),
    Competitor("JAX, scan an epoch", "JAX", "jax", jax_like(jax_net, scan=True, unfold=True)),
    Competitor("Keras on JAX", "Keras", "keras", keras_like(keras_net)),
    Competitor("matrix products alone", "products", "numpy", products(shapes), ours=True, trains=False),
    moving(moved),
]
