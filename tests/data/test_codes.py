"""Categories of many levels: codes that an embedding looks up, and the same laid out as columns."""

import json

import numpy as np
import pandas as pd
import pytest

from cutaway.data import TableEncoder
from cutaway.data.codes import expanded, hide_levels
from cutaway.data.limits import HIDDEN, WIDE_EXPANDED
from cutaway.data.records import RecordEncoder

#: Three rows each of a, b and c, two of d, two gaps, one row of e.
SHOPS = ["a", "b", "c"] * 3 + ["d", "d", None, None, "e"]


def shops(**settings):
    return TableEncoder(max_levels=2, embed=True, **settings).fit({"shop": SHOPS, "area": np.arange(14.0)})


def test_a_code_is_the_place_of_the_level_then_come_the_rare_and_the_unseen_then_gaps():
    encoder = shops()
    assert encoder.feature_names == ["shop code", "area"]
    assert encoder.codes == {0: 6}
    codes = encoder.transform({"shop": ["a", "b", "c", "d", "e", "never", None], "area": [0.0] * 7})[:, 0]
    assert codes.tolist() == [0, 1, 2, 3, 4, 4, 5]


def test_a_gap_joins_the_rare_where_training_had_too_few():
    encoder = TableEncoder(max_levels=2, embed=True).fit({"shop": ["a", "b", "c"] * 3 + [None]})
    assert encoder.codes == {0: 4}
    assert encoder.transform({"shop": ["never", None]}).tolist() == [[3], [3]]


def test_few_levels_get_a_column_each():
    encoder = TableEncoder(max_levels=2, min_count=3, embed=True).fit({"zone": ["a", "b"] * 4 + ["c", "d"]})
    assert encoder.codes == {}
    assert encoder.feature_names == ["zone=a", "zone=b", "zone other"]


def test_without_embed_the_others_share_a_column():
    assert TableEncoder(max_levels=2).fit({"shop": SHOPS}).feature_names == [
        "shop=a", "shop=b", "shop other", "shop missing"]


def test_scaled_features_are_numbers_and_the_parts_of_dates_but_places_on_a_circle():
    when = pd.Series(pd.date_range("2024-01-01", periods=14))
    encoder = shops().fit({"shop": SHOPS, "area": np.arange(14.0), "when": when, "gaps": [1.0, 2, np.nan, np.nan] * 3
                           + [1.0, 2]})
    names = [encoder.feature_names[i] for i in encoder.scaled]
    assert names == ["area", "when days", "when weekday", "gaps"]


def test_laid_out_each_code_is_a_column():
    encoder = shops()
    Z = encoder.transform({"shop": ["b", None, "new"], "area": [6.5] * 3})
    assert encoder.expanded_names == ["shop=a", "shop=b", "shop=c", "shop=d", "shop other", "shop missing", "area"]
    assert encoder.expanded(Z).tolist() == [[0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 1, 0, 0]]


def test_without_codes_rows_stay_as_they_are():
    encoder = TableEncoder().fit({"a": [1.0, 2]})
    Z = encoder.transform({"a": [1.0]})
    assert encoder.expanded(Z) is Z


def test_laid_out_wide_it_is_a_sparse_matrix_of_the_same_numbers():
    Z = np.array([[2.0, 0.5], [0.0, 0.0], [WIDE_EXPANDED, -1.0]], np.float32)
    laid = expanded(Z, {0: WIDE_EXPANDED + 1})
    dense = np.zeros((3, WIDE_EXPANDED + 2))
    dense[[0, 1, 2], [2, 0, WIDE_EXPANDED]], dense[:, -1] = 1, [0.5, 0, -1]
    assert laid.nnz == 5
    assert np.array_equal(laid.toarray(), dense)


def test_a_share_of_the_rows_has_its_level_hidden_the_same_one_each_time():
    Z = np.zeros((1000, 2), np.float32)
    one, two = (hide_levels(Z.copy(), {1: 7}, seed=3) for _ in range(2))
    assert np.array_equal(one, two)
    assert (one[:, 1] == 7).sum() == HIDDEN * 1000
    assert not one[:, 0].any()


def test_rare_levels_teach_the_same_so_that_none_is_hidden():
    Z = np.zeros((1000, 1), np.float32)
    Z[:50] = 7
    assert np.array_equal(hide_levels(Z.copy(), {0: 7}, seed=3), Z)


def test_its_state_is_plain_and_gives_the_same_codes():
    encoder = shops()
    again = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    table = {"shop": ["e", "a", None, "x"], "area": [1.0, 2, 3, 4]}
    assert (again.codes, again.scaled) == (encoder.codes, encoder.scaled)
    assert np.array_equal(again.transform(table), encoder.transform(table))


def test_the_state_of_a_version_without_codes_is_read():
    state = TableEncoder().fit({"zone": ["a", "b"] * 2}).to_json()
    del state["settings"]["embed"]
    for name in ("coded", "asked"):
        del state["columns"][0][name]
    assert TableEncoder.from_json(state).feature_names == ["zone=a", "zone=b"]


@pytest.mark.parametrize("cell", ["a", "d", "e", "new", None, np.nan, 3, np.float32(3), True])
def test_a_record_gets_the_code_that_a_table_gives(cell):
    encoder = shops()
    records = RecordEncoder(encoder.columns, np.float64)
    row = np.full(2, -1.0)
    records.write({"shop": cell, "area": 2.0}, records.by_name, row.data)
    assert row.tolist() == encoder.transform(pd.DataFrame([{"shop": cell, "area": 2.0}]), np.float64)[0].tolist()


def test_numbers_that_are_levels_are_found_as_they_are_written():
    encoder = TableEncoder(max_levels=2, embed=True, kinds={"shop": "category"}).fit({"shop": [10, 20, 30] * 3})
    assert encoder.transform({"shop": [20.0, 30.0, 40.0]}).tolist() == [[1], [2], [3]]
    assert encoder.transform({"shop": ["20", "30.0", "x"]}).tolist() == [[1], [2], [3]]


def test_a_level_never_seen_is_a_doubt():
    assert shops().doubts({"shop": ["e", "moon"], "area": [1.0, 2]}).names() == ["", "shop"]
