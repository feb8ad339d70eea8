"""Rows unlike those of training: found by column, with how far off they are, in tables, sequences and images."""

import json

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.data import ImageEncoder, SequenceEncoder, TableEncoder
from cutaway.data.doubts import range_doubts

rng = np.random.default_rng(0)
N = 200
FRAME = pd.DataFrame({
    "length": rng.uniform(30, 60, N), "kind": rng.choice(["a", "b", "c"], N), "seen": rng.random(N) > 0.5,
    "day": pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d"), "text": ["12"] * 100 + ["15.5"] * 100,
    "gappy": np.where(rng.random(N) < 0.2, np.nan, 1.5), "note": [f"a note of its own {i}" for i in range(N)],
})
FRAME.loc[0, "kind"] = "rare"


def told(X, encoder=None, data=FRAME):
    """What is doubtful, (column, how it begins, rows), also after a trip through JSON."""
    encoder = encoder or TableEncoder(min_count=5).fit(data)
    again = type(encoder).from_json(json.loads(json.dumps(encoder.to_json())))
    found, known = encoder.doubts(X), again.doubts(X)
    assert str(found) == str(known) and found.n == (X.shape[0] if hasattr(X, "shape") else len(X))
    return [(d.column, d.words.partition(":")[0], np.flatnonzero(d.rows).tolist()) for d in found]


def changed(**cells):
    rows = FRAME.iloc[1:6].copy().astype(object)
    for column, values in cells.items():
        rows[column] = values
    return rows


def test_rows_of_training_are_beyond_doubt():
    assert told(FRAME) == [] and not TableEncoder().fit(FRAME).doubts(FRAME)


@pytest.mark.parametrize(("cells", "expected"), [
    ({"length": [40, 41, 64, 45_000.0, 39]}, [("length", "far outside", [3]), ("length", "outside", [2])]),
    ({"length": [-40, 41, 42, 43, 44]}, [("length", "far outside", [0])]),
    ({"length": [61, 29, 42, 43, 44]}, []),  # a little beyond is to be expected
    ({"length": [np.nan, 41, 42, 43, 44]}, [("length", "empty, which training never was", [0])]),
    ({"kind": ["a", "Mars", "b", "rare", "Moon"]}, [("kind", "never seen", [1, 4])]),
    ({"kind": ["a", None, "b", "c", "a"]}, [("kind", "empty, which training never was", [1])]),
    ({"day": ["2024-02-01", "2031-01-01", "2024-07-25", "2024-08-25", "2023-01-01"]},
     [("day", "far outside", [1, 4]), ("day", "outside", [3])]),
    ({"seen": [True, None, False, True, True]}, [("seen", "empty, which training never was", [1])]),
    ({"gappy": [np.nan] * 5, "note": ["new"] * 5}, []),
    ({"text": ["13", "99", "12", "14", "15"]}, [("text", "far outside", [1])]),
], ids=["far", "below", "a little", "gap", "unseen", "no word", "dates", "no truth", "as before", "text"])
def test_cells_unlike_training(cells, expected):
    assert told(changed(**cells)) == expected


def test_it_says_by_how_far_and_in_how_many_rows():
    rows = changed(length=[32_100.0, 59_600, 45, 46, 47], kind=["Mars", "a", "a", "a", "a"])
    found = TableEncoder(min_count=5).fit(FRAME).doubts(rows)
    said = "2 of 5 rows are unlike those of training: length far outside: 32,100 to 59,600, training had 3"
    assert str(found).startswith(said)
    assert "kind never seen: 'Mars' (1 row)" in str(found)
    assert found.rows.tolist() == [2, 1, 0, 0, 0] and found.names() == ["length; kind", "length", "", "", ""]
    assert repr(found) == "Doubts(2 of 5 rows are unlike those of training)"
    assert found.worth_a_note and not TableEncoder().fit(FRAME).doubts(FRAME).worth_a_note


@pytest.mark.parametrize("kind", [np.asarray, "csr"])
def test_arrays_without_names(kind):
    from scipy.sparse import csr_array

    form = csr_array if kind == "csr" else kind
    X = rng.normal(size=(300, 4))
    X[:, 2] = 7  # left out
    new = X[:3].copy()
    new[1, 3], new[2, 2] = 1e300, 8
    assert told(form(new), TableEncoder().fit(form(X))) == [("x3", "far outside", [1])]


@pytest.mark.parametrize(("low", "high", "x", "ways"), [
    (0, 1, [-1.2], ["far outside"]), (5, 5, [5, 5.1], ["far outside"]), (-1e308, 1e308, [1.1e308], []),
    (1e-300, 2e-300, [1e-298], ["far outside"]), (None, None, [1e9], []), (0, 1, [np.nan], []),
])
def test_ranges_of_every_size(low, high, x, ways):
    assert [d.words.partition(":")[0] for d in range_doubts("x", np.array(x, float), low, high)] == ways


