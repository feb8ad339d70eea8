"""The learning-rate finder shows what lr="auto" does; the batch-size advice weighs time against noise."""

import importlib
import json

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.lab.steps.batch_advice import BatchAdvice, batch_size
from cutaway.lab.steps.lr_find import lr_find

ROOM = importlib.import_module("cutaway.lab.steps.batch_advice")


def moons():
    return ct.datasets.make("moons", n=200, seed=0)


def net():
    return ct.nn.MLP(2, [16], 2)


@pytest.fixture(scope="module")
def found():
    return lr_find(net, *moons(), optimizer=ct.optim.AdamW("auto"), seed=3)


# ---- the finder ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [ct.optim.SGD("auto"), ct.optim.AdamW(ct.optim.schedules.cosine("auto")), None])
def test_it_finds_what_fit_finds(optimizer):
    X, y = moons()
    shown = lr_find(net(), X, y, "cross_entropy", optimizer, seed=3)
    run = ct.fit(net().init(3), X, y, "cross_entropy", optimizer or ct.optim.AdamW("auto"), epochs=1, seed=3)
    assert shown.suggestion == run.lr_found and shown.optimizer == type(run.program.engine.optimizer).__name__


def test_the_model_given_stays_as_it_is():
    model = net().init(5)
    before = model.theta.tobytes()
    lr_find(model, *moons())
    assert model.theta.tobytes() == before


def test_the_same_seed_gives_the_same_losses(found):
    again = lr_find(net, *moons(), optimizer=ct.optim.AdamW("auto"), seed=3)
    other = lr_find(net, *moons(), optimizer=ct.optim.AdamW("auto"), seed=4)
    assert (found.losses == again.losses).all() and found.losses[0] != other.losses[0]


def test_rates_rise_by_equal_factors_from_low_to_high():
    shown = lr_find(net, *moons(), low=1e-4, high=1e-2, steps=101)
    assert len(shown.rates) == 101 and shown.rates[[0, 50, 100]] == pytest.approx([1e-4, 1e-3, 1e-2])
    assert shown.diverged is None


def test_what_it_says(found):
    text = str(found)
    assert text.startswith(f"Train with a learning rate of {found.suggestion:g} (AdamW, 32 rows a step)")
    assert "diverged" in text and "steepest fall" in text and "cross entropy" in text
    flat = lr_find(ct.nn.Linear(2, 1), moons()[0] * 0, moons()[1] - 0.5, "mse")
    assert str(flat).startswith("No learning rate to suggest: the loss does not fall")


def test_its_figure_marks_suggestion_steepest_fall_and_divergence_on_a_log_axis(found, tmp_path):
    (axes,) = found.plot().axes
    assert axes.get_xscale() == "log"
    stood = {line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1}
    assert {found.suggestion, found.steepest, found.diverged} <= stood
    text = (found.save(tmp_path / "found.svg")).read_text()
    assert f"suggestion: {found.suggestion:.2g}" in text and f"divergence: {found.diverged:.2g}" in text


def test_numbers_as_a_table_and_as_json(found, tmp_path):
    assert list(found.to_pandas().columns) == ["lr", "loss", "smoothed"] and len(found.to_pandas()) == len(found.losses)
    kept = json.loads(found.save(tmp_path / "found.json").read_text())
    assert next(iter(kept)) == "kind" and kept["suggestion"] == found.suggestion and kept["rows"] == 200


# ---- batch-size advice -----------------------------------------------------------------------------------------------


def advice(seconds, noise_scale):
    sizes = np.array([8, 16, 32, 64, 128])
    return BatchAdvice(1000, "SGD", sizes, np.array(seconds), sizes * 1000, np.array([noise_scale]))


def test_where_steps_take_equal_time_the_largest_batch_is_best_and_where_rows_do_the_smallest():
    assert advice([1e-3] * 5, noise_scale=1000).suggestion == 128
    assert advice([1e-3] * 5, noise_scale=0.1).suggestion == 8  # nearly as fast as any, with the fewest rows
    assert advice(1e-4 * np.array([8, 16, 32, 64, 128]), noise_scale=50).suggestion == 8


def test_the_time_to_the_same_loss_is_that_of_the_steps_that_noise_asks_for():
    told = advice([1.0, 1.1, 1.3, 1.7, 2.5], noise_scale=32)
    assert told.steps == pytest.approx([5, 3, 2, 1.5, 1.25])
    assert told.time == pytest.approx(np.array([5, 3.3, 2.6, 2.55, 3.125]) / 2.55)
    assert told.suggestion == 32
    assert "64 are predicted to reach the same loss only 2% sooner" in str(told)
    assert told.to_pandas()["time"].min() == 1 and told.to_json()["suggestion"] == 32


def test_the_noise_scale_is_the_rows_variance_over_the_squared_gradient():
    """tr Σ / ‖g‖², here from the tape's gradient of every row."""
    X, y = moons()
    model, rows = net().init(0), []
    for k in range(len(y)):
        model.zero_grad()
        ct.losses.cross_entropy(model(X[k : k + 1]), y[k : k + 1]).backward()
        rows.append(model.grad)
    exact = np.var(rows, axis=0).sum() / np.sum(np.mean(rows, axis=0) ** 2)
    told = batch_size(net(), X, y, "cross_entropy", ct.optim.SGD(0.1), sizes=[8], epochs=1)
    assert told.noise_scales[0] == pytest.approx(exact, rel=1e-4)
    assert len(told.noise_scales) == 2


def test_advice_measures_every_size_and_leaves_the_model():
    model = net().init(5)
    before = model.theta.tobytes()
    told = batch_size(model, *moons(), epochs=1)
    assert told.sizes.tolist() == [8, 16, 32, 64, 128] and (told.seconds > 0).all()
    assert (np.diff(told.memory) > 0).all() and told.suggestion in told.sizes
    assert model.theta.tobytes() == before
    assert len(told.plot().axes) == 2


def test_batch_norm_is_measured_in_batches():
    X, y = moons()
    layers = [ct.nn.Linear(2, 16), ct.nn.BatchNorm1d(16), ct.nn.ReLU(), ct.nn.Linear(16, 2)]
    told = batch_size(ct.nn.Sequential(*layers), X[:193], y[:193], sizes=[16, 64], epochs=2)
    assert np.isfinite(told.noise_scales).all() and (told.noise_scales > 1).all() and len(told.noise_scales) == 3


def test_sizes_that_are_none_are_refused():
    for sizes in ([], [0], [201], [8.5]):
        with pytest.raises(ArgumentError, match="sizes must be whole numbers from 1 to the 200 rows"):
            batch_size(net, *moons(), sizes=sizes)


def test_ctrl_c_keeps_the_sizes_that_were_timed(monkeypatch):
    timed = ROOM._timed

    def interrupted(program):
        if program.engine.batch_size == 32:
            raise KeyboardInterrupt
        return timed(program)

    monkeypatch.setattr(ROOM, "_timed", interrupted)
    told = batch_size(net, *moons(), epochs=1)
    assert told.sizes.tolist() == [8, 16] and told.cut_short == "interrupted"
