"""The tables to judge by: which are held out, and that no split lets the future, a group or a tested row teach."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.tables import catalogue, files, measure, names, page, peers, ranks, worker
from benchmarks.tables.splits import divide


def test_every_third_table_by_name_is_held_out_and_the_houses_are_not():
    tables = names()[1:]
    assert names()[0] == "ames" and list(tables) == sorted(tables)
    assert names("held-out") == tables[2::3]
    assert set(names("development")) | set(names("held-out")) == set(names())


@pytest.mark.parametrize("by", ["chance", "time", "groups"])
def test_rows_are_on_one_side_and_a_split_is_always_the_same(by):
    keys = np.random.default_rng(0).integers(0, 40, 400)
    train, test = divide(1, by, keys)
    assert not set(train) & set(test)
    np.testing.assert_array_equal(test, divide(1, by, keys)[1])
    assert set(test) != set(divide(0, by, keys)[1])


def test_by_time_the_past_teaches_and_no_moment_is_parted():
    keys = np.random.default_rng(0).integers(0, 40, 400)
    for number in range(5):
        train, test = divide(number, "time", keys)
        assert keys[train].max() < keys[test].min()
    with pytest.raises(ValueError, match="splits 0 to 4, not 5"):
        divide(5, "time", keys)


def test_by_time_the_last_two_splits_lie_between_the_first_three():
    assert [divide(number, "time", np.arange(10))[1].tolist() for number in range(5)] == \
        [[8, 9], [6, 7], [4, 5], [7, 8], [5, 6]]


def test_by_groups_none_is_on_both_sides():
    keys = np.random.default_rng(0).integers(0, 40, 400)
    train, test = divide(0, "groups", keys)
    assert not set(keys[train]) & set(keys[test])
    assert len(set(keys[test])) == 10  # a quarter of the groups


def test_by_chance_every_class_is_shared_out_alike():
    labels = np.repeat(["often", "rare"], [360, 40])
    _, test = divide(0, "chance", np.arange(400), labels)
    assert (labels[test] == "rare").sum() == 10


def made(task="classification", **more):
    given = {"package": "none", "item": "", "terms": "", "about": "", "target": "y", "task": task}
    return catalogue.Source("made", **(given | more))


def test_what_names_a_row_or_knows_the_answer_is_left_out(monkeypatch, tmp_path):
    frame = pd.DataFrame({"id": np.arange(100) // 2, "a": np.arange(100.0), "tax": 1.0,
                          "y": ["p", "q"] * 49 + ["rare", None]})
    source = made(by="groups", order=("id",), keep_order=False, drop=("tax",))
    monkeypatch.setattr(catalogue, "SOURCES", (source,))
    monkeypatch.setattr(catalogue.Source, "raw", lambda self: frame)
    files.write(tmp_path)
    table = files.load("made", tmp_path)
    assert list(table.X.columns) == ["a"] and len(table.X) == 98
    assert set(table.y) == {"p", "q"}
    np.testing.assert_array_equal(table.keys, np.arange(98) // 2)


def test_a_table_that_is_not_written_yet_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m benchmarks\.tables --write"):
        files.load("hitters", tmp_path)


def results(**scores):
    """What was measured of tables of one split: {table: {who: score}}."""
    return {"fits": {table: {"0": {who: {"score": x, "cpu": 10 * x} for who, x in fits.items()}}
                     for table, fits in scores.items()}}


def test_equal_scores_share_their_place_and_less_can_be_better():
    assert ranks.ranks({"a": 3.0, "b": 1.0, "c": 3.0, "d": 0.0}) == {"a": 1.5, "b": 3, "c": 1.5, "d": 4}
    assert ranks.ranks({"a": 3.0, "b": 1.0}, "less") == {"a": 2, "b": 1}


def test_mean_ranks_are_over_the_tables_that_all_were_measured_on():
    found = results(one={"a": 0.9, "b": 0.8}, two={"a": 0.5, "b": 0.6}, three={"a": 0.1})
    assert ranks.mean_ranks(found, ["one", "two", "three"], ["a", "b"]) == ({"a": 1.5, "b": 1.5}, ["one", "two"])


def test_means_are_over_the_splits_that_all_were_measured_on():
    found = results(one={"a": 0.9, "b": 0.8})
    found["fits"]["one"]["1"] = {"a": {"score": 0.7}}
    assert ranks.mean_of(found, "one", "a", "score") == pytest.approx(0.9)
    found["fits"]["one"]["1"]["b"] = {"missing": "it was stopped"}
    assert ranks.mean_of(found, "one", "a", "score") == pytest.approx(0.8)
    assert ranks.mean_of(found, "one", "b", "score") is None


def test_share_of_time_is_the_median_over_tables():
    found = results(one={"RealMLP-TD": 1.0, "default": 0.1}, two={"RealMLP-TD": 1.0, "default": 0.3},
                    three={"RealMLP-TD": 1.0, "default": 0.2})
    assert ranks.share(found, ["one", "two", "three"], "default") == pytest.approx(0.2)


def test_small_tables_are_divided_thrice_and_slow_peers_spared_large_ones():
    fits = list(measure.wanted({"small": 400, "large": 20_000}, ["linear", "TabM"]))
    assert [fit for fit in fits if fit.who == "linear"] == [("small", 0, "linear"), ("large", 0, "linear"),
                                                            ("small", 1, "linear"), ("small", 2, "linear")]
    assert {fit.table for fit in fits if fit.who == "TabM"} == {"small"}
    assert [fit.split for fit in measure.wanted({"large": 20_000}, ["linear"], splits=4)] == [0, 1, 2, 3]
    assert [fit.split for fit in measure.wanted({"hotel": 15_402}, ["linear"], splits=20)] == [0, 1, 2, 3, 4]  # by time


def test_a_run_measures_what_is_missing_and_keeps_each_fit_at_once(tmp_path):
    path, asked = tmp_path / "tables.json", []

    def one(fit):
        asked.append(fit)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return {"score": 1 / 3}

    fits = list(measure.wanted({"large": 9000}, ["linear", "boosting"]))
    with pytest.raises(KeyboardInterrupt):
        measure.run(fits, path, one)
    assert measure.known(measure.read(path), fits[0])["score"] == 0.3333
    measure.run(fits, path, one)
    assert asked == [fits[0], fits[1], fits[1]]
    measure.run(fits, path, one, again=True)
    assert asked[3:] == fits


def test_scores_worked_out_by_hand():
    y, told = np.array([0.0, 2.0, 4.0]), np.array([0.0, 3.0, 4.0])
    assert worker.scores("regression", y, told) == {"score": 1 - 1 / 8, "rmse": np.sqrt(1 / 3)}
    labels, p = np.array(["n", "y"], object), np.array([[0.8, 0.2], [1.0, 0.0]])
    found = worker.scores("classification", labels, np.array(["n", "n"], object), p, ["n", "y"])
    assert found["score"] == 0.5 and found["loss"] == pytest.approx(-(np.log(0.8) + np.log(1e-6)) / 2)


def test_dates_become_numbers_for_peers_alone():
    X = pd.DataFrame({"when": ["2000-01-02T12:00:00Z", "2000-02-01T00:00:00Z"], "a": [1, 2]})
    found = peers.with_numbers_for_dates(X, ("when",))
    assert found["when days"].tolist() == [1.5, 31] and found["when month"].tolist() == [1, 2]
    assert found["when hour"].tolist() == [12, 0] and next(iter(found.columns)) == "a"


@pytest.mark.parametrize("who", ["linear", "boosting"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_peers_take_gaps_and_levels_never_seen(who, task):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=120), "b": rng.choice(["p", "q"], 120)})
    y = 2 * X["a"] + (X["b"] == "p") if task == "regression" else np.where(X["a"] > 0, "y", "n").astype(object)
    X.loc[::9, "a"], X.loc[1::9, "b"], X.loc[100:, "b"] = np.nan, None, "new"
    table = files.Table("made", X, np.asarray(y), task, "time", np.arange(120))
    assert worker.measured(table, 0, who)["score"] > 0.3


@pytest.mark.parametrize(("by", "ours", "told"), [("groups", True, True), ("groups", False, False),
                                                  ("chance", True, False)])
def test_ours_are_told_the_groups_of_the_rows(monkeypatch, by, ours, told):
    heard, keys = [], np.arange(40) // 4

    class Listens(peers.OfModel):
        def fit(self, X, y, **given):
            heard.append(given)
            return self

        def predict(self, X):
            return np.zeros(len(X))

    monkeypatch.setitem(peers.COMPETITORS, "made", peers.Competitor(ours, lambda task, seed: Listens()))
    table = files.Table("made", pd.DataFrame({"a": np.arange(40.0)}), np.arange(40.0), "regression", by, keys)
    worker.measured(table, 0, "made")
    assert heard and all(("groups" in given) == told for given in heard)
    assert not told or heard[0]["groups"].tolist() == keys[table.split(0)[0]].tolist()


def test_the_page_has_a_place_for_every_part():
    text = page.PAGE.read_text()
    assert all(page.BEGIN.format(part) in text for part in ("tables", "held-out", "development", "ames"))
    assert page.BEGIN.format("ranks") in page.USERS_PAGE.read_text()


def test_the_best_of_a_line_is_bold_and_what_is_missing_a_dash():
    found = results(one={"linear": 0.9, "boosting": 0.8}, two={"boosting": 0.6})
    table = page.grid(found, ("one", "two"), "score", ".2f", "more")
    assert table.head == ["", "linear", "boosting"]
    assert table.rows == [["one", "**0.90**", "0.80"], ["two", "-", "**0.60**"]]


def test_intervals_show_cover_and_width_beside_boosted_quantiles():
    found = results(one={"boosting": 0.9, "default": 0.8})
    found["fits"]["one"]["0"]["boosting"] |= {"coverage": 0.8, "width": 10.0}
    found["fits"]["one"]["0"]["default"] |= {"coverage": 0.91, "width": 9.0}
    assert page.intervals(found, ("one",)).rows == [["one", "80.0% (1)", "-", "-", "-", "91.0% (1), 0.90", "-"]]
    found["fits"]["one"] |= {split: {"boosting": {"coverage": 0.7, "width": 20.0},
                                     "default": {"coverage": cover, "width": 20.0}} for split, cover in
                             (("1", 0.88), ("2", 0.85))}
    assert page.intervals(found, ("one",)).rows == [["one", "73.3% ± 5.8", "-", "-", "-", "88.0% ± 3.0, 0.98", "-"]]
