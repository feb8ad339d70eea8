"""What kernels take: every operand in every shape that its rule accepts, beside pages that nobody may touch.

Child processes do it (guarded.py), so that a kernel that leaves its memory is a failed test and not the end of all.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import CASES

import cutaway as ct
from cutaway.autodiff import apply
from cutaway.engines.cpu import codegen, kernels, rule_loops
from cutaway.rules import OPS, rule
from cutaway.rules.registry import ENGINES_OWN
from depth import THOROUGH

GUARDED = Path(__file__).with_name("guarded.py")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="guard pages by Linux's calls")


def guarded(*ways):
    """What came of every variant in each of several ways to try them, by its id and for how many threads."""
    number, found = 0, [{} for _ in ways]
    while True:
        command = [sys.executable, GUARDED, "--first", str(number), *" + ".join(ways).split()]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = [line.split(" ", 3) for line in done.stdout.splitlines()]
        for _, turn, threads, line in lines:
            id_, _, said = line.partition(" | ")
            found[int(turn)][id_, threads] = said
        if done.returncode >= 0:
            assert done.returncode == 0, done.stderr
            return found
        number = int(lines[-1][0]) + 1
        found[int(turn)][id_, threads] = f"died by signal {-done.returncode}"


@pytest.fixture(scope="module")
def came():
    """Variants run as they are written: which numbers a kernel takes for which shapes is in its text. What LLVM's
    optimizer makes of that is seen on a part of the cases as they are, and a few of the variants."""
    return guarded(*("--as-written float32 1,3 1", "float32 1,3 32", "--as-written float64 3 16") if THOROUGH else (
        "--as-written float32 1,3 8", "float32 1,3 199 9", "--as-written float64 3 119 6"))


@pytest.mark.parametrize("op", sorted(CASES))
def test_no_kernel_leaves_its_operands_or_differs_from_its_rule(came, op):
    for turn, found in enumerate(came):
        own = {of: said for of, said in found.items() if of[0].startswith(f"{op}-")}
        wrong = {of: said for of, said in own.items() if not said.startswith(("refused", "kernels"))}
        assert not wrong and (own or turn)  # the first way tries each operation
        if turn == 0 and (op in kernels.TAKES or OPS[op].kind == "elementwise"):
            assert any(said.startswith("kernels: ") and not said.startswith("kernels: 0") for said in own.values())


def test_every_instruction_of_every_accepted_shape_has_a_kernel(came):
    """But rows of the batch beside all others, as (n, 1) and (n,) give them: no network means that. And no numbers in
    no bins, where there is nothing to compute."""
    of_no_bin = {"piecewise'", "by_feature'"}
    lacking = {(title, id_) for (id_, _), said in came[0].items() for title in said.split(", none for ")[1:]}
    wrong = {(title, id_) for title, id_ in lacking if title.rstrip("'") not in ("weighted_mean", "penalized_mean")
             and not (title in of_no_bin and id_.endswith(("width 0", "nothing")))}
    assert not wrong


def test_guard_pages_kill():
    code = f"import sys; sys.path[:0] = [{str(GUARDED.parent)!r}]; import guarded, numpy as np, ctypes\n" + (
        "s = guarded.Slots(2); s.begin(True); ctypes.memset(s.put(np.ones(3))[1] + 24, 1, 1)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode < 0


def test_every_kernel_says_what_it_takes():
    """And backward, every gradient that it writes."""
    for op in kernels.TAKES:
        assert op in codegen._hand_written()
        gradients = {g.rstrip("?") for g in kernels.TAKES[op].gradients.split()}
        if gradients:
            text = codegen._hand_written()[op + "_back"]
            wanted = rule_loops.parameters(text, op + "_back")
            every = {"d" + name for name in kernels.takes.row_of(op, kernels.TAKES[op], False)}
            assert gradients == every & set(wanted), op
    files = [vars(file) for file in kernels.FILES]
    own = [op for op in OPS if any(op in file and file[op].__module__.startswith("cutaway.engines") for file in files)]
    assert not set(own) - set(kernels.TAKES), "kernels that do not say what they take"


# ---- what people write -----------------------------------------------------------------------------------------------


def parameter(*shape, seed=0):
    return ct.nn.Parameter(shape, lambda rng, s: np.random.default_rng(seed).standard_normal(s))


class Film(ct.nn.Module):
    """Feature-wise modulation: a second network says gain and shift of each row."""

    def __init__(self):
        self.a, self.gain, self.shift = (ct.nn.Linear(3, 4) for _ in range(3))

    def forward(self, x):
        return ct.ops.layer_norm(self.a(x), self.gain(x), self.shift(x))


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
def test_a_gain_and_a_shift_for_each_row():
    net, X = Film().init(0), np.random.default_rng(0).random((8, 3))
    a, gain, shift = (X @ layer.weight.data.T + layer.bias.data for layer in (net.a, net.gain, net.shift))
    centred = a - a.mean(1, keepdims=True)
    expected = gain * centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) + shift
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-4, atol=1e-5)
    run = ct.fit(net, X, X[:, :1] * np.ones(4), epochs=200, batch_size=4, optimizer=ct.optim.AdamW(1e-2), threads=2)
    assert run.history["loss"][-1] < 0.1 * run.history["loss"][0]


class FromLearned(ct.nn.Module):
    def __init__(self, shape):
        self.W, self.h = parameter(64, 64), parameter(*shape)

    def forward(self, u):
        return ct.ops.rnn(u, self.W, None, self.h)[1]


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
@pytest.mark.parametrize("shape", [(64,), (1, 64), (1,), ()])
def test_a_learned_first_state(shape):
    net, u = FromLearned(shape).init(0).astype("float64"), np.zeros((4096, 1, 64))
    expected = np.tanh(np.broadcast_to(net.h.data, (1, 64)) @ net.W.data.T)
    np.testing.assert_allclose(net.predict(u, batch_size=4096), np.tile(expected, (4096, 1)), rtol=1e-9, atol=1e-12)


def test_the_gradient_of_a_target():
    """mse(a, b) of two branches: the gradient flows into both; where no derivative is known, it says so."""
    rng = np.random.default_rng(0)
    a, b = (ct.Tensor(rng.random((4, 3)), requires_grad=True) for _ in range(2))
    apply("mse", a, b).sum().backward()
    np.testing.assert_allclose(a.grad, 2 * (a.data - b.data) / 3)
    np.testing.assert_allclose(b.grad, -a.grad)
    with pytest.raises(ct.errors.ArgumentError, match=r"soft_cross_entropy .* takes y as fixed numbers"):
        apply("soft_cross_entropy", a, b)[0].sum().backward()


@pytest.mark.parametrize(("call", "says"), [
    (lambda o, x: o.concat([x, x], axis=None), "concat takes axis as a whole number, got None"),
    (lambda o, x: o.shortened(np.array([2]), 2, stride=0), "shortened takes stride as whole .*, got 0"),
    (lambda o, x: o.max_pool(x, (2, 2), stride=(-1, 1)), r"max_pool takes stride as .*, got \(-1, 1\)"),
    (lambda o, x: o.rnn(np.ones((2, 3, 4)), np.ones((4, 4)), truncate=0), "rnn takes truncate as None or .*, got 0"),
    (lambda o, x: o.dropout(x, 1.0, 0, 0, 0), "dropout takes p as a number from 0 to below 1, got 1.0"),
    (lambda o, x: o.linear(x, np.ones((3, 1, 1))), r"linear takes weights W of shape \(outputs, inputs\)"),
    (lambda o, x: o.gru(np.ones((2, 3, 4)), np.ones((4, 4))), r"gru takes u \(n, time, 3 k\) and W \(3 k, k\), got"),
    (lambda o, x: o.layer_norm(x, 1, 0, eps="small"), "layer_norm takes eps as a number, got 'small'"),
])
def test_settings_that_index_or_divide_are_refused_in_words(call, says):
    with pytest.raises(ct.errors.CutawayError, match=says):
        call(ct.ops, ct.Tensor(np.ones((2, 4))))


def test_one_number_is_the_same_for_all_sizes_of_a_window():
    x, W = np.random.default_rng(0).random((2, 5, 6, 1)), np.ones((1, 2, 2, 1))
    for name in ("max_pool", "avg_pool"):
        pool = getattr(ct.ops, name)
        assert np.array_equal(pool(x, 2, stride=1).data, pool(x, (2, 2), stride=(1, 1)).data)
    a, b = ct.ops.conv(x, W, stride=2, padding=1), ct.ops.conv(x, W, None, (2, 2), ((1, 1), (1, 1)))
    assert np.array_equal(a.data, b.data)


@pytest.mark.parametrize("lay", [
    np.asfortranarray, lambda c: np.repeat(c, 2, axis=1)[:, ::2], lambda c: c[::-1, ::-1],
    lambda c: np.broadcast_to(c[:1], c.shape),
], ids=["by columns", "every other", "backwards", "one row repeated"])
def test_constants_lie_in_any_order(lay):
    W = lay(np.arange(12, dtype=np.float32).reshape(3, 4))

    class Fixed(ct.nn.Module):
        def __init__(self):
            self.s = parameter(4)

        def forward(self, x):
            return ct.ops.linear(x * self.s, ct.Tensor(W))

    net, X = Fixed().init(0), np.random.default_rng(0).random((5, 4)).astype(np.float32)
    np.testing.assert_allclose(net.predict(X), (X * net.s.data) @ W.T, rtol=1e-5, atol=1e-5)


class Chooses(ct.nn.Module):
    """A condition for each position, the same for all features: no kernel takes it."""

    def __init__(self):
        self.w, self.tall = parameter(3), ct.Tensor(np.array([[0.0], [1.0]], np.float32))

    def forward(self, x):
        return apply("where", self.tall, x * self.w, x)


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
def test_an_operation_runs_by_its_rule_whatever_the_engine_calls_its_own():
    """The CPU engine has a list `_where`, and is asked for `where`."""
    net, X = Chooses().init(0), np.random.default_rng(0).random((4, 2, 3)).astype(np.float32)
    expected = np.stack([X[:, 0], X[:, 1] * net.w.data], axis=1)
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-6)


class Pools(ct.nn.Module):
    """A sequence and its lengths as plain arrays: nobody compared them."""

    embeds = True

    def __init__(self, op):
        self.op, self.w = op, parameter(2)

    def forward(self, x, lengths):
        return getattr(ct.ops, self.op)(x * self.w, lengths)


@pytest.mark.parametrize("op", ["global_average", "global_max"])
def test_lengths_that_nobody_checked_end_with_their_sequences(op):
    X = np.random.default_rng(0).random((4, 3, 2)), np.array([9, 3, 1, 2**31 - 1], np.int32)
    net = Pools(op).init(0)
    expected = Pools(op).init(0).predict((X[0], np.array([3, 3, 1, 3])))
    for engine in ("cpu", "reference"):
        np.testing.assert_allclose(net.predict(X, engine=engine), expected, rtol=1e-6)


@pytest.mark.parametrize("op", ["rnn", "gru", "lstm"])
def test_a_scan_back_from_beyond_its_end(op):
    """The gradient by its first state too, in which the rule and the kernel must find the same first step."""
    gates, rng = {"rnn": 1, "gru": 3, "lstm": 4}[op], np.random.default_rng(0)

    class Scans(ct.nn.Module):
        embeds = True

        def __init__(self):
            self.W, self.s, self.first = parameter(gates * 2, 2), parameter(), ct.nn.Linear(1, 2)

        def forward(self, u, x, lengths):
            states = (self.first(x),) * (2 if op == "lstm" else 1)
            return apply(op, u * self.s, self.W, None, *states, lengths, reverse=True, truncate=None,
                         **({"relu": False} if op == "rnn" else {}))[1]

    X, thetas = (rng.random((4, 3, gates * 2)), rng.random((4, 1)), np.array([9, 3, 1, 5], np.int32)), []
    for engine in ("cpu", "reference"):
        net = Scans().init(0).astype("float64")
        program = ct.compile(net, "mse", ct.optim.SGD(0.1), input=X, target=np.zeros((4, 2)), engine=engine)
        program.feed(X, np.zeros((4, 2)))
        program.run()
        thetas.append(net.theta.copy())
    np.testing.assert_allclose(*thetas, rtol=1e-10)


class Assigns(ct.nn.Module):
    """A buffer of k numbers that follows a mean of one."""

    def __init__(self):
        self.w, self.seen = parameter(3), ct.nn.Buffer(np.zeros(3))

    def forward(self, x):
        ct.autodiff.assign(self.seen, (x * self.w).mean())
        return x * self.w


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
def test_a_buffer_is_given_one_number(engine):
    net, X = Assigns().init(0), np.ones((4, 3))
    before = net.w.data.mean()
    program = ct.compile(net, "mse", ct.optim.SGD(0.0), input=X, target=X, engine=engine)
    program.feed(X, X)
    program.run()
    np.testing.assert_allclose(net.seen.data, before, rtol=1e-6)


class Picks(ct.nn.Module):
    """Rules run in NumPy where no kernel takes their shapes, `where` among them, whose name the engine had too."""

    def __init__(self, shape):
        self.w = parameter(*shape)

    def forward(self, x):
        return ct.ops.where(x > 0, x, self.w * x).sum(axis=-1)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 3), (1, 1, 3)])
@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
def test_where_of_any_shapes(shape):
    net, X = Picks(shape).init(0).astype("float64"), np.random.default_rng(0).normal(size=(5, 2, 3))
    np.testing.assert_allclose(net.predict(X), np.where(X > 0, X, net.w.data * X).sum(-1), rtol=1e-9)
    ct.fit(net, X, X.sum(-1), epochs=2)


def test_no_rule_takes_the_place_of_one_that_there_is_or_is_of_a_kind_that_there_is_not():
    def relu(z):
        return z

    with pytest.raises(ct.errors.ArgumentError, match=r"has a rule called 'relu'.*take another name"):
        rule("a = z", "elementwise")(relu)
    assert OPS["relu"].forward is not relu
    with pytest.raises(ct.errors.ArgumentError, match="no kind is called 'elementwize': use one of array, elementwise"):
        rule("a = z", "elementwize")(lambda z: z)


def test_no_rule_has_the_name_of_an_engines_instruction():
    def gather(z):
        return z

    with pytest.raises(ct.errors.ArgumentError, match="no rule can be called 'gather'"):
        rule("a = z")(gather)
    assert "gather" not in OPS
    program = ct.compile(ct.nn.MLP(2, [2], 1), target=np.zeros((4, 1)))
    assert {i.op for i in program.instructions} <= set(ENGINES_OWN) | set(OPS)
