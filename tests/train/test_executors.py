"""fit_many on an executor's workers: what comes back is what would have been trained here."""

import os
import pickle
import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, TrainingWarning

X, y = ct.datasets.make("moons", n=96, seed=0)


def entry(seed, **how):
    return {"model": ct.nn.MLP(2, [8], 2).init(seed), "X": X, "y": y, "loss": "cross_entropy", "seed": seed,
            "optimizer": ct.optim.AdamW(ct.optim.schedules.cosine(0.01)), "epochs": 4, "validation": 0.25, **how}


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


class AtOnce:
    """An executor that works while it is asked."""

    def __init__(self, first=None):
        self.sent, self.first = [], first

    def submit(self, function, *arguments):
        self.sent.append(arguments)
        future = Future()
        try:
            if self.first and len(self.sent) == 1:
                raise self.first
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


class ByPickle(AtOnce):
    """It is sent what another process would get. (One that loads scikit-learn takes seconds.)"""

    def submit(self, function, *arguments):
        return super().submit(*pickle.loads(pickle.dumps((function, *arguments))))


@dataclass
class Killed:
    """Ends the process that calls it for the first time."""

    flag: Path
    home: int

    def __call__(self, event):
        if os.getpid() != self.home and not self.flag.exists():
            self.flag.touch()
            os._exit(9)


def assert_same(runs, alone):
    for run, own in zip(runs, alone, strict=True):
        for name, array in own.model.state_dict().items():
            assert np.array_equal(run.model.state_dict()[name], array)
        assert np.array_equal(run.steps["loss"], own.steps["loss"])
        assert np.array_equal(run.history["val_loss"], own.history["val_loss"])
        assert (run.best_epoch, run.stopped, run.trouble) == (own.best_epoch, own.stopped, own.trouble)
        assert all(np.array_equal(run.last[name], array) for name, array in own.last.items())


def test_processes_give_the_bits_of_a_run_here(processes):
    alone = ct.fit_many([entry(k) for k in range(3)])  # first, so that workers find their kernels compiled
    assert_same(ct.fit_many([entry(k) for k in range(3)], executor=processes), alone)


def test_what_was_trained_elsewhere_is_traced_here():
    run, = ct.fit_many([entry(0)], executor=AtOnce())
    assert run.steps["loss"][6] == run.trace(step=7).J


def test_the_optimizer_stands_where_it_stood_there():
    run, = ct.fit_many([entry(0)], executor=AtOnce())
    own, = ct.fit_many([entry(0)])
    for name in ("m", "v", "t"):
        assert np.array_equal(run.program.state[name], own.program.state[name])


def test_a_rate_is_found_once():
    sent = AtOnce()
    how = {"optimizer": ct.optim.AdamW("auto"), "validation": None}
    run, = ct.fit_many([entry(0, **how)], executor=sent)
    own, = ct.fit_many([entry(0, **how)])
    assert sent.sent[0][0]["optimizer"].lr == run.lr_found == own.lr_found
    assert np.array_equal(run.steps["loss"], own.steps["loss"])


def test_a_worker_that_was_lost_is_replaced():
    lost = AtOnce(first=ConnectionError("gone"))
    with pytest.warns(TrainingWarning, match=r"of entries\[0\] was lost \(ConnectionError\): .* again by another"):
        runs = ct.fit_many([entry(0), entry(1)], executor=lost)
    assert len(lost.sent) == 3
    assert_same(runs, ct.fit_many([entry(0), entry(1)]))


def test_where_no_worker_is_left_the_rest_is_trained_here(tmp_path):
    """A pool of processes takes no more work when one of them was killed."""
    killed = Killed(tmp_path / "once", os.getpid())
    with (ProcessPoolExecutor(1, get_context("spawn")) as pool,
          pytest.warns(TrainingWarning, match=r"was lost \(BrokenProcessPool\): it is done in this process")):
        runs = ct.fit_many([entry(0, callbacks=[killed]), entry(1)], executor=pool)
    assert (tmp_path / "once").exists()
    assert_same(runs, ct.fit_many([entry(0), entry(1)]))


