"""Forks: another future from a step on, a change made there, trained beside what the run itself did."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ..errors import ArgumentError, CutawayError
from ..inspect import Session
from .inside import Inside
from .limits import MOST_FORKS
from .training import OPTIMIZERS, RunTraining

#: What can be changed, and what it takes.
CHANGES = {"weight": ("name", "index", "value"), "freeze": ("name", "index"), "kill": ("layer", "unit"),
           "rate": ("value",), "optimizer": ("optimizer", "value")}
STRETCHES = 100  # in which a fork is trained: after each the page is told


class Fork(Inside):
    """The inside of one other future, and a thread that trains both futures side by side."""

    def __init__(self, training: RunTraining, session: Session, number: int, step: int, what: str) -> None:
        super().__init__(training, session)
        self.number, self.from_step, self.what = number, step, what
        self.reached = step - 1
        self.stopping = False

    @property
    def done(self) -> int:
        return max(self.reached, self.from_step)  # its first step can be looked at before it is trained

    def train(self) -> None:
        """Train to the run's end, both futures, and tell the folder of the losses and of how far they part."""
        folder, own = self.training.folder, self.session.fork()
        base = own.fork()
        base.unchanged()
        stretch = max(1, (own.steps - self.from_step + 1) // STRETCHES)
        folder.add_losses(1, np.frombuffer(folder.losses()[: 8 * (self.from_step - 1)], "<f8"), self.number)
        folder.tell("fork", fork=self.number, step=self.from_step, what=self.what, done=self.reached, apart=0.0)
        ended = ""
        while self.reached < own.steps and not self.stopping and not ended:
            last = min(self.reached + stretch, own.steps)
            for one in (own, base):
                one.run(last - self.reached)
            got = [own.losses[k] for k in range(self.reached + 1, last + 1) if k in own.losses]
            folder.add_losses(self.reached + 1, np.array(got), self.number)
            self.reached += len(got)
            ended = "" if own.finite and len(got) else "it broke off: J or a gradient is not finite"
            apart = float(np.linalg.norm(own.model.theta.astype(np.float64) - base.model.theta))
            folder.tell("fork", fork=self.number, step=self.from_step, what=self.what, done=self.reached,
                        apart=apart if np.isfinite(apart) else None)
        folder.tell("forked", fork=self.number, done=self.reached, why=ended or "done")


class Forks:
    """The forks of a run, by number from 1."""

    def __init__(self, training: RunTraining) -> None:
        self.training, self.known = training, dict[int, Fork]()

    def get(self, inside: Inside, number: int) -> Inside:
        """Find the future of a number; 0 is the run itself. One made before this process began is made again."""
        if not number:
            return inside
        if number not in self.known:
            asked = self.training.folder.settings.get("forks", [])
            if not 1 <= number <= len(asked):
                raise ArgumentError(f"there is no fork {number}: this run has {len(asked)}")
            self._begin(inside, number, asked[number - 1])
        return self.known[number]

    def make(self, inside: Inside, step: int, change: dict[str, Any]) -> dict[str, Any]:
        """Fork at a step: all before it is as it was, the change comes before its first instruction."""
        asked = self.training.folder.settings.get("forks", [])
        if len(asked) >= MOST_FORKS:
            raise ArgumentError(f"this run has {len(asked)} forks, as many as the studio keeps: start another run")
        fork = self._begin(inside, len(asked) + 1, {"step": step, "change": change})
        self.training.folder.put(forks=[*asked, {"step": step, "change": change}])
        return {"fork": fork.number, "step": step, "what": fork.what}

    def _begin(self, inside: Inside, number: int, asked: dict[str, Any]) -> Fork:
        step = asked["step"]
        if not isinstance(step, int) or not 1 <= step <= inside.done:
            raise ArgumentError(f"step {step!r:.20} is not there: this run has done steps 1 to {inside.done:,}")
        with inside.lock:
            inside.session.goto(step)
            session = inside.session.fork()
        what = apply(session, asked["change"])
        fork = self.known[number] = Fork(self.training, session, number, step, what)
        threading.Thread(target=self._train, args=(fork,), name=f"fork {number}", daemon=True).start()
        return fork

    def _train(self, fork: Fork) -> None:
        try:
            fork.train()
        except CutawayError as problem:
            self.training.folder.tell("forked", fork=fork.number, done=fork.reached, why=str(problem))


def apply(session: Session, change: Any) -> str:
    """Make a change in a session that stands at a step's beginning; say what it is."""
    kind = change.get("kind") if isinstance(change, dict) else None
    if kind not in CHANGES:
        raise ArgumentError(f"a fork changes one of {', '.join(CHANGES)}, got {kind!r:.40}")
    try:
        given = [change[name] for name in CHANGES[kind]]
    except KeyError as missing:
        raise ArgumentError(f"a change of the kind {kind} needs {missing}") from None
    if kind == "weight":
        return session.set(given[0], _index(given[1]), _real(given[2])).what
    if kind == "freeze":
        return session.freeze(given[0], *_index(given[1])).what
    if kind == "kill":
        return session.kill(given[0], given[1]).what
    if kind == "rate":
        session.lr = _above_zero(given[0])
        return session.log[-1].what
    if given[0] not in OPTIMIZERS:
        raise ArgumentError(f"optimizer {given[0]!r:.40}: choose one of {', '.join(OPTIMIZERS)}")
    return session.use(OPTIMIZERS[given[0]](_above_zero(given[1]))).what


def _index(given: Any) -> tuple[int, ...]:
    if not isinstance(given, list) or not all(type(k) is int for k in given):
        raise ArgumentError(f"an index is a list of whole numbers, got {given!r:.40}")
    return tuple(given)


def _real(given: Any) -> float:
    try:
        found = float(given)
    except (TypeError, ValueError):
        found = float("nan")
    if not np.isfinite(found):
        raise ArgumentError(f"give a finite number, got {given!r:.40}")
    return found


def _above_zero(given: Any) -> float:
    if (found := _real(given)) <= 0:
        raise ArgumentError(f"a learning rate is above 0, got {given!r:.40}")
    return found
