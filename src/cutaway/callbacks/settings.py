"""What a run was told, and what came of it, by name: what trackers write beside the curves."""

from __future__ import annotations

from typing import Any

from ..train import Run


def settings(run: Run) -> dict[str, Any]:
    """What decides a run, as numbers and text."""
    past = run.past
    told: dict[str, Any] = {"network": " ".join(repr(run.model).split()),
                            "parameters": sum(p.size for p in run.model.parameters())}
    if past is not None:
        told |= {"rows": len(past.rows), "loss": run.loss, "optimizer": repr(past.optimizer)}
    told |= {"epochs": run.epochs, "batch_size": run.batch_size, "seed": run.seed}
    if run.program is not None:
        told |= {"engine": run.program.engine.name}
    if run.lr_found is not None:
        told["lr_found"] = run.lr_found
    return told


def outcome(run: Run) -> dict[str, Any]:
    """How a run ended, with the scores of its best epoch and of its last, in full."""
    found: dict[str, Any] = {"stopped": run.stopped, "epochs_done": run.epochs_done, "best_epoch": run.best_epoch}
    for word, epoch in (("best", run.best_epoch), ("last", run.epochs_done)):
        if 0 < epoch <= len(run.history):
            found |= {f"{word}_{name}": float(column[epoch - 1]) for name, column in run.history.columns().items()
                      if name not in ("epoch", "lr", "seconds")}
    return found
