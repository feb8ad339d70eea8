"""fit_many, races, learning curves and cross-validation on two workers of a real Ray, where it is installed."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.model_selection import cross_validate

import cutaway as ct
from cutaway.errors import ArgumentError, TrainingWarning

ray = pytest.importorskip("ray")
from ray.util.joblib import register_ray  # noqa: E402

X, y = ct.datasets.make("moons", n=96, seed=0)


def entry(seed, **how):
    return {"model": ct.nn.MLP(2, [8], 2, dropout=0.1).init(seed), "X": X, "y": y, "loss": "cross_entropy",
            "seed": seed, "epochs": 4, "validation": 0.25, **how}


@pytest.fixture(scope="module", autouse=True)
def cluster():
    paths = os.pathsep.join([str(Path(ct.__file__).parents[1]), str(Path(__file__).parent)])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
             runtime_env={"env_vars": {"PYTHONPATH": paths, "RAY_TRAIN_ENABLE_STATE_TRACKING": "0"}})
    yield
    ray.shutdown()


def assert_same(runs, alone):
    for run, own in zip(runs, alone, strict=True):
        np.testing.assert_equal(run.model.state_dict(), own.model.state_dict())
        np.testing.assert_equal(run.last, own.last)
        np.testing.assert_array_equal(run.steps["loss"], own.steps["loss"])
        assert (run.best_epoch, run.stopped) == (own.best_epoch, own.stopped)


def test_its_runs_have_the_bits_of_runs_here_and_go_on_here():
    runs = ct.fit_many([entry(k) for k in range(3)], executor=ct.train.RayExecutor())
    assert_same(runs, ct.fit_many([entry(k) for k in range(3)]))
    assert runs[0].steps["loss"][4] == runs[0].trace(step=5).J
    assert all(array.flags.writeable for array in runs[0].last.values())


@dataclass
class Killed:
    """Ends the process that calls it, once, in the second epoch."""

    flag: Path
    home: int

    def __call__(self, event):
        if os.getpid() != self.home and getattr(event, "epoch", 0) > 1 and not self.flag.exists():
            self.flag.touch()
            os._exit(9)


@pytest.mark.parametrize("kept", [False, True], ids=["from the start", "from its checkpoint"])
def test_a_lost_workers_model_is_trained_again(tmp_path, kept):
    killed = Killed(tmp_path / "once", os.getpid())
    checkpoint = tmp_path / "kept" if kept else None
    with pytest.warns(TrainingWarning, match=r"of entries\[1\] was lost \(WorkerCrashedError\): it is done again"):
        runs = ct.fit_many([entry(0), entry(1, callbacks=[killed], checkpoint=checkpoint)],
                           executor=ct.train.RayExecutor())
    assert (tmp_path / "once").exists()
    assert_same(runs, ct.fit_many([entry(0), entry(1)]))


def test_what_is_asked_of_many_runs():
    executor = ct.train.RayExecutor(num_cpus=1)
    how = {"seeds": 2, "budget": 2, "epochs": 1, "progress": False}
    elsewhere = ct.lab.race(ct.nn.MLP(2, [4], 2), X, y, ["SGD", "Adam"], executor=executor, **how)
    here = ct.lab.race(ct.nn.MLP(2, [4], 2), X, y, ["SGD", "Adam"], **how)
    assert all(np.array_equal(elsewhere.scores[name], here.scores[name]) for name in here.scores)
    told, how = [], {"sizes": [15, 60], "seeds": 2, "models": ["logistic regression"]}
    curves = ct.lab.scaling(X, y, executor=executor, progress=lambda *at: told.append(at), **how)
    np.testing.assert_array_equal(curves.score, ct.lab.scaling(X, y, **how).score)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_cross_validation_by_joblib_s_door():
    register_ray()
    model, here = ct.Classifier([8], epochs=2, threads=1), {}
    for backend, jobs in (("ray", 2), ("threading", 1)):
        with joblib.parallel_config(backend):
            here[backend] = cross_validate(model, X, y, cv=3, n_jobs=jobs)["test_score"]
    np.testing.assert_array_equal(here["ray"], here["threading"])


def test_what_cannot_be_sent_is_named():
    lock = threading.Lock()
    with pytest.raises(ArgumentError, match=r"entries\[0\] cannot be sent to a worker"):
        ct.fit_many([entry(0, callbacks=[lambda event: lock])], executor=ct.train.RayExecutor())
