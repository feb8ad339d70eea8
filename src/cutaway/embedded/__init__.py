"""Models without Python: a trained network or estimator as an object file, a library or a WebAssembly module, and a C
header."""

from .export import ENDINGS, TARGETS, CompiledFile, export_compiled

__all__ = ["ENDINGS", "TARGETS", "CompiledFile", "export_compiled"]
