"""Files that cannot be read or written: always a FileError that says which file, what is wrong, and what to do."""

import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from saved_networks import Skip, awake

from cutaway import files, nn
from cutaway.errors import ArgumentError, FileError
from cutaway.files import container


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.safetensors"
    files.save(awake(lambda: nn.MLP(4, [5], 2)), path)
    return path


def refused(path, says):
    for read in (files.load, files.describe):
        with pytest.raises(FileError, match=says) as caught:
            read(path)
        assert Path(str(path)).name in str(caught.value)


# ---- reading -------------------------------------------------------------------------------------------------------


def test_files_that_are_not_there(tmp_path):
    refused(tmp_path / "none.safetensors", "there is no such file")
    refused(tmp_path / "none" / "net.safetensors", "there is no such file")
    refused(tmp_path, "this is a folder")
    with pytest.raises(FileError, match="cannot be read"):
        files.load("a\0b")
    with pytest.raises(ArgumentError, match="must be text or a Path, got int"):
        files.load(3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "no regular file")
    with pytest.raises(FileError, match="no regular file"):
        files.save(nn.Linear(1, 1), tmp_path / "pipe")


@pytest.mark.parametrize(("content", "says"), [
    (b"", "is empty"),
    (b"abc", "not a model file"),
    (b"price,area\n1,2\n" * 100, "not a model file"),
    (b"\x80\x04\x95" + b"pickled" * 100, "not a model file"),
    (b"\xff" * 1000, "not a model file"),
    ((2**40).to_bytes(8, "little") + b"{}", "not a model file"),
    ((1000).to_bytes(8, "little") + b"{}", "cut short"),
    ((4).to_bytes(8, "little") + b"{a}}", "not JSON"),
    ((20000).to_bytes(8, "little") + b'{"a":' * 4000, "not JSON"),
])
def test_files_of_another_kind(tmp_path, content, says):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    refused(path, says)


def test_files_of_another_program(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"w": np.zeros(3, np.float16)}, path)
    refused(path, "another program wrote it")
    path.write_bytes(container.pack({"kind": "checkpoint", "t": 3}, {"losses": np.zeros(3)}))
    refused(path, "no model file but a checkpoint")


def test_cut_short_and_too_long(saved):
    content = saved.read_bytes()
    saved.write_bytes(content[:-1])
    refused(saved, rf"it is cut short \({len(content) - 1:,} bytes, and its header says {len(content):,}\)")
    saved.write_bytes(content + b"\0")
    refused(saved, "followed by something else")


def test_damaged_weights(saved):
    content = bytearray(saved.read_bytes())
    content[-5] ^= 1
    saved.write_bytes(content)
    with pytest.raises(FileError, match="its arrays do not fit their checksum"):
        files.load(saved)


def test_damaged_description(saved):
    content = saved.read_bytes().replace(b"layer1", b"layer7", 1)
    saved.write_bytes(content)
    refused(saved, "its description does not fit its checksum")


def test_a_newer_format(saved, monkeypatch):
    monkeypatch.setattr(container, "FORMAT", 7)
    files.save(nn.Linear(1, 1), saved)
    monkeypatch.undo()
    refused(saved, "wrote it in format 7, and this version reads formats up to 1: update Cutaway")


# ---- custom= -------------------------------------------------------------------------------------------------------


class Wider(nn.Module):
    def __init__(self):
        self.inner, self.out = nn.Linear(4, 5), nn.Linear(10, 2)

    def forward(self, x):
        return self.out(self.inner(x))


class Double(nn.Module):
    def forward(self, x):
        return x + x


class Needy(Skip):
    def __init__(self, width):
        super().__init__()


@pytest.mark.parametrize(("build", "says"), [
    (Wider, "inner.weight has shape .* what custom= builds for Skip is not what was saved"),
    (lambda: nn.Linear(4, 2), "lacks bias, weight"),
    (Needy, r"cannot be called without arguments .* custom=\{'Skip': lambda: Skip"),
    (dict, "gave dict, not a ct.nn.Module"),
])
def test_custom_that_does_not_fit(tmp_path, build, says):
    files.save(awake(Skip), tmp_path / "net.safetensors")
    with pytest.raises(FileError, match=says):
        files.load(tmp_path / "net.safetensors", custom={"Skip": build})


def test_custom_that_lacks_one(tmp_path):
    net = nn.Sequential(nn.Linear(4, 4), Skip(), Double())
    files.save(net, tmp_path / "net.safetensors")
    with pytest.raises(FileError, match="custom= has Skip, the model needs Double"):
        files.load(tmp_path / "net.safetensors", custom={"Skip": Skip})


# ---- writing -------------------------------------------------------------------------------------------------------


def test_places_where_nothing_can_be_written(tmp_path):
    with pytest.raises(FileError, match=r"there is no folder .*none: create it first"):
        files.save(nn.Linear(1, 1), tmp_path / "none" / "net.safetensors")
    with pytest.raises(FileError, match="this is a folder"):
        files.save(nn.Linear(1, 1), tmp_path)
    with pytest.raises(FileError, match="cannot be written"):
        files.save(nn.Linear(1, 1), tmp_path / ("n" * 1000))
    with pytest.raises(FileError, match="cannot be written"):
        files.save(nn.Linear(1, 1), "a\0b")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
@pytest.mark.parametrize("error", [
    OSError(errno.ENOSPC, "No space left on device"), PermissionError(13, "Permission denied"), KeyboardInterrupt(),
])
def test_a_failure_leaves_the_old_file(saved, monkeypatch, call, error):
    before = saved.read_bytes()

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(container if call == "open" else os, call, fail, raising=False)
    wanted = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else FileError
    with pytest.raises(wanted, match=None if wanted is KeyboardInterrupt else re.escape(error.strerror)):
        files.save(awake(Skip), saved)
    monkeypatch.undo()
    assert saved.read_bytes() == before and os.listdir(saved.parent) == [saved.name]


def test_a_disk_that_fills_up_while_writing(saved, monkeypatch):
    before = saved.read_bytes()

    class Full:
        def __init__(self, f):
            self.f = f

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.f.close()

        def writelines(self, parts):
            self.f.write(next(iter(parts))[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(container, "open", lambda *a: Full(open(*a)), raising=False)  # noqa: SIM115
    with pytest.raises(FileError, match=r"No space left on device.*; nothing was changed"):
        files.save(awake(Skip), saved)
    assert saved.read_bytes() == before and os.listdir(saved.parent) == [saved.name]


def test_the_new_file_is_whole_before_it_takes_the_name(saved, monkeypatch):
    seen = []
    replace, sync = os.replace, os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append("fsync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append(Path(a).read_bytes()), replace(a, b)))
    files.save(awake(Skip), saved)
    assert seen == ["fsync", saved.read_bytes(), "fsync"] or (os.name == "nt" and len(seen) == 2)


@pytest.mark.skipif(os.name == "nt", reason="another system's file modes and links")
def test_modes_and_links_stay(saved, tmp_path):
    saved.chmod(0o640)
    link = tmp_path / "latest"
    link.symlink_to(saved)
    files.save(awake(Skip), link)
    assert link.is_symlink() and saved.stat().st_mode & 0o777 == 0o640
    assert isinstance(files.load(saved), files.Restored)
