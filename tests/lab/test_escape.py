"""Leaving a poor local minimum: the steps are those of any descent, and noise is what leads out."""

import json
import sys

import numpy as np
import pytest

import cutaway as ct
from cutaway.lab.descents.descend import descend
from cutaway.lab.descents.escape import NOISE, ROWS, SETTLE, _ended, _program, escape
from cutaway.lab.descents.surfaces import surface


@pytest.fixture(scope="module")
def found():
    return escape(sizes=(1, 4, "full"), seeds=50)


def test_the_noise_of_small_batches_leads_out_and_a_batch_of_all_rows_stays(found):
    """The lecture: stochastic descent can escape local minima. The intervals of the shares lie far apart."""
    shares = found.left.mean(axis=1)
    assert shares[0] > 0.8 and shares[0] > shares[1] > shares[2] == 0
    assert found.interval(0)[0] > found.interval(1)[1] > found.interval(1)[0] > found.interval(2)[1]
    assert found.better[0].mean() > 0.5  # and most of them find a better one


def test_a_start_lies_in_the_minimum_where_the_gradient_is_zero(found):
    """J = (x² + y²)/20 + sin²x + sin²y has one near x = 3, y = 0, where x/10 + sin 2x = 0; the best is at 0."""
    x, y = found.homes.T
    np.testing.assert_allclose(x / 10 + np.sin(2 * x), 0, atol=1e-9)
    assert np.all(np.abs(y) < 1e-9) and found.surface.values(x, y).min() > 0.4 > found.surface.values(0, 0)


def test_walks_are_descents_bit_for_bit():
    on = surface("bumpy", noise=NOISE, rows=ROWS)
    for size in (1, 5, 64):  # 5 does not divide the rows: an epoch's last batch is smaller
        end = _ended(_program(on, 0.15, size), on.data(3), (3.4, 0.5), 3, 70)
        path = descend(on, ct.optim.SGD(0.15), (3.4, 0.5), 70, seed=3, batch_size=size).paths[0]
        assert np.array_equal(end, path.points[-1])


def test_a_point_settles_where_descent_without_noise_ends():
    calm = surface("bumpy", noise=0.0, rows=SETTLE)
    end = _ended(_program(calm, 0.15, 1), None, (0.4, -3.3), 0, SETTLE)
    np.testing.assert_allclose(end, [0, -2.98978], atol=1e-5)


def test_wilsons_interval(found):
    """Its formula for none of 50: from 0 to z² / (n + z²)."""
    z = 1.959964
    assert found.interval(2) == pytest.approx((0, z**2 / (50 + z**2)), abs=1e-6)


def test_ctrl_c_keeps_the_seeds_that_are_done(monkeypatch):
    calls = []

    def pressed(*args):
        calls.append(args)
        if len(calls) > 10:  # a seed of one size takes three walks: its own, and two that settle
            raise KeyboardInterrupt
        return _ended(*args)

    monkeypatch.setattr(sys.modules[escape.__module__], "_ended", pressed)
    found = escape(sizes=("full",), steps=5, seeds=9)
    assert found.cut_short == "interrupted" and found.seeds == 3 and found.left.shape == (1, 3)


def test_equal_seeds_give_equal_results():
    a, b = (escape(sizes=(2,), steps=64, seeds=3, seed=7) for _ in range(2))
    assert np.array_equal(a.ends, b.ends) and np.array_equal(a.starts, b.starts)


def test_what_it_gives_can_be_printed_drawn_and_kept(found, tmp_path):
    text = str(found)
    assert f"stochastic (1 of 64 rows) out in {found.left[0].sum()} of 50 seeds" in text and "0 of 50" in text
    frame = found.to_pandas()
    assert len(frame) == 150 and frame.groupby("batch_size")["left"].sum()[64] == 0
    found.save(tmp_path / "e.svg")
    svg = (tmp_path / "e.svg").read_text()
    assert "share of starts (%)" in svg and len(svg) < 300_000
    found.save(tmp_path / "e.json")
    data = json.loads((tmp_path / "e.json").read_text())
    assert data["kind"] == "escape" and np.shape(data["left"]) == (3, 50)


@pytest.mark.parametrize(("settings", "says"), [
    ({"sizes": (0,)}, "a size must be a whole number of at least 1, got 0"),
    ({"seeds": 0}, "seeds must be a whole number of at least 1, got 0"),
    ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
    ({"on": "bumpi"}, "did you mean 'bumpy'"),
])
def test_what_makes_no_sense_is_refused(settings, says):
    with pytest.raises(ct.errors.ArgumentError, match=says):
        escape(**settings)
