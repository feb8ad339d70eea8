"""What XLA compiled, kept on disk: read back by later processes after a trial, compiled again where that fails."""

import os
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines.cpu import native

jax = pytest.importorskip("jax")
from cutaway.engines.xla import kept, shared  # noqa: E402
from cutaway.engines.xla.kept import KeptFunction  # noqa: E402

CODE = """
import numpy as np
from cutaway.engines.xla import kept

x = np.linspace(0, 1, 40, dtype=np.float32).reshape(5, 8)
print(np.asarray(kept.KeptFunction(lambda n, x: x[:n] @ x.T)(3, x)).tobytes().hex(), kept.compiled, kept.read)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "folder", lambda: tmp_path)
    monkeypatch.setattr(kept, "compiled", 0)
    monkeypatch.setattr(kept, "read", 0)
    with jaxs_own_cache(None):  # which conftest.py turns on
        yield tmp_path / "xla"


@contextmanager
def jaxs_own_cache(place):
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", place)
    try:
        yield
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


def doubled(n, x, state):
    return {"y": x[:n] * 2, "state": state + 1}


def call(function=doubled, **options):
    x, state = np.arange(3, dtype=np.float32), np.zeros(2, np.float32)
    return np.asarray(KeptFunction(function, **options)(2, x, state)["y"])


def counts():
    return kept.compiled, kept.read


def test_a_later_process_reads_what_the_first_one_compiled(tmp_path):
    """To the same bits, and only from a folder that is closed to others."""
    def process(**environment):
        env = os.environ | {"CUTAWAY_CACHE": str(tmp_path), "JAX_PLATFORMS": "cpu"} | environment
        env.pop("JAX_COMPILATION_CACHE_DIR", None)
        done = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True)
        return done.stdout.split()

    (product, *first), (same, *later) = process(), process()
    assert (first, later) == (["1", "0"], ["0", "1"]) and product == same
    assert (tmp_path / "xla").stat().st_mode & 0o777 == 0o700


def test_training_that_is_read_back_gives_the_same_bits(folder):
    X, ends = np.linspace(-1, 1, 48, dtype=np.float32).reshape(12, 4), []
    for _ in range(2):
        shared._made.clear()
        run = ct.fit(ct.nn.MLP(4, [5], 2, dropout=0.2).init(0), X, X[:, :2], epochs=3, batch_size=6, engine="xla",
                     progress=False)
        ends.append(run.model.theta)
    assert counts() == (1, 1) and (ends[0] == ends[1]).all()


def test_each_size_is_a_function_of_its_own(folder):
    function = KeptFunction(doubled, donated=2)
    for n in (1, 2, 1):
        assert len(function(n, np.arange(3, dtype=np.float32), np.zeros(2, np.float32))["y"]) == n
    assert counts() == (2, 0) and len(list(folder.glob("*.xla"))) == 2


def test_another_text_is_another_file(folder):
    call()
    call(lambda n, x, state: {"y": x[:n] * 3, "state": state + 1})
    assert counts() == (2, 0) and len(list(folder.glob("*.xla"))) == 2


def broken_sums(content):
    return b"[[1.0, 1.0], [2.0, 2.0]]\n" + content.partition(b"\n")[2]


@pytest.mark.parametrize("spoil", [
    lambda content: content.partition(b"\n")[0] + b"\nno program", broken_sums], ids=["cannot be read", "is another"])
def test_what_is_no_good_is_compiled_and_not_read_again(folder, spoil):
    """Such as a program that is whole, and gives other numbers than the one that was kept."""
    call()
    path, = folder.glob("*.xla")
    content = spoil(path.read_bytes()[32:])
    native.write(path, kept.hashlib.sha256(content).digest() + content)
    assert call().tolist() == [0, 2] and counts() == (2, 0)
    assert path.read_bytes()[32:] == b"[]\n"
    assert call().tolist() == [0, 2] and counts() == (3, 0)


def test_a_file_that_was_cut_is_written_anew(folder):
    call()
    path, = folder.glob("*.xla")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert call().tolist() == [0, 2] and call().tolist() == [0, 2]
    assert counts() == (2, 1) and len(path.read_bytes()) > 32


@pytest.mark.skipif(os.name == "nt", reason="another system's file modes")
def test_a_folder_where_others_may_write_is_not_used(folder):
    folder.mkdir()
    folder.chmod(0o777)
    native.cannot_keep.cache_clear()
    with pytest.warns(RuntimeWarning, match="others may write there, and what lies there is run"):
        call()
    assert not list(folder.iterdir())


def test_it_can_be_turned_off(folder, monkeypatch):
    monkeypatch.setenv("CUTAWAY_XLA_CACHE", "off")
    call()
    assert not folder.exists() and not kept.keeps()


def test_who_chose_a_cache_of_jax_has_that_one(folder):
    with jaxs_own_cache(str(folder)):
        assert not kept.keeps()
    assert kept.keeps()


def test_data_that_are_large_are_not_tried_and_not_kept(folder, monkeypatch):
    monkeypatch.setattr(kept, "MOST_BYTES", 10)
    assert call().tolist() == [0, 2] and not folder.exists()


def test_a_loop_is_tried_with_one_step(folder):
    """A trial that does nothing would prove nothing: numbers alone are 1, and row numbers 0, which every table has."""
    seen = []
    x = np.zeros((2, 3), np.int32), np.int32(7), np.ones(3, np.float32)
    kept._sums(lambda *given: seen.extend(given) or [np.ones(2)], x)
    rows, steps, weights = seen
    assert not rows.any() and steps == 1 and len(set(weights.tolist())) == 3


def test_tidy_deletes_those_that_nobody_read(folder):
    call()
    path, = folder.glob("*.xla")
    os.utime(path, (0, 0))
    assert native.tidy() == 1 and not path.exists()


def test_evaluation_is_kept_too(folder):
    net, X = ct.nn.MLP(3, [4], 2).init(0), np.ones((4, 3), np.float32)
    first = net.predict(X, engine="xla")
    assert (net.predict(X, engine="xla") == first).all() and list(folder.glob("*.xla"))
