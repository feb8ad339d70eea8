"""Cutaway: deep learning with the casing off.

Design, train, open up and compare neural networks on your own data: `ct.fit`, `ct.compile`, `ct.Classifier`,
`ct.Regressor`, or `cutaway fit` on the command line.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import data, datasets, errors, habits, losses, nn, optim
from .autodiff import Tensor, grad, ops
from .engines import Program, compile
from .random import seed
from .sequences import Sequences
from .shown import VIEWS as _VIEWS
from .train import Run, fit, fit_many

if _TYPE_CHECKING:
    from . import callbacks, distributed, forecast, inspect, lab, tuning
    from .estimators import Classifier, Regressor, design
    from .files import save
    from .inspect import diagnose, step, summary, trace
    from .onnx import export
    from .report.train_page.page import to_page

__version__ = "0.1.0"

# What needs a heavy library is imported when it is first asked for, so that `import cutaway` stays quick.
_LATER = {"Classifier": "estimators", "Regressor": "estimators", "design": "estimators", "export": "onnx",
          "save": "files", "diagnose": "inspect", "step": "inspect", "summary": "inspect", "trace": "inspect",
          "to_page": "report.train_page.page"}
_ROOMS_LATER = ("callbacks", "distributed", "forecast", "inspect", "lab", "tuning")

__all__ = [
    "Classifier", "Program", "Regressor", "Run", "Sequences", "Tensor", "callbacks", "compile", "data", "datasets",
    "design", "diagnose", "distributed", "errors", "export", "fit", "fit_many", "forecast", "grad", "inspect", "lab",
    "load", "losses", "nn", "ops", "optim", "predictor", "save", "seed", "step", "summary", "to_page", "trace",
    "tuning",
]
_VIEWS["trace"] = lambda run, step, **how: _import_module(".inspect", __name__).trace_run(run, step, **how)
_VIEWS["summary"] = lambda model: _import_module(".inspect", __name__).summary(model)
_VIEWS["drawing"] = lambda model: _import_module(".inspect", __name__).draw(model)
_VIEWS["notebook"] = lambda result: _import_module(".report.notebook", __name__).notebook(result)
_VIEWS["trace_page"] = lambda *what: _import_module(".report.trace_page", __name__).write_trace_page(*what)
_VIEWS["train_page"] = lambda run, *what, **how: _import_module(
    ".report.train_page.page", __name__).run_to_page(run, *what, **how)
_VIEWS["lab_page"] = lambda *what: _import_module(".report.lab_page", __name__).write_lab_page(*what)
_VIEWS["descent_page"] = lambda *what: _import_module(".report.descent_page", __name__).write_descent_page(*what)


def load(path, custom=None, output=None):
    """Load a model or estimator from a file that `ct.save` wrote, or a network from an ONNX file of any library's.

    Loading never runs code from the file. custom: {name: class} gives a saved custom Module back as that class;
    without, it predicts and trains all the same. A file that ends in .onnx becomes a network whose parameters have the
    graph's names (docs/onnx.md); output: which value of its graph it gives, the first output of real numbers unless
    named. path may also be a trained MLPClassifier or MLPRegressor of scikit-learn's: it comes back as that of
    cutaway.sklearn, whose `model_` is the network.
    Raises errors.FileError for a file that is missing, damaged, not ours, or with a node that is not read.
    """
    if hasattr(path, "get_params"):
        return _import_module(".estimators.mlp", __name__).from_sklearn(path)
    from . import files

    if str(path).lower().endswith(".onnx"):
        if custom is not None:
            raise errors.ArgumentError("custom is for files that ct.save wrote: an ONNX file names no classes")
        return _import_module(".onnx", __name__).load_onnx(path, output)
    if output is not None:
        raise errors.ArgumentError("output is for ONNX files: a model file of ours gives what it was saved to give")

    kind = files.describe(path)["kind"]
    if kind != "module":  # estimators say themselves how they are rebuilt
        rooms = {"Forecaster": ".forecast"}
        _import_module(".sklearn" if kind.startswith("MLP") else rooms.get(kind, ".estimators"), __name__)
    return files.load(path, custom)


@habits.in_our_words
def predictor(model, example=None, engine="cpu"):
    """Prepare a network or estimator to be asked for one sample at a time: a function, safe to call from threads.

    >>> import numpy as np, cutaway as ct
    >>> net = ct.nn.MLP(3, [16], 2).init(0)
    >>> f = ct.predictor(net)
    >>> x = np.array([0.1, 0.2, 0.3], np.float32)
    >>> bool((f(x) == net.predict(x[None])[0]).all())
    True

    Of a network it takes a sample in the shape that the network takes, or a batch of one, and gives raw outputs. Of
    ct.Classifier or ct.Regressor it takes a record: a dict, a tuple in the order of the columns, a frame of one row;
    it gives the label or the number, with proba=True the probabilities. Bit for bit what `predict` gives, errors too.

    >>> table = {"area": [50.0, 80.0, 65.0, 120.0] * 5, "zone": ["RL", "RM", "RM", "RL"] * 5}
    >>> prices = ct.Regressor(epochs=2).fit(table, [1.0, 1.2, 1.1, 2.0] * 5)
    >>> ask = ct.predictor(prices)
    >>> bool(ask({"area": 70, "zone": "RL"}) == prices.predict({"area": [70], "zone": ["RL"]})[0])
    True

    It sees weights that change afterwards, and layers and settings that are set as attributes; what is put into a list
    of layers, or written into an array that is no weight, it does not see: make it again then. A predictor of an
    estimator stays with the fit that it was made of. example: a sample, where the first layer does not say what the
    network takes (else the first sample called with says it).
    """
    if isinstance(model, nn.Module):
        return _import_module(".nn.predictor", __name__).Predictor(model, example, engine)
    return _import_module(".estimators.record_predictor", __name__).record_predictor(model, engine)


def __getattr__(name: str):
    if name in _LATER:
        value = getattr(_import_module(f".{_LATER[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in _ROOMS_LATER:
        return _import_module(f".{name}", __name__)
    rooms = {"nn": nn, "ops": ops, "optim": optim, "losses": losses, "schedules": optim.schedules}
    there = {word: f"ct.{'optim.' * (room == 'schedules')}{room}.{word}" for room, module in rooms.items()
             for word in vars(module) if not word.startswith("_")}
    raise habits.UnknownName("ct", name, there | habits.TOP, lambda: __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
