"""Model files: plain .safetensors with a JSON description. Nothing in a file is ever run."""

from .container import write_whole
from .model import describe, load, register, save
from .restored import Restored

__all__ = ["Restored", "describe", "load", "register", "save", "write_whole"]
