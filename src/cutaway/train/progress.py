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
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self.bar = Bar(
                TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"), BarColumn(bar_width=24),
                TextColumn("{task.fields[scores]}"), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
                console=Console(stderr=True), transient=False,
            )  # fmt: skip
            self.bar.start()
            total = self.epochs * self.rows
            self.task = self.bar.add_task("", total=total, epoch=1, epochs=self.epochs, scores="", rate="")
            self.began, self.first = time.perf_counter(), 0
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def rows_done(self, epoch: int, rows: int) -> None:
        """So many rows of epoch `epoch` (from 1) are done."""
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
