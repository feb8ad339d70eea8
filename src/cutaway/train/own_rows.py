"""Rows that no other process has: each process passes its own, and every step takes the same share of those of each.

An epoch has as many steps as the process with the most rows needs. In a step each process fills its places in the batch
with the next of its rows. Where it has one row less than places, a row of weight zero fills up, and the weights of the
others are larger by as much: the loss is the mean over the rows that count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from .. import losses
from ..distributed.team import current
from ..engines import Program
from ..errors import ArgumentError
from .ahead import ahead
from .checkpoint import digest, rows_digest
from .feeding import places_here, stages
from .past import Past, shuffled
from .task import Task


@dataclass(eq=False)
class OwnPast(Past):
    """The past of a run on rows that are this process's own.

    rows_of: how many each process learns from. first: this process's first place in a batch. data_digest,
    validation_digest: what the data of all processes are recognised by.
    """

    rows_of: tuple[int, ...] = ()
    first: int = 0
    data_digest: str = ""
    validation_digest: str = ""

    own: ClassVar[bool] = True
    leaves_one = False  # batches have one size

    @property
    def count(self) -> int:
        return sum(self.rows_of)

    @property
    def steps(self) -> int:
        return -(-max(self.rows_of) // (self.batch_size // len(self.rows_of)))

    @property
    def sizes(self) -> np.ndarray:
        return np.sum([np.diff(_ends(rows, self.steps)) for rows in self.rows_of], 0)

    def digest(self, dtype: np.dtype) -> str:
        return self.data_digest

    def held_digest(self, dtype: np.dtype) -> str:
        return self.validation_digest

    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """The step of each of this process's rows, and its place in the batch."""
        ends = _ends(len(self.rows), self.steps)
        step = np.repeat(np.arange(self.steps), np.diff(ends))
        return step, self.first + np.arange(len(self.rows)) - ends[step]

    def order(self, epoch: int) -> np.ndarray:
        """The numbers of this process's rows at its places in the batches; elsewhere that of any."""
        order = np.full((self.steps, self.batch_size), self.rows[0])
        order[self._places()] = shuffled(self.rows, self.seed, epoch) if self.shuffle else self.rows
        return order.reshape(-1)

    def batches_of(self, program: Program, order: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        weights = np.zeros((self.steps, self.batch_size))
        step, place = self._places()
        weights[step, place] = (self.batch_size / self.sizes)[step]
        left = weights.reshape(-1)[-len(order):]  # of an epoch that goes on from a checkpoint, its end
        parts, at, own = stages(self.data, order, self.batch_size, program.engine.own_rows), 0, program.engine.own_rows
        for part, back in ahead(parts) if program.engine.reads_ahead else parts:
            mine = places_here(len(back), self.batch_size, own)
            assert part.weight is not None
            part.weight[back[mine]] *= left[at + mine]
            program.feed(part.inputs, part.y, part.weight)
            yield back, len(back)
            at += len(back)

    def check_program(self, program: Program) -> None:
        """Raise ArgumentError where rows that fill up would count."""
        if set(self.sizes.tolist()) == {self.batch_size}:
            return
        for i in program.instructions:
            mixes = i.phase in ("forward", "loss") and i.scope != "rows" and i.op != "weighted_mean"
            if mixes and any(v.rows for v in i.reads):
                what = "batch norm" if i.op == "batch_stats" else i.title
                raise ArgumentError(
                    f"own_rows=True fills batches up with rows of weight zero ({_words(self.rows_of)} rows), and "
                    f"{f'{i.layer}: ' if i.layer else ''}{what} takes all rows of a batch together: give each process "
                    "as many rows, a multiple of batch_size / processes, or take another layer, such as norm=\"layer\"")


def _ends(rows: int, steps: int) -> np.ndarray:
    """Where the rows of each step begin and end: shares of nearly one size, the larger ones first."""
    return -(-np.arange(steps + 1) * rows // steps)


def _words(rows_of: tuple[int, ...]) -> str:
    return ", ".join(f"rank {rank} has {rows}" for rank, rows in enumerate(rows_of))


def own_past(task: Task, recipe: Any, devices: int) -> OwnPast:
    """Make the past of a training that has not begun. All processes do so together.

    devices: how many there are in all. Raises ArgumentError where rows are not alike.
    """
    team = current()
    assert team is not None
    losses.refuse_weights(task.loss)
    data, y = task.data, task.data.y
    team.compare("what their rows are", lambda: {
        "a row of X": {name: part.shape[1:] for name, part in data.inputs.arrays.items()},
        "a row of y": f"{y.dtype} {y.shape[1:]}",
        "validation": "some" if task.held_out else "none"})
    rows_of = tuple(team.gathered(np.array([len(task.rows)]))[:, 0].tolist())
    each = devices // team.processes
    most = max(each, recipe.rows_a_step(sum(rows_of)) // team.processes // each * each)  # places of a process
    steps = -(-max(rows_of) // most)
    places = -(-max(rows_of) // steps // each) * each
    weight = np.ones(len(data)) if data.weight is None else data.weight
    means = team.gathered(np.array([task.mean_weight]))[:, 0]  # what each divided its weights by
    weight = weight * (task.mean_weight * sum(rows_of) / float(means @ np.array(rows_of)))
    found = [rows_digest(part, np.dtype(np.float32)) if part else "" for part in (data, task.held_out)]
    every = team.gathered(np.frombuffer("".join(part.rjust(16) for part in found).encode(), np.uint8))
    return OwnPast(
        data=replace(data, weight=weight), rows=task.rows, held_out=task.held_out, loss=task.loss,
        optimizer=recipe.optimizer, batch_size=places * team.processes, seed=recipe.seed, shuffle=recipe.shuffle,
        drop_last=False, rows_of=rows_of, first=team.rank * places,
        data_digest=digest(every[:, :16].tolist()), validation_digest=digest(every[:, 16:].tolist()),
        options={"weighted": True, "seed": recipe.seed, "precision": recipe.precision, "devices": None,
                 "device": recipe.device, "exact": False})
