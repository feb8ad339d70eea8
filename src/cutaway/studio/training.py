"""From a file to a training: what its columns hold, the design with its reasons, and the run, as `cutaway fit` does it.

Reading, dividing, designing, training and scoring are those of the command line (`cli/study.py`), guards and all. What
is added: training keeps checkpoints, and tells the run's folder of every epoch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..cli import checks
from ..cli.keeping import save
from ..cli.options import FitOptions, ReadOptions
from ..cli.sources import likely_target, load, recognise
from ..cli.study import Study, begin
from ..cli.trace import names
from ..data.column_kinds import KINDS, read_kinds
from ..data.encoder import TableEncoder
from ..errors import ArgumentError
from ..estimators.presets import PRESETS as TOLD
from ..nn.layers import ACTIVATIONS
from ..nn.recurrent import CELLS
from ..optim import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp, l1, l2
from ..optim.transforms import L1, L2
from ..program import Snapshot
from ..report import write_report
from ..text import jsonable, short
from ..train.events import Ended, EpochEnded, Event, Started
from ..train.run import Run
from .folder import STOPPED, RunFolder
from .limits import MOST_SHOWN
from .wording import on_the_page

OPTIMIZERS = {one.__name__: one for one in (SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW)}
PRESETS = "fast", "default", "best"  # of the last one's networks the studio looks into the first
#: What a person may choose of a design, by the row of the design that says why it is so.
CONTROLS = {"preset": "preset", "hidden": "hidden", "activation": "hidden", "dropout": "hidden",
            "optimizer": "optimizer", "lr": "optimizer", "batch_size": "batch", "epochs": "epochs", "seed": "seed",
            "cell": "recurrent", "width": "recurrent", "penalty": "optimizer",
            "decay": "optimizer", "patience": "epochs", "test": "validation"}
#: The choices that a study takes after its design.
OWN = "optimizer", "penalty", "decay", "patience"
#: What keeps weights small: its strength is the choice `decay`.
PENALTIES = "none", "L1", "L2"
#: The choices that only some inputs have.
ONLY_OF = {"preset": "table", "cell": "sequences", "width": "sequences"}


class RunTraining:
    """One file at work. study: read, divided and designed; run: the training, from its first moment on."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.study: Study | None = None
        self.run: Run | None = None
        self.wish = ""  # why somebody asked for the end
        self._asked: tuple[Any, ...] | None = None

    @property
    def path(self) -> Path:
        return Path(self.folder.settings["file"])

    # ---- what is in the file -----------------------------------------------------------------------------------------
    def understand(self) -> dict[str, Any]:
        """Say what the file holds: of a table each column with its kind and first cells; the likely target."""
        kind, frame = recognise(self.path, ReadOptions())
        if kind.name != "table":
            data = load(kind, self.path, ReadOptions(), frame)
            labels = [] if data.y is None else sorted({str(label) for label in np.asarray(data.y).ravel()[:10_000]})
            return {"inputs": kind.name, "extent": data.extent, "notes": data.notes, "labels": labels[:50],
                    "target": data.targets[0] if data.targets else "", "columns": [], "kinds": []}
        encoder = TableEncoder().fit(frame)
        target = likely_target(list(frame.columns), [])
        cells = frame.head(MOST_SHOWN).astype(object).where(frame.head(MOST_SHOWN).notna(), "")
        columns = [{"name": c.name, "kind": c.kind, "gaps": int(c.gaps), "distinct": int(c.distinct), "how": c.how,
                    "cells": [short(cell, 24) for cell in cells[c.name]]} for c in encoder.columns]
        notes = [on_the_page(note) for note in encoder.notes()]
        return {"inputs": "table", "extent": f"{len(frame):,} rows, {frame.shape[1]:,} columns", "target": target,
                "columns": columns, "kinds": list(KINDS), "notes": notes, "labels": []}

    # ---- the design --------------------------------------------------------------------------------------------------
    def design(self, target: str = "", columns: dict[str, str] | None = None,
               choices: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read, divide and design as chosen, and say each choice with its reason."""
        asked = target, tuple(sorted((columns or {}).items())), tuple(sorted((choices or {}).items()))
        if self.study is None or asked != self._asked:
            self.study = self._designed(target, columns or {}, choices or {})
            self._asked = asked
        found, design = self.study.found, self.study.estimator.design_
        now = {"preset": getattr(design, "preset", "") or "", "hidden": ", ".join(map(str, design.hidden)),
               "activation": design.activation, "dropout": design.dropout, "lr": design.lr, "epochs": design.epochs,
               "optimizer": type(self.study.estimator.optimizer or design.optimizer()).__name__,
               "batch_size": design.batch_size, "seed": self.study.options.seed,
               "penalty": penalty_of(self.study.estimator.optimizer, design),
               "decay": decay_of(self.study.estimator.optimizer, design), "patience": design.patience or 0,
               "test": self.study.options.test,
               "cell": design.spec.get("cell", "none"), "width": design.spec.get("width", "")}
        shown = [name for name in CONTROLS if ONLY_OF.get(name, found.inputs) == found.inputs]
        return jsonable({
            "rows": found.design, "network": found.network, "divided": on_the_page(found.divided),
            "notes": [on_the_page(note) for note in found.notes],
            "remarks": [{"name": remark.name, "text": on_the_page(remark.text)} for remark in found.remarks],
            "target": [{"name": fact.name, "summary": fact.summary} for fact in found.targets],
            "controls": [{"name": name, "row": CONTROLS[name], "now": now[name],
                          "told": {one: TOLD[one].words for one in PRESETS} if name == "preset" else None,
                          "options": {"preset": list(PRESETS), "activation": list(ACTIVATIONS),
                                      "optimizer": list(OPTIMIZERS), "penalty": list(PENALTIES),
                                      "cell": list(CELLS)}.get(name)}
                         for name in shown],
            "steps": design.epochs * max(1, -(-len(self.study.parts[0]) // design.batch_size)),
            "networks": design.networks,
        })

    def _designed(self, target: str, columns: dict[str, str], choices: dict[str, Any]) -> Study:
        own, options = split_choices(choices)
        study = begin(options, self.path, read_options(target, columns))
        study.design()
        if own:
            own.change(study)
            study.tell_design()
        return study

    # ---- training ----------------------------------------------------------------------------------------------------
    def train(self) -> None:
        """Train from where the last checkpoint stands, to the end; tell the folder what happens."""
        settings = self.folder.settings
        over = str(settings.get("ended", "")) if settings["state"] in ("done", "stopped") else ""
        self.design(settings.get("target", ""), settings.get("columns"), settings.get("choices"))
        study = self.study
        assert study is not None
        study.estimator.callbacks, self.wish = [Teller(self, over)], ""
        study.train(progress=False, checkpoint=self.folder.path / "checkpoints")
        if over:
            return
        study.score()
        save(study.estimator, self.folder.path / "model.safetensors", study.found)
        scores = [{"part": one.part, "rows": one.rows, "network": one.network, "linear": one.linear}
                  for one in study.found.scores]
        ended = study.estimator.run_.stopped
        self.folder.put(state="stopped" if ended == STOPPED else "done", ended=ended)
        self.folder.tell("scored", ended=ended, words=study.found.training, verdict=on_the_page(study.found.verdict),
                         scores=jsonable(scores), linear=study.found.linear)
        if ended != STOPPED:
            self._report(study)

    def stop(self, why: str) -> None:
        """End the training: after the steps under way, or of several networks after an epoch of the first."""
        self.wish = why
        if self.run is not None and self.study is not None and self.study.estimator.design_.networks == 1:
            self.run.stop(why)

    def page(self) -> dict[str, Any]:
        """Write the run as a page of its own, which begins where the run began and trains in any browser."""
        run, study = self.run, self.study
        assert run is not None and run.past is not None and study is not None
        if not run.past.snapshots or run.past.snapshots[0]["t"]:  # it went on from a checkpoint
            run.past.snapshots.insert(0, kept_start(self.folder))
        inputs, outputs = names(study.estimator)
        made = run.to_page(self.folder.path / "page.html", inputs=inputs, outputs=outputs,
                           title=f"{', '.join(study.problem.targets)} from {self.folder.settings['name']}")
        return {"bytes": len(made.html.encode()), "notes": list(made.notes)}

    def _report(self, study: Study) -> None:
        """Write what `cutaway fit --report` writes, but for the rivals, which take longer than the training."""
        study.explain()
        study.look_inside(True)
        study.diagnose(True)
        write_report(self.folder.path / "report.html", study.found)
        self.folder.tell("reported", findings=[
            {"name": one.name, "severity": one.severity, "text": one.text, "why": one.why, "change": one.change,
             "cure": cure_of(f"{one.command} {one.change}")} for one in study.found.diagnosis])


class Teller:
    """A callback that tells a run's folder of each epoch. over: why the run had ended before; it is not trained on."""

    def __init__(self, training: RunTraining, over: str) -> None:
        self.training, self.over = training, over

    def __call__(self, event: Event) -> None:
        folder, run = self.training.folder, event.run
        if isinstance(event, Started):
            if not len(run.steps):
                keep_start(folder, run.program.state.copy())
            self.training.run = run
            folder.add_losses(1, run.steps["loss"] if len(run.steps) else np.zeros(0))
            if self.over:
                run.stop(self.over)
            else:
                folder.tell("started", epochs=run.epochs, steps=run.past.steps * run.epochs, done=len(run.steps),
                            each=run.past.steps)
        elif isinstance(event, EpochEnded) and not self.over:
            if self.training.wish:
                run.stop(self.training.wish)
            known = folder.losses_file().stat().st_size // 8
            folder.add_losses(known + 1, run.steps["loss"][known:])
            row = {name: value if np.isfinite(value) else None for name, value in event.row.items()}
            folder.tell("epoch", epoch=event.epoch, done=len(run.steps), row=row)
        elif isinstance(event, Ended) and not self.over:
            known = folder.losses_file().stat().st_size // 8
            folder.add_losses(known + 1, run.steps["loss"][known:] if len(run.steps) else np.zeros(0))
            folder.tell("ended", why=run.stopped, done=len(run.steps), best=run.best_epoch)


def keep_start(folder: RunFolder, start: Snapshot) -> None:
    """Keep the state before the first step, which every step can be replayed from."""
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in start.items()}
    np.savez(folder.path / "start.npz", **arrays)


