"""cutaway.mlflow: what MLflow loads, serves and says of models that were logged. By hand where MLflow is installed."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.sklearn import MLPClassifier

mlflow = pytest.importorskip("mlflow")
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType")  # of its own classes, on import
    import mlflow.pyfunc

    import cutaway.mlflow

pytestmark = [pytest.mark.filterwarnings(f"ignore{which}") for which in (  # of MLflow itself
    ":The ``noload`` loader strategy is deprecated", "::ResourceWarning", "::pytest.PytestUnraisableExceptionWarning")]
N = 60
FRAME = pd.DataFrame({
    "size": np.arange(N) * 1.5, "rooms": np.arange(N) % 40, "grade": np.arange(N) % 3,
    "zone": ["x", "y", None] * (N // 3), "new": [True, False] * (N // 2), "same": 1,
    "sold": pd.date_range("2020-01-01", periods=N)})
LABELS = np.where(np.arange(N) % 2, "no", "yes")


@pytest.fixture(scope="module")
def model():
    return ct.Classifier(epochs=3, columns={"grade": "category"}).fit(FRAME, LABELS)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m"
    cutaway.mlflow.save_model(model, path)
    return str(path)


def as_mlflow_wants(frame):
    return frame.astype({"rooms": float})


def test_it_comes_back_as_itself_and_as_a_pyfunc(model, folder):
    again = cutaway.mlflow.load_model(folder)
    assert type(again) is ct.Classifier and (again.predict_proba(FRAME) == model.predict_proba(FRAME)).all()
    served = mlflow.pyfunc.load_model(folder)
    assert (served.predict(as_mlflow_wants(FRAME)) == model.predict(FRAME)).all()
    asked = served.predict(as_mlflow_wants(FRAME), params={"probabilities": True})
    assert (asked == model.predict_proba(FRAME)).all()


def test_the_signature_has_doubles_gaps_and_no_dropped_column(folder):
    said = mlflow.models.Model.load(folder)
    columns = {spec["name"]: (spec["type"], spec["required"]) for spec in said.signature.inputs.to_dict()}
    assert columns == {"size": ("double", True), "rooms": ("double", True), "grade": ("any", False),
                       "zone": ("string", False), "new": ("any", False), "sold": ("datetime", True)}
    assert {"cutaway", "python_function"} <= set(said.flavors)
    assert f"cutaway=={ct.__version__}" in Path(folder, "requirements.txt").read_text().split()


def test_the_folder_holds_no_pickle(folder):
    files = [path.name for path in Path(folder).rglob("*") if path.is_file()]
    assert "model.safetensors" in files and not [name for name in files if name.endswith((".pkl", ".pickle"))]


def test_what_may_be_a_gap_may_be_left_out(model, folder):
    served = mlflow.pyfunc.load_model(folder)
    gaps = FRAME.assign(zone=None)
    assert (served.predict(as_mlflow_wants(FRAME.drop(columns=["zone", "same"]))) == model.predict(gaps)).all()
    with pytest.raises(mlflow.exceptions.MlflowException, match="missing inputs"):
        served.predict(FRAME.drop(columns="size"))


def test_a_run_has_it_with_its_curves(tmp_path, model):
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", artifact_location=(tmp_path / "files").as_uri()))
    with mlflow.start_run():
        fitted = ct.Regressor(epochs=2, callbacks=[ct.callbacks.MLflow()]).fit(FRAME, np.arange(N))
        info = cutaway.mlflow.log_model(fitted, name="houses", registered_model_name="houses")
    for uri in (info.model_uri, "models:/houses/1"):
        assert (cutaway.mlflow.load_model(uri).predict(FRAME) == fitted.predict(FRAME)).all()
    Path(tmp_path, "MLmodel").write_text("flavors: {python_function: {loader_module: other}}")
    with pytest.raises(ArgumentError, match="a model of python_function, and not of cutaway"):
        cutaway.mlflow.load_model(str(tmp_path))


@pytest.mark.parametrize("kind", ["array", "images", "sequences", "network"])
def test_arrays_and_networks_are_served_too(kind, tmp_path):
    X = np.random.default_rng(0).random({"array": (60, 3), "images": (60, 8, 8, 1), "sequences": (60, 12, 2),
                                         "network": (60, 2)}[kind])
    X = X if kind == "array" else X.astype(np.float32)
    y = np.arange(60) % 2
    model = ct.nn.MLP(2, [4], 2).init(0) if kind == "network" else ct.Classifier(epochs=1).fit(X, y)
    cutaway.mlflow.save_model(model, tmp_path / "m")
    assert (mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(X) == model.predict(X)).all()


def test_what_has_no_signature_is_refused_without_one(tmp_path):
    X, y = ct.datasets.make("moons", n=60, seed=0)
    with pytest.warns(ConvergenceWarning):
        model = MLPClassifier([4], max_iter=3, random_state=0).fit(X, y)
    with pytest.raises(ArgumentError, match="a MLPClassifier has no signature here: give one"):
        cutaway.mlflow.save_model(model, tmp_path / "m")
    cutaway.mlflow.save_model(model, tmp_path / "n", signature=mlflow.models.infer_signature(X, model.predict(X)))
    assert (mlflow.pyfunc.load_model(str(tmp_path / "n")).predict(X) == model.predict(X)).all()


@pytest.fixture(scope="module")
def server(folder):
    """MLflow's own scoring server, on loopback."""
    uvicorn = pytest.importorskip("uvicorn")
    from mlflow.pyfunc import scoring_server

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = scoring_server.init(mlflow.pyfunc.load_model(folder))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/invocations"
    server.should_exit = True
    thread.join()


def asked(server, content):
    request = urllib.request.Request(server, json.dumps(content).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read(), parse_constant=pytest.fail)["predictions"]
    except urllib.error.HTTPError as error:
        return error.read().decode()


ROW = {"size": 30.0, "rooms": 20, "grade": 2, "zone": "x", "new": True, "sold": "2020-02-01"}


@pytest.mark.parametrize("change", [
    {}, {"rooms": 2.9}, {"size": 7}, {"size": None}, {"rooms": None}, {"grade": None}, {"grade": 2.9}, {"grade": 99},
    {"zone": None}, {"zone": "never seen"}, {"new": None}, {"new": False}, {"sold": None},
])
@pytest.mark.parametrize("form", ["records", "split"])
def test_the_server_answers_what_the_model_says(server, model, change, form):
    """Fractions, gaps and what training never had, as JSON writes them."""
    row = ROW | change
    content = {"dataframe_records": [row, ROW]} if form == "records" else {
        "dataframe_split": {"columns": list(row), "data": [list(row.values()), list(ROW.values())]}}
    own = pd.DataFrame([row, ROW]).assign(same=1)
    own["sold"] = pd.to_datetime(own["sold"])
    assert asked(server, content) == model.predict(own).tolist()
    answer = asked(server, content | {"params": {"probabilities": True}})
    assert np.isfinite(answer).all() and np.array_equal(answer, model.predict_proba(own))


def test_the_server_says_what_does_not_fit(server):
    assert "size" in asked(server, {"dataframe_records": [{**ROW, "size": "large"}]})
    assert "size" in asked(server, {"dataframe_records": [{name: ROW[name] for name in ROW if name != "size"}]})


def test_the_page_runs(tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "trackers.md").read_text()
    code = "\n".join(re.findall(r"```py\n(.*?)```", page, re.DOTALL))
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=alone, capture_output=True, text=True)
    assert "mlflow" in code and done.returncode == 0, done.stderr
