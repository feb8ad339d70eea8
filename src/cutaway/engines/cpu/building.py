"""From kernels to addresses: what no earlier process kept is compiled now, several kernels at a time.

Compiling holds the GIL, so help comes from other processes. They need no protocol: everyone walks through the same
list, each from another place, passes over what the cache folder has by then, and keeps there what it compiles. A helper
that dies costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from ...errors import warn
from . import native

RULES = ("elementwise", "augment", "dropout", "recurrent")  # files whose functions kernels inline
FOR_ONE = 10  # kernels that pay for starting a helper, which takes as long as a third of a second
HELPERS = 7  # at most: each takes 200 MB
HELP = "from cutaway.engines.cpu.building import help_out; help_out()"


class Source(NamedTuple):
    """A kernel to be machine code: functions in the language of kernels, the last of which is `k(p, s)`."""

    name: str
    dtype: str
    text: str
    target: str = "host"

    def compile(self) -> bytes:
        """Compile it to an object file."""
        from . import language

        return language.build(self.text, self.dtype, native.symbol(digest(self)), self.target)


def digest_once(source: Source) -> str:
    """The digest of a text that may never be compiled: unlike `digest`, it keeps none in memory."""
    found = _begun().copy()
    found.update(f"{source.name} {source.dtype} {source.target}\0{source.text}".encode())
    return found.hexdigest()[:24]


@cache
def digest(source: Source) -> str:
    """The hash of everything that a kernel's machine code depends on: the name of its file."""
    return digest_once(source)


@cache
def _begun() -> Any:
    """The hash of what all kernels depend on."""
    return hashlib.sha256(f"{native.fingerprint()}\0{_kernel_dependencies()}\0".encode())


@cache
def _kernel_dependencies() -> str:
    """The text of all files that a kernel's machine code depends on, besides the kernel's own."""
    here = Path(__file__).parent
    files = [here / f"{name}.py" for name in ("compiler", "scalars", "language", "numbers", "maths", "slots", "target",
                                           "tile", "bfloat")]
    files += [here / "kernels" / "product.py"]  # kernels that know their sizes have its functions in them
    files += [here.parent.parent / "rules" / f"{name}.py" for name in RULES]
    return "\n".join(f.read_text("utf-8") for f in files)


_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # a child gets a compiler that nobody was using
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
_collected: set[Source] | None = None


def addresses(sources: Sequence[Source], library: Sequence[Source] = (), said: bool = True) -> list[int]:
    """Find or make the addresses of kernels in this process. library: what they call of native.LIBRARY. said: whether a
    line in a terminal tells of what takes long."""
    with _lock:
        if _collected is not None:
            _collected.update(sources, library)
            return [0] * len(sources)
        absent = [s for s in dict.fromkeys([*library, *sources]) if digest(s) not in native.linked]
        files = {s: native.kept(digest(s)) for s in absent}
        lacking = [s for s, content in files.items() if content is None]
        files |= build(lacking, said) if lacking else {}
        ready = {digest(s): content for s, content in files.items() if content is not None}
        for called in library:  # first, since loading a kernel looks up what it calls
            if digest(called) in ready:
                native.link({digest(called): ready.pop(digest(called))})
                symbol = native.library_symbol(called.name, called.dtype, called.target)
                native.provide(symbol, native.linked[digest(called)])
        native.link(ready)
        return [native.linked[digest(s)] for s in sources]


def missing(sources: Iterable[Source]) -> list[Source]:
    """Find the kernels that are not kept in the cache folder."""
    return [s for s in sources if native.kept(digest(s)) is None]


@contextmanager
def collecting() -> Iterator[set[Source]]:
    """Collect the kernels that programs made in the block need; the programs get no machine code and cannot run."""
    global _collected
    with _lock:
        _collected = set()
        try:
            yield _collected
        finally:
            _collected = None


def build(sources: Sequence[Source], said: bool = True) -> dict[Source, bytes]:
    """Compile and keep kernels, with the help of other processes where that pays."""
    began = time.perf_counter()
    line, done = _Line(len(sources), sys.stderr if said else None), {}
    helpers: list[subprocess.Popen] = []
    try:
        workers = 1 + _useful_helpers(len(sources))
        helpers += [_start_helper(sources, k, workers) for k in range(1, workers)]
        for source in _turns(sources, 0, workers):
            done[source] = native.kept(digest(source)) or _compile_and_keep(source)
            line.show(max(len(done), sum(native.is_kept(digest(s)) for s in sources)))
    finally:
        line.clear()
        for helper in helpers:
            _dismiss(helper)
    native.compiled += len(sources)
    native.seconds += time.perf_counter() - began
    return done


def _compile_and_keep(source: Source) -> bytes:
    content = source.compile()
    native.keep(digest(source), content, f"# {source.name}\n{source.text}")
    return content


def _turns(sources: Sequence[Source], k: int, workers: int) -> list[Source]:
    """The order in which worker k takes kernels: its own share, long ones first, then the others' from the end."""
    ordered = sorted(sources, key=lambda s: (-len(s.text), s))
    own = ordered[k::workers]
    return own + [s for s in reversed(ordered) if s not in own]


# ---- helpers -------------------------------------------------------------------------------------------------------


def _useful_helpers(kernels: int) -> int:
    # in a program that carries Python inside, sys.executable is that program
    is_python = Path(sys.executable or "").name.startswith("python") and not getattr(sys, "frozen", False)
    return min(native.cores() - 1, kernels // FOR_ONE, HELPERS) if is_python else 0


def _start_helper(sources: Sequence[Source], k: int, workers: int) -> subprocess.Popen:
    """Start another Python as worker k: it finds modules and the cache folder where this one does."""
    places = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "CUTAWAY_CACHE": str(native.folder())}
    with tempfile.TemporaryFile("w+") as turns:
        json.dump(_turns(sources, k, workers), turns)
        turns.seek(0)
        return subprocess.Popen([sys.executable, "-P", "-c", HELP], stdin=turns, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, env=os.environ | places)


def help_out() -> None:
    """Do a helper's work: compile what is not kept yet."""
    for source in json.load(sys.stdin):
        source = Source(*source)
        if native.kept(digest(source)) is None:
            _compile_and_keep(source)


def _dismiss(helper: subprocess.Popen) -> None:
    """Stop a helper: all kernels are there, so what it still does another has done. Warn if it had failed."""
    status = helper.poll()
    helper.kill()
    _, error = helper.communicate()
    if status:
        last = (error.decode(errors="replace").strip().splitlines() or [f"status {status}"])[-1]
        warn(f"a process that helped to compile kernels stopped ({last}): this one compiled its share",
                      RuntimeWarning)


class _Line:
    """A line in a terminal that says what takes so long; it goes away at the end."""

    def __init__(self, kernels: int, out: TextIO | None) -> None:
        self.kernels, self.shown, self.out = kernels, "", out
        self.show(0)

    def show(self, done: int) -> None:
        if self.out is not None and self.out.isatty():
            what = f"{self.kernels} kernels" if self.kernels > 1 else "a kernel"
            self.shown = f"compiling {what} for this processor, once: {done} done"
            self.out.write(f"\r{self.shown}")
            self.out.flush()

    def clear(self) -> None:
        if self.out is not None and self.shown:
            self.out.write(f"\r{' ' * len(self.shown)}\r")
            self.out.flush()
