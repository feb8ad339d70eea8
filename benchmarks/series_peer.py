"""What benchmarks.series asks of the Python that has aeon: where packages keep their series, and MiniRocket with ridge.

Runs there as a script of its own, since Cutaway need not be there.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from importlib.util import find_spec


def folders(names: list[str]) -> dict[str, str]:
    """The folder of each package that is installed; none is imported."""
    found = {name: find_spec(name) for name in names}
    return {name: os.path.dirname(spec.origin) for name, spec in found.items() if spec and spec.origin}


def minirocket(path: str, seeds: int) -> dict:
    """Scores on the test part by seed, and the seconds of processor time of a fit, without compiling."""
    import numpy as np
    from aeon.classification.convolution_based import MiniRocketClassifier
    from aeon.regression.convolution_based import MiniRocketRegressor

    data = np.load(path)
    make = MiniRocketRegressor if data["y"].dtype.kind == "f" else MiniRocketClassifier
    X, Xt = (np.ascontiguousarray(data[name].swapaxes(1, 2)) for name in ("X", "Xt"))
    make(random_state=0, n_jobs=1).fit(X, data["y"])  # compiles
    scores, seconds = [], []
    for seed in range(seeds):
        began = time.process_time()
        model = make(random_state=seed, n_jobs=1).fit(X, data["y"])
        seconds.append(time.process_time() - began)
        scores.append(float(model.score(Xt, data["yt"])))
    return {"scores": scores, "seconds": min(seconds)}


if __name__ == "__main__":
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    warnings.simplefilter("ignore")
    asked, *words = sys.argv[1:]
    print(json.dumps(minirocket(words[0], int(words[1])) if asked == "minirocket" else folders(words)))
