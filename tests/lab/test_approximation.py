"""Universal approximation: errors fall with width, fits are sums of bent lines, and functions are given in any form."""

import sys
from itertools import pairwise

import numpy as np
import pytest

import cutaway as ct
from cutaway import fit_many
from cutaway.errors import ArgumentError, DataError
from cutaway.lab.functions.approximation import approximation
from cutaway.lab.functions.hinges import hinges
from cutaway.lab.functions.targets import target_of
from cutaway.studio.experiments import fits


@pytest.fixture(scope="module")
def sine():
    """A wave and three quarters, three runs."""
    return approximation("sin(3 * x)", widths=[2, 8, 64], depths=[2], seeds=3, steps=8000)


# ---- the claim -------------------------------------------------------------------------------------------------------


def test_the_error_falls_with_width(sine):
    two, eight, many, _ = np.median(sine.rms, axis=1)
    assert 1 > two > 1.5 * eight > 3 * many and two > 10 * many and many < 0.05
    assert sine.rms[2].max() < sine.rms[0].min() / 10  # the worst wide one against the best narrow one
    assert (sine.largest >= sine.rms).all()


def test_what_a_constant_achieves_is_one():
    lonely = approximation("sin(3 * x)", widths=[1], depths=[], seeds=1, steps=40)
    assert 0.7 < lonely.rms.item() < 1.2


def test_two_variables_and_a_surface_by_name():
    found = approximation("bowl", widths=[2, 32], depths=[], seeds=2, steps=2000)
    assert np.median(found.rms[1]) < 0.2 * np.median(found.rms[0])
    assert found.target.low.tolist() == [-3, -3]  # the surface's own part of the plane


def test_the_errors_are_those_of_the_networks(sine):
    X = sine.target.grid(4001)
    truth = np.sin(3 * X[:, 0])
    off = (sine.networks[(64,)].predict(X)[:, 0] - truth) / truth.std()
    assert np.sqrt((off**2).mean()) == pytest.approx(np.median(sine.rms[2]), rel=1e-6)
    assert np.abs(off).max() in [pytest.approx(v, rel=1e-6) for v in sine.largest[2]]


def test_deeper_networks_have_about_as_many_parameters(sine):
    assert sine.shapes == [(2,), (8,), (64,), (12, 12)] and sine.parameters == [7, 25, 193, 193]
    for shape, count in zip(sine.shapes, sine.parameters, strict=True):
        assert sum(p.size for p in sine.networks[shape].parameters()) == count


# ---- hinges ----------------------------------------------------------------------------------------------------------


def test_the_pieces_sum_to_the_output(sine):
    X = np.linspace(-4, 4, 333)[:, None]
    for width in sine.widths:
        found = hinges(sine.networks[(width,)])
        total = found.pieces(X).sum(0) + found.c
        assert found.pieces(X).shape == (width, 333)
        np.testing.assert_allclose(total, sine.networks[(width,)].predict(X)[:, 0], atol=1e-9)


def test_a_fit_bends_at_its_hinges_and_nowhere_else(sine):
    network = sine.networks[(8,)]
    at = np.sort(hinges(network).positions)
    assert len(at) == 8
    ends = np.concatenate([[at[0] - 1], at, [at[-1] + 1]])
    slopes = []
    for low, high in pairwise(ends):
        x = np.linspace(low, high, 9)
        f = network.predict(x[:, None])[:, 0]
        slopes.append((f[-1] - f[0]) / (high - low))
        np.testing.assert_allclose(f, f[0] + slopes[-1] * (x - low), atol=1e-9)  # straight between them
    assert np.abs(np.diff(slopes)).max() > 1  # and it does bend


def test_hinges_start_spread_over_the_domain():
    started = approximation("x", widths=[64], depths=[], seeds=1, steps=1, domain=(10, 20))
    at = hinges(started.networks[(64,)]).positions
    shares = np.histogram(at, [9.9, 12.5, 15, 17.5, 20.1])[0] / 64
    assert shares.sum() > 0.9 and shares.min() > 0.1


def test_hinges_are_those_of_one_hidden_layer():
    for net in (ct.nn.MLP(1, [4, 4], 1), ct.nn.MLP(1, [4], 2), ct.nn.MLP(1, [4], 1, activation="tanh")):
        with pytest.raises(ArgumentError, match="one hidden layer of ReLUs"):
            hinges(net)
    with pytest.raises(ArgumentError, match="for one variable"):
        _ = hinges(ct.nn.MLP(2, [4], 1)).positions


