"""What an estimator tells its caller besides errors: warnings that point to the caller's own line."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

HOUSE = str(Path(__file__).parents[1])


def tell(text: str, kind: type[Warning] = UserWarning) -> None:
    """Warn of something at the first line outside the package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HOUSE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, kind, stacklevel=level)
