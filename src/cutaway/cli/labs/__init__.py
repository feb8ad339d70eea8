"""cutaway lab: the lecture's claims as experiments, one file each."""

from .app import app

__all__ = ["app"]
