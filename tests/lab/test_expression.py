"""Functions given as text: what they mean, that they are never run, and what is refused and how."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import cutaway as ct
from cutaway.errors import ArgumentError, CutawayError
from cutaway.lab.descents.expression import CONSTANTS, DEEPEST, FUNCTIONS, LONGEST, expression

NAMES = {name: getattr(math, name) for name in FUNCTIONS if hasattr(math, name)} | CONSTANTS | {"abs": abs, "max": max}


def in_python(text):
    """The same text as Python's own: an oracle that may run it, since the tests wrote it."""
    code = compile(text.replace("^", "**"), "", "eval")
    return lambda x, y: eval(code, {"__builtins__": {}}, NAMES | {"x": x, "y": y})


def understood(text):
    """The expression, or None where it is refused; any other error is one."""
    try:
        return expression(text)
    except CutawayError:
        return None


def gradient(f, x, y):
    at = [ct.Tensor(np.float64(v), requires_grad=True) for v in (x, y)]
    (f(*at) + 0.0 * at[0] * at[1]).backward()
    return [0.0 if t.grad is None else float(t.grad) for t in at]


# Expressions that are differentiable and finite near (0.7, 1.3): built up from their parts.
leaf = st.sampled_from(["x", "y", "pi", "e", "2", "0.5", "3.25", "1e-1"])
EXPRESSIONS = st.recursive(leaf, lambda part: st.one_of(
    st.builds("({} + {})".format, part, part), st.builds("{} - {}".format, part, part),
    st.builds("({}) * ({})".format, part, part), st.builds("{} / (1.5 + sin({}))".format, leaf, part),
    st.builds("-({})".format, part), st.builds("({})^2".format, part), st.builds("sqrt(2 + cos({}))^3".format, part),
    st.builds("tanh({})".format, part), st.builds("exp(tanh({}))".format, part),
    st.builds("max({}, {} + 7)".format, leaf, leaf), st.builds("log(3 + sin({}))".format, part),
    st.builds("abs({} + 0.123)".format, leaf), st.builds("2 ** tanh({})".format, part),
    st.builds("(1.5 + sin({})) ^ -0.5".format, part),
), max_leaves=8)


@given(EXPRESSIONS.filter(lambda text: len(text) <= LONGEST))
def test_values_and_slopes_are_those_of_python_and_its_differences(text):
    x, y, h = 0.7, 1.3, 1e-5
    f, there = understood(text), in_python(text)
    assume(f is not None)  # constants grew too large, say
    np.testing.assert_allclose(f.values(x, y), there(x, y), rtol=1e-9, atol=1e-9)
    near = np.array([there(x + i * h, y + j * h) for i, j in ((1, 0), (-1, 0), (0, 1), (0, -1))])
    bend = np.abs([near[0] + near[1] - 2 * there(x, y), near[2] + near[3] - 2 * there(x, y)]).max() / h**2
    assume(bend < 1e5 * (1 + np.abs(near).max()))  # where it bends much, differences say little
    slopes = [(near[0] - near[1]) / (2 * h), (near[2] - near[3]) / (2 * h)]
    np.testing.assert_allclose(gradient(f, x, y), slopes, rtol=1e-4, atol=1e-4 * (1 + np.abs(near).max()))


@given(st.one_of(st.text(max_size=60), st.text("xy+-*/^(),.0123456789 sincoexpabtqr_e", max_size=80)))
def test_any_text_at_all_is_either_understood_or_refused_with_our_own_error(text):
    f = understood(text)
    assert f is None or f.values(0.5, 2.0).shape == ()


@pytest.mark.parametrize(("text", "value"), [
    ("-x^2", -4), ("2^-1", 0.5), ("x^2^3", 256), ("(x^2)^3", 64), ("x**3 - y", 5), ("6 / 3 / x", 1), ("5 - 3 - x", 0),
    ("--x", 2), ("+x", 2), ("- 2 * -x", 4), ("max(x, y)", 3), ("2^y", 8), ("x^0", 1), ("x^1", 2), ("x^0.5 * x^0.5", 2),
    ("pi - 3", math.pi - 3), (".5e1*x", 10), ("  x\n+ y ", 5), ("7", 7), ("e", math.e), ("log(exp(x))", 2),
    ("007", 7), ("\u0663 * x", 6), ("x\xa0/\n2", 1), ("-" * 399 + "x", -2),
])
def test_precedence_and_words(text, value):
    assert expression(text).values(2.0, 3.0) == pytest.approx(value, rel=1e-15)


