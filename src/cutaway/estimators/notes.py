"""What an estimator tells its caller besides errors: warnings that point to the caller's own line."""

from ..errors import warn as tell

__all__ = ["tell"]
