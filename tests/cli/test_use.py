"""predict, evaluate and inspect: what is done with a model file."""

import io
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.cli.predictions import Asked, Predictions
from cutaway.files.spreadsheet import as_csv, harmless


def test_predict_keeps_the_order_and_equals_the_estimator(here, run, models, table):
    shuffled = table.sample(frac=1, random_state=1)
    shuffled.to_csv("new.csv", index=False)
    status, out, err = run("predict", models / "price.safetensors", "new.csv")
    assert (status, err) == (0, "")
    found = pd.read_csv(io.StringIO(out))
    assert list(found.columns) == ["prediction"]
    np.testing.assert_allclose(found["prediction"], ct.load(models / "price.safetensors").predict(shuffled), rtol=1e-6)


def test_predict_classes_with_probabilities(here, run, models, table):
    status, out, err = run("predict", models / "kind.safetensors", "table.csv", "-o", "p.csv", "--keep", "nr",
                           "--keep", "zone")
    assert (status, out) == (0, "") and "300 predictions of kind written to p.csv" in err
    found, model = pd.read_csv("p.csv"), ct.load(models / "kind.safetensors")
    labels = [str(label) for label in model.classes_]
    assert list(found.columns) == ["nr", "zone", "prediction", *(f"probability_{label}" for label in labels)]
    assert found["nr"].tolist() == table["nr"].tolist() and found["zone"].tolist() == table["zone"].tolist()
    assert found["prediction"].str.removeprefix("'").tolist() == model.predict(table).tolist()
    np.testing.assert_allclose(found.iloc[:, 3:], model.predict_proba(table), atol=1e-5)


@pytest.mark.parametrize(("name", "columns"), [
    ("two", ["prediction_price", "prediction_area"]),
    ("labels", ["prediction_big", "prediction_far", "probability_big", "probability_far"]),
])
def test_predict_several_targets(here, run, models, name, columns):
    status, out, _ = run("predict", models / f"{name}.safetensors", "table.csv")
    assert status == 0 and out.splitlines()[0].split(",") == columns and len(out.splitlines()) == 301


def test_predict_needs_the_columns_of_training_but_not_the_target(here, run, models, table):
    table.drop(columns=["price", "kind", "big"]).iloc[:, ::-1].to_csv("new.csv", index=False)
    assert run("predict", models / "price.safetensors", "new.csv")[0] == 0
    table.drop(columns=["area", "zone"]).to_csv("short.csv", index=False)
    status, out, err = run("predict", models / "price.safetensors", "short.csv")
    assert (status, out) == (2, "") and "short.csv" in err and "'area'" in err and "'zone'" in err


def test_formulas_are_neutralised():
    text = as_csv({"=x": ["=1+1", "+cmd", "@sum", "-2.5", "plain", None], "n": [1.5, -2, 0, 1, 2, 3]})
    assert text.splitlines() == ["'=x,n", "'=1+1,1.5", "'+cmd,-2.0", "'@sum,0.0", "-2.5,1.0", "plain,2.0", ",3.0"]
    assert harmless("\t=1") == "'\t=1" and harmless("  =1") == "'  =1" and harmless(-3) == -3


def test_an_old_output_survives_a_failure(here, run, models, table):
    (here / "p.csv").write_text("old")
    table.drop(columns="area").to_csv("short.csv", index=False)
    assert run("predict", models / "price.safetensors", "short.csv", "-o", "p.csv")[0] == 2
    assert (here / "p.csv").read_text() == "old"
    assert run("predict", models / "price.safetensors", "table.csv", "-o", "p.csv")[0] == 0
    assert len(pd.read_csv("p.csv")) == 300
    assert not [p for p in here.iterdir() if "partial" in p.name]


def test_evaluate_scores_as_fit_does(here, run, models, table):
    status, out, err = run("evaluate", models / "price.safetensors", "table.csv", "--target", "price")
    assert (status, err) == (0, "")
    r2 = ct.load(models / "price.safetensors").score(table, table["price"])
    assert f"{r2:.3f}" in out and "RMSE" in out
    status, out, _ = run("evaluate", models / "kind.safetensors", "table.csv")
    assert status == 0 and "Confusion" in out and "ROC AUC" in out
    for name in ("two", "labels"):
        status, out, _ = run("evaluate", models / f"{name}.safetensors", "table.csv")
        assert status == 0 and "Each output" in out


def test_evaluate_by_a_column_of_another_name(here, run, models, table):
    table.rename(columns={"price": "paid"}).to_csv("new.csv", index=False)
    assert run("evaluate", models / "price.safetensors", "new.csv", "-t", "paid")[0] == 0
    assert run("evaluate", models / "price.safetensors", "new.csv")[0] == 2


def test_inspect_works_without_the_data(here, run, models):
    status, out, err = run("inspect", models / "price.safetensors")
    assert (status, err) == (0, "")
    for said in ("layer1", "linear", "relu", "128", "parameters", "table.csv: 300 rows", "smooth clip",
                 "3 of 3 epochs", "Scores", "written by cutaway", "since 2020-"):
        assert said in out


