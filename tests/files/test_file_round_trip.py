"""What is saved comes back: the same predictions bit for bit, the same names, ready to train on."""

import copy
import os
import pickle

import numpy as np
import pytest
import safetensors
from saved_networks import CUSTOM, STANDARD, Bag, Memory, Named, Pair, Skip, awake, rows

import cutaway as ct
from cutaway import files, nn
from cutaway.errors import ArgumentError, FileError, ShapeError
from depth import each_once

CLASSES = {"skip": {"Skip": Skip}, "bag": {"Bag": Bag}, "pair": {"Pair": Pair}, "named": {"Named": Named},
           "custom within": {"Skip": Skip}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


def predictions(model, X):
    return model.predict(X, engine="reference")


@pytest.mark.parametrize(("name", "dtype"), each_once([*STANDARD, *CUSTOM], ("float32", "float64")))
def test_predictions_and_names_come_back(path, name, dtype):
    make, X = (STANDARD | CUSTOM)[name]
    net = awake(make, dtype)
    before = net.state_dict()
    files.save(net, path, input=rows(X, 2))
    back = files.load(path)
    assert isinstance(back, files.Restored if name in CUSTOM else type(net))
    assert list(back.state_dict()) == list(before)
    assert all(np.array_equal(v, before[k]) and v.dtype == dtype for k, v in back.state_dict().items())
    assert np.array_equal(predictions(back, X), predictions(net, X))
    assert np.array_equal(predictions(copy.deepcopy(back), rows(X, 3)), predictions(net, rows(X, 3)))
    assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize("name", list(STANDARD))
def test_standard_networks_keep_their_layers(path, name):
    make, X = STANDARD[name]
    files.save(awake(make), path, input=X)
    back, net = files.load(path), make()
    assert repr(back) == repr(net)
    assert [vars(m).keys() - {"_theta"} for _, m in back.named_modules()] == [
        vars(m).keys() - {"_theta"} for _, m in net.named_modules()]
    again, wanted = back.init(7).state_dict(), net.init(7).state_dict()  # initialisers too
    found = {k for k, b in net.named_buffers() if b.found}  # in data: these stay
    assert all(np.array_equal(again[k], wanted[k]) for k in wanted.keys() - found)


@pytest.mark.parametrize("name", list(CLASSES))
def test_custom_gives_the_object_back(path, name):
    make, X = CUSTOM[name]
    net = awake(make)
    files.save(net, path, input=X)
    back = files.load(path, custom=CLASSES[name])
    assert type(back) is type(net)
    assert np.array_equal(predictions(back, X), predictions(net, X))
    assert isinstance(files.load(path, custom={"Other": Skip}), files.Restored)


def test_the_cpu_engine_gives_the_same_bits(path):
    make, X = CUSTOM["tied"]
    net = awake(make)
    files.save(net, path)
    assert np.array_equal(files.load(path).predict(X), net.predict(X))


def test_a_restored_model_is_saved_again(path):
    make, X = CUSTOM["pair"]
    net = awake(make)
    files.save(net, path, input=X)
    first = path.read_bytes()
    files.save(files.load(path), path)
    assert np.array_equal(predictions(files.load(path), X), predictions(net, X))
    back = files.load(path, custom={"Pair": Pair})
    assert np.array_equal(predictions(back, X), predictions(net, X))
    assert files.describe(path)["class"] == "Pair" and len(path.read_bytes()) == pytest.approx(len(first), rel=0.05)


def test_a_restored_model_within_another(path):
    net = awake(Skip)
    files.save(net, path)
    both = nn.Sequential(files.load(path), nn.Linear(2, 1))
    X = CUSTOM["skip"][1]
    assert [n for n, _ in both.named_parameters()][:2] == ["layer1.inner.weight", "layer1.inner.bias"]
    files.save(both, path, input=X)
    assert np.array_equal(predictions(files.load(path), X), predictions(both, X))


def trained(model, X, y, steps=5):
    program = ct.compile(model, "mse", ct.optim.AdamW(1e-2), batch_size=4, input=X, engine="reference")
    program.feed(X, y)
    return [program.run(steps=2) for _ in range(steps)]


@pytest.mark.parametrize("name", ["skip", "pair", "named", "tied"])
def test_a_restored_model_trains(path, name):
    make, X = CUSTOM[name]
    net = awake(make, "float64")
    files.save(net, path, input=X)
    back = files.load(path)
    y = predictions(net, X) + 1
    start = back.theta.copy()
    losses = trained(back, X, y)
    assert np.mean(losses[-1]) < np.mean(losses[0]) and not np.array_equal(back.theta, start)
    if name != "pair":  # it has dropout and batch norm, which a saved evaluation has not
        assert np.array_equal(losses, trained(net, X, y)) and np.array_equal(back.theta, net.theta)
    assert "forward" in str(ct.compile(back, "mse", batch_size=4, input=X, engine="reference"))


def test_a_restored_model_knows_its_input(path):
    files.save(awake(Skip), path)
    back = files.load(path)
    assert ct.compile(back, "mse", engine="reference").engine.listing.inputs[0].shape == (4,)
    assert back.predict(np.zeros((0, 4)), engine="reference").shape == (0, 2)
    with pytest.raises(ShapeError, match=r"takes x of shape \('rows', 4\), got \(3, 5\)"):
        back(np.zeros((3, 5)))
    with pytest.raises(ArgumentError, match="takes inputs 1 of them, got 2"):
        back(np.zeros((3, 4)), np.zeros((3, 4)))


def test_a_restored_model_takes_sequences_of_any_length(path):
    X = CUSTOM["memory"][1]
    net = awake(Memory)
    files.save(net, path, input=X)
    back = files.load(path)
    longer = (ct.Sequences(np.ones((3, 9, 3)), [9, 2, 5]), np.ones((3, 2)))
    assert np.array_equal(predictions(back, longer), predictions(net, longer))
    again = ct.compile(back, "mse", engine="reference").engine.listing.inputs  # an example from the file alone
    assert [(v.name, v.shape) for v in again] == [("x1", (4, 3)), ("x1.lengths", ()), ("x2", (2,))]
    with pytest.raises(ArgumentError, match="takes x1 as Sequences, got an array"):
        back(longer[0].values, longer[1])
    with pytest.raises(ArgumentError, match=r"how many time steps it takes is not known.*pass ct\.save"):
        files.save(net, path)


def test_a_restored_model_checks_what_it_looks_up(path):
    files.save(awake(Bag), path, input=CUSTOM["bag"][1])
    back = files.load(path)
    with pytest.raises(ArgumentError, match=r"words of 9 entries takes numbers 0\.\.8, got 0 to 9"):
        back(np.array([[0, 1, 2, 9]]))
    with pytest.raises(ArgumentError, match="x must be whole numbers, got float32"):
        back(np.zeros((1, 4)))


def test_inputs_by_name(path):
    X = CUSTOM["named"][1]
    files.save(awake(Named), path, input=X)
    back = files.load(path)
    assert back(**X).shape == (7, 6)
    with pytest.raises(ArgumentError, match="takes inputs named left, right, got 1"):
        back(left=X["left"])


def test_precision_can_change(path):
    files.save(awake(Skip), path)
    back = files.load(path).astype("float64")
    assert back.predict(CUSTOM["skip"][1], engine="reference").dtype == np.float64


def test_frozen_parameters_stay_frozen(path):
    for make in (Skip, lambda: nn.MLP(4, [4], 2)):
        net = awake(make)
        net.parameters()[0].requires_grad = False
        files.save(net, path)
        assert [p.requires_grad for p in files.load(path).parameters()] == [False, True, True, True]


def test_a_restored_model_can_start_anew(path):
    net = awake(Skip)
    files.save(net, path)
    back = files.load(path).init(3)
    assert np.array_equal(back.theta, net.init(3).theta)
    pair = awake(Pair)
    files.save(pair, path, input=CUSTOM["pair"][1])
    back = files.load(path)
    with pytest.raises(ArgumentError, match="how weight starts is not in its file"):
        back.init(3)
    assert pickle.loads(pickle.dumps(back)).state_dict().keys() == back.state_dict().keys()


def test_a_constant_of_whole_numbers(path):
    class Positions(nn.Module):
        def __init__(self):
            self.where, self.head = nn.Embedding(4, 2), nn.Linear(2, 1)

        def forward(self, x):
            return self.head(x + self.where(ct.Tensor(np.arange(3))))

    net = awake(Positions)
    X = np.ones((5, 3, 2))
    files.save(net, path, input=X)
    assert np.array_equal(predictions(files.load(path), X), predictions(net, X))


def test_what_is_not_known_must_be_given(path):
    with pytest.raises(ArgumentError, match=r"pass ct\.save"):
        files.save(nn.Sequential(nn.ReLU()), path)
    with pytest.raises(ArgumentError, match=r"pass ct\.save"):
        files.save(Bag(), path)  # how many words it reads at a time is not known
    with pytest.raises(ArgumentError, match="takes a model or an estimator, got dict"):
        files.save({}, path)
    assert not os.listdir(path.parent)


def test_extra_comes_back(path):
    extra = {
        "levels": ["a", "é\ud800", ""], "scores": {"r2": float("nan"), "low": float("-inf"), "n": 3},
        "$price": {"$tuple": [1]}, "shape": (1, (2,), None), "np": np.float32(0.5), "yes": True,
    }
    files.save(nn.Linear(1, 1), path, extra=extra)
    back = files.describe(path)["extra"]
    assert np.isnan(back["scores"].pop("r2")) and extra["scores"].pop("r2")
    assert back == extra and type(back["shape"]) is tuple
    for bad in ({"f": print}, {1: 2}, {"a": {"b": object()}}, {"n": 2**70}):
        with pytest.raises(ArgumentError, match=r"extra holds .* which a model file cannot hold"):
            files.save(nn.Linear(1, 1), path, extra=bad)
    deep = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ArgumentError, match="nested more than"):
        files.save(nn.Linear(1, 1), path, extra={"deep": deep})


