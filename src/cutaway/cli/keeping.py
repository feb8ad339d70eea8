"""The model file of the command line: the estimator, and beside it what its fit found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import FileError
from ..report.findings import Findings
from .later import loading

#: The entry of a model file's extra values that holds the findings.
ENTRY = "findings"


def load(path: Path) -> Any:
    """Load the estimator in a file. Raises FileError for a bare network, which does not know its columns."""
    with loading():
        from .. import estimators, files

    if files.describe(path)["kind"] == "Forecaster":
        raise FileError(f"{path} is a forecaster: `cutaway predict`, `evaluate` and `inspect` take it. To explain, "
                        "export or send as a page: a network of your own on its windows, such as `cutaway fit FILE "
                        "--forecast TARGET --hidden 32` writes. In Python, ct.load(path) gives it back; what it leans "
                        "on, a backtest's importance() says.")
    model = files.load(path)
    if not isinstance(model, estimators.Classifier | estimators.Regressor):
        raise FileError(
            f"{path}: this is a bare {type(model).__name__}, without the encoders of a table: give what `cutaway fit` "
            "wrote, or ct.save of a Classifier or Regressor. In Python, ct.load(path).predict(array) uses it."
        )
    return model


def reading(path: Path) -> dict[str, Any]:
    """List what a model must know to read other files as it read the training file."""
    from ..described import described, entry
    from ..files import describe
    from ..files.container import about
    from .options import ReadOptions

    state = findings(describe(path)["extra"])
    with about(str(path)):
        return {} if state is None else described(ReadOptions, entry(state, "reading", dict[str, Any])).remembered()


def save(estimator: Any, path: Path, found: Findings) -> None:
    """Write the estimator with its findings beside it."""
    from .. import files
    from ..estimators import persistence

    network, fitted, example = persistence.parts(estimator)
    kept = found.to_json() | {"pictures": {}, "inside": {}, "places": {}}  # for the page alone
    files.save(network, path, input=example, extra=fitted | {ENTRY: kept}, kind=type(estimator).__name__)


def findings(extra: dict[str, Any]) -> dict[str, Any] | None:
    """The findings among a file's extra values, if `cutaway fit` wrote it."""
    from ..described import entry

    return entry({ENTRY: None} | extra, ENTRY, dict[str, Any] | None)
