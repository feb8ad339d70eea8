"""What a fit leaves on an estimator: nothing of an earlier fit; where it fails, everything as it was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..nn import Module
from ..train import Run

#: What a fit leaves besides the attributes that end in an underscore.
PRIVATE = ("_program", "_program_state", "_passes", "_factors", "_compiled", "_left_out", "_run", "_seed")


class Fitted:
    """An estimator's `run_`, which pickling, files and other processes leave behind."""

    @property
    def run_(self) -> Run:
        """The training that was. Raises AttributeError where there is none here, with the reason."""
        if "_run" not in vars(self):
            why = "is not fitted yet" if not hasattr(self, "model_") else (
                "has no run_: it holds the training data, so pickling, copying, ct.save and other processes (n_jobs) "
                "leave it behind, and partial_fit and solver='lbfgs' make none. fit makes a new one; history_ stays"
            )
            raise AttributeError(f"this {type(self).__name__} {why}.")
        return vars(self)["_run"]

    @run_.setter
    def run_(self, run: Run) -> None:
        vars(self)["_run"] = run


@contextmanager
def all_or_nothing(estimator: Any, model: Module | None = None) -> Iterator[None]:
    """Put everything back where the block raises; model: a network that it goes on with, whose weights are put back."""
    before = {name: list(value) if type(value) is list and name.endswith("_") else value
              for name, value in vars(estimator).items()}
    weights = None if model is None else model.state_dict()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        if model is not None and weights is not None:
            model.load_state_dict(weights)
        raise


def forget(estimator: Any, private: tuple[str, ...]) -> None:
    """Drop what an earlier fit left: the attributes that end in an underscore, and those named."""
    for name in list(vars(estimator)):
        if (name.endswith("_") and not name.startswith("_")) or name in private:
            del vars(estimator)[name]
