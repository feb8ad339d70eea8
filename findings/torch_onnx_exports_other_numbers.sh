#!/usr/bin/env bash
# PyTorch's two ONNX exporters write models that run and compute other numbers than the module they were made from.
#
# Versions: torch 2.13.0, onnxscript 0.7.2, onnx 1.23.2, judged by onnxruntime 1.32.0 (pinned below).
# Expected: the same numbers but for rounding, or an error that names what cannot be exported, as both exporters raise
#           for many other operations. The newer exporter (dynamo=True) is the default; the older is still there.
# Seen:     no error, no warning about it, and
#           - AvgPool2d(divisor_override=4): both exporters divide by the size of the window all the same;
#           - log-sigmoid: both write Log(Sigmoid(x)), which is minus infinity from about -18 on, where PyTorch gives x;
#           - a mean by index (scatter_reduce "mean"), as graph networks take it: the newer writes a sum;
#           - index_put(accumulate=True) with an index that comes twice: the older keeps the last in place of the sum;
#           - floor division of negative whole numbers, -7 // 3: the older rounds towards zero.
# Matters:  an exported model is what serves. A divisor is a scale that the next layer was trained with; minus infinity in
#           a log-probability turns any sum with it. Whoever reads such files reads what they say, not what was meant:
#           comparing with the module, on extreme numbers too, is the exporting side's task.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 onnxscript==0.7.2 onnx==1.23.2 onnxruntime==1.32.0
cat > "$place/export.py" <<'PYTHON'
import contextlib
import io
import logging
import sys
import warnings
from importlib.metadata import version

import numpy as np
import onnxruntime
import torch
from torch import nn

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
where = torch.tensor([0, 0, 1, 3])


class Written(nn.Module):
    def __init__(self, formula):
        super().__init__()
        self.forward = formula


image, numbers = torch.arange(16.0).reshape(1, 1, 4, 4), torch.tensor([1.0, 3.0, 5.0, 7.0])
TRIED = {
    "AvgPool2d(2, divisor_override=3)": (nn.AvgPool2d(2, divisor_override=3), image, "both"),
    "LogSigmoid": (nn.LogSigmoid(), -10 * numbers, "both"),
    "scatter_reduce mean": (Written(lambda x: torch.zeros(4).scatter_reduce(0, where, x, "mean", include_self=False)),
                            numbers, "newer"),
    "index_put accumulate": (Written(lambda x: torch.zeros(4).index_put((where,), x, accumulate=True)), numbers, "older"),
    "floor division": (Written(lambda x: x // 3), torch.tensor([-7, -3, -1, 7]), "older"),
    "AvgPool2d(2), as expected": (nn.AvgPool2d(2), image, "none"),
}


def there(module, x, newer):
    """What the exported model answers, or None where the exporter or the runtime refuses."""
    path = f"{sys.argv[1]}/model.onnx"
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            torch.onnx.export(module.eval(), (x,), path, dynamo=newer, input_names=["x"], **(
                {"verbose": False} if newer else {"opset_version": 18}))
        return onnxruntime.InferenceSession(path).run(None, {"x": x.numpy()})[0]
    except Exception as error:
        return type(error).__name__


names = "torch", "onnxscript", "onnx", "onnxruntime"
print(*(f"{name} {version(name)}" for name in names), "Python", sys.version.split()[0])
for name, (module, x, differs) in TRIED.items():
    here = module(x).numpy()
    print(f"{name}: PyTorch {here.ravel()}")
    for exporter in ("newer", "older"):
        answer = there(module, x, exporter == "newer")
        refused = isinstance(answer, str)
        same = not refused and np.allclose(here, answer, rtol=1e-4)
        print(f"    {exporter} exporter:", answer if refused else answer.ravel(), "" if same else "<-")
        assert refused or same is (differs not in (exporter, "both")), "it is exported in another way now"
        assert not refused or differs not in (exporter, "both"), "it is refused now"
PYTHON
"$place/venv/bin/python" "$place/export.py" "$place"
