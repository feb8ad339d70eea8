"""What an operation is stands in its row: every operation has one, and what it says is so."""

import math
import re

import numpy as np
import pytest
from cases import CASES, EVERY, IDS

import cutaway as ct
from cutaway.engines.cpu.kernels import TAKES, sizes
from cutaway.engines.cpu.kernels.takes import Takes, row_of
from cutaway.program import Value
from cutaway.rules import OPS, facts, rule
from cutaway.rules.registry import ENGINES_OWN


def lacking(op):
    """What is missing in an operation's row, or names what it does not have."""
    operands = (*op.inputs, *op.outputs)
    told = tuple(re.findall(r"(\w+)\??(?: (?:int|any|unread))*(?: [(\[].*?[)\]])?(?:  |$)", op.shapes))
    slopes = () if isinstance(op.slope, str) else op.slope
    named = {*(op.products or ()), *(op.picks or ())[:2], *op.linear.replace(",", " ").split(), *op.fixed,
             *(name for name in slopes if name not in op.sums)}
    found = [] if op.kind == "elementwise" or told == operands else [f"shapes of {operands}, not {told}"]
    found += [f"{name}, which it has not" for name in named - set(operands)]
    return found + [f"keeps {word}" for word in set(op.keeps.split()) - {"channels", "places"}]


if missing := {name: found for name, op in OPS.items() if (found := lacking(op))}:
    raise AssertionError(f"operations without a complete row beside their rule: {missing}")

HAVE_SHAPES = sorted(name for name, op in OPS.items() if op.shapes and "..." not in op.shapes)


def made_by(name, make, n=5, k=3):
    case = make(np.random.default_rng(0), n, k)
    results = OPS[name].forward(*case.inputs, **case.attributes)
    return case, results if isinstance(results, tuple) else (results,)


@pytest.mark.parametrize(("name", "make"), EVERY, ids=IDS)
def test_no_operation_makes_more_than_it_says(name, make):
    """Model files are believed by this, before anything in them runs."""
    op, (case, results) = OPS[name], made_by(name, make)
    inputs = list(case.inputs)
    if op.sums:  # it says what one step makes
        results = [r[:, :1] if r.ndim == 3 else r for r in results]
    if "lengths" in op.inputs[1:]:
        inputs[-1] = None
    made = op.result_shapes(*(None if a is None else np.shape(a) for a in inputs), **case.attributes)
    if not op.sums:
        assert sum(map(math.prod, made)) >= max(r.size for r in results)
    else:
        assert sum(map(math.prod, made)) >= max(r.size for r in results if r.shape[-1:] == results[0].shape[-1:])


@pytest.mark.parametrize("name", HAVE_SHAPES)
def test_shapes_in_letters_are_those_of_inputs_and_outputs(name):
    """Of one case at least: others broadcast, and run by their rule."""
    op = OPS[name]
    row = row_of(name, Takes(), False)
    fit = []
    for make in CASES[name]:
        case, results = made_by(name, make)
        operands = {}
        for key, a in zip((*op.inputs, *op.outputs), (*case.inputs, *results), strict=True):
            a = None if a is None else np.asarray(a, np.int32 if row[key].type in ("int", "picks") else np.float64)
            batch = a is not None and bool(row[key].batch)
            operands[key] = None if a is None else Value(key, a.shape[batch:], int(batch), a.dtype, "input")
        fit.append(sizes(name, Takes(), False, operands, np.dtype(np.float64)))
    assert any(found is not None for found in fit)


@pytest.mark.parametrize("name", sorted(n for n, op in OPS.items() if op.outputs == ("a",) and op.backward))
def test_an_activation_says_where_its_slope_jumps(name):
    op, values = OPS[name], np.array([-1e-9, 1e-9])
    settings = CASES[name][0](np.random.default_rng(0), 2, 2).attributes
    if op.kind != "elementwise":
        return
    given = [values, *[np.ones(2)] * (len(op.inputs) - 1)]
    slopes = op.call_backward(op.by_name(given, [op.forward(*given, **settings)]), {"a": np.ones(2)}, settings)[0]
    assert (abs(slopes[0] - slopes[1]) > 1e-3) == bool(op.kink)


@pytest.mark.parametrize("name", sorted(name for name, op in OPS.items() if op.spreads))
def test_what_spreads_gives_a_row_its_gradient_whatever_the_others_hold(name):
    op = OPS[name]
    case, (y, *_) = made_by(name, CASES[name][0])
    others = [a if not np.ndim(a) else np.concatenate([a[:1], a[1:] + 1]) for a in case.inputs]
    first, again = (op.call_backward(op.by_name(inputs, [y]), {op.outputs[0]: np.ones_like(y)}, case.attributes)[0][0]
                    for inputs in (case.inputs, others))
    np.testing.assert_array_equal(first, again)


def test_kernels_take_operations_that_are_there():
    assert TAKES.keys() <= OPS.keys()


def test_shapes_are_told_to_people():
    assert OPS["linear"].takes == "x (..., k), W (m, k), b (m)"
    with pytest.raises(ct.errors.ShapeError, match=r"conv .* cannot take .*\(it takes x \(n, ..., c\), W"):
        ct.ops.conv(np.ones((2, 5, 1)), np.ones((1, 7, 2)))


def test_an_operation_of_a_users_own_needs_its_two_functions_and_no_more():
    def cube(z):
        return z * z * z

    rule("a = z^3", "elementwise")(cube)
    try:
        op = facts("cube")
        assert op.activates and op.keeps == "channels places" and op.title == "cube" and not lacking(op)
        assert op.result_shapes((2, 3)) == [(2, 3)]
    finally:
        del OPS["cube"]


def test_an_unknown_fact_is_refused():
    with pytest.raises(TypeError, match="colour"):
        rule("a = z", colour="red")(lambda z: z)


def test_an_engines_own_instruction_has_no_facts():
    assert not any(facts(op).products or facts(op).units or facts(op).kink for op in ENGINES_OWN)
