"""Numbers that callers give: single ones that count something, and whole numbers that look something up."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.arguments import whole_number, whole_numbers
from cutaway.errors import ArgumentError

BEYOND = [np.array([2**32 + 3]), np.array([2**31]), np.array([-(2**31) - 1]), np.array([2**63], np.uint64),
          np.array([2**32 + 3], np.uint64), np.array([-(2**63)])]
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
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("number", BEYOND, ids=ids)
def test_numbers_to_embed_are_checked_before_they_are_cast(use, number):
    """2**32 + 3 is not row 3."""
    with pytest.raises(ArgumentError, match=str(number[0])):
        USES[use](embedder())(np.full((4, 1), number[0], number.dtype))


@pytest.mark.parametrize("number", [*BEYOND, np.array([2.0**32]), np.array([-(2.0**40)]), np.array([np.inf])],
                         ids=[*ids, "float", "negative float", "inf"])
def test_class_numbers_are_checked_before_they_are_cast(number):
    """2**32 is not class 0."""
    net, X, y = ct.nn.MLP(3, [4], 3), np.zeros((4, 3)), np.full(4, number[0], number.dtype)
    program = ct.compile(net, "cross_entropy")
    for f in (lambda: ct.fit(net, X, y, "cross_entropy"), lambda: program.feed(X, y),
              lambda: ct.fit(net, X, np.zeros(4, int), "cross_entropy", validation=(X, y)),
              lambda: ct.fit_many([{"model": net, "X": X, "y": y, "loss": "cross_entropy"}])):
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
                                   np.array([1, 2], np.float16)])
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


# ---- arguments that count something, wherever they are given ---------------------------------------------------------

X, Y = np.random.default_rng(0).normal(size=(12, 3)), np.zeros((12, 1))
NONE = [0, -1, 1.0, 1.5, True, np.True_, np.nan, np.inf, "3", np.float32(2), np.array([1, 2]), [1], 1j, {}]


def net():
    return ct.nn.MLP(3, [4], 1).init(0)


def fit(**given):
    return ct.fit(net(), X, Y, **{"epochs": 1, "validation": 0.3, **given})


def fit_many(**given):
    return ct.fit_many([{"model": net(), "X": X, "y": Y, "epochs": 1, "validation": 0.3, **given}])


CALLS = {
    "fit": (fit, "epochs batch_size threads early_stopping seed"),
    "fit_many": (fit_many, "epochs batch_size threads early_stopping seed"),
    "workers": (lambda **given: ct.fit_many([], **given), "workers"),
    "compile": (lambda **given: ct.compile(net(), **given), "batch_size threads seed"),
    "predict": (lambda **given: net().predict(X, **given), "batch_size threads"),
    "trace": (lambda **given: ct.trace(net(), X, Y, **given), "steps batch_size threads seed"),
    "step": (lambda **given: ct.step(net(), X, Y, **given), "epochs batch_size threads seed"),
}
TABLE = [(call, name) for call, (_, names) in CALLS.items() for name in names.split()]
ALSO = {"early_stopping": [0, True, np.True_], "seed": [0, -1], "workers": []}  # what is no fault there


@pytest.mark.parametrize(("call", "name"), TABLE, ids=[f"{call}({name}=)" for call, name in TABLE])
def test_an_argument_that_counts_is_a_whole_number(call, name):
    for value in NONE:
        if not any(value is fine for fine in ALSO.get(name, ())):
            with pytest.raises(ArgumentError, match=f"{name} must be a whole number") as found:
                CALLS[call][0](**{name: value})
            assert repr(value) in str(found.value)


@pytest.mark.parametrize(("call", "name"), TABLE, ids=[f"{call}({name}=)" for call, name in TABLE])
def test_numbers_of_numpy_count_as_well(call, name):
    CALLS[call][0](**{name: np.int64(2)})
    CALLS[call][0](**{name: np.uint8(2)})


def test_after_a_first_prediction_arguments_are_asked_as_well():
    model = net()
    model.predict(X, threads=2, batch_size=4)
    for given in ({"batch_size": 4.0}, {"threads": [2]}, {"engine": ["cpu"]}, {"batch_size": [4]}):
        with pytest.raises(ArgumentError):
            model.predict(X, **{"threads": 2, "batch_size": 4, **given})


@pytest.mark.parametrize("value", [-1.0, np.nan, "3", [1.0], 1j])
def test_a_time_limit_is_a_number_of_seconds(value):
    with pytest.raises(ArgumentError, match="time_limit must be a number of seconds"):
        fit(time_limit=value)


@pytest.mark.parametrize("call", [
    lambda: ct.fit(net(), X, 3.0), lambda: ct.fit(net(), 3, Y), lambda: ct.fit(net(), X, Y, validation=(X, 1)),
    lambda: ct.trace(net(), X, np.float32(1)), lambda: ct.step(net(), X, 1), lambda: net().predict(3.0),
    lambda: ct.compile(net(), input=np.float32(3)), lambda: ct.fit_many([{"model": net(), "X": X, "y": 3}]),
])
def test_a_single_value_has_no_rows(call):
    with pytest.raises(ct.errors.ShapeError, match="must have a row for each sample, got a single value"):
        call()


def test_a_batch_that_no_address_can_name():
    with pytest.raises(ct.errors.ResourceError, match="choose a smaller batch_size"):
        ct.compile(net(), batch_size=2**70)
    assert net().predict(X, batch_size=2**70).shape == (12, 1)


@pytest.mark.parametrize(("given", "says"), [
    ({"shuffle": lambda rows, epoch: rows[:3]}, "a number for each of the 8 rows"),
    ({"shuffle": lambda rows, epoch: rows[:0]}, "a number for each of the 8 rows"),
    ({"shuffle": lambda rows, epoch: np.r_[rows, rows]}, "a number for each of the 8 rows"),
    ({"shuffle": lambda rows, epoch: rows[:, None]}, "a number for each of the 8 rows"),
    ({"shuffle": lambda rows, epoch: None}, "must hold whole numbers"),
    ({"shuffle": lambda rows, epoch: rows.astype(np.int64) + 2**40}, "from 0 to 11, got 1099511627776"),
    ({"shuffle": lambda rows, epoch: -rows}, "from 0 to 11, got -"),
    ({"optimizer": ct.optim.SGD(lambda t: np.ones(3))}, "learning rate of step 1 must be a number"),
    ({"optimizer": ct.optim.SGD(lambda t: None)}, "learning rate of step 1 must be a number, but lr gives None"),
    ({"sample_weight": ["a"] * 12}, "sample_weight must hold numbers"),
    ({"validation": (X, Y, [None] * 11 + [{}])}, "sample_weight must hold numbers"),
    ({"callbacks": 3}, "callbacks must be functions"), ({"callbacks": [print, 3]}, "callbacks must be functions"),
])
def test_what_functions_and_lists_give_is_asked_too(given, says):
    with pytest.raises(ArgumentError, match=says):
        fit(**given)


@pytest.mark.parametrize("steps", [0, 1.5, True, "2"])
def test_a_profile_has_whole_steps(steps):
    program = ct.compile(net(), batch_size=4)
    program.feed(X, Y)
    with pytest.raises(ArgumentError, match="steps must be a whole number"):
        program.profile(steps=steps)


@pytest.mark.parametrize("value", ["3", None, -1, np.nan])
def test_bytes_that_a_trace_keeps(value):
    with pytest.raises(ArgumentError, match="keep_bytes must be a number of bytes"):
        ct.trace(net(), X, Y, keep_bytes=value)
