"""What moved a prediction: parts by column that add up, checked against sums of differences along the way."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from cutaway.inspect.prediction import AskedOutput
from cutaway.inspect.why import integrated, typical_row

RNG = np.random.default_rng(0)
N = 60
TABLE = pd.DataFrame({"area": RNG.uniform(20, 160, N), "zone": RNG.choice(["a", "b", "b", "c"], N),
                      "age": RNG.integers(0, 90, N).astype(float)})
PRICE = 1500 * TABLE.area + 40_000 * (TABLE.zone == "b") - 200 * TABLE.age
KIND = np.where(PRICE > 140_000, "high", np.where(PRICE < 90_000, "low", "mid"))
TARGETS = {
    "numbers": PRICE, "two numbers": np.stack([PRICE, TABLE.age], 1),
    "two classes": np.where(PRICE > 130_000, "y", "n"),
    "three classes": KIND, "labels": np.stack([PRICE > 130_000, TABLE.age > 40], 1).astype(int),
}


def fitted(target="numbers", **how):
    kind = ct.Regressor if "numbers" in target else ct.Classifier
    return kind(**{"network": [8], "epochs": 5, "threads": 1} | how).fit(TABLE, TARGETS[target])


@pytest.fixture(scope="module")
def models():
    return {target: fitted(target) for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS)
def test_parts_add_up_to_the_difference_of_the_predictions(models, target):
    found = ct.inspect.why(models[target], TABLE.iloc[[3]], background=TABLE[:5])
    off = found.parts.sum() - (found.prediction - found.baseline)
    assert off == pytest.approx(found.residual, abs=1e-9 * abs(found.prediction))
    assert found.steps == 1024 or abs(off) <= max(1e-3 * np.abs(found.parts).sum(), 1e-4 * abs(found.prediction))
    assert set(found.names) == set(TABLE.columns)


def test_numbers_are_in_the_targets_own_unit(models):
    model = models["numbers"]
    found = ct.inspect.why(model, TABLE.iloc[[3]], background=TABLE[:5])
    assert found.prediction == pytest.approx(model.predict(TABLE.iloc[[3]])[0], rel=1e-5)
    assert found.baseline == pytest.approx(model.predict(TABLE[:5]).mean(), rel=1e-5)


@pytest.mark.parametrize(("target", "output", "place"), [("two classes", "n", 0), ("two classes", "y", 1),
                                                         ("three classes", "low", 1), ("labels", None, None)])
def test_classes_are_in_log_odds(models, target, output, place):
    model = models[target]
    p = model.predict_proba(TABLE.iloc[[3]])[0]
    found = ct.inspect.why(model, TABLE.iloc[[3]], output=output)
    p = p[p.argmax() if place is None else place]
    assert found.prediction == pytest.approx(np.log(p / (1 - p)), abs=1e-5)
    assert found.probabilities[1] == pytest.approx(p)


def test_of_a_linear_network_a_part_is_weight_times_difference():
    model = fitted(network=[])
    found = ct.inspect.why(model, TABLE.iloc[[3]])
    W = model.model_.state_dict()["layer1.weight"][0]
    away = model.encode(TABLE.iloc[[3]])[0] - typical_row(model.encoder_)[0]
    area = model.encoder_.feature_names.index("area")
    parts = dict(zip(found.names, found.parts, strict=True))
    assert parts["area"] == pytest.approx(W[area] * away[area] * model.target_encoder_.spread, rel=1e-5)


def test_parts_are_sums_of_small_differences_along_the_way(models):
    """Go the way in small steps, in each of which one feature after the other moves: what f gains is its part."""
    model = fitted(network=ct.nn.Sequential(ct.nn.Linear(5, 6), ct.nn.Tanh(), ct.nn.Linear(6, 1)))
    Z, base = model.encode(TABLE.iloc[[3]])[0].astype(float), typical_row(model.encoder_)[0]
    net, steps = model.model_.astype("float64"), 400
    parts = np.zeros(len(Z))
    for k in range(steps):
        at = base + (k + 0.5) / steps * (Z - base)
        half = np.diag(Z - base) / (2 * steps)
        f = np.asarray(net(np.concatenate([at + half, at - half])).data).ravel()
        parts += f[: len(Z)] - f[len(Z) :]
    spread = model.target_encoder_.spread
    found = integrated(net, AskedOutput("number", 0, "y", factor=spread), Z, base[None], steps)
    np.testing.assert_allclose(found, parts * spread, rtol=1e-4, atol=1e-3)


def test_a_code_moves_from_vector_to_vector():
    """Of a linear network behind the embeddings, the part of a code is W times the difference of the vectors."""
    Z = np.column_stack([np.arange(40) / 10, np.arange(40) % 3, np.arange(40) % 2 * 1.0])
    front = ct.nn.TableInput.of(Z, codes={1: 3}, scaled=[])
    net = ct.nn.Sequential(front, ct.nn.Linear(front.n_out, 1)).init(0)
    bases = np.array([[0.0, 0, 1], [1.0, 1, 0]])
    found = integrated(net, AskedOutput("number", 0, "y"), np.array([2.0, 2, 1]), bases, 7)
    W, vectors = net.layer2.weight.data[0].astype(float), front.code1.data.astype(float)
    whole = (vectors[2] - vectors[[0, 1]]) @ W[2:]
    np.testing.assert_allclose(found, [1.5 * W[0], whole.mean(), 0.5 * W[1]], rtol=1e-6)


def test_bends_of_bins_cost_no_points():
    """Of a linear network behind bins, a part is W times the difference of what the bins give, whatever the points."""
    Z = np.random.default_rng(1).normal(size=(80, 2))
    front = ct.nn.PiecewiseLinear.of(Z, bins=8)
    net = ct.nn.Sequential(ct.nn.TableInput.of(Z, bins=8), ct.nn.Linear(18, 1)).init(0)
    row, base = Z[0], Z[1:2]
    W = net.layer2.weight.data[0].astype(float)
    u = np.diff(front(np.concatenate([base, row[None]])).data.astype(float), axis=0)[0]
    away = row - base[0]
    parts = [W[:8] @ u[:8] + W[16] * away[0], W[8:16] @ u[8:] + W[17] * away[1]]
    np.testing.assert_allclose(integrated(net, AskedOutput("number", 0, "y"), row, base, 3), parts, atol=1e-6)
    assert net.layer1.sources.tolist() == [0] * 8 + [1] * 8 + [0, 1]


@pytest.mark.parametrize("width", [0, 3])
def test_a_first_layer_knows_which_feature_each_number_tells_of(width):
    Z = np.column_stack([np.arange(60) / 10, np.arange(60) % 3, np.arange(60) % 2, np.arange(60) ** 0.5])
    layer = ct.nn.TableInput.of(Z, codes={1: 3}, scaled=[0, 3], bins=4, width=width, beside=True).init(0)
    assert layer.sources.shape == (layer.n_out,)
    for feature in range(4):
        other = Z.copy()
        other[:, feature] = Z[::-1, feature]
        moved = (layer(Z).data != layer(other).data).any(0)
        assert set(layer.sources[moved]) == {feature}


def test_a_network_of_codes_alone():
    front = ct.nn.TableInput.of(np.arange(40)[:, None] % 3, codes={0: 3})
    net = ct.nn.Sequential(front, ct.nn.Linear(front.n_out, 1)).init(0)
    found = integrated(net, AskedOutput("number", 0, "y"), np.array([2.0]), np.array([[0.0]]), 2)
    f = net.predict(np.array([[0.0], [2.0]], np.float32)).ravel()
    assert found.sum() == pytest.approx(float(f[1] - f[0]), abs=1e-6)


def test_members_are_asked_for_their_mean():
    net = ct.nn.TabM(3, [8], 1, k=4).init(0)
    row, base = np.array([1.0, -1, 2]), np.zeros((1, 3))
    found = integrated(net, AskedOutput("number", 0, "y"), row, base, 512)
    f = net.predict(np.stack([row, base[0]]).astype(np.float32)).ravel()
    assert found.sum() == pytest.approx(f[0] - f[1], abs=1e-3)


def test_the_typical_row_has_medians_and_the_most_frequent_category(models):
    row = dict(zip(models["numbers"].encoder_.feature_names, typical_row(models["numbers"].encoder_)[0], strict=True))
    assert row["area"] == 0 and row["zone=b"] == 1 and row["zone=a"] == 0


def test_a_row_may_be_a_dict_a_series_or_a_frame(models):
    forms = (TABLE.iloc[[3]], TABLE.iloc[3], TABLE.iloc[3].to_dict())
    first, *others = [ct.inspect.why(models["numbers"], row) for row in forms]
    for other in others:
        np.testing.assert_array_equal(first.parts, other.parts)
        assert first.cells == other.cells


def test_what_is_printed_drawn_and_written(models, tmp_path):
    found = ct.inspect.why(models["three classes"], TABLE.iloc[[3]], background=TABLE)
    text = str(found)
    assert "log-odds" in text and "█" in text and "60 rows have on average" in text and "sum" in text
    found.plot(tmp_path / "why.svg")
    assert "zone = " in (tmp_path / "why.svg").read_text()
    state = found.to_json()
    assert sum(row["part"] for row in state["columns"]) == pytest.approx(found.parts.sum())
    assert found.to_pandas().index.tolist() == found.names and "<svg" not in found._repr_html_()


def test_bars_go_from_the_mean_to_the_prediction(models):
    found = ct.inspect.why(models["numbers"], TABLE.iloc[[3]], background=TABLE)
    bars = found.plot().axes[0].patches
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    assert bars[0].get_x() == pytest.approx(found.baseline)
    assert [bar.get_x() for bar in bars[1:]] == pytest.approx(ends[:-1])
    assert ends[-1] == pytest.approx(found.prediction + found.residual)


def test_refusals(models):
    with pytest.raises(DataError, match="one row is explained at a time, got 2"):
        ct.inspect.why(models["numbers"], TABLE[:2])
    with pytest.raises(ArgumentError, match="'high'"):
        ct.inspect.why(models["three classes"], TABLE[:1], output="hihg")
    with pytest.raises(ArgumentError, match="columns of a table"):
        ct.inspect.why(ct.nn.MLP(2, [3], 1), TABLE[:1])
    with pytest.raises(ArgumentError, match="tolerance"):
        ct.inspect.why(models["numbers"], TABLE[:1], tolerance=0)
