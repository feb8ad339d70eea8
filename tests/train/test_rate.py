"""lr="auto": the range test finds a rate that trains, touches nothing, and equals the number it stands for."""

import re

import numpy as np
import pytest

import cutaway as ct
from cutaway import random
from cutaway.engines import Program
from cutaway.errors import ArgumentError, TrainingError
from cutaway.optim import schedules
from cutaway.train.fit import TrainingWarning, prepared
from cutaway.train.rate import BELOW, HIGH, LOW, STEPS, range_test, read, rising, smooth

OPTIMIZERS = [ct.optim.SGD, ct.optim.Momentum, ct.optim.Adam, ct.optim.AdamW]
RATES = np.geomspace(LOW, HIGH, STEPS)


def moons(n=200):
    return ct.datasets.make("moons", n=n, seed=0)


def net(seed=0):
    """One of every kind of layer whose state or chance could leak."""
    return ct.nn.Sequential(ct.nn.Linear(2, 16), ct.nn.BatchNorm1d(16), ct.nn.ReLU(), ct.nn.Dropout(0.2),
                            ct.nn.Linear(16, 2)).init(seed)


def tried(model, X, y, loss="cross_entropy", optimizer=None, batch_size=32, seed=0):
    """A program and its batches, ready for a range test."""
    return prepared(model, X, y, loss, rising(optimizer or ct.optim.SGD("auto")), batch_size=batch_size,
                    seed=seed, threads=1, steps=STEPS)


def trained(optimizer, model=None, **how):
    X, y = moons()
    model = model or net()
    return model, ct.fit(model, X, y, loss="cross_entropy", optimizer=optimizer, epochs=3, threads=1, **how)


# ---- where divergence is known ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("curvature", [0.1, 1.0, 100.0])
def test_gradient_descent_diverges_above_two_over_the_largest_curvature(curvature):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 5)) * np.sqrt(curvature)
    y = X @ rng.normal(size=5) + 0.1 * rng.normal(size=64)
    edge = 2 / np.linalg.eigvalsh(X.T @ X / 64).max()  # of half the mean square: its Hessian is XᵀX/n
    model = ct.nn.Linear(5, 1, bias=False).init(0)
    test = range_test(*tried(model, X, y, "half_mse", batch_size="full"))
    assert edge < test.diverged < 6 * edge  # rates rise on while the loss, all but zero by then, grows to what it was
    assert edge / 20 < test.suggestion < edge

    def descent(lr):
        return ct.fit(model.init(0), X, y, "half_mse", ct.optim.SGD(lr), epochs=60, batch_size="full")

    losses = descent(test.suggestion).steps["loss"]
    assert (np.diff(losses) <= 1e-6).all() and losses[-1] < 0.1 * losses[0]
    with pytest.warns(TrainingWarning, match="learning rate .* is too high"):
        descent(test.diverged)


# ---- it leaves everything as it was ----------------------------------------------------------------------------------


def state(program):
    own = {name: array.tobytes() for name, array in program.model.state_dict().items()}
    return own | {name: np.asarray(value).tobytes() for name, value in program.state.items()}


def test_weights_buffers_optimizer_state_and_streams_are_put_back_bit_for_bit():
    program, past = tried(net(), *moons(), optimizer=ct.optim.AdamW("auto"))
    before, drawn, numpys = state(program), random._drawn, np.random.get_state()[1].tobytes()
    test = range_test(program, past)
    assert len(test.losses) > STEPS / 2 and np.ptp(test.losses) > 0.5  # it did train
    assert state(program) == before
    assert (random._drawn, np.random.get_state()[1].tobytes()) == (drawn, numpys)


