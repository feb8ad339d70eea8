"""Machine code kept on disk: shared by processes, rebuilt when damaged, never in the way."""

import hashlib
import os
import subprocess
import sys

import pytest

from cutaway.engines import native

# one kernel, two instructions: little to compile
CODE = """
import sys, numpy as np
from cutaway.engines import native
from cutaway.engines.codegen import Kernel
from cutaway.engines.cpu import address
kernel = Kernel("twice", "def k(p, s):\\n    x = reals(p[0])\\n    x[0] = F(2) * x[0]", [], [])
where = address(kernel, np.dtype("float64"))
import ctypes
x = np.array([21.0]); p = np.array([x.ctypes.data]); s = np.zeros(24, np.int64)
ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(where)(p.ctypes.data, s.ctypes.data)
print(x[0], native.compiled, "numba" in sys.modules)
"""


def start(folder):
    return subprocess.Popen([sys.executable, "-W", "error", "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=os.environ | {"CUTAWAY_CACHE": str(folder)})  # fmt: skip


def result(process):
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.split()


def test_processes_may_race_and_later_ones_are_warm_and_damage_is_mended(tmp_path):
    for racing in [start(tmp_path), start(tmp_path)]:
        assert result(racing)[:2] == ["42.0", "1"]
    (path,) = tmp_path.glob("*.o")
    assert not list(tmp_path.glob("tmp*")), "half-written files stay behind"
    assert result(start(tmp_path)) == ["42.0", "0", "False"], "a warm process compiles nothing and needs no Numba"
    content = path.read_bytes()
    path.write_bytes(content[:40])
    assert result(start(tmp_path)) == ["42.0", "1", "True"]
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 255
    path.write_bytes(damaged)
    assert result(start(tmp_path))[:2] == ["42.0", "1"]
    kept = path.read_bytes()
    assert hashlib.sha256(kept[32:]).digest() == kept[:32]


def test_where_nothing_can_be_kept_kernels_are_compiled_again(tmp_path):
    """A file stands where the folder should be: as good as a read-only home, for every user."""
    (tmp_path / "file").write_text("")
    assert result(start(tmp_path / "file" / "cache"))[:2] == ["42.0", "1"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    assert result(start(tmp_path))[:2] == ["42.0", "1"]


def test_the_name_of_a_file_depends_on_text_and_surroundings(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "folder", lambda: tmp_path)
    built = []

    def build(symbol):
        built.append(symbol)
        raise InterruptedError  # as if stopped while compiling

    for text, depends in (("a", "x"), ("b", "x"), ("a", "y")):
        with pytest.raises(InterruptedError):
            native.load("k float32", text, depends, build)
    assert len(set(built)) == 3 and not list(tmp_path.iterdir())


# kernels whose loop is a function of its own, too large to be inlined
TWO = """
import ctypes, sys
import numpy as np
from cutaway.engines.codegen import Kernel
from cutaway.engines.cpu import address
wanted = {"sigmoid": 1 / (1 + np.exp(-0.5)), "silu": 0.5 / (1 + np.exp(-0.5))}
for name in sys.argv[1:]:
    loop = f"def loop(n, width, z, a):\\n    for j in range(n * width):\\n        a[j] = {name}(z[j])"
    kernel = Kernel(name, loop + "\\n\\n\\ndef k(p, s):\\n    loop(p[0], p[1], reals(p[2]), reals(p[3]))", [], [])
    z, a, s = np.full(9, 0.5, np.float32), np.zeros(9, np.float32), np.zeros(24, np.int64)
    p = np.array([3, 3, z.ctypes.data, a.ctypes.data])
    where = address(kernel, np.dtype("float32"))
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(where)(p.ctypes.data, s.ctypes.data)
    np.testing.assert_allclose(a, wanted[name], rtol=1e-6)
"""


def test_kernels_that_different_processes_compiled_do_not_mix(tmp_path):
    surroundings = os.environ | {"CUTAWAY_CACHE": str(tmp_path), "PYTHONHASHSEED": "0"}  # names have a hash in them
    for names in (["sigmoid"], ["silu"], ["sigmoid", "silu"], ["silu", "sigmoid"]):
        done = subprocess.run([sys.executable, "-W", "error", "-c", TWO, *names], capture_output=True, text=True,
                              env=surroundings)  # fmt: skip
        assert done.returncode == 0, (names, done.stderr)