# ---- functions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "variables"),
    [("exp(x)", 1), ("x + y", 2), ("himmelblau", 2), (np.exp, 1), (np.hypot, 2), (lambda x, power=3: x**power, 1),
     (ct.lab.surface("beale"), 2)],
)
def test_functions_in_any_form(given, variables):
    target = target_of(given, (0, 1))
    X = target.grid(5)
    assert X.shape == (5**variables, variables) and X.min() == 0 and X.max() == 1
    known = {"exp(x)": np.exp, np.exp: np.exp, "x + y": np.add, np.hypot: np.hypot}.get(given)
    if known:
        np.testing.assert_allclose(target(X), known(*X.T), rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"function": "sin(z)"}, ArgumentError, "there is no 'z'"),
        ({"function": "himmelblu"}, ArgumentError, "did you mean 'himmelblau'"),
        ({"function": lambda x, y, z: x}, ArgumentError, "takes 3"),
        ({"function": 3}, ArgumentError, "give text such as"),
        ({"function": "log(x)"}, DataError, r"log\(x\) is not finite at \(-2"),
        ({"function": "2"}, DataError, "constant"),
        ({"domain": (1, 1)}, ArgumentError, "from a lower to a higher"),
        ({"domain": (1, 2, 3)}, ArgumentError, "domain must be"),
        ({"widths": [0, 4]}, ArgumentError, "widths must be whole numbers of at least 1"),
        ({"widths": []}, ArgumentError, "widths must be"),
        ({"depths": [1]}, ArgumentError, "depths must be"),
        ({"steps": 0}, ArgumentError, "steps must be"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, says):
    with pytest.raises(error, match=says):
        approximation(**({"function": "x", "widths": [1], "seeds": 1, "steps": 1} | change))


# ---- results ---------------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_results():
    one, same, other = (approximation("x^2", [4], [2], 1, 100, seed=k).rms for k in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_it_prints_plots_and_saves(sine, tmp_path):
    assert str(sine).startswith("sin(3 * x): from 2 to 64 ReLUs in one hidden layer the error falls from")
    frame = sine.to_pandas()
    assert len(frame) == 12 and frame.hidden.tolist()[-1] == "12 × 12"
    plane = approximation("x * y", [2, 4], [], 1, 50)
    for found in (sine, plane):
        for name in ("a.svg", "a.json", "a.csv"):
            assert found.save(tmp_path / name).stat().st_size > 100


def cut_after(monkeypatch, done):
    """Let fit_many do what it does when Ctrl-C comes while the entries of these places alone are done."""
    def stop(event):
        event.run.stop("interrupted")

    def cut(entries):
        return fit_many([entry | {"callbacks": [] if k in done else [stop]} for k, entry in enumerate(entries)])

    monkeypatch.setattr(sys.modules[approximation.__module__], "fit_many", cut)


def test_ctrl_c_keeps_the_runs_that_are_done(monkeypatch):
    cut_after(monkeypatch, {0, 1})  # of the first of three seeds
    found = approximation("x^2", [2, 4], [], 3, 500)
    assert found.cut_short == "interrupted" and np.isfinite(found.rms[:, 0]).all() and np.isnan(found.rms[:, 1:]).all()
    assert "x^2" in str(found) and found.to_json()["rms"][0][1] is None
    found.plot()


@pytest.mark.parametrize(("done", "says"), [
    ({0}, "from 2 to 2 ReLUs"), ({1}, "from 4 to 4 ReLUs"), ({2}, "no network of one hidden layer is done")])
@pytest.mark.parametrize("function", ["x^2", "x * y"])
def test_networks_that_ctrl_c_left_out_are_missing_from_words_and_pictures(monkeypatch, function, done, says):
    """A network left out was looked for by the figure, and by the studio's panels."""
    cut_after(monkeypatch, done)
    found = approximation(function, [2, 4], [2], 1, 500)
    assert list(found.networks) == [found.shapes[k] for k in done] and says in str(found)
    found.plot()
    panels = fits(found)
    assert [len(curve["x"]) for curve in panels[0]["curves"]] == [1]
    assert [len(panel["curves"]) for panel in panels[1:]] == ([2] if function == "x^2" else [])
