"""MLflow: what its client reads back of runs, of those that go on, of several within one.

By hand, where it is installed (`pip install mlflow`): it does not fit beside the versions that CI pins.
"""

import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import cutaway as ct
from cutaway.callbacks import MLflow
from cutaway.errors import TrainingWarning
from cutaway.train import EpochEnded

mlflow = pytest.importorskip("mlflow")
pytestmark = [pytest.mark.filterwarnings(f"ignore{which}") for which in (  # of MLflow itself
    ":The ``noload`` loader strategy is deprecated", "::ResourceWarning", "::pytest.PytestUnraisableExceptionWarning")]
X, y = ct.datasets.make("moons", n=120, seed=0)
HOW = {"loss": "cross_entropy", "batch_size": 40, "epochs": 4}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(autouse=True)
def client(database, request):
    mlflow.set_tracking_uri(database)
    mlflow.set_experiment(request.node.name)
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()


def net():
    return ct.nn.MLP(2, [4], 2).init(0)


def runs(client, request):
    return client.search_runs([client.get_experiment_by_name(request.node.name).experiment_id], order_by=["start_time"])


def curve(client, run, name):
    history = client.get_metric_history(run.info.run_id, name)
    return [metric.step for metric in history], [metric.value for metric in history]


def stop_after(epoch, how=lambda event: event.run.stop("enough")):
    return lambda event: how(event) if isinstance(event, EpochEnded) and event.epoch == epoch else None


def test_a_run_of_its_own_has_settings_history_and_outcome(client, request):
    run = ct.fit(net(), X, y, **HOW, validation=0.25, seed=7, callbacks=[MLflow()])
    (logged,) = runs(client, request)
    assert logged.info.status == "FINISHED" and logged.data.tags["stopped"] == "all 4 epochs done"
    assert logged.data.params["seed"] == "7" and logged.data.params["optimizer"].startswith("AdamW(")
    for name in ("loss", "val_loss", "lr", "seconds"):
        assert curve(client, logged, name) == ([1, 2, 3, 4], run.history[name].tolist())
    assert logged.data.metrics["best_val_loss"] == run.history["val_loss"].min()
    assert mlflow.active_run() is None
    assert (run.model.theta == ct.fit(net(), X, y, **HOW, validation=0.25, seed=7).model.theta).all()


def test_the_active_run_is_taken_and_stays_open_and_further_fits_are_nested_in_it(client, request):
    with mlflow.start_run() as active:
        model = ct.Classifier([4], epochs=2, callbacks=[MLflow()])
        cross_val_score(model, X, y, cv=3)
        assert mlflow.active_run().info.run_id == active.info.run_id
    parent, *children = runs(client, request)
    assert [child.data.tags["mlflow.parentRunId"] for child in children] == [parent.info.run_id] * 2
    assert [curve(client, run, "loss")[0] for run in (parent, *children)] == [[1, 2]] * 3
    assert parent.data.params["design_hidden"].startswith("4, relu")


def test_a_run_that_goes_on_logs_the_steps_that_are_new(client, request, tmp_path):
    with mlflow.start_run() as active:
        ct.fit(net(), X, y, **HOW, checkpoint=tmp_path / "c", callbacks=[MLflow(), stop_after(2)])
    with mlflow.start_run(run_id=active.info.run_id):
        run = ct.fit(net(), X, y, **HOW, checkpoint=tmp_path / "c", resume=True, callbacks=[MLflow()])
    (logged,) = runs(client, request)
    assert curve(client, logged, "loss") == ([1, 2, 3, 4], run.history["loss"].tolist())


def test_ctrl_c_and_errors_close_the_run(client, request):
    ct.fit(net(), X, y, **HOW, callbacks=[MLflow(), stop_after(2, lambda event: signal.raise_signal(signal.SIGINT))])
    with pytest.raises(ZeroDivisionError):
        ct.fit(net(), X, y, **HOW, callbacks=[MLflow(), stop_after(2, lambda event: 1 / 0)])
    with pytest.warns(TrainingWarning, match="not finite"):
        ct.fit(net(), X, y, **HOW, optimizer=ct.optim.SGD(1e30), callbacks=[MLflow()])
    assert [run.info.status for run in runs(client, request)] == ["KILLED", "FAILED", "FAILED"]
    assert mlflow.active_run() is None


def test_an_estimator_is_cloned_and_pickled_with_it_and_keeps_its_bits(client):
    plain = ct.Classifier([4], epochs=2).fit(X, y)
    model = clone(pickle.loads(pickle.dumps(ct.Classifier([4], epochs=2, callbacks=[MLflow()]).fit(X, y))))
    assert (model.fit(X, y).predict_proba(X) == plain.predict_proba(X)).all()


def test_many_runs_at_a_time_from_threads(client, request):
    entries = [{"model": net(), "X": X, "y": y, **HOW, "seed": k, "callbacks": [MLflow()]} for k in range(3)]
    fitted = ct.fit_many(entries, workers=3)
    logged = {run.data.params["seed"]: curve(client, run, "loss")[1] for run in runs(client, request)}
    assert logged == {str(k): run.history["loss"].tolist() for k, run in enumerate(fitted)}


def test_a_server_that_is_gone_ends_no_training(client, monkeypatch):
    def gone(*args, **how):
        raise mlflow.exceptions.MlflowException("no answer")

    lose = stop_after(2, lambda event: monkeypatch.setattr(mlflow.MlflowClient, "log_batch", gone))
    with pytest.warns(TrainingWarning, match=r"MLflow\(\) writes no more after epoch 3: no answer"):
        assert ct.fit(net(), X, y, **HOW, callbacks=[MLflow(), lose]).epochs_done == 4
    assert mlflow.active_run() is None


def test_scores_that_are_no_number_are_logged_as_such(client, request):
    def none(z, y):
        return math.nan

    ct.fit(net(), X, y, **HOW, validation=0.25, metrics=none, callbacks=[MLflow()])
    (logged,) = runs(client, request)
    steps, values = curve(client, logged, "val_none")
    assert steps == [1, 2, 3, 4] and all(map(math.isnan, values))


def test_a_server_hears_of_it_by_its_rest_interface(tmp_path):
    """The tracking server itself, over loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
                               "--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"],
                              cwd=tmp_path, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{uri}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment("rest")
        run = ct.fit(net(), X, y, **HOW, callbacks=[MLflow()])
        client = mlflow.MlflowClient()
        (logged,) = client.search_runs([client.get_experiment_by_name("rest").experiment_id])
        assert curve(client, logged, "loss") == ([1, 2, 3, 4], run.history["loss"].tolist())
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
