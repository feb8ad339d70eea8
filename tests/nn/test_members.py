"""Members: k networks that share weights in one program, each with its own loss, evaluated as one network."""

import warnings

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.nn import Linear, MemberLinear, MemberMean, Members, ReLU, Sequential, TabM

rng = np.random.default_rng(0)
X = rng.standard_normal((48, 3))
NUMBERS = np.sin(X[:, 0]) + X[:, 1]
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
TASKS = {  # loss: targets, outputs, link
    "mse": (NUMBERS, 1, "identity"), "mae": (np.stack([NUMBERS, X[:, 2]], 1), 2, "identity"),
    "cross_entropy": (CLASSES, 3, "softmax"), "binary_cross_entropy": ((CLASSES > 0).astype(float), 1, "sigmoid"),
    "poisson": (CLASSES.astype(float), 1, "exp"),
}


def tabm(out=1, link="identity", k=4, hidden=(5, 6), dropout=0.0, shared=0):
    return TabM(3, hidden, out, k=k, link=link, dropout=dropout, shared=shared).init(1)


def one_member(net, j):
    """The ordinary network that member j is: its factors go into the first layer's weights."""
    state = {f"layer{int(name[5]) - 1}{name[6:]}": values for name, values in net.state_dict().items()}
    factors = state.pop("layer0.weight")[j]
    state["layer1.weight"] = state["layer1.weight"] * factors
    k = len(state["layer3.weight"])
    state |= {f"layer3.{name}": np.reshape(state[f"layer3.{name}"], (k, -1))[j] for name in ("weight", "bias")}
    state["layer3.weight"] = state["layer3.weight"].reshape(len(state["layer3.bias"]), -1)
    alone = ct.nn.MLP(3, [len(state["layer1.bias"]), len(state["layer2.bias"])], len(state["layer3.bias"]))
    alone.load_state_dict(state)
    return alone


def losses_of(net, loss, y, weight=None):
    return [ct.losses.get(loss)(one_member(net, j)(X), y, weight=weight).item() for j in range(net.layers[0].k)]


@pytest.mark.parametrize("loss", TASKS)
def test_the_loss_is_the_mean_of_the_members_own_losses(loss):
    y, out, link = TASKS[loss]
    net = tabm(out, link)
    with net.training():
        z = net(X)
    assert z.shape == (48, 4, out)
    assert ct.losses.get(loss)(z, y).item() == pytest.approx(np.mean(losses_of(net, loss, y)), rel=1e-5)


@pytest.mark.parametrize("loss", TASKS)
def test_weights_of_samples_count_for_every_member(loss):
    (y, out, link), w = TASKS[loss], np.linspace(0.5, 1.5, 48)
    net = tabm(out, link)
    with net.training():
        found = ct.losses.get(loss)(net(X), y, weight=w).item()
    assert found == pytest.approx(np.mean(losses_of(net, loss, y, w)), rel=1e-5)


def test_probabilities_as_targets_and_weights_of_classes_are_every_members():
    net, y = tabm(3, "softmax"), np.eye(3)[CLASSES]
    with net.training():
        z = net(X)
    plain = ct.losses.cross_entropy(z, CLASSES, class_weight=[1.0, 2.0, 0.5]).item()
    assert ct.losses.cross_entropy(z, y, class_weight=[1.0, 2.0, 0.5]).item() == pytest.approx(plain, rel=1e-5)
    alone = [ct.losses.cross_entropy(one_member(net, j)(X), CLASSES, class_weight=[1.0, 2.0, 0.5]).item()
             for j in range(4)]
    assert plain == pytest.approx(np.mean(alone), rel=1e-5)


MEANS = {
    "identity": lambda z: z.mean(1),
    "softmax": lambda z: np.log((np.exp(z) / np.exp(z).sum(-1, keepdims=True)).mean(1)),
    "sigmoid": lambda z: np.log((p := (1 / (1 + np.exp(-z))).mean(1)) / (1 - p)),
    "exp": lambda z: np.log(np.exp(z).mean(1)),
}


