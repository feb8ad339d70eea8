"""Kernels as machine code: compiled once, kept as object files in the user's cache folder, loaded by llvmlite.

A file's name is a hash of everything its code depends on.
"""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ...errors import warn

MATH = ("sqrt", "sin", "cos", "exp", "log", "log1p", "expm1", "erf", "tanh", "pow")
# compiled functions that other kernels call: kernels/product.py, and kernels/pairs.py
PRODUCTS = ("product", "pack", "pack_turned", "times_one")
PAIRS = ("product_pairs", "pair_rows", "pair_columns", "pair_turned")
LIBRARY = (*PRODUCTS, *PAIRS)
GROUP = Path("/sys/fs/cgroup")
compiled = 0  # kernels that had to be compiled for this process
seconds = 0.0  # how long it waited for them


@cache
def folder() -> Path:
    """Find where object files are kept: CUTAWAY_CACHE, the user's cache folder, or a temporary one (read-only home).

    What lies there is run, so it must be a folder that nobody else may write in.
    """
    named = os.environ.get("CUTAWAY_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cutaway"
    try:
        base.mkdir(0o700, parents=True, exist_ok=True)
        if not ours(base.stat()):
            raise PermissionError(1, "others may write there, and what lies there is run: chmod go-w closes it")
        with tempfile.TemporaryFile(dir=base):
            return base
    except OSError as error:
        cannot_keep(base, error.strerror)
        own = tempfile.mkdtemp(prefix="cutaway-")
        atexit.register(shutil.rmtree, own, ignore_errors=True)
        return Path(own)


def ours(about: os.stat_result) -> bool:
    """Whether a folder belongs to this user (or root), and neither a group nor everybody may write in it."""
    if not hasattr(os, "geteuid"):  # Windows: the user's profile is closed to others
        return True
    return about.st_uid in (os.geteuid(), 0) and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@cache
def cannot_keep(where: Path, reason: str | None) -> None:
    warn(
        f"compiled kernels cannot be kept in {where} ({reason}), so every process compiles them again: name a "
        "folder that can be written in the environment variable CUTAWAY_CACHE", RuntimeWarning,
    )


def cores() -> int:
    """Count the threads that may compute by default: the process's cores, or OMP_NUM_THREADS if that is fewer.

    Pools of processes (joblib's, Dask's, Ray's) set that variable for their workers. Where it is not set, threads
    beside the main one and processes that multiprocessing started are workers of a pool, as a rule: they get one core.
    """
    if threading.current_thread() is not threading.main_thread():
        return 1
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    own = min(own, _quota())
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if limit.isdigit() and int(limit):
        return min(own, int(limit))
    processes = sys.modules.get("multiprocessing.process")  # imported in every process that it started
    return own if processes is None or processes.parent_process() is None else 1


def compile_seconds() -> float:
    """The seconds that this process has spent on making machine code."""
    return seconds


@cache
def _quota() -> int:
    """The cores that a container's limit of processor time amounts to."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # control groups, new and old
        with suppress(OSError, ValueError):  # "max": no limit
            quota, period = map(int, " ".join((GROUP / name).read_text("utf-8") for name in names).split())
            if quota > 0:
                return -(-quota // period)
    return sys.maxsize


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def symbols() -> frozenset[str]:
    """The names of everything outside that a kernel's object file may call."""
    libm = [*MATH, *(m + "f" for m in MATH)]
    return frozenset([*_library(), *libm, "syscall", "usleep", "sched_yield", "memset", "memcpy", "memmove"])


def _library() -> list[str]:
    return [library_symbol(name, dtype, target) for name in LIBRARY for dtype in ("float32", "float64")
            for target in ("host", "portable")]


def library_symbol(name: str, dtype: str, target: str) -> str:
    """The symbol of a compiled function that other kernels call."""
    return f"cutaway_{name}_{dtype}_{target}"


@cache
def provide(symbol: str, address: int) -> None:
    """Let kernels that are loaded from now on call this function."""
    import llvmlite.binding as llvm

    llvm.add_symbol(symbol, address)


@cache
def loader() -> Any:
    """Make llvmlite's loader, with the outside functions that kernels call."""
    import llvmlite.binding as llvm

    from .target import target

    try:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    except RuntimeError:
        pass  # llvmlite 0.45 and newer do this by themselves
    here = ctypes.CDLL(None)
    for name in symbols():
        if hasattr(here, name):
            llvm.add_symbol(name, _address(getattr(here, name)))
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target("host").machine())


@cache
def fingerprint() -> str:
    """The names of compiler and processor: what machine code depends on besides its text."""
    import llvmlite
    import llvmlite.binding as llvm

    versions = [f"llvmlite {llvmlite.__version__}", str(sys.version_info[:2])]
    return "\n".join([*versions, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), sys.platform])


def kept(digest: str) -> bytes | None:
    """Read the object file that some process kept, if there is one and it is whole."""
    path = folder() / f"{digest}.o"
    try:
        content = path.read_bytes()
        if time.time() - path.stat().st_mtime > 86400:
            os.utime(path)  # how `tidy` knows that it is in use
    except OSError:
        content = b""
    whole = hashlib.sha256(content[32:]).digest() == content[:32]
    return content[32:] if whole else None


def is_kept(digest: str) -> bool:
    """Whether an object file is kept, whole or not."""
    return (folder() / f"{digest}.o").exists()


def keep(digest: str, content: bytes, text: str) -> None:
    """Keep an object file for later processes, and the kernel's text beside it for people."""
    write(folder() / f"{digest}.o", hashlib.sha256(content).digest() + content)
    write(folder() / f"{digest}.py", text.encode())


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: processes may race for it."""
    part = path.with_name(f"tmp-{os.getpid()}-{path.name}.part")  # no .o: a process may be killed before it is whole
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        cannot_keep(path.parent, error.strerror)


def tidy(days: float = 90) -> int:
    """Delete files that no process has loaded for `days` days; give the number of kernels, and of functions of XLA's,
    that were deleted."""
    found = 0
    for path in (*folder().glob("*.o"), *folder().glob("xla/*.xla")):
        if time.time() - path.stat().st_mtime > 86400 * days:
            path.unlink(missing_ok=True)
            path.with_suffix(".py").unlink(missing_ok=True)
            found += 1
    for part in (*folder().glob("tmp*"), *folder().glob("xla/tmp*")):  # of processes that were killed
        if time.time() - part.stat().st_mtime > 86400:
            part.unlink(missing_ok=True)
    return found


linked: dict[str, int] = {}  # the address of each kernel in this process


def link(files: dict[str, bytes]) -> None:
    """Load object files into this process."""
    import llvmlite.binding as llvm

    machine = loader()
    for content in files.values():
        machine.add_object_file(llvm.ObjectFileRef.from_data(content))
    machine.finalize_object()
    linked.update({digest: machine.get_function_address(symbol(digest)) for digest in files})


def symbol(digest: str) -> str:
    """The name of a kernel's function in its object file."""
    return f"cutaway_{digest}"
