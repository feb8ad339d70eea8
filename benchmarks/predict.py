"""Prediction with workload B's network: one row at a time, a batch, and a large table. Arrays in, arrays out."""

import numpy as np

from . import mlp
from .family import SEED, Competitor, Workload, mean_loss
from .mlp import cutaway_net, jax_net, layers, torch_net
from .peers import as_torch, initial, moving

SHAPE = mlp.WORKLOADS["B"].shape


def predicted(name, batch, rows, about):
    return Workload(name, SHAPE, batch, "classification", rows, f"workload B's network on {about}")


WORKLOADS = {w.name: w for w in (predicted("row", 1, 512, "one row a call"),
                                 predicted("batch", 256, 8192, "256 rows a call"),
                                 predicted("table", 2**18, 2**18, "262,144 rows in one call"))}
TARGETS = {"row": {"us": 5, "PyTorch": 9, "ONNX Runtime": 2}, "batch": {}, "table": {}}
UNIT = "a call"
PROOF = "The cross-entropy of the predictions for all rows"
TOLERANCE = 1e-5
COLD = None
data = mlp.data


def loss(work, data, result):
    return mean_loss(work, result["outputs"].astype(np.float64), data["y"])


def calls(work, data, predict):
    """`train` for a function of rows: every call takes a NumPy array and gives one."""

    def train(epochs, shuffle):
        outputs = np.empty((work.rows, work.shape[-1]), np.float32)
        for _ in range(epochs):
            for i in range(0, work.rows, work.batch):
                outputs[i:i + work.batch] = predict(data["X"][i:i + work.batch])
        return {"outputs": outputs}

    return train


# --- each library's own prediction --------------------------------------------------------------------------------

def cutaway(kept):
    """`model.predict`, or the compiled evaluation program behind it, kept at hand."""

    def prepare(work, data, threads):
        import os

        if hasattr(os, "sched_setaffinity"):  # predict chooses its threads by the cores that it may use
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        import cutaway as ct
        from cutaway.engines import evaluator

        model = cutaway_net(ct.nn, work)
        model.load_state_dict(initial(data))
        batch = min(work.batch, 1024)
        program = evaluator(model, data["X"][:2], batch_size=batch, threads=min(threads, batch)) if kept else model
        return calls(work, data, program.predict)

    return prepare


def cutaway_predictor(work, data, threads):
    """`ct.predictor`, which is asked for one row at a time."""
    import cutaway as ct

    if work.batch > 1 or not hasattr(ct, "predictor"):
        raise NotImplementedError
    model = cutaway_net(ct.nn, work)
    model.load_state_dict(initial(data))
    return calls(work, data, ct.predictor(model))


def torch_predict(compiled=False):
    def prepare(work, data, threads):
        import torch

        torch.set_num_threads(threads)
        net, start = torch_net(work), initial(data)
        weights = [torch.tensor(as_torch(name, w)) for name, w in start.items()]
        net.load_state_dict(dict(zip(net.state_dict(), weights, strict=True)))
        run = torch.compile(net.eval()) if compiled else net.eval()

        @torch.inference_mode()
        def predict(x):
            return run(torch.from_numpy(x)).numpy()

        return calls(work, data, predict)

    return prepare


def jax_predict(work, data, threads):
    import os
    os.environ |= {"NPROC": str(threads), "JAX_PLATFORMS": "cpu"}
    import jax

    params = {name: jax.numpy.asarray(np.moveaxis(w, 0, -1)) for name, w in initial(data).items()}
    run = jax.jit(jax_net(work))
    return calls(work, data, lambda x: np.asarray(run(params, x)))


def sklearn_predict(work, data, threads):
    """A regressor with these weights: its outputs are raw ones."""
    from sklearn.neural_network import MLPRegressor

    few, targets = data["X"][:64], np.zeros((64, work.shape[-1]), np.float32)
    model = MLPRegressor(hidden_layer_sizes=work.shape[1:-1], max_iter=1).fit(few, targets)
    for W, b, (W0, b0) in zip(model.coefs_, model.intercepts_, layers(data), strict=True):
        W[:], b[:] = W0.T, b0
    return calls(work, data, model.predict)


def onnx_predict(work, data, threads):
    """The network as a graph of Gemm and Relu. (Cutaway writes no such files: the graph is built here.)"""
    return calls(work, data, session([(W, b) for W, b in layers(data)], threads))


def session(pairs, threads):
    """A function of rows (n, k) in single precision: a network of linear layers [(W, b), ...] run by ONNX Runtime."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, at = [], [], "x"
    for i, (W, b) in enumerate(pairs):
        constants += [numpy_helper.from_array(np.ascontiguousarray(a, np.float32), f"{name}{i}")
                      for name, a in (("W", W), ("b", b))]
        if i:
            nodes.append(helper.make_node("Relu", [at], [f"a{i}"]))
            at = f"a{i}"
        nodes.append(helper.make_node("Gemm", [at, f"W{i}", f"b{i}"], [f"z{i}"], transB=1))
        at = f"z{i}"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size])
            for name, size in (("x", pairs[0][0].shape[1]), (at, pairs[-1][0].shape[0]))]
    model = helper.make_model(helper.make_graph(nodes, "mlp", ends[:1], ends[1:], constants),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    run = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run
    return lambda x: run(None, {"x": x})[0]


def products(work, data, threads):
    """The bare matrix products, in batches that stay in cache; each thread has a share."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")
    rows, pool = min(1024, -(-work.batch // threads)), ThreadPoolExecutor(threads)
    rng = np.random.default_rng(SEED)
    sides = [[rng.standard_normal(shape, dtype=np.float32) for shape in ((rows, n_in), (n_in, n_out), (rows, n_out))]
             for n_in, n_out in zip(work.shape, work.shape[1:], strict=False)]
    shares = [[[side.copy() for side in three] for three in sides] for _ in range(threads)]

    def run(jobs, times):
        for _ in range(times):
            for x, W, out in jobs:
                np.matmul(x, W, out=out)

    def train(epochs, shuffle):
        list(pool.map(run, shares, [epochs * max(1, work.rows // rows // threads)] * threads))

    return train


def moved(work):
    """Bytes moved outside the products: the batch in and the outputs out, and ReLU's reading and writing."""
    return 8 * work.batch * sum(work.shape)


COMPETITORS = [
    Competitor("Cutaway", "Cutaway", "cutaway", cutaway(kept=False), ours=True),
    Competitor("Cutaway, ct.predictor", "Cutaway", "cutaway", cutaway_predictor, ours=True),
    Competitor("Cutaway, program kept", "Cutaway, tuned", "cutaway", cutaway(kept=True), ours=True),
    Competitor("PyTorch, inference_mode", "PyTorch", "torch", torch_predict()),
    Competitor("PyTorch, torch.compile", "PyTorch", "torch", torch_predict(compiled=True)),
    Competitor("JAX, jit", "JAX", "jax", jax_predict),
    Competitor("scikit-learn", "scikit-learn", "sklearn", sklearn_predict),
    Competitor("ONNX Runtime", "ONNX Runtime", "onnxruntime", onnx_predict),
    Competitor("matrix products alone", "products", "numpy", products, ours=True, trains=False),
    moving(moved),
]
