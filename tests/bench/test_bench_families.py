"""Every family of workloads, made small: Cutaway's line does the work that the family's own NumPy code expects."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from benchmarks import FAMILIES, cnn, idioms, many, mlp, predict, record, rnn, update
from benchmarks.harness import WORKER, Run, Settings, family_of
from benchmarks.sizes import sizes


def small(work, batches=2):
    return replace(work, rows=batches * work.batch)


def ours(family, work, data):
    """The result of one epoch in the order of the rows."""
    return next(c for c in family.COMPETITORS if c.group == "Cutaway").prepare(work, data, 1)(1, False)


@pytest.mark.parametrize("name", FAMILIES)
def test_family_says_what_a_run_needs(name):
    family = family_of(name)
    assert family.TARGETS.keys() == family.WORKLOADS.keys()
    assert all(key == work.name and work.rows % work.batch == 0 for key, work in family.WORKLOADS.items())
    assert any(c.group == "Cutaway" and c.ours for c in family.COMPETITORS)
    assert family.COLD is None or family.COLD in family.WORKLOADS
    assert all(c.package in ("cutaway", "numpy") for c in family.COMPETITORS if c.ours)
    assert family.UNIT and family.PROOF and 0 < family.TOLERANCE <= 0.01
    assert len({c.name for c in family.COMPETITORS}) == len(family.COMPETITORS)


@pytest.mark.parametrize(("family", "name"), [(mlp, "A"), (mlp, "B"), (cnn, "CNN"), (rnn, "LSTM-64"), (rnn, "GRU-64")])
def test_numpy_finds_the_loss_of_the_trained_network(family, name):
    work = small(family.WORKLOADS[name])
    data = family.data(work)
    initial = {k: v for k, v in data.items() if k not in ("X", "y")}
    result = ours(family, work, data)
    assert abs(family.loss(work, data, result) - family.loss(work, data, initial)) > 1e-4

    net = family.cutaway_net(ct.nn, work)
    net.load_state_dict(result)
    J = ct.losses.mse if work.task == "regression" else ct.losses.cross_entropy
    y = data["y"][:, None] if work.task == "regression" else data["y"]
    assert family.loss(work, data, result) == pytest.approx(float(J(net(data["X"]), y).numpy()), rel=1e-5)


@pytest.mark.parametrize("name", update.WORKLOADS)
def test_updates_are_those_of_the_expression_in_numpy(name):
    work = replace(update.WORKLOADS[name], shape=(100,), rows=5)
    data = update.data(work)
    expected = update.expression("numpy")(work, data, 1)(1, False)
    np.testing.assert_allclose(ours(update, work, data)["theta"], expected["theta"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kept", [False, True])
def test_predictions_are_those_of_the_weights(kept, monkeypatch):
    monkeypatch.delattr("os.sched_setaffinity", raising=False)  # this process keeps its cores
    work = small(predict.WORKLOADS["batch"])
    data = predict.data(work)
    result = predict.cutaway(kept)(work, data, 1)(1, False)
    assert predict.loss(work, data, result) == pytest.approx(mlp.loss(work, data, data), rel=1e-6)


@pytest.mark.parametrize("name", ["h[:, -1]", "weight tying", "residual blocks with batch norm"])
def test_an_idiom_is_trained_as_by_fit(name):
    work = small(idioms.WORKLOADS[name])
    data = idioms.data(work)
    result = ours(idioms, work, data)
    expected = idioms.by_fit(idioms.compiled(work, data, 1)[0], work, data, 1)(1, False)
    assert result.keys() == expected.keys() == idioms.weights_of(data).keys()
    for weight, w in result.items():
        np.testing.assert_allclose(w, expected[weight], rtol=1e-4, atol=1e-6)
    assert idioms.loss(work, data, result) != idioms.loss(work, data, idioms.weights_of(data))
    assert isinstance(idioms.by_their_rule(work, data), str)


@pytest.mark.skipif(not hasattr(ct, "predictor"), reason="ct.predictor is not there yet")
def test_a_record_is_predicted_as_a_frame_of_one_row():
    work = replace(record.WORKLOADS["record"], rows=5)
    data = record.data(work)
    frames, dicts = (record.cutaway(prepared)(work, data, 1)(1, False)["outputs"] for prepared in (False, True))
    assert frames.tolist() == dicts.tolist()


def test_houses_are_records_of_79_columns():
    data = record.data(record.WORKLOADS["record, houses"])
    assert record.frame(data).shape[1] == 79 and len(record.records(replace(record.WORKLOADS["record"], rows=3),
                                                                    record.frame(data))) == 3


def test_onnx_runtime_has_the_weights():
    pytest.importorskip("onnxruntime")
    work = small(predict.WORKLOADS["batch"])
    data = predict.data(work)
    assert predict.loss(work, data, predict.onnx_predict(work, data, 1)(1, False)) == pytest.approx(
        mlp.loss(work, data, data), rel=1e-6)


def test_each_of_many_models_is_trained_with_its_own_rate():
    work = small(many.WORKLOADS["64 A"], batches=1)
    data = many.data(work)
    trained = ours(many, work, data)
    for i in (0, 7, 63):
        net, (seed, lr) = mlp.cutaway_net(ct.nn, work), many.MODELS[i]
        net.load_state_dict({name: w[i] for name, w in many.initial(data).items()})
        ct.fit(net, data["X"], data["y"], loss="mse", optimizer=ct.optim.AdamW(lr), epochs=1, batch_size=work.batch,
               seed=seed, threads=1, progress=False)
        for name, w in net.state_dict().items():
            np.testing.assert_allclose(trained[name][i], w, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in ("idioms", "record")])
def test_what_a_step_moves_grows_with_the_network(name):
    family = family_of(name)
    moved = mlp.moved if name == "many" else family.moved
    assert all(moved(work) > 0 for work in family.WORKLOADS.values())
    assert mlp.parameters(mlp.WORKLOADS["A"]) == 3457


def test_profile_names_the_products_of_a_step():
    work = small(mlp.WORKLOADS["A"])
    text = mlp.COMPETITORS[0].profile(work, mlp.data(work))
    assert "linear" in text and "GFLOP/s" in text


def test_peers_never_load_cutaway():
    code = (f"import runpy, sys; load = runpy.run_path({str(WORKER)!r})['family_of']; [load(f) for f in {FAMILIES!r}]; "
            "print([m for m in sys.modules if m.startswith('cutaway')])")
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ONE = Settings(rounds=1, seconds=0.001, threads=(1,), cold=0, only="Cutaway")


def test_another_build_runs_beside_this_one(tmp_path):
    """Its line has its own sources: here, ones that say which version they are."""
    here = Path(ct.__file__).parent
    (tmp_path / "src").mkdir()
    shutil.copytree(here, tmp_path / "src" / "cutaway", ignore=shutil.ignore_patterns("__pycache__"))
    init = tmp_path / "src" / "cutaway" / "__init__.py"
    init.write_text(re.sub('__version__ = ".*"', '__version__ = "0.0.before"', init.read_text()))
    run = Run("update", replace(ONE, build=str(tmp_path)), lambda text: None)
    ours, before = run.result(["AdamW A"], {})["workloads"]["AdamW A"]["competitors"].items()
    assert ours[0] == "Cutaway" and before[0].startswith("Cutaway at ")
    assert ours[1]["versions"]["cutaway"] == ct.__version__ and before[1]["versions"]["cutaway"] == "0.0.before"
    assert before[1]["group"] == "before" and before[1]["us"] > 0


def test_a_competitor_runs_in_a_process_of_its_own_and_another_build_that_is_missing_is_a_line_of_the_table(tmp_path):
    run = Run("update", replace(ONE, build=str(tmp_path / "gone")), lambda text: None)
    lines = run.result(["AdamW A"], {})["workloads"]["AdamW A"]["competitors"]
    here = lines["Cutaway"]
    assert here["us"] > 0 and here["memory"] > 0 and here["loss"] > 0 and here["versions"]["cutaway"]
    assert lines["Cutaway at gone"]["missing"] == "not there"


def test_one_process_has_all_workloads_of_a_family_of_many():
    run = Run("idioms", ONE, lambda text: None)
    found = run.result(["x[:, :3]", "FiLM: scale and shift by a condition"], {})
    assert found["together"]
    for entry in found["workloads"].values():
        assert entry["competitors"]["Cutaway"]["us"] > 0 and "profile" in entry["competitors"]["Cutaway"]


def test_a_library_without_the_rule_is_a_line_of_the_table():
    torch = next(c for c in update.COMPETITORS if c.name == "PyTorch, fused")
    with pytest.raises((NotImplementedError, ImportError)):
        torch.prepare(update.WORKLOADS["RMSProp C"], {}, 1)


def test_rounds_without_anyone_to_measure_end():
    run = Run("update", Settings(cold=0, only="no such library"), lambda text: None)
    assert run.result(["AdamW A"], {})["workloads"]["AdamW A"]["competitors"] == {}


def test_sizes_count_what_a_package_requires():
    found = sizes(["rich", "pygments", "no-such-package"])
    assert found.keys() == {"rich", "pygments"}
    assert 0 < found["rich"]["own"] < found["pygments"]["all"] < found["rich"]["all"]