def test_a_lost_worker_s_checkpoint_is_gone_on_from(tmp_path):
    class OnceHalfDone(AtOnce):
        def submit(self, function, *arguments):
            if not self.sent:
                function(arguments[0] | {"callbacks": [lambda event: event.run.stop("killed")]})
                self.first = ConnectionError("gone")
            return super().submit(function, *arguments)

    lost = OnceHalfDone()
    with pytest.warns(TrainingWarning, match="done again by another"):
        run, = ct.fit_many([entry(0, checkpoint=tmp_path / "kept")], executor=lost)
    assert [sent[0]["resume"] for sent in lost.sent] == [None, True]
    assert_same([run], ct.fit_many([entry(0)]))


def test_an_error_of_the_training_comes_back_as_a_warning():
    def fail(event):
        raise KeyError("no such thing")

    with pytest.warns(TrainingWarning, match=r"entries\[0\]: KeyError: 'no such thing'"):
        runs = ct.fit_many([entry(0, callbacks=[fail]), entry(1)], executor=AtOnce())
    assert_same(runs[1:], ct.fit_many([entry(1)]))


def test_a_run_that_diverges_there_keeps_the_weights_from_before():
    wild = {"optimizer": ct.optim.SGD(1e30), "validation": None}
    with pytest.warns(TrainingWarning, match=r"entries\[0\]: training stopped at step"):
        run, = ct.fit_many([entry(0, **wild)], executor=AtOnce())
    with pytest.warns(TrainingWarning):
        own, = ct.fit_many([entry(0, **wild)])
    assert (run.stopped, run.trouble) == (own.stopped, own.trouble)
    assert all(np.array_equal(run.model.state_dict()[name], a) for name, a in own.model.state_dict().items())


def test_what_cannot_be_sent_is_named(processes):
    with pytest.raises(ArgumentError, match=r"entries\[1\] cannot be sent to a worker.*module that workers can import"):
        ct.fit_many([entry(0), entry(1, callbacks=[lambda event: None])], executor=processes)


def test_an_executor_that_takes_no_work():
    with pytest.raises(ArgumentError, match="executor must have submit"):
        ct.fit_many([entry(0)], executor=2)
    closed = ThreadPoolExecutor(1)
    closed.shutdown()
    with pytest.raises(ArgumentError, match="the executor takes no work: cannot schedule"):
        ct.fit_many([entry(0)], executor=closed)


def test_without_ray_its_executor_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ArgumentError, match=r"needs the package ray, which is not installed: pip install"):
        ct.train.RayExecutor()


# ---- what is made of many runs ---------------------------------------------------------------------------------------


def test_a_race_on_workers_is_the_race_here():
    how = {"seeds": 2, "budget": 2, "epochs": 1, "progress": False}
    elsewhere = ct.lab.race(ct.nn.MLP(2, [4], 2), X, y, ["SGD", "Adam"], executor=AtOnce(), **how)
    here = ct.lab.race(ct.nn.MLP(2, [4], 2), X, y, ["SGD", "Adam"], **how)
    assert all(np.array_equal(elsewhere.scores[name], here.scores[name]) for name in here.scores)
    assert np.array_equal(elsewhere.curves, here.curves)
    with pytest.raises(ArgumentError, match="leave out executor="):
        ct.lab.race(ct.nn.MLP(2, [4], 2), X, y, paths=True, executor=AtOnce())


def test_learning_curves_on_workers_are_those_here():
    how = {"sizes": [15, 60], "seeds": 2, "models": ["logistic regression"]}
    told = []
    elsewhere = ct.lab.scaling(X, y, executor=ByPickle(), progress=lambda *at: told.append(at), **how)
    assert np.array_equal(elsewhere.score, ct.lab.scaling(X, y, **how).score)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_model_that_fails_on_a_worker_is_a_note():
    from sklearn.ensemble import RandomForestClassifier  # not with this file, which workers load

    class Stubborn:
        def fit(self, X, y):
            raise ValueError("no fit today")

    models = {"other": lambda seed: Stubborn(), "forest": lambda seed: RandomForestClassifier(5, random_state=seed)}
    found = ct.lab.scaling(X, y, sizes=[40], seeds=1, models=models, executor=AtOnce())
    assert np.isnan(found.score[0]).all() and np.isfinite(found.score[1]).all()
    assert found.notes == ["other, 40 rows, seed 0: no fit today"]
