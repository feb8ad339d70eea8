"""Warnings point to the reader's own line, and the one about a missing kernel comes once for each operation."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.autodiff import apply
from cutaway.engines.cpu import engine
from cutaway.errors import warn
from cutaway.rules import OPS, rule

SOURCE = Path(ct.__file__).parent


def test_there_is_one_way_to_warn():
    """No stacklevel is counted by hand: a helper between would make it point at us."""
    found = [file.name for file in SOURCE.rglob("*.py") if "warnings.warn(" in file.read_text("utf-8")]
    assert found == ["errors.py"]


def lines(call):
    """Where the warnings of a call point to, as (this file?, line)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(w.filename == __file__, w.lineno) for w in caught if w.filename]


def halved(z):
    return np.multiply(z, 0.5)  # NumPy's own function: no machine code is made of it


def halved_back(da):
    return np.multiply(da, 0.5)


class Slow(ct.nn.Module):
    def __init__(self):
        self.layer = ct.nn.Linear(2, 2)

    def forward(self, x):
        return apply("halved", self.layer(x))


X, Y = np.linspace(-1, 1, 20).reshape(10, 2), np.zeros((10, 2))


@pytest.fixture
def halves(monkeypatch):
    monkeypatch.setattr(engine, "_warned_of", set())
    rule("a = z / 2", "elementwise")(halved)
    yield
    del OPS["halved"]


@pytest.mark.usefixtures("halves")
def test_a_missing_kernel_is_told_once():
    model = Slow()

    def fit():
        ct.fit(model, X, Y, epochs=1)

    first = lines(fit)
    assert first and all(mine for mine, _ in first)
    assert {line for _, line in first} == {fit.__code__.co_firstlineno + 1}
    assert not lines(fit)  # again
    assert not lines(lambda: ct.fit(Slow(), X, Y, epochs=1))  # in another network


@pytest.mark.parametrize("call", [
    lambda: ct.fit(ct.nn.Linear(2, 2), 1e30 * X, Y + 1e30, optimizer=ct.optim.SGD(1e30), epochs=2),
    lambda: ct.nn.Conv2d(3, 8, 3).load_state_dict({"weight": np.zeros((8, 3, 3, 3)), "bias": np.zeros(8)}),
    lambda: warn("hello"),
])
def test_a_warning_points_to_the_line_that_called(call):
    found = lines(call)
    assert found and all(mine for mine, _ in found), found
