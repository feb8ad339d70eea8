"""Files that are not read say so in words: which node, which version, what would do; nothing outside is opened."""

import contextlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_models import FILES
from test_onnx_nodes_in import arrays, graph, loaded, one, real, scan, whole

import cutaway as ct
from cutaway.errors import ArgumentError, FileError, ShapeError


@pytest.mark.parametrize(("content", "says"), [
    (lambda: one("ConvTranspose", ("n", 2, 5), more=["w"], weights={"w": real(2, 3, 2)}),
     r"the node 'n' \(ConvTranspose, version 11\) is of a type that is not read: upsampling"),
    (lambda: one("Det", ("n", 3, 3)), r"\(Det, version 11\) is of a type that is not read: put a function"),
    (lambda: one("Conv", ("n", 2, 5, 5, 5), more=["w"], weights={"w": real(2, 2, 1, 1, 1)}), "1 and 2 are read"),
    (lambda: scan("LSTM", "forward", clip=3.0), r"\(LSTM, version 14\): it cuts sums at 3"),
    (lambda: scan("GRU", "forward", activations=["Sigmoid", "Relu"]), "its activations are Sigmoid, Relu"),
    (lambda: one("Softmax", ("n", 3), axis=0), "compares the rows of the batch"),
    (lambda: one("ReduceMean", ("n", 3), 13, axes=[0]), "one number of the rows"),
    (lambda: one("Relu", ("n", 3), beta=1.0), "has the setting beta, which is not read"),
    (lambda: one("Conv", ("n", 2, 5)), "lacks W"),
    (lambda: one("Gather", ("n", 2, 5), more=["i"], weights={"i": whole(7)}, axis=1), "takes places 7 to 7 of 2"),
    (lambda: one("MaxPool", ("n", 2, 9), kernel_shape=[2], dilations=[2]), "have gaps"),
    (lambda: graph([helper.make_node("Scaler", ["x"], ["out"], domain="ai.onnx.ml")], {"x": ["n", 2]}),
     "does not say which version"),
    (lambda: graph([helper.make_node("Relu", ["y"], ["out"]), helper.make_node("Relu", ["out"], ["y"])],
                   {"x": ["n", 2]}), "reads what it writes"),
    (lambda: graph([helper.make_node("Relu", ["x"], ["out"]), helper.make_node("Tanh", ["x"], ["out"])],
                   {"x": ["n", 2]}), "two nodes write the same value"),
    (lambda: graph([helper.make_node("Add", ["x", "w"], ["out"])], {"x": ["n", 2]}, arrays(w=real(2)) * 2),
     "two arrays are called 'w'"),
    (lambda: graph([helper.make_node("Add", ["x", "z"], ["out"])], {"x": ["n", 2]}), "'z', which nothing writes"),
    (lambda: graph([helper.make_node("Identity", ["w"], ["out"])], {"x": ["n", 2]}, arrays(w=real(2))),
     "depends on no input"),
    (lambda: b"", "the file is empty"),
    (lambda: b"no model at all", "no ONNX file, or damaged"),
    (lambda: one("Relu", ("n", 3))[:-5], "no ONNX file, or damaged"),
])
def test_what_is_not_read_says_which_node_and_why(content, says, tmp_path):
    with pytest.raises(FileError, match=says) as found:
        loaded(content(), tmp_path)
    assert str(found.value).startswith(str(tmp_path / "g.onnx"))


def test_numbers_that_a_small_file_would_make_many_of_are_refused(tmp_path):
    """A shape of a few bytes must not fill the memory."""
    node = helper.make_node("ConstantOfShape", ["s"], ["z"])
    add = helper.make_node("Add", ["x", "z"], ["out"])
    content = graph([node, add], {"x": ["n", 2]}, arrays(s=whole(2**20, 2**20)))
    with pytest.raises(FileError, match="would make"):
        loaded(content, tmp_path)


def test_functions_that_call_functions_are_counted_before_they_are_put_in_place(tmp_path):
    model = onnx.load_from_string(graph([helper.make_node("f0", ["x"], ["out"], domain="own")], {"x": ["n", 2]},
                                        domains=["own"]))
    for k in range(40):
        inner = "Relu" if k == 39 else f"f{k + 1}"
        domain = "" if k == 39 else "own"
        nodes = [helper.make_node(inner, [a], [b], domain=domain) for a, b in ("ab", "bc")]
        model.functions.append(helper.make_function("own", f"f{k}", ["a"], ["c"], nodes, model.opset_import))
    with pytest.raises(FileError, match="stand for more than"):
        loaded(model.SerializeToString(), tmp_path)


