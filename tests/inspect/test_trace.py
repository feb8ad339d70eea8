"""ct.trace: what one step read and wrote, and that looking changes nothing, to the last bit."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.rules import OPS

nn, optim = ct.nn, ct.optim
ROWS = 24


class Skip(nn.Module):
    """A module of one's own: a shared layer, a sum, and a constant."""

    def __init__(self):
        self.inner = nn.Linear(4, 4)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        a = ct.ops.tanh(self.inner(x))
        return self.out(x + 0.5 * ct.ops.tanh(self.inner(a)))


def data(*shape, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(ROWS, *shape)).astype(np.float32), rng.integers(0, classes, ROWS)


def mlp():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 3)).init(1)


def cnn():
    layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2)
    return nn.Sequential(*layers, nn.Linear(36, 3)).init(1)


def lstm():
    return nn.Recurrent(2, 6, 3, cell="lstm", layers=2, dropout=0.3).init(1)


NETWORKS = {"mlp": (mlp, (4,)), "cnn": (cnn, (8, 8, 1)), "lstm": (lstm, (5, 2)), "own": (lambda: Skip().init(1), (4,))}
OPTIMIZER = optim.clip(optim.AdamW(1e-2, decay="matrices"), norm=0.5)
every_network = pytest.mark.parametrize("kind", NETWORKS)


def made(kind):
    network, shape = NETWORKS[kind]
    return network(), *data(*shape)


def everything(model):
    return {name: a.copy() for name, a in model.state_dict().items()}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("threads", [1, 2])
@every_network
def test_traced_training_is_training(kind, threads, engine):
    model, X, y = made(kind)
    options = {"loss": "cross_entropy", "optimizer": OPTIMIZER, "batch_size": 10, "seed": 3, "engine": engine}
    before = everything(model)
    traces = ct.trace(model, X, y, steps=6, threads=threads, **options)
    same(everything(model), before)
    run = ct.fit(model, X, y, epochs=2, threads=threads, progress=False, **options)
    assert [t.J for t in traces] == run.steps["loss"].tolist()
    after = everything(model)
    same({name: traces[-1].after(name) for name in after}, after)


def test_values_by_name():
    model, X, y = made("mlp")
    t = ct.trace(model, X, y, "cross_entropy")
    weights = model.state_dict()
    np.testing.assert_array_equal(t["x"], X)
    np.testing.assert_allclose(t["layer1.z"], X @ weights["layer1.weight"].T + weights["layer1.bias"], rtol=1e-5)
    np.testing.assert_array_equal(t["z1"], t["layer1.z"])
    np.testing.assert_array_equal(t["W1"], weights["layer1.weight"])
    np.testing.assert_allclose(t["loss"].mean(), t.J, rtol=1e-6)
    np.testing.assert_allclose(t["y_hat"].sum(1), 1, rtol=1e-6)
    assert t["loss"].shape == (ROWS,) and t.after("layer2.running_mean").any()
    assert not t["layer2.running_mean"].any()
    with pytest.raises(KeyError, match=r"did you mean 'layer1\.z'"):
        t["layer1.zz"]
    assert "layer1.zz" not in t and "layer1.z" in t


@every_network
def test_gradients_are_those_of_eager_backward(kind):
    model, X, y = made(kind)
    model.astype("float64")
    t = ct.trace(model, X, y, "cross_entropy", seed=5, engine="reference")
    with model.training(seed=5, step=1):
        ct.losses.cross_entropy(model(ct.Tensor(X.astype(float))), ct.Tensor(y)).backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(t.grad(name), p.grad, rtol=1e-9, atol=1e-12, err_msg=name)


@every_network
def test_each_instruction_wrote_what_its_rule_gives_for_what_it_read(kind):
    model, X, y = made(kind)
    t = ct.trace(model.astype("float64"), X, y, "cross_entropy", engine="reference")
    checked = 0
    for i in t.instructions:
        rule = OPS.get(i.op)
        if rule is None or i.backward or rule.variadic:
            continue
        given = [i.operand(name) if name in i.operands else None for name in rule.inputs]
        out = rule.forward(*given, **{k: i.settings[k] for k in rule.attributes})
        for name, array in zip(rule.outputs, out if isinstance(out, tuple) else (out,), strict=True):
            if name in i.results:
                np.testing.assert_array_equal(i.operand(name), array)
                checked += 1
    assert checked > 5


