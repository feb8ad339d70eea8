"""Numbers far from 1: every rule of the registry at ±1e4 and beyond, at the largest and the smallest floats, at
infinity, and with what is not a number; values and slopes, as Tensors, by the rules and in machine code.

The truth is written down here a second time, in float64, with SciPy's functions and limits worked out by hand.
"""

import numpy as np
import pytest
from around import Around, program
from cases import CASE, EVERY, IDS, Case, of_each
from scipy.special import erf, expit, ndtr
from test_rules import cotangents, gradients, outputs

import cutaway as ct
from cutaway.autodiff import Runtime, apply
from cutaway.losses import LOSSES
from cutaway.rules import OPS
from depth import THOROUGH

FAR = [1e4, 1e10, 1e20, 1e30]
HOW = ["tensors", "reference", "cpu"]
hows = pytest.mark.parametrize("how", HOW)
precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])


def points(dtype):
    """Numbers of either sign that are extreme in this precision, and a few that are not."""
    info = np.finfo(dtype)
    sizes = [0.0, info.smallest_subnormal, info.tiny / 8, info.tiny, info.eps, 0.3, 3.0, 12.0, *FAR, info.max, np.inf]
    return np.array([*sizes, *(-x for x in sizes)], dtype)


def reacting(state):
    """What NumPy does where a result is infinite or not a number. (That small ones become zero is meant.)"""
    return np.errstate(over=state, invalid=state, divide=state)


def as_often(some):
    """Where the mask holds, again from the start until there are as many as before: one shape has one kernel."""
    return np.resize(np.flatnonzero(some), len(some))


def made(how, name, inputs, kinds, attributes, dtype):
    """The operation's first output, and the slope of the sum of that in its first input."""
    if how == "tensors":
        given = [ct.Tensor(x.astype(dtype) if x.dtype.kind == "f" else x, requires_grad=kind == "rows")
                 for x, kind in zip(inputs, kinds, strict=True)]
        out = apply(name, *given, **attributes)
        out = out[0] if isinstance(out, tuple) else out
        out.sum().backward()
        return out.data, given[0].grad
    model = Around(name, Case(inputs, attributes, kinds)).astype(dtype)
    ran, _ = program(model, how, loss=lambda z, y: z.sum(), keep_all=True)
    own = [k for k, i in enumerate(ran.instructions) if i.op == name]  # for mul, those of the scales lie around it
    there = [k for k in own if not ran.instructions[k].backward][-1]
    back = next(k for k in own if ran.instructions[k].backward)
    assert how == "reference" or None not in (ran.engine.kernels[there], ran.engine.kernels[back]), "no machine code"
    value, slope = (ran.value(ran.instructions[k].written[0]) for k in (there, back))
    return value.copy(), slope.copy()


def assert_near(got, truth, dtype, ulps, size=0.0, label=""):
    """Within some steps of the true value, or of `size` where that is larger; what is too large is infinity; what is
    smaller than the smallest float of full precision may be zero."""
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        room = ulps * float(info.eps) * np.fmax(np.abs(truth), size) + 1.01 * float(info.tiny)
        room = np.where(np.isfinite(room), room, 0)
        fits = np.abs(truth) < 0.99 * float(info.max)
        near = np.where(fits, np.abs(got.astype(np.float64) - truth) <= room, got == np.sign(truth) * np.inf)
        near |= (np.abs(truth) > 0.9 * float(info.max)) & (np.abs(got) > 0.9 * float(info.max)) & (got * truth > 0)
        near |= np.isnan(got) & np.isnan(truth)
    assert near.all(), f"{label}: {got[~near]} instead of {truth[~near]}"


# ---- operations value by value -------------------------------------------------------------------------------------


def limits(f, low, high):
    """f with its limits at the two infinities."""
    return lambda z: np.where(z == np.inf, high, np.where(z == -np.inf, low, f(z)))


def gelu_slope(z):
    return ndtr(z) + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def inner(z):
    return np.sqrt(8 / np.pi) * (z + 0.044715 * z**3)


