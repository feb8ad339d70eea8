"""Checkpoints: all that a run needs to go on bit for bit, written every few seconds, within epochs too, and at its end.

The last two are kept. The order of an epoch's batches and every other use of chance follow from the seed and the number
of steps done, so that these say where each stream stands.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, CutawayError, FileError, TrainingWarning, warn
from ..files import container, write_whole
from ..files.endings import check_folder
from ..text import no_path

KEPT = 2
SECONDS = 5.0  # between two checkpoints; more where writing one takes more than a twentieth of it
NAME = re.compile(r"step-([0-9]{9,})\.safetensors")
LOOKED_AT = 16 * 2**20  # bytes of rows by which data are recognised
OTHER_ENGINE = ("{}: the engine {!r} wrote this checkpoint, and training goes on with {!r}. Batches, dropout and "
                "schedules are the same; weights will equal those of an uninterrupted run to roundings, not to the bit")


class Checkpoints:
    """A folder of checkpoints of one run, `step-000001200.safetensors`. Files of other names are left alone."""

    def __init__(self, folder: Any) -> None:
        self.folder, self.saved, self.cost = Path(folder), time.monotonic(), 0.0
        self.whole: list[Path] = []  # files that this process wrote or read, oldest first
        self._read: tuple[Path, dict[str, Any], dict[str, np.ndarray]] | None = None
        self._settings: dict[str, Any] = {}

    def files(self) -> list[Path]:
        """List the checkpoint files in the order of their steps."""
        try:
            names = [name for name in os.listdir(self.folder) if NAME.fullmatch(name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FileError(f"the checkpoints in {self.folder} cannot be read: {error.strerror or error}") from None
        return [self.folder / name for name in sorted(names, key=lambda name: int(name[5:-12]))]

    def make_folder(self, going_on: bool) -> None:
        """Make the folder, if files can be made in it. A new run needs a folder of its own: it would drop another's."""
        check_folder(self.folder, "checkpoints")
        try:
            new = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in new:
                container.sync_folder(str(path.parent))
        except (OSError, ValueError) as error:
            why = no_path(self.folder, error) if isinstance(error, ValueError) else error.strerror or error
            raise FileError(f"no checkpoint folder can be made at {self.folder}: {why}") from None
        try:
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise FileError(
                f"checkpoints cannot be written in {self.folder} ({error.strerror or error}): choose another folder"
            ) from None
        every = [self, *map(Checkpoints, sorted(self.folder.glob("network*")))]  # of several networks, each has its own
        begun = [found for one in every for found in one.files()[-1:]]
        if going_on and begun and not self.files():
            raise FileError(f"{self.folder} has the checkpoints of several networks, and this run trains one: call fit "
                            "with the same settings, or with another checkpoint folder")
        if begun and not going_on:
            raise FileError(
                f"{self.folder} has checkpoints already ({begun[0].relative_to(self.folder)}): pass resume=True "
                "(--resume) to go on from them, or choose another folder"
            )
        for part in self.folder.glob(".step-*.partial"):  # of processes that were killed
            with suppress(OSError):
                part.unlink()

    def due(self) -> bool:
        return time.monotonic() - self.saved >= max(SECONDS, 20 * self.cost)

    # ---- writing -----------------------------------------------------------------------------------------------------
    def save(self, training: Any) -> None:
        """Write a checkpoint whole, or not at all; then drop all but the last two."""
        began = time.monotonic()
        note, arrays = taken(training)
        path = self.folder / f"step-{note['t']:09d}.safetensors"
        write_whole(path, container.pack(note | {
            "settings": self.settings(training), "engine": training.program.engine.name}, arrays))
        self.whole = [*(known for known in self.whole if known != path), path][-KEPT:]
        for old in set(self.files()).difference(self.whole):
            with suppress(OSError):
                old.unlink()
        self.saved = time.monotonic()
        self.cost = self.saved - began

    # ---- going on ----------------------------------------------------------------------------------------------------
    def newest(self) -> tuple[Path, dict[str, Any], dict[str, np.ndarray]] | None:
        """Read the newest checkpoint that is whole: its path, note and arrays. None if there are no checkpoints."""
        troubles: list[str] = []
        for path in reversed(self.files() if self._read is None else []):
            try:
                with container.about(str(path)):
                    header, arrays = container.read(str(path))
                self._read, self.whole = (path, header.description, arrays), [path]
                break
            except FileError as error:
                troubles.append(str(error))
        if troubles and self._read is None:
            raise FileError(
                f"no checkpoint in {self.folder} can be used ({'; '.join(troubles)}). To begin anew, choose another "
                "folder"
            )
        for trouble in troubles:
            warn(f"{trouble}. Going on from {self.whole[0].name}, the one before")
        return self._read

    def lr_found(self) -> float | None:
        """The learning rate that the run of the newest checkpoint found; None if it was given, or there is no run."""
        newest = self.newest()
        found = newest and newest[1].get("lr_found")
        return found if type(found) is float and 0 < found < float("inf") else None

    def restore(self, training: Any) -> None:
        """Put the newest checkpoint's state into a training that has not begun. Nothing to restore is no error."""
        newest = self.newest()
        if newest is None:
            return
        path, note, arrays = newest
        before, now = note.get("settings"), self.settings(training)
        if not isinstance(before, dict) or before != now:
            names = {**now, **(before if isinstance(before, dict) else {})}
            changed = [k for k in names if not isinstance(before, dict) or before.get(k) != now.get(k)]
            raise FileError(
                f"{path} belongs to a run with other settings ({', '.join(changed)}): call fit with the same ones, or "
                "with another checkpoint folder"
            )
        try:
            put_back(training, note, arrays)
        except (KeyError, TypeError, ValueError, CutawayError) as error:  # its checksums fit: somebody rewrote it
            raise FileError(f"{path} is no checkpoint of this run ({error!r}): delete it") from None
        self._read, wrote, goes_on = None, note.get("engine"), training.program.engine.name
        if wrote not in (None, goes_on):
            warn(OTHER_ENGINE.format(path.name, wrote, goes_on), TrainingWarning)

    def settings(self, training: Any) -> dict[str, Any]:
        """List what must be the same for a resumed run to equal an uninterrupted one."""
        if not self._settings:
            past = training.past
            self._settings = {
                "epochs": int(training.run.epochs), "batch_size": past.batch_size, "rows": past.count,
                "seed": past.seed, "shuffle": bool(past.shuffle), "drop_last": past.drop_last,
                "optimizer": _optimizer(past.optimizer, past.steps * training.run.epochs),
                "parameters": digest([(n, p.shape, p.dtype.name, p.requires_grad)
                                       for n, p in training.model.named_parameters()]),
                "network": digest(_instructions(training.program, "forward")),
                "loss": digest(_instructions(training.program, "loss")),
                "data": past.digest(training.model.dtype),
                "validation": past.held_digest(training.model.dtype),
            }
            if any(i.rounded for i in training.program.instructions):
                self._settings["precision"] = "bf16"
            if training.best.monitor.column != "val_loss":
                self._settings["monitor"] = list(training.best.monitor)
        return self._settings