@pytest.mark.parametrize("threads", [1, 2])
def test_update_is_the_optimizers_own(threads):
    model, X, y = made("lstm")
    opt = optim.clip(optim.Adam(1e-2), norm=0.05)
    first, second = ct.trace(model, X, y, "cross_entropy", opt, steps=2, threads=threads)
    theta, _ = opt.update(second["θ"], second["g"], {"m": second["m"], "v": second["v"], "t": 1})
    np.testing.assert_allclose(second.after("θ"), theta, rtol=1e-5, atol=1e-7)
    name = "layer1.lstm.weight_hh_l0"
    u = second.update(name)
    np.testing.assert_array_equal(u.before, first.after(name))
    np.testing.assert_array_equal(u.state["m"], first.update(name).state_after["m"])
    np.testing.assert_array_equal(np.asarray(u), u.after - u.before)
    length = np.linalg.norm(second["g"])
    assert length > 0.05
    np.testing.assert_allclose(u.gradient, second.grad(name) * (0.05 / length), rtol=1e-5)


def test_the_time_steps_of_a_recurrent_layer():
    model, X, y = made("lstm")
    t = ct.trace(model, X, y, "cross_entropy")
    i, f, g, o = (t[f"layer1.lstm.l0.{gate}"] for gate in "ifgo")
    c = np.zeros_like(i[:, 0])
    for k in range(5):
        c = f[:, k] * c + i[:, k] * g[:, k]
        np.testing.assert_allclose(t[f"layer1.lstm.l0.cell[{k}]"], c, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(t[f"layer1.lstm.l0.hidden[{k}]"], o[:, k] * np.tanh(c), rtol=1e-5, atol=1e-6)
    now = t.at_time("layer1", 3)
    np.testing.assert_array_equal(now["layer1.lstm.l1.forget"], t["layer1.lstm.l1.forget[3]"])
    np.testing.assert_array_equal(t.grad("layer1.lstm.l0.z[3]"), now["layer1.lstm.l0.dz"])
    assert all(len(a) == ROWS for a in now.values())
    with pytest.raises(KeyError, match="time steps 0 to 4, got 5"):
        t["layer1.lstm.l0.hidden[5]"]
    with pytest.raises(KeyError, match="no time steps"):
        t["layer2.z[0]"]


def test_versions_of_a_value_that_is_written_twice():
    t = ct.trace(Skip().init(1), *data(4), "cross_entropy")
    writers = [i.number for i in t.instructions if "inner.dweight" in i.written]
    assert len(writers) == 2
    first, second = (t.at("inner.dweight", n) for n in writers)
    assert (first != second).any()
    np.testing.assert_array_equal(t.grad("inner.weight"), second)
    with pytest.raises(ArgumentError, match=f"written by instruction {writers[0]}"):
        t.at("inner.dweight", 0)


def test_a_selection():
    model, X, y = made("mlp")
    whole = ct.trace(model, X, y, "cross_entropy")
    t = ct.trace(model, X, y, "cross_entropy", keep=["layer1.*"])
    assert {n.split(".")[0] for n in t} == {"layer1", "ℓ", "J"}
    np.testing.assert_array_equal(t.grad("layer1.weight"), whole.grad("layer1.weight"))
    np.testing.assert_array_equal(t.update("layer1.weight").change, whole.update("layer1.weight").change)
    assert "left out" in str(t) and t.left_out["x"] == X.nbytes
    with pytest.raises(ArgumentError, match=r"left out of this trace: trace again with keep=\['layer3.dz'\]"):
        t.grad("layer3.z")
    with pytest.raises(ArgumentError, match="did you mean"):
        ct.trace(model, X, y, "cross_entropy", keep=["layr1.z"])
    with pytest.raises(ArgumentError, match="keep must be a list"):
        ct.trace(model, X, y, "cross_entropy", keep="layer1.z")


def test_beyond_a_number_of_bytes_the_largest_values_are_left_out():
    model, X, y = made("cnn")
    whole = ct.trace(model, X, y, "cross_entropy")
    t = ct.trace(model, X, y, "cross_entropy", keep_bytes=100_000)
    held = sum(a.nbytes for versions in t.versions.values() for _, a in versions)
    assert held <= 100_000 < held + min(t.left_out.values())
    assert min(t.left_out.values()) >= max(sum(a.nbytes for _, a in v) for v in t.versions.values())
    same({n: t[n] for n in t}, {n: whole[n] for n in t})


def test_a_step_that_is_not_finite_stops_before_the_update():
    model, X, y = made("mlp")
    model.parameters()[0].data[...] = 1e38
    with np.errstate(all="ignore"):
        t = ct.trace(model, X * 1e3, y, "cross_entropy", steps=3)[0]
    assert not t.about.finite and t.instructions[-1].op == "check"
    np.testing.assert_array_equal(t.after("layer1.weight"), model.state_dict()["layer1.weight"])
    assert "not finite" in str(t)


@every_network
def test_the_step_can_be_run_again(kind):
    model, X, y = made(kind)
    t = ct.trace(model, X, y, "cross_entropy", OPTIMIZER, steps=3, batch_size=10, seed=2)[2]
    program = t.program()
    assert program.run().tolist() == [t.J]
    np.testing.assert_array_equal(program.model.theta, t.after("θ"))
    exact = t.program("float64", "reference")
    np.testing.assert_allclose(exact.run(), t.J, rtol=1e-4)


def test_inputs_of_every_sort():
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(k, 2)) for k in (3, 5, 2, 4)]
    t = ct.trace(nn.Recurrent(2, 4, 2, cell="gru").init(0), sequences, [0, 1, 0, 1], "cross_entropy")
    assert t["lengths"].tolist() == [3, 5, 2, 4] and not t["layer1.gru.hidden[3]"][0].any()
    weighted = ct.trace(nn.MLP(2, [4], 1).init(0), rng.normal(size=(4, 2)), np.ones(4), sample_weight=[0, 1, 2, 3])
    assert weighted["w"].tolist() == [0.5, 1, 1.5] and weighted.about.rows.tolist() == [1, 2, 3]


