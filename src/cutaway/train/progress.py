"""The progress line: epoch, loss, validation score, rate, time left. Silent where there is no terminal."""

from __future__ import annotations

import sys
import time
from typing import Any


class Progress:
    """A line that is redrawn at most ten times a second; used as a context."""

    def __init__(self, show: bool | None, epochs: int, rows: int) -> None:
        self.show = sys.stderr.isatty() if show is None else bool(show)
        self.epochs, self.rows = epochs, rows
        self.bar: Any = None
        self.scores = ""

    def __enter__(self) -> Progress:
        if self.show:
            self.bar = progress_line("epoch {task.fields[epoch]}/{task.fields[epochs]}", "{task.fields[scores]}",
                                     "{task.fields[rate]}")
            total = self.epochs * self.rows
            self.task = self.bar.add_task("", total=total, epoch=1, epochs=self.epochs, scores="", rate="")
            self.began, self.first = time.perf_counter(), 0
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def rows_done(self, epoch: int, rows: int) -> None:
        """Show that `rows` rows of an epoch (from 1) are done."""
        if self.bar is None:
            return
        done = (epoch - 1) * self.rows + min(rows, self.rows)
        spent = time.perf_counter() - self.began
        rate = f"{done / spent:,.0f} rows/s" if spent > 0.2 else ""
        self.bar.update(self.task, completed=done, epoch=epoch, rate=rate, scores=self.scores)

    def epoch_done(self, epoch: int, row: dict[str, float]) -> None:
        if self.bar is None:
            return
        shown = {name: value for name, value in row.items() if name not in ("epoch", "lr", "seconds")}
        self.scores = "  ".join(f"{name} {value:.4g}" for name, value in shown.items())
        self.rows_done(epoch, self.rows)


class ProgressOfMany:
    """A line that tells of several runs at once: how many are over, and how many epochs are done."""

    def __init__(self, show: bool | None, trainings: list[Any]) -> None:
        self.show = sys.stderr.isatty() if show is None else bool(show)
        self.trainings = trainings
        self.bar: Any = None

    def __enter__(self) -> ProgressOfMany:
        if self.show:
            self.bar = progress_line("{task.fields[over]}/{task.fields[models]} models", "{task.fields[rate]}")
            total = sum(training.run.epochs for training in self.trainings)
            self.task = self.bar.add_task("", total=total, over=0, models=len(self.trainings), rate="")
            self.began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def update(self) -> None:
        """Look at the runs again, and redraw the line."""
        if self.bar is None:
            return
        spent = time.perf_counter() - self.began
        over = [training for training in self.trainings if training.run.stopped]
        done = sum(training.epochs_done for training in self.trainings)
        rate = f"{done / spent:,.0f} epochs/s" if spent > 0.2 else ""
        left = sum(training.run.epochs - training.epochs_done for training in over)
        self.bar.update(self.task, completed=done + left, over=len(over), rate=rate)


def progress_line(head: str, *tail: str) -> Any:
    """Start a line in the terminal: words, a bar, more words, the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn(head), BarColumn(bar_width=24), *map(TextColumn, tail), TimeRemainingColumn(),
        console=Console(stderr=True), transient=False,
    )
    bar.start()
    return bar
