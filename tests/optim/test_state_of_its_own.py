"""State of its own shape, that begins where the optimizer says: by rule and by loops written by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.inspect import read_trace
from cutaway.optim import Optimizer
from cutaway.report.descent_page import descent_page
from cutaway.rules import xp

pytestmark = pytest.mark.filterwarnings("ignore:.*has no CPU kernel")


def adafactor(theta, g, row, column, *, t, lr, eps):
    keep = 1 - t**-0.8
    square = g * g + eps
    if g.ndim < 2:
        row = scale = keep * row + (1 - keep) * square
    else:
        row = keep * row + (1 - keep) * square.mean(-1)
        column = keep * column + (1 - keep) * square.mean(-2)
        scale = row[..., None] * column[..., None, :] / row.mean(-1)[..., None, None]
    return theta - lr * g / xp.sqrt(scale), row, column


@dataclass(frozen=True)
class Adafactor(Optimizer, listed=False):
    """A scale for each row and column of a matrix (Shazeer and Stern, 2018)."""

    eps: float = 1e-30
    rule: ClassVar[Callable] = staticmethod(adafactor)

    def shapes(self, shape):
        if len(shape) < 2:
            return {"row": shape, "column": ()}
        return {"row": shape[:-1], "column": shape[:-2] + shape[-1:]}


def lamb(theta, g, m, v, *, t, lr, beta1, beta2, eps, weight_decay):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    step = (m / (1 - beta1**t)) / (xp.sqrt(v / (1 - beta2**t)) + eps) + weight_decay * theta
    lengths = xp.sqrt(xp.sum(theta * theta)), xp.sqrt(xp.sum(step * step))
    trust = xp.where((lengths[0] > 0) & (lengths[1] > 0), lengths[0] / lengths[1], 1.0)
    return theta - lr * trust * step, m, v


@dataclass(frozen=True)
class LAMB(Optimizer, listed=False):
    """Adam whose step is as long as the parameter (You et al., 2020)."""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    weight_decay: float = 0.01
    decay: str = "matrices"
    rule: ClassVar[Callable] = staticmethod(lamb)
    by_parameter: ClassVar[bool] = True


def whitened(theta, g, L, *, lr):
    flat = g.reshape(len(g), -1)
    L = L + flat @ flat.T
    values, vectors = np.linalg.eigh(L)
    return theta - lr * ((vectors / np.sqrt(values)) @ vectors.T @ flat).reshape(g.shape), L


@dataclass(frozen=True)
class Whitened(Optimizer, listed=False):
    """Shampoo from one side (Gupta et al., 2018): G gᵀ summed, from the identity on."""

    rule: ClassVar[Callable] = staticmethod(whitened)

    def shapes(self, shape):
        return {"L": (shape[0], shape[0])}

    def start(self, name, shape):
        return 0.1 * np.eye(*shape)


@dataclass(frozen=True)
class WarmAdaGrad(ct.optim.AdaGrad, listed=False):
    """AdaGrad whose sum begins above zero, as TensorFlow has it."""

    initial: float = 0.1

    def start(self, name, shape):
        return self.initial


# ---- the same in loops of their own ----------------------------------------------------------------------------------


def by_adafactor(p, g, s, t, lr):
    square, keep = g**2 + 1e-30, 1 - t**-0.8
    if g.ndim == 1:
        s["v"] = keep * s.get("v", 0) + (1 - keep) * square
        return p - lr * g / np.sqrt(s["v"])
    s["r"] = keep * s.get("r", np.zeros(g.shape[0])) + (1 - keep) * np.array([r.mean() for r in square])
    s["c"] = keep * s.get("c", np.zeros(g.shape[1])) + (1 - keep) * np.array([c.mean() for c in square.T])
    return p - lr * g / np.sqrt(np.outer(s["r"], s["c"]) / s["r"].mean())


def by_lamb(p, g, s, t, lr):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    step = s["m"] / (1 - 0.9**t) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-6) + (0.01 * p if p.ndim > 1 else 0)
    return p - lr * (np.linalg.norm(p) / np.linalg.norm(step) if np.linalg.norm(p) else 1) * step


def by_whitened(p, g, s, t, lr):
    flat = g.reshape(len(g), -1)
    s["L"] = s.get("L", 0.1 * np.eye(len(g))) + flat @ flat.T
    u, d, _ = np.linalg.svd(s["L"])
    return p - lr * (u @ np.diag(d**-0.5) @ u.T @ flat).reshape(g.shape)


def by_warm_adagrad(p, g, s, t, lr):
    s["G"] = s.get("G", 0.1) + g**2
    return p - lr * g / (np.sqrt(s["G"]) + 1e-8)


BY_HAND = {"Adafactor": (Adafactor, by_adafactor), "LAMB": (LAMB, by_lamb), "Whitened": (Whitened, by_whitened),
           "WarmAdaGrad": (WarmAdaGrad, by_warm_adagrad)}
rng = np.random.default_rng(0)
X, Y = rng.standard_normal((24, 3)), rng.standard_normal((24, 2))


def network(dtype="float64"):
    return ct.nn.Sequential(ct.nn.Linear(3, 4), ct.nn.Linear(4, 2)).init(0).astype(dtype)


def by_hand(step, lr, steps):
    """A linear network of two layers on the mean squared error, its gradients written out."""
    W1, b1, W2, b2 = (np.array(p.data) for p in network().parameters())
    state = [{}, {}, {}, {}]
    for t in range(1, steps + 1):
        hidden = X @ W1.T + b1
        d = 2 / Y.size * (hidden @ W2.T + b2 - Y)
        gradients = (d @ W2).T @ X, (d @ W2).sum(0), d.T @ hidden, d.sum(0)
        W1, b1, W2, b2 = (step(p, g, s, t, lr) for p, g, s in zip((W1, b1, W2, b2), gradients, state, strict=True))
    return W1, b1, W2, b2


# "portable" is the CPU engine here, and test_wasm.py has a rule in Python
WITH_PYTHON = [engine for engine in ct.engines.ENGINES if engine not in ("portable", "wasm")]


@pytest.mark.parametrize("engine", WITH_PYTHON)
@pytest.mark.parametrize("name", BY_HAND)
def test_training_is_what_a_loop_by_hand_does(engine, name):
    kind, step = BY_HAND[name]
    if engine not in ("cpu", "reference") and kind is Whitened:
        pytest.skip("its rule calls NumPy beside xp")
    net = network()
    program = ct.compile(net, "mse", kind(0.05), batch_size=24, engine=engine)
    program.feed(X, Y)
    for _ in range(7):
        program.run()
    for p, wanted in zip(net.parameters(), by_hand(step, 0.05, 7), strict=True):
        np.testing.assert_allclose(p.data, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", BY_HAND)
def test_init_and_update_do_the_same_to_one_parameter(name):
    kind, step = BY_HAND[name]
    opt, wanted, own = kind(0.05), rng.standard_normal((3, 4)), {}
    theta, state = wanted.copy(), kind(0.05).init(wanted)
    for t in range(1, 6):
        g = rng.standard_normal((3, 4))
        theta, state = opt.update(theta, g, state)
        wanted = step(wanted, g, own, t, 0.05)
    np.testing.assert_allclose(theta, wanted, rtol=1e-12)


def fit(lr, **more):
    how = {"loss": "mse", "optimizer": Adafactor(lr), "epochs": 4, "batch_size": 8, "seed": 1, "progress": False}
    return ct.fit(network(), X, Y, **how | more)


def test_schedules_clipping_and_decay_reach_the_rule_on_every_engine():
    opt = ct.optim.clip(LAMB(ct.optim.schedules.cosine(0.05), weight_decay=0.1), norm=0.5)
    ends = [fit(0, optimizer=opt, engine=engine).model.theta for engine in WITH_PYTHON]
    for theta in ends:
        np.testing.assert_allclose(theta, ends[0], rtol=1e-9, atol=1e-12)
    assert np.abs(ends[0] - fit(0, optimizer=ct.optim.clip(LAMB(0.05), norm=0.5)).model.theta).max() > 1e-3


def test_a_learning_rate_is_found_for_it():
    assert 1e-3 < fit("auto").program.engine.optimizer.lr < 1


def test_models_that_are_built_alike_share_a_program():
    runs = ct.fit_many([{"model": network(), "X": X, "y": Y, "loss": "mse", "optimizer": Adafactor(lr), "epochs": 4,
                         "batch_size": 8, "seed": 1} for lr in (0.01, 0.02)], progress=False)
    assert np.array_equal(runs[1].model.theta, fit(0.02).model.theta)


# ---- looking ---------------------------------------------------------------------------------------------------------


def test_a_trace_of_it_survives_its_file(tmp_path):
    trace = ct.trace(network(), X, Y, "mse", Adafactor(0.05))
    trace.to_json(tmp_path / "t.json")
    again = read_trace(tmp_path / "t.json").update("layer2.weight")
    assert again.state["row"].shape == (2,) and np.array_equal(
        again.state_after["row"], trace.update("layer2.weight").state_after["row"])


def test_a_session_goes_back_and_takes_another_optimizer():
    s = ct.step(network(), X, Y, loss="mse", optimizer=Adafactor(0.05), batch_size=8, epochs=2)
    s.run(3)
    after = np.array(s.model.theta)
    s.goto(2)
    s.run(2)
    assert np.array_equal(s.model.theta, after)
    s.use(LAMB(0.01))
    s.run(1)
    s.freeze("layer1.weight", 0, 1)
    s.run(1)


def test_an_effective_rate_and_a_page_begin_where_the_state_does():
    descent = ct.lab.descend("bowl", [WarmAdaGrad(0.1)], steps=3)
    (path,) = descent.paths
    np.testing.assert_allclose(path.state["G"][0], 0.1 + path.gradient[0] ** 2, rtol=1e-12)
    np.testing.assert_allclose(path.rate[0], 0.1 / (np.sqrt(path.state["G"][0]) + 1e-8), rtol=1e-6)
    assert '"starts":{"G":[0.1,0.1]}' in descent_page(descent).replace(" ", "")


def test_a_surface_is_no_place_for_whole_parameters():
    with pytest.raises(ArgumentError, match="takes whole parameters"):
        ct.lab.descend("bowl", [Adafactor(0.1)])


# ---- what does not fit -----------------------------------------------------------------------------------------------


def test_shapes_of_other_vectors_than_the_rules_are_refused():
    class Odd(Adafactor, listed=False):
        def shapes(self, shape):
            return {"row": shape[:1]}

    for make in (lambda: Odd(0.1).init(np.ones(3)), lambda: ct.compile(network(), "mse", Odd(0.1))):
        with pytest.raises(ArgumentError, match=r"Odd: its rule's state is row, column, but its shapes\(\) gives row"):
            make()


def test_a_vector_that_a_parameter_needs_not_has_no_numbers():
    class Lean(Adafactor, listed=False):
        def shapes(self, shape):
            return {"row": shape[:1], "column": (0,) if len(shape) < 2 else shape[1:]}

    program = ct.compile(network(), "mse", Lean(0.1), engine="reference")
    assert program.state.part("layer1.bias", "column").size == 0


def test_a_setting_called_decay_is_the_optimizers_own():
    @dataclass(frozen=True)
    class Odd(Optimizer, listed=False):
        decay: float = 0.5
        rule: ClassVar[Callable] = staticmethod(lambda theta, g, *, lr, decay: theta - lr * decay * g)

    assert "no decay" not in str(ct.compile(network(), "mse", Odd(0.1), engine="reference"))


def test_a_start_of_another_shape_is_refused():
    class Odd(Whitened, listed=False):
        def start(self, name, shape):
            return np.ones(2)

    with pytest.raises(ArgumentError, match=r"Odd: L has shape \(3, 3\), but its start\(\) gives numbers of shape"):
        Odd(0.1).init(np.ones((3, 2)))


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_a_rule_that_gives_another_shape_is_refused(engine):
    class Odd(Whitened, listed=False):
        rule = staticmethod(lambda theta, g, L, *, lr: (theta, L[0, 0]))

    program = ct.compile(network(), "mse", Odd(0.1), batch_size=24, engine=engine)
    program.feed(X, Y)
    with pytest.raises(ShapeError, match=r"gives layer1.weight.L as numbers of shape \(\), .* has \(4, 4\)"):
        program.run()