def kept_start(folder: RunFolder) -> dict[str, Any]:
    with np.load(folder.path / "start.npz", allow_pickle=False) as file:
        return {name: int(file[name]) if name == "t" else file[name] for name in file.files}


def cure_of(change: str) -> dict[str, str]:
    """Read the choices that a finding's command or change makes, as far as the studio has them.

    >>> cure_of("--epochs 300"), cure_of("optimizer = ct.optim.AdamW(ct.optim.schedules.cosine(0.03), decay='all')")
    ({'epochs': '300'}, {'lr': '0.03'})
    >>> cure_of("give more rows")
    {}
    """
    words = {name.replace("-", "_"): value for name, value in re.findall(r"--([\w-]+) (\S+)", change)}
    python = {"epochs": r"\bepochs = (\d+)", "lr": r"\boptimizer = ct\.optim\.\w+\((?:[\w.]+\()*(\d[\d.]*(?:e-?\d+)?)"}
    written = {name: match[1] for name, pattern in python.items() if (match := re.search(pattern, change))}
    return {name: value for name, value in (written | words).items() if name in CONTROLS}


def read_options(target: str, columns: dict[str, str]) -> ReadOptions:
    """Turn a target and kinds of columns into what the command line takes."""
    kinds = read_kinds(columns.items(), lambda name: f"the kind of {name} is ")
    return ReadOptions([target] if target else [], drop=[name for name, kind in kinds.items() if kind == "drop"],
                       column={name: kind for name, kind in kinds.items() if kind not in ("drop", "")})


