"""What a column does: accumulated local effects and partial dependence, beside what can be worked out by hand."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from cutaway.inspect.effect import place_of
from cutaway.inspect.effects import effects
from depth import every

RNG = np.random.default_rng(0)
N = 240
AREA = RNG.uniform(20, 160, N).round(1)
TABLE = pd.DataFrame({
    "area": np.where(RNG.random(N) < 0.1, np.nan, AREA), "zone": RNG.choice(["a", "b", "b", "c"], N),
    "rooms": RNG.integers(1, 6, N), "sold": pd.Timestamp("2021-01-01") + pd.to_timedelta(RNG.integers(0, 900, N), "D"),
    "shop": [f"s{k}" for k in RNG.integers(0, 15, N) + np.arange(N) % 2 * 15],
    "lift": RNG.choice([True, False], N), "same": 1,
})
PRICE = 1500 * AREA + 40_000 * (TABLE.zone == "b") + 9000 * TABLE.rooms
KIND = np.where(PRICE > 200_000, "high", np.where(PRICE < 120_000, "low", "mid"))


def fitted(target=PRICE, table=TABLE, **how):
    kind = ct.Classifier if target.dtype.kind == "U" else ct.Regressor
    return kind(**{"epochs": 3, "threads": 1, "preset": "fast"} | how).fit(table, target)


@pytest.fixture(scope="module")
def model():
    return fitted(preset="default")


def said(model, table, output=None):
    """What the model says, by its public methods."""
    if output is None:
        return model.predict(table)
    return model.predict_proba(table)[:, model.classes_.tolist().index(output)]


# ---- oracles ---------------------------------------------------------------------------------------------------------


def with_weights(n=21):
    """A linear model of two columns of numbers, whose weights are known, in the encoded numbers u (n, 2)."""
    X = pd.DataFrame({"a": np.linspace(-1, 1, n), "b": np.linspace(-1, 1, n)[::-1] ** 3})
    model = ct.Regressor(network=[], epochs=1, threads=1).fit(X, X.a.to_numpy())
    model.model_.layer1.weight.data[...], model.model_.layer1.bias.data[...] = [[2.0, -3.0]], 0.5
    model.limits_ = np.array([[-1e9], [1e9]])
    return X, model, model.encode(X).astype(float)


@pytest.mark.parametrize("kind", ["ale", "partial"])
def test_a_linear_model_is_a_line_by_both(kind):
    X, model, u = with_weights()
    spread, center = model.target_encoder_.spread, model.target_encoder_.center
    for j, (name, w) in enumerate({"a": 2.0, "b": -3.0}.items()):
        own = u[np.argsort(X[name]), j]
        line = w * (own - own.mean()) if kind == "ale" else w * own + (-3 * u[:, 1].mean() if j == 0 else
                                                                       2 * u[:, 0].mean()) + 0.5
        wanted = spread * line + (center if kind == "partial" else 0)
        np.testing.assert_allclose(effects(model, X, name, kind)[name].effect, wanted, rtol=1e-5, atol=1e-6)


class Product(ct.nn.Module):
    def __init__(self):
        self.gain = ct.nn.Parameter((1,), ct.nn.init.zeros)

    def forward(self, x):
        return self.gain * x[:, [0]] * x[:, [1]]


def test_where_columns_go_together_the_two_differ_as_theory_says():
    """Of f = u v where v = u: rows asked near where they are give Σ v Δu, about u²/2, all rows with all values u v̄."""
    a = np.linspace(-1, 1, 21)
    X = pd.DataFrame({"a": a, "b": a})
    model = ct.Regressor(network=Product(), epochs=1, threads=1).fit(X, a)
    model.model_.gain.data[...], model.limits_ = 1.0, np.array([[-1e9], [1e9]])
    u, spread = model.encode(X)[:, 0].astype(float), model.target_encoder_.spread
    local, partial = effects(model, X, "a")["a"].effect, effects(model, X, "a", "partial")["a"].effect
    steps = np.concatenate([[0], np.cumsum(u[1:] * np.diff(u))])  # one row a bin, and the first row in the first one
    steps[1:] += (u[0] - u[1]) / 2 * (u[1] - u[0])
    np.testing.assert_allclose(local, spread * (steps - steps.mean()), atol=1e-5)
    np.testing.assert_allclose(local, spread * (u**2 / 2 - (u**2 / 2).mean()), atol=0.15 * spread)
    np.testing.assert_allclose(partial - model.target_encoder_.center, spread * u * u.mean(), atol=1e-5)
    assert np.ptp(local) > 10 * np.ptp(partial)


@pytest.mark.parametrize(("target", "output"), [(PRICE, None), (np.where(KIND == "low", "no", "yes"), "yes")])
def test_partial_dependence_is_that_of_scikit_learn(target, output):
    from sklearn.inspection import partial_dependence

    table = TABLE.assign(rooms=TABLE.rooms.astype(float))  # theirs takes no whole numbers
    model = fitted(target, table)
    found = effects(model, table, "rooms", "partial")["rooms"]
    theirs = partial_dependence(model, table, ["rooms"], grid_resolution=50, method="brute")
    assert found.at.tolist() == theirs["grid_values"][0].tolist()
    np.testing.assert_allclose(found.effect, theirs["average"][0], rtol=1e-5)


HOW = {"default": {"preset": "default"}, "fast": {}, "quantiles": {"loss": "quantile"},
       "two layers": {"network": [8, 8]}, "codes": {"columns": {"rooms": "category"}}}


@pytest.mark.parametrize("how", every(2, list(HOW)))
def test_accumulated_effects_are_those_of_raw_cells(how):
    """Bin by bin, by `predict` of rows with other cells."""
    model = fitted(**HOW[how])
    found = effects(model, TABLE, "area", bins=4)["area"]
    known = TABLE[TABLE.area.notna()]
    edges = np.quantile(known.area, np.linspace(0, 1, 5), method="inverted_cdf")
    np.testing.assert_allclose(found.at, edges)
    g = [0.0]
    for low, high in pairwise(edges):
        rows = known[(known.area > low) & (known.area <= high) | (low == edges[0]) & (known.area == low)]
        g.append(g[-1] + (said(model, rows.assign(area=high)) - said(model, rows.assign(area=low))).mean())
    gap, median = TABLE[TABLE.area.isna()], known.area.sort_values().iloc[len(known) // 2]
    at = np.interp(median, edges, g) + (said(model, gap) - said(model, gap.assign(area=median))).mean()
    each = np.where(TABLE.area.isna(), at, np.interp(TABLE.area, edges, g))
    np.testing.assert_allclose(found.effect, g - each.mean(), rtol=1e-4, atol=1e-2)
    assert found.apart == [("missing", pytest.approx(at - each.mean(), rel=1e-3, abs=1e-2), len(gap))]


@pytest.mark.parametrize("output", ["low", "mid"])
def test_levels_go_from_each_to_the_next(output):
    model = fitted(KIND)
    found = effects(model, TABLE, "zone", output=output)["zone"]
    means = {level: said(model, TABLE[TABLE.zone == level], output).mean() for level in "abc"}
    order = sorted("abc", key=means.get)
    assert found.labels == order
    g = [0.0]
    for below, here in pairwise(order):
        rows = TABLE[TABLE.zone.isin([below, here])]
        gained = said(model, rows.assign(zone=here), output) - said(model, rows.assign(zone=below), output)
        g.append(g[-1] + gained.mean())
    mean = np.array(g) @ found.rows / N
    np.testing.assert_allclose(found.effect, np.array(g) - mean, atol=1e-6)
    new = said(model, TABLE.assign(zone="moon"), output) - said(model, TABLE, output)
    assert found.apart == [("never seen", pytest.approx(new.mean(), abs=1e-6), 0)]


def test_levels_of_many_are_looked_up_and_the_rarest_left_out(model):
    assert model.encoder_.codes
    found = effects(model, TABLE, "shop", "partial", bins=10)["shop"]
    assert len(found.labels) == 10 and found.left == 20 and (np.diff(found.effect) >= 0).all()
    wanted = [said(model, TABLE.assign(shop=level)).mean() for level in found.labels]
    np.testing.assert_allclose(found.effect, wanted, rtol=1e-5)
    assert "20 rarer levels not shown" in str(effects(model, TABLE, "shop", bins=10))


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", None])
def test_dates_are_read_as_the_column_is_written(form):
    table = TABLE if form is None else TABLE.assign(sold=TABLE.sold.dt.strftime(form))
    model = fitted(table=table)
    found = effects(model, table, "sold", "partial", bins=3)["sold"]
    assert found.shape == "date" and found.labels[0] == str(TABLE.sold.min())[:10]
    last = table.sold[TABLE.sold.argmax()]
    assert found.effect[-1] == pytest.approx(said(model, table.assign(sold=last)).mean(), rel=1e-5)


def test_a_missing_cell_stands_apart_of_every_kind():
    table = TABLE.assign(zone=TABLE.zone.where(TABLE.rooms > 1, None))
    model = fitted(table=table)
    zone = effects(model, table, "zone", "partial")["zone"]
    wanted = said(model, table.assign(zone=None)).mean()
    assert zone.effect[zone.labels.index("missing")] == pytest.approx(wanted, rel=1e-5)
    area = effects(model, table[table.area.notna()], "area", "partial")["area"]  # none of these rows has a gap
    wanted = said(model, table[table.area.notna()].assign(area=np.nan)).mean()
    assert area.apart == [("missing", pytest.approx(wanted, rel=1e-5), 0)]


def test_columns_come_by_what_they_move(model):
    found = effects(model, TABLE)
    assert found.names == sorted(found.names, key=lambda name: -found[name].size) and "same" not in found.names
    assert effects(model, TABLE, ["lift", "area"]).names == ["lift", "area"]
    assert effects(model, TABLE, ["lift"])["lift"].labels == sorted(
        ["false", "true"], key=lambda word: said(model, TABLE)[TABLE.lift == (word == "true")].mean())


def test_arrays_and_sparse_rows_have_columns_by_place():
    from scipy.sparse import csr_array

    X = RNG.normal(size=(80, 3))
    model = ct.Regressor(preset="fast", epochs=2, threads=1).fit(X, X[:, 0])
    found = effects(model, X, 1)
    assert found.names == ["x1"]
    np.testing.assert_allclose(found["x1"].effect, effects(model, csr_array(X), "x1")["x1"].effect, rtol=1e-6)


def test_several_targets_and_labels():
    two = np.stack([PRICE, TABLE.rooms], 1)
    model = ct.Regressor(preset="fast", epochs=2, threads=1).fit(TABLE, two)
    found = effects(model, TABLE, "rooms", "partial", output="y1" if "y1" in model.target_encoder_.names else None)
    assert found["rooms"].effect[0] == pytest.approx(
        model.predict(TABLE.assign(rooms=1))[:, int("y1" in model.target_encoder_.names)].mean(), rel=1e-5)
    labels = ct.Classifier(preset="fast", epochs=2, threads=1).fit(TABLE, (two > two.mean(0)).astype(int))
    assert effects(labels, TABLE, "lift").unit == "probability"


# ---- words -----------------------------------------------------------------------------------------------------------


def test_what_is_printed_drawn_and_written(model, tmp_path):
    found = effects(model, TABLE)
    assert "0 is the mean over 240 rows" in str(found) and "█" in str(found) and "accumulated local" in str(found)
    one = str(effects(model, TABLE, "zone", "partial"))
    assert "never seen" in one and "no row" in one and "partial dependence" in one
    found.plot(tmp_path / "effects.svg")
    effects(model, TABLE, ["area", "zone"], kind="partial").plot(tmp_path / "partial.png")
    assert "missing" in (tmp_path / "effects.svg").read_text()
    state = json.loads(json.dumps(found.to_json()))
    assert state["columns"][0]["column"] == found.names[0] and len(state["columns"][0]["at"]) > 1
    assert {"column", "at", "effect", "rows"} == set(found.to_pandas().columns)


def test_classes_are_in_percentage_points():
    text = str(effects(fitted(np.where(KIND == "low", "no", "yes")), TABLE, "area"))
    assert "yes by area" in text and "percentage points of its probability" in text


def test_what_there_is_nothing_to_compare_in(model):
    still = effects(model, TABLE.assign(rooms=3), "rooms")
    assert "3 in all of these rows: nothing to compare" in str(still) and still["rooms"].effect.tolist() == [0]
    empty = effects(model, TABLE.assign(area=np.nan), ["area", "rooms"])
    assert "missing in all of these rows" in str(empty)
    assert len(effects(model, TABLE[:2], "rooms")["rooms"].at) <= 2
    for one in (still, empty):
        one.plot()


@pytest.mark.parametrize(("columns", "words"), [
    ("aera", "did you mean 'area'"), ("nothing like it", "it has 'area'"), ("same", "every row holds 1"), ([], "empty"),
])
def test_columns_that_the_model_does_not_see(model, columns, words):
    with pytest.raises(ArgumentError, match=words):
        effects(model, TABLE, columns)


def test_refusals(model):
    with pytest.raises(DataError, match="at least two"):
        effects(model, TABLE[:1], "area")
    with pytest.raises(ArgumentError, match='"partial"'):
        effects(model, TABLE, "area", "pdp")
    with pytest.raises(ArgumentError, match="bins"):
        effects(model, TABLE, "area", bins=0)
    with pytest.raises(ArgumentError, match="columns of a table"):
        effects(ct.nn.MLP(2, [3], 1), TABLE)
    with pytest.raises(ArgumentError, match="no effect of 'zone'"):
        effects(model, TABLE, "area")["zone"]
    with pytest.warns(UserWarning, match="one class|constant|only"):
        one = ct.Classifier(epochs=1, threads=1).fit(TABLE, ["only"] * N)
    with pytest.raises(ArgumentError, match="one class, 'only'"):
        effects(one, TABLE, "area")


def test_years_are_written_without_commas():
    assert [place_of("number", x) for x in (1998.0, 250_000.0, 0.5)] == ["1998", "250,000", "0.5"]
