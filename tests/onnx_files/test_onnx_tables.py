"""Whole estimators as ONNX files: ONNX Runtime says what predict says, on odd rows too."""

import json

import numpy as np
import pandas as pd
import pytest
from test_onnx_operations import session

import cutaway as ct

pytestmark = pytest.mark.filterwarnings("ignore::cutaway.errors.TrainingWarning")


def houses(n, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "area": rng.lognormal(3, 1, n), "rooms": rng.integers(1, 9, n), "stamp": 1.6e9 + rng.integers(0, 1000, n),
        "zone": rng.choice(["A", "B", "1", "nan", "rare"], n, p=[0.3, 0.3, 0.2, 0.19, 0.01]),
        "zip": rng.integers(10, 16, n), "pool": pd.array(rng.random(n) < 0.3, "boolean"),
        "sold": pd.Timestamp("2019-02-01") + pd.to_timedelta(rng.integers(0, 10**8, n), unit="s"),
    })
    for name in ("area", "zone", "sold", "pool"):
        table.loc[rng.random(n) < 0.1, name] = None
    return table


def odd(table, seed=1):
    """The table with cells that training never had in many places."""
    rng, table = np.random.default_rng(seed), table.astype({"rooms": float, "zip": float})
    cells = {
        "area": [0.0, -1.0, 1e300, 1e-300, np.nan], "rooms": [1.7, 2.0**53, 2.0**53 + 2, np.nan, 0.0],
        "stamp": [1.6e9 + 100, 1.6e9 + 100.5, 0.0, np.nan], "zone": ["new", "a", " A", "1.0", None],
        "zip": [1.7, 99.0, 2.0**53 + 2, 10.0, np.nan],
        "sold": [pd.Timestamp(t) for t in ("1969-12-31 23:59:59.5", "1904-02-29", "2000-02-29 12:00", "2100-03-01")],
    }
    for name, values in cells.items():
        some = rng.choice(len(table), len(table) // 4, replace=False)
        table.loc[some, name] = pd.Series(values)[rng.integers(0, len(values), len(some))].to_numpy()
    return table


def target(table, seed=2):
    return 100 + 3 * table["area"].fillna(9) + np.random.default_rng(seed).normal(0, 5, len(table))


def answers(model, X, path, **how):
    file = ct.export(model, path, **how)
    ran = session(str(path))
    return dict(zip([out.name for out in ran.get_outputs()], ran.run(None, file.feed(X)), strict=True))


@pytest.fixture(scope="module", params=[150, 1200], ids=["of doubles", "of singles"])
def learnt(request):
    table = houses(request.param)
    y = target(table)
    how = {"epochs": 2, "threads": 1}
    kinds = ct.Classifier(columns={"zip": "category"}, **how).fit(table, np.where(y > 160, "dear", "cheap"))
    return kinds, ct.Regressor(**how).fit(table, y)


def test_ten_thousand_odd_rows_of_a_classifier(learnt, tmp_path):
    model, rows = learnt[0], odd(houses(10_000, 5))
    found = answers(model, rows, tmp_path / "m.onnx")
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(rows), atol=1e-5)
    sure = np.abs(found["probabilities"][:, 0] - 0.5) > 1e-5
    assert (found["label"] == model.predict(rows))[sure].all()


def test_ten_thousand_odd_rows_of_a_regressor(learnt, tmp_path):
    model, rows = learnt[1], odd(houses(10_000, 5))
    found = answers(model, rows, tmp_path / "m.onnx")
    np.testing.assert_allclose(found["prediction"], model.predict(rows), rtol=1e-5)
    if model.intervals_ is not None:
        np.testing.assert_allclose(found["interval"], model.predict_interval(rows), rtol=1e-5)


def test_no_rows_give_no_answers(learnt, tmp_path):
    file = ct.export(learnt[0], tmp_path / "m.onnx")
    none = {name: a[:0] for name, a in file.feed(houses(5)).items()}
    assert [a.shape for a in session(file.path).run(None, none)] == [(0,), (0, 2), (0, 1)]


def test_texts_that_libraries_make_of_gaps_are_gaps(tmp_path):
    zone = ["A", "B", None, "A"] * 60
    model = ct.Classifier(epochs=2, threads=1).fit(pd.DataFrame({"zone": zone}), ["x", "y", "y", "x"] * 60)
    file = ct.export(model, tmp_path / "m.onnx")
    words = np.array([[""], ["nan"], ["None"], ["<NA>"], ["other"], ["A"]], object)
    p = session(file.path).run(["probabilities"], {"zone": words})[0]
    wanted = model.predict_proba(pd.DataFrame({"zone": [None, None, None, None, "other", "A"]}))
    np.testing.assert_allclose(p, wanted, atol=1e-6)


