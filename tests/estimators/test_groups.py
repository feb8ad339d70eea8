"""groups in fit: the rows held back to see when to stop are whole groups; labels that group nothing are refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cutaway as ct
from cutaway.errors import DataError

rng = np.random.default_rng(0)
N = 240
GROUP = np.repeat(np.arange(48), 5)
X = rng.normal(size=(N, 3))
Y = np.where(GROUP % 2, "odd", "even")


def held(model, groups, y=Y, weight=None):
    """The groups of the rows to learn from, and of those held back."""
    rows = model.prepare(X, y, weight, groups)
    labels = np.asarray(groups)[slice(None) if weight is None else weight != 0]
    return [set(labels[part]) for part in rows.held]


@pytest.mark.parametrize("groups", [
    GROUP, GROUP.tolist(), pd.Series(GROUP, dtype="category"), [f"p{g}" for g in GROUP],
], ids=["array", "list", "categories", "text"])
def test_no_group_is_on_both_sides(groups):
    learnt, steered = held(ct.Classifier(), groups)
    assert not learnt & steered and len(steered) in (4, 5, 6) and len(learnt | steered) == 48


def test_rows_of_weight_zero_take_no_part():
    weight = np.where(GROUP < 4, 0.0, 1.0)
    learnt, steered = held(ct.Regressor(), GROUP, rng.normal(size=N), weight)
    assert not learnt & steered and min(learnt | steered) == 4


def test_fit_trains_on_them_and_says_so():
    model = ct.Classifier(epochs=2).fit(X, Y, groups=GROUP)
    assert "whole groups" in model.design_.reasons["validation"] and len(model.history_) == 2


def test_a_class_is_never_held_back_whole():
    y = np.where(GROUP == 7, "one group's", Y)
    assert all(7 in held(ct.Classifier(random_state=seed), GROUP, y)[0] for seed in range(5))


@pytest.mark.parametrize(("groups", "says"), [
    (GROUP[:-1], "groups have 239 labels, X 240 rows"),
    (np.zeros(N), "all rows into one group"),
    (np.arange(N), "each of the 240 rows a group of its own"),
    (np.where(GROUP == 3, np.nan, GROUP), "missing in 5 rows, first in row 15"),
    ([None, *GROUP[1:]], "missing in 1 row, first in row 0"),
    (csr_matrix(GROUP[None]), "a sparse matrix"),
    (np.stack([GROUP, GROUP], axis=1), r"the shape \(240, 2\)"),
    (5, r"the shape \(\)"),
], ids=["short", "one", "of one", "nan", "none", "sparse", "two columns", "a number"])
def test_labels_that_group_nothing_are_refused_before_training(groups, says):
    model = ct.Classifier(epochs=1)
    with pytest.raises(DataError, match=says):
        model.fit(X, Y, groups=groups)
    assert not hasattr(model, "model_")


@pytest.mark.parametrize(("model", "rows", "says"), [
    (ct.Classifier(epochs=1), 100, "fewer than 200 rows"),
    (ct.Classifier(epochs=1, validation=None), N, "validation=None holds none back"),
    (ct.Classifier(epochs=1, validation=(X, Y)), N, "given as validation"),
], ids=["few", "none", "own"])
def test_where_no_rows_are_held_back_a_warning_says_that_groups_do_nothing(model, rows, says):
    with pytest.warns(UserWarning, match=f"groups are not used: .*{says}"):
        model.fit(X[:rows], Y[:rows], groups=GROUP[:rows])


def test_scikit_learn_hands_groups_through():
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make_pipeline(StandardScaler(), ct.Classifier(epochs=1).set_fit_request(groups=True))
        large = np.concatenate([X, X]), np.tile(["yes", "no"], N), np.concatenate([GROUP, GROUP])
        got = cross_validate(model, *large[:2], params={"groups": large[2]}, cv=GroupKFold(2), return_estimator=True)
    assert all("whole groups" in one[-1].design_.reasons["validation"] for one in got["estimator"])
