"""Which of many runs were trained to their end, where Ctrl-C or a loss that is not finite may have ended some."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import TrainingError
from ..train import Run


def finished(runs: Sequence[Run], group: int = 1) -> tuple[np.ndarray, str]:
    """Check for each `group` of runs whether all their epochs are done; and "interrupted" if Ctrl-C ended any, else "".

    Raises, where none is done, KeyboardInterrupt after Ctrl-C and TrainingError otherwise.
    """
    each = [run.epochs_done == run.epochs for run in runs]
    done = np.array([all(each[k : k + group]) for k in range(0, len(each), group)])
    # asked for as the last steps ended, an interrupt changes no run, and still ends what is made of them
    cut = "interrupted" if any("interrupted" in (run.stopped, run.stopping) for run in runs) else ""
    if not done.any():
        if cut:
            raise KeyboardInterrupt
        raise TrainingError(f"none of {len(runs)} runs was trained to its end: {runs[0].stopped}")
    return done, cut
