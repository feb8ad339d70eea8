"""Every rule: its backward is the derivative of its forward, it keeps the precision and changes nothing it is given."""

from functools import partial

import jax
import numpy as np
import pytest
from cases import CASE, CASES, EVERY, IDS, of_each

from cutaway.engines.xla.arrays import arrays
from cutaway.rules import OPS, bind
from cutaway.rules.shape import sum_to

every_case = pytest.mark.parametrize(("name", "make"), EVERY, ids=IDS)
with_backward = [(i, c) for i, c in zip(IDS, EVERY, strict=True) if OPS[c[0]].backward]


def outputs(op, inputs, attributes, forward=None):
    results = (forward or op.forward)(*inputs, **attributes)
    return results if isinstance(results, tuple) else (results,)


def cotangents(rng, op, made):
    """A gradient for each output that the backward rule takes one of."""
    return {name: rng.standard_normal(np.shape(value)).astype(value.dtype)
            for name, value in zip(op.outputs, made, strict=True) if name in op.differentiable}


def gradients(op, case, inputs, given_by_output, forward=None, backward=None):
    """What the backward rule gives for each input, broadcasting undone."""
    made = outputs(op, inputs, case.attributes, forward)
    known = dict(zip(op.outputs, made, strict=True))
    if op.variadic:
        known[op.inputs[0] + "_shape"] = [x.shape for x in inputs]
    else:
        for name, x in zip(op.inputs, inputs, strict=True):
            known[name], known[name + "_shape"] = x, None if x is None else x.shape
    arguments = [given_by_output[o] for o in op.differentiable] + [known[a] for a in op.needs]
    results = (backward or op.backward)(*arguments, **{a: case.attributes[a] for a in op.backward_attributes})
    results = results if isinstance(results, tuple) else (results,)
    return [None if g is None or x is None else sum_to(g, shape=x.shape) if g.shape != x.shape else g
            for x, g in zip(inputs, results, strict=True)]


def total(op, made, given_by_output):
    """One number that depends on every output: Σ output · cotangent."""
    known = dict(zip(op.outputs, made, strict=True))
    return sum((known[name] * c).sum() for name, c in given_by_output.items())


@pytest.mark.parametrize(("name", "make"), [c for _, c in with_backward], ids=[i for i, _ in with_backward])
def test_backward_is_the_slope_along_random_directions(name, make):
    for seed, (n, k) in enumerate(((1, 1), (1, 4), (2, 2), (2, 5), (3, 1), (3, 3), (4, 2), (4, 5))):
        rng, op = np.random.default_rng(seed), OPS[name]
        assert_slopes(rng, op, make(rng, n, k))


def assert_slopes(rng, op, case):
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


def together(functions, given, doubles):
    """What JAX makes of each case's function, or its error: all in one compilation, each alone takes thrice as long."""
    failed = {}

    def everything(given):
        results = {}
        for id, arguments in given.items():
            try:
                results[id] = functions[id](arguments)
            except Exception as error:
                failed[id] = error
        return results

    quickly = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    with jax.enable_x64(doubles):
        results = jax.jit(everything).lower(given).compile(compiler_options=quickly)(given)
    return results | failed


def without_error(found):
    if isinstance(found, Exception):
        raise found
    return found


@pytest.fixture(scope="module")
def in_doubles():
    """By case: its outputs and gradients as the rules compute them, and what JAX computes and derives."""
    ours, given, functions = {}, {}, {}
    for id in WITH_DOUBLES:
        name, make = CASE[id]
        rng, op = np.random.default_rng(1), OPS[name]
        case = make(rng, 3, 4)
        made = outputs(op, case.inputs, case.attributes)
        given_by_output = cotangents(rng, op, made)
        slopes = gradients(op, case, case.inputs, given_by_output) if op.backward else []
        wanted = [i for i, g in enumerate(slopes) if g is not None]
        ours[id] = made, slopes, wanted
        given[id] = [case.inputs[i] for i in wanted]
        functions[id] = partial(derived, op, case, given_by_output, wanted, op.backward and make is CASES[name][0])
    theirs = together(functions, given, doubles=True)
    return {id: (*ours[id], theirs[id]) for id in WITH_DOUBLES}


def derived(op, case, given_by_output, wanted, backward_too, inputs):
    """JAX's derivatives of the forward rule, what that rule computes, and the backward rule: each by JAX."""
    def f(*inputs):
        everything = list(case.inputs)
        for i, x in zip(wanted, inputs, strict=True):
            everything[i] = x
        forward, backward = (rule and bind(rule, arrays()) for rule in (op.forward, op.backward))
        results = outputs(op, everything, case.attributes, forward)
        slopes = gradients(op, case, everything, given_by_output, forward, backward) if backward_too else []
        return total(op, results, given_by_output), (results, slopes)

    return jax.grad(f, tuple(range(len(wanted))), has_aux=True)(*inputs) if wanted else ((), f()[1])


WITH_DOUBLES = of_each(9)  # of others, both rules run on JAX below


@pytest.mark.parametrize("id", WITH_DOUBLES)
def test_jax_computes_and_derives_the_same_from_the_forward_rule(id, in_doubles):
    """And from the backward rule of each operation's first case."""
    op = OPS[CASE[id][0]]
    made, ours, wanted, found = in_doubles[id]
    theirs, (results, slopes) = without_error(found)
    for a, b in zip(made, results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    for a, b in zip(ours if slopes else [], slopes, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    for i, g in zip(wanted, theirs, strict=True):
        np.testing.assert_allclose(ours[i], g, rtol=1e-10, atol=1e-12, err_msg=op.inputs[min(i, len(op.inputs) - 1)])


WITHOUT_DOUBLES = of_each(4)


@pytest.fixture(scope="module")
def without_doubles():
    """By case: what NumPy and JAX without 64-bit mode make of both its rules."""
    ours, given, functions = {}, {}, {}
    for id in WITHOUT_DOUBLES:
        name, make = CASE[id]
        rng, op = np.random.default_rng(2), OPS[name]
        case = make(rng, 3, 4)
        inputs = [x if x is None or x.dtype.kind != "f" else x.astype("float32") for x in case.inputs]
        made = outputs(op, inputs, case.attributes)
        given_by_output = cotangents(rng, op, made) if op.backward else {}
        ours[id] = [*made, *(gradients(op, case, inputs, given_by_output) if op.backward else [])]
        given[id], functions[id] = (inputs, given_by_output), partial(both, op, case)
    theirs = together(functions, given, doubles=False)
    return {id: (ours[id], theirs[id]) for id in WITHOUT_DOUBLES}


def both(op, case, given):
    """What both rules compute on JAX."""
    inputs, given_by_output = given
    forward = bind(op.forward, arrays())
    made = outputs(op, inputs, case.attributes, forward)
    if not op.backward:
        return [*made]
    return [*made, *gradients(op, case, inputs, given_by_output, forward, bind(op.backward, arrays()))]


@pytest.mark.parametrize("id", WITHOUT_DOUBLES)
def test_both_rules_run_on_jax_without_its_64_bit_mode(id, without_doubles):
    """There are no doubles then: the rules of a float32 network ask for none."""
    ours, theirs = without_doubles[id]
    for a, b in zip(ours, without_error(theirs), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=2e-5, atol=4e-6)


@every_case
def test_precision_is_kept(name, make):
    rng, op = np.random.default_rng(3), OPS[name]
    case = make(rng, 3, 4)
    for dtype in ("float32", "float64"):
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
