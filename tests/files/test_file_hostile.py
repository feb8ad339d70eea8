"""Damaged and hostile files: truncated, flipped, or rewritten with valid checksums. Only FileError comes out."""

import contextlib
import copy
import json
import random
import sys
import time

import numpy as np
import pytest
from saved_networks import CUSTOM, STANDARD, awake

import cutaway as ct
from cutaway import files, nn
from cutaway.errors import CutawayError, FileError
from cutaway.files import container
from depth import every, examples


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


def write(folder, name):
    make, X = (STANDARD | CUSTOM)[name]
    files.save(awake(make), folder / "net", input=X, extra={"columns": ["a", "b"], "scale": 0.5})
    return folder / "net", X


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", ["mlp", "skip"])
def test_truncated(folder, name):
    path, _ = write(folder, name)
    content = path.read_bytes()
    for length in [*every(4, [*range(200), *range(200, len(content), 97)]), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(FileError):
            files.load(path)
        with pytest.raises(FileError):
            files.describe(path)


@pytest.mark.parametrize("name", ["mlp", "pair"])
def test_flipped_bits(folder, name):
    path, X = write(folder, name)
    content, net = path.read_bytes(), files.load(path)
    wanted = net.predict(X, engine="reference")
    rng = random.Random(0)
    for k in every(3, range(250)):
        changed = bytearray(content)
        at = k if k < 120 else rng.randrange(len(content))
        changed[at] ^= 1 << rng.randrange(8) if rng.random() < 0.7 else rng.randrange(1, 256)
        path.write_bytes(changed)
        try:
            back = files.load(path)
        except FileError:
            continue
        assert same(back, net) and np.array_equal(back.predict(X, engine="reference"), wanted)


# ---- descriptions rewritten by somebody who knows the checksums ----------------------------------------------------


def rewritten(path, change):
    """The file with another description (and arrays), as if Cutaway had written it."""
    header, arrays = container.read(str(path))
    description, arrays = copy.deepcopy(header.description), dict(arrays)
    description.pop("tensors_sha256")
    change(description, arrays)
    path.write_bytes(container.pack(description, arrays))


ROUNDS = examples(60)
JUNK = [None, True, -1, 0, 1, 2, 10**6, 2**31, 2**62, 10**400, 1e308, -0.5, "", "x", "relu", "os.system", "\x1b[2J", [],
        [[]], [0], [-1, 2**40], {}, {"$tuple": [1, -1]}, {"$slice": [0, 1, 0]}, {"$array": ["int64", [2], [0, 10**9]]},
        {"$float": "nan"}, {"$rows": 10**9}, {"$dict": [[1, 2]]}, {"$what": 1}, {"$tuple": 3}, {"again": 0},
        {"custom": "Skip"}, {"class": "Linear", "settings": {"n_in": 2**30, "n_out": 2**30, "bias": True}}]


def spots(value):
    """Every (container, key) within a JSON value."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from spots(value[key])


@pytest.mark.parametrize("name", [
    "skip", "every option", "pair", "named", "shared", "images without a ready network", "lengths", "memory",
])
def test_descriptions_of_junk(folder, name):
    path, X = write(folder, name)
    content = path.read_bytes()
    rng = random.Random(name)

    def change(description, arrays):
        for _ in range(rng.choice([1, 1, 1, 3])):
            where, key = rng.choice([*spots(description)])
            if isinstance(where, dict) and rng.random() < 0.15:
                where.pop(key)
            elif isinstance(where, list) and rng.random() < 0.3:
                where.insert(key, copy.deepcopy(rng.choice(where)))
            else:
                where[key] = rng.choice([*JUNK, rng.choice([*spots(description)])[0]])

    loaded, said = 0, []
    for _ in range(ROUNDS):
        path.write_bytes(content)
        try:
            rewritten(path, change)
        except (ValueError, RecursionError):  # junk that JSON cannot hold
            continue
        started = time.monotonic()
        for read in (files.describe, files.load):
            try:
                back = read(path)
            except FileError as error:
                said.append(str(error))
                continue
            if read is files.load:
                loaded += 1
                with contextlib.suppress(CutawayError), np.errstate(all="ignore"):  # another input than before, say
                    back.predict(X, engine="reference")
        assert time.monotonic() - started < 2
    assert loaded and "\x1b" not in "".join(said)


def change_operation(**new):
    def change(description, arrays):
        description["program"]["operations"][0] |= new

    return change


def reads_its_future(d, arrays):
    d["program"]["operations"][0]["reads"][0] = d["program"]["output"]


def outer_product(d, arrays):
    """Two vectors of a million numbers whose sum over both is a million million."""
    arrays["constant a"], arrays["constant b"] = np.zeros((10**6, 1), np.float32), np.zeros((1, 10**6), np.float32)
    program = d["program"]
    k = len(program["values"])
    program["values"] += [{"name": "a", "role": "constant", "tensor": "constant a"},
                          {"name": "b", "role": "constant", "tensor": "constant b"},
                          {"name": "c", "role": "activation", "shape": [10**6, 10**6], "rows": 0}]
    program["operations"].append({"op": "add", "layer": "", "reads": [k, k + 1], "writes": [k + 2], "attributes": {}})


def hidden_outer_product(d, arrays):
    outer_product(d, arrays)
    d["program"]["values"][-1]["shape"] = [1]


def picked_often(d, arrays):
    """x[:, keys][:, keys] ... grows without bound."""
    program, keys = d["program"], {"$array": ["int64", [2**14], [0] * 2**14]}
    k = len(program["values"])
    program["values"].append({"name": "a", "role": "activation", "shape": [1], "rows": 1})
    key = {"$tuple": [None, keys, {"$array": ["int64", [2**15, 1], [0] * 2**15]}]}
    program["operations"].append({"op": "index", "layer": "", "reads": [0], "writes": [k], "attributes": {"key": key}})


def bias_to_broadcast(d, arrays):
    """A bias of one number would send a kernel beyond the end of it."""
    arrays["inner.bias"] = np.zeros(1, np.float32)


def called_forward(d, arrays):
    d["parameters"][0]["name"], arrays["forward"] = "forward", arrays["inner.weight"]


ATTACKS = {
    "unknown operation": (change_operation(op="system"), "operation 0 is 'system', which this Cutaway does not know"),
    "backward rule": (change_operation(op="linear_back"), "does not know"),
    "reads what is not there": (reads_its_future, r"operation 0, linear, reads value \d+ too early"),
    "reads nothing": (change_operation(reads=[]), "reads 0 values"),
    "negative number": (change_operation(reads=[-1, 1, 2]), "should be a whole number below"),
    "writes an input": (change_operation(writes=[0]), "writes a value that is there already"),
    "more settings": (change_operation(attributes={"code": "1"}), "has the settings"),
    "wrong order of inputs": (change_operation(reads=[0, 2, 1]), "do not fit each other"),
    "missing parameter": (lambda d, a: a.pop("inner.bias"), "'inner.bias' is missing"),
    "missing constant": (lambda d, a: a.pop("constant 6"), "constant 'constant 6' is missing"),
    "superfluous array": (lambda d, a: a.update(more=np.zeros(1)), "nothing uses 'more'"),
    "another precision": (lambda d, a: a.update({"inner.bias": np.zeros(4)}), "float64 in a model of float32"),
    "another shape": (lambda d, a: a.update({"inner.weight": np.zeros((4, 3), np.float32)}), "do not fit each other"),
    "a bias to broadcast": (bias_to_broadcast, "do not fit each other"),
    "a declared shape": (lambda d, a: d["program"]["values"][3].update(shape=[5]), "a result has shape"),
    "a name twice": (lambda d, a: d["parameters"].append(d["parameters"][0]), "stands twice"),
    "a name of Python's": (called_forward, "is wrong"),
    "a control character": (lambda d, a: d["program"]["operations"][0].update(layer="\x1b[2J"), "not a readable name"),
    "huge result": (outer_product, "impossible shape|hold more than"),
    "huge result, declared small": (hidden_outer_product, "too large"),
    "huge pick": (picked_often, "too large"),
    "no settings": (lambda d, a: d["program"]["operations"][0].pop("attributes"), "'attributes' should be dict"),
    "kind": (lambda d, a: d.update(kind="estimator of mine"), "of kind 'estimator of mine', and none is registered"),
    "deep": (lambda d, a: d.update(extra=json.loads('{"a":' * 90 + "1" + "}" * 90)), "nested more than"),
}


@pytest.mark.parametrize("name", list(ATTACKS))
def test_attacks_are_named(folder, name):
    path, _ = write(folder, "skip")
    change, says = ATTACKS[name]
    rewritten(path, change)
    with pytest.raises(FileError, match=says):
        files.load(path)


def in_program(op, **new):
    """Other settings for the first operation of a kind."""
    def change(description, arrays):
        operation = next(o for o in description["program"]["operations"] if o["op"] == op)
        operation["attributes"] |= new

    return change


def in_layers(*path, **new):
    """Other settings for the layer at the end of a path of positions."""
    def change(description, arrays):
        layer = description["architecture"]
        for k in path:
            layer = layer["layers"][k]
        layer["settings"] |= new

    return change


def lengths_of_another_kind(d, arrays):
    next(o for o in d["program"]["operations"] if o["op"] == "lstm")["reads"][-1] = 0


def no_lengths(d, arrays):
    next(v for v in d["program"]["values"] if v["name"] == "x1.lengths")["name"] = "x2.lengths"


def pair_of(*pairs):
    return {"$tuple": [{"$tuple": list(pair)} for pair in pairs]}


WINDOWS = "images without a ready network"
WINDOW_ATTACKS = {
    "endless padding": (WINDOWS, in_program("conv", padding=pair_of((2**40, 0), (0, 0))), "cannot run"),
    "negative padding": (WINDOWS, in_program("conv", padding=pair_of((-1, 0), (0, 0))), "a setting that is no number"),
    "no stride": (WINDOWS, in_program("conv", stride={"$tuple": [0, 1]}), "cannot run"),
    "a stride of another size": (WINDOWS, in_program("max_pool", stride={"$tuple": [1]}), "cannot run"),
    "a window beyond the image": (WINDOWS, in_program("max_pool", window={"$tuple": [2**40, 1]}), "cannot run"),
    "too many groups": (WINDOWS, in_program("conv", groups=3), "do not fit each other"),
    "no groups": (WINDOWS, in_program("conv", groups=0), "do not fit each other"),
    "groups of true": (WINDOWS, in_program("conv", groups=True), "do not fit each other"),
    "shortened by nothing": ("lengths", in_program("shortened", stride=0), "cannot run"),
    "lengths of real numbers": ("memory", lengths_of_another_kind, "do not fit each other|whole numbers"),
    "lengths of nothing": ("memory", no_lengths, "its inputs are called"),
    "truncated after nothing": ("memory", in_program("gru", truncate=0), "its settings are"),
    "a direction of its own": ("memory", in_program("lstm", reverse=7), "its settings are"),
    "layer of a large window": (WINDOWS, in_layers(1, window=[2**30, 2**30]), r"MaxPool2d has window"),
    "layer of a window over time": (WINDOWS, in_layers(1, window=[2]), r"MaxPool2d has window"),
    "layer without groups": (WINDOWS, in_layers(0, groups=0), "Conv2d has groups"),
    "layer of unequal groups": (WINDOWS, in_layers(0, groups=3), r"groups=3 must divide"),
    "layer with a strange padding": (WINDOWS, in_layers(0, padding="reflect"), "Conv2d has padding"),
    "layer without a stride": (WINDOWS, in_layers(0, stride=[0, 1]), "stride must be"),
    "layers without end": ("lstm", in_layers(0, 0, layers=2**30), "LSTM has layers"),
    "layers that need more": ("lstm", in_layers(0, 0, width=2**20), "its layers have"),
    "layer truncated by a word": ("lstm", in_layers(0, 0, truncate="all"), "LSTM has truncate"),
    "two last states": ("lstm", lambda d, a: d["architecture"]["layers"][0]["layers"].append({"again": 0}),
                        "LastState holds 2 layers"),
    "last state of no recurrent layer": (
        "lstm", lambda d, a: d["architecture"]["layers"][0].update(layers=[{"class": "ReLU", "settings": {}}]),
        "LastState takes an RNN, LSTM or GRU"),
    "input of impossible shape": ("cnn", lambda d, a: d["architecture"].update(input_shape=[2**30] * 3), "input shape"),
    "input of another shape": ("cnn", lambda d, a: d["architecture"].update(input_shape=[8]), "input shape"),
}


@pytest.mark.parametrize("name", list(WINDOW_ATTACKS))
def test_attacks_on_windows_and_scans_are_named(folder, name):
    network, change, says = WINDOW_ATTACKS[name]
    path, _ = write(folder, network)
    rewritten(path, change)
    with pytest.raises(FileError, match=says):
        files.load(path)


def test_long_scans_are_tried_on_their_shapes(folder):
    """No step of a hundred thousand is run before somebody asks for it."""
    path, _ = write(folder, "lstm")

    def longer(description, arrays):
        for value in description["program"]["values"]:
            if value.get("shape", [])[:1] == [4] and len(value["shape"]) == 2:
                value["shape"][0] = 10**5

    rewritten(path, longer)
    assert isinstance(files.load(path), nn.Recurrent)


def test_layers_larger_than_the_file_are_never_built(folder, monkeypatch):
    path, _ = write(folder, "mlp")

    def change(description, arrays):
        description["architecture"]["layers"][0]["settings"] |= {"n_in": 2**30, "n_out": 2**30}

    rewritten(path, change)
    monkeypatch.setattr(nn.Linear, "__init__", None)
    with pytest.raises(FileError, match="its layers have"):
        files.load(path)


def test_names_stand_once(folder):
    path, _ = write(folder, "mlp")
    content = path.read_bytes()
    entry = b'"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = b"{" + entry + b"," + entry + b"}"
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[-8:])
    with pytest.raises(FileError, match="a name stands twice"):
        files.load(path)


def test_loading_runs_and_imports_nothing(folder):
    path, _ = write(folder, "pair")
    files.load(path)
    seen = []
    forbidden = ("import", "exec", "compile", "subprocess.Popen", "os.system", "os.exec", "os.fork", "socket.connect",
                 "pickle.find_class")

    def hook(event, args):
        if watching and (event in forbidden or (event == "open" and args[1] not in ("r", "rb", None))):
            seen.append((event, args))

    watching = False
    sys.addaudithook(hook)
    watching = True
    back = files.load(path)
    watching = False
    assert seen == [] and isinstance(back, files.Restored)


def test_what_loads_still_trains(folder):
    path, X = write(folder, "skip")
    rewritten(path, lambda d, a: None)
    program = ct.compile(files.load(path), "mse", batch_size=4, engine="reference")
    program.feed(X, np.zeros((7, 2)))
    assert np.isfinite(program.run(steps=2)).all()
