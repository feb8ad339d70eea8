"""Estimators in pools of workers: joblib's processes and threads, Dask; what they send to each other."""

import pickle
import threading

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_predict

import cutaway as ct
from cutaway.engines.cpu import native
from depth import each_once

X, y = ct.datasets.make("moons", n=300, seed=0)
GRID = {"network": [[4], [8]], "random_state": [0, 1]}


def search(**options):
    model = ct.Classifier(epochs=3, threads=1)
    return GridSearchCV(model, GRID, cv=2, error_score="raise", **options).fit(X, y)


def assert_equal(found, wanted):
    for name in ("split0_test_score", "split1_test_score", "rank_test_score"):
        assert np.array_equal(found.cv_results_[name], wanted.cv_results_[name])
    assert np.array_equal(found.best_estimator_.model_.theta, wanted.best_estimator_.model_.theta)


@pytest.fixture(scope="module")
def alone():
    return search()


# ---- joblib ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_grid_search_by_two_workers_equals_one_by_one(backend, alone):
    with joblib.parallel_config(backend):
        assert_equal(search(n_jobs=2), alone)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_probabilities_of_folds_are_the_same_bits(backend):
    def probabilities(n_jobs):
        return cross_val_predict(ct.Classifier(epochs=2, threads=1), X, y, cv=2, n_jobs=n_jobs, method="predict_proba")

    with joblib.parallel_config(backend):
        assert np.array_equal(probabilities(2), probabilities(1))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_share_the_cores(backend):
    """A large step takes every core by itself, and one worker's share of them in a pool."""
    with joblib.parallel_config(backend):
        counts = joblib.Parallel(n_jobs=2)(joblib.delayed(shards_of_a_large_step)() for _ in range(2))
    assert max(counts) * 2 <= max(native.cores(), 2)


def shards_of_a_large_step():
    return ct.compile(ct.nn.MLP(512, [512], 1), batch_size=512).engine.threads


# ---- how many threads a program takes by itself ----------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "wanted"), [("1", 1), ("1,2", 1), ("100000", None), ("", None), ("all", None)])
def test_omp_num_threads_limits_what_nobody_chose(monkeypatch, limit, wanted):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    free = native.cores()
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert native.cores() == (wanted or free)


def test_one_thread_beside_the_main_one_unless_told(monkeypatch):
    seen = []

    def look():
        seen.append((native.cores(), shards_of_a_large_step(), asked()))

    def asked():
        return ct.compile(ct.nn.MLP(4, [4], 1), batch_size=32, threads=2).engine.threads

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(1, 1, 2)]


# ---- what is sent ----------------------------------------------------------------------------------------------------


def tables():
    rng = np.random.default_rng(0)
    images = rng.random((40, 8, 8, 1))
    series = rng.standard_normal((40, 6, 2))
    labels = np.arange(40) % 2
    return {"table": (X, y), "images": (images, labels), "sequences": (series, labels)}


@pytest.mark.parametrize(("kind", "by"), each_once(["table", "images", "sequences"], [pickle, cloudpickle]))
def test_a_trained_estimator_arrives_as_it_was_sent(by, kind):
    data, labels = tables()[kind]
    model = ct.Classifier(epochs=1).fit(data, labels)
    arrived = by.loads(by.dumps(model))
    assert np.array_equal(arrived.predict_proba(data), model.predict_proba(data))
    assert str(arrived.design_) == str(model.design_)
    assert len(arrived.history_) == len(model.history_)


@pytest.mark.parametrize(("network", "by"), each_once(["auto", [8, 8], ct.nn.MLP(2, [4], 2)], [cloudpickle, pickle]))
def test_an_untrained_estimator_trains_the_same_where_it_arrives(by, network):
    model = ct.Classifier(network, optimizer=ct.optim.AdamW(ct.optim.schedules.cosine(1e-2)), epochs=1, threads=1)
    arrived = by.loads(by.dumps(model))
    assert np.array_equal(arrived.fit(X, y).model_.theta, model.fit(X, y).model_.theta)


def test_networks_and_losses_made_on_the_spot_travel_by_cloudpickle():
    class Skip(ct.nn.Module):
        def __init__(self, n):
            self.inner, self.last = ct.nn.Linear(n, n), ct.nn.Linear(n, 1)

        def forward(self, x):
            return self.last(x + ct.ops.tanh(self.inner(x)))

    model = ct.Regressor(lambda n_in, n_out: Skip(n_in), loss=lambda z, y: 2 * ct.losses.huber(z, y), epochs=1)
    arrived = cloudpickle.loads(cloudpickle.dumps(model))
    target = X[:, 0]
    assert np.array_equal(arrived.fit(X, target).predict(X), model.fit(X, target).predict(X))
    again = cloudpickle.loads(cloudpickle.dumps(model))
    assert np.array_equal(again.predict(X), model.predict(X))


# ---- Dask ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two local Dask workers, each a process."""
    distributed = pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("dask")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None,
                                  local_directory=folder) as here, distributed.Client(here) as client:
        yield client


def test_a_grid_search_on_two_dask_workers_equals_one_by_one(cluster, alone):
    with joblib.parallel_config("dask"):
        assert_equal(search(n_jobs=-1), alone)
    counts = cluster.gather([cluster.submit(native.cores, workers=[w], pure=False) for w in cluster.nthreads()])
    assert counts == [1, 1]


def test_dask_workers_train_the_entries_of_fit_many(cluster):
    def entry(seed):
        return {"model": ct.nn.MLP(2, [4], 2).init(seed), "X": X, "y": y, "epochs": 2, "seed": seed,
                "loss": lambda z, y: ct.losses.cross_entropy(z, y)}

    runs = ct.fit_many([entry(0), entry(1)], executor=cluster.get_executor())
    for run, own in zip(runs, ct.fit_many([entry(0), entry(1)]), strict=True):
        assert np.array_equal(run.model.theta, own.model.theta)
        assert np.array_equal(run.steps["loss"], own.steps["loss"])


def test_fit_many_within_a_worker_trains_one_model_at_a_time():
    """Its pool would take all cores in each of the workers."""
    at_once, most = set(), []

    def watch(event):
        at_once.add(threading.get_ident())
        most.append(len(at_once))

    def several():
        nets = [ct.nn.MLP(2, [4], 2) for _ in range(4)]
        ct.fit_many([{"model": net, "X": X, "y": y, "loss": "cross_entropy", "epochs": 2, "callbacks": [watch]}
                     for net in nets])

    thread = threading.Thread(target=several)
    thread.start()
    thread.join()
    assert max(most) == 1
