"""The command line on recordings, wide tables and labels of each row."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile

import cutaway as ct

SHORT = ("--epochs", 1, "-q")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with 24 sounds, a long table with a label in each row, and a wide table."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for kind, pitch in (("low", 0.1), ("high", 0.4)):
        (tmp_path / "sounds" / kind).mkdir(parents=True)
        for i in range(12):
            tone = np.sin(pitch * np.arange(30 + i)) * 20000
            wavfile.write(tmp_path / "sounds" / kind / f"{i}.wav", 500, tone.astype(np.int16))
    steps = pd.DataFrame({"who": np.repeat(np.arange(20), 6), "t": np.tile(np.arange(6), 20)})
    steps["x"] = rng.normal(size=120)
    steps["act"] = np.where(steps["x"] > 0, "run", "rest")
    steps.sample(frac=1, random_state=0).to_csv("rows.csv", index=False)
    wide = pd.DataFrame(rng.normal(size=(40, 5)), columns=[f"t{k}" for k in range(1, 6)])
    wide["kind"], wide["name"] = np.where(wide["t1"] > 0, "u", "d"), [f"s{k}" for k in range(40)]
    wide.to_csv("wide.csv", index=False)
    return tmp_path


def done(result):
    status, out, err = result
    assert status == 0, err
    return out


def refused(result, *said):
    status, _, err = result
    assert status == 2 and all(word in err for word in said), err


def test_a_folder_of_sounds(here, run):
    out = done(run("fit", "sounds", "--epochs", 1))
    assert "24 sequences of 30 to 41 time steps of 1 feature" in out and "sound of 500 samples a second" in out
    found = pd.read_csv(io.StringIO(done(run("predict", "model.safetensors", "sounds"))))
    assert found["file"][0] == "high/0.wav" and len(found) == 24
    assert "accuracy" in done(run("evaluate", "model.safetensors", "sounds"))
    one = pd.read_csv(io.StringIO(done(run("predict", "model.safetensors", "sounds/low/3.wav"))))
    assert one["prediction"][0] == found["prediction"][found["file"] == "low/3.wav"].item()
    for path in (here / "sounds").rglob("*.wav"):
        wavfile.write(path, 1000, wavfile.read(path)[1])
    refused(run("predict", "model.safetensors", "sounds"), "1,000 samples a second", "learnt from 500")


def test_a_table_of_recordings(here, run):
    for k in range(20):
        (here / f"r{k}.csv").write_text("t,x\n" + "".join(f"{t},{t * (k % 2)}\n" for t in range(5)))
    pd.DataFrame({"file": [f"r{k}.csv" for k in range(20)], "kind": list("ab") * 10}).to_csv("list.csv", index=False)
    done(run("fit", "list.csv", "--target", "kind", "--time", "t", *SHORT))
    assert ct.load("model.safetensors").encoder_.names == ["x"]
    assert done(run("predict", "model.safetensors", "list.csv")).startswith("file,prediction")
    done(run("evaluate", "model.safetensors", "list.csv"))
    (here / "r7.csv").write_text("t,y\n1,2\n")
    refused(run("fit", "list.csv", "--target", "kind", "--time", "t", *SHORT), "r7.csv", "it lacks x")


def test_a_label_of_each_row(here, run):
    out = done(run("fit", "rows.csv", "--id", "who", "--time", "t", "--target", "act", "--window", 3, "--epochs", 1))
    assert "120 sequences of 1 to 3 time steps" in out and "never on two sides" in " ".join(out.split())
    found = pd.read_csv(io.StringIO(done(run("predict", "model.safetensors", "rows.csv"))))
    assert found["row"].tolist() == list(range(120))
    series = ct.data.from_long_table("rows.csv", "who", "t", ["x"], "act", window=3)
    assert found["prediction"].tolist() == ct.load("model.safetensors").predict(series).tolist()
    done(run("evaluate", "model.safetensors", "rows.csv"))
    refused(run("fit", "rows.csv", "--id", "who", "--time", "t", "--target", "act", *SHORT), "one of each row",
            "--window 24")


def test_a_wide_table(here, run):
    done(run("fit", "wide.csv", "--wide", "--target", "kind", "--id", "name", *SHORT))
    found = pd.read_csv(io.StringIO(done(run("predict", "model.safetensors", "wide.csv"))))
    assert found["name"][0] == "s0" and len(found) == 40
    done(run("evaluate", "model.safetensors", "wide.csv"))
    refused(run("fit", "wide.csv", "--wide", "--target", "kind", *SHORT), "'name' is no step", "--drop")


@pytest.mark.parametrize(("args", "said"), [
    (("sounds", "--target", "kind"), "the names of its subfolders are the labels"),
    (("sounds", "--window", 3), "--window does not go with sounds"),
    (("sounds", "--wide"), "--wide does not go with sounds"),
    (("wide.csv", "--wide", "--target", "kind", "--time", "t1"), "its columns are the steps"),
    (("wide.csv", "--wide"), "--target: name the column"),
    (("wide.csv", "--target", "kind", "--window", 3), "--window does not go with wide.csv"),
])
def test_options_that_do_not_go_together(here, run, args, said):
    refused(run("fit", *args), said)