@dataclass(frozen=True)
class OwnChoices:
    """Choices that a study takes after its design. optimizer: a name, "" for the design's; decay: the weight of L2, of
    AdamW's own decay, or of L1 where that is the penalty; patience: epochs without a better score until it stops,
    0 for none; penalty: one of PENALTIES."""

    optimizer: str = ""
    decay: float | None = None
    patience: int | None = None
    penalty: str = "L2"

    def __bool__(self) -> bool:
        return self != OwnChoices()

    def change(self, study: Study) -> None:
        """Let a study that was designed train so, and its design say so."""
        own, design = study.estimator, study.estimator.design_
        if self.patience is not None:
            design.patience = self.patience or None
            design.reasons["epochs"] = design.reasons["validation"] = "as asked"
        if self.decay is not None and not self.optimizer:
            design.weight_decay, design.reasons["optimizer"] = self.decay, "as asked"
        if self.optimizer:
            own.optimizer = self.made(design.lr)
            design.asked |= {"optimizer": written(own.optimizer), "schedule": "its own"}

    def made(self, lr: float) -> Optimizer:
        """Make the optimizer, with its decay: AdamW has one of its own, to all others L2 is added."""
        kind = OPTIMIZERS[self.optimizer]
        if self.penalty == "L1":
            plain = AdamW(lr, weight_decay=0.0) if kind is AdamW else kind(lr)
            return l1(plain, self.decay) if self.decay else plain
        if kind is AdamW and self.decay is not None:
            return AdamW(lr, weight_decay=self.decay)
        return l2(kind(lr), self.decay) if self.decay else kind(lr)

    def lines(self) -> str:
        """Write the lines of a script that do the same."""
        found = []
        if self.patience is not None:
            found.append(f"study.estimator.design_.patience = {self.patience or None}")
        if self.decay is not None and not self.optimizer:
            found.append(f"study.estimator.design_.weight_decay = {self.decay!r}")
        if self.optimizer:
            lr = "study.estimator.design_.lr"
            plain = f"ct.optim.{self.optimizer}({lr})"
            if self.optimizer == "AdamW" and (self.decay is not None or self.penalty == "L1"):
                plain = f"ct.optim.AdamW({lr}, weight_decay={0.0 if self.penalty == 'L1' else self.decay!r})"
            if self.decay and (self.penalty == "L1" or self.optimizer != "AdamW"):
                plain = f"ct.optim.{self.penalty.lower()}({plain}, {self.decay!r})"
            found.append(f"study.estimator.optimizer = {plain}")
        return "".join(f"{line}\n" for line in found)


