"""Targets: for which processor kernels become machine code, and with which arithmetic.

"host" is this machine's processor and all it can do. "portable" is this processor with the arithmetic that every
machine has: no fused multiply-add, no product with a reciprocal in place of a division, functions of our own (maths.py)
in place of libm's, and numbers below 1e-38 (2e-308 in double) become zero where they are stored, in place of a
processor's mode. So its bits are those of any other portable target, such as WebAssembly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import binding as llvm

# no nnan, ninf (a NaN must stay visible) and no reassoc (the order of a sum is fixed)
FAST = ("contract", "nsz", "arcp")


@dataclass(frozen=True)
class Processor:
    """A processor: its names in LLVM, the bytes of its vectors, and the heights of tiles (tile.py), largest first."""

    name: str
    triple: str
    cpu: str
    features: str
    vector: int
    heights: tuple[int, ...]
    portable: bool = True
    here: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """What LLVM may change in arithmetic."""
        return () if self.portable else FAST

    @property
    def mode(self) -> str:
        """Which processor's floating-point mode makes zeros of numbers below 1e-38; "" if none is set."""
        return "" if self.portable else self.family

    @property
    def family(self) -> str:
        return "x86" if self.triple.startswith("x86_64") else (
            "arm" if self.triple.startswith(("aarch64", "arm64")) else "")

    def lanes(self, itemsize: int) -> int:
        """Count the numbers in a vector."""
        return self.vector // itemsize

    def machine(self) -> Any:
        """Make LLVM's view of the processor. Where programs are loaded anywhere in memory, code is made for that."""
        if self.here:
            return llvm.Target.from_default_triple().create_target_machine(
                cpu=self.cpu, features=self.features, opt=3, codemodel="jitdefault", jit=True)
        _all_processors()
        return llvm.Target.from_triple(self.triple).create_target_machine(
            cpu=self.cpu, features=self.features, opt=3, reloc="pic" if self.family else "static",
            codemodel="default")


@cache
def _all_processors() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


@cache
def _baseline() -> Processor:
    """This kind of processor without what only some of them can do."""
    triple = llvm.get_default_triple()
    return Processor("baseline", triple, "generic", "", 16, (4, 2, 1))


@cache
def target(name: str) -> Processor:
    """Find a target by its name."""
    if name in ("host", "portable"):
        features = llvm.get_host_cpu_features()
        wide = 64 if features.get("avx512f") else 32 if features.get("avx") else 16
        heights = {64: (8, 4, 2, 1), 32: (6, 4, 2, 1)}.get(wide, (8, 4, 2, 1) if features.get("neon") else (4, 2, 1))
        return Processor(name, llvm.get_default_triple(), llvm.get_host_cpu_name(), features.flatten(), wide, heights,
                      portable=name == "portable", here=True)
    return _baseline() if name == "baseline" else ELSEWHERE[name]


ELSEWHERE = {t.name: t for t in (
    # plain SIMD: relaxed SIMD would be a third faster, with other bits on other machines
    Processor("wasm32", "wasm32-unknown-unknown", "generic", "+simd128,+bulk-memory,+nontrapping-fptoint,+sign-ext", 16,
           (4, 2, 1)),
    Processor("aarch64", "aarch64-unknown-linux-gnu", "generic", "+neon", 16, (8, 4, 2, 1)),
    Processor("cortex-m4", "thumbv7em-unknown-none-eabihf", "cortex-m4", "", 16, (2, 1)),
)}
