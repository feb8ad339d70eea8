"""Several processes over loopback train one model: the bits of one with as many devices, and one refusal for all."""

import numpy as np
import pytest
from launch import begin, found

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.train.feeding import Data, stages

pytest.importorskip("jax")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What one process with two devices found, and two processes with one each, which Slurm seems to have started."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    alone, both = begin("several_train.py", 1, one, devices=2), begin("several_train.py", 2, two, cluster="Slurm")
    return found(alone, one)[0], *found(both, two, code=1)  # 1: in the end one of them breaks off


def test_two_processes_train_as_two_devices_of_one_do(runs):
    alone, first, second = runs
    for what in ("weights", "losses", "scores", "mapped"):
        assert alone[what] == first[what] == second[what], what


def test_one_process_calls_back_and_writes_and_all_stop_with_it(runs):
    alone, first, second = runs
    assert alone["heard"] == first["heard"] == ["Started", "EpochEnded", "EpochEnded", "Ended"]
    assert second["heard"] == []
    assert (first["stopped"], second["stopped"]) == ("enough", "rank 0 was told to stop")
    assert first["files"] in (1, 2)  # the last two are kept; how many there were, the clock says


def test_each_process_reads_its_own_rows_of_a_memory_map(runs):
    alone, first, second = runs
    assert (alone["taken"], first["taken"], second["taken"]) == (103, 52, 51)


def test_rows_that_no_other_process_has_train_as_if_one_had_them_all(runs):
    alone, first, second = runs
    assert first["own"] == second["own"]
    for ours, theirs in zip(first["own"], alone["own"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_what_the_first_process_makes_all_have(runs):
    assert [one["fitted"] for one in runs] == [[0, "medians"]] * 3


def test_a_table_in_parts_gives_all_the_same_estimator(runs):
    """The first process has no row of Thun: it knows the town and its class by the sample, and by training."""
    _, first, second = runs
    assert first["table"] == second["table"]
    found = first["table"]
    assert found["says"] == ["a", "b", "c"] and found["rows"] == 260
    assert found["temperature"] != 1.0, "of the rows that both held back"
    np.testing.assert_allclose(found["factors"], [260 / 3 / 80, 260 / 3 / 70, 260 / 3 / 110])


@pytest.mark.parametrize(("case", "words"), [
    (0, 'give engine="xla", devices="all"'), (1, "leave it out of fit_own_rows"),
    (2, "split='time' looks at all rows together")])
def test_what_an_estimator_of_a_table_in_parts_refuses(runs, case, words):
    assert all(words in one["table"]["refused"][case] for one in runs[1:])


def test_exact_mode_gives_the_same_bits_with_batch_norm_too_and_a_trace_by_one_process(runs):
    alone, first, second = runs
    assert alone["exact"] == first["exact"] == second["exact"]
    _, losses = alone["exact"]
    assert first["traced"] == second["traced"] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize(("case", "words"), [
    ("seeds", "do not agree on what they train, so none of them begins. seed: rank 0 has 0, rank 1 has 1"),
    ("data", "the data: rank 0 has "),
    ("rates", "optimizer: rank 0 has Momentum(lr=0.1, beta=0.9), rank 1 has Momentum(lr=1.1, beta=0.9)"),
    ("four", "devices=4, and JAX finds 2 here"),
    ("columns", "a row of X: rank 0 has {'x': (6,)}, rank 1 has {'x': (5,)}"),
    ("whose", "do not agree on whose rows they pass, so none of them begins. own_rows: rank 0 has True, rank 1 has"),
    ("filled", "(rank 0 has 103, rank 1 has 102 rows), and layer2: batch norm takes all rows of a batch together"),
    ("both", "rows that one process has cannot go to another"),
    ("function", "give shuffle=True, by which each orders its own"),
    ("several", 'add engine="xla", devices="all"'),
    ("one", "devices=1 cannot be shared alike by 2 processes: take a multiple of 2"),
])
def test_what_all_refuse_alike(runs, case, words):
    _, first, second = runs
    assert words in first[case] == second[case]


def test_data_that_one_cannot_read_are_told_to_all(runs):
    _, first, second = runs
    assert second["bad"].startswith("DataError: X has nan at row 0, column 0")
    assert first["bad"].startswith("TrainingError: rank 1 (process ")
    assert "was lost: DataError: X has nan at row 0" in first["bad"]


def test_a_process_joins_once(runs):
    _, first, second = runs
    assert first["same"] == second["same"] == "nothing"
    assert "has joined as rank 0 of 2 already, and start is called with rank=1" in first["again"]


@pytest.mark.parametrize(("how", "words"), [
    ({"address": "here", "processes": 2, "rank": 0}, 'address must be "host:port"'),
    ({"address": "127.0.0.1:1", "processes": 2, "rank": 2}, "rank=2, and there are 2 processes: ranks are 0 to 1"),
    ({"processes": 0}, "processes must be"),
])
def test_what_start_refuses(how, words):
    with pytest.raises(ArgumentError, match=words):
        ct.distributed.start(**how)
    assert (ct.distributed.rank(), ct.distributed.processes()) == (0, 1)


def test_where_no_cluster_is_found_it_says_what_to_give(monkeypatch):
    """JAX looks for one before it looks at anything else, unless it was used already, as tests before may have done."""
    import jax

    def finds_none(*_, **__):
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", finds_none)
    with pytest.raises(ArgumentError, match=r"no cluster is found .*give address, processes, rank"):
        ct.distributed.start()


def test_rows_of_others_are_not_read_and_the_order_stays():
    data = Data(np.arange(20.0).reshape(10, 2), np.arange(10.0))
    order = np.array([7, 1, 4, 0, 9, 3, 2, 8, 5, 6])
    (part, back), = stages(data, order, 4, lambda n: slice(n // 2, n))
    assert part.y.tolist() == [0, 2, 4, 6, 8]
    places = [2, 3, 6, 7, 9]
    assert part.y[back[places]].tolist() == order[places].tolist()
