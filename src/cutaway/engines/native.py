"""Kernels as machine code: compiled once by Numba, kept as object files in the user's cache folder, loaded by llvmlite.

A warm process never imports Numba. A file's name is a hash of everything its code depends on.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

MATH = ("sqrt", "sin", "cos", "exp", "log", "log1p", "expm1", "erf", "tanh", "pow")
LIBRARY = ("product", "pack", "pack_turned")  # kernels/product.py: compiled functions that other kernels call
compiled = 0  # kernels this process had to compile
seconds = 0.0  # what that took


@cache
def folder() -> Path:
    """Where object files are kept: CUTAWAY_CACHE, or the user's cache folder, or (read-only home) a temporary one."""
    named = os.environ.get("CUTAWAY_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cutaway"
    try:
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=base):
            return base
    except OSError:
        return Path(tempfile.mkdtemp(prefix="cutaway-"))


def cores() -> int:
    """How many threads may compute for this one, if nobody says: the process's cores, or OMP_NUM_THREADS if fewer.

    Pools of processes (joblib's, Dask's, Ray's) set that variable for their workers. Threads beside the main one are
    workers of a pool too, as a rule: they get one core each.
    """
    if threading.current_thread() is not threading.main_thread():
        return 1
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(own, int(limit)) if limit.isdigit() and int(limit) else own


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def symbols() -> frozenset[str]:
    """The names of everything outside that a kernel's object file may call."""
    libm = [*MATH, *(m + "f" for m in MATH)]
    own = [library_symbol(name, dtype) for name in LIBRARY for dtype in ("float32", "float64")]
    return frozenset([*own, *libm, "sched_yield", "memset", "memcpy", "memmove"])


def library_symbol(name: str, dtype: str) -> str:
    """What a compiled function that other kernels call is known by."""
    return f"cutaway_{name}_{dtype}"


@cache
def provide(symbol: str, address: int) -> None:
    """Let kernels that are loaded from now on call this function."""
    import llvmlite.binding as llvm

    llvm.add_symbol(symbol, address)


@cache
def _machine() -> Any:
    """llvmlite's loader, with the outside functions that kernels call."""
    import llvmlite.binding as llvm

    try:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    except RuntimeError:
        pass  # llvmlite 0.45 and newer do this by themselves
    here = ctypes.CDLL(None)
    for name in symbols():
        if hasattr(here, name):
            llvm.add_symbol(name, _address(getattr(here, name)))
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())


def target_machine() -> Any:
    import llvmlite.binding as llvm

    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, codemodel="jitdefault",
        jit=True,
    )  # fmt: skip


@cache
def _fingerprint() -> str:
    import llvmlite.binding as llvm

    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numba", "llvmlite")]
    processor = [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), sys.platform]
    return "\n".join([*versions, *processor, str(sys.version_info[:2])])


_loaded: dict[tuple[str, str, str], int] = {}
_loading = threading.Lock()


def load(name: str, source: str, depends: str, build: Callable[[str], bytes]) -> int:
    """The address of a kernel. source: its text; depends: all other text its code depends on.

    build(symbol) compiles it to an object file, which is then kept for later processes.
    """
    with _loading:  # LLVM's loader and the counts are shared by all threads
        key = name, source, depends
        if key not in _loaded:
            _loaded[key] = _load(name, source, depends, build)
        return _loaded[key]


def _load(name: str, source: str, depends: str, build: Callable[[str], bytes]) -> int:
    global compiled, seconds
    digest = hashlib.sha256("\0".join([_fingerprint(), depends, name, source]).encode()).hexdigest()[:24]
    symbol, path = f"cutaway_{digest}", folder() / f"{digest}.o"
    machine = _machine()
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        began = time.perf_counter()
        content = build(symbol)
        compiled += 1
        seconds += time.perf_counter() - began
        content = hashlib.sha256(content).digest() + content
        _keep(path, content)
        _keep(path.with_suffix(".py"), f"# {name}\n{source}".encode())
    import llvmlite.binding as llvm

    machine.add_object_file(llvm.ObjectFileRef.from_data(content[32:]))
    machine.finalize_object()
    return machine.get_function_address(symbol)


def _keep(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: processes may race for it."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as f:
            f.write(content)
        os.replace(f.name, path)
    except OSError as error:
        warnings.warn(f"kernels cannot be kept in {path.parent} ({error}): they will be compiled again", stacklevel=2)