def test_also_where_it_is_interrupted(monkeypatch):
    program, past = tried(net(), *moons())
    before, run, calls = state(program), Program.run, []

    def interrupted(self, *how, **more):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return run(self, *how, **more)

    monkeypatch.setattr(Program, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        range_test(program, past)
    assert len(calls) == 5 and state(program) == before


# ---- "auto" is the number it finds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_auto_trains_as_its_number_does_bit_for_bit(kind):
    found, run = trained(kind("auto"))
    given, other = trained(kind(run.lr_found))
    assert (found.theta == given.theta).all()
    assert (run.steps["loss"] == other.steps["loss"]).all() and other.lr_found is None
    assert run.program.engine.optimizer == kind(run.lr_found)
    assert f"lr {run.lr_found:g}, found" in repr(run) and "found" not in repr(other)


@pytest.mark.parametrize("made", [schedules.cosine, schedules.one_cycle, lambda lr: schedules.warmup(lr, 5),
                                  lambda lr: schedules.warmup(schedules.cosine(lr), 5)])
def test_a_schedule_gets_the_rate_found_as_its_peak(made):
    optimizer = ct.optim.clip(ct.optim.AdamW(made("auto"), weight_decay=0.1), norm=1.0)
    found, run = trained(optimizer, validation=0.2)
    given, _ = trained(ct.optim.clip(ct.optim.AdamW(made(run.lr_found), weight_decay=0.1), norm=1.0), validation=0.2)
    assert (found.theta == given.theta).all()
    assert repr(run.program.engine.optimizer.lr) == repr(made(run.lr_found))


def test_the_same_seed_finds_the_same_rate_and_any_precision_one_like_it():
    first, again = (trained(ct.optim.AdamW("auto"))[1].lr_found for _ in range(2))
    assert first == again
    exact = trained(ct.optim.AdamW("auto"), net().astype("float64"))[1].lr_found
    assert 0.3 < exact / first < 3


def test_the_reference_engine_finds_about_the_same():
    rates = [trained(ct.optim.SGD("auto"), ct.nn.MLP(2, [8], 2).init(0), engine=engine)[1].lr_found
             for engine in ("cpu", "reference")]
    assert rates[0] == pytest.approx(rates[1], rel=0.3)


def test_a_run_that_is_resumed_keeps_the_rate_it_found(tmp_path):
    whole, run = trained(ct.optim.AdamW("auto"))
    model, part = trained(ct.optim.AdamW("auto"), checkpoint=tmp_path,
                          callbacks=[lambda event: event.run.stop() if getattr(event, "epoch", 0) == 1 else None])
    assert part.epochs_done == 1  # its weights are no longer those that the rate was found with
    _, again = trained(ct.optim.AdamW("auto"), model, checkpoint=tmp_path, resume=True)
    assert again.lr_found == run.lr_found and again.epochs_done == 3
    assert (model.theta == whole.theta).all()


def test_many_models_find_each_their_own():
    X, y = moons()
    entries = [{"model": net(seed), "X": X * scale, "y": y, "loss": "cross_entropy", "optimizer": ct.optim.SGD("auto"),
                "epochs": 2, "seed": seed} for seed, scale in ((0, 1.0), (1, 1.0), (2, 30.0))]
    runs = ct.fit_many(entries)
    for entry, run in zip(entries, runs, strict=True):
        alone = ct.fit(**entry | {"model": net(entry["seed"])}, threads=1)
        assert run.lr_found == alone.lr_found and (run.model.theta == alone.model.theta).all()


def test_estimators_take_it():
    X, y = moons()
    model = ct.Classifier(optimizer=ct.optim.AdamW("auto"), network=[16], epochs=3, random_state=0).fit(X, y)
    number = ct.optim.AdamW(model.run_.lr_found)
    again = ct.Classifier(optimizer=number, network=[16], epochs=3, random_state=0).fit(X, y)
    assert (model.predict_proba(X) == again.predict_proba(X)).all()


def test_a_design_takes_it_and_keeps_what_was_found():
    X, y = moons()
    model = ct.Regressor(network=[16], epochs=3)
    rows = model.prepare(X, y + X[:, 0])
    model.design_.lr = "auto"
    assert "lr auto" in str(model.design_)
    model.train(rows)
    assert model.design_.lr == model.run_.lr_found > 0 and "found before training" in str(model.design_)


def test_its_steps_can_be_traced():
    _, run = trained(ct.optim.AdamW("auto"))
    assert run.steps["loss"][3] == run.trace(step=4).J


# ---- a good rate -----------------------------------------------------------------------------------------------------


def test_the_rate_found_trains_nearly_as_well_as_the_best_of_a_grid():
    """docs/lab/lr-find.md has five data sets; here is one, with four optimizers."""
    X, y = ct.datasets.load("digits")
    X, y = X[:600] / 16, y[:600]

    def entry(optimizer):
        return {"model": ct.nn.MLP(64, [32], 10).init(0), "X": X, "y": y, "loss": "cross_entropy",
                "optimizer": optimizer, "epochs": 10, "validation": 0.2}

    for kind in OPTIMIZERS:
        grid = 10.0 ** np.arange(-4.5, 1.1, 0.5)
        with np.errstate(all="ignore"):
            runs = ct.fit_many([entry(kind(lr)) for lr in grid] + [entry(kind("auto"))])
        *every, auto = [np.nanmin(run.history["val_loss"]) for run in runs]
        missed = (auto - np.nanmin(every)) / (np.log(10) - np.nanmin(every))
        assert missed < 0.05


@pytest.mark.parametrize("n", [2, 5, 33])
def test_few_rows_are_gone_through_as_often_as_it_takes(n):
    X, y = moons(200)
    model = ct.nn.MLP(2, [8], 2).init(0)
    run = ct.fit(model, X[:n], y[:n], loss="cross_entropy", optimizer=ct.optim.Adam("auto"), epochs=20)
    assert run.history["loss"][-1] < run.history["loss"][0]


# ---- reading the losses ----------------------------------------------------------------------------------------------


def losses_with(lowest, diverges, noise=0.01, depth=1.0):
    """A loss of 2 that falls to 2 - depth at the rate `lowest`, and explodes from `diverges` on."""
    x = np.log(RATES / lowest)
    fall = depth * np.exp(-((np.minimum(x, 0) / 2) ** 2))
    rise = np.where(diverges < RATES, np.exp(np.minimum(3 * np.log(RATES / diverges), 50)) - 1, 0.2 * np.maximum(x, 0))
    return 2 - fall + rise + noise * np.random.default_rng(0).normal(size=len(RATES))


def test_the_suggestion_is_a_quarter_of_the_rate_of_the_lowest_loss():
    test = read(RATES, losses_with(lowest=0.1, diverges=3.0))
    assert test.lowest == pytest.approx(0.1, rel=0.5)
    assert test.suggestion == pytest.approx(test.lowest / BELOW, rel=0.05)
    assert 3.0 < test.diverged < 6.0
    assert test.steepest < test.lowest < test.diverged
    assert len(test.rates) == len(test.losses) == len(test.smoothed) < STEPS


def test_neither_the_scale_of_a_loss_nor_its_zero_matters():
    one = read(RATES, losses_with(0.1, 3.0))
    for shift, scale in ((-2.0, 1.0), (-50.0, 10.0), (0.0, 1e-6)):
        other = read(RATES, shift * scale + scale * losses_with(0.1, 3.0))
        assert (other.suggestion, other.diverged) == (one.suggestion, one.diverged)


def test_smoothing_has_no_bias_towards_zero():
    assert np.allclose(smooth(np.full(50, 7.0)), 7.0)
    assert np.allclose(smooth(np.array([1.0, 2.0])), [1.0, (0.8 * 0.2 * 1 + 0.2 * 2) / (1 - 0.8**2)])


NOISE = np.random.default_rng(1).normal(size=STEPS)
SHAPES = {
    "flat": (2 + 0 * RATES, "does not fall below the 2 that it begins with"),
    "noise alone": (2 + 0.3 * NOISE, "does not fall"),
    "rises only": (2 + 100 * RATES + 0.01 * NOISE, "does not fall .* and diverges at"),
    "not finite at the first step": (np.zeros(0), "diverges almost at once"),
    "diverges at once": (np.exp(np.arange(20.0)), "diverges almost at once"),
    "lowest at the start": (1 + np.abs(np.arange(STEPS) / 20 - 1), "lowest at .* almost at the start"),
    "falls to the end": (2 - np.linspace(0, 1, STEPS), "still falls at the highest"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_losses_that_show_no_rate_give_a_reason_and_no_number(shape):
    losses, said = SHAPES[shape]
    test = read(RATES, losses)
    assert test.suggestion is None and re.search(said, test.trouble)
    with pytest.raises(TrainingError, match="found no learning rate"):
        test.found()


def test_fit_says_so_too():
    X, y = moons()
    with pytest.raises(TrainingError, match="does not fall"):
        ct.fit(ct.nn.Linear(2, 1), X * 0, y - 0.5, optimizer=ct.optim.SGD("auto"))
    with pytest.raises(TrainingError, match="diverges almost at once"):
        ct.fit(ct.nn.Linear(2, 1), X * 1e6, y, optimizer=ct.optim.SGD("auto"))
    with pytest.raises(TrainingError, match=r"entries\[0\].*does not fall"):
        ct.fit_many([{"model": ct.nn.Linear(2, 1), "X": X * 0, "y": y - 0.5, "optimizer": ct.optim.SGD("auto")}])


# ---- where it cannot be used -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", [
    lambda: ct.compile(ct.nn.Linear(2, 1), "mse", ct.optim.SGD("auto")),
    lambda: ct.optim.SGD("auto").rate(1),
    lambda: ct.optim.SGD("auto").update(np.ones(1), np.ones(1), ct.optim.SGD("auto").init(np.ones(1))),
    lambda: schedules.cosine("auto", steps=5)(1),
    lambda: schedules.warmup("auto", 5)(1),
    lambda: ct.Classifier(optimizer=ct.optim.AdamW("auto")).partial_fit(*moons(), classes=[0, 1]),
])
def test_before_it_is_found_it_is_no_number(use):
    with pytest.raises(ArgumentError, match=r'lr="auto" is for ct\.fit'):
        use()


@pytest.mark.parametrize(("low", "high", "steps"), [(0, 1, 100), (1, 0.1, 100), (1e-3, np.inf, 100), (1e-3, 1, 5),
                                                    (1e-3, 1, 50.5)])
def test_a_range_that_is_none_is_refused(low, high, steps):
    with pytest.raises(ArgumentError, match="must be"):
        rising(ct.optim.SGD("auto"), low, high, steps)