@pytest.mark.parametrize("link", MEANS)
def test_evaluated_the_network_gives_the_raw_output_of_the_mean(link):
    net = tabm(2, link).astype("float64")
    z = np.stack([one_member(net, j).astype("float64")(X).data for j in range(4)], 1)
    np.testing.assert_allclose(net(X).data, MEANS[link](z), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(net.predict(X), net(X).data, rtol=1e-9, atol=1e-12)


def test_members_that_are_sure_keep_finite_numbers():
    z = np.array([[[200.0, -200.0], [150.0, -300.0]], [[-400.0, 0.0], [-500.0, 0.0]]])
    for link in ("softmax", "sigmoid", "exp"):
        assert np.isfinite(MemberMean(link)(z).data).all(), link


@pytest.mark.parametrize("loss", TASKS)
def test_engines_train_members_alike(loss):
    (y, out, link), ends = TASKS[loss], []
    for engine in ("reference", "cpu"):
        net = tabm(out, link).astype("float64")
        run = ct.fit(net, X, y, loss=loss, epochs=2, batch_size=20, validation=0.25, engine=engine,
                     sample_weight=np.linspace(0.5, 1.5, 48))
        ends.append((net.theta.copy(), run.history["val_loss"]))
    np.testing.assert_allclose(ends[1][0], ends[0][0], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ends[1][1], ends[0][1], rtol=1e-7)


@pytest.mark.parametrize("loss", TASKS)
def test_no_instruction_runs_by_its_rule(loss):
    y, out, link = TASKS[loss]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = ct.fit(tabm(out, link, dropout=0.1), X, y, loss=loss, epochs=1, validation=0.25)
    assert all(kernel is not None for kernel in run.program.engine.kernels)


def test_validation_is_the_loss_of_the_mean():
    net = tabm(3, "softmax")
    run = ct.fit(net, X, CLASSES, loss="cross_entropy", epochs=1, validation=(X, CLASSES))
    np.testing.assert_allclose(run.history["val_loss"][-1], ct.losses.cross_entropy(net.predict(X), CLASSES).item(),
                               rtol=1e-5)


def test_a_trace_shows_each_member_and_has_the_bits_of_training():
    net = tabm()
    run = ct.fit(net, X, NUMBERS, epochs=2, batch_size=16)
    trace = run.trace(step=5)
    assert run.steps["loss"][4] == trace.J
    assert trace["layer1.h"].shape == (16, 4, 3)
    assert trace["layer4.z"].shape == (16, 4, 1)
    listing = str(run.program)
    assert "h = x r, for each member" in listing
    assert "z = W x + b, for each member" in listing


def test_a_row_alone_has_the_bits_that_it_has_among_others():
    net = tabm(3, "softmax", hidden=(20, 33))
    together = net.predict(X)
    alone = np.concatenate([net.predict(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(alone, together)
    ask = ct.predictor(net)
    np.testing.assert_array_equal(np.stack([ask(x) for x in X[:5]]), together[:5])


def test_many_members_networks_side_by_side_are_those_trained_alone():
    entries = [{"model": tabm().init(seed), "X": X, "y": NUMBERS, "epochs": 2, "seed": seed} for seed in (0, 1)]
    runs = ct.fit_many(entries)
    alone = ct.fit(tabm().init(1), X, NUMBERS, epochs=2, seed=1, threads=1)
    np.testing.assert_array_equal(runs[1].model.theta, alone.model.theta)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_agree_with_one(threads):
    ends = []
    for count in (1, threads):
        net = tabm(3, "softmax").astype("float64")
        ct.fit(net, X, CLASSES, loss="cross_entropy", epochs=1, batch_size=16, threads=count)
        ends.append(net.theta.copy())
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", TASKS)
def test_a_model_file_gives_the_same_network_back(tmp_path, loss):
    y, out, link = TASKS[loss]
    net = tabm(out, link, dropout=0.1)
    ct.fit(net, X, y, loss=loss, epochs=1)
    ct.save(net, tmp_path / "m.safetensors")
    back = ct.load(tmp_path / "m.safetensors")
    assert repr(back) == repr(net)
    np.testing.assert_array_equal(back.predict(X), net.predict(X))


def test_it_learns_as_an_estimators_network():
    rows = np.random.default_rng(1).standard_normal((400, 3))
    net = Sequential(Members(3, 8), Linear(3, 16), ReLU(), MemberLinear(16, 1, 8), MemberMean())
    model = ct.Regressor(network=net, epochs=200, random_state=0).fit(rows, rows[:, 0] * rows[:, 1])
    assert model.score(rows, rows[:, 0] * rows[:, 1]) > 0.7


@pytest.mark.parametrize("shared", [0, 1, 2])
def test_layers_before_the_factors_run_once_for_all_members(shared):
    net = tabm(shared=shared)
    with net.training():
        z = net(X)
    widths = [tuple(layer.weight.shape) for layer in net.layers if isinstance(layer, Members)]
    assert widths == [(4, (3, 5, 6)[shared])]
    assert z.shape == (48, 4, 1)
    h = X.astype("float32")
    for layer in net.layers[:-1]:
        if isinstance(layer, Members):
            h = h[:, None] * layer.weight.data
        elif isinstance(layer, Linear):
            h = h @ layer.weight.data.T + layer.bias.data
        elif isinstance(layer, ReLU):
            h = np.maximum(h, 0)
        else:
            h = np.einsum("nki,koi->nko", h, layer.weight.data) + layer.bias.data.reshape(4, 1)
    np.testing.assert_allclose(z.data, h, rtol=1e-4, atol=1e-5)


def test_as_many_shared_layers_as_there_are_not_are_refused():
    with pytest.raises(ArgumentError, match="shared is how many of the 2 hidden layers"):
        tabm(shared=3)


def test_each_member_begins_and_stays_unlike_the_others():
    net = tabm()
    assert set(np.unique(net.layers[0].weight.data)) == {-1.0, 1.0}
    ct.fit(net, X, NUMBERS, epochs=3)
    with net.training():
        z = net(X).data
    assert z.std(1).min() > 0


@pytest.mark.parametrize(("make", "words"), [
    (lambda: Members(3)(np.ones((2, 4))), r"Members of 3 features\) takes rows \(n, 3\), got shape \(2, 4\)"),
    (lambda: MemberLinear(3, 1, k=2)(np.ones((5, 3))), "put ct.nn.Members before it"),
    (lambda: MemberMean()(np.ones((5, 3))), "put ct.nn.MemberLinear before it"),
    (lambda: ct.losses.mse(np.ones((5, 2, 3)), np.ones((5, 2))), "must be equal"),
    (lambda: ct.losses.cross_entropy(np.ones((5, 2, 3)), np.full(5, 3)), "3 outputs are for classes 0 to 2"),
])
def test_shapes_that_do_not_fit_are_refused_in_words(make, words):
    with pytest.raises(ShapeError, match=words):
        make()


def test_a_link_that_does_not_exist_and_sequences_are_refused():
    with pytest.raises(ArgumentError, match="link must be one of identity, softmax, sigmoid, exp, got 'logit'"):
        MemberMean("logit")
    with pytest.raises(ArgumentError, match="a member sees one row of features"):
        Members(2)([np.ones((2, 2)), np.ones((3, 2))])
