"""Checkpoints: all that a run needs to go on bit for bit, written every few seconds, within epochs too, and at its end.

The last two are kept. The order of an epoch's batches and every other use of chance follow from the seed and the number
of steps done, so that these say where each stream stands.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileError
from ..files import write_whole
from ..files.container import checksum

KEPT = 2
SECONDS = 5.0  # between two checkpoints; more where writing one takes more than a twentieth of it


class Checkpoints:
    """A folder of checkpoints, `step-000001200.safetensors`."""

    def __init__(self, folder: Any) -> None:
        self.folder, self.saved, self.cost = Path(folder), time.monotonic(), 0.0

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"))

    def make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"no checkpoint folder can be made at {self.folder}: {error.strerror or error}") from None
        if not os.access(self.folder, os.W_OK):
            raise FileError(f"checkpoints cannot be written in {self.folder}: choose a folder where you may write")

    def due(self) -> bool:
        return time.monotonic() - self.saved >= max(SECONDS, 20 * self.cost)

    def save(self, training: Any) -> None:
        """Write one whole, or not at all; then drop all but the last two."""
        from safetensors.numpy import save

        began = time.monotonic()
        run = training.run
        arrays = {f"model.{k}": v for k, v in training.model.state_dict().items()}
        arrays |= {f"best.{k}": v for k, v in (training.best or {}).items()}
        arrays |= {f"state.{k}": v for k, v in training.program.state.items() if k != "t"}
        arrays |= {f"history.{k}": v for k, v in run.history.columns().items()}
        arrays |= {f"steps.{k}": v for k, v in run.steps.columns().items()}
        note = {
            "t": training.program.engine.t, "epochs_done": run.epochs_done, "best_epoch": run.best_epoch,
            "best_loss": training.best_loss, "waited": training.waited, "seconds": run.seconds,
            "lr_found": run.lr_found, "settings": self._settings(training),
        }  # fmt: skip
        note["sha256"] = checksum(arrays)
        path = self.folder / f"step-{training.program.engine.t:09d}.safetensors"
        content = save({k: np.ascontiguousarray(v) for k, v in arrays.items()}, {"cutaway": json.dumps(note)})
        write_whole(path, content)
        for old in self.files()[:-KEPT]:
            old.unlink(missing_ok=True)
        self.saved = time.monotonic()
        self.cost = self.saved - began

    def lr_found(self) -> float | None:
        """The learning rate that the run of the newest checkpoint found; None if it was given, or there is no run."""
        from safetensors import safe_open

        for path in reversed(self.files()):
            with suppress(Exception), safe_open(path, "np") as f:  # restore tells of a damaged file
                return json.loads(f.metadata()["cutaway"]).get("lr_found")
        return None

    def restore(self, training: Any) -> None:
        """Put the newest checkpoint's state into a training that has not begun. Nothing to restore is no error."""
        from safetensors import safe_open

        for path in reversed(self.files()):
            try:
                with safe_open(path, "np") as f:
                    note = json.loads(f.metadata()["cutaway"])
                    arrays = {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118
                if checksum(arrays) != note["sha256"]:
                    raise FileError("its arrays do not fit their checksum")
            except Exception as error:  # a damaged file: the one before it will do
                import warnings

                warnings.warn(f"{path} is damaged ({error}): going on from the one before it", stacklevel=4)
                continue
            if note["settings"] != self._settings(training):
                changed = [k for k, v in self._settings(training).items() if note["settings"].get(k) != v]
                raise FileError(
                    f"{path} belongs to a run with other settings ({', '.join(changed)}): call fit with the same "
                    "ones, or with another checkpoint folder"
                )
            self._put(training, note, arrays)
            return

    @staticmethod
    def _put(training: Any, note: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        def part(prefix: str) -> dict[str, np.ndarray]:
            return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

        run = training.run
        training.model.load_state_dict(part("model."))
        training.best = part("best.") or None
        for name, values in part("state.").items():
            training.program.state[name][...] = values
        training.program.engine.t = note["t"]
        run.epochs_done, run.best_epoch, run.seconds = note["epochs_done"], note["best_epoch"], note["seconds"]
        training.best_loss, training.waited = note["best_loss"], note["waited"]
        for history, prefix in ((run.history, "history."), (run.steps, "steps.")):
            columns = part(prefix)
            if columns:
                history.extend(columns)

    @staticmethod
    def _settings(training: Any) -> dict[str, Any]:
        """What must be the same for a resumed run to equal an uninterrupted one."""
        return {
            "epochs": training.run.epochs, "batch_size": training.batch_size, "rows": len(training.rows),
            "seed": training.seed, "optimizer": repr(training.program.engine.optimizer), "shuffle": training.shuffle,
            "parameters": {name: list(p.shape) for name, p in training.model.named_parameters()},
        }  # fmt: skip
