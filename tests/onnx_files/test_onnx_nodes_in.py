"""Nodes by the version of their operator, as graphs written here: each means what it does in ONNX Runtime."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_models import answers, trained_one_step

import cutaway as ct

pytestmark = pytest.mark.usefixtures("kernels_as_written")


def arrays(**named):
    return [numpy_helper.from_array(np.asarray(a), name) for name, a in named.items()]


def kind_of(name):
    """Lengths have 32 bits, in ONNX too."""
    return TensorProto.INT32 if name == "ilen" else TensorProto.INT64 if name[0] == "i" else TensorProto.FLOAT


def graph(nodes, inputs, weights=(), opset=17, output="out", domains=()):
    """A file's content: inputs {name: shape}, whole numbers where the name begins with i."""
    taken = [helper.make_tensor_value_info(name, kind_of(name), shape) for name, shape in inputs.items()]
    made = helper.make_graph(nodes, "g", taken, [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
                             list(weights))
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(made, opset_imports=opsets, ir_version=min(10, 4 + opset // 3)).SerializeToString()


def loaded(content, tmp_path, **how):
    (tmp_path / "g.onnx").write_bytes(content)
    return ct.load(tmp_path / "g.onnx", **how)


def one(op, shape, opset=17, more=(), weights=None, **settings):
    """A graph of one node of x, and of weights by the names in `more`."""
    return graph([helper.make_node(op, ["x", *more], ["out"], name="n", **settings)], {"x": shape},
                 arrays(**(weights or {})), opset)


def real(*shape):
    """Numbers that are the same whichever tests ran before."""
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


def whole(*values):
    return np.array(values, np.int64)


ONE = {
    "softmax 11": (("n", 3, 2, 4), 11, {"axis": 2}), "softmax 11, usual": (("n", 3, 4), 11, {}),
    "softmax 13": (("n", 3, 2, 4), 13, {"axis": 2}), "softmax 13, usual": (("n", 3, 4), 13, {}),
    "log softmax 11": (("n", 3, 4), 11, {"axis": 1}), "log softmax 13": (("n", 3, 4), 13, {"axis": 1}),
    "flatten": (("n", 3, 2), 13, {}),
    "reduce mean 13": (("n", 3, 4), 13, {"axes": [1], "keepdims": 0}),
    "reduce max 13": (("n", 3, 4), 13, {"axes": [-1]}), "reduce l2": (("n", 3, 4), 13, {"axes": [1, 2]}),
    "hard sigmoid": (("n", 4), 13, {"alpha": 0.3, "beta": 0.4}), "celu": (("n", 4), 13, {"alpha": 2.0}),
    "thresholded relu": (("n", 4), 13, {"alpha": 0.3}), "clip 6": (("n", 4), 6, {"min": -0.5, "max": 0.5}),
    "squeeze 11": (("n", 1, 4), 11, {"axes": [1]}), "unsqueeze 11": (("n", 4), 11, {"axes": [1]}),
    "slice 9": (("n", 5, 4), 9, {"axes": [1], "starts": [-3], "ends": [9]}),
    "pad 10": (("n", 3, 4), 10, {"pads": [0, 1, 2, 0, 0, 1], "value": 0.5}),
    "pad 10, reflect": (("n", 3, 4), 10, {"pads": [0, 1, 2, 0, 0, 1], "mode": "reflect"}),
    "lp normalization": (("n", 3, 4), 13, {"axis": 1}),
    "average pool": (("n", 2, 7, 6), 19, {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1],
                                          "ceil_mode": 1}),
    "average pool, padding counts": (("n", 2, 7, 6), 19, {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1],
                                                          "count_include_pad": 1}),
    "average pool, same upper": (("n", 2, 7), 17, {"kernel_shape": [4], "strides": [2], "auto_pad": "SAME_UPPER"}),
    "max pool, same lower": (("n", 2, 7, 6), 17, {"kernel_shape": [3, 2], "strides": [2, 1], "auto_pad": "SAME_LOWER"}),
    "max pool, ceil": (("n", 2, 8), 17, {"kernel_shape": [3], "strides": [2], "ceil_mode": 1}),
    "global max pool": (("n", 2, 3, 4), 17, {}),
}


@pytest.mark.parametrize("name", ONE)
def test_a_node_of_one_input(name, tmp_path):
    shape, opset, settings = ONE[name]
    op = "".join(part.title() for part in name.partition(",")[0].split() if not part.isdigit())
    op = {"ReduceL2": "ReduceL2", "LpNormalization": "LpNormalization", "ReduceL": "ReduceL2"}.get(op, op)
    content = one(op, shape, opset, **settings)
    net, X = loaded(content, tmp_path), real(3, *shape[1:])
    np.testing.assert_allclose(net.predict(X), answers(content, net, X), atol=1e-6)


FED = {
    "squeeze 13": ("Squeeze", ("n", 1, 4), {"axes": whole(1)}, {}),
    "reduce sum 13": ("ReduceSum", ("n", 3, 4), {"axes": whole(1, 2)}, {"keepdims": 0}),
    "slice backwards": ("Slice", ("n", 5, 4), {"s": whole(-1, 3), "e": whole(-99, 0), "a": whole(1, 2),
                                                "t": whole(-1, -2)}, {}),
    "gather": ("Gather", ("n", 5, 4), {"i": np.array([[0, -1], [2, 2]])}, {"axis": 1}),
    "gather one": ("Gather", ("n", 5, 4), {"i": np.array(-2)}, {"axis": 2}),
    "tile": ("Tile", ("n", 2, 3), {"r": whole(1, 2, 3)}, {}),
    "expand": ("Expand", ("n", 1, 3), {"s": whole(2, 1, 4, 3)[1:] * [1, 1, 1]}, {}),
    "cumsum": ("CumSum", ("n", 5), {"a": np.array(1)}, {"exclusive": 1, "reverse": 1}),
    "trilu": ("Trilu", ("n", 4, 4), {"k": np.array(1)}, {"upper": 0}),
    "pad edges": ("Pad", ("n", 3, 4), {"p": whole(0, 2, 0, 0, 1, -1)}, {"mode": "edge"}),
    "clip 13": ("Clip", ("n", 4), {"low": np.float32(-0.2), "high": np.float32(0.7)}, {}),
    "pow": ("Pow", ("n", 4), {"e": np.float32(3)}, {}),
    "reshape with 0 and -1": ("Reshape", ("n", 4, 6), {"s": whole(0, -1, 3)}, {}),
    "greater, cast": ("Greater", ("n", 4), {"t": np.float32(0.1)}, {}),
    "prelu": ("PRelu", ("n", 3, 4), {"w": real(3, 1)}, {}),
    "conv, same": ("Conv", ("n", 4, 7, 6), {"w": real(6, 2, 3, 2), "b": real(6)}, {"group": 2, "auto_pad": "SAME_LOWER",
                                                                              "strides": [2, 1]}),
    "conv, uneven pads": ("Conv", ("n", 2, 9), {"w": real(3, 2, 3)}, {"pads": [2, 1], "dilations": [2]}),
    "gemm": ("Gemm", ("n", 4), {"w": real(4, 3), "b": real(1, 3)}, {"alpha": 0.5, "beta": 2.0}),
    "layer norm over two axes": ("LayerNormalization", ("n", 3, 4), {"g": real(3, 4), "b": real(3, 4)}, {"axis": 1}),
    "instance norm": ("InstanceNormalization", ("n", 3, 4, 5), {"g": real(3), "b": real(3)}, {}),
    "matrix on the left": ("MatMul", ("n", 4, 3), {"w": real(3, 2)}, {}),
}


@pytest.mark.parametrize("name", FED)
def test_a_node_with_numbers_of_the_file(name, tmp_path):
    op, shape, weights, settings = FED[name]
    nodes = [helper.make_node(op, ["x", *weights], ["y" if op == "Greater" else "out"], name="n", **settings)]
    nodes += [helper.make_node("Cast", ["y"], ["out"], to=TensorProto.FLOAT)] if op == "Greater" else []
    content = graph(nodes, {"x": shape}, arrays(**weights))
    net, X = loaded(content, tmp_path), real(3, *shape[1:])
    np.testing.assert_allclose(net.predict(X), answers(content, net, X), atol=1e-5)


# ---- recurrent nodes -------------------------------------------------------------------------------------------------


def scan(op, direction, lengths=False, states=False, bias=True, k=3, **settings):
    gates, sides = {"RNN": 1, "LSTM": 4, "GRU": 3}[op], 2 if direction == "bidirectional" else 1
    rng = np.random.default_rng(len(op))

    def some(*shape):
        return rng.normal(size=shape).astype(np.float32)

    weights = {"W": some(sides, gates * k, 2), "R": some(sides, gates * k, k)}
    weights |= {"B": some(sides, 2 * gates * k)} if bias else {}
    names = ["x", "W", "R", "B" if bias else "", "ilen" if lengths else "", "h" if states else ""]
    names += ["c"] if states and op == "LSTM" else []
    node = helper.make_node(op, names, ["y", "last"], name="scan", direction=direction, hidden_size=k, **settings)
    nodes = [node, helper.make_node("Transpose", ["last"], ["t"], perm=[1, 0, 2]),
             helper.make_node("Flatten", ["t"], ["flat"]),
             helper.make_node("Transpose", ["y"], ["z"], perm=[2, 0, 1, 3]),
             helper.make_node("ReduceMax", ["z"], ["m"], axes=[1, 2], keepdims=0),
             helper.make_node("Concat", ["flat", "m"], ["out"], axis=1)]
    inputs = {"x": ["time", "n", 2]} | ({"ilen": ["n"]} if lengths else {})
    inputs |= {name: [sides, "n", k] for name in (("h", "c")[: len(names) - 5] if states else ())}
    return graph(nodes, inputs, arrays(**weights))


SCANS = [
    ("RNN", "forward", {}), ("RNN", "bidirectional", {"activations": ["Relu", "Relu"]}),
    ("LSTM", "reverse", {"lengths": True}), ("LSTM", "bidirectional", {"lengths": True, "states": True}),
    ("LSTM", "forward", {"bias": False}), ("GRU", "bidirectional", {"linear_before_reset": 1, "lengths": True}),
    ("GRU", "forward", {"linear_before_reset": 0, "states": True}),
    ("GRU", "bidirectional", {"linear_before_reset": 0, "lengths": True}),
    ("GRU", "reverse", {"linear_before_reset": 0, "bias": False}),
]


@pytest.mark.parametrize(("op", "direction", "how"), SCANS, ids=[f"{a} {b} {' '.join(c)}" for a, b, c in SCANS])
def test_a_recurrent_node(op, direction, how, tmp_path):
    content = scan(op, direction, **how)
    net = loaded(content, tmp_path)
    sides, parts = 2 if direction == "bidirectional" else 1, [real(4, 6, 2)]  # rows first, whatever the graph has
    parts += [np.array([6, 1, 3, 5])] if how.get("lengths") else []
    parts += [real(4, sides, 3) for _ in range(2 if op == "LSTM" else 1)] if how.get("states") else []
    X = tuple(parts) if len(parts) > 1 else parts[0]
    found = net.predict(X)
    np.testing.assert_allclose(found, answers(content, net, X), rtol=1e-5, atol=1e-6)
    T = found + 1
    after = trained_one_step(net, X, T)
    wanted = trained_one_step(loaded(content, tmp_path), X, T, "reference")
    for key, value in wanted.items():
        np.testing.assert_allclose(after[key], value, rtol=1e-4, atol=1e-6)


def test_an_input_named_by_the_graph_may_be_given_by_its_name(tmp_path):
    net = loaded(scan("LSTM", "forward", lengths=True), tmp_path)
    x, lengths = real(3, 5, 2), np.array([5, 2, 3])
    assert np.array_equal(net.predict({"x": x, "ilen": lengths}), net.predict((x, lengths)))
    assert np.array_equal(net.predict(ct.Sequences(x, lengths)), net.predict((x, lengths)))


def test_rows_first_in_the_file_too(tmp_path):
    """layout=1, which ONNX Runtime has not: the same as layout=0 with axes exchanged."""
    W, R = real(1, 9, 2), real(1, 9, 3)
    nodes = [helper.make_node("GRU", ["x", "W", "R"], ["y"], hidden_size=3, layout=1, linear_before_reset=1),
             helper.make_node("Squeeze", ["y", "axes"], ["out"])]
    net = loaded(graph(nodes, {"x": ["n", 5, 2]}, arrays(W=W, R=R, axes=whole(2))), tmp_path)
    other = [helper.make_node("GRU", ["x", "W", "R"], ["y"], hidden_size=3, linear_before_reset=1),
             helper.make_node("Squeeze", ["y", "axes"], ["z"]), helper.make_node("Transpose", ["z"], ["out"],
                                                                               perm=[1, 0, 2])]
    again = loaded(graph(other, {"x": [5, "n", 2]}, arrays(W=W, R=R, axes=whole(1))), tmp_path)
    X = real(3, 5, 2)
    assert np.array_equal(net.predict(X), again.predict(X))


# ---- what a file may be like -----------------------------------------------------------------------------------------


def test_weights_of_sixteen_bits_come_in_as_floats(tmp_path):
    w = real(4, 3)
    half = numpy_helper.from_array(w.astype(np.float16), "w16")
    brain = helper.make_tensor("b16", TensorProto.BFLOAT16, [3], [0.5, -1.0, 2.0])
    nodes = [helper.make_node("Cast", ["w16"], ["w"], to=1), helper.make_node("Cast", ["b16"], ["b"], to=1),
             helper.make_node("Gemm", ["x", "w", "b"], ["out"])]
    net = loaded(graph(nodes, {"x": ["n", 4]}, [half, brain]), tmp_path)
    X = real(2, 4)
    np.testing.assert_allclose(net.predict(X), X @ w.astype(np.float16).astype(np.float32) + [0.5, -1, 2], atol=1e-5)
    assert {name: p.shape for name, p in net.named_parameters()} == {"w16": (3, 4), "b16": (3,)}


def test_a_table_that_is_also_the_last_layer_stays_one_parameter(tmp_path):
    nodes = [helper.make_node("Gather", ["W", "i"], ["h"]), helper.make_node("ReduceMean", ["h"], ["m"], axes=[1],
                                                                             keepdims=0),
             helper.make_node("Transpose", ["W"], ["Wt"]), helper.make_node("MatMul", ["m", "Wt"], ["out"])]
    net = loaded(graph(nodes, {"i": ["n", 3]}, arrays(W=real(7, 4))), tmp_path)
    assert [(name, p.shape) for name, p in net.named_parameters()] == [("W", (7, 4))]


def test_a_batch_of_one_in_the_file_is_any_number_of_rows_here(tmp_path):
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Reshape", ["c", "s"], ["r"]),
             helper.make_node("MatMul", ["r", "v"], ["out"])]
    content = graph(nodes, {"x": [1, 2, 5]}, arrays(w=real(3, 2, 2), s=whole(1, 12), v=real(12, 2)))
    net, X = loaded(content, tmp_path), real(4, 2, 5)
    np.testing.assert_allclose(net.predict(X), answers(content, net, X), atol=1e-5)


