"""Rows sorted by class: what their batches hold, what their gradients are worth, and what training on them gives."""

import json
import sys

import numpy as np
import pytest

import cutaway as ct
from cutaway.lab.steps.shuffling import ORDERS, shuffling


@pytest.fixture(scope="module")
def found():
    X, y = ct.datasets.load("digits")
    return shuffling(ct.nn.MLP(64, [16], 10), X / 16, y, epochs=4, runs=3)


def test_sorted_batches_hold_one_class_or_two(found):
    shares = found.shares["sorted"]
    assert shares.shape == (-(-found.rows // 32), 10) and np.allclose(shares.sum(axis=1), 1)
    assert (shares > 0).sum(axis=1).max() <= 2
    assert (found.shares["shuffled once"][:-1] > 0).sum(axis=1).min() >= 7


def test_sorted_batches_give_biased_gradients(found):
    """They agree with their neighbours of the same class, and not with the gradient of all rows."""
    ordered, mixed = (found.agreement[order] for order in ORDERS[:2])
    assert ordered.mean() < 0.6 * mixed.mean() and ordered.min() < 0 < mixed.min()
    same_class = found.shares["sorted"].max(axis=1)
    both = (same_class[1:] == 1) & (same_class[:-1] == 1)
    assert np.median(found.successive["sorted"][both]) > 0.9 > np.median(found.successive["shuffled once"])


def test_shuffling_steadies_the_loss_and_raises_the_score(found):
    """The lecture's three claims for it: a better mix, more stable learning, better generalization."""
    assert np.median(found.swing["sorted"]) > 3 * np.median(found.swing["shuffled each epoch"])
    assert found.score["sorted"].max() + 0.2 < found.score["shuffled each epoch"].min()


def test_gradients_agree_with_linear_regressions_own():
    """Cosines by hand, for rows sorted by a number: w = 0, so that ∂J/∂(w, b) = -2 mean y (x, 1)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = X @ [1.0, 2.0] + rng.normal(size=80)

    def zero():
        net = ct.nn.Linear(2, 1).astype("float64")
        net.weight.init = ct.nn.init.zeros
        return net

    found = shuffling(zero, X, y, batch_size=20, epochs=1, runs=1, test=0.25)
    learn, _ = ct.data.split(80, 0.25, 0, stratify=np.searchsorted(np.quantile(y, [0.2, 0.4, 0.6, 0.8]), y))
    learn = learn[np.argsort(y[learn], kind="stable")]
    each = -2 * y[learn, None] * np.column_stack([X[learn], np.ones(60)])
    means = each.reshape(3, 20, 3).mean(axis=1)
    whole = each.mean(axis=0)
    cosines = means @ whole / np.linalg.norm(means, axis=1) / np.linalg.norm(whole)
    np.testing.assert_allclose(found.agreement["sorted"], cosines, rtol=1e-6)
    assert found.metric == "R²" and found.groups[0] == "lowest fifth"


def test_an_order_is_what_fit_does(found):
    X, y = ct.datasets.load("digits")
    learn, test = ct.data.split(y, 0.25, 0, stratify=True)
    learn = learn[np.argsort(y[learn], kind="stable")]
    for order, shuffle in (("sorted", False), ("shuffled each epoch", True)):
        net = ct.nn.MLP(64, [16], 10).init(0)
        run = ct.fit(net, X[learn] / 16, y[learn], loss="cross_entropy", optimizer=ct.optim.SGD(0.1), epochs=4,
                     shuffle=shuffle, seed=0, threads=1)
        np.testing.assert_array_equal(run.steps["loss"], found.step_loss[order])
        assert (net.predict(X[test] / 16).argmax(axis=1) == y[test]).mean() == found.score[order][0]


def test_what_it_gives_can_be_printed_drawn_and_kept(found, tmp_path):
    assert "sorted by class" in str(found) and "shuffled each epoch" in str(found)
    frame = found.to_pandas()
    assert list(frame["order"].unique()) == list(ORDERS) and len(frame) == 9
    found.save(tmp_path / "s.svg")
    svg = (tmp_path / "s.svg").read_text()
    assert "Gradient against that of all rows" in svg and len(svg) < 300_000
    found.save(tmp_path / "s.json")
    data = json.loads((tmp_path / "s.json").read_text())
    assert data["kind"] == "shuffling" and np.shape(data["shares"]["sorted"]) == found.shares["sorted"].shape


def test_ctrl_c_keeps_the_runs_that_are_done(monkeypatch):
    def pressed_in_the_second_round(entries):
        done = ct.fit_many(entries)
        for run in done[4:]:
            run.stopped = "interrupted"
        return done

    monkeypatch.setattr(sys.modules[shuffling.__module__], "fit_many", pressed_in_the_second_round)
    X, y = ct.datasets.make("blobs", n=60, seed=0)
    found = shuffling(ct.nn.MLP(2, [4], 3), X, y, epochs=1, runs=3)
    assert found.cut_short == "interrupted" and all(len(scores) == 1 for scores in found.score.values())


@pytest.mark.parametrize(("y", "settings", "says"), [
    (np.zeros((9, 2)), {}, r"sorts the rows by one target, but y has shape \(9, 2\)"),
    (np.zeros(9), {"runs": 0}, "runs must be a whole number of at least 1, got 0"),
    (np.zeros(9), {"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    (np.array(list("abcabcabc")), {}, "y must hold numbers"),
])
def test_what_makes_no_sense_is_refused(y, settings, says):
    with pytest.raises((ct.errors.ArgumentError, ct.errors.DataError), match=says):
        shuffling(ct.nn.Linear(2, 2), np.zeros((9, 2)), y, **settings)
