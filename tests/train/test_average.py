"""An average of the weights: what it holds, who sees it, and that nothing else of the training changes."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

X, Y = ct.datasets.make("moons", n=120, seed=0)
HOW = {"loss": "cross_entropy", "batch_size": 20, "seed": 4}
PLAIN = ct.optim.AdamW(1e-2)
DECAY = 0.9
AVERAGED = ct.optim.average(PLAIN, DECAY)


def net():
    return ct.nn.MLP(2, [5], 2).init(1)


def by_hand(steps):
    """The weights after every step of a training without an average."""
    model, seen = net(), []
    program = ct.compile(model, "cross_entropy", PLAIN, batch_size=20, input=X, seed=4)
    program.feed(X, Y)
    for k in range(steps):
        program.run(position=20 * (k % 6), steps=1)
        seen.append(model.theta.copy())
    return np.array(seen)


@pytest.mark.parametrize(("engine", "threads"), [("reference", None), ("cpu", 1), ("cpu", 2), ("xla", None)])
def test_the_average_is_the_weighted_mean_of_all_steps(engine, threads):
    model = net()
    program = ct.compile(model, "cross_entropy", AVERAGED, batch_size=20, input=X, seed=4, engine=engine,
                         threads=threads)
    program.feed(X, Y)
    for k in range(9):
        program.run(position=20 * (k % 6), steps=1)
    seen = by_hand(9)
    weights = DECAY ** np.arange(9)[::-1]
    np.testing.assert_allclose(model.theta, seen[-1], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(program.state["average"], weights @ seen / weights.sum(), rtol=1e-4, atol=1e-6)


def test_training_goes_on_as_without_it():
    one = ct.fit(net(), X, Y, optimizer=PLAIN, epochs=3, **HOW)
    two = ct.fit(net(), X, Y, optimizer=AVERAGED, epochs=3, **HOW)
    np.testing.assert_array_equal(one.steps["loss"], two.steps["loss"])


def test_the_model_has_the_average_in_the_end():
    model = net()
    run = ct.fit(model, X, Y, optimizer=AVERAGED, epochs=3, **HOW)
    np.testing.assert_array_equal(model.theta, run.program.state["average"])
    other = net()
    ct.fit(other, X, Y, optimizer=PLAIN, epochs=3, **HOW)
    assert np.abs(model.theta - other.theta).max() > 1e-4


def test_validation_scores_the_average_and_the_best_of_it_is_put_back():
    model, seen = net(), []

    def look(event):
        if isinstance(event, ct.train.EpochEnded):
            seen.append((event.run.program.state["average"].copy(), event.run.model.theta.copy()))

    run = ct.fit(model, X[:80], Y[:80], validation=(X[80:], Y[80:]), optimizer=AVERAGED, epochs=4, callbacks=[look],
                 **HOW)
    other = net()
    for (average, theta), loss in zip(seen, run.history["val_loss"], strict=True):
        assert not np.array_equal(average, theta)
        other.theta[:] = average
        assert float(ct.losses.cross_entropy(other(X[80:]), Y[80:]).data) == pytest.approx(loss, rel=1e-5)
    np.testing.assert_array_equal(model.theta, seen[run.best_epoch - 1][0])


def test_a_traced_step_is_the_one_that_trained():
    run = ct.fit(net(), X, Y, optimizer=AVERAGED, epochs=3, **HOW)
    trace = run.trace(step=8)
    assert run.steps["loss"][7] == trace.J
    theta, before = trace.after("layer1.weight"), trace["layer1.weight.average"]
    share = (1 - DECAY) / (1 - DECAY**8)
    np.testing.assert_allclose(trace.after("layer1.weight.average"), before + (theta - before) * share, rtol=1e-5)


def test_a_run_that_goes_on_ends_in_the_same_bits(tmp_path):
    whole, half = net(), net()
    ct.fit(whole, X, Y, optimizer=AVERAGED, epochs=6, **HOW)

    def stop(event):
        if isinstance(event, ct.train.EpochEnded) and event.epoch == 3:
            event.run.stop()

    ct.fit(half, X, Y, optimizer=AVERAGED, epochs=6, callbacks=[stop], checkpoint=tmp_path / "c", **HOW)
    again = net()
    ct.fit(again, X, Y, optimizer=AVERAGED, epochs=6, checkpoint=tmp_path / "c", resume=True, **HOW)
    np.testing.assert_array_equal(whole.theta, again.theta)


def test_frozen_weights_stay_what_they_are():
    model = net()
    model.layer1.weight.requires_grad = False
    before = model.layer1.weight.data.copy()
    ct.fit(model, X, Y, optimizer=AVERAGED, epochs=2, **HOW)
    np.testing.assert_array_equal(model.layer1.weight.data, before)


def test_it_goes_with_clipping_and_schedules():
    opt = ct.optim.average(ct.optim.clip(ct.optim.Momentum(ct.optim.schedules.cosine(0.1)), norm=1.0), 0.8)
    run = ct.fit(net(), X, Y, optimizer=opt, epochs=3, **HOW)
    assert run.history["loss"][-1] < run.history["loss"][0]


@pytest.mark.parametrize("decay", [1.0, -0.1, 2])
def test_a_decay_outside_of_0_to_1_is_refused(decay):
    with pytest.raises(ArgumentError, match="average must lie in"):
        ct.optim.average(PLAIN, decay)
