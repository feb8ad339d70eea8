"""The scores agree with scikit-learn's, and say nothing where there is nothing to say."""

import numpy as np
import pytest
from sklearn import metrics

from cutaway.report.scores import confusion, confusions, measure, measure_outputs
from cutaway.report.verdict import compare

rng = np.random.default_rng(0)


def test_regression_scores_are_scikit_learns():
    y, p = rng.normal(size=50), rng.normal(size=50)
    found = measure("regression", y, p, None, None)
    assert found["R²"] == pytest.approx(metrics.r2_score(y, p))
    assert found["RMSE"] == pytest.approx(metrics.root_mean_squared_error(y, p))
    assert found["median error"] == pytest.approx(metrics.median_absolute_error(y, p))


@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "c"]])
def test_class_scores_are_scikit_learns(classes):
    y, p = rng.choice(classes, 80), rng.random((80, len(classes)))
    p /= p.sum(1, keepdims=True)
    guess = np.array(classes)[p.argmax(1)]
    found = measure("multiclass", y, guess, p, classes)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, guess))
    assert found["balanced accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, guess))
    area = metrics.roc_auc_score(y, p[:, 1] if len(classes) == 2 else p, multi_class="ovr")
    assert found["ROC AUC"] == pytest.approx(area)
    assert confusion(y, guess, classes) == metrics.confusion_matrix(y, guess, labels=classes).tolist()


def test_unseen_and_absent_classes_do_no_harm():
    y, guess = np.array(["a", "new", "a"]), np.array(["a", "b", "a"])
    found = measure("binary", y, guess, np.array([[1, 0], [0.2, 0.8], [0.9, 0.1]]), ["a", "b"])
    assert found["accuracy"] == pytest.approx(2 / 3) and found["ROC AUC"] is None
    assert confusion(y, guess, ["a", "b"]) == [[2, 0], [0, 0]]
    assert measure("regression", np.ones(4), np.ones(4), None, None)["R²"] is None


def test_several_outputs_are_averaged():
    y, p = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    assert measure("multi-output regression", y, p, None, None) == {"R²": pytest.approx(metrics.r2_score(y, p))}
    labels, chance = rng.integers(0, 2, (40, 3)), rng.random((40, 3))
    found = measure("multilabel", labels, (chance > 0.5).astype(int), chance, None)
    assert found["ROC AUC"] == pytest.approx(metrics.roc_auc_score(labels, chance))
    assert len(measure_outputs("multilabel", labels, (chance > 0.5).astype(int), chance)) == 3


@pytest.mark.parametrize(("network", "linear", "says"), [
    (0.1, 0.5, "the network wins"),
    (0.5, 0.1, "the linear model wins"),
    (0.3, 0.3, "within chance"),
])
def test_the_sentence_names_the_winner(network, linear, says):
    y = rng.normal(size=300)
    ours, theirs = (y + rng.normal(scale=scale, size=300) for scale in (network, linear))
    assert says in compare("regression", y, ours, theirs)


def test_classes_are_compared_by_rows_right():
    y = rng.choice(["a", "b"], 200)
    assert "the network wins" in compare("binary", y, y, rng.choice(["a", "b"], 200))
    assert "level" in compare("binary", y, y, y)


def test_of_many_classes_the_five_likeliest_count():
    classes = [f"c{k:02}" for k in range(40)]
    y, p = rng.choice(classes, 300), rng.random((300, 40))
    guess = np.array(classes)[p.argmax(1)]
    found = measure("multiclass", y, guess, p, classes)
    assert list(found) == ["accuracy", "balanced accuracy", "top-5 accuracy"]
    assert found["top-5 accuracy"] == pytest.approx(metrics.top_k_accuracy_score(y, p, k=5, labels=classes))
    level = measure("multiclass", y, guess, np.full((300, 40), 1 / 40), classes)  # whoever says nothing finds an eighth
    assert level["top-5 accuracy"] == pytest.approx(5 / 40)
    assert "ROC AUC" in measure("multiclass", y, guess, p, classes, uneven=True)
    assert measure("multiclass", np.array(["new", "c00"]), guess[:2], np.eye(40)[:2], classes)["top-5 accuracy"] < 1


def test_of_many_classes_the_worst_and_the_commonest_mistakes_stand_for_the_table():
    classes = [f"c{k:02}" for k in range(40)]
    y = np.repeat(classes, 6)
    guess = y.copy()
    guess[:6], guess[6:8] = ["c05"] * 4 + ["c00", "c07"], "c39"  # five of c00 are wrong, four as c05; two of c01
    found = confusions(y, guess, np.array(classes))
    assert found["pairs"][:2] == [[4, "c00", "c05"], [2, "c01", "c39"]] and found["mistakes"] == 7
    assert found["worst"] == [["c00", 6, 1, "c05"], ["c01", 6, 4, "c39"]]
    assert (found["seen"], found["never"]) == (40, 0) and "counts" not in found
    assert confusions(["a", "b"], ["a", "a"], ["a", "b"]) == {"labels": ["a", "b"], "counts": [[1, 0], [1, 0]]}
    assert confusions(y, y, np.array(classes))["pairs"] == []
