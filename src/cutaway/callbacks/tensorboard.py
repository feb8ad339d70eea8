"""TensorBoard: a run's curves, settings and weights as event files, which TensorBoard and others show."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..arguments import whole_number
from ..errors import FileError
from ..extras import needed
from ..files.endings import check_folder
from ..train import Run
from .settings import outcome, settings
from .tracker import Tracker, own_place


@dataclass
class TensorBoard(Tracker):
    """Writes a run's history as TensorBoard's event files: a curve for each column, with the epoch as its step.

    Beside the curves stand texts: what was told (an estimator's design with its reasons too), at the end why training
    stopped and the scores of the best epoch and of the last in full, since curves hold 32-bit numbers.

    folder: where to, the run's name in TensorBoard; it is made. A run writes over what is in it: TensorBoard drops, on
    reading, what lies at the epochs that are written anew, all of it for a new run, what lies beyond the checkpoint for
    one that goes on. A star stands for a number that no other run has: "runs/*" gives each of a search its own folder.
    weights: after every how many epochs histograms of all parameters are written; None: never.

    Needs the package tensorboard: pip install "cutaway[tensorboard]". Raises ArgumentError where it is missing, and
    FileError for a folder that cannot be made.
    """

    folder: Any
    weights: int | None = None

    def begin(self, run: Run, done: int) -> Path:
        if self.weights is not None:
            whole_number("weights", self.weights, instead=", or None")
        check_folder(self.folder, "event files")
        needed("tensorboard", "tensorboard", "TensorBoard")
        folder = own_place(self.folder, os.mkdir)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = new_file(folder)
            _write(path, done, file_version="brain.Event:2")
            # whoever reads then forgets what older files have from this step on
            _write(path, done + 1 if done else 0, session_log=_part("event", "SessionLog")(status="START"))
            self._text(path, done, "settings", "| | |\n|-|-|\n" + "\n".join(
                f"| {name} | {_cell(value)} |" for name, value in settings(run).items()))
            if run.design is not None:
                self._text(path, done, "design", "\n".join("    " + line for line in str(run.design).splitlines()))
        except OSError as error:
            raise FileError(f"no event file can be written in {folder}: {error.strerror or error}") from None
        return path

    def row(self, run: Run, place: Path, epoch: int, row: dict[str, float]) -> None:
        Value = _part("summary", "Summary").Value
        values = [Value(tag=name, simple_value=value) for name, value in row.items() if name != "epoch"]
        _write(place, epoch, summary=_part("summary", "Summary")(value=values))
        if self.weights is not None and (epoch % self.weights == 0 or epoch == run.epochs):
            pb = needed("tensorboard.plugins.histogram.summary_v2", "tensorboard", "TensorBoard").histogram_pb
            for name, parameter in run.model.named_parameters():
                _write(place, epoch, summary=pb(f"weights/{name}", parameter.data))

    def end(self, run: Run, place: Path) -> None:
        self._text(place, run.epochs_done, "outcome", "| | |\n|-|-|\n" + "\n".join(
            f"| {name} | {_cell(value)} |" for name, value in outcome(run).items()))

    @staticmethod
    def _text(path: Path, step: int, tag: str, text: str) -> None:
        text_pb = needed("tensorboard.plugins.text.summary_v2", "tensorboard", "TensorBoard").text_pb
        _write(path, step, summary=text_pb(tag, text))


def new_file(folder: Path) -> Path:
    """The name of an event file that is read after all others in the folder: TensorBoard reads them by name."""
    before = [int(name.split(".")[3]) for name in os.listdir(folder)
              if name.startswith("events.out.tfevents.") and name.split(".")[3].isdecimal()]
    second = max([int(time.time()), *(number + 1 for number in before)])
    return folder / f"events.out.tfevents.{second:010d}.{socket.gethostname()}.{os.getpid()}.0"


def _write(path: Path, step: int, **what: Any) -> None:
    """Add one event to the file. It is closed again at once: whatever ends the run, the file is whole."""
    event = _part("event", "Event")(wall_time=time.time(), step=step, **what)
    RecordWriter = needed("tensorboard.summary.writer.record_writer", "tensorboard", "TensorBoard").RecordWriter
    with path.open("ab") as file:
        RecordWriter(file).write(event.SerializeToString())


def _part(name: str, message: str) -> Any:
    return getattr(needed(f"tensorboard.compat.proto.{name}_pb2", "tensorboard", "TensorBoard"), message)


def _cell(value: Any) -> str:
    """A value in a table of Markdown."""
    return str(value).replace("|", "\\|").replace("\n", " ")
