"""The packages that are not installed with Cutaway: which extra brings each, and the command, for every message."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import ArgumentError

#: The extras of pyproject.toml that open a door, and what is imported there.
EXTRAS = {
    "parquet": "pyarrow", "excel": "python_calamine", "stats": "pyreadstat", "sql": "duckdb", "zstd": "zstandard",
    "images": "PIL", "xla": "jax", "onnx": "onnx", "keras": "h5py", "tensorboard": "tensorboard", "optuna": "optuna",
    "mlflow": "mlflow", "studio": "starlette", "wasm": "wasmtime",
}


def bring(extra: str) -> str:
    """The command that brings an extra.

    >>> bring("onnx")
    'pip install "cutaway[onnx]"'
    """
    return f'pip install "cutaway[{extra}]"'


#: What an extra alone does not bring, for its message.
BESIDES = {"xla": ' (for a GPU of NVIDIA: pip install "cutaway[xla]" "jax[cuda13]", or jax[cuda12] for older drivers)'}


def needed(module: str, extra: str, what: str) -> Any:
    """Import a module of another package. Raises ArgumentError that says how to get it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ArgumentError(f"{what} needs the package {error.name}, which is not installed: {bring(extra)}") from None
