"""How sure it is, in a report: calibration errors and coverage by hand, and the words and the page of them."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.report.findings import Findings, TargetFacts
from cutaway.report.page import page
from cutaway.report.sureness import calibration, coverage, section, sentences, sides, sureness, untempered

RNG = np.random.default_rng(0)


def test_the_expected_calibration_error_is_the_sum_over_bins_by_hand():
    said = RNG.random(400)
    happened = RNG.random(400) < said**2
    found = calibration(said, happened)
    order = np.argsort(said).reshape(10, 40)
    gaps = [abs(happened[b].mean() - said[b].mean()) for b in order]
    assert found["error"] == pytest.approx(np.mean(gaps))
    first = found["bins"][0]
    deviation = np.sqrt((said[order[0]] * (1 - said[order[0]])).sum()) / 40
    assert first[2] == 40 and first[4] == pytest.approx(said[order[0]].mean() + 1.645 * deviation)


def test_true_probabilities_have_the_error_of_chance():
    errors = []
    for _ in range(50):
        said = RNG.random(500)
        found = calibration(said, RNG.random(500) < said)
        errors.append(found["error"] / found["chance"])
    assert np.mean(errors) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_probabilities_before_the_temperature_come_back(task):
    z, T = 3 * RNG.normal(size=(50, 3 if task == "multiclass" else 1)), 2.5
    z = np.hstack([0 * z, z]) if task == "binary" else z

    def p(z):
        return 1 / (1 + np.exp(-z)) if task == "multilabel" else np.exp(z) / np.exp(z).sum(1, keepdims=True)

    np.testing.assert_allclose(untempered(task, p(z / T), T), p(z), rtol=1e-9)


def test_what_happened_is_the_second_class_the_likeliest_one_or_each_label():
    p = np.array([[0.2, 0.8], [0.6, 0.4]])
    said, happened, what = sides("binary", np.array(["b", "b"]), p, ["a", "b"])
    assert (said.tolist(), happened.tolist(), what) == ([0.8, 0.4], [True, True], "b")
    said, happened, _ = sides("multiclass", np.array(["b", "b"]), p, ["a", "b"])
    assert (said.tolist(), happened.tolist()) == ([0.8, 0.6], [True, False])
    assert sides("multilabel", np.array([[1, 0], [0, 0]]), p, None)[1].tolist() == [True, False, False, False]


def test_coverage_is_told_in_tenths_of_the_predictions_or_output_by_output():
    y = np.arange(200.0)
    ends = np.stack([y - 1, y + np.where(y < 100, 1, -0.5)], 1)
    found = coverage(y, y, ends, ["y"])
    assert found["covered"] == 0.5 and found["width"] == 1.25 and len(found["parts"]) == 10
    assert found["parts"][0] == ["0 to 19", 20, 1.0, 2.0] and found["parts"][-1][2:] == [0.0, 0.5]
    two = coverage(np.stack([y, y], 1), np.stack([y, y], 1), np.stack([ends, ends + 9], 1), ["a", "b"])
    assert [part[:3] for part in two["parts"]] == [["a", 200, 0.5], ["b", 200, 0.0]] and two["width"] is None


X = RNG.normal(size=(400, 4))
Y = X[:, 0] + RNG.normal(size=400)
MODELS = {
    "classes": (ct.Classifier(epochs=3), np.digitize(Y, [-1, 1]), "expected calibration error on test rows"),
    "uncalibrated": (ct.Classifier(epochs=3, calibrate=False), Y > 0, "temperature of 1;"),
    "weighed": (ct.Classifier(epochs=3, class_weight="balanced"), Y > 1, "shift probabilities on purpose"),
    "numbers": (ct.Regressor(epochs=3), Y, "Intervals for 90% cover"),
    "outputs": (ct.Regressor(epochs=3), np.stack([Y, X[:, 1]], 1), "Intervals for 90% cover"),
    "quantiles": (ct.Regressor(epochs=3, loss="quantile"), Y, "below the quantile of 0.05"),
}


@pytest.mark.parametrize("name", MODELS)
def test_words_and_page(name):
    model, y, says = MODELS[name]
    model.fit(X, y)
    p = model.predict_proba(X) if hasattr(model, "predict_proba") else None
    found = Findings("a.csv", 400, 5, [], [TargetFacts("y", "")], model.design_.task)
    found.sureness = sureness(model, X, y, model.predict(X), p)
    assert says in " ".join(sentences(found.sureness, "test rows"))
    assert "How sure is it?" in page(found) and Findings.from_json(found.to_json()) == found


def test_of_few_rows_and_of_models_without_intervals_nothing_is_told():
    model = ct.Classifier(epochs=2).fit(X, Y > 0)
    assert sureness(model, X[:30], (Y > 0)[:30], model.predict(X[:30]), model.predict_proba(X[:30])) == {}
    none = ct.Regressor(epochs=2, validation=None).fit(X, Y)
    assert sureness(none, X, Y, none.predict(X), None) == {} and section({}, "rows") is None
