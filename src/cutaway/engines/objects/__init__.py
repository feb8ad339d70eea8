"""Object files: the evaluation of a network as functions that any language calls, without Python."""

from .build import EntryPoint, KernelCall, StaticMemory, object_file, wasm_module
from .network import NetworkSteps

__all__ = ["EntryPoint", "KernelCall", "NetworkSteps", "StaticMemory", "object_file", "wasm_module"]
