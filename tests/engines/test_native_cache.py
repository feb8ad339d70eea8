"""Machine code kept on disk: shared by processes, rebuilt when damaged, never in the way."""

import hashlib
import os
import subprocess
import sys
import time

import pytest

from cutaway.engines.cpu import building, native
from cutaway.engines.cpu.building import Source
from depth import every

# one kernel, two instructions: little to compile
CODE = """
import sys, numpy as np
from cutaway.engines.cpu import building, native
text = "def k(p, s):\\n    x = reals(p[0])\\n    x[0] = F(2) * x[0]"
where, = building.addresses([building.Source("twice", "float64", text)])
import ctypes
x = np.array([21.0]); p = np.array([x.ctypes.data]); s = np.zeros(24, np.int64)
ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(where)(p.ctypes.data, s.ctypes.data)
print(x[0], native.compiled, "cutaway.engines.cpu.language" in sys.modules)
"""


def start(folder, before="", warnings="error"):
    return subprocess.Popen([sys.executable, "-W", warnings, "-c", before + CODE], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=os.environ | {"CUTAWAY_CACHE": str(folder)})


def result(process):
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.split()


def result_and_warnings(process):
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.split(), error


def test_processes_may_race_and_later_ones_are_warm_and_damage_is_mended(tmp_path):
    both = [result(racing) for racing in [start(tmp_path), start(tmp_path)]]
    assert {value for value, *_ in both} == {"42.0"}
    assert "1" in {compiled for _, compiled, _ in both}
    (path,) = tmp_path.glob("*.o")
    assert not list(tmp_path.glob("tmp*")), "half-written files stay behind"
    assert result(start(tmp_path)) == ["42.0", "0", "False"], "a warm process compiles nothing and needs no compiler"
    content = path.read_bytes()
    path.write_bytes(content[:40])
    assert result(start(tmp_path)) == ["42.0", "1", "True"]
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 255
    path.write_bytes(damaged)
    assert result(start(tmp_path))[:2] == ["42.0", "1"]
    kept = path.read_bytes()
    assert hashlib.sha256(kept[32:]).digest() == kept[:32]


def test_where_nothing_can_be_kept_kernels_are_compiled_again_and_one_warning_says_so(tmp_path):
    """A file stands where the folder should be: as good as a read-only home, for every user."""
    (tmp_path / "file").write_text("")
    (value, compiled, _), said = result_and_warnings(start(tmp_path / "file" / "cache", warnings="default"))
    assert (value, compiled) == ("42.0", "1")
    assert said.count("cannot be kept") == 1 and "CUTAWAY_CACHE" in said


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
def test_on_a_full_disk_kernels_run_all_the_same(tmp_path):
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    (value, compiled, _), said = result_and_warnings(start(tmp_path, full, warnings="default"))
    assert (value, compiled) == ("42.0", "1")
    assert said.count("cannot be kept") == 1
    assert not [*tmp_path.glob("*.o"), *tmp_path.glob("tmp*")], "halves of files stay behind"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    assert result(start(tmp_path, warnings="default"))[:2] == ["42.0", "1"]


@pytest.mark.skipif(os.name == "nt", reason="another system's file modes")
def test_a_folder_where_others_may_write_is_not_used(tmp_path):
    """What lies there would be run."""
    result(start(tmp_path / "own"))
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700, "a new one is closed to others"
    for mode in every(2, [0o770, 0o777, 0o707, 0o775]):
        (tmp_path / "own").chmod(mode)
        (value, compiled, _), said = result_and_warnings(start(tmp_path / "own", warnings="default"))
        assert (value, compiled) == ("42.0", "1")
        assert said.count("others may write there, and what lies there is run") == 1


def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    assert native.ours(tmp_path.stat())
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1, raising=False)
    assert native.ours(tmp_path.stat()) == (tmp_path.stat().st_uid == 0), "root's are trusted"


def test_the_name_of_a_file_depends_on_text_and_surroundings(monkeypatch):
    names = {building.digest(Source("k", dtype, text)) for dtype in ("float32", "float64") for text in ("a", "b")}
    monkeypatch.setattr(building, "_kernel_dependencies", lambda: "another language")
    for kept in (building.digest, building._begun):
        kept.cache_clear()
    names.add(building.digest(Source("k", "float32", "a")))
    for kept in (building.digest, building._begun):
        kept.cache_clear()
    assert len(names) == 5


def test_what_no_process_loads_for_long_is_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "folder", lambda: tmp_path)
    for name in ("used", "unused"):
        native.keep(name, b"machine code", "text")
        os.utime(tmp_path / f"{name}.o", (time.time() - 100 * 86400,) * 2)
    assert native.kept("used") == b"machine code"
    assert native.tidy(days=90) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used.o", "used.py"]


# kernels whose loop is a function of its own, too large to be inlined
TWO = """
import ctypes, sys
import numpy as np
from cutaway.engines.cpu.building import Source, addresses
wanted = {"sigmoid": 1 / (1 + np.exp(-0.5)), "silu": 0.5 / (1 + np.exp(-0.5))}
for name in sys.argv[1:]:
    loop = f"def loop(n, width, z, a):\\n    for j in range(n * width):\\n        a[j] = {name}(z[j])"
    kernel = Source(name, "float32", loop + "\\n\\n\\ndef k(p, s):\\n    loop(p[0], p[1], reals(p[2]), reals(p[3]))")
    z, a, s = np.full(9, 0.5, np.float32), np.zeros(9, np.float32), np.zeros(24, np.int64)
    p = np.array([3, 3, z.ctypes.data, a.ctypes.data])
    where, = addresses([kernel])
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(where)(p.ctypes.data, s.ctypes.data)
    np.testing.assert_allclose(a, wanted[name], rtol=1e-6)
"""


def test_kernels_that_different_processes_compiled_do_not_mix(tmp_path):
    surroundings = os.environ | {"CUTAWAY_CACHE": str(tmp_path), "PYTHONHASHSEED": "0"}  # names have a hash in them
    for names in (["sigmoid"], ["silu"], ["sigmoid", "silu"], ["silu", "sigmoid"]):
        done = subprocess.run([sys.executable, "-W", "error", "-c", TWO, *names], capture_output=True, text=True,
                              env=surroundings)
        assert done.returncode == 0, (names, done.stderr)