def written(optimizer: Optimizer) -> str:
    """Write an optimizer with its L1 and L2, for the design.

    >>> written(l2(SGD(0.1), 0.01))
    'SGD(lr=0.1), L2 0.01'
    """
    steps = (step for step in optimizer.prepare if isinstance(step, L1 | L2))
    return ", ".join([repr(optimizer), *(f"{type(step).__name__} {step.weight:g}" for step in steps)])


def decay_of(optimizer: Optimizer | None, design: Any) -> float:
    """Find the weight of L1 or L2, or of the decay, that a training has."""
    if optimizer is None:
        return design.weight_decay
    return getattr(optimizer, "weight_decay", 0.0) or sum(p.weight for p in optimizer.prepare if isinstance(p, L1 | L2))


def penalty_of(optimizer: Optimizer | None, design: Any) -> str:
    """Find which of PENALTIES a training has; AdamW's own decay counts as L2."""
    if optimizer is not None and any(isinstance(p, L1) for p in optimizer.prepare):
        return "L1"
    return "L2" if decay_of(optimizer, design) else "none"


def split_choices(choices: dict[str, Any]) -> tuple[OwnChoices, FitOptions]:
    """Take choices apart: those that a study takes after its design, and the options of a fit."""
    given = {name: choices[name] for name in OWN if choices.get(name) not in ("", None)}
    optimizer = str(given.get("optimizer", ""))
    if optimizer and optimizer not in OPTIMIZERS:
        raise ArgumentError(f"optimizer {optimizer!r:.40}: choose one of {', '.join(OPTIMIZERS)}")
    penalty = str(given.get("penalty", "L2"))
    if penalty not in PENALTIES:
        raise ArgumentError(f"penalty {penalty!r:.40}: choose one of {', '.join(PENALTIES)}")
    if penalty == "L1" and not (optimizer and "decay" in given):
        raise ArgumentError(f"penalty L1 is added to an optimizer: choose one of {', '.join(OPTIMIZERS)}, and "
                            "decay, its rate")
    decay = _between("decay", given["decay"], 0, 1) if "decay" in given else None
    own = OwnChoices(optimizer, 0.0 if penalty == "none" else decay,
                     _whole("patience", given["patience"], 0) if "patience" in given else None, penalty)
    return own, fit_options({name: value for name, value in choices.items() if name not in OWN})


def fit_options(choices: dict[str, Any]) -> FitOptions:
    """Turn what was chosen on the page into what the command line takes. Raises ArgumentError in its words."""
    unknown = choices.keys() - CONTROLS.keys()
    if unknown:
        raise ArgumentError(f"there is no choice {sorted(unknown)[0]!r:.40}: there are {', '.join(CONTROLS)}")
    given = {name: value for name, value in choices.items() if value not in ("", None)}
    whole: dict[str, Any] = {name: _whole(name, given[name], name != "seed")
                             for name in ("epochs", "batch_size", "seed") if name in given}
    network: dict[str, Any] = {}
    if "activation" in given:
        if given["activation"] not in ACTIVATIONS:
            raise ArgumentError(f"activation {given['activation']!r:.40}: choose one of {', '.join(ACTIVATIONS)}")
        network["activation"] = given["activation"]
    if "cell" in given:
        if given["cell"] not in CELLS:
            raise ArgumentError(f"cell {given['cell']!r:.40}: choose one of {', '.join(CELLS)}")
        network["cell"] = given["cell"]
    if "width" in given:
        network["width"] = _whole("width", given["width"])
    if "dropout" in given:
        network["dropout"] = _between("dropout", given["dropout"], 0, 0.95)
    hidden = checks.hidden(str(given["hidden"])) if "hidden" in given else None
    lr = checks.rate(str(given["lr"]), "learning rate") if "lr" in given else None
    if "test" in given:
        whole["test"] = _between("test", given["test"], 0.05, 0.9)
    preset = given.get("preset")
    if preset is not None and preset not in PRESETS:
        raise ArgumentError(f"preset {preset!r:.40}: choose one of {', '.join(PRESETS)}")
    return FitOptions(hidden=hidden, lr=lr, preset=preset, network=network or None, **whole)


def _whole(name: str, value: Any, least: int = 1) -> int:
    try:
        found = int(str(value))
    except ValueError:
        found = -1
    if not least <= found < 2**31:
        raise ArgumentError(f"{name} {value!r:.40}: give a whole number{' above 0' * least}")
    return found


def _between(name: str, value: Any, low: float, high: float) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = np.nan
    if not low <= found <= high:
        raise ArgumentError(f"{name} {value!r:.40}: give a number from {low:g} to {high:g}")
    return found