def test_nodes_in_any_order_are_sorted(tmp_path):
    nodes = [helper.make_node("Relu", ["z"], ["out"]), helper.make_node("MatMul", ["x", "w"], ["z"])]
    w, X = real(4, 3), real(2, 4)
    net = loaded(graph(nodes, {"x": ["n", 4]}, arrays(w=w)), tmp_path)
    np.testing.assert_allclose(net.predict(X), np.maximum(X @ w, 0), atol=1e-6)


def test_any_value_of_the_graph_may_be_the_output(tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["logits"]), helper.make_node("Softmax", ["logits"], ["out"])]
    w, X = real(4, 3), real(8, 4)
    content = graph(nodes, {"x": ["n", 4]}, arrays(w=w))
    with pytest.raises(ct.errors.ArgumentError, match="remove the last layer"):
        ct.fit(loaded(content, tmp_path), X, np.zeros(8, int), loss="cross_entropy", epochs=1)
    net = loaded(content, tmp_path, output="logits")
    ct.fit(net, X, np.zeros(8, int), loss="cross_entropy", epochs=1)
    assert not np.array_equal(net.state_dict()["w"], w.T)


def test_a_loop_of_known_length_is_written_step_by_step(tmp_path):
    """As tf2onnx writes recurrent layers of Keras."""
    body = helper.make_graph(
        [helper.make_node("Gather", ["time_first", "k"], ["now"]), helper.make_node("Add", ["now", "state"], ["s"]),
         helper.make_node("Tanh", ["s"], ["next"]), helper.make_node("Identity", ["next"], ["each"]),
         helper.make_node("Identity", ["going"], ["goes"])],
        "body", [helper.make_tensor_value_info("k", TensorProto.INT64, []),
                 helper.make_tensor_value_info("going", TensorProto.BOOL, []),
                 helper.make_tensor_value_info("state", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
         *(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("next", "each"))])
    nodes = [helper.make_node("Transpose", ["x"], ["time_first"], perm=[1, 0, 2]),
             helper.make_node("Gather", ["time_first", "first"], ["start"]),
             helper.make_node("Loop", ["count", "", "start"], ["end", "all"], body=body),
             helper.make_node("Transpose", ["all"], ["out"], perm=[1, 0, 2])]
    content = graph(nodes, {"x": ["n", 4, 3]}, arrays(count=np.array(4), first=np.array(0)))
    net, X = loaded(content, tmp_path), real(5, 4, 3)
    np.testing.assert_allclose(net.predict(X), answers(content, net, X), atol=1e-6)


def test_every_operator_that_is_read_is_one_that_onnx_has():
    from cutaway.onnx import NODES

    for (domain, op), versions in NODES.items():
        if domain or op not in ("Swish", "RMSNormalization"):  # newer than some packages
            assert onnx.defs.has(op, domain=domain), op
        assert min(versions) == 1
