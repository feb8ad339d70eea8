"""Write the .onnx files in `made/` that jax2onnx makes: python make_jax_files.py (needs jax2onnx, flax)."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax2onnx import to_onnx
from slim import slim

FOLDER = Path(__file__).parent / "made"


class Perceptron(nnx.Module):
    def __init__(self, rngs):
        self.first, self.second = nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x):
        return self.second(nnx.relu(self.first(x)))


class Kinds(nnx.Module):
    def __init__(self, rngs):
        self.first, self.second = nnx.Linear(4, 6, rngs=rngs), nnx.Linear(6, 2, rngs=rngs)
        self.norm = nnx.LayerNorm(6, rngs=rngs)

    def __call__(self, x):
        z = self.norm(self.first(x))
        z = nnx.gelu(z) + nnx.silu(z) + nnx.tanh(z) + nnx.elu(z) + nnx.softplus(z) + nnx.sigmoid(z)
        return nnx.log_softmax(self.second(z))


class Convolutional(nnx.Module):
    def __init__(self, rngs):
        self.conv, self.norm = nnx.Conv(2, 4, (3, 3), rngs=rngs), nnx.BatchNorm(4, use_running_average=True, rngs=rngs)
        self.out = nnx.Linear(64, 3, rngs=rngs)

    def __call__(self, x):
        z = nnx.avg_pool(nnx.relu(self.norm(self.conv(x))), window_shape=(2, 2), strides=(2, 2))
        return self.out(z.reshape(z.shape[0], -1))


class Mixer(nnx.Module):
    def __init__(self, rngs):
        self.first, self.second = nnx.Linear(8, 8, rngs=rngs), nnx.Linear(8, 2, rngs=rngs)
        self.mix = nnx.Param(jax.random.normal(rngs.params(), (5, 5)) / 5)

    def __call__(self, x):
        z = jnp.einsum("ntk,ts->nsk", nnx.gelu(self.first(x), approximate=False), self.mix[...])
        return self.second((x + z).mean(1))


class Words(nnx.Module):
    def __init__(self, rngs):
        self.words, self.out = nnx.Embed(11, 5, rngs=rngs), nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, i):
        return self.out(self.words(i).max(1))


class Scan(nnx.Module):
    """A recurrent network, its steps written out."""

    def __init__(self, rngs):
        self.cell, self.out = nnx.SimpleCell(3, 4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x):
        h = jnp.zeros((x.shape[0], 4))
        for t in range(x.shape[1]):
            h, _ = self.cell(h, x[:, t])
        return self.out(h)


class Gated(nnx.Module):
    def __init__(self, rngs):
        self.cell, self.out = nnx.GRUCell(3, 4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x):
        h = jnp.zeros((x.shape[0], 4))
        for t in range(x.shape[1]):
            h, _ = self.cell(h, x[:, t])
        return self.out(h)


MODELS = {
    "mlp": (Perceptron, ("B", 4)), "activations": (Kinds, ("B", 4)), "cnn": (Convolutional, ("B", 8, 8, 2)),
    "mixer": (Mixer, ("B", 5, 8)), "words": (Words, ("B", 6)), "rnn": (Scan, ("B", 5, 3)), "gru": (Gated, ("B", 5, 3)),
}


def main(chosen):
    FOLDER.mkdir(exist_ok=True)
    for name in chosen or MODELS:
        make, shape = MODELS[name]
        path = FOLDER / f"jax2onnx_{name}.onnx"
        net = make(nnx.Rngs(len(name)))
        what = shape if name != "words" else jax.ShapeDtypeStruct(jax.export.symbolic_shape("B, 6"), np.int32)
        try:
            to_onnx(net, [what], return_mode="file", output_path=str(path), input_names=["x"],
                    output_names=["out"], opset=21)
        except Exception as reason:
            print(f"{name}: {type(reason).__name__}: {str(reason)[:300]}")
            continue
        slim(path)
        print(name, path.stat().st_size, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