def gelu_tanh_slope(z):
    s = expit(inner(z))
    return s + np.where(s * (1 - s) > 0, z * s * expit(-inner(z)) * np.sqrt(8 / np.pi) * (1 + 0.134145 * z * z), 0)


def mish_slope(z):
    t, sure = np.tanh(np.logaddexp(0, z)), np.exp(-2 * np.logaddexp(0, z))
    return t + z * (4 * sure / (1 + sure) ** 2 * expit(z))


#: value and slope of each operation of one input
TRUTH = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "tanh": (np.tanh, lambda z: 4 * expit(2 * z) * expit(-2 * z)),
    "elu": (lambda z: np.where(z > 0, z, 0.7 * np.expm1(np.minimum(z, 0))),
            lambda z: np.where(z > 0, 1, 0.7 * np.exp(np.minimum(z, 0)))),
    "selu": (lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0))),
             lambda z: 1.0507009873554805 * np.where(z > 0, 1, 1.6732632423543772 * np.exp(np.minimum(z, 0)))),
    "gelu": (limits(lambda z: z * ndtr(z), 0, np.inf), limits(gelu_slope, 0, 1)),
    "gelu_tanh": (limits(lambda z: z * expit(inner(z)), 0, np.inf), limits(gelu_tanh_slope, 0, 1)),
    "silu": (limits(lambda z: z * expit(z), 0, np.inf), limits(lambda z: expit(z) * (1 + z * expit(-z)), 0, 1)),
    "softplus": (lambda z: np.logaddexp(0, z), expit),
    "mish": (limits(lambda z: z * np.tanh(np.logaddexp(0, z)), 0, np.inf), limits(mish_slope, 0, 1)),
    "identity": (lambda z: z, np.ones_like),
    "neg": (np.negative, lambda z: -np.ones_like(z)),
    "exp": (np.exp, np.exp), "expm1": (np.expm1, np.exp),
    "log": (np.log, lambda z: 1 / z), "log1p": (np.log1p, lambda z: 1 / (1 + z)),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda z: -np.sin(z)),
    "erf": (erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-z * z)),
    "sqrt": (np.sqrt, lambda z: 0.5 / np.sqrt(z)),
    "abs": (np.abs, np.sign),
    "square": (np.square, lambda z: 2 * z),
    "power": (lambda z: z**3, lambda z: 3 * z * z),
    "clip": (lambda z: np.clip(z, -1, 4), lambda z: 1.0 * ((z >= -1) & (z <= 4))),
}
SETTINGS = {"leaky_relu": {"slope": 0.01}, "elu": {"alpha": 0.7}, "power": {"exponent": 3},
            "clip": {"low": -1.0, "high": 4.0}}
#: where the value is a sum of parts as large as z, or the slope of parts as large as 1: they are exact to so much
PARTS = {"gelu": lambda z: np.minimum(np.abs(z), 40)}
PARTS_OF_A_SLOPE = 1.0


def test_every_operation_of_one_input_has_its_truth_here():
    one = {op.name for op in OPS.values() if op.kind == "elementwise" and len(op.inputs) == 1 and op.backward}
    assert one == TRUTH.keys()


@precisions
@hows
@pytest.mark.parametrize("name", TRUTH)
def test_operations_of_one_number(name, how, dtype):
    z = points(dtype)
    if how == "cpu":  # it takes the smallest floats, those without all their digits, for zero
        z = z[(np.abs(z) >= np.finfo(dtype).tiny) | (z == 0)]
    with np.errstate(all="ignore"):
        value, slope = (f(z.astype(np.float64)) for f in TRUTH[name])
        far = [~(np.abs(x) < 0.99 * np.finfo(dtype).max) for x in (value, slope)]
        parts = PARTS.get(name, np.zeros_like)(z.astype(np.float64))
    fits = ~(far[0] | far[1]) | ((z == np.inf) & ~far[1])
    for some, state in ((fits, "raise"), (~fits, "ignore")):  # nothing overflows on the way to a result that fits
        if not some.any():
            continue
        some = as_often(some)
        with reacting(state):
            got, its_slope = made(how, name, (z[some, None],), ("rows",), SETTINGS.get(name, {}), dtype)
        assert_near(got[:, 0], value[some], dtype, 6, parts[some], f"{name} at {z[some]}")
        assert_near(its_slope[:, 0], slope[some], dtype, 8, PARTS_OF_A_SLOPE, f"slope of {name} at {z[some]}")


