"""cutaway fit --engine, --device and --devices."""

import pytest

import cutaway as ct
from cutaway.cli.forecaster import ForecastOptions, wanted
from cutaway.cli.options import FitOptions, ReadOptions


def test_a_model_that_xla_trained_says_so_and_is_used_as_any_other(tmp_path, monkeypatch, run):
    pytest.importorskip("jax")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("area,price\n" + "".join(f"{k},{3 * k + k % 5}\n" for k in range(40)))
    status, _, err = run("fit", "table.csv", "-t", "price", "--preset", "fast", "--hidden", "4", "--epochs", 2,
                         "--engine", "xla", "--device", "cpu", "--devices", "all", "--precision", "float32")
    assert (status, err) == (0, "")
    model = ct.load("model.safetensors")
    assert (model.engine, model.device, model.devices) == ("xla", "cpu", "all")
    assert run("evaluate", "model.safetensors", "table.csv")[0] == 0


@pytest.mark.parametrize(("options", "words"), [
    (("--device", "gpu"), "--device is of the engine that JAX compiles: add --engine xla."),
    (("--devices", 2), "--devices is of the engine that JAX compiles: add --engine xla."),
    (("--engine", "jax"), "no engine is called 'jax': use one of cpu, portable, reference, wasm, xla"),
    (("--engine", "cpu", "--device", "gpu"), "the engine 'cpu' runs on the processor"),
    (("--engine", "xla", "--device", "tpu"), "device='tpu': JAX finds none here, only 'cpu'"),
    (("--engine", "xla", "--devices", "some"), "devices must be"),
])
def test_what_is_not_there_is_refused_before_the_file_is_read(tmp_path, run, options, words, monkeypatch):
    if "xla" in options:
        pytest.importorskip("jax")
    monkeypatch.chdir(tmp_path)
    status, out, err = run("fit", "no such.csv", "-t", "price", *options)
    assert (status, out) == (2, "")
    assert words in " ".join(err.split())


@pytest.mark.parametrize(("options", "forecaster"), [
    ({"engine": "xla", "device": "cpu", "precision": "bf16"}, True), ({"engine": "xla", "epochs": 3}, False)])
def test_an_engine_alone_asks_for_no_network_of_ones_own(options, forecaster):
    """--forecast makes a forecaster, whose networks are trained by it."""
    assert wanted(ReadOptions(forecast="load"), FitOptions(**options), ForecastOptions([])) is forecaster