def test_sequences_by_length_value_and_gap():
    X = [rng.uniform(size=(n, 2)) for n in rng.integers(8, 13, 60)]
    encoder = SequenceEncoder(["pulse", "load"]).fit(X)
    assert told(X, encoder) == []
    new = [X[0].copy(), X[1].copy(), np.tile(X[2], (3, 1)), X[3].copy()]
    new[0][2, 1], new[1][3, 0], new[3][-1, 0] = 50, np.nan, -0.4
    assert told(new, encoder) == [
        ("the length", "far outside", [2]), ("pulse", "outside", [3]),
        ("pulse", "empty, which training never was", [1]), ("load", "far outside", [0]),
    ]
    same = SequenceEncoder().fit(np.zeros((3, 8, 1)) + rng.normal(size=(3, 8, 1)))
    assert told(np.zeros((1, 9, 1)), same) == [("the length", "far outside", [0])]


def test_images_by_brightness_and_pixels():
    X = (rng.random((50, 8, 8)) < 0.2).astype(np.uint8) * 255
    encoder = ImageEncoder().fit(X)
    assert told(X, encoder) == [] and told(255 - X[:2], encoder) == [("brightness", "far outside", [0, 1])]
    colour = ImageEncoder().fit(rng.uniform(100, 200, (40, 6, 6, 3)))
    new = np.full((2, 6, 6, 3), 150.0)
    new[1, 0, 0, 2] = 900
    assert ("pixels", "far outside", [1]) in told(new, colour)


def test_descriptions_of_before_say_nothing_of_ranges():
    state = TableEncoder(min_count=5).fit(FRAME).to_json()
    for column in state["columns"]:
        for name in ("low", "high", "rare", "last"):
            column.pop(name, None)
    assert told(changed(length=[9e9] * 5, day=["2050-01-01"] * 5), TableEncoder.from_json(state)) == []
    state = SequenceEncoder().fit(np.eye(4)[:, :, None]).to_json()
    for column in state["columns"]:
        del column["low"], column["high"]
    assert SequenceEncoder.from_json(state).doubts(9 * np.ones((1, 4, 1))).found == []


@pytest.mark.parametrize(("low", "high"), [
    (2.0, 1.0), (None, 1.0), (float("nan"), 1.0), (0.0, float("inf")), (0, 10**400),
])
def test_a_range_that_is_none_is_damage(low, high):
    state = TableEncoder(min_count=5).fit(FRAME).to_json()
    state["columns"][0] |= {"low": low, "high": high}
    with pytest.raises(ct.errors.FileError, match="damaged"):
        TableEncoder.from_json(state)


@pytest.mark.parametrize("kind", ["table", "sequences", "images"])
def test_estimators_are_asked_and_never_warn(kind, tmp_path):
    X = {"table": FRAME[["length", "kind"]], "sequences": rng.normal(size=(N, 6, 1)),
         "images": rng.uniform(size=(N, 5, 5, 1))}[kind]
    model = ct.Classifier(epochs=1, threads=1).fit(X, np.arange(N) % 2)
    ct.save(model, tmp_path / "m.safetensors")
    far = X.assign(length=1e6) if kind == "table" else X * 0 + 1e6 if kind == "sequences" else X * 0 + 1.4
    for one in (model, ct.load(tmp_path / "m.safetensors")):
        assert not one.doubts(X) and (one.doubts(far).rows > 0).all()
    model.predict(far)


@pytest.mark.parametrize("last", ["2023-01-01", "never", "2024-99-99"])
def test_a_last_day_before_the_first_is_damage(last):
    state = TableEncoder(min_count=5).fit(FRAME[["length", "day"]]).to_json()
    state["columns"][1]["last"] = last
    with pytest.raises(ct.errors.FileError, match="damaged"):
        TableEncoder.from_json(state)


@pytest.mark.parametrize(("of", "worth"), [(1, True), (19, True), (20, False), (100, False)])
def test_one_row_a_little_outside_is_worth_a_note_among_few(of, worth):
    """Of many columns one or another is a little outside in some rows of any new part of the same data."""
    table = pd.DataFrame({"x": np.linspace(0, 1, 100), "y": np.linspace(0, 1, 100)})
    doubts = TableEncoder().fit(table).doubts(table.head(of).assign(x=[1.2] + [0.5] * (of - 1)))
    assert len(list(doubts)) == 1 and doubts.worth_a_note is worth
