"""The .onnx files in `made/`, which other libraries wrote, with rows for each and what ONNX Runtime answers to them."""

from pathlib import Path

import numpy as np
import onnxruntime as runtime

import cutaway as ct
from cutaway.named_inputs import NamedInputs

FILES = {path.stem: path for path in sorted((Path(__file__).parent / "made").glob("*.onnx"))}
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64,
         "tensor(int32)": np.int32}


def rows_for(net, n=4, seed=0):
    """Rows as the network takes them: an array, or a tuple of several."""
    rng, parts = np.random.default_rng(seed), []
    for part in NamedInputs.of(net.example_input()).parts.values():
        shape = n, *part.shape[1:]
        parts.append(rng.integers(0, 5, shape) if part.dtype.kind == "i" else rng.normal(size=shape).astype(np.float32))
    return tuple(parts) if len(parts) > 1 else parts[0]


def answers(content, net, X):
    """What ONNX Runtime gives for these rows, with the rows first; row by row where the file says there is one."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    taken, own = {entry.name: TYPES[entry.type] for entry in session.get_inputs()}, net._onnx
    parts = X if isinstance(X, tuple) else (X,)

    def asked(rows):
        feed = {port.name: np.moveaxis(part[rows], 0, at).astype(taken[port.name])
                for port, at, part in zip(own.inputs, own.rows_at, parts, strict=True)}
        return session.run([own.output], feed)[0]

    every = range(len(parts[0]))
    found = np.concatenate([asked(slice(k, k + 1)) for k in every]) if own.rows_in_file else asked(slice(None))
    return found if len(found) == len(parts[0]) else np.moveaxis(found, 1, 0)


def trained_one_step(net, X, T, engine="cpu"):
    """The network after one step of gradient descent towards T, by its weights."""
    program = ct.compile(net, "mse", ct.optim.SGD(0.1), len(T), input=X, target=T, engine=engine)
    program.feed(X, T)
    program.run(np.arange(len(T)))
    return net.state_dict()
