"""The profile: what it counts, what it leaves as it was, and how it reads. Nothing here asserts a time."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.autodiff import apply
from cutaway.engines import evaluator
from cutaway.errors import ArgumentError
from cutaway.program.profile import operations, traffic
from cutaway.rules import OPS, rule

engines = pytest.mark.parametrize("engine", ["cpu", "reference"])


def program(model, X, y, loss="mse", **options):
    made = ct.compile(model, loss, options.pop("optimizer", None), options.pop("batch_size", 8), input=X, target=y,
                      **options)
    made.feed(X, y)
    return made


def small(**options):
    rng = np.random.default_rng(0)
    model = ct.nn.MLP(5, [7], 1, norm="batch", dropout=0.1).init(0)
    return program(model, rng.standard_normal((30, 5)), rng.standard_normal((30, 1)), **options)


def counted(made, phase):
    """The operations of a phase's instructions with products, by name."""
    found = [(i.title, operations(i, made.engine.batch_size)) for i in made.instructions if i.phase == phase]
    return [(title, count) for title, count in found if count]


@engines
@pytest.mark.parametrize("threads", [1, 2])
def test_a_profile_leaves_weights_state_and_what_follows_as_they_were(engine, threads):
    looked, other = (
        small(engine=engine, threads=threads, optimizer=ct.optim.Adam(ct.optim.schedules.cosine(0.1, 20)))
        for _ in range(2)
    )
    for made in (looked, other):
        made.run(steps=2)
    looked.profile(steps=3)
    np.testing.assert_array_equal(looked.run(), other.run())
    assert looked.state["t"] == other.state["t"]
    np.testing.assert_array_equal(looked.model.theta, other.model.theta)
    for (_, a), (_, b) in zip(looked.model.named_buffers(), other.model.named_buffers(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


@engines
@pytest.mark.parametrize("threads", [1, 2])
def test_every_instruction_has_a_time_and_shares_add_up(engine, threads):
    made = small(engine=engine, threads=threads)
    profile = made.profile(steps=5)
    assert len(profile.microseconds) == len(made.instructions)
    assert (profile.microseconds >= 0).all() and profile.step > 0
    assert profile.threads == made.engine.threads
    assert profile.share.sum() == pytest.approx(1)


def test_instructions_have_either_products_or_traffic():
    profile = small().profile(steps=5)
    assert not ((profile.operations > 0) & (profile.bytes > 0)).any()
    assert np.isnan(profile.gigabytes[profile.operations > 0]).all()
    assert (profile.gflops[profile.microseconds * profile.operations > 0] > 0).all()


def test_neurons_of_each_member_count_two_operations_a_weight_and_row():
    rng = np.random.default_rng(0)
    net = ct.nn.Sequential(ct.nn.Members(5, 4), ct.nn.MemberLinear(5, 3, 4), ct.nn.MemberMean()).init(0)
    made = program(net, rng.standard_normal((30, 5)), rng.standard_normal((30, 3)))
    assert counted(made, "forward") == [("member_linear", 2 * 8 * 4 * 3 * 5)]
    assert counted(made, "backward") == [("member_linear'", 2 * 2 * 8 * 4 * 3 * 5)]


def test_a_layer_of_neurons_counts_two_operations_a_weight_and_row():
    made = program(ct.nn.MLP(5, [7], 1), np.zeros((8, 5)), np.zeros((8, 1)))
    assert counted(made, "forward") == [("linear", 2 * 8 * 5 * 7), ("linear", 2 * 8 * 7)]
    assert counted(made, "backward") == [("linear'", 2 * 2 * 8 * 7), ("linear'", 2 * 8 * 5 * 7)]  # dx and dW; dW alone


def test_a_layer_of_neurons_counts_the_same_when_threads_share_its_weights():
    X, y = np.zeros((8, 5)), np.zeros((8, 1))
    one, two = (program(ct.nn.MLP(5, [7], 1), X, y, threads=threads) for threads in (1, 2))
    assert sum(n for _, n in counted(one, "backward")) == sum(n for _, n in counted(two, "backward"))


def test_a_convolution_counts_its_windows():
    model = ct.nn.Sequential(ct.nn.Conv2d(2, 3, 3), ct.nn.Flatten(), ct.nn.Linear(3 * 4 * 4, 1))
    made = program(model, np.zeros((8, 6, 6, 2)), np.zeros((8, 1)))
    assert counted(made, "forward")[0] == ("conv", 2 * 8 * (4 * 4) * (3 * 3 * 2 * 3))
    assert counted(made, "backward")[-1] == ("conv'", 2 * 8 * (4 * 4) * (3 * 3 * 2 * 3))  # dW; nobody wants dx


@pytest.mark.parametrize(("layer", "gates"), [(ct.nn.RNN, 1), (ct.nn.LSTM, 4), (ct.nn.GRU, 3)])
def test_a_scan_counts_the_products_of_its_state(layer, gates):
    time, k, n = 6, 5, 8
    model = ct.nn.Sequential(ct.nn.LastState(layer(2, k)), ct.nn.Linear(k, 1))
    made = program(model, np.zeros((n, time, 2)), np.zeros((n, 1)))
    step = 2 * gates * k * k
    assert counted(made, "forward")[1] == (layer.__name__.lower(), n * (time - 1) * step)  # the first state is zero
    name, count = counted(made, "backward")[1]
    assert (name, count) == (layer.__name__.lower() + "'", (n * (time - 1) + n * time - 1) * step)


def test_traffic_is_what_is_read_and_written():
    made = program(ct.nn.MLP(5, [7], 1, activation="relu"), np.zeros((8, 5)), np.zeros((8, 1)),
                   optimizer=ct.optim.Adam(1e-3))
    count = {(i.title, i.phase): traffic(i, 8) for i in made.instructions}
    assert count["relu", "forward"] == 4 * 8 * (7 + 7)  # z -> a
    assert count["relu'", "backward"] == 4 * 8 * (7 + 7 + 7)  # da, a -> dz
    assert count["optimizer", "update"] == 4 * made.model.theta.size * (4 + 3)  # θ g m v -> θ m v


def test_an_evaluation_has_a_profile_too():
    X = np.random.default_rng(0).standard_normal((40, 5)).astype("float32")
    model = ct.nn.MLP(5, [7], 2).init(0)
    made = evaluator(model, X, batch_size=16)
    before = made.predict(X)
    assert made.profile(steps=3).instruction[-1] == "store"
    np.testing.assert_array_equal(made.predict(X), before)


def halved(z):
    return np.multiply(z, 0.5)  # NumPy's own function: no machine code is made of it


def halved_back(da):
    return np.multiply(da, 0.5)


@pytest.fixture
def halves():
    rule("a = z / 2", "elementwise")(halved)
    yield
    del OPS["halved"]


@pytest.mark.usefixtures("halves")
@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
def test_instructions_without_a_kernel_are_timed_in_their_place():
    def loss(z, y):
        return ct.ops.mean(ct.ops.square(apply("halved", z - y)))

    made = program(ct.nn.Linear(5, 1), np.ones((30, 5)), np.zeros((30, 1)), loss=loss)
    assert not made.engine.compiled
    before = made.model.theta.copy()
    profile = made.profile(steps=3)
    assert profile.microseconds[profile.instruction.index("halved")] > 0
    np.testing.assert_array_equal(made.model.theta, before)


def test_it_prints_at_100_columns_with_layers_speeds_and_a_real_step():
    text = str(small().profile(steps=5))
    head, *lines = text.split("\n")
    assert head.split() == ["#", "phase", "layer", "instruction", "writes", "µs", "share", "GFLOP/s", "GB/s"]
    assert max(map(len, text.split("\n"))) <= 100
    assert any(" adamw " in line for line in lines)
    assert lines[-2].startswith("matrix products:") and "without clocks" in lines[-1]


def test_it_says_that_threads_take_turns():
    assert "in turn" in str(small(threads=2).profile(steps=5))
    assert "in turn" not in str(small(threads=1).profile(steps=5))


def test_its_table_has_a_row_an_instruction():
    made = small()
    table = made.profile(steps=5).to_pandas()
    assert len(table) == len(made.instructions)
    assert table["share"].sum() == pytest.approx(1)


def test_a_profile_needs_data():
    with pytest.raises(ArgumentError, match="needs data"):
        ct.compile(ct.nn.MLP(5, [7], 1)).profile()


@engines
def test_steps_that_are_not_finite_are_refused(engine):
    made = program(ct.nn.Linear(2, 1), np.full((8, 2), np.nan), np.zeros((8, 1)), engine=engine)
    before = made.model.theta.copy()
    with pytest.raises(ArgumentError, match="not finite"):
        made.profile(steps=3)
    np.testing.assert_array_equal(made.model.theta, before)