def test_a_category_may_be_called_as_a_gap_is(learnt, tmp_path):
    rows = houses(4)
    rows["zone"] = ["nan", None, "A", "nan"]
    np.testing.assert_allclose(answers(learnt[0], rows, tmp_path / "m.onnx")["probabilities"],
                               learnt[0].predict_proba(rows), atol=1e-6)


def test_where_a_category_is_called_by_no_text_a_gap_is_another_word(tmp_path):
    X = pd.DataFrame({"zone": ["", "a", None] * 80, "rare": ["b", None, "c"] * 79 + ["", "b", "c"]})
    model = ct.Classifier(epochs=2, threads=1).fit(X, ["x", "y", "z"] * 80)
    file = ct.export(model, tmp_path / "m.onnx")
    assert [port.about for port in file.inputs] == ['text, "nan" for a gap'] * 2
    assert file.feed(X)["zone"][:3].tolist() == [[""], ["a"], ["nan"]]
    found = answers(model, X, tmp_path / "m.onnx")["probabilities"]
    np.testing.assert_allclose(found, model.predict_proba(X), atol=1e-6)


def test_many_categories_are_codes_and_an_unknown_one_has_the_code_behind_them(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"shop": [f"s{k}" for k in rng.integers(0, 90, 2000)], "x": rng.normal(size=2000)})
    model = ct.Regressor(epochs=2, threads=1, columns={"shop": "category"}).fit(table, rng.normal(size=2000))
    assert model.encoder_.codes
    rows = pd.DataFrame({"shop": ["s1", "s2", "new", "", "S1"], "x": np.zeros(5)})
    np.testing.assert_allclose(answers(model, rows, tmp_path / "m.onnx")["prediction"], model.predict(rows), atol=1e-5)


def test_whole_numbers_of_64_bits_come_in_as_doubles(tmp_path):
    X = np.array([[2**53 + 1, 1], [2**53 + 9, 2], [7, 3], [8, 4]] * 60)
    model = ct.Regressor(epochs=2, threads=1).fit(X, X[:, 1] * 1.0)
    np.testing.assert_allclose(answers(model, X, tmp_path / "m.onnx")["prediction"], model.predict(X), rtol=1e-6)


def test_an_array_of_numbers_is_one_input(tmp_path):
    X, y = ct.datasets.load("iris")
    model = ct.Classifier(epochs=2, threads=1).fit(np.asarray(X), y)
    file = ct.export(model, tmp_path / "m.onnx")
    assert [(port.name, port.shape) for port in file.inputs] == [("X", ("rows", 4))]
    found = answers(model, np.asarray(X), tmp_path / "m.onnx")
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(np.asarray(X)), atol=1e-5)