class Wrapped:
    def __init__(self, net, state):
        self.net, self.state = net, state


def test_other_kinds_are_registered(path, monkeypatch):
    from cutaway.files import model

    monkeypatch.setattr(model, "KINDS", {})
    wrapped = Wrapped(awake(Skip), {"classes": ["yes", "no"]})
    with pytest.raises(ArgumentError, match="got Wrapped"):
        files.save(wrapped, path)
    files.register("wrapped", Wrapped, lambda w: (w.net, w.state, None), Wrapped)
    files.save(wrapped, path)
    back = files.load(path, custom={"Skip": Skip})
    assert type(back) is Wrapped and back.state == wrapped.state and type(back.net) is Skip
    assert files.describe(path)["kind"] == "wrapped"
    files.register("wrapped", Wrapped, lambda w: (w.net, w.state, None), lambda net, state: state["missing"])
    with pytest.raises(FileError, match=r"its wrapped cannot be rebuilt .KeyError: 'missing'"):
        files.load(path)
    monkeypatch.setattr(model, "KINDS", {})
    with pytest.raises(FileError, match="of kind 'wrapped', and none is registered"):
        files.load(path)


def test_describe_reads_no_arrays(path, monkeypatch):
    files.save(awake(lambda: nn.MLP(4, [5], 2)), path, extra={"by": "a test"})
    monkeypatch.setattr(safetensors.numpy, "load", None)
    about = files.describe(path)
    assert about["format"] == 1 and about["kind"] == "module" and about["class"] == "MLP"
    assert [o["op"] for o in about["program"]["operations"]] == ["linear", "relu", "linear"]
    assert about["tensors"]["layer2.weight"] == {"shape": (2, 5), "dtype": "float32"}
    assert about["inputs"] == [{"name": "x", "shape": (4,), "dtype": "float32"}]
    assert about["extra"] == {"by": "a test"}


def test_other_programs_can_read_the_arrays(path):
    net = awake(lambda: nn.MLP(4, [5], 2))
    files.save(net, path)
    with safetensors.safe_open(path, "np") as f:
        assert set(f.keys()) == set(net.state_dict())
        assert np.array_equal(f.get_tensor("layer1.weight"), net.state_dict()["layer1.weight"])


@pytest.mark.parametrize("ending", [".safetensors", ".pt.safetensors", ".npz"])
def test_weights_that_lie_in_memory_in_another_order_are_written_as_they_are(tmp_path, ending):
    """safetensors 0.8.0 itself writes a transposed array as it lies in memory, under its shape."""
    net, W = ct.nn.Linear(3, 3).init(0), np.arange(9, dtype=np.float32).reshape(3, 3)
    net.weight.data = W.T
    path = tmp_path / f"net{ending}"
    if ending == ".safetensors":
        ct.save(net, path)
        found = ct.load(path)
    else:
        ct.export(net, path, layout="torch")
        found = ct.nn.Linear(3, 3).init(1)
        found.load_state_dict(path, layout="torch")
    np.testing.assert_array_equal(found.weight.data, W.T)
