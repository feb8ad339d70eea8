"""Recurrent layers: every cell against a scan written in JAX, lengths against unpadded runs, states, truncation."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, RecordingError, ShapeError
from cutaway.nn import GRU, LSTM, RNN, Dropout, LastState, Linear, Recurrent, ReLU, Sequential
from depth import each_once

pytestmark = pytest.mark.usefixtures("kernels_as_written")

jax.config.update("jax_enable_x64", True)

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
every_cell = pytest.mark.parametrize("cell", CELLS)
N, TIME, IN, K = 3, 5, 2, 4


def make(cell, seed=1, **settings):
    """A layer in double precision whose biases are not zero."""
    layer = CELLS[cell](IN, K, **settings).init(seed).astype("float64")
    rng = np.random.default_rng(seed)
    for name, p in layer.named_parameters():
        if "bias" in name:
            p.data[...] = rng.normal(size=p.shape)
    return layer


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def random_state(layer, n=N, seed=5):
    rng = np.random.default_rng(seed)
    count = layer.layers * layer.directions
    parts = [tuple(rng.normal(size=(n, K)) for _ in layer.parts) for _ in range(count)]
    return parts if isinstance(layer, LSTM) else [part[0] for part in parts]


def flat(state):
    """Every array of a state."""
    return [part for entry in state for part in (entry if isinstance(entry, tuple) else (entry,))]


def total(y, state):
    """One number that depends on every output and every last state: Σ c y + Σ c h."""
    parts = [y, *flat(state)]
    cs = [numbers(*part.shape, seed=10 + i) for i, part in enumerate(parts)]
    J = (parts[0] * cs[0]).sum()
    for part, c in zip(parts[1:], cs[1:], strict=True):
        J = J + (part * c).sum()
    return J


def gradients(layer, J):
    layer.zero_grad()
    J.backward()
    return {name: p.grad.copy() for name, p in layer.named_parameters()}


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


# ---- the cells, as a textbook writes them ----------------------------------------------------------------------------


def rnn_step(p, x, h, f=jnp.tanh):
    return (f(p["weight_ih"] @ x + p["bias_ih"] + p["weight_hh"] @ h[0] + p["bias_hh"]),)


def lstm_step(p, x, state):
    h, c = state
    i, f, g, o = jnp.split(p["weight_ih"] @ x + p["bias_ih"] + p["weight_hh"] @ h + p["bias_hh"], 4)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru_step(p, x, state):
    (h,) = state
    ur, uz, un = jnp.split(p["weight_ih"] @ x + p["bias_ih"], 3)
    vr, vz, vn = jnp.split(p["weight_hh"] @ h + p["bias_hh"], 3)
    r, z = jax.nn.sigmoid(ur + vr), jax.nn.sigmoid(uz + vz)
    return ((1 - z) * jnp.tanh(un + r * vn) + z * h,)


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}


def jax_layer(step, layers, directions, parameters, x, states):
    """(y, last states) of several layers and directions, for one sequence (time, features) after another."""
    def whole(x, states):
        last = []
        for layer in range(layers):
            sides = []
            for direction in range(directions):
                key = f"l{layer}" + "_reverse" * direction
                p = {name.removesuffix("_" + key): a for name, a in parameters.items() if name.endswith("_" + key)}

                def forward(state, now, p=p):
                    state = step(p, now, state)
                    return state, state[0]

                after, y = jax.lax.scan(forward, states[len(last)], x, reverse=direction == 1)
                last.append(after)
                sides.append(y)
            x = jnp.concatenate(sides, -1)
        return x, last

    return jax.vmap(whole)(x, states)


def equals_jax(layer, step):
    x, state = numbers(N, TIME, IN), random_state(layer)
    leaf = ct.Tensor(x, requires_grad=True)
    begin = [tuple(ct.Tensor(a, requires_grad=True) for a in (e if isinstance(e, tuple) else (e,))) for e in state]
    y, last = layer(leaf, begin if isinstance(layer, LSTM) else [part[0] for part in begin])
    ours = gradients(layer, total(y, last))

    @jax.jit
    def there(parameters, x, states):
        def f(parameters, x, states):
            y, after = jax_layer(step, layer.layers, layer.directions, parameters, x, states)
            return total(y, after), (y, after)

        return jax.grad(f, (0, 1, 2), has_aux=True)(parameters, x, states)

    states = [e if isinstance(e, tuple) else (e,) for e in state]
    theirs, (wanted, after) = there({name: p.data for name, p in layer.named_parameters()}, x, states)
    close(y.numpy(), wanted)
    for a, b in zip(flat(last), flat(after), strict=True):
        close(a.numpy(), b)
    for name, gradient in ours.items():
        np.testing.assert_allclose(gradient, theirs[0][name], rtol=1e-9, atol=1e-10, err_msg=name)
    close(leaf.grad, theirs[1])
    for a, b in zip(flat(begin), flat(theirs[2]), strict=True):
        close(a.grad, b)


@pytest.mark.parametrize(("cell", "how"), each_once(CELLS, [(2, True), (1, False)]))
def test_values_and_gradients_are_those_of_a_scan_in_jax(cell, how):
    layers, both = how
    equals_jax(make(cell, layers=layers, bidirectional=both), STEPS[cell])


def test_the_relu_cell_too():
    equals_jax(make("rnn", activation="relu"), lambda p, x, h: rnn_step(p, x, h, jax.nn.relu))


# ---- parameters ------------------------------------------------------------------------------------------------------


@every_cell
def test_parameters_have_the_names_and_shapes_that_pytorch_users_know(cell):
    rows = {"rnn": 1, "gru": 3, "lstm": 4}[cell] * K
    layer = CELLS[cell](IN, K, layers=2, bidirectional=True)
    wanted = {}
    for key, seen in (("l0", IN), ("l0_reverse", IN), ("l1", 2 * K), ("l1_reverse", 2 * K)):
        wanted |= {f"weight_ih_{key}": (rows, seen), f"weight_hh_{key}": (rows, K), f"bias_ih_{key}": (rows,),
                   f"bias_hh_{key}": (rows,)}
    assert {name: p.shape for name, p in layer.named_parameters()} == wanted
    assert list(dict(CELLS[cell](IN, K, bias=False).named_parameters())) == ["weight_ih_l0", "weight_hh_l0"]


@every_cell
def test_every_gate_starts_with_a_matrix_of_its_own(cell):
    layer = CELLS[cell](30, 20).init(0)
    gates = layer.gates
    for block in np.split(layer.weight_hh_l0.data, gates):
        np.testing.assert_allclose(block @ block.T, np.eye(20), atol=1e-6)
    limit = np.sqrt(6 / (20 + 30))
    for block in np.split(layer.weight_ih_l0.data, gates):
        assert 0.9 * limit < np.abs(block).max() <= limit
    forget = slice(20, 40) if cell == "lstm" else slice(0, 0)
    assert (layer.bias_ih_l0.data[forget] == 1).all() and layer.bias_ih_l0.data.sum() == len(range(80)[forget])
    assert not layer.bias_hh_l0.data.any()


@every_cell
def test_a_layer_without_biases_is_one_whose_biases_are_zero(cell):
    bare, full = make(cell, bias=False), make(cell)
    for name, p in full.named_parameters():
        p.data[...] = 0 if "bias" in name else dict(bare.named_parameters())[name].data
    close(bare(numbers(N, TIME, IN))[0].numpy(), full(numbers(N, TIME, IN))[0].numpy())


# ---- time ------------------------------------------------------------------------------------------------------------


@every_cell
def test_two_halves_with_the_state_carried_over_are_one_long_run(cell):
    layer, x = make(cell, layers=2), numbers(N, 7, IN)
    y, state = layer(x)
    first, between = layer(x[:, :3])
    second, after = layer(x[:, 3:], between)
    close(np.concatenate([first.numpy(), second.numpy()], 1), y.numpy())
    for a, b in zip(flat(after), flat(state), strict=True):
        close(a.numpy(), b.numpy())


@every_cell
def test_the_second_direction_is_the_first_on_reversed_sequences(cell):
    both, one, x = make(cell, bidirectional=True), make(cell), numbers(N, TIME, IN)
    for name, p in one.named_parameters():
        p.data[...] = dict(both.named_parameters())[name + "_reverse"].data
    y, state = both(x)
    turned, last = one(x[:, ::-1])
    close(y.numpy()[..., K:], turned.numpy()[:, ::-1])
    for a, b in zip(flat(state[1:]), flat(last), strict=True):
        close(a.numpy(), b.numpy())


@every_cell
def test_a_truncated_gradient_stops_every_so_many_steps_and_the_values_stay(cell):
    cut, x = make(cell, truncate=2), numbers(N, TIME, IN)
    whole = make(cell)
    y, state = cut(x)
    close(y.numpy(), whole(x)[0].numpy())
    ours = gradients(cut, total(y, state))

    pieces, carried = [], None
    for lo, hi in pairwise((0, 2, 4, 5)):  # the same by hand: every second step starts from a state without a past
        piece, after = whole(x[:, lo:hi], carried)
        pieces.append(piece)
        detached = [tuple(ct.Tensor(p.numpy()) for p in flat([entry])) for entry in after]
        carried = detached if cell == "lstm" else [entry[0] for entry in detached]
    wanted = gradients(whole, total(ct.ops.concat(pieces, axis=1), after))
    for name, gradient in wanted.items():
        np.testing.assert_allclose(ours[name], gradient, rtol=1e-9, atol=1e-11, err_msg=name)
    full = gradients(whole, total(*whole(x)))
    assert not np.allclose(ours["weight_hh_l0"], full["weight_hh_l0"])


# ---- lengths ---------------------------------------------------------------------------------------------------------

LENGTHS = np.array([3, 1, 6, 4])
SETTINGS = {
    "one layer": {}, "two layers, both directions": {"layers": 2, "bidirectional": True},
    "truncated": {"truncate": 2, "bidirectional": True},
}


@every_cell
@pytest.mark.parametrize("name", SETTINGS)
def test_sequences_of_different_lengths_are_as_each_alone(cell, name):
    layer, x = make(cell, **SETTINGS[name]), numbers(4, 6, IN)
    state = random_state(layer, n=4)
    for row, length in zip(x, LENGTHS, strict=True):
        row[length:] = 1e3 * numbers(6 - length, IN)  # what padding holds is nobody's business
    y, last = layer(ct.Sequences(x, LENGTHS), state)
    np.testing.assert_array_equal(y.lengths.numpy(), LENGTHS)
    alone = []
    for i, length in enumerate(LENGTHS):
        mine = [tuple(p[i : i + 1] for p in e) if isinstance(e, tuple) else e[i : i + 1] for e in state]
        alone.append(layer(x[i : i + 1, :length], mine))
        close(y.values.numpy()[i, :length], alone[i][0].numpy()[0])
        assert not y.values.numpy()[i, length:].any()
        for a, b in zip(flat(last), flat(alone[i][1]), strict=True):
            close(a.numpy()[i], b.numpy()[0])

    cs, c = [numbers(*part.shape, seed=i) for i, part in enumerate(flat(last))], numbers(*y.shape, seed=20)
    J = (y.values * c).sum()
    for part, weights in zip(flat(last), cs, strict=True):
        J = J + (part * weights).sum()
    ours = gradients(layer, J)
    J = 0
    for i, (one, end) in enumerate(alone):
        J = J + (one * c[i : i + 1, : LENGTHS[i]]).sum()
        for part, weights in zip(flat(end), cs, strict=True):
            J = J + (part * weights[i : i + 1]).sum()
    for key, gradient in gradients(layer, J).items():
        np.testing.assert_allclose(ours[key], gradient, rtol=1e-8, atol=1e-10, err_msg=key)


# ---- dropout between layers ------------------------------------------------------------------------------------------


def test_dropout_acts_between_layers_in_training_alone():
    layer, x = make("gru", layers=2, dropout=0.5), numbers(N, TIME, IN)
    still = layer(x)[0].numpy()
    with layer.training(seed=3):
        first, again = layer(x)[0].numpy(), layer(x)[0].numpy()
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, still) and (first != 0).all(), "the last layer's outputs are not dropped"

    lower, upper = GRU(IN, K).astype("float64"), GRU(K, K).astype("float64")
    for key, part in (("l0", lower), ("l1", upper)):
        for name, p in part.named_parameters():
            p.data[...] = getattr(layer, name.replace("l0", key)).data
    drop = Dropout(0.5)
    with drop.training(seed=3):
        between = drop(lower(x)[0]).numpy()
    close(first, upper(between)[0].numpy())
    with (one := make("gru", dropout=0.5)).training(seed=3):
        close(one(x)[0].numpy(), make("gru")(x)[0].numpy())


# ---- in networks -----------------------------------------------------------------------------------------------------


@every_cell
@pytest.mark.parametrize("both", [False, True])
def test_last_state_gives_the_upper_layer_s_h(cell, both):
    inner = make(cell, layers=2, bidirectional=both)
    _, state = inner(numbers(N, TIME, IN))
    last = [entry[0] if isinstance(entry, tuple) else entry for entry in state[-inner.directions :]]
    close(LastState(inner)(numbers(N, TIME, IN)).numpy(), np.concatenate([h.numpy() for h in last], -1))


def test_names_in_recordings_tell_layers_and_directions_apart():
    net = Recurrent(IN, K, 2, layers=1, bidirectional=True)
    assert next(iter(net.state_dict())) == "layer1.lstm.weight_ih_l0"
    program = ct.compile(net, "mse", input=numbers(N, TIME, IN), engine="reference")
    names = {v.name for v in program.values()}
    assert {"layer1.lstm.l0.gates", "layer1.lstm.l0_reverse.cells", "layer1.lstm.dweight_hh_l0_reverse"} <= names
    one = ct.compile(Recurrent(IN, K, 2, "gru"), "mse", input=numbers(N, TIME, IN), engine="reference")
    assert {"layer1.gru.gates", "layer1.gru.h"} <= {v.name for v in one.values()}


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@every_cell
def test_ready_networks_learn_to_add_and_predict_what_they_evaluate(cell, engine):
    X = numbers(120, 6, IN)
    y = X[..., 0].sum(1) / 2
    net = Recurrent(IN, 12, 1, cell, bidirectional=cell == "gru", layers=2 if cell == "rnn" else 1).init(0)
    run = ct.fit(net, X, y, optimizer=ct.optim.AdamW(1e-2), epochs=12, batch_size=16, engine=engine)
    assert run.history["loss"][-1] < 0.1 * run.history["loss"][0]
    out = net.predict(X, engine=engine)
    np.testing.assert_allclose(out, net(X).numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(net.predict(X[:, :3], engine=engine), net(X[:, :3]).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_a_program_equals_the_eager_step_for_every_kind_of_layer(engine):
    X, y = numbers(8, TIME, IN), numbers(8, 2)
    for cell in CELLS:
        net = Recurrent(IN, K, 2, cell, layers=2, bidirectional=True, dropout=0.3).init(0).astype("float64")
        before = net.theta.copy()
        program = ct.compile(net, "mse", ct.optim.SGD(0.1), 8, X, y, engine=engine, seed=4)
        program.feed(X, y)
        program.run()
        after, net.theta[:] = net.theta.copy(), before
        with net.training(seed=4, step=1):
            ct.losses.mse(net(X), y).backward()
        close(after, before - 0.1 * net.grad)


def test_networks_print_in_one_line():
    assert repr(Recurrent(3, 8, 2, layers=2, bidirectional=True)) == (
        "Recurrent(lstm, 3 -> 8 -> 8 -> 2, bidirectional, 2,530 parameters)")
    assert repr(LastState(RNN(3, 8, activation="relu", bias=False, truncate=5))) == (
        "LastState(RNN(3 -> 8, no bias, truncate 5, relu))")


# ---- what does not fit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "says"), [
    (np.ones((3, 5, 4)), r"\(LSTM\(2 -> 4\)\) takes sequences \(n, time, 2\), got shape \(3, 5, 4\)"),
    (np.ones((3, 5)), r"takes sequences \(n, time, 2\), got shape \(3, 5\)"),
    (np.ones((3, 0, 2)), "at least one time step"),
])
def test_inputs_of_another_shape_are_refused(x, says):
    with pytest.raises(ShapeError, match=says):
        LSTM(IN, K)(x)
    with pytest.raises(ShapeError, match=r"^layer1\.lstm \(LSTM"):
        Recurrent(IN, K, 1)(x)


def test_a_single_feature_wants_an_axis_of_its_own():
    with pytest.raises(ShapeError, match=r"reshape to \(n, time, 1\), as in x\[\.\.\., None\]"):
        GRU(1, K)(np.ones((3, 5)))


H = np.zeros((N, K))


@pytest.mark.parametrize(("cell", "state", "error", "says"), [
    ("lstm", [H], ArgumentError, r"each entry of a state is \(h, c\), got ndarray"),
    ("lstm", [(H, H, H)], ArgumentError, r"each entry of a state is \(h, c\), got 3 parts"),
    ("lstm", [(H, H)] * 2, ArgumentError, r"a list of 1 \(h, c\), one for each layer and direction.* got a list of 2"),
    ("gru", H, ArgumentError, "a state is a list of 1 h, .* got ndarray"),
    ("rnn", [H[:, 1:]], ShapeError, r"h of state 0 has shape \(3, 3\), but 3 sequences need \(3, 4\)"),
    ("lstm", [(H, H[1:])], ShapeError, r"c of state 0 has shape \(2, 4\)"),
])
def test_states_of_another_form_are_refused(cell, state, error, says):
    with pytest.raises(error, match=says):
        CELLS[cell](IN, K)(np.ones((N, TIME, IN)), state)


@pytest.mark.parametrize(("build", "says"), [
    (lambda: RNN(2, 3, activation="gelu"), 'RNN: activation must be "tanh" or "relu"'),
    (lambda: LSTM(2, 3, dropout=1.0), r"LSTM: dropout must lie in \[0, 1\)"),
    (lambda: GRU(2, 0), "GRU: width must be"),
    (lambda: GRU(2, 3, truncate=0), "GRU: truncate must be"),
    (lambda: LSTM(2, 3, layers=0), "LSTM: layers must be"),
    (lambda: LastState(Linear(2, 3)), "LastState takes an RNN, LSTM or GRU"),
    (lambda: Recurrent(2, 3, 1, cell="elman"), "cell must be one of rnn, lstm, gru"),
])
def test_settings_that_mean_nothing_are_refused(build, says):
    with pytest.raises(ArgumentError, match=says):
        build()


def test_a_recurrent_layer_in_a_row_of_layers_needs_last_state():
    with pytest.raises(ArgumentError, match=r"gives \(y, state\), and Sequential hands on one value: wrap it in"):
        Sequential(LSTM(IN, K), ReLU())(numbers(N, TIME, IN))
    with pytest.raises(RecordingError, match=r"got tuple: wrap a recurrent layer in ct\.nn\.LastState"):
        ct.compile(Sequential(GRU(IN, K)), "mse", target=numbers(2, K), engine="reference")
