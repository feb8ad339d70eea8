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
    from . import inspect, lab
    from .estimators import Classifier, Regressor, design
    from .files import save
    from .inspect import diagnose, step, summary, trace

__version__ = "0.1.0"

# What needs a heavy library is imported when it is first asked for, so that `import cutaway` stays quick.
_LATER = {"Classifier": "estimators", "Regressor": "estimators", "design": "estimators", "save": "files",
          "diagnose": "inspect", "step": "inspect", "summary": "inspect", "trace": "inspect"}
_ROOMS_LATER = ("inspect", "lab")

__all__ = [
    "Classifier", "Program", "Regressor", "Run", "Sequences", "Tensor", "compile", "data", "datasets", "design",
    "diagnose", "errors", "fit", "fit_many", "grad", "inspect", "lab", "load", "losses", "nn", "ops", "optim", "save",
    "seed", "step", "summary", "trace",
]
_VIEWS["trace"] = lambda run, step, **how: _import_module(".inspect", __name__).trace_run(run, step, **how)
_VIEWS["summary"] = lambda model: _import_module(".inspect", __name__).summary(model)
_VIEWS["drawing"] = lambda model: _import_module(".inspect", __name__).draw(model)
_VIEWS["notebook"] = lambda result: _import_module(".report.notebook", __name__).notebook(result)
_VIEWS["trace_page"] = lambda *what: _import_module(".report.trace_page", __name__).write_trace_page(*what)
_VIEWS["lab_page"] = lambda *what: _import_module(".report.lab_page", __name__).write_lab_page(*what)
_VIEWS["descent_page"] = lambda *what: _import_module(".report.descent_page", __name__).write_descent_page(*what)


def load(path, custom=None):
    """Load a model or estimator from a file that `ct.save` wrote. Loading never runs code from the file.

    custom: {name: class} gives a saved custom Module back as that class; without, it predicts and trains all the same.
    Raises errors.FileError for a file that is missing, damaged, or not ours.
    """
    from . import files

    kind = files.describe(path)["kind"]
    if kind != "module":  # estimators say themselves how they are rebuilt
        _import_module(".sklearn" if kind.startswith("MLP") else ".estimators", __name__)
    return files.load(path, custom)


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