PAIRS = {
    "add": (np.add, lambda u, v: np.ones_like(u)), "sub": (np.subtract, lambda u, v: np.ones_like(u)),
    "mul": (np.multiply, lambda u, v: v), "div": (np.divide, lambda u, v: 1 / v),
    "maximum": (np.maximum, lambda u, v: np.where(u == v, 0.5, 1.0 * (u > v))),
    "minimum": (np.minimum, lambda u, v: np.where(u == v, 0.5, 1.0 * (u < v))),
}


@precisions
@hows
@pytest.mark.parametrize("name", PAIRS)
def test_operations_of_two_numbers(name, how, dtype):
    every = points(dtype)
    every = every[(np.abs(every) >= np.finfo(dtype).tiny) & (np.abs(every) < np.finfo(dtype).max / 4) | (every == 0)]
    u, v = (x.ravel() for x in np.meshgrid(every, every))
    with np.errstate(all="ignore"):
        value, slope = (f(*(x.astype(np.longdouble) for x in (u, v))).astype(np.float64) for f in PAIRS[name])
        got, its_slope = made(how, name, (u[:, None], v[:, None]), ("rows", "rows"), {}, dtype)
    known = ~np.isnan(value)
    assert np.isnan(got[~known]).all()
    assert_near(got[known, 0], value[known], dtype, 2, 0, name)
    known = ~np.isnan(slope)
    assert_near(its_slope[known, 0], slope[known], dtype, 2, 0, f"slope of {name}")


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e30])
def test_the_slope_of_a_quotient_in_its_divisor_needs_no_square(size):
    """-u / v² is -1 / size here, though v² is beyond float32."""
    u = v = np.array([size], np.float32)
    assert OPS["div"].backward(np.ones(1, np.float32), u, v)[1] == pytest.approx(-1 / size, rel=1e-6)


# ---- losses --------------------------------------------------------------------------------------------------------

#: for each loss its targets, and one sample's value and slope in the first output z; the other output, if any, is 0
ROWS = {
    "mse": (2.0, lambda z: (z - 2) ** 2, lambda z: 2 * (z - 2)),
    "half_mse": (2.0, lambda z: (z - 2) ** 2 / 2, lambda z: z - 2),
    "mae": (2.0, lambda z: np.abs(z - 2), lambda z: np.sign(z - 2)),
    "huber": (0.0, lambda z: np.where(np.abs(z) < 1, z * z / 2, np.abs(z) - 0.5), lambda z: np.clip(z, -1, 1)),
    "poisson": (2.0, lambda z: np.exp(z) - 2 * np.minimum(z, 800) + 2 * np.log(2) - 2, lambda z: np.exp(z) - 2),
    "binary_cross_entropy": (1.0, lambda z: np.logaddexp(0, -z), lambda z: -expit(-z)),
    "cross_entropy": (0, lambda z: np.logaddexp(0, -z), lambda z: -expit(-z)),
    "soft_cross_entropy": ((1.0, 0.0), lambda z: np.logaddexp(0, -z), lambda z: -expit(-z)),
}


def test_every_loss_has_its_truth_here():
    assert (LOSSES.keys() - {"quantile"}) | {"soft_cross_entropy"} == ROWS.keys()


