#!/usr/bin/env bash
# LightGBM predicts with a table's columns by their position, though it keeps their names.
#
# Versions: lightgbm 4.7.0, scikit-learn 1.9.1, pandas 3.1.1 (pinned below).
# Expected: a DataFrame whose columns stand in another order gives the same predictions (CatBoost 1.2.10 sorts them by
#           name) or an error (scikit-learn, XGBoost 3.2.0). LightGBM has the names, in feature_names_in_.
# Seen:     other predictions, no error, no warning: LGBMRegressor takes the first column for the first. Only a wrong number
#           of columns, or categories where there were none, is noticed. The option predict_disable_shape_check names the
#           first of these checks; there is none for names.
# Matters:  the order of columns changes with every SQL query, join and JSON record. As a rival in a comparison it looks
#           bad for no reason, in service it is wrong without a sign. Pass frame[model.feature_names_in_].
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check lightgbm==4.7.0 scikit-learn==1.9.1 pandas==3.1.1
cat > "$place/order.py" <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import lightgbm
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

rng = np.random.default_rng(0)
frame = pd.DataFrame({"area": rng.normal(100, 20, 500), "year": rng.integers(1950, 2020, 500), "noise": rng.random(500)})
price = 3 * frame["area"] + (frame["year"] - 1950)
turned = frame[["noise", "year", "area"]]
print(*(f"{name} {version(name)}" for name in ("lightgbm", "scikit-learn", "pandas")), "Python", sys.version.split()[0])
try:
    HistGradientBoostingRegressor(max_iter=50).fit(frame, price).predict(turned)
except ValueError as refused:
    print("scikit-learn:", str(refused).splitlines()[0])
else:
    raise AssertionError("scikit-learn does it in another way now")
model = lightgbm.LGBMRegressor(n_estimators=50, verbose=-1).fit(frame, price)
with warnings.catch_warnings():
    warnings.simplefilter("error")
    change = np.abs(model.predict(turned) - model.predict(frame)).mean()
print(f"LightGBM: it keeps {list(model.feature_names_in_)}; a prediction changes by {change:.1f} in the mean (prices are "
      f"from {price.min():.0f} to {price.max():.0f})")
assert change > 10, "LightGBM goes by names now"
PYTHON
"$place/venv/bin/python" "$place/order.py"
