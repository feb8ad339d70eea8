"""honest_split: what a tie is worth to a random split is measured on the same rows; only sure ties are gone by."""

import numpy as np
import pandas as pd
import pytest

from cutaway.data import split
from cutaway.data.ties import Tie
from cutaway.errors import DataError
from cutaway.estimators import honest_split
from cutaway.estimators.honest import Flattery, advise

rng = np.random.default_rng(0)


def patients(name):
    """80 patients, five visits each: what they have in common tells each from others, and not how they do."""
    patient = np.repeat(np.arange(80), 5)
    own = rng.normal(size=(80, 3))[patient]
    frame = pd.DataFrame(own, columns=["age", "size", "weight"]).assign(**{name: patient, "dose": rng.normal(size=400)})
    y = rng.normal(size=80)[patient] + 0.3 * frame["dose"].to_numpy()
    order = rng.permutation(400)
    return frame.iloc[order].reset_index(drop=True), y[order]


def test_rows_of_a_patient_are_held_together():
    X, y = patients("patient")
    advice = honest_split(X, y)
    assert advice.chosen.tie.column == "patient" and advice.chosen.random > advice.chosen.honest + 0.3
    train, test = split(len(y), 0.2, **advice.how)
    assert not set(X["patient"][train]) & set(X["patient"][test])
    assert "A random split would claim R² 0." in str(advice) and "a patient that was not learnt from" in str(advice)


def test_of_a_column_that_may_be_known_again_it_is_only_told():
    X, y = patients("customer")
    advice = honest_split(X, y)
    assert advice.chosen is None and advice.how == {}
    assert [one.tie.column for one in advice.doubtful] == ["customer"]


def test_targets_that_drift_are_tested_on_the_latest_rows():
    n = 600
    x, drift = rng.normal(size=n), np.cumsum(rng.normal(size=n)) / 3
    X = pd.DataFrame({"when": pd.date_range("2022-01-01", periods=n), "x": x})
    advice = honest_split(X, x + drift)
    assert list(advice.how) == ["time"] and advice.chosen.tie.column == "when"
    assert honest_split(X, x + rng.normal(size=n)).chosen is None, "no drift: by chance"


def test_classes_are_measured_too():
    X, y = patients("subject")
    assert honest_split(X, np.where(y > 0, "well", "ill")).chosen.by == "accuracy"


def test_what_cannot_be_divided_is_by_chance():
    X, y = patients("patient")
    assert honest_split(X.head(30), y[:30]).measured == []
    assert honest_split(X.to_numpy(), y).measured == []
    with pytest.raises(DataError, match="one target a row"):
        honest_split(X, y[:100])
    late = np.where(np.arange(400) > 350, "new", "old")
    days = X.assign(when=pd.date_range("2022-01-01", periods=400)).drop(columns="patient")
    assert honest_split(days, late).chosen is None, "a class that only later rows have could not be learnt"


@pytest.mark.parametrize(("random", "honest", "grows", "errors", "flatters"), [
    (0.9, 0.5, 3.0, 9.0, True), (0.9, 0.89, 3.0, 9.0, False), (0.9, 0.88, 1.05, 9.0, False),
    (0.9, 0.85, 1.5, 2.5, False), (0.9, 0.5, 3.0, 2.5, True), (0.9, 0.5, 3.0, 1.5, False),
], ids=["yes", "too little", "errors hardly grow", "chance", "twice the error", "chance of twice the error"])
def test_a_split_flatters_by_more_than_chance_and_enough_to_matter(random, honest, grows, errors, flatters):
    tie = Tie("groups", "patient", np.arange(4), True, "")
    one = Flattery(tie, "R²", random, honest, grows, errors)
    assert one.flatters is flatters and (advise([one]).chosen is one) is flatters
