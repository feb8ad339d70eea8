"""A class that is said from a probability on: as given, by what mistakes cost, or by the best F1 on rows held back."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import f1_score

import cutaway as ct
from cutaway.errors import ArgumentError, FileError
from cutaway.estimators.thresholds import Rule, best_f1, decided

rng = np.random.default_rng(0)
X = rng.normal(size=(600, 3))
Y = np.where(X[:, 0] + rng.normal(size=600) > 1.6, "late", "on time")


def fitted(y=Y, X=X, **how):
    return ct.Classifier([8], epochs=8, random_state=0, **how).fit(X, y)


@pytest.mark.parametrize(("asked", "value"), [(0.2, 0.2), ("cost=1:4", 0.2), ("cost=3:1", 0.75)])
def test_the_class_is_said_from_the_threshold_on(asked, value):
    model, plain = fitted(positive="late", threshold=asked), fitted()
    assert model.threshold_ == pytest.approx(value) and model.positive_ == "late"
    assert (model.predict_proba(X) == plain.predict_proba(X)).all()
    late = model.predict_proba(X)[:, 0] >= value
    assert (model.predict(X) == np.where(late, "late", "on time")).all()
    assert (plain.predict(X) == "late").sum() != late.sum()
    assert f"late from {value:.3g} on" in str(model.design_)


def test_the_threshold_by_costs_costs_least_where_probabilities_are_true():
    """Expected cost by hand: saying it costs (1 - p) A, not saying it p B."""
    p, (alarm, miss) = np.linspace(0.01, 0.99, 99), (2.0, 7.0)
    says = decided(np.stack([1 - p, p], axis=1), 1, Rule.read("cost=2:7").value) == 1
    assert (says == ((1 - p) * alarm <= p * miss)).all()


def test_of_several_classes_one_stands_against_the_rest():
    y = np.where(X[:, 1] > 1, "c", np.where(X[:, 1] > 0, "b", "a"))
    model = fitted(y, positive="c", threshold=0.1)
    p = model.predict_proba(X)
    expected = np.where(p[:, 2] >= 0.1, "c", np.where(p[:, 0] >= p[:, 1], "a", "b"))
    assert (model.predict(X) == expected).all()


def test_the_best_f1_is_that_of_trying_all():
    for seed in range(8):
        r = np.random.default_rng(seed)
        truth, p, w = r.random(40) < 0.3, np.round(r.random(40), 1).clip(0.1), r.integers(1, 4, 40).astype(float)
        own = f1_score(truth, p >= best_f1(truth, p, w), sample_weight=w)
        assert own == pytest.approx(max(f1_score(truth, p >= t, sample_weight=w) for t in np.arange(0, 1, 0.05) + 0.01))


def test_the_best_f1_is_found_on_the_rows_held_back():
    model = ct.Classifier([8], epochs=8, random_state=0, positive="late", threshold="f1", validation=(X[450:], Y[450:]))
    model.fit(X[:450], Y[:450])
    p, truth = model.predict_proba(X[450:])[:, 0], Y[450:] == "late"
    assert model.threshold_ == best_f1(truth, p)
    assert f"on the 150 rows held back, {truth.sum()} of them late" in " ".join(str(model.design_).split())
    balanced = fitted(positive="late", threshold="f1", class_weight="balanced")
    assert balanced.threshold_ > model.threshold_  # of probabilities that its weights raise


def test_with_none_of_the_class_held_back_it_stays_at_a_half():
    held = X[450:], np.full(150, "on time")
    with pytest.warns(UserWarning, match="none of the 150 rows held back are 'late'"):
        model = ct.Classifier([8], epochs=2, positive="late", threshold="f1", validation=held).fit(X[:450], Y[:450])
    assert model.threshold_ == 0.5


def test_few_rows_hold_none_back_to_find_it():
    with pytest.warns(UserWarning, match="threshold='f1' is not used"):
        model = fitted(Y[:150], X[:150], positive="late", threshold="f1")
    assert model.threshold_ is None and model.positive_ is None and "the likeliest class" in str(model.design_)
    assert fitted(Y[:150], X[:150], positive="late", threshold=0.2).threshold_ == 0.2


@pytest.mark.parametrize(("labels", "asked", "found"), [
    ((False, True), True, True), ((False, True), "True", True), ((0, 1), "1", 1), (("0", "1"), 1, "1"),
    (("0.0", "1.0"), 1.0, "1.0"), ((0.0, 1.0), np.int64(1), 1.0), (("no", "yes"), "yes", "yes"),
])
def test_a_class_may_be_written_in_any_way_that_labels_may(labels, asked, found):
    model = fitted(np.array(labels)[(Y == "late").astype(int)], positive=asked, threshold=0.2)
    assert model.positive_ == found and type(model.positive_) is type(found)


def test_a_file_a_copy_and_one_row_at_a_time_decide_alike(tmp_path):
    model = fitted(positive="late", threshold="f1")
    ct.save(model, tmp_path / "m.safetensors")
    again, ask = ct.load(tmp_path / "m.safetensors"), ct.predictor(model)
    assert again.threshold_ == model.threshold_ and again.positive_ == "late"
    assert (again.predict(X) == model.predict(X)).all()
    assert [ask(row) for row in X[:100]] == model.predict(X[:100]).tolist()
    assert clone(model).threshold == "f1" and clone(model).threshold_ is None
    state = model.to_description()
    for wrong in ({"threshold": 1.5}, {"positive": 2}, {"positive": None}):
        with pytest.raises(FileError, match="its threshold is"):
            ct.Classifier.from_description(model.model_, state | wrong)
    old = {name: value for name, value in state.items() if name not in ("threshold", "positive")}
    assert ct.Classifier.from_description(model.model_, old).threshold_ is None


def test_another_fit_forgets_it():
    model = fitted(positive="late", threshold=0.1)
    model.set_params(positive=None, threshold=None).fit(X, Y)
    assert model.threshold_ is None and (model.predict(X) == fitted().predict(X)).all()


def test_passes_keep_it():
    model = ct.Classifier([8], positive="late", threshold="cost=1:9").partial_fit(X, Y)
    assert model.threshold_ == 0.1 and (model.predict(X) == "late").sum() == (model.predict_proba(X)[:, 0] >= 0.1).sum()


@pytest.mark.parametrize(("how", "says"), [
    ({"threshold": 0.2}, "needs positive="), ({"positive": "late"}, "give threshold="),
    ({"positive": "lte", "threshold": 0.2}, "Did you mean 'late'"),
    ({"positive": "zzz", "threshold": 0.2}, "The classes are 'late', 'on time'"),
    ({"positive": ["late"], "threshold": 0.2}, "none of the 2 classes"),
    *(({"positive": "late", "threshold": t}, "a probability above 0 and below 1")
      for t in (0, 1, 1.5, -1, True, np.nan, "cost", "cost=1", "cost=0:1", "cost=1:inf", "best", [0.1])),
    ({"positive": "late", "threshold": "cost=1:2", "class_weight": "balanced"}, "does not go with class_weight"),
    ({"positive": "late", "threshold": "f1", "validation": None}, "needs rows that are not learnt from"),
])
def test_what_cannot_be_used_is_refused_before_training(how, says):
    with pytest.raises(ArgumentError, match=says):
        fitted(**how)


def test_labels_side_by_side_have_thresholds_of_their_own():
    with pytest.raises(ArgumentError, match="one class a row"):
        fitted(np.eye(2, dtype=int)[(Y == "late").astype(int)], positive="late", threshold=0.2)
