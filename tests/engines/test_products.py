"""Matrix products: the compiled functions that kernels call, against NumPy's."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.engines.cpu import codegen, rule_loops
from cutaway.engines.cpu import engine as cpu
from cutaway.engines.cpu.kernels.product import panels
from cutaway.engines.cpu.target import target
from depth import examples


def lanes(array):
    """The numbers of a vector of this processor."""
    return target("host").lanes(array.itemsize)


RTOL = {"float32": 2e-5, "float64": 1e-13}
sizes = st.integers(1, 70)


def compiled(name, dtype):
    """A function of kernels/product.py; arrays are passed by address."""
    text = codegen._hand_written()[name]
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(rule_loops.parameters(text, name)))(
        cpu.address(codegen.Kernel(name, text, [], []), np.dtype(dtype)))
    return lambda *given: function(*(a.ctypes.data if isinstance(a, np.ndarray) else a for a in given))


def random(dtype, *shape):
    return np.random.default_rng(shape).normal(size=shape).astype(dtype)


def result(dtype, m, n):
    """Room for a result, with a row beyond it that nobody may touch."""
    C = np.full((m + 1, n), 7, dtype)
    return C[:m], C[m]


both = pytest.mark.parametrize("dtype", ["float32", "float64"])


@both
@settings(max_examples=examples(60), deadline=None)
@given(m=sizes, k=sizes, n=sizes, turned=st.booleans(), bias=st.booleans())
def test_a_product_equals_numpys(dtype, m, k, n, turned, bias):
    A, B, b = random(dtype, m, k), random(dtype, k, n), random(dtype, n)
    C, beyond = result(dtype, m, n)
    a, (ar, ac) = (np.ascontiguousarray(A.T), (1, m)) if turned else (A, (k, 1))
    compiled("product", dtype)(m, n, k, a, ar, ac, 1, 0, B, n, 2 * lanes(A), 0, b, 0, bias, C, n)
    np.testing.assert_allclose(C, A @ B + bias * b, rtol=RTOL[dtype], atol=RTOL[dtype] * k)
    assert (beyond == 7).all()


@both
@settings(max_examples=examples(40), deadline=None)
@given(m=sizes, k=sizes, n=sizes, turned=st.booleans())
def test_packed_factors_give_the_same_bits(dtype, m, k, n, turned):
    A, B = random(dtype, m, k), random(dtype, k, n)
    panel = 2 * lanes(A)
    P = np.full(panels(k, n), np.nan, dtype)
    if turned:
        compiled("pack_turned", dtype)(k, n, np.ascontiguousarray(B.T), k, P)
    else:
        compiled("pack", dtype)(k, n, B, n, P)
    (C, beyond), (plain, _) = result(dtype, m, n), result(dtype, m, n)
    product = compiled("product", dtype)
    product(m, n, k, A, k, 1, 1, 0, P, panel, panel * k, 0, P, 0, 0, C, n)
    product(m, n, k, A, k, 1, 1, 0, B, n, panel, 0, P, 0, 0, plain, n)
    np.testing.assert_array_equal(C, plain)
    assert (beyond == 7).all()


@both
def test_rows_do_not_know_each_other(dtype):
    A, B = random(dtype, 33, 50), random(dtype, 50, 20)
    (whole, _), (alone, _), product = result(dtype, 33, 20), result(dtype, 33, 20), compiled("product", dtype)
    panel = 2 * lanes(A)
    product(33, 20, 50, A, 50, 1, 1, 0, B, 20, panel, 0, B, 0, 0, whole, 20)
    for i in range(33):
        product(1, 20, 50, A[i], 50, 1, 1, 0, B, 20, panel, 0, B, 0, 0, alone[i], 20)
    np.testing.assert_array_equal(whole, alone)


@both
@settings(max_examples=examples(60), deadline=None)
@given(m=sizes, k=st.integers(0, 70), bias=st.booleans())
def test_one_row_alone_has_the_bits_that_it_has_among_others(dtype, m, k, bias):
    W, x, b = random(dtype, m, k), random(dtype, 3, k), random(dtype, m)
    (among, _), (alone, beyond) = result(dtype, 3, m), result(dtype, 1, m)
    B = np.ascontiguousarray(W.T)
    compiled("product", dtype)(3, m, k, x, k, 1, 1, 0, B, m, 2 * lanes(x), 0, b, 0, bias, among, m)
    compiled("times_one", dtype)(m, k, W, k, x[1], b, bias, alone)
    np.testing.assert_array_equal(alone[0], among[1])
    assert (beyond == 7).all()


@both
def test_windows_of_an_image_are_rows_that_overlap(dtype):
    image, W = random(dtype, 6, 9, 2), random(dtype, 3, 3 * 2, 5)  # a window of 3 by 3 places and 2 channels, 5 filters
    C, _ = result(dtype, 7, 5)
    compiled("product", dtype)(7, 5, 6, image, 2, 1, 3, 18, W, 5, 32, 30, W, 0, 0, C, 5)
    windows = np.lib.stride_tricks.sliding_window_view(image[:3], (3, 3), axis=(0, 1))[0]
    expected = np.einsum("qcab,abcf->qf", windows, W.reshape(3, 3, 2, 5))
    np.testing.assert_allclose(C, expected, rtol=RTOL[dtype] * 10, atol=RTOL[dtype])


@both
@pytest.mark.parametrize("start", [0, 1])
def test_an_empty_sum_is_where_it_starts(dtype, start):
    b, (C, _) = random(dtype, 5), result(dtype, 3, 5)
    compiled("product", dtype)(3, 5, 0, b, 0, 1, 1, 0, b, 5, 32, 0, b, 0, start, C, 5)
    np.testing.assert_array_equal(C, np.tile(b * start, (3, 1)))


def written_out(call, dtype):
    """A kernel that makes this one call; p has the addresses of its arrays."""
    kernel = codegen.Kernel("k", f"def k(p, s):\n    {call}\n", [], [])
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(cpu.address(kernel, np.dtype(dtype)))

    def k(*arrays):
        p = np.array([a.ctypes.data for a in arrays], np.int64)
        function(p.ctypes.data, p.ctypes.data)

    return k


@both
@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (32, 20, 7), (10, 64, 3), (17, 33, 50), (9, 8, 2), (5, 97, 1)])
def test_a_product_whose_sizes_are_written_out_gives_the_same_bits(dtype, m, n, k):
    A, B, b = random(dtype, m, k), random(dtype, k, n), random(dtype, n)
    (plain, _), (C, beyond) = result(dtype, m, n), result(dtype, m, n)
    panel = 2 * lanes(A)
    compiled("product", dtype)(m, n, k, A, k, 1, 1, 0, B, n, panel, 0, b, 0, 1, plain, n)
    written_out(f"product({m}, {n}, {k}, reals(p[0]), {k}, 1, 1, 0, reals(p[1]), {n}, {panel}, 0, reals(p[2]), 0, 1, "
                f"reals(p[3]), {n})", dtype)(A, B, b, C)
    np.testing.assert_array_equal(C, plain)
    assert (beyond == 7).all()
