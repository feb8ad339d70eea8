"""Numbers that callers give: single ones that count something, and whole numbers that look something up."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.arguments import number, whole_number, whole_numbers
from cutaway.errors import ArgumentError

BEYOND = [np.array([2**32 + 3]), np.array([2**31]), np.array([-(2**31) - 1]), np.array([2**63], np.uint64),
          np.array([2**32 + 3], np.uint64), np.array([-(2**63)])]  # fmt: skip
ids = [str(a[0]) for a in BEYOND]


def embedder():
    return ct.nn.Sequential(ct.nn.Embedding(10, 4), ct.nn.Flatten(), ct.nn.Linear(4, 1)).init(0)


def compiled(net):
    program = ct.compile(net, "mse", input=np.ones((2, 1), int), target=np.zeros((2, 1)))
    return lambda X: program.feed(X, np.zeros((len(X), 1)))


USES = {
    "eager": lambda net: net,
    "predict": lambda net: net.predict,
    "feed": compiled,
    "compile": lambda net: lambda X: ct.compile(net, "mse", input=X),
    "reference": lambda net: lambda X: net.predict(X, engine="reference"),
    "layer": lambda net: net.layers[0],
    "Tensor": lambda net: lambda X: net(ct.Tensor(X)),
    "fit": lambda net: lambda X: ct.fit(net, X, np.zeros((len(X), 1))),
    "validation": lambda net: lambda X: ct.fit(net, np.ones((4, 1), int), np.zeros((4, 1)),
                                               validation=(X, np.zeros((len(X), 1)))),
    "fit_many": lambda net: lambda X: ct.fit_many([{"model": net, "X": X, "y": np.zeros((len(X), 1))}]),
}  # fmt: skip


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("number", BEYOND, ids=ids)
def test_numbers_to_embed_are_checked_before_they_are_cast(use, number):
    """2**32 + 3 is not row 3."""
    with pytest.raises(ArgumentError, match=str(number[0])):
        USES[use](embedder())(np.full((4, 1), number[0], number.dtype))


@pytest.mark.parametrize("number", [*BEYOND, np.array([2.0**32]), np.array([-(2.0**40)]), np.array([np.inf])],
                         ids=[*ids, "float", "negative float", "inf"])  # fmt: skip
def test_class_numbers_are_checked_before_they_are_cast(number):
    """2**32 is not class 0."""
    net, X, y = ct.nn.MLP(3, [4], 3), np.zeros((4, 3)), np.full(4, number[0], number.dtype)
    program = ct.compile(net, "cross_entropy")
    for f in (lambda: ct.fit(net, X, y, "cross_entropy"), lambda: program.feed(X, y),
              lambda: ct.fit(net, X, np.zeros(4, int), "cross_entropy", validation=(X, y)),
              lambda: ct.fit_many([{"model": net, "X": X, "y": y, "loss": "cross_entropy"}])):  # fmt: skip
        with pytest.raises(ArgumentError, match="y must hold whole numbers from"):
            f()


def test_lengths_are_checked_before_they_are_cast():
    with pytest.raises(ct.errors.DataError, match=str(2**32 + 2)):
        ct.Sequences(np.zeros((2, 3, 1)), np.array([2, 2**32 + 2]))


def test_whole_numbers_are_copied_once():
    given = np.array([1, 2], np.int32)
    own = whole_numbers("y", given)
    assert not np.shares_memory(own, given) and whole_numbers("y", own) is own
    assert not np.shares_memory(whole_numbers("y", own[:1]), own)  # a view of it is somebody's


@pytest.mark.parametrize("given", [[0.5], [np.nan], ["a"], [1j], [None]])
def test_what_is_no_whole_number(given):
    with pytest.raises(ArgumentError, match="y must hold whole numbers"):
        whole_numbers("y", given)


@pytest.mark.parametrize("given", [[1, 2], [1.0, 2.0], np.array([1, 2], np.uint64), np.array([1, 2], ">i8"),
                                   np.array([1, 2], np.float16)])  # fmt: skip
def test_what_holds_whole_numbers(given):
    found = whole_numbers("y", given)
    assert found.dtype == np.int32 and found.tolist() == [1, 2]


@pytest.mark.parametrize("value", [0, -1, 1.0, 1.5, True, np.True_, np.nan, "3", None, np.float32(2), [1], 2j])
def test_what_counts_nothing(value):
    with pytest.raises(ArgumentError, match=r"n must be a whole number of at least 1, or None, got "):
        whole_number("n", value, instead=", or None")


@pytest.mark.parametrize("value", [1, np.int8(1), np.uint64(1)])
def test_what_counts_one(value):
    assert whole_number("n", value) == 1 and type(whole_number("n", value)) is int


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, True, "3", None, [1.0]])
def test_what_is_no_number_above_zero(value):
    with pytest.raises(ArgumentError, match="t must be a number above 0"):
        number("t", value)
