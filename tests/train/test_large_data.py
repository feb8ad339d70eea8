"""Data larger than memory: memory-mapped arrays are read a stage at a time, and memory stays flat."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.train import feeding


def table(n, columns=4):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, columns)).astype(np.float32)
    return X, X[:, :1] * X[:, 1:2]


def mapped(X, path):
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def trained(X, y, **options):
    model = ct.nn.MLP(4, [8], 1).init(0)
    return ct.fit(model, X, y, epochs=3, batch_size=16, **options)


@pytest.mark.parametrize("options", [{}, {"validation": 0.2}, {"drop_last": True}, {"shuffle": False}])
def test_a_memory_map_trains_to_the_bits_of_the_array(tmp_path, monkeypatch, options):
    X, y = table(250)
    monkeypatch.setattr(feeding, "STAGE", 4 * 4 * 48)
    one = trained(X, y, **options)
    two = trained(mapped(X, tmp_path / "X.npy"), mapped(y, tmp_path / "y.npy"), **options)
    np.testing.assert_array_equal(one.model.theta, two.model.theta)
    for name in set(one.history) - {"seconds"}:
        np.testing.assert_array_equal(one.history[name], two.history[name])


def test_rows_held_back_from_a_memory_map_stay_on_the_disk(tmp_path, monkeypatch):
    X, y = table(250)
    monkeypatch.setattr(feeding, "STAGE", 4 * 4 * 48)
    sizes = []
    rows = feeding.Data.rows
    monkeypatch.setattr(feeding.Data, "rows", lambda data, index: sizes.append(len(index)) or rows(data, index))
    trained(mapped(X, tmp_path / "X.npy"), y, validation=0.5)
    assert max(sizes) <= 48


def test_a_number_that_is_missing_on_the_disk_is_named(tmp_path):
    X, y = table(250)
    X[77, 2] = np.nan
    for validation in (None, 0.2, 0.9):
        with pytest.raises(ct.errors.DataError, match="X has nan at row 77, column 2"):
            trained(mapped(X, tmp_path / "X.npy"), y, validation=validation)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="anonymous memory is read from /proc")
def test_training_on_a_memory_map_takes_memory_that_does_not_grow_with_the_file(tmp_path):
    """Once with a file of 200 MB, in stages of 4 MB: what training allocates stays far below the file's size."""
    script = """
import sys, threading, time
import numpy as np
import cutaway as ct
from cutaway.train import feeding

def allocated():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

rows, columns = 200_000, 250
X = np.memmap(sys.argv[1], np.float32, "w+", shape=(rows, columns))  # sparse: zeros that take no room on the disk
y = np.zeros((rows, 1), np.float32)
feeding.STAGE = 4 * 2**20
options = {"epochs": 1, "batch_size": 1000, "validation": 0.2, "threads": 1, "progress": False}
ct.fit(ct.nn.MLP(columns, [4], 1), np.zeros((2000, columns), np.float32), y[:2000], **options)  # loads all code
before, peak, over = allocated(), 0.0, threading.Event()

def watch():
    global peak
    while not over.wait(0.002):
        peak = max(peak, allocated())

watcher = threading.Thread(target=watch)
watcher.start()
ct.fit(ct.nn.MLP(columns, [4], 1), X, y, **options)
over.set()
watcher.join()
print(peak - before)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script, str(tmp_path / "X.f32")], check=True,
                          capture_output=True, text=True)
    assert float(done.stdout) < 60
