"""cutaway export: a model file becomes an ONNX file, and says what goes in and out."""

import numpy as np
import pytest

import cutaway as ct


@pytest.fixture
def model(tmp_path):
    X = {"area": np.arange(240.0), "zone": ["A", "B"] * 120}
    ct.save(ct.Regressor([8], epochs=1, threads=1).fit(X, np.arange(240.0)), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_it_lists_what_goes_in_and_what_comes_out(run, model, tmp_path):
    status, out, _ = run("export", model, tmp_path / "m.onnx", "--coverage", "0.8")
    assert status == 0 and (tmp_path / "m.onnx").read_bytes()[:2] == b"\x08\x08"  # protobuf, IR 8
    assert "zone  text (rows, 1)" in " ".join(out.split()).replace("zone text", "zone  text")
    assert "of 0.8 of new rows" in " ".join(out.split()) and "prediction" in out


def test_another_ending_is_refused(run, model, tmp_path):
    status, _, err = run("export", model, tmp_path / "m.pt")
    assert status and "its name must end in .onnx" in err


def test_a_page_that_trains_is_written_with_rows(run, model, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("area,zone,y\n" + "\n".join(f"{k},{'AB'[k % 2]},{k}" for k in range(60)))
    status, out, _ = run("export", model, tmp_path / "page.html", "--data", rows, "--target", "y")
    assert status == 0 and "60 rows" in out and b"wasm-unsafe-eval" in (tmp_path / "page.html").read_bytes()
    status, _, err = run("export", model, tmp_path / "page.html")
    assert status and "add --data FILE" in " ".join(err.split())
    status, _, err = run("export", model, tmp_path / "m.onnx", "--data", rows)
    assert status and "are for a page" in " ".join(err.split())


def test_weights_are_written_by_layout(run, tmp_path):
    ct.save(ct.nn.MLP(3, [4], 2).init(0), tmp_path / "net.safetensors")
    status, out, _ = run("export", tmp_path / "net.safetensors", tmp_path / "w.npz", "--layout", "torch")
    assert status == 0 and "2.weight" in out and "2 x 4" in out
    net = ct.nn.MLP(3, [4], 2).init(1)
    net.load_state_dict(tmp_path / "w.npz", layout="torch")
    assert (net.theta == ct.load(tmp_path / "net.safetensors").theta).all()


def test_layers_that_the_other_library_has_not_and_unknown_layouts_are_refused(run, model, tmp_path):
    status, _, err = run("export", model, tmp_path / "w.safetensors", "--layout", "torch")
    assert status and "has no counterpart in PyTorch" in " ".join(err.split())
    status, _, err = run("export", model, tmp_path / "w.safetensors", "--layout", "flax")
    assert status and "give torch or keras" in err
    status, _, err = run("export", model, tmp_path / "w.safetensors", "--layout", "keras")
    assert status and "its name must end in .weights.h5 or .npz" in err
    assert not (tmp_path / "w.safetensors").exists()
