"""Files of arrays that others wrote: read without running anything in them, refused in words."""

import contextlib
import io
import pickle
import struct
import sys
import zipfile

import numpy as np
import pytest
import safetensors.numpy

from cutaway import nn
from cutaway.errors import ArgumentError, CutawayError, FileError

pytestmark = pytest.mark.usefixtures("kernels_as_written")

h5py = pytest.importorskip("h5py")
STATE = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.ones(2, np.float32)}


def loaded(path, layout=None):
    net = nn.Linear(3, 2).init(0)
    net.load_state_dict(path, layout=layout)
    return net


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_our_own_names_in_a_file_go_in(ending, tmp_path):
    path = tmp_path / f"net{ending}"
    path.write_bytes(safetensors.numpy.save(STATE)) if ending == ".safetensors" else np.savez(path, **STATE)
    assert (loaded(path).weight.data == STATE["weight"]).all()
    assert (loaded(str(path), "torch").weight.data == STATE["weight"]).all()


def test_halves_of_float32_are_read_as_such(tmp_path):
    header = b'{"weight":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"bias":{"dtype":"F32","shape":[2],' \
             b'"data_offsets":[12,20]}}'
    halves = (STATE["weight"].view("<u4") >> 16).astype("<u2").tobytes()
    (tmp_path / "net.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + halves + bytes(8))
    assert (loaded(tmp_path / "net.safetensors").weight.data == STATE["weight"]).all()


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "pytorch_model.bin", "net.ckpt", "net.pkl"])
def test_a_pickle_is_never_opened(name, tmp_path):
    class Loud:
        def __reduce__(self):
            return print, ("run",)

    (tmp_path / name).write_bytes(pickle.dumps(Loud()))
    with pytest.raises(ArgumentError, match=r"is a pickle.*not opened.*safetensors.torch.save_file"):
        loaded(tmp_path / name, "torch")


def zipped(name, content):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return whole.getvalue()


def packed(arrays):
    whole = io.BytesIO()
    np.savez(whole, **arrays)
    return whole.getvalue()


def npy(shape, descr="<f4"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def h5(write):
    whole = io.BytesIO()
    with h5py.File(whole, "w") as file:
        write(file)
    return whole.getvalue()


def far(file):
    file.create_dataset("layers/dense/vars/0", (3, 2), "f4", external=[("/etc/hostname", 0, 24)])


def virtual(file):
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (3, 2))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def many(file):
    for k in range(6):
        file.create_dataset(f"{k}", (300 * 200,), "f4")


def linked(file):
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/hostname", "x")


DAMAGED = {  # what takes long is made when it is asked for: every process of the tests reads this
    "an object in an npz": ("net.npz", zipped("weight.npy", npy((1,), "|O") + pickle.dumps([1])), "holds a pickle"),
    "a terabyte in an npz": ("net.npz", zipped("weight.npy", npy((10**6, 10**6))), "more numbers than the whole model"),
    "a short npz": ("net.npz", zipped("weight.npy", npy((2, 3))), "cannot be read"),
    "text in an npz": ("net.npz", zipped("weight.npy", b"hello"), "cannot be read"),
    "no zip": ("net.npz", b"PK\x03\x04", "cannot be read"),
    "no safetensors": ("net.safetensors", b"\xff" * 20, "it is damaged"),
    "an empty file": ("net.safetensors", b"", "it is damaged"),
    "no HDF5": ("net.weights.h5", b"hello", "cannot be read"),
    "a terabyte in HDF5": ("net.weights.h5", h5(lambda f: f.create_dataset("a", (10**6, 10**6), "f4", chunks=True)),
                           "more numbers than the whole model"),
    "many arrays in HDF5": ("net.weights.h5", lambda: h5(many), "far more numbers than this model"),
    "text in HDF5": ("net.weights.h5", h5(lambda f: f.create_dataset("a", data=["a"])), "holds object, not"),
    "numbers in another file": ("net.weights.h5", h5(far), "lies in another file"),
    "numbers of other files": ("net.weights.h5", h5(virtual), "lies in another file"),
    "a link to another file": ("net.weights.h5", h5(linked), "no weights fit"),
    "a .keras without weights": ("net.keras", zipped("config.json", "{}"), "cannot be read"),
    "a .keras that unpacks to much": ("net.keras", lambda: zipped("model.weights.h5", bytes(2**27)), "far larger"),
    "another ending": ("net.gguf", b"", "are read from files that end in .safetensors"),
    "a Keras file in PyTorch's layout": ("net.weights.h5", h5(lambda f: None), "is a file of Keras"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_file_that_cannot_be_read_is_named_and_nothing_changes(what, tmp_path):
    name, content, words = DAMAGED[what]
    (tmp_path / name).write_bytes(content() if callable(content) else content)
    net = nn.Linear(*((300, 200) if "many" in what else (3, 2))).init(0)
    before = net.theta.copy()
    with pytest.raises((ArgumentError, FileError, ValueError), match=words):
        net.load_state_dict(tmp_path / name, layout="torch" if "PyTorch" in what else None)
    assert (net.theta == before).all()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileError, match=r"none.npz: there is no such file"):
        loaded(tmp_path / "none.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(FileError, match="folder or no regular file"):
        loaded(tmp_path / "folder.npz")


def test_without_h5py_the_command_that_brings_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "net.weights.h5").write_bytes(h5(lambda f: None))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ArgumentError, match=r'h5py, which is not installed: pip install "cutaway\[keras\]"'):
        loaded(tmp_path / "net.weights.h5")


@pytest.mark.parametrize("ending", [".safetensors", ".npz", ".weights.h5"])
def test_damaged_bytes_give_errors_of_ours_or_numbers(ending, tmp_path):
    whole = {".safetensors": lambda: safetensors.numpy.save(STATE), ".npz": lambda: packed(STATE),
             ".weights.h5": lambda: h5(lambda f: f.update({"dense/vars/0": STATE["weight"].T,
                                                           "dense/vars/1": STATE["bias"]}))}[ending]()
    rng = np.random.default_rng(0)
    for _ in range(40):
        content = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.3 else whole)
        for place in rng.integers(0, len(content), rng.integers(1, 8)):
            content[place] = rng.choice([0, 255, rng.integers(256)])
        (tmp_path / f"net{ending}").write_bytes(content)
        with contextlib.suppress(CutawayError):
            loaded(tmp_path / f"net{ending}")
