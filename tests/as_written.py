"""Machine code that follows a kernel's text step by step: made in a fifth of the time.

Which numbers a kernel reads, adds up and writes for which shapes is in its text: where many shapes are tried, LLVM's
optimizer is left out. What it makes of kernels is tested on fewer.
"""

import re
from contextlib import ExitStack, contextmanager
from functools import cache
from unittest.mock import patch

from llvmlite import binding as llvm

from cutaway.engines.cpu import building, language, native
from cutaway.engines.wasm import code

LINKED = {}
MODULES = cache(code._code.__wrapped__)


def _machine(module, target):
    """In place of the optimizer: LLVM's quickest."""
    module.verify()
    if not target.here:
        made = target.machine()  # knows all processors from now on
        return llvm.Target.from_triple(made.triple).create_target_machine(
            cpu=target.cpu, features=target.features, opt=0, reloc="pic" if target.family else "static")
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=target.cpu, features=target.features, opt=0, codemodel="jitdefault", jit=True)


def _each_load_alone(written):
    """LLVM 22's quickest would make one instruction of a load and a select, which reads 16 bytes for 4."""
    return lambda *kernel: re.sub(" = load (?!atomic)", " = load volatile ", written(*kernel))


@contextmanager
def as_written():
    """Compile kernels so while the block runs, under names of their own, and keep none in the cache folder."""
    native.loader()
    symbol, library, known = native.symbol, native.library_symbol, native.symbols()
    called = known | {f"plain_{name}" for name in known}
    places = {
        language: {"optimized": _machine, "written": _each_load_alone(language.written)},
        native: {"kept": lambda digest: None, "keep": lambda *_: None, "linked": LINKED,
                 "symbol": lambda digest: f"plain_{symbol(digest)}", "symbols": lambda: called,
                 "library_symbol": lambda *of: f"plain_{library(*of)}"},
        code: {"_code": MODULES},
        building: {"_useful_helpers": lambda kernels: 0},  # they would keep what they make
    }
    with ExitStack() as stack:
        for module, names in places.items():
            stack.enter_context(patch.multiple(module, **names))
        yield