def test_inspect_cuts_no_head_in_80_columns(here, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ct.save(ct.nn.Recurrent(4, 64, 3, bidirectional=True).init(0), "gru.safetensors")
    out = run("inspect", "gru.safetensors")[1]
    assert "…" not in out and re.search(r"layer +operation +gives +parameters +adds +tions", out)


def test_inspect_a_bare_network(here, run):
    ct.save(ct.nn.MLP(3, [4], 2), "net.safetensors")
    status, out, _ = run("inspect", "net.safetensors")
    assert status == 0 and "layer2" in out and "How it was trained is not in the file" in out
    status, _, err = run("predict", "net.safetensors", "table.csv")
    assert status == 2 and "bare MLP" in err


def test_a_closed_pipe_ends_quietly(here, models):
    ct.save(ct.nn.MLP(3, [4], 2), "net.safetensors")
    command = f'"{sys.executable}" -c "from cutaway.cli import main; raise SystemExit(main())"'
    for args in (f"predict {models / 'price.safetensors'} table.csv", "inspect net.safetensors"):
        ended = subprocess.run(f"{command} {args} | head -n 1", shell=True, capture_output=True, text=True)
        assert ended.stderr == "" and ended.stdout.count("\n") == 1


def test_inspect_counts_layers_and_shows_a_neuron(here, run, models):
    net = ct.nn.Sequential(ct.nn.Conv2d(1, 4, 3), ct.nn.Conv2d(4, 2, 3), ct.nn.GlobalMaxPool()).init(0)
    ct.save(net, "net.safetensors", input=np.zeros((1, 9, 9, 1)))
    status, out, err = run("inspect", "net.safetensors")
    said = " ".join(out.split())
    assert (status, err) == (0, "") and "(n, 7, 7, 4)" in said and "1,764" in said
    assert "layer1 and layer2 are one linear layer" in said
    status, out, err = run("inspect", "net.safetensors", "--neuron", "layer2", 1)
    assert (status, err) == (0, "") and out.startswith("layer2[1]: one of 2 units of conv")
    assert re.search(r"layer1\[\d\] at \d, \d", out)
    status, out, _ = run("inspect", models / "price.safetensors", "--neuron", "layer1", 0)
    assert status == 0 and "weights in" in out and "zone=" in out


def test_inspect_draws_the_network(here, run, models):
    status, out, err = run("inspect", models / "kind.safetensors", "--draw", "net.svg")
    assert (status, err) == (0, "") and "net.svg" in out
    assert "parameters</title>" in (here / "net.svg").read_text(encoding="utf-8")


def test_inspect_says_what_is_wrong(here, run, models):
    model = models / "price.safetensors"
    for options, said in (
        (("--neuron", "layer9", 0), "There are: layer1, layer2"), (("--neuron", "layer1", 999), "has units 0 to"),
        (("--draw", "net.png"), "must end in .svg"), (("--draw", "none/net.svg"), "there is no folder none"),
    ):
        status, out, err = run("inspect", model, *options)
        assert status == 2 and out == "" and said in " ".join(err.split()) and "Traceback" not in err


def test_rows_unlike_training_are_told_and_named_on_request(here, run, models, table):
    far = table.head(20).copy()
    far.loc[far.index[:5], "area"] *= 1000  # another unit
    far.loc[far.index[7], "zone"] = "mars"
    far.to_csv("far.csv", index=False)
    for command in (("predict", "--doubt"), ("evaluate",)):
        status, out, err = run(command[0], models / "price.safetensors", "far.csv", *command[1:])
        said = " ".join(err.split())
        assert status == 0 and said.startswith("note: far.csv: 5 of 20 rows are unlike those of training: area far")
        assert "zone never seen: 'mars' (1 row)" in said
        end = "; the column doubt says which." if "--doubt" in command else "adds a column that says which."
        assert said.endswith(end)
        if command[0] == "predict":
            doubt = pd.read_csv(io.StringIO(out))["doubt"].fillna("").tolist()
            assert doubt[4] == "area" and doubt[3] == doubt[5] == "" and doubt[7] == "zone"  # row 3 has a gap
    assert "doubt" not in run("predict", models / "price.safetensors", "far.csv")[1]


def test_predictions_at_an_end_of_what_the_model_gives_are_counted():
    class Model:
        limits_ = np.array([[-1.0], [2.0]])
        target_encoder_ = type("Target", (), {"inverse": staticmethod(lambda p: 10 * p[:, 0])})

    written = Predictions(Asked(Model, {}, None, [], False, {}))
    assert written.at_the_limits() == ""
    written.see_ends({"prediction": ["19.9"] * 50})
    assert written.at_the_limits() == ""
    written.see_ends({"prediction": ["20", "5.5", "-10", "20"]})
    assert written.at_the_limits().startswith("3 predictions at an end of what the model gives, -10 to 20")


def test_inspect_and_export_know_every_kind_of_model(here, run):
    from cutaway.sklearn import MLPClassifier

    X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    ct.save(MLPClassifier((4,), tol=1.0, random_state=0).fit(X, y), "drop_in.safetensors")
    status, out, err = run("inspect", "drop_in.safetensors")
    assert status == 0 and "an MLPClassifier" in out, err
    ct.save(ct.forecast.Forecaster(4, network="linear").fit(np.sin(np.arange(120.0))), "waves.safetensors")
    for name in ("waves.onnx", "waves.html", "waves.wasm"):
        status, _, err = run("export", "waves.safetensors", name)
        assert status == 2 and "--forecast" in err and "--data" not in err
