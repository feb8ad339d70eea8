"""The table of forecasts beside other models, made from what was measured."""

import pytest

from benchmarks import forecast_sets, forecasts


def found(ours, ridge):
    return {"about": "1 x 144", "found": {"Cutaway": {"MASE": ours, "coverage": 0.8, "seconds": 1.26},
                                          "ridge on all lags": {"MASE": ridge, "coverage": 0.7}}}


def test_a_line_a_set_then_medians_and_the_best_is_bold():
    rows = forecasts.table({"Airline": found(0.5, 0.6), "nile": found(0.9, 0.8)}, held_out=False).rows
    assert [row[0] for row in rows] == ["Airline", "nile", "median"]
    assert rows[0][2] == "**0.500**" and rows[1][2] == "0.900" and rows[1][6] == "**0.800**"
    assert rows[2][2] == rows[2][6] == "**0.700**" and rows[0][-2:] == ["0.80", "1.3 s"]
    assert rows[0][3] == "-"
    assert not forecasts.table({}, held_out=True).rows


def test_the_page_has_a_place_for_both_parts():
    for part in ("development", "held-out"):
        assert "new" in forecasts.fill(forecasts.PAGE.read_text(), forecasts.BEGIN.format(part), "new")


def test_a_third_of_the_sets_was_held_out():
    names = [source.name for source in forecast_sets.SOURCES]
    held_out = sum(source.held_out for source in forecast_sets.SOURCES)
    assert len(set(names)) == len(names) >= 10 and held_out / len(names) == pytest.approx(1 / 3, abs=0.04)


def test_a_yearly_competition_is_read_from_its_text(tmp_path):
    folder = tmp_path / "datasets" / "data" / "m1_yearly_dataset"
    folder.mkdir(parents=True)
    values = ",".join(map(str, range(25)))
    (folder / "m1_yearly_dataset.tsf").write_text(
        f"@frequency yearly\n@data\nT1:1972-01-01 00-00-00:{values}\nT2:1975-01-01 00-00-00:1,2\n")
    frame = forecast_sets.years_of_m1(tmp_path)
    assert frame["series"].unique().tolist() == ["T1"] and frame["y"].tolist() == list(map(float, range(25)))
    assert frame["when"].tolist() == list(range(1972, 1997))
