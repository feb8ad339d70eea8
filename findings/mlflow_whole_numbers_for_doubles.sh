#!/usr/bin/env bash
# Whether MLflow takes a column of whole numbers for a declared double depends on the numbers in it: zeros and ones pass.
#
# Versions: mlflow-skinny 3.17.2, pandas 3.1.1, numpy 2.4.6 (pinned below).
# Guess:    a signature is about types: an int64 column is either widened to double or refused, whatever it holds.
# Seen:     int64 of [0, 1, 1] is taken and becomes doubles, int64 of [0, 1, 2] is refused as unsafe to convert, though every
#           whole number up to 2**53 is a double exactly; int32 is always taken. One rule meant for flags looks at the values.
# Matters:  a service is tried with a row or two of zeros and ones (pandas makes int64 of any JSON or CSV column without a
#           fraction) and works, then refuses the first batch in which a count reaches 2. Who asks has to cast columns
#           to the declared types first.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check mlflow-skinny==3.17.2 pandas==3.1.1 numpy==2.4.6
cat > "$place/ask.py" <<'PYTHON'
import logging
import sys
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
from mlflow import pyfunc
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

logging.disable(logging.WARNING)
warnings.showwarning = lambda *_: None
print(*(f"{name} {version(name)}" for name in ("mlflow-skinny", "pandas", "numpy")))


class Doubles(pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["count"] * 2


signature = ModelSignature(inputs=Schema([ColSpec("double", "count")]))
pyfunc.save_model(sys.argv[1], python_model=Doubles(), signature=signature, pip_requirements=[])
model = pyfunc.load_model(sys.argv[1])
taken = {}
for kind in ("int64", "int32", "float64"):
    for numbers in ([0, 1, 1], [0, 1, 2], [5, 6, 7]):
        try:
            model.predict(pd.DataFrame({"count": np.array(numbers, kind)}))
            taken[kind, *numbers] = True
        except MlflowException as error:
            taken[kind, *numbers] = False
            said = str(error).split("Error: ")[-1]
        print(f"{kind:8} {numbers}  {'taken' if taken[kind, *numbers] else 'refused'}")
print(said)
refused = {what for what, yes in taken.items() if not yes}
sys.exit(refused != {("int64", 0, 1, 2), ("int64", 5, 6, 7)})
PYTHON
"$place/venv/bin/python" "$place/ask.py" "$place/model" 2>&1 | grep -v -i "info mlflow"
