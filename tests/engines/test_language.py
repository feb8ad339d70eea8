"""The language of kernels against Python: the same text run by both gives the same numbers."""

import ctypes
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.engines.cpu import building, codegen, kernels, language
from depth import examples

CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


def run(text, *numbers, dtype="float64", results=1, target="host"):
    """What a kernel leaves in x, its first operand; the numbers follow as p[1], p[2], ..."""
    x = np.zeros(results, dtype)
    p = np.array([x.ctypes.data, *numbers], np.int64)
    (address,) = building.addresses([building.Source("k", dtype, text, target)])
    CALL(address)(p.ctypes.data, p.ctypes.data)
    return x if results > 1 else x[0]


def kernel(*lines, helpers=""):
    body = "\n".join(f"    {line}" for line in ("x = reals(p[0])", "a = p[1]", "b = p[2]", *lines))
    return f"{helpers}\ndef k(p, s):\n{body}\n"


@settings(max_examples=examples(50), deadline=None)
@given(a=st.integers(-50, 50), b=st.integers(-9, 9).filter(bool))
def test_whole_numbers_divide_as_pythons_do(a, b):
    text = kernel("x[0] = F(a // b)", "x[1] = F(a % b)", "x[2] = a / b", "x[3] = F(min(a, b))", "x[4] = F(max(a, -b))")
    np.testing.assert_array_equal(run(text, a, b, results=5), [a // b, a % b, a / b, min(a, b), max(a, -b)])


@settings(max_examples=examples(50), deadline=None)
@given(start=st.integers(-5, 20), stop=st.integers(-5, 20), step=st.integers(1, 7))
def test_ranges_run_as_pythons_do(start, stop, step):
    text = "def k(p, s):\n    x = reals(p[0])\n    for i in range(p[1], p[2], p[3]):\n        x[0] = x[0] * 2 + F(i)\n"
    expected = 0.0
    for i in range(start, stop, step):
        expected = expected * 2 + i
    assert run(text, start, stop, step) == expected


def test_memory_is_read_as_bytes_as_whole_numbers_and_in_single_precision():
    there = np.array([200, 255, 255, 255, 0, 0, 128, 63], np.uint8)  # -56 as an int32, then 1.0 as a float32
    text = kernel("c = uint8s(a)", "x[0] = F(c[0] + c[1])", "x[1] = F(int32s(a)[0])", "x[2] = F(singles(a)[1])",
                  "c[3] = 256 + 7", "x[3] = F(c[3])")
    np.testing.assert_array_equal(run(text, there.ctypes.data, 0, results=4), [455, -56, 1, 7])


@pytest.mark.parametrize("step", [-1, -3])
@pytest.mark.parametrize(("start", "stop"), [(5, -1), (5, 0), (4, -2), (0, 0), (2, 7)])
def test_ranges_go_downwards_by_a_literal_step(start, stop, step):
    text = kernel(f"for i in range(a, b, {step}):", "    x[0] = x[0] * 9 + F(i)")
    expected = 0.0
    for i in range(start, stop, step):
        expected = expected * 9 + i
    assert run(text, start, stop) == expected


def test_loops_break_and_continue():
    text = kernel("while True:", "    a += 1", "    if a % 2:", "        continue", "    if a > b:", "        break",
                  "    x[0] += F(a)")
    assert run(text, 0, 10) == 2 + 4 + 6 + 8 + 10


def test_the_side_that_is_not_wanted_is_not_computed():
    text = kernel("q = reals(0)", "x[0] = q[0] if given(q) else F(7)", "if given(q) and q[0] > 0:", "    x[0] = F(8)")
    assert run(text, 0, 0) == 7


def test_pointers_are_the_same_where_they_lead_to_the_same_place():
    text = kernel("x[0] = F(1) if same(x, reals(p[0])) else F(0)", "x[1] = F(1) if same(x, at(x, 1)) else F(0)")
    np.testing.assert_array_equal(run(text, 0, 0, results=2), [1, 0])


def test_a_function_returns_early_and_its_names_are_its_own():
    helpers = "def sign_of(a):\n    b = 5\n    if a < 0:\n        return -1\n    return b - 4\n\n\n"
    assert run(kernel("x[0] = F(sign_of(a) * 10 + b)", helpers=helpers), -3, 2) == -8
    assert run(kernel("x[0] = F(sign_of(a) * 10 + b)", helpers=helpers), 3, 2) == 12


def test_several_results_and_several_targets():
    helpers = "def both(a, b):\n    return a + b, a * b\n\n\n"
    text = kernel("u, v = both(a, b)", "u, v = v, u", "x[0], x[1] = F(u), F(v)", helpers=helpers)
    np.testing.assert_array_equal(run(text, 3, 4, results=2), [12, 7])


def test_a_literal_takes_the_precision_of_what_stands_beside_it():
    text = kernel("y = F(a) / F(b)", "x[0] = y * 0.1 + 1 / 3")
    y = np.float32(1) / np.float32(7)
    assert run(text, 1, 7, dtype="float32") == pytest.approx(y * np.float32(0.1) + np.float32(1 / 3), rel=1e-7)


def test_words_wrap_around():
    text = kernel("h = np.uint32(a) * np.uint32(b)", "x[0] = np.float64(h ^ (h >> 16))")
    h = 0xFFFFFFFF * 0x7FEB352D % 2**32
    assert run(text, 0xFFFFFFFF, 0x7FEB352D) == h ^ (h >> 16)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.5])
def test_the_larger_of_two_keeps_nan(value):
    text = kernel("y = double(a)", "x[0] = xp.maximum(y, 0)", "x[1] = xp.maximum(0.0 * y, y)")
    bits = np.array([value]).view(np.int64)[0]
    with np.errstate(invalid="ignore"):
        expected = [np.maximum(value, 0), np.maximum(0.0 * value, value)]
        np.testing.assert_array_equal(run(text, bits, 0, results=2), expected)


@pytest.mark.parametrize(("line", "says"), [
    ("x[0] = unknown(a)", "no function 'unknown'"), ("x[0] = nothing", "knows no 'nothing'"),
    ("x[0] = [a]", "List is not in the language"), ("a = lambda: 0", "Lambda is not"), ("x[0] = 'text'", "not in the"),
])
def test_what_is_not_in_the_language_is_named(line, says):
    with pytest.raises(language.NotInTheLanguage, match=says):
        language.written(kernel(line), "float64", "k")


def test_no_two_files_of_kernels_have_a_helper_of_one_name():
    """All kernels share one list of helpers: of two of one name, the later would serve both, whatever it does."""
    texts = [Path(str(file.__file__)).read_text("utf-8") for file in kernels.FILES]
    functions = [function for text in texts for function in codegen.FUNCTION.finditer(text)]
    in_the_language = [f[1] for f in functions if ": " not in f[0].split("):")[0]]
    assert "_dot" in in_the_language  # those with types are Python's own, each its file's
    assert [name for name, files in Counter(in_the_language).items() if files > 1] == []
