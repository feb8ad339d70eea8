"""Whole numbers that are names: recognised by a target that their order says little of, else pointed out."""

import json

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.data import TableEncoder
from cutaway.data.numbers_as_names import are_names, called_so, may_be_names
from cutaway.data.records import RecordEncoder


def shops(each=8, shops=40):
    rng = np.random.default_rng(0)
    numbers = rng.permutation(np.repeat(np.arange(100, 100 + shops), each)).astype(float)
    own = rng.normal(size=100 + shops)
    return numbers, own[numbers.astype(int)] + 0.5 * rng.normal(size=len(numbers)), rng


def test_numbers_whose_order_says_nothing_are_names():
    numbers, y, _ = shops()
    assert are_names(numbers, y[:, None])


def test_of_several_outputs_one_that_knows_them_is_enough():
    numbers, y, rng = shops()
    assert are_names(numbers, np.stack([rng.normal(size=len(y)), y], axis=1))


@pytest.mark.parametrize("curve", [lambda x: x, lambda x: np.sin(x / 4), lambda x: np.abs(x - 120), np.sqrt])
def test_numbers_with_a_smooth_effect_are_no_names(curve):
    numbers, _, rng = shops()
    assert not are_names(numbers, (curve(numbers) + 0.1 * rng.normal(size=len(numbers)))[:, None])


def test_numbers_that_say_nothing_are_no_names():
    numbers, _, rng = shops()
    assert not any(are_names(numbers, rng.normal(size=(len(numbers), 1))) for _ in range(50))


def test_a_constant_target_says_nothing():
    numbers, _, _ = shops()
    assert not are_names(numbers, np.zeros((len(numbers), 1)))


@pytest.mark.parametrize(("change", "may"), [
    (lambda x: x, True), (lambda x: x + 0.5, False), (lambda x: -x, False), (lambda x: x % 10, False),
    (lambda x: np.arange(len(x)), False), (lambda x: x[:100], False),
    (lambda x: np.where(np.arange(len(x)) % 9 == 0, np.nan, x), True),
])
def test_names_are_whole_and_many_and_each_on_several_rows(change, may):
    numbers = change(shops()[0]).astype(float)
    assert may_be_names(numbers, len(np.unique(numbers[~np.isnan(numbers)]))) is may


def test_no_column_of_the_tables_that_ship_is_taken_for_names():
    for name in ("houses", "diabetes", "iris"):
        if name in ct.datasets.names():
            X, y = ct.datasets.load(name)
            made = ct.design(X, y)
            assert not [c.name for c in made.encoder.columns if getattr(c, "names", "") == "by the target"]


def frame():
    numbers, y, _ = shops()
    return pd.DataFrame({"store_nr": numbers.astype(int), "age": (numbers * 7 % 61).astype(int)}), y


def test_names_get_a_place_each_beside_the_number():
    X, y = frame()
    encoder = TableEncoder(embed=True, max_levels=9).fit(X, told=y[:, None])
    assert encoder.feature_names[:2] == ["store_nr", "store_nr code"]
    assert encoder.codes[1] == 41
    codes = encoder.transform(pd.DataFrame({"store_nr": [139, 100, 7], "age": 1}))[:, 1]
    assert codes.tolist() == [39, 0, 40]
    assert "a code for each of 40 values" in encoder.columns[0].how
    assert "the order of its whole numbers says little of the target" in encoder.notes()[0]


def test_without_an_embedding_they_get_a_column_each():
    X, y = frame()
    encoder = TableEncoder().fit(X[["store_nr"]], told=y[:, None])
    assert encoder.feature_names == ["store_nr", *(f"store_nr={k}" for k in range(100, 140))]


def test_where_nothing_is_known_of_the_target_they_are_pointed_out_by_their_name():
    X, _ = frame()
    encoder = TableEncoder().fit(X)
    assert encoder.feature_names == ["store_nr", "age"]
    assert encoder.notes() == [
        "store_nr holds whole numbers like names: --column store_nr=category takes them for such"]


def test_what_was_asked_is_neither_recognised_nor_pointed_out():
    X, y = frame()
    encoder = TableEncoder(kinds={"store_nr": "number"}).fit(X, told=y[:, None])
    assert encoder.feature_names[0:1] == ["store_nr"]
    assert "store_nr=100" not in encoder.feature_names
    assert not [note for note in encoder.notes() if "store_nr" in note]


def test_codes_of_numbers_are_laid_out_and_kept_in_files_and_written_for_records():
    X, y = frame()
    encoder = TableEncoder(embed=True, max_levels=9).fit(X, told=y[:, None])
    again = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert np.array_equal(again.transform(X), encoder.transform(X))
    assert len(encoder.expanded_names) == encoder.expanded(encoder.transform(X)).shape[1]
    records, row = RecordEncoder(encoder.columns, np.float32), np.zeros(len(encoder.feature_names), np.float32)
    for cell in (100, 139.0, 7, "120", None):
        record = {"store_nr": cell, "age": 3}
        records.write(record, records.by_name, row.data)
        assert row.tolist() == encoder.transform(pd.DataFrame([record] * 40))[0].tolist()


def test_an_estimator_knows_its_target():
    X, y = frame()
    assert ct.Regressor(epochs=1).fit(X, y).encoder_.columns[0].names == "by the target"
    labels = np.array(["low", "middle", "high"])[np.digitize(y, [-0.5, 0.5])]
    assert ct.Classifier(epochs=1).fit(X, labels).encoder_.columns[0].names == "by the target"


@pytest.mark.parametrize(("name", "like"), [
    ("store_nr", True), ("ShopID", True), ("zip", True), ("postcode", True), ("customer", True), ("plant codes", True),
    ("age", False), ("n_items", False), ("num_rooms", False), ("rating", False), ("year", False), ("candid", False),
])
def test_names_that_columns_of_names_have(name, like):
    assert called_so(name) is like


def test_text_with_zeros_in_front_is_pointed_out_and_recognised_as_numbers_are():
    numbers, y, _ = shops()
    text = pd.DataFrame({"place": [f"{int(k):05}" for k in numbers]})
    assert TableEncoder().fit(text).columns[0].names == "by the name"
    assert TableEncoder().fit(text, told=y[:, None]).columns[0].names == "by the target"
    assert TableEncoder().fit(text.astype(int)).columns[0].names == ""


def test_places_out_of_order_in_a_file_are_refused():
    X, y = frame()
    state = TableEncoder(embed=True, max_levels=9).fit(X, told=y[:, None]).to_json()
    for levels in ([3.0, 2.0], []):
        state["columns"][0]["levels"] = levels
        with pytest.raises(ct.errors.FileError, match="damaged"):
            TableEncoder.from_json(state)
