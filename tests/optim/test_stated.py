"""An update in words says what its rule does: the equations that its class states, or the rule's own text."""

import inspect
import re

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.optim import OPTIMIZERS
from cutaway.optim.stated import update_words
from cutaway.report.equations import equations, stated
from cutaway.rules import xp


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_optimizer_says_what_theta_becomes_and_where_its_state_comes_from(kind):
    lines = [re.split(" [←=] ", line, maxsplit=1) for line in update_words(kind).split("; ")]
    assert lines[-1][0] == "θ" and lines[-1][1].startswith("θ - ")
    given = {line[0] for line in lines}
    assert set(re.findall(r"[mvGE]\u0302", lines[-1][1])) <= given  # m̂, v̂ are said


def test_adamw_takes_its_averages_from_adam():
    assert update_words(ct.optim.AdamW) == (
        "m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; m̂ = m / (1 - β₁ᵗ); v̂ = v / (1 - β₂ᵗ); "
        "θ ← θ - η m̂ / (√v̂ + ε) - η λ θ")


@pytest.mark.parametrize(("opt", "told"), [
    (ct.optim.SGD(0.1), "θ ← θ - α g"), (ct.optim.Momentum(0.1), "v ← β v + (1 - β) g; θ ← θ - α v"),
])
def test_a_traced_update_shows_its_equations_in_place_of_the_optimizers_settings(opt, told):
    t = ct.trace(ct.nn.MLP(2, [3], 2).init(0), np.ones((4, 2)), np.arange(4) % 2, loss="cross_entropy", optimizer=opt)
    assert t.instructions[-1].formula == told
    assert told in str(t) and repr(opt) in str(t)  # the settings stand in the first line


def average_sign(theta, g, m, *, lr):
    m = 0.5 * m + 0.5 * g
    return theta - lr * xp.sign(m), m


def test_the_equations_end_the_docstring():
    assert inspect.getdoc(ct.optim.Momentum).endswith("gradients.\n\nv ← β v + (1 - β) g; θ ← θ - α v")


def test_without_equations_of_its_own_a_rule_is_shown_as_it_is_written():
    class AverageSign(ct.optim.Momentum, listed=False):
        rule = staticmethod(average_sign)

    class Renamed(ct.optim.Momentum, listed=False):
        """The same rule."""

    assert update_words(AverageSign) == "m ← 0.5 * m + 0.5 * g; θ ← θ - lr * sign(m)"
    assert update_words(Renamed) == update_words(ct.optim.Momentum)


def test_a_rule_with_branches_is_no_list_of_equations():
    def branched(theta, g, *, lr):
        if lr:
            g = lr * g
        return theta - g

    class Branched(ct.optim.SGD, listed=False):
        rule = staticmethod(branched)

    assert update_words(Branched) == ""


def test_an_equation_that_gives_no_symbol_is_refused():
    with pytest.raises(ArgumentError, match=r"Odd: an equation is text such as .* got 'theta - g'"):
        class Odd(ct.optim.SGD, listed=False):
            equations = ("theta - g",)


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_what_is_stated_is_what_the_rule_gives(kind):
    """On a path that was walked every equation gives the recorded numbers, or it would not be shown."""
    path = ct.lab.descend("bowl", [kind(0.05)], steps=9).paths[0]
    assert [e.gives for e in equations(path)[0]] == [e.gives for e in stated(kind)]