def test_functions_of_the_file_are_put_in_place(tmp_path):
    model = onnx.load_from_string(graph([helper.make_node("twice", ["x"], ["out"], domain="own")], {"x": ["n", 2]},
                                        domains=["own"]))
    nodes = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Add", ["b", "b"], ["c"])]
    model.functions.append(helper.make_function("own", "twice", ["a"], ["c"], nodes, model.opset_import))
    X = real(3, 2)
    np.testing.assert_allclose(loaded(model.SerializeToString(), tmp_path).predict(X), 2 * np.maximum(X, 0))


# ---- weights beside the file -----------------------------------------------------------------------------------------


def beside(folder, location, offset=0, length=None, content=None):
    """A file whose weight w (4, 3) lies in another one."""
    w = np.arange(12, dtype=np.float32).reshape(4, 3)
    tensor = numpy_helper.from_array(w, "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": offset, "length": 48 if length is None else length}.items():
        tensor.external_data.add(key=key, value=str(value))
    (folder / "weights.bin").write_bytes(b"\0" * 8 + w.tobytes())
    return loaded(graph([helper.make_node("MatMul", ["x", "w"], ["out"])], {"x": ["n", 4]}, [tensor]), folder)


def test_weights_in_a_file_beside_are_read(tmp_path):
    net, X = beside(tmp_path, "weights.bin", 8), real(2, 4)
    np.testing.assert_allclose(net.predict(X), X @ np.arange(12.0).reshape(4, 3), rtol=1e-5)


@pytest.mark.parametrize(("location", "how", "says"), [
    ("../weights.bin", {}, "only files in its own folder"), ("/etc/hostname", {}, "only files in its own folder"),
    ("..", {}, "only files in its own folder"), ("", {}, "only files in its own folder"),
    ("none.bin", {}, "no file beside it"), ("link.bin", {"offset": 8}, "no file beside it"),
    ("weights.bin", {"offset": 9}, "does not hold them"), ("weights.bin", {"offset": -1}, "does not hold them"),
    ("weights.bin", {"offset": 8, "length": 12}, "does not hold them"),
])
def test_weights_are_read_from_nowhere_else(location, how, says, tmp_path):
    (tmp_path / "link.bin").symlink_to(tmp_path / "weights.bin")
    with pytest.raises(FileError, match=says):
        beside(tmp_path, location, **how)


# ---- callers' mistakes -----------------------------------------------------------------------------------------------


def test_arguments_and_inputs_that_do_not_fit_are_refused(tmp_path):
    content = graph([helper.make_node("Gather", ["w", "i"], ["h"]), helper.make_node("Flatten", ["h"], ["out"])],
                    {"i": ["n", 3]}, arrays(w=real(7, 4)))
    net = loaded(content, tmp_path)
    with pytest.raises(ArgumentError, match="i must be whole numbers"):
        net.predict(real(2, 3))
    with pytest.raises(ShapeError, match=r"takes i of shape \(rows, 3\), got \(2, 4\)"):
        net.predict(np.zeros((2, 4), int))
    with pytest.raises(ArgumentError, match=r"takes 1 input \(i\), got 2"):
        net(np.zeros((2, 3), int), np.zeros((2, 3), int))
    with pytest.raises(ArgumentError, match="has no value called 'logits': its outputs are out"):
        ct.load(tmp_path / "g.onnx", output="logits")
    with pytest.raises(ArgumentError, match=r"custom is for files that ct\.save wrote"):
        ct.load(tmp_path / "g.onnx", custom={})
    with pytest.raises(ArgumentError, match="how w was drawn"):
        net.init(0)
    with pytest.raises(FileError, match="there is no such file"):
        ct.load(tmp_path / "none.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(FileError, match="this is a folder"):
        ct.load(tmp_path / "folder.onnx")
    ct.save(net, tmp_path / "m.safetensors")
    with pytest.raises(ArgumentError, match="output is for ONNX files"):
        ct.load(tmp_path / "m.safetensors", output="x")


@pytest.mark.parametrize("name", ["torch_old_parts", "tf2onnx_rnn", "jax2onnx_words"])
def test_damaged_files_are_refused_or_read_and_never_raise_anything_else(name, tmp_path):
    """A few bytes are changed or gone, in many ways."""
    rng, whole_file = np.random.default_rng(0), FILES[name].read_bytes()
    for _ in range(6):
        content = bytearray(whole_file)
        for _ in range(rng.integers(1, 4)):
            k = rng.integers(len(content))
            if rng.random() < 0.8:
                content[k] = rng.integers(256)
            else:
                del content[k : k + rng.integers(1, 9)]
        with contextlib.suppress(FileError):
            loaded(bytes(content), tmp_path)
