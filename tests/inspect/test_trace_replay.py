"""run.trace: a step of a run that already happened is lived again, to the last bit, or not at all."""

import re

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines import ENGINES
from cutaway.errors import ArgumentError, TrainingError
from cutaway.train import past
from cutaway.train.fit import TrainingWarning
from depth import each_once

nn = ct.nn
rng = np.random.default_rng(0)
X, y = rng.normal(size=(50, 3)).astype(np.float32), rng.integers(0, 2, 50)
IMAGES, SERIES = rng.normal(size=(50, 6, 6, 1)).astype(np.float32), rng.normal(size=(50, 4, 2)).astype(np.float32)
NETWORKS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 2)), X),
    "cnn": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)), IMAGES),
    "lstm": (lambda: nn.Recurrent(2, 4, 2, cell="lstm", layers=2, dropout=0.3), SERIES),
}


def fitted(kind="mlp", **options):
    make, data = NETWORKS[kind]
    settings = {"epochs": 5, "batch_size": 8, "seed": 4, "optimizer": ct.optim.AdamW(ct.optim.schedules.cosine(1e-2))}
    return ct.fit(make().init(0), options.pop("X", data), y, "cross_entropy", progress=False, **settings | options)


class Watch:
    """A callback that keeps the weights of every epoch's end."""

    def __init__(self):
        self.weights = []

    def __call__(self, event):
        if isinstance(event, ct.train.EpochEnded):
            self.weights.append(event.run.model.state_dict())


# XLA has threads of its own, and compiles every network for seconds: tests/engines/test_xla.py trains one of each kind
RUNS = [(*how, "cpu") for how in each_once(NETWORKS, (1, 2))] + [(kind, 1, "reference") for kind in NETWORKS]
RUNS += [("mlp", 1, engine) for engine in ENGINES if engine not in ("cpu", "reference", "portable")]


