"""What the columns do and what moved some rows, on a page: which rows are shown, and what the pictures say."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.report.charts import WIDTH
from cutaway.report.inside import chosen, inside, section, sentence
from cutaway.report.inside_charts import bars, curve, waterfall

EVIL = '<script>alert("x")</script>&'
RNG = np.random.default_rng(0)
N = 120
TABLE = pd.DataFrame({"area": np.where(RNG.random(N) < 0.1, np.nan, RNG.uniform(20, 160, N).round()),
                      EVIL: RNG.choice(["a", EVIL, "c"], N),
                      "built": RNG.integers(1900, 2020, N).astype(float),
                      "sold": pd.Timestamp("2021-01-01") + pd.to_timedelta(RNG.integers(0, 900, N), "D")})
PRICE = pd.Series(1500 * TABLE.area.fillna(90) + 40_000 * (TABLE[EVIL] == "a") + 3000.0)
TARGETS = {
    "numbers": PRICE, "two": pd.Series(PRICE > 130_000),
    "classes": pd.Series(np.where(PRICE > 160_000, "high", np.where(PRICE < 90_000, "low", "mid"))),
    "labels": pd.DataFrame({"p": PRICE > 130_000, "q": TABLE.built > 1950}).astype(int),
}


def fitted(target):
    kind = ct.Regressor if target == "numbers" else ct.Classifier
    y = TARGETS[target]
    return kind(preset="fast", epochs=5, threads=1, validation=(TABLE[:40], y[:40])).fit(TABLE, y)


def made(target="numbers"):
    return inside(fitted(target), TABLE, TARGETS[target], TABLE, list(TABLE.columns))


@pytest.mark.parametrize("target", TARGETS)
def test_a_section_of_every_kind_of_target(target):
    found = made(target)
    assert json.loads(json.dumps(found)) == found
    assert [one["column"] for one in found["effects"]["columns"]] == list(TABLE.columns)
    text = section(found)
    assert text.count("<svg") == len(TABLE.columns) + len(found["rows"]) and "<h2>What the columns do</h2>" in text
    assert "<script" not in text and "nan" not in text.lower().replace(EVIL, "") and "integrated gradients" in text
    assert ("percentage points" in text and "log-odds" in text) == (target != "numbers")


def test_rows_are_the_most_wrong_and_the_most_doubtful():
    model, y = fitted("classes"), TARGETS["classes"].to_numpy()
    rows, p = dict(chosen(model, TABLE, y)), model.predict_proba(TABLE)
    places = model.classes_.tolist()
    truth = np.array([p[i, places.index(label)] for i, label in enumerate(y)])
    missed = model.predict(TABLE) != y
    assert missed[rows["wrong"]] and truth[rows["wrong"]] == truth[missed].min()
    others = [i for i in range(N) if i not in (rows["wrong"], rows["typical"])]
    assert p[rows["doubtful"]].max() == p[others].max(1).min()
    assert len(set(rows.values())) == len(rows)


def test_the_most_typical_row_is_nearest_to_the_medians():
    X = pd.DataFrame({"a": [0.0, 1, 2, 3, 10] * 4, "b": list("xxxyy") * 4})
    model = ct.Regressor(preset="fast", epochs=1).fit(X, np.arange(20.0))
    assert dict(chosen(model, X, np.arange(20.0)))["typical"] == 2


def test_no_row_is_wrong_where_none_is():
    model = fitted("two")
    rows = dict(chosen(model, TABLE, model.predict(TABLE)))
    assert "wrong" not in rows and "doubtful" in rows


def rects(picture, kinds):
    found = re.findall(rf'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="[\d.]+" class="({kinds})"', picture)
    return [(float(x), float(x) + float(wide), kind) for x, _, wide, kind in found]


def test_a_waterfall_begins_at_the_mean_and_ends_at_the_row():
    picture = waterfall(10.0, [("a", 5.0), ("b", -8.0), ("c", 1.0)], 8.0, ["10", "8"], "way")
    up, down, last = rects(picture, "up|down")
    start, stop = (float(x) for x in re.findall(r'<circle cx="([\d.]+)"', picture))
    assert up[0] == pytest.approx(start, abs=0.2) and up[1] == pytest.approx(down[1], abs=0.2)
    assert down[0] == pytest.approx(last[0], abs=0.2) and last[1] == pytest.approx(stop, abs=0.2)
    assert [kind for *_, kind in (up, down, last)] == ["up", "down", "up"]
    length = [high - low for low, high, _ in (up, down, last)]
    assert length[0] / length[1] == pytest.approx(5 / 8, rel=0.02)


def effect(**given):
    return {"column": "area", "shape": "number", "at": [1.0, 2, 3], "labels": ["1", "2", "3"], "effect": [-1.0, 0, 1],
            "rows": [1, 1, 1], "apart": [], "spread": [1, 0, 2], "view": [0, 2], "left": 0} | given


@pytest.mark.parametrize("given", [
    {}, {"apart": [["missing", 9.0, 3]]}, {"effect": [0.0, 0, 0]}, {"shape": "date", "at": [18_000.0, 18_001, 18_002]},
    {"at": [5.0], "labels": ["5"], "effect": [0.0], "spread": [], "view": [0, 0]},
    {"at": [], "labels": [], "effect": [], "spread": [], "view": [0, -1]}, {"at": [1e9, 2e9, 3e9]},
])
def test_curves_stay_in_their_frame(given):
    picture = curve(effect(**given), "price")
    points = [tuple(map(float, pair.split(","))) for part in re.findall(r'points="([^"]+)"', picture)
              for pair in part.split()]
    assert all(0 <= x <= WIDTH and 0 <= y <= 320 for x, y in points) and "nan" not in picture
    assert bool(points) == (len(effect(**given)["at"]) > 1)


def test_bars_show_the_most_frequent_levels():
    levels = [f"level {k}" for k in range(15)]
    picture = bars(effect(shape="category", labels=levels, effect=np.linspace(-1, 1, 15).tolist(),
                          rows=[*range(1, 15), 0], apart=[["never seen", 0.5, 0]]), "{:+.1f}".format)
    assert len(rects(picture, "up|down")) == 13 and "3 rarer ones are not shown" in picture
    assert "level 13" in picture and "level 14" not in picture


@pytest.mark.parametrize(("given", "words"), [
    ({"effect": [1.0, 0, -1]}, "from 1 to 3 the prediction falls by 2."),
    ({"effect": [-1.0, 3, 0]}, "highest at 2 (+3) and lowest at 1 (-1)"),
    ({"apart": [["missing", 0.5, 4]]}, "Where it is missing: +0.5."),
    ({"view": [0, 1]}, "goes on to 3: the last twentieth"),
    ({"labels": ["1"], "effect": [0.0], "view": [0, 0]}, "1 in all of these rows."),
])
def test_captions(given, words):
    assert words in sentence(effect(**given), False)


def test_nothing_is_said_of_nothing():
    assert section({}) is None and inside(None, TABLE, PRICE, TABLE, []) == {}
