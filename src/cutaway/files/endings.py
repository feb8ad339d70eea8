"""The endings of files: which kinds Cutaway writes, and what other endings promise to whoever finds such a file."""

from __future__ import annotations

from collections.abc import Sequence
from os import fspath
from pathlib import Path
from typing import Any

from ..errors import ArgumentError

MODEL = (".safetensors",)
WEIGHTS = {"torch": (".safetensors", ".npz"), "keras": (".weights.h5", ".npz")}  # of each layout
FIGURES = (".svg", ".png", ".pdf")
PICTURES = (*FIGURES, ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".eps", ".ps")  # a figure, as matplotlib writes it
DRAWING = (".svg",)
PAGE = (".html", ".htm")
NUMBERS = (".json",)

OTHERS = "Other libraries read its arrays with safetensors; Cutaway itself reads it with ct.load."
STILL = "Figures are still pictures; `Descent.to_html` writes a page that plays."
PRINT = "A browser prints it to other formats."

#: What a reader expects in a file with such an ending, where it is not what Cutaway writes under it.
PROMISES = {
    "an ONNX model": ("onnx", "ort"),
    "a PyTorch file": ("pt", "pth", "ckpt", "bin", "torchscript", "ptl", "pte"),
    "a Keras or TensorFlow model": ("keras", "h5", "hdf5", "hdf", "pb", "tflite", "tf"),
    "a pickle": ("pkl", "pickle", "joblib", "dill", "cloudpickle", "skops"),
    "a model of another library": ("gguf", "ggml", "mlmodel", "mlpackage", "pmml", "msgpack", "orbax", "ubj", "cbm",
                                   "engine", "plan", "trt", "xml"),
    "arrays": ("npy", "npz", "mat", "zarr", "nc", "arff"),
    "a table": ("csv", "tsv", "xlsx", "xls", "ods", "parquet", "feather", "arrow", "orc", "db", "sqlite", "sql"),
    "plain values": ("json", "jsonl", "ndjson", "yaml", "yml", "toml", "ini", "cfg"),
    "text": ("txt", "md", "rst", "log", "tex"),
    "a page": ("html", "htm", "xhtml"),
    "a picture": ("svg", "svgz", "png", "pdf", "jpg", "jpeg", "webp", "tif", "tiff", "eps", "ps", "gif", "bmp", "ico",
                  "avif", "heic", "dot", "gv"),
    "a film": ("mp4", "m4v", "mov", "avi", "mkv", "webm", "apng", "mpg", "mpeg", "ogv"),
    "code": ("py", "ipynb", "js", "c", "cpp", "so", "dll", "exe"),
    "an archive": ("zip", "gz", "tgz", "tar", "bz2", "xz", "zst", "7z", "rar"),
    "a model": ("safetensors",),
}
_PROMISED = {f".{ending}": what for what, endings in PROMISES.items() for ending in endings}


def check_ending(path: Any, what: str, endings: Sequence[str], free: bool = False, hint: str = "") -> None:
    """Raise ArgumentError where the name of a file promises something else than what is written.

    >>> check_ending("m.onnx", "a model", MODEL)
    Traceback (most recent call last):
    cutaway.errors.ArgumentError: m.onnx promises an ONNX model: a model is written to a file that ends in .safetensors.

    endings: those that keep their promise, "" among them for a name without any. free: endings that nobody knows, as of
    "net.v2", promise nothing and may be. hint: what else can be done.
    """
    name = fspath(path)
    name = name if isinstance(name, str) else name.decode(errors="replace")
    ending = Path(name).suffix.lower()
    if ending in endings or (free and ending not in _PROMISED):
        return
    promise = f" promises {_PROMISED[ending]}" if ending in _PROMISED else ""
    ways = ", ".join(filter(None, endings))
    raise ArgumentError(f"{name}{promise}: {what} is written to a file that ends in {ways}. {hint}".rstrip())


def check_folder(path: Any, what: str) -> None:
    """Raise ArgumentError where the name of a new folder promises a file.

    >>> check_folder("run.pt", "checkpoints")
    Traceback (most recent call last):
    cutaway.errors.ArgumentError: run.pt promises a PyTorch file: checkpoints are folders: leave out the ending.
    """
    ending = Path(path).suffix.lower()
    if ending in _PROMISED and not Path(path).is_dir():
        raise ArgumentError(f"{path} promises {_PROMISED[ending]}: {what} are folders: leave out the ending.")
