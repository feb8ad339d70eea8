"""Forecaster: learning, forecasting behind the end, scikit-learn's manners, files, and errors in words."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import cutaway as ct
from cutaway.errors import ArgumentError, DataError, FileError
from cutaway.forecast import networks

Forecaster = ct.forecast.Forecaster


@pytest.fixture(scope="module")
def shops(hourly):
    model = Forecaster(horizon=6, window=24, network="linear", view="series", threads=1)
    return model.fit(hourly, "load", "when", "shop", "holiday")


@pytest.fixture(scope="module")
def single(one):
    return Forecaster(horizon=24, window=48, network="both", view="level", threads=1).fit(one, "load", "when")


def coming(hourly, steps=6, shops=("north", "south", "west")):
    times = pd.date_range(hourly["when"].max(), periods=steps + 1, freq="h")[1:]
    return pd.concat([pd.DataFrame({"when": times, "shop": shop, "holiday": 1, "area": 10.0 * k,
                                    "visitors": np.nan, "load": np.nan}) for k, shop in enumerate(shops)])


def test_one_series_is_forecast_behind_its_end(one, single):
    found = single.predict()
    assert found.columns.tolist() == ["when", "forecast", "lower", "upper"] and len(found) == 24
    assert found["when"][0] == one["when"].iloc[-1] + pd.Timedelta("1h")
    truth = 100 + 20 * np.sin(2 * np.pi * found["when"].dt.hour / 24) + 6  # a fifth of the days are holidays
    assert np.abs(found["forecast"] - truth).mean() < 25
    assert (found["lower"] <= found["forecast"]).all() and (found["forecast"] <= found["upper"]).all()


def test_its_networks_are_trained_by_the_engine_that_is_asked_for(monkeypatch):
    trained, fit = [], networks.fit

    def noted(*arguments, **how):
        run = fit(*arguments, **how)
        trained.append((run.program.engine.name, how["precision"]))
        return run

    monkeypatch.setattr(networks, "fit", noted)
    monkeypatch.setattr(networks, "UPDATES", 20)
    y = 10 + np.sin(np.arange(80) / 3) + np.random.default_rng(0).normal(0, 0.1, 80)
    how = {"horizon": 2, "window": 6, "season": 1, "network": "mlp", "threads": 1}
    ours = Forecaster(**how, engine="reference", precision="float32").fit(y)
    assert set(trained) == {("reference", "float32")}
    assert ours.design_[-1] == ["engine", "reference", "as asked"]
    np.testing.assert_allclose(ours.predict(), Forecaster(**how).fit(y).predict(), rtol=1e-5)


def test_a_shorter_horizon_is_its_beginning(single):
    pd.testing.assert_frame_equal(single.predict(3), single.predict().head(3))


def test_a_wider_band_holds_a_narrower_one(single):
    narrow, wide = single.predict(coverage=0.5), single.predict(coverage=0.95)
    assert (wide["lower"] <= narrow["lower"]).all() and (wide["upper"] >= narrow["upper"]).all()
    pd.testing.assert_series_equal(narrow["forecast"], wide["forecast"])


def test_a_refit_gives_the_same_bits(one, single):
    again = clone(single).fit(one, "load", "when")
    pd.testing.assert_frame_equal(again.predict(), single.predict(), check_exact=True)


def test_several_series_and_a_column_known_ahead(hourly, shops):
    found = shops.predict(frame=coming(hourly))
    assert found["shop"].tolist() == [s for s in ("north", "south", "west") for _ in range(6)]
    ratio = found.groupby("shop")["forecast"].mean()
    assert 1.7 < ratio["south"] / ratio["north"] < 2.3
    quiet = shops.predict(frame=coming(hourly).assign(holiday=0))
    assert (found["forecast"] - quiet["forecast"]).mean() > 10  # it is a holiday


def test_a_series_alone_is_forecast_as_among_others(hourly, shops):
    among = shops.predict(frame=coming(hourly))
    alone = shops.predict(frame=coming(hourly)[lambda d: d["shop"] == "south"])
    np.testing.assert_array_equal(alone["forecast"], among.loc[among["shop"] == "south", "forecast"])


def test_a_new_series_is_forecast_by_its_own_past(hourly, shops):
    new = pd.concat([hourly[hourly["shop"] == "south"].tail(60), coming(hourly, shops=("south",))]).assign(shop="new")
    found = shops.predict(frame=new.assign(load=lambda d: 10 * d["load"]))
    assert found["shop"].unique().tolist() == ["new"] and 1500 < found["forecast"].mean() < 3500


def test_newer_rows_move_the_end(hourly, shops):
    newer = coming(hourly, 9)
    newer.loc[newer["when"] <= newer["when"].min() + pd.Timedelta("2h"), "load"] = 200
    found = shops.predict(frame=newer)
    assert found["when"].min() == newer["when"].min() + pd.Timedelta("3h")


def test_counts_are_never_negative():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"t": pd.date_range("2026-01-01", periods=200), "sold": rng.poisson(0.5, 200)})
    model = Forecaster(horizon=7, network="linear").fit(frame, "sold", "t")
    found = model.predict(coverage=0.95)
    assert (found[["forecast", "lower"]] >= 0).all().all() and model.design_[-1][0] == "counts"


@pytest.mark.parametrize("data", [
    pd.Series(np.sin(np.arange(80.0)), index=pd.date_range("2026-01-01", periods=80, name="day"), name="y"),
    np.sin(np.arange(80.0)).tolist(),
    pd.DataFrame({"y": np.sin(np.arange(80.0))}, index=pd.date_range("2026-01-01", periods=80)),
])
def test_a_series_a_list_and_an_index_are_taken(data):
    model = Forecaster(horizon=2, network="linear").fit(data, "y" if isinstance(data, pd.DataFrame) else None)
    assert len(model.predict()) == 2


def test_a_trend_is_followed_to_where_the_series_has_never_been():
    t = np.arange(144)
    y = (100 + 3 * t) * (1 + 0.2 * np.sin(2 * np.pi * t / 12))
    frame = pd.DataFrame({"month": pd.date_range("2000-01-01", periods=144, freq="MS"), "y": y})
    found = Forecaster(horizon=12, network="linear").fit(frame[:132], "y", "month").predict()
    assert np.abs(found["forecast"] - y[132:]).max() / y[132:].mean() < 0.05


def test_a_file_holds_it_all(tmp_path, hourly, shops):
    ct.save(shops, tmp_path / "m.safetensors")
    back = ct.load(tmp_path / "m.safetensors")
    pd.testing.assert_frame_equal(back.predict(frame=coming(hourly)), shops.predict(frame=coming(hourly)),
                                  check_exact=True)
    assert back.get_params() == shops.get_params() and back.design_ == shops.design_


def test_an_unfitted_one_cannot_be_saved(tmp_path):
    with pytest.raises(Exception, match="not fitted"):
        ct.save(Forecaster(), tmp_path / "m.safetensors")


def test_a_damaged_description_is_refused(shops):
    from cutaway.forecast.persistence import parts, rebuild

    module, state, _ = parts(shops)
    for name, value in (("limit", "x"), ("layout", state["layout"] | {"length": 0}), ("arguments", {"gaps": "no"}),
                        ("bands", state["bands"] | {"sizes": [1.0]}),
                        ("tails", [state["tails"][0] | {"y": np.zeros(3)}])):
        with pytest.raises((FileError, ArgumentError)):
            rebuild(module, state | {name: value})


@pytest.mark.parametrize(("change", "how", "error", "said"), [
    (lambda d: d, {"horizon": 7}, DataError, "'holiday' is known ahead, and the step 2026-02-04 06:00:00 of 'north'"),
    (lambda d: None, {}, DataError, "'holiday' is known ahead, and the step 2026-02-04 00:00:00 of 'north' is not"),
    (lambda d: d[d["when"] < "2026-02-04 04:00"], {}, DataError, "the step 2026-02-04 04:00:00 of 'north'"),
    (lambda d: d.drop(columns="holiday"), {}, DataError, "'holiday' is known ahead, and the frame has none"),
    (lambda d: d.assign(shop="new"), {}, DataError, "'new' is none of those learnt from"),
    (lambda d: d.assign(when=d["when"].astype("int64")), {}, DataError, "times are numbers"),
    (lambda d: d, {"coverage": 2}, ArgumentError, "coverage is 2"),
])
def test_what_cannot_be_forecast_is_told(hourly, shops, change, how, error, said):
    with pytest.raises(error, match=said):
        shops.predict(frame=change(coming(hourly)), **how)


@pytest.mark.parametrize(("how", "said"), [
    ({"horizon": 0}, "horizon must be a whole number"), ({"network": "cnn"}, "network"), ({"view": "x"}, "view"),
    ({"gaps": "join"}, "gaps"), ({"coverage": 1.0}, "coverage"), ({"zone": "Mars"}, "Mars"),
])
def test_arguments_outside_their_values(one, how, said):
    with pytest.raises((ArgumentError, DataError), match=said):
        Forecaster(**how).fit(one, "load", "when")


def test_a_horizon_longer_than_the_series_is_told(one):
    with pytest.raises(DataError, match="The longest series has 720 steps, and a window of"):
        Forecaster(horizon=800).fit(one, "load", "when")


def test_a_forecast_is_drawn(tmp_path, single):
    single.plot(tmp_path / "f.svg")
    assert "forecast" in (tmp_path / "f.svg").read_text()
