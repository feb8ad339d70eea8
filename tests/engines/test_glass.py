"""What looks into a training looks into that of every engine: traces, steps back and forth, forks, checkpoints, ..."""

import importlib.util
from itertools import permutations

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines import ENGINES
from cutaway.errors import TrainingWarning
from depth import THOROUGH

WITHOUT_JAX = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
WITHOUT = {"xla": [WITHOUT_JAX], "wasm": [pytest.mark.skipif(importlib.util.find_spec("wasmtime") is None,
                                                             reason="wasmtime is not installed")]}
# "portable" is the CPU engine but for its arithmetic, and "wasm" compiles each for seconds: test_wasm.py
NAMES = [name for name in ENGINES if name not in ("portable", "wasm")]
EVERY = [pytest.param(name, marks=WITHOUT.get(name, [])) for name in NAMES]
every_engine = pytest.mark.parametrize("engine", EVERY)
X, y = ct.datasets.make("moons", n=40, seed=0)
OPTIMIZER = ct.optim.AdamW(1e-2)


def net():
    return ct.nn.MLP(2, [5], 2, dropout=0.1).init(0)


def fitted(engine, **how):
    return ct.fit(net(), X, y, **{"loss": "cross_entropy", "optimizer": OPTIMIZER, "epochs": 3, "batch_size": 20,
                                  "engine": engine, "threads": 1, "progress": False} | how)


def session(engine):
    return ct.step(net(), X, y, "cross_entropy", OPTIMIZER, batch_size=20, epochs=3, engine=engine)


def near(one, other, engine):
    """The same bits, if the engine says that it is exact."""
    if ENGINES[engine].exact:
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@every_engine
def test_a_step_of_a_run_is_traced_and_explained(engine):
    run = fitted(engine)
    trace = run.trace(step=4)
    assert (trace.about.engine, trace["layer1.z"].shape) == (engine, (20, 5))
    near(trace.J, run.steps["loss"][3], engine)
    assert bool(trace.note) <= (not ENGINES[engine].exact)
    assert "layer1.weight" in str(trace.explain("layer1.weight", 0, 1))


@every_engine
def test_a_session_goes_forward_and_back(engine):
    whole, s = fitted(engine), session(engine)
    s.run(3)
    s.next(), s.back()
    near([s.losses[k] for k in (1, 2, 3)], whole.steps["loss"][:3], engine)
    third = s.model.theta.copy()
    s.goto(2)
    assert s.step == 2
    s.run(2)
    np.testing.assert_array_equal(s.model.theta, third)  # gone the same way again
    s.run()
    near(s.model.theta, whole.model.theta, engine)


@every_engine
def test_a_fork_goes_another_way_and_says_where_it_parted(engine):
    s = session(engine)
    s.run(2)
    other = s.fork()
    other.set("layer1.weight", (0, 0), 9.0)
    other.run(1), s.run(1)
    assert other.program.engine.name == engine
    assert other.losses[3] != s.losses[3]
    assert "layer1.weight" in str(s.compare(other))


@every_engine
def test_a_run_is_diagnosed(engine):
    assert "MLP" in str(ct.diagnose(fitted(engine)))


@every_engine
def test_early_stopping_callbacks_metrics_and_the_best_weights(engine):
    told = []
    run = fitted(engine, epochs=9, validation=0.5, early_stopping=1, metrics=["accuracy"], monitor="accuracy",
                 optimizer=ct.optim.SGD(1e-6), callbacks=[told.append])
    assert [type(event).__name__ for event in told] == ["Started", "EpochEnded", "EpochEnded", "Ended"]
    assert (run.epochs_done, run.best_epoch) == (2, 1) and "no better" in run.stopped
    assert len(run.history["val_accuracy"]) == 2


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@every_engine
def test_a_run_that_diverges_says_where(engine):
    with pytest.warns(TrainingWarning, match=r"training stopped at step \d+ .* is not finite"):
        run = fitted(engine, optimizer=ct.optim.SGD(1e30))
    assert np.isfinite(run.model.theta).all()


@every_engine
def test_a_learning_rate_is_found_before_training(engine):
    assert 1e-4 < fitted(engine, optimizer=ct.optim.AdamW("auto")).lr_found < 1


@every_engine
def test_the_lab_takes_what_it_trained(engine):
    run = fitted(engine)
    assert np.isfinite(ct.lab.landscape(run.model, X, y, "cross_entropy", points=5, curves=1).curves).all()
    raced = ct.lab.race(net(), X, y, ["SGD"], seeds=1, budget=1, epochs=1, batch_size=20, validation=None,
                        engine=engine, progress=False)
    assert np.isfinite(raced.scores["loss"]).all()
    path, = ct.lab.descend("bowl", [ct.optim.SGD(0.1)], steps=3, engine=engine).paths
    assert np.abs(path.gradient).max() > 0


# ---- checkpoints -----------------------------------------------------------------------------------------------------


def cut_off(engine, folder):
    def stop(event):
        if getattr(event, "epoch", 0) == 1:
            event.run.stop()

    return fitted(engine, checkpoint=folder, callbacks=[stop])


@every_engine
def test_a_checkpoint_goes_on_with_its_own_engine_to_the_same_bits(engine, tmp_path):
    cut_off(engine, tmp_path)
    np.testing.assert_array_equal(fitted(engine, checkpoint=tmp_path, resume=True).model.theta,
                                  fitted(engine).model.theta)


@pytest.mark.parametrize(("first", "then"), [
    pytest.param(first, then, marks=WITHOUT.get(first, []) + WITHOUT.get(then, []))
    for first, then in (permutations(NAMES, 2) if THOROUGH else zip(NAMES, NAMES[1:] + NAMES[:1], strict=True))])
def test_a_checkpoint_goes_on_with_another_engine_which_says_what_may_differ(first, then, tmp_path):
    cut_off(first, tmp_path)
    with pytest.warns(UserWarning, match=f"the engine '{first}' .* goes on with '{then}'.*not to the bit"):
        run = fitted(then, checkpoint=tmp_path, resume=True)
    assert run.epochs_done == 3
    np.testing.assert_allclose(run.model.theta, fitted(first).model.theta, rtol=1e-4, atol=1e-6)


# ---- on a device that was chosen -------------------------------------------------------------------------------------


@WITHOUT_JAX
def test_where_a_gpu_is_jax_s_own_choice_the_cpu_can_be_asked_for(monkeypatch):
    import jax

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    asked = fitted("xla", device="cpu")
    assert asked.program.engine.devices.kind == "cpu"
    np.testing.assert_allclose(asked.model.theta, fitted("cpu").model.theta, rtol=1e-5, atol=1e-6)


@WITHOUT_JAX
def test_a_run_on_chosen_devices_that_diverges_says_where():
    with pytest.warns(TrainingWarning, match="is not finite"):
        fitted("xla", devices=1, optimizer=ct.optim.SGD(1e30))
