"""Several processes, on one machine or many, that train one model: each runs the same script, and calls `start` first.

What computes across them is JAX's. Here is who is there, what all must agree on, and what is said when one is lost.
"""

from .joining import start
from .sharing import gathered, shared
from .team import processes, rank

__all__ = ["gathered", "processes", "rank", "shared", "start"]