@precisions
@hows
def test_pinball_and_rising_numbers(how, dtype):
    """Of outputs of any size: no overflow before the numbers themselves are beyond the precision."""
    z = points(dtype)
    z = z[np.isfinite(z) & (np.abs(z) < np.finfo(dtype).max / 4)][:, None]
    q, slope = made(how, "rising", (np.hstack([np.zeros_like(z), z]),), ("rows",), {"middle": 0}, dtype)
    wide = z[:, 0].astype(np.float64)
    assert_near(q[:, 1], np.logaddexp(0, wide), dtype, 8, 1.0, "rising")
    assert_near(slope[:, 1], expit(wide), dtype, 8, 1.0, "slope of rising")
    y, level = np.full(len(z), 2, dtype), np.array([0.25], dtype)
    l, dq = made(how, "pinball", (z, y, level), ("rows", "fixed", "weights"), {}, dtype)
    d = 2 - wide
    room = 1 + np.abs(wide)
    assert_near(l, np.maximum(0.25 * d, -0.75 * d), dtype, 8, np.minimum(room, 13), "pinball")
    assert_near(dq[:, 0], np.where(d > 0, -0.25, np.where(d < 0, 0.75, 0.25)), dtype, 8, 1.0, "slope of pinball")


@precisions
@hows
@pytest.mark.parametrize("name", ROWS)
def test_losses(name, how, dtype):
    target, value, slope = ROWS[name]
    z = points(dtype)[:, None]
    z = z[((np.abs(z) >= np.finfo(dtype).tiny) & np.isfinite(z) | (z == 0)).ravel()]
    with np.errstate(all="ignore"):
        values, slopes = (f(z[:, 0].astype(np.float64)) for f in (value, slope))
    fits = (np.abs(values) < 0.9 * np.finfo(dtype).max) & (np.abs(slopes) < 0.9 * np.finfo(dtype).max)
    if "cross" in name and not name.startswith("binary"):
        z = np.hstack([z, np.zeros_like(z)])
    y = np.broadcast_to(np.array(target), (len(z), *np.shape(target)))
    y = y.astype(np.int32) if name == "cross_entropy" else y.reshape(len(z), -1).astype(dtype)
    attributes = {"delta": 1.0} if name == "huber" else {}
    for some, state in ((fits, "raise"), (~fits, "ignore")):
        if not some.any():
            continue
        some = as_often(some)
        with reacting(state):
            l, dz = made(how, name, (z[some], y[some]), ("rows", "fixed"), attributes, dtype)
        room = 1 + np.abs(z[some, 0].astype(np.float64))
        assert_near(l, values[some], dtype, 8, np.where(np.abs(values[some]) > 1, 0, np.minimum(room, 13)), name)
        assert_near(dz[:, 0], slopes[some], dtype, 8, 1.0, f"slope of {name}")


@hows
@pytest.mark.parametrize("name", ROWS)
def test_infinite_outputs_never_make_a_loss_look_well(name, how):
    """The limit, infinity or not a number: training stops at the last two, and says where they came from."""
    target, value, _ = ROWS[name]
    z = np.array([[np.inf], [-np.inf]], np.float32)
    if "cross" in name and not name.startswith("binary"):
        z = np.hstack([z, np.zeros_like(z)])
    y = np.broadcast_to(np.array(target), (2, *np.shape(target)))
    y = y.astype(np.int32) if name == "cross_entropy" else y.reshape(2, -1).astype(np.float32)
    with np.errstate(all="ignore"):
        l, _ = made(how, name, (z, y), ("rows", "fixed"), {"delta": 1.0} if name == "huber" else {}, "float32")
        truth = value(z[:, 0].astype(np.float64))
    assert (~np.isfinite(l) | (l == truth)).all()


# ---- every rule of the registry ------------------------------------------------------------------------------------

every_case = pytest.mark.parametrize(("name", "make"), EVERY, ids=IDS)


def case_of(make, seed=0):
    """A case whose counters are numbers."""
    case = make(np.random.default_rng(seed), 4, 3)
    case.attributes = {k: 1 if isinstance(v, Runtime) else v for k, v in case.attributes.items()}
    return case


