"""Doubt by time and groups: rows that are as new rows will be say how far predictions may be off; the score stays."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from cutaway.estimators import intervals, rehearsal

BRIEF = {"epochs": 8, "network": [16], "threads": 1}
RNG = np.random.default_rng(0)
N = 800
DAY = np.sort(RNG.integers(0, 400, N))
#: A level that wanders every forty days, which rows of these days tell, and later ones do not.
LEVEL = np.cumsum(RNG.normal(size=10))[DAY // 40]
SALES = pd.DataFrame({"sold": pd.Timestamp("2023-01-01") + pd.to_timedelta(DAY, unit="D"), "area": RNG.normal(size=N)})
PRICE = 3 * LEVEL + SALES["area"].to_numpy() + 0.1 * RNG.normal(size=N)
PATIENT = np.repeat(np.arange(80), 10)
VISITS = pd.DataFrame(RNG.normal(size=(80, 3))[PATIENT], columns=["age", "size", "weight"]).assign(patient=PATIENT)
WELL = RNG.normal(size=80)[PATIENT] + 0.1 * RNG.normal(size=N)


def prepared(kind=ct.Regressor, X=SALES, y=PRICE, **how):
    model = kind(**BRIEF, **how)
    return model, model.prepare(X, y)


def test_a_date_that_orders_the_rows_is_gone_by_and_the_design_says_what_chance_would_claim():
    model, rows = prepared()
    learn, late = rows.rehearsed
    assert rows.held is None and DAY[learn].max() < DAY[late].min() and len(late) == pytest.approx(0.2 * N, abs=8)
    assert model.design_.split == "by time, sold"
    assert "A random split would claim R²" in model.design_.reasons["split"]
    assert "by time, sold" in str(model.design_)


def test_an_id_that_repeats_holds_whole_groups_back():
    model, rows = prepared(X=VISITS, y=WELL)
    assert rows.rehearsed is None and not set(PATIENT[rows.held[0]]) & set(PATIENT[rows.held[1]])
    assert model.design_.split == "whole groups, by patient" and "not learnt from" in model.design_.reasons["split"]


def test_rows_that_nothing_ties_together_are_held_back_by_chance():
    model, rows = prepared(X=SALES[["area"]].sample(frac=1, random_state=0), y=RNG.normal(size=N))
    assert rows.held is None and rows.rehearsed is None and model.design_.split == ""


def test_predictions_stay_to_the_bit_and_intervals_grow():
    early = DAY < 300
    X, y, later = SALES[early], PRICE[early], SALES[~early]
    by_time, by_chance = (ct.Regressor([32], threads=1, epochs=20, split=split).fit(X, y)
                          for split in ("auto", "random"))
    assert np.array_equal(by_time.predict(later), by_chance.predict(later))
    wide, narrow = ((model.predict_interval(later) @ [-1, 1]).mean() for model in (by_time, by_chance))
    assert wide > 1.5 * narrow


def test_the_second_network_learns_from_the_earlier_rows_alone(monkeypatch):
    seen = {}
    real = rehearsal.beginning

    def spied(network, Z, T, **how):
        seen["rows"], seen["validation"] = len(T), how["validation"]
        return real(network, Z, T, **how)

    monkeypatch.setattr(rehearsal, "beginning", spied)
    model = ct.Regressor(**BRIEF)
    rows = model.prepare(SALES, PRICE)
    model.train(rows)
    assert seen == {"rows": len(rows.rehearsed[0]), "validation": None}
    assert model.intervals_.rows == len(rows.rehearsed[1])


def test_the_latest_rows_lie_in_stretches_of_time_that_part_no_moment():
    _, rows = prepared(X=SALES.iloc[::-1].reset_index(drop=True), y=PRICE[::-1])
    days = DAY[::-1][rows.rehearsed[1]]
    each = [days[rows.stretches == number] for number in range(5)]
    assert sum(map(len, each)) == len(days) and min(map(len, each)) > 20
    assert all(one.max() < other.min() for one, other in pairwise(each))


def test_few_rows_or_moments_are_one_stretch():
    assert rehearsal.stretches(np.arange(149), 149) is None
    assert rehearsal.stretches(np.arange(400) // 200, 400) is None


def test_stretches_that_err_differently_widen_intervals_and_equal_ones_hardly_do():
    off, stretch = np.tile(np.linspace(0, 1, 100), 5), np.repeat(np.arange(5), 100)
    scores, shares = intervals.ranked(off, None)
    equal = intervals.for_what_comes(scores, shares, off, None, stretch)
    np.testing.assert_allclose(equal, scores, atol=0.02)
    off *= 1 + stretch
    scores, shares = intervals.ranked(off, np.ones(500))
    found = intervals.for_what_comes(scores, shares, off, np.ones(500), stretch)
    k = np.searchsorted(shares, 0.9)                    # the stretches need .91, 1.82, 2.73, 3.64 and 4.55
    between = 3.64 + (4 * 0.84 - 3) * (4.55 - 3.64)
    assert found[k] == pytest.approx(between, abs=0.02) and (np.diff(found) >= 0).all() and (found >= scores).all()


@pytest.mark.parametrize("wild", [20, 2000])
def test_one_wild_stretch_of_ten_does_not_decide_how_far_intervals_reach(wild):
    found, stretch = [], np.repeat(np.arange(10), 100)
    off = np.tile(np.linspace(0, 1, 100), 10) * (1 + stretch / 10)
    for factor in (1, wild):
        off[stretch == 9] *= factor
        scores, shares = intervals.ranked(off, None)
        found.append(intervals.for_what_comes(scores, shares, off, None, stretch)[np.searchsorted(shares, 0.85)])
    assert found[0] <= found[1] < 1.1 * found[0]


def test_temperatures_go_by_later_rows_too():
    labels = np.where(np.median(PRICE) < PRICE, "dear", "cheap")
    by_time, by_chance = (ct.Classifier(threads=1, epochs=20, network=[32], split=split).fit(SALES, labels)
                          for split in ("time", "random"))
    assert by_time.temperature_ > by_chance.temperature_
    assert np.array_equal(by_time.predict(SALES), by_chance.predict(SALES))


@pytest.mark.parametrize(("split", "says"), [("time", "by time, sold"), ("time:area", "by time, area"),
                                             ("groups:sold", "whole groups, by sold"), ("random", "")])
def test_it_can_be_overruled(split, says):
    model, _ = prepared(split=split)
    assert model.design_.split == says


def test_where_no_column_tells_time_it_is_the_order_of_the_rows():
    model, rows = prepared(X=np.asarray(SALES[["area"]]), split="time")
    assert model.design_.split == "by time, the order of the rows" and rows.rehearsed[1].min() == rows.rehearsed[0].size


def test_dates_are_read_however_they_are_written():
    written = SALES.assign(sold=SALES["sold"].dt.strftime("%d.%m.%Y"))
    _, rows = prepared(X=written, split="time:sold")
    assert DAY[rows.rehearsed[0]].max() < DAY[rows.rehearsed[1]].min()


@pytest.mark.parametrize(("X", "how", "says"), [
    (SALES, {"split": "chance"}, "split is 'chance': give auto, random, time or groups"),
    (SALES, {"split": "random:sold"}, "give auto, random"),
    (SALES, {"split": None}, "split is None"),
    (SALES, {"split": "time:when"}, "X has no column 'when'. It has sold, area."),
    (np.asarray(SALES[["area"]]), {"split": "time:when"}, "Its columns have no names"),
    (SALES, {"split": "groups"}, "no column of X looks as if it named what rows belong to"),
    (SALES.assign(one=1), {"split": "time:one"}, "not enough different moments"),
])
def test_what_a_split_cannot_mean_is_refused(X, how, says):
    with pytest.raises((ArgumentError, DataError), match="(?s)" + says.replace("'", ".")):
        ct.Regressor(**BRIEF, **how).fit(X, PRICE)


def test_groups_and_another_split_are_refused():
    with pytest.raises(ArgumentError, match="held back in one way"):
        ct.Regressor(**BRIEF, split="time").fit(VISITS, WELL, groups=PATIENT)


def test_images_have_no_time():
    with pytest.raises(ArgumentError, match="goes by a column of a table, and X holds images"):
        ct.Regressor(**BRIEF, split="time").fit(RNG.integers(0, 255, (210, 4, 4, 1)).astype(np.uint8), np.arange(210.0))


@pytest.mark.parametrize("validation", [None, (SALES[:50], PRICE[:50])], ids=["none", "own"])
def test_it_is_said_that_a_split_is_not_used(validation):
    with pytest.warns(UserWarning, match="split='time' is not used"):
        ct.Regressor(**BRIEF, split="time", validation=validation).fit(SALES, PRICE)


def test_the_factors_of_classes_are_those_of_all_rows():
    labels = np.where(np.quantile(PRICE, 0.7) < PRICE, "dear", "cheap")
    weighed = [ct.Classifier(**BRIEF, class_weight="balanced", split=split).fit(SALES, labels)
               for split in ("time", "random")]
    assert np.array_equal(*(model.fit_arguments(SALES, labels)["sample_weight"] for model in weighed))


def test_a_file_keeps_what_was_learnt(tmp_path):
    model = ct.Regressor(**BRIEF).fit(SALES, PRICE)
    ct.save(model, tmp_path / "m.safetensors")
    again = ct.load(tmp_path / "m.safetensors")
    assert again.design_.split == "by time, sold"
    assert np.array_equal(again.predict_interval(SALES), model.predict_interval(SALES))


def test_a_time_limit_is_shared(monkeypatch):
    limits = []
    for module in (rehearsal, __import__("cutaway.estimators.base", fromlist=["base"])):
        real = module.beginning
        monkeypatch.setattr(module, "beginning", lambda *given, real=real, **how: (
            limits.append(how["time_limit"]), real(*given, **how))[1])
    ct.Regressor(**BRIEF, time_limit=1000.0).fit(SALES, PRICE)
    first, second = limits
    assert 500 < first < 600 and first < second <= 1000


@pytest.mark.parametrize(("split", "coded"), [("time:day", ["month"]), ("random", [])])
def test_where_later_rows_bring_new_levels_a_category_is_looked_up(split, coded):
    day = np.arange(600)
    X = pd.DataFrame({"day": day, "month": [f"m{d // 50}" for d in day], "town": [f"t{d % 12}" for d in day]})
    model = ct.Regressor(split=split, epochs=1, threads=1, preset="fast").fit(X, day % 50 + 0.0)
    assert [column.name for column in model.encoder_.columns if column.codes] == coded
    assert model.design_.n_in == len(model.encoder_.feature_names) and bool(model.design_.split) == bool(coded)
    assert np.isfinite(model.predict(X.assign(month="new"))).all()