@pytest.mark.parametrize(("kind", "threads", "engine"), RUNS)
def test_a_replayed_step_is_the_one_that_happened(kind, threads, engine):
    """To the last bit, where an engine is exact; else its trace says how far J is off: some roundings of float32."""
    exact = ENGINES[engine].exact
    watch = Watch()
    run = fitted(kind, threads=threads, engine=engine, callbacks=[watch])
    before = run.model.state_dict()
    each = 7
    for step in (1, each, each + 1, 3 * each, 5 * each):
        t = run.trace(step=step)
        assert t.about.step == step and t.about.epoch == -(-step // each)
        assert (run.steps["loss"][step - 1] if exact else pytest.approx(run.steps["loss"][step - 1], rel=1e-5)) == t.J
        assert bool(t.note) == (run.steps["loss"][step - 1] != t.J)
        if step % each == 0 and exact:
            for name, a in watch.weights[step // each - 1].items():
                np.testing.assert_array_equal(t.after(name), a, err_msg=name)
    for name, a in run.model.state_dict().items():
        np.testing.assert_array_equal(a, before[name])


def test_several_steps_follow_each_other():
    run = fitted()
    traces = run.trace(step=13, steps=3, keep=["layer1.*"])
    assert [t.J for t in traces] == run.steps["loss"][12:15].tolist()
    np.testing.assert_array_equal(traces[0].after("layer1.weight"), traces[1]["layer1.weight"])


def test_snapshots_are_few_and_spread_over_the_run():
    run = fitted(epochs=100)
    epochs = [run.past.epoch_of(s) for s in run.past.snapshots]
    assert epochs == list(range(1, 101, 8)) and len(epochs) <= past.MOST
    assert run.steps["loss"][7 * 60 + 2] == run.trace(step=7 * 60 + 3).J


def test_a_network_too_large_for_snapshots_says_so(monkeypatch):
    monkeypatch.setattr(past, "MOST_BYTES", 100)
    with pytest.raises(ArgumentError, match="too large for snapshots"):
        fitted().trace(step=1)


@pytest.mark.parametrize("options", [
    {"validation": 0.3, "early_stopping": 2, "epochs": 30},
    {"sample_weight": rng.integers(0, 3, 50)},
    {"shuffle": False, "drop_last": True},
    {"batch_size": "full", "threads": 2},
    {"optimizer": ct.optim.clip(ct.optim.Momentum(0.1), norm=0.1)},
], ids=lambda o: next(iter(o)))
def test_with_every_option(options):
    run = fitted(**options)
    for step in (2, len(run.steps)):
        assert run.steps["loss"][step - 1] == run.trace(step=step).J


def test_data_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(ct.train.feeding, "STAGE", 4 * 3 * 16)
    np.save(tmp_path / "x.npy", X)
    run = fitted(X=np.load(tmp_path / "x.npy", mmap_mode="r"))
    t = run.trace(step=11)
    assert run.steps["loss"][10] == t.J
    np.testing.assert_array_equal(t["x"], X[t.about.rows])


def test_a_resumed_run_knows_its_own_steps(tmp_path):
    fitted(epochs=5, checkpoint=tmp_path, callbacks=[lambda e: e.run.stop() if getattr(e, "epoch", 0) == 2 else None])
    run = fitted(epochs=5, checkpoint=tmp_path, resume=True)
    assert run.steps["loss"][14] == run.trace(step=15).J
    with pytest.raises(ArgumentError, match="its own steps begin at 15"):
        run.trace(step=14)


def test_the_step_at_which_training_broke_off():
    with pytest.warns(TrainingWarning, match="not finite"), np.errstate(all="ignore"):
        run = fitted(optimizer=ct.optim.SGD(1e30), threads=1)
    step = len(run.steps) + 1
    with np.errstate(all="ignore"):
        t = run.trace(step=step)
    assert not t.about.finite and t.about.step == step


def test_changed_data_is_noticed():
    own = X.copy()
    run = fitted(X=own)
    own *= 2
    with pytest.raises(TrainingError, match="the data was changed since training"):
        run.trace(step=3)


@pytest.fixture
def rough():
    """An engine that says that it is not exact: its runs give other bits than its single instructions."""
    class Rough(ENGINES["reference"]):
        name, exact = "rough", False

        def run(self, *how):
            return super().run(*how) + 2e-7

    ENGINES["rough"] = Rough
    yield Rough
    del ENGINES["rough"]


def test_an_engine_that_is_not_exact_says_how_far_a_replay_is_off(rough):
    run = fitted(engine="rough")
    t = run.trace(step=12)
    assert 0 < abs(t.J - run.steps["loss"][11]) < 3e-7
    assert t.note == (
        "replayed by rule; J differs by 2e-07 from the run's (the engine rough repeats no run to the last bit)")
    assert t.note in str(t) and "changed" not in str(t)
    assert not fitted().trace(step=12).note


def test_an_engine_that_is_not_exact_asks_where_a_replay_is_far_off(rough):
    run = fitted(engine="rough")
    run.steps["loss"][11] += 0.1
    said = r"J differs by 0\.1 .* more than roundings make: were data or weights changed"
    assert re.search(said, run.trace(step=12).note)


def test_an_engine_that_is_not_exact_says_where_its_replay_broke_off(rough, monkeypatch):
    run = fitted(engine="rough")
    monkeypatch.setattr(rough, "run", lambda self, *how: np.zeros(0))
    with pytest.raises(TrainingError, match="the replay broke off at step 8, which the run itself did not: the engine"
                                            " rough repeats no run to the last bit"):
        run.trace(step=12)


@pytest.mark.parametrize(("step", "says"), [
    (0, "at least 1"), (36, "did 35 steps: step 36"), ("last", "whole number"), (True, "whole number"),
])
def test_steps_that_did_not_happen(step, says):
    with pytest.raises(ArgumentError, match=says):
        fitted().trace(step=step)
