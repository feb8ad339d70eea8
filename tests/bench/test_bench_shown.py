"""The tables of a run, from a result as small as can be."""

import copy
import math

from benchmarks import commands, shown

LINE = {"min": 9.0, "max": 11.0, "threads": 1, "memory": 90.0}
RESULT = {
    "family": "mlp", "date": "2026-01-01", "quick": False, "unit": "a step", "proof": "The loss", "tolerance": 0.01,
    "machine": {"processor": "P", "cores": 2, "vector": "avx2", "system": "Linux", "load": 0.5, "blas": "openblas",
                "gflops": 91.2, "bandwidth": {"1": 11.0, "2": 20.0}},
    "settings": {"rounds": 5, "seconds": 0.5, "threads": [1, 2]},
    "targets": {"A": {"PyTorch": 40, "limit": 1.6}}, "install": {"cutaway": {"own": 2e6, "all": 300e6}},
    "start": {"workload": "A", "seconds": {"Cutaway": {"first": 3.7, "later": 0.29}}},
    "workloads": {"A": {"about": "a small net", "competitors": {
        "Cutaway": LINE | {"group": "Cutaway", "us": 10.0, "loss": 1.0, "versions": {"cutaway": "0.1"},
                           "profile": " 0  linear  5.0 µs"},
        "PyTorch eager": LINE | {"group": "PyTorch", "us": 400.0, "loss": 1.001},
        "PyTorch, fused AdamW": LINE | {"group": "PyTorch", "us": 256.0, "loss": 1.001},
        "JAX": {"group": "JAX", "by_threads": {}, "missing": "not installed"},
        "matrix products alone": LINE | {"group": "products", "us": 6.0},
        "memory traffic alone": LINE | {"group": "traffic", "us": 2.0},
    }}},
}


def test_summary_has_the_best_of_each_library_its_target_and_the_limit():
    table = shown.summary([RESULT])
    assert table.head == ["", "Cutaway", "PyTorch", "JAX", "/ products", "/ (products + traffic)"]
    assert table.rows == [["A", "10.0 µs a step", "26x (≥ 40x)", "-", "1.67 (≤ 1.6)", "1.25"]]


def test_summary_fits_a_terminal():
    table = shown.summary([RESULT], brief=True)
    assert table.head == ["", "µs", "PyTorch", "JAX", "/ limit"]
    assert table.rows == [["A", "10.0", "26x", "-", "1.25"]]


def test_times_have_ratio_spread_and_threads():
    rows = dict(map(tuple, shown.times(RESULT).rows))
    assert rows["Cutaway"] == "10.0 (9.0-11.0; 1t)"
    assert rows["PyTorch eager"] == "400 **40x** (9.0-11.0; 1t)"
    assert rows["JAX"] == "not installed"


def test_without_products_the_limit_is_the_traffic():
    result = copy.deepcopy(RESULT)
    del result["workloads"]["A"]["competitors"]["matrix products alone"]
    assert shown.summary([result]).rows[0][-2:] == ["-", "5.00"]


def test_work_that_is_not_the_same_is_named():
    result = copy.deepcopy(RESULT)
    assert shown.losses_apart(result) == []
    lines = result["workloads"]["A"]["competitors"]
    lines["PyTorch eager"]["loss"], lines["PyTorch, fused AdamW"]["loss"] = 1.02, math.nan
    assert shown.losses_apart(result) == ["PyTorch eager on A", "PyTorch, fused AdamW on A"]


def test_a_run_without_cutaway_still_has_tables():
    result = copy.deepcopy(RESULT)
    del result["workloads"]["A"]["competitors"]["Cutaway"]
    assert shown.summary([result]).rows == [["A", "-", "- (≥ 40x)", "-", "-", "-"]]
    assert shown.losses_apart(result) == []


def test_memory_sizes_and_start():
    assert shown.memory_used([RESULT]).rows == [["A", "90", "90"]]
    assert shown.install(RESULT).rows == [["Cutaway", "2 MB", "300 MB"]]
    assert shown.start(RESULT).rows == [["Cutaway", "3.70 s", "0.29 s"]]


def test_a_time_to_reach_stands_beside_the_time():
    result = copy.deepcopy(RESULT)
    result["targets"]["A"] = {"us": 8.5, "before": 1.4}
    result["workloads"]["A"]["competitors"]["Cutaway at abc"] = LINE | {"group": "before", "us": 14.0}
    table = shown.summary([result])
    assert table.head[:3] == ["", "Cutaway", "before"]
    assert table.rows[0][:3] == ["A", "10.0 µs a step (≤ 8.5)", "1.4x (≥ 1.4x)"]


MANY = {
    "together": True, "unit": "a step", "targets": {"x": {"PyTorch": 1.5}, "y": {"PyTorch": 1.5}},
    "workloads": {
        "x": {"competitors": {"Cutaway": {"group": "Cutaway", "us": 10.0, "profile": "none"},
                              "PyTorch": {"group": "PyTorch", "us": 30.0}}},
        "y": {"competitors": {"Cutaway": {"group": "Cutaway", "us": 10.0, "profile": "index"},
                              "PyTorch": {"group": "PyTorch", "us": 12.0}}},
    },
}


def test_a_family_of_many_workloads_has_a_line_for_each():
    table = shown.many(MANY)
    assert table.head == ["", "µs a step", "PyTorch", "by their rule"]
    assert table.rows == [["x", "10.0", "3x", "none"], ["y", "10.0", "1.2x below its target", "index"]]
    assert shown.many_in_words(MANY) == ("2 workloads. PyTorch: 2.1x in the median, 1.2x at least (y); "
                                          "below the target of 1.5x: y.")
    assert shown.summary([MANY]).rows == []


def test_commands_have_shares_and_targets():
    one, two = {"seconds": 10.0, "memory": 100.0}, {"seconds": 40.0, "memory": 300.0}
    result = {"rows": 5, "builds": {"Cutaway": dict.fromkeys(commands.ABOUT, one),
                                    "before": dict.fromkeys(commands.ABOUT, two)}, "boosting": {}}
    row = next(row for row in commands.table(result).rows if row[0].startswith("fit of 5 rows"))
    assert row[1:] == ["10.00 s (≤ 20)", "40.00 s", "0.25 (≤ 0.45)", "100 MiB (≤ 1200)", "300 MiB", "0.33 (≤ 0.4)"]


def test_conditions_name_machine_and_versions():
    text = shown.conditions(RESULT)
    for part in ("P, 2 cores", "91 GFLOP/s", "11.0 GB/s on 1, 20.0 GB/s on 2", "cutaway 0.1", "5 rounds of 0.5 s"):
        assert part in text
