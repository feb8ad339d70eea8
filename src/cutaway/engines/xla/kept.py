"""What XLA compiled, kept for later processes: files in `xla` beside the machine code of kernels (cpu/native.py).

Compiling takes seconds, reading back a tenth of one. On a CPU, JAX was seen to read back a program of which a function
was missing, without a word until it ran; so nothing is taken as it is read. When a function is kept it is called once
with numbers that follow from its shapes alone, and the sums of all that it gives are kept beside it; what is read back
must give these sums, or it is compiled, and not read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import serialize_executable

from ..cpu import native

MOST_BYTES = 2**28  # of arguments that a function is called with to try it: one of larger data is not kept
OFF = ("0", "no", "off")

seconds = 0.0  # how long this process waited for XLA, or for what it read back
compiled = read = 0  # functions


def keeps() -> bool:
    """Whether functions are kept: not with CUTAWAY_XLA_CACHE=off, nor beside JAX's own cache, which somebody chose."""
    return os.environ.get("CUTAWAY_XLA_CACHE", "").lower() not in OFF and not _setting("jax_compilation_cache_dir")


class KeptFunction:
    """A function of a whole number and of arrays, on one device, which XLA compiles for each number and shapes of
    arrays, unless an earlier process kept it. donated: the place of an argument that it may write over."""

    def __init__(self, function: Callable, donated: int | None = None) -> None:
        self.jit = jax.jit(function, static_argnums=0, donate_argnums=() if donated is None else donated)
        self._ready: dict[tuple, Callable] = {}
        self._lock = threading.Lock()

    def __call__(self, n: int, *arguments: Any) -> Any:
        leaves, tree = jax.tree.flatten(arguments)
        if any(isinstance(a, jax.core.Tracer) for a in leaves):  # a part of a larger function, compiled as a whole
            return self.jit(n, *arguments)
        key = n, tree, _setting("jax_default_device"), tuple([(a.shape, a.dtype) for a in leaves])
        if key not in self._ready:
            with self._lock:
                if key not in self._ready:
                    self._ready[key] = self._made(n, arguments)
        return self._ready[key](*arguments)

    def _made(self, n: int, arguments: tuple) -> Callable:
        """Read the function back, or compile it and keep it."""
        global seconds, compiled, read
        began = time.perf_counter()
        lowered = self.jit.lower(n, *arguments)
        path = _path(lowered) if keeps() and _bytes(arguments) <= MOST_BYTES else None
        content = None if path is None else _content(path)
        function = None if content is None or path is None else _read_back(path, content, lowered, arguments)
        if function is None:
            function = lowered.compile()
            compiled += 1
            if path is not None and content is None:
                _keep(path, function, arguments)
        else:
            read += 1
        seconds += time.perf_counter() - began
        return function


def _setting(name: str) -> Any:
    return getattr(jax.config, name)


def _bytes(arguments: tuple) -> int:
    return sum(a.nbytes for a in jax.tree.leaves(arguments))


def _path(lowered: Any) -> Path | None:
    """Where a function is kept: its text, and all else that machine code depends on, as a hash. None: nowhere."""
    device, folder = jax.local_devices()[0], native.folder() / "xla"
    if _setting("jax_default_device") is not None:
        return None
    about = [native.fingerprint(), jax.__version__, jax.lib.__version__, device.client.platform_version,
             device.device_kind, *(f"{name}={os.environ.get(name)}" for name in ("XLA_FLAGS", "NPROC"))]
    text = "\n".join([*about, lowered.as_text()])
    try:
        folder.mkdir(0o700, exist_ok=True)
        if not native.ours(folder.stat()):
            raise PermissionError(1, "others may write there, and what lies there is run: chmod go-w closes it")
    except OSError as error:
        native.cannot_keep(folder, error.strerror)
        return None
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.xla"


def _content(path: Path) -> bytes | None:
    """Read a file that is whole."""
    try:
        content = path.read_bytes()
        if time.time() - path.stat().st_mtime > 86400:
            os.utime(path)  # how `tidy` knows that it is in use
    except OSError:
        return None
    return content[32:] if hashlib.sha256(content[32:]).digest() == content[:32] else None


def _write(path: Path, sums: list[list[float]], program: bytes) -> None:
    content = json.dumps(sums).encode() + b"\n" + program
    native.write(path, hashlib.sha256(content).digest() + content)


def _keep(path: Path, function: Any, arguments: tuple) -> None:
    try:
        program = serialize_executable.serialize(function)[0]
        _write(path, _sums(function, arguments), program)
    except (ValueError, NotImplementedError, jax.errors.JaxRuntimeError):
        return  # this device's programs cannot be kept


def _read_back(path: Path, content: bytes, lowered: Any, arguments: tuple) -> Callable | None:
    """Load a function, and try it; where it is not what was kept, note that it is to be compiled from now on."""
    sums, _, program = content.partition(b"\n")
    if not program:
        return None
    try:
        function = serialize_executable.deserialize_and_load(
            program, lowered.in_tree, lowered.out_tree, execution_devices=jax.local_devices()[:1])
        if np.allclose(_sums(function, arguments), json.loads(sums), rtol=1e-3, atol=1e-5, equal_nan=True):
            return function
    except Exception:  # whatever a program that is no good raises
        pass
    _write(path, [], b"")
    return None


def _sums(function: Callable, arguments: tuple) -> list[list[float]]:
    """Call a function with numbers that follow from shapes alone: the sum of each result, and of its squares."""
    def some(a: Any) -> np.ndarray:
        if a.dtype.kind != "f":
            return np.ones(a.shape, a.dtype) if not a.shape else np.zeros(a.shape, a.dtype)
        return (np.arange(a.size) * 0.618034 % 1).astype(a.dtype).reshape(a.shape) / 4

    found = [np.asarray(a).astype(np.float64) for a in jax.tree.leaves(function(*jax.tree.map(some, arguments)))]
    with np.errstate(all="ignore"):  # made-up numbers may overflow: then both must
        return [[float(a.sum()), float((a * a).sum())] for a in found]
