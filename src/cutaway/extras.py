"""The packages that are not installed with Cutaway: what brings each, in one sentence for every message."""

from __future__ import annotations

#: The extras of pyproject.toml that a user may lack: what is imported, by the extra that brings it.
EXTRAS = {
    "parquet": ("pyarrow",), "excel": ("python_calamine",), "stats": ("pyreadstat",), "sql": ("duckdb",),
    "zstd": ("zstandard",), "images": ("PIL",), "xla": ("jax",), "onnx": ("onnx",), "keras": ("h5py",),
}


def bring(extra: str) -> str:
    """The command that brings an extra.

    >>> bring("onnx")
    'pip install "cutaway[onnx]"'
    """
    return f'pip install "cutaway[{extra}]"'