@every_case
def test_not_a_number_stays_visible(name, make):
    """In each input alone; a mask, a held value, a class or a length hides nothing that is not its own."""
    case, op = case_of(make), OPS[name]
    for i, x in enumerate(case.inputs):
        if x is None or x.dtype.kind != "f" or (name, op.inputs[min(i, len(op.inputs) - 1)]) in DECIDES:
            continue
        spoilt = [np.full_like(x, np.nan) if j == i else other for j, other in enumerate(case.inputs)]
        with np.errstate(all="ignore"):
            out = outputs(op, spoilt, case.attributes)
        assert any(np.isnan(o).any() for o in out if o.dtype.kind == "f"), op.inputs


# inputs that are no part of the result, or not of all of it
DECIDES = {("hold", "fixed"), ("real", "like"), ("where", "test"), ("where", "u"), ("where", "v")}
INFINITE = {"exp", "expm1", "poisson"}  # at 1e4


@every_case
def test_numbers_ten_thousand_times_as_large(name, make):
    """Values and gradients in float32 are finite where those in float64 are, and agree to five digits."""
    for sign in (1, -1):
        assert_as_in_doubles(name, make, sign)


def assert_as_in_doubles(name, make, sign):
    case, op = case_of(make), OPS[name]
    wanted = "rows" if "rows" in case.kinds else "weights"
    inputs = [x * (sign * 1e4) if kind == wanted and x.dtype.kind == "f" else x
              for x, kind in zip(case.inputs, case.kinds, strict=True)]
    single = [x.astype(np.float32) if x is not None and x.dtype.kind == "f" else x for x in inputs]
    double = [x.astype(np.float64) if x is not None and x.dtype.kind == "f" else x for x in single]
    with reacting("ignore" if name in INFINITE or sign < 0 else "raise"):
        values, truths = (outputs(op, x, case.attributes) for x in (single, double))
        if op.backward:
            rng = np.random.default_rng(1)
            ours, theirs = (cotangents(rng, op, values), cotangents(np.random.default_rng(1), op, truths))
            theirs = {k: ours[k].astype(np.float64) for k in theirs}
            values = (*values, *(g for g in gradients(op, case, single, ours) if g is not None))
            truths = (*truths, *(g for g in gradients(op, case, double, theirs) if g is not None))
    for a, b in zip(values, truths, strict=True):
        finite = np.isfinite(b) & (np.abs(b) < np.finfo(np.float32).max)
        assert finite.all() or name in INFINITE or sign < 0
        np.testing.assert_allclose(a[finite], b[finite], rtol=0, atol=1e-5 * np.abs(b[finite]).max(initial=1e-30))
        assert not np.isfinite(a[~finite]).any()


INNER = {"sum_to", "running_average", "shortened"}  # run inside others
TRIED = set() if THOROUGH else {*TRUTH, *PAIRS, *ROWS}  # as far from 1, and farther, above
outer = of_each(9, lambda name: name not in INNER | TRIED)


@pytest.mark.usefixtures("kernels_as_written")  # above, what LLVM's optimizer makes is tested at the ends of the floats
@pytest.mark.parametrize(("name", "make"), [CASE[id] for id in outer], ids=outer)
def test_numbers_ten_thousand_times_as_large_in_machine_code(name, make):
    """The same results as the rules', to five digits of the largest."""
    case = make(np.random.default_rng(0), 4, 3)
    wanted = "rows" if "rows" in case.kinds else "weights"
    case.inputs = tuple(x * 1e4 if kind == wanted and x.dtype.kind == "f" else x
                        for x, kind in zip(case.inputs, case.kinds, strict=True))
    one, two = (program(Around(name, case).astype("float32"), engine, keep_all=True)[0] for engine in HOW[1:])
    for u, v in zip(one.values(), two.values(), strict=True):
        a, b = (ran.value(x).astype(float) for ran, x in ((one, u), (two, v)))
        finite = np.isfinite(a)
        np.testing.assert_allclose(b[finite], a[finite], rtol=0, atol=1e-5 * np.abs(a[finite]).max(initial=1e-30),
                                   err_msg=u.name)
        assert not np.isfinite(b[~finite]).any()