def test_it_works_on_arrays_and_on_tensors_and_compiles_to_kernels(recwarn):
    f = expression("sin(3 * x) + cos(x)^2 - max(x, 0.3) / 2", ("x",))
    x = np.linspace(-2, 2, 7)
    np.testing.assert_allclose(f.values(x), np.sin(3 * x) + np.cos(x) ** 2 - np.maximum(x, 0.3) / 2, rtol=1e-14)
    assert f.values(1).dtype == np.float64 and isinstance(f(ct.Tensor(x)), ct.Tensor)

    class Layer(ct.nn.Module):
        def __init__(self):
            self.w = ct.nn.Parameter((1,), ct.nn.init.ones)

        def forward(self, x):
            return f(x * self.w)

    net = Layer().astype("float64")
    np.testing.assert_allclose(net.predict(x[:, None])[:, 0], f.values(x), rtol=1e-14)
    assert not recwarn.list  # no instruction ran outside of the kernels


def test_what_is_not_defined_somewhere_is_not_finite_there():
    values = expression("log(x) + sqrt(y) + 1 / x").values([-1.0, 0.0, 1.0], [1.0, 1.0, 4.0])
    assert not np.isfinite(values[:2]).any() and values[2] == 3


@pytest.mark.parametrize(("text", "says"), [
    ("", "is empty"), ("   ", "is empty"), ("x +", "character 4: the text ends early"), ("2x", "written with [*]"),
    ("x y", "operator is missing before 'y'"), ("(x", "bracket at character 1 is not closed"),
    ("x)", "character 2: '[)]' does not belong"), ("sin x", r"sin is a function: write sin\(x\)"),
    ("sinn(x)", "'sinn'; did you mean 'sin'"), ("a + x", "there is no 'a'.* Known are x, y, pi"),
    ("2 - -sin(x, y)", "character 6: sin takes 1 argument, got 2"),
    ("max(x)", "max takes 2 arguments, got 1"),
    ("x^y", "an exponent must be a number"), ("(-2)^x", "above zero"), ("x^21", "exponents may go from -20 to 20"),
    ("9^9^9", "not a finite number|as large as"),
    ("1 / (2 - 2)", "character 3: div of 1, 0 is not a finite"), ("((x) ^ y)", "character 6: an exponent must"),
    ("log(-1)", "not a finite number"), ("exp(999)", "not a finite number"), ("1e13", "as large as 1e[+]12"),
    ("9" * 350, "as large as"), ("x" + "+x" * LONGEST, f"characters; {LONGEST} are allowed"),
    ("(" * (DEEPEST + 1) + "x" + ")" * (DEEPEST + 1), "nested more than"), ("^".join("x" + "1" * 40), "nested more"),
    ("__import__('os')", "there is no '__import__'"), ("x.real", "does not belong"), ("x[0]", "does not belong"),
    ("x if y else 1", "operator is missing"), ("lambda: x", "there is no 'lambda'"), ("x; y", "does not belong"),
    ("x # y", "does not belong"), ("1_0", "missing before '_0'"), ("0x1", "missing before 'x1'"),
    ("max(x, y,)", "character 10: a number"), ("(sin)(x)", "sin is a function"), ("(x, y)", "',' does not belong"),
    ("\uff58", "there is no '\uff58'"), ("x(2)", "x is no function"),
    ("x == y", "does not belong"), ("1j", "operator is missing"), ("x @ y", "does not belong"), ("'x'", "was expected"),
])
def test_what_is_refused_says_where_and_why(text, says):
    with pytest.raises(ArgumentError, match=says):
        expression(text)


def test_only_its_own_variables_are_known():
    with pytest.raises(ArgumentError, match="there is no 'y'"):
        expression("x + y", ("x",))
    with pytest.raises(ArgumentError, match="is text such as"):
        expression(lambda x: x)
