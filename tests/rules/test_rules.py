"""Every rule: its backward is the derivative of its forward, it keeps the precision and changes nothing it is given."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import EVERY, IDS
from hypothesis import given
from hypothesis import strategies as st

from cutaway import rules
from cutaway.rules import OPS
from cutaway.rules.shape import sum_to

jax.config.update("jax_enable_x64", True)

every_case = pytest.mark.parametrize(("name", "make"), EVERY, ids=IDS)
with_backward = [(i, c) for i, c in zip(IDS, EVERY, strict=True) if OPS[c[0]].backward]


def jax_patches(x, window, stride, padding, dilation, fill):
    """By counting: the place that each window sees, for every window."""
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    for axis, (k, s, d) in enumerate(zip(window, stride, dilation, strict=True)):
        places = (x.shape[1 + axis] - d * (k - 1) - 1) // s + 1
        index = s * jnp.arange(places)[:, None] + d * jnp.arange(k)
        x = jnp.moveaxis(jnp.take(x, index, axis=1 + axis), 2 + axis, -2)
    return x


def jax_add_patches(shape, p, stride, padding, dilation):
    window = p.shape[len(shape) - 1 : -1]
    empty = jnp.zeros(shape, p.dtype)
    return jax.linear_transpose(lambda x: jax_patches(x, window, stride, padding, dilation, 0), empty)(p)[0]


JAX = SimpleNamespace(**{name: getattr(jnp, name) for name in vars(rules.NUMPY) if hasattr(jnp, name)} | {
    "erf": jax.scipy.special.erf, "__name__": "jax",
    "scatter_add": lambda shape, index, values: jnp.zeros(shape, values.dtype).at[index].add(values),
    "patches": jax_patches, "add_patches": jax_add_patches,
    "scan": lambda step, state, inputs, reverse: jax.lax.scan(step, state, inputs, reverse=reverse),
})
IN_JAX = rules.bind(JAX, (rules.augment, rules.convolution, rules.dropout, rules.elementwise, rules.hold,
                          rules.linear, rules.loss, rules.norm, rules.recurrent, rules.reduce, rules.shape))


def outputs(op, inputs, attributes, forward=None):
    results = (forward or op.forward)(*inputs, **attributes)
    return results if isinstance(results, tuple) else (results,)


def cotangents(rng, op, made):
    """A gradient for each output that the backward rule takes one of."""
    return {name: rng.standard_normal(np.shape(value)).astype(value.dtype)
            for name, value in zip(op.outputs, made, strict=True) if name in op.differentiable}


def gradients(op, case, inputs, given_by_output):
    """What the backward rule gives for each input, broadcasting undone."""
    made = outputs(op, inputs, case.attributes)
    known = dict(zip(op.outputs, made, strict=True))
    if op.variadic:
        known[op.inputs[0] + "_shape"] = [x.shape for x in inputs]
    else:
        for name, x in zip(op.inputs, inputs, strict=True):
            known[name], known[name + "_shape"] = x, None if x is None else x.shape
    arguments = [given_by_output[o] for o in op.differentiable] + [known[a] for a in op.needs]
    results = op.backward(*arguments, **{a: case.attributes[a] for a in op.backward_attributes})
    results = results if isinstance(results, tuple) else (results,)
    return [None if g is None or x is None else sum_to(g, shape=x.shape) if g.shape != x.shape else g
            for x, g in zip(inputs, results, strict=True)]


def total(op, made, given_by_output):
    """One number that depends on every output: Σ output · cotangent."""
    known = dict(zip(op.outputs, made, strict=True))
    return sum((known[name] * c).sum() for name, c in given_by_output.items())


@pytest.mark.parametrize(("name", "make"), [c for _, c in with_backward], ids=[i for i, _ in with_backward])
@given(seed=st.integers(0, 2**32), n=st.integers(1, 4), k=st.integers(1, 5))
def test_backward_is_the_slope_along_random_directions(name, make, seed, n, k):
    rng, op = np.random.default_rng(seed), OPS[name]
    case = make(rng, n, k)
    given_by_output = cotangents(rng, op, outputs(op, case.inputs, case.attributes))
    for i, gradient in enumerate(gradients(op, case, case.inputs, given_by_output)):
        if gradient is None:
            continue
        direction, h = rng.standard_normal(gradient.shape), 1e-6

        def shifted(by, i=i, direction=direction):
            moved = [x + by * direction if j == i else x for j, x in enumerate(case.inputs)]
            return total(op, outputs(op, moved, case.attributes), given_by_output)

        slope = (shifted(h) - shifted(-h)) / (2 * h)
        size = np.abs(gradient * direction).sum()
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-6, abs=1e-7 * size + 1e-7), op.inputs


@every_case
def test_jax_computes_and_derives_the_same_from_the_forward_rule(name, make):
    rng, op = np.random.default_rng(1), OPS[name]
    case = make(rng, 3, 4)
    made = outputs(op, case.inputs, case.attributes)
    given_by_output = cotangents(rng, op, made)
    ours = gradients(op, case, case.inputs, given_by_output) if op.backward else []
    wanted = [i for i, g in enumerate(ours) if g is not None]
    forward = getattr(IN_JAX, op.forward.__name__)

    def f(*inputs):
        everything = list(case.inputs)
        for i, x in zip(wanted, inputs, strict=True):
            everything[i] = x
        results = outputs(op, everything, case.attributes, forward)
        return total(op, results, given_by_output), results

    there = jax.grad(f, tuple(range(len(wanted))), has_aux=True) if wanted else lambda: ((), f()[1])
    theirs, results = jax.jit(there)(*(case.inputs[i] for i in wanted))
    for a, b in zip(made, results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    for i, g in zip(wanted, theirs, strict=True):
        np.testing.assert_allclose(ours[i], g, rtol=1e-10, atol=1e-12, err_msg=op.inputs[min(i, len(op.inputs) - 1)])


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_is_kept(name, make, dtype):
    rng, op = np.random.default_rng(3), OPS[name]
    case = make(rng, 3, 4)
    inputs = [x if x is None or x.dtype.kind != "f" else x.astype(dtype) for x in case.inputs]
    made = outputs(op, inputs, case.attributes)
    assert {m.dtype.name for m in made if m.dtype.kind == "f"} <= {dtype}
    assert name == "shortened" or all(m.dtype.kind == "f" for m in made)  # whole numbers in, whole numbers out
    if op.backward:
        ours = gradients(op, case, inputs, cotangents(rng, op, made))
        assert {g.dtype.name for g in ours if g is not None} == {dtype}


@every_case
def test_inputs_are_left_as_they_were(name, make):
    rng, op = np.random.default_rng(4), OPS[name]
    case = make(rng, 3, 4)
    made = outputs(op, case.inputs, case.attributes)
    given_by_output = cotangents(rng, op, made) if op.backward else {}
    before = [None if x is None else x.copy() for x in case.inputs]
    for x in (*case.inputs, *given_by_output.values()):
        if isinstance(x, np.ndarray):
            x.flags.writeable = False
    outputs(op, case.inputs, case.attributes)
    if op.backward:
        gradients(op, case, case.inputs, given_by_output)
    for x, was in zip(case.inputs, before, strict=True):
        np.testing.assert_array_equal(x, was)


def strided(x):
    """The same values with gaps in memory and axes in the other order."""
    if x is None or x.ndim == 0:
        return x
    wide = np.zeros(tuple(2 * s for s in reversed(x.shape)), x.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in x.shape)].T
    view[...] = x
    return view


@every_case
def test_non_contiguous_inputs_give_the_same(name, make):
    rng, op = np.random.default_rng(5), OPS[name]
    case = make(rng, 3, 4)
    scattered = [strided(x) for x in case.inputs]
    made = outputs(op, case.inputs, case.attributes)
    for a, b in zip(made, outputs(op, scattered, case.attributes), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    if op.backward:
        given_by_output = cotangents(rng, op, made)
        loose = {name: strided(c) for name, c in given_by_output.items()}
        ours, theirs = (gradients(op, case, x, c) for x, c in ((case.inputs, given_by_output), (scattered, loose)))
        for a, b in zip(ours, theirs, strict=True):
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


row_by_row = [
    (i, (name, make)) for i, (name, make) in zip(IDS, EVERY, strict=True) if not OPS[name].reduces_batch
    and name != "sum_to" and {"rows", "fixed"} & set(make(np.random.default_rng(0), 2, 2).kinds)
]


@pytest.mark.parametrize(("name", "make"), [c for _, c in row_by_row], ids=[i for i, _ in row_by_row])
def test_batch_of_one_is_the_first_row_of_a_larger_batch(name, make):
    op = OPS[name]
    many, one = (make(np.random.default_rng(6), n, 4) for n in (3, 1))
    inputs = [x[:1] if kind in ("rows", "fixed") else x for x, kind in zip(many.inputs, many.kinds, strict=True)]
    whole, first = outputs(op, many.inputs, many.attributes), outputs(op, inputs, one.attributes)
    for a, b in zip(whole, first, strict=True):
        np.testing.assert_allclose(a[: len(b)], b, rtol=1e-12, atol=1e-14)