@pytest.mark.parametrize("labels", [[3, 5, 7], [2.0, 3.0, 4.0], [True, False, True], ["ä", "b", "c"]])
def test_labels_keep_their_type(labels, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = ct.Classifier(epochs=1, threads=1).fit(X, labels * 20)
    found = answers(model, X, tmp_path / "m.onnx")["label"]
    assert found.tolist() == model.predict(X).tolist()


@pytest.mark.parametrize("labels", [["no", "yes"], ["no", "yes", "perhaps"]])
def test_a_class_is_said_from_its_threshold_on(labels, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), rng.choice(labels, 300)
    model = ct.Classifier(epochs=1, threads=1, positive="yes", threshold=0.25).fit(X, y)
    found = answers(model, X, tmp_path / "m.onnx")
    assert found["label"].tolist() == model.predict(X).tolist()
    assert (found["label"] != model.classes_[found["probabilities"].argmax(axis=1)]).any()


def test_several_labels_and_several_numbers(tmp_path):
    rng, X = np.random.default_rng(0), houses(300)
    labels = ct.Classifier(epochs=1, threads=1).fit(X, rng.random((300, 3)) < 0.5)
    found = answers(labels, X, tmp_path / "m.onnx")
    np.testing.assert_allclose(found["probabilities"], labels.predict_proba(X), atol=1e-6)
    assert (found["label"] == labels.predict(X)).all()
    numbers = ct.Regressor(epochs=1, threads=1).fit(X, rng.random((300, 2)))
    found = answers(numbers, X, tmp_path / "m.onnx")
    np.testing.assert_allclose(found["prediction"], numbers.predict(X), atol=1e-6)
    np.testing.assert_allclose(found["interval"], numbers.predict_interval(X), atol=1e-6)


@pytest.mark.parametrize("coverage", [0.8, 0.05])  # of little coverage they are narrower than the quantiles
def test_quantiles_and_intervals_of_another_coverage(coverage, tmp_path):
    X = houses(300)
    model = ct.Regressor(epochs=2, threads=1, loss="quantile").fit(X, target(X))
    found = answers(model, X, tmp_path / "m.onnx", coverage=coverage)
    np.testing.assert_allclose(found["quantiles"], model.predict_quantiles(X), rtol=1e-6)
    np.testing.assert_allclose(found["interval"], model.predict_interval(X, coverage), rtol=1e-6)
    np.testing.assert_allclose(found["prediction"], model.predict(X), rtol=1e-6)


def test_the_file_says_what_its_columns_are(learnt, tmp_path):
    file = ct.export(learnt[0], tmp_path / "m.onnx")
    told = session(file.path).get_modelmeta().custom_metadata_map
    assert json.loads(told["cutaway.classes"]) == ["cheap", "dear"] and told["cutaway.task"] == "binary"
    columns = {column["column"]: column for column in json.loads(told["cutaway.columns"])}
    assert columns["sold"]["takes"] == "seconds" and columns["zip"]["takes"] == "number"
    assert columns["area"]["how"].startswith("(x - ")


def test_a_column_that_is_called_like_an_output_gets_another_name(tmp_path):
    X = pd.DataFrame({"label": np.arange(60.0), "": np.arange(60.0) ** 2})
    model = ct.Classifier(epochs=1, threads=1).fit(X, [0, 1] * 30)
    file = ct.export(model, tmp_path / "m.onnx")
    assert [port.name for port in file.inputs] == ["label_2", "column 1"]
    found = answers(model, X, tmp_path / "m.onnx")["probabilities"]
    np.testing.assert_allclose(found, model.predict_proba(X), atol=1e-6)


def test_coverage_that_cannot_be_promised_is_refused(tmp_path):
    model = ct.Regressor(epochs=1, threads=1).fit(np.arange(20.0)[:, None], np.arange(20.0))
    with pytest.raises(ct.errors.ArgumentError, match="this model has none"):
        ct.export(model, tmp_path / "m.onnx", coverage=0.9)
    assert "interval" not in answers(model, np.arange(20.0)[:, None], tmp_path / "m.onnx")


@pytest.mark.parametrize("dtype", [object, "str", "string", "category"])
def test_text_of_every_type_is_fed_as_text(dtype, learnt, tmp_path):
    rows = houses(50)
    rows["zone"] = rows["zone"].astype(dtype)
    file = ct.export(learnt[0], tmp_path / "m.onnx")
    assert file.feed(rows)["zone"].dtype == object
    np.testing.assert_allclose(session(file.path).run(["probabilities"], file.feed(rows))[0],
                               learnt[0].predict_proba(rows), atol=1e-5)


@pytest.mark.parametrize("dates", [
    pd.Series(pd.date_range("2024-03-30", periods=240, freq="7h", tz="Europe/Berlin")),
    pd.Series(pd.date_range("2024-03-30", periods=240)).dt.strftime("%d/%m/%Y"),
    pd.Series(pd.date_range("2024-03-30", periods=240, freq="7min")).dt.strftime("%H:%M"),
], ids=["of a zone", "days first", "times of day"])
def test_dates_of_every_form_are_seconds_by_the_columns_clock(dates, tmp_path):
    X = pd.DataFrame({"when": dates, "x": np.arange(240.0) % 7})
    model = ct.Regressor(epochs=2, threads=1).fit(X, np.arange(240.0))
    assert model.encoder_.columns[0].kind == "date"
    np.testing.assert_allclose(answers(model, X, tmp_path / "m.onnx")["prediction"], model.predict(X), rtol=1e-6)


def test_a_sparse_table_and_one_of_many_columns(tmp_path):
    from scipy.sparse import random

    X = random(300, 40, 0.2, "csr", rng=np.random.default_rng(0))
    model = ct.Regressor(epochs=1, threads=1).fit(X, np.arange(300.0))
    np.testing.assert_allclose(answers(model, X, tmp_path / "m.onnx")["prediction"], model.predict(X), rtol=1e-6)


def test_a_model_that_answers_every_row_alike_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Nothing can be learnt"):
        model = ct.Regressor(epochs=1, threads=1).fit(np.ones((30, 1)), np.arange(30.0))
    with pytest.raises(ct.errors.ArgumentError, match="there is nothing to export: no column says anything"):
        ct.export(model, tmp_path / "m.onnx")