def test_errors_say_what_to_do():
    model, X, y = made("mlp")
    with pytest.raises(ArgumentError, match="needs targets"):
        ct.trace(model, X)
    with pytest.raises(ArgumentError, match="steps must be a whole number"):
        ct.trace(model, X, y, "cross_entropy", steps=0)
    with pytest.raises(ShapeError, match="same number of rows"):
        ct.trace(model, X, y[:3], "cross_entropy")
    with pytest.raises(ShapeError, match="3 outputs"):
        ct.trace(model, X, y + 1, "cross_entropy")
    t = ct.trace(model, X, y, "cross_entropy")
    with pytest.raises(ArgumentError, match="no gradient of x is computed"):
        t.grad("x")
    with pytest.raises(ArgumentError, match="no parameter called"):
        t.update("layer1.z")
    model.parameters()[0].requires_grad = False
    with pytest.raises(ArgumentError, match="it is frozen"):
        ct.trace(model, X, y, "cross_entropy").grad("layer1.weight")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_parameter_may_have_the_name_of_a_whole_vector(threads):
    class Named(ct.nn.Module):
        def __init__(self):
            self.m, self.out = ct.nn.Parameter((3,), ct.nn.init.ones), ct.nn.Linear(3, 2)

        def forward(self, x):
            return self.out(x * self.m)

    X, y = np.ones((4, 3)), np.arange(4) % 2
    t = ct.trace(Named().init(0), X, y, "cross_entropy", threads=threads)
    assert t["m"].shape == (3,) and t["m#all"].size == 11


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_a_recorder_stops_anywhere(engine):
    model, X, y = made("mlp")
    program = ct.compile(model, "cross_entropy", OPTIMIZER, ROWS, X, y, engine=engine, threads=1, keep_all=True)
    program.feed(X, y)
    recorder = ct.inspect.Recorder(program)
    recorder.begin()
    while recorder.one().op != "relu":
        pass
    half = recorder.trace()
    assert "layer2.a" in half and "J" not in half and "J not computed yet" in str(half)
    before = model.theta.copy()
    while not recorder.done:
        recorder.one()
    t = recorder.trace()
    np.testing.assert_array_equal(t["θ"], before)
    np.testing.assert_array_equal(t.after("θ"), model.theta)
    assert recorder.step().about.step == 2


class Scaled(ct.nn.Module):
    """x times one number."""

    def __init__(self):
        self.scale = ct.nn.Parameter((), ct.nn.init.ones)

    def forward(self, x):
        return x * self.scale


def test_a_weight_that_is_one_number_is_traced_and_stepped():
    X = np.arange(1.0, 5.0, dtype=np.float32)[:, None]
    assert ct.trace(Scaled().init(0), X, 2 * X, optimizer=ct.optim.SGD(0.1)).grad("scale").shape == ()
    session = ct.step(Scaled().init(0), X, 2 * X, optimizer=ct.optim.SGD(0.1))
    session.next_step()
    session.next_step()
    session.back()
    assert session["scale"].shape == ()