def taken(training: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Give where a training stands: a note in plain JSON, and arrays by name."""
    run, state = training.run, training.program.state
    arrays = {f"model.{k}": v for k, v in training.model.state_dict().items()}
    arrays |= {f"best.{k}": v for k, v in (training.best.weights or {}).items()}
    arrays |= {f"state.{k}": v for k, v in state.vectors.items()}
    arrays |= {f"history.{k}": v for k, v in run.history.columns().items()}
    arrays |= {"losses": run.steps["loss"] if len(run.steps) else np.zeros(0)}
    return {
        "kind": "checkpoint", "t": state.t, "epochs_done": run.epochs_done,
        "best_epoch": run.best_epoch, "best_loss": repr(training.best.cost), "waited": training.best.waited,
        "seconds": run.seconds, "lr_found": run.lr_found,
    }, arrays


def put_back(training: Any, note: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Put a training that has not begun where another of the same task and recipe stood. Raises, before anything is
    changed but weights, KeyError, TypeError, ValueError or a CutawayError for what does not fit."""
    def part(prefix: str) -> dict[str, np.ndarray]:
        return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

    run, state, history = training.run, training.program.state, part("history.")
    kept, steps = training.best, training.past.steps
    counts = t, epochs, *_ = [note[name] for name in ("t", "epochs_done", "best_epoch", "waited")]
    if any(type(n) is not int or n < 0 for n in counts) or {len(v) for v in history.values()} - {epochs} or not (
        t == len(arrays["losses"]) and epochs * steps <= t <= (epochs + 1) * steps
    ):
        raise ValueError(f"{t!r} steps in {epochs!r} epochs")
    best, vectors = part("best."), {name: arrays[f"state.{name}"] for name in state.vectors}
    if any(values.shape != state[name].shape for name, values in vectors.items()):
        raise ValueError("the optimizer's state has another shape")
    if note.get("kind") != "checkpoint":
        raise ValueError(f"its kind is {note.get('kind')!r}")
    for name, array in arrays.items():
        own = name.startswith(("model.", "best.", "state."))
        if array.dtype != (training.model.dtype if own else np.float64):
            raise ValueError(f"{name} holds {array.dtype}")
        if name.startswith(("model.", "best.")) and not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    best_loss, seconds = note["best_loss"], note["seconds"]
    if type(best_loss) is not str or type(seconds) is not float or not 0 <= seconds < np.inf:
        raise ValueError(f"a best loss of {best_loss!r}, after {seconds!r} seconds")
    kept.cost, run.seconds = float(best_loss), seconds
    if best:  # does it fit?
        training.model.load_state_dict(best, layout="cutaway")
    training.model.load_state_dict(part("model."), layout="cutaway")
    state.put(vectors | {"t": t})
    kept.weights = best or None
    run.epochs_done, run.best_epoch, kept.waited = epochs, note["best_epoch"], note["waited"]
    if history:
        run.history.extend(history)
    if t:
        run.steps.extend({"loss": arrays["losses"], "epoch": np.arange(t) // steps + 1})


def folders(checkpoint: Any, resume: Any, writes: bool = True) -> tuple[Checkpoints | None, Checkpoints | None]:
    """Find the checkpoints that a run writes (its folder is made) and those it goes on from; None where it does not.

    writes: whether it is this process that writes them.
    """
    if resume is True and checkpoint is None:
        raise ArgumentError("resume=True goes on from checkpoint=, a folder: name it, or pass resume=FOLDER")
    own = None if checkpoint is None else Checkpoints(checkpoint)
    same = resume is True or (resume and own is not None and os.path.realpath(resume) == os.path.realpath(checkpoint))
    earlier = own if same else Checkpoints(resume) if resume else None
    if earlier is not None and earlier is not own and not earlier.files():
        raise FileError(f"there are no checkpoints in {resume} to go on from: name the folder of an earlier run")
    if own is not None and writes:
        own.make_folder(going_on=earlier is own)
    return own if writes else None, earlier


# ---- what a run is recognised by -------------------------------------------------------------------------------------


def digest(parts: Any) -> str:
    """Sixteen letters that differ where parts do."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _instructions(program: Any, phase: str) -> list[tuple]:
    """Write what the network (and its batch norms' averages) or its loss computes, the same in every process."""
    return [
        (i.op, i.formula, [(v.name, v.shape) for v in (*i.reads, *i.written)], sorted(map(repr, i.attributes.items())))
        for i in program.instructions if i.phase == phase or (i.op == "running_average" and phase == "forward")
    ]


def _optimizer(optimizer: Any, steps: int) -> str:
    """Write an optimizer's rule and settings, and the rates of a hundred steps: the name of a schedule's function says
    too little, its address too much."""
    at = np.unique(np.linspace(1, steps, 100).astype(int)).tolist()
    rates = digest([optimizer.rate(t) for t in at])
    averaged = f" average {optimizer.average!r}" if optimizer.average else ""
    return f"{replace(optimizer, lr=0.0)!r} {optimizer.prepare!r} {rates}{averaged}"


def rows_digest(data: Any, dtype: np.dtype) -> str:
    """The digest of up to a thousand rows from the first to the last, as the program reads them."""
    width = sum(part[:1].size * 8 for part in data.inputs.arrays.values())
    count = min(len(data), 1000, max(16, LOOKED_AT // max(width, 1)))
    some = data.rows(np.unique(np.linspace(0, len(data) - 1, count).astype(int)))
    arrays = some.inputs.arrays | {"y": some.y} | ({} if some.weight is None else {"weight": some.weight})
    return container.checksum({name: np.asarray(part).astype(dtype) for name, part in arrays.items()})[:16]
