"""MLflow: a run's settings, its history by epoch and how it ended, as MLflow's params, metrics and tags."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..extras import needed
from ..train import Run
from .settings import outcome, settings
from .tracker import Tracker

MOST = 500  # characters of a param, that any server takes


@dataclass
class MLflow(Tracker):
    """Logs a run to MLflow, where `mlflow.set_tracking_uri` or its environment variable says.

    It logs into the active MLflow run, which stays open, and else into one of its own, which ends with the training:
    FINISHED, KILLED by Ctrl-C, or FAILED. A further fit within one active run, of a fold or a search, becomes a run
    nested in it. Params: what was told, an estimator's design too. Metrics: the columns of the history, with the epoch
    as their step; of a run that goes on from a checkpoint in the same MLflow run, the steps that are new. At the end
    the best epoch's scores, and tags that say why training stopped.

    Each epoch costs a request: of a server that no longer answers it says so once, and training goes on. (MLflow tries
    for minutes before: MLFLOW_HTTP_REQUEST_MAX_RETRIES.) `cutaway.mlflow.log_model` logs the model itself. Needs the
    package mlflow: pip install "cutaway[mlflow]".
    """

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        return (OSError, needed("mlflow.exceptions", "mlflow", "MLflow").MlflowException)

    def begin(self, run: Run, done: int) -> dict[str, Any]:
        mlflow = needed("mlflow", "mlflow", "MLflow")
        client, active = mlflow.MlflowClient(), mlflow.active_run()
        known = _steps(client, active) if active is not None else -1
        own = active is None or (known >= 0 and not done)
        if own:
            active, known = mlflow.start_run(nested=active is not None), -1
        id_ = active.info.run_id
        try:
            told = settings(run) | _design(run)
            there = client.get_run(id_).data.params
            Param = mlflow.entities.Param
            client.log_batch(id_, params=[Param(name, str(value)[:MOST]) for name, value in told.items()
                                          if name not in there])
        except BaseException:
            if own:
                mlflow.end_run("FAILED")
            raise
        return {"client": client, "id": id_, "own": own, "known": known}

    def row(self, run: Run, place: dict[str, Any], epoch: int, row: dict[str, float]) -> None:
        if epoch > place["known"]:
            self._log(place, epoch, {name: value for name, value in row.items() if name != "epoch"})

    def end(self, run: Run, place: dict[str, Any]) -> None:
        mlflow = needed("mlflow", "mlflow", "MLflow")
        try:
            found = outcome(run)
            numbers = {name: value for name, value in found.items() if name.startswith("best_")}
            self._log(place, run.epochs_done, numbers, {"stopped": found["stopped"], "trouble": run.trouble})
        finally:
            if place["own"]:
                mlflow.end_run("FAILED" if run.trouble else "KILLED" if run.stopped == "interrupted" else "FINISHED")

    @staticmethod
    def _log(place: dict[str, Any], step: int, numbers: dict[str, float], tags: dict[str, str] | None = None) -> None:
        entities, now = needed("mlflow.entities", "mlflow", "MLflow"), int(1000 * time.time())
        place["client"].log_batch(
            place["id"], metrics=[entities.Metric(name, float(value), now, step) for name, value in numbers.items()],
            tags=[entities.RunTag(name, text) for name, text in (tags or {}).items() if text])


def _steps(client: Any, active: Any) -> int:
    """The last epoch that a run has; -1 where it has none."""
    return max((metric.step for metric in client.get_metric_history(active.info.run_id, "loss")), default=-1)


def _design(run: Run) -> dict[str, Any]:
    """The choices of an estimator's design, as its printed table has them."""
    return {} if run.design is None else {f"design_{name}": value for name, value, _ in run.design.table()}
