"""An update in words says what its rule does: the equations of the docstring, or the rule's own text."""

import re

import numpy as np
import pytest

import cutaway as ct
from cutaway.optim import OPTIMIZERS
from cutaway.optim.stated import update_words


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
