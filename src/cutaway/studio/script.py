"""A session of the studio as a Python script that does the same, to the same bits: for teaching, and as a proof."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ..cli.options import FitOptions, ReadOptions
from .folder import RunFolder
from .training import read_options, split_choices

HEAD = '''"""What the studio did with {name}: the same rows, design, steps and futures."""

from pathlib import Path

import cutaway as ct
from cutaway.cli.options import FitOptions, ReadOptions
from cutaway.cli.study import begin

study = begin({options}, Path({file!r}), {asked})
study.design()
{own}study.train(progress=True)
study.score()
print(study.found.verdict)
run = study.estimator.run_
print(run)
'''
LINES = {
    "weight": "fork{n}.set({name!r}, {place!r}, {value!r})", "freeze": "fork{n}.freeze({name!r}, *{place!r})",
    "kill": "fork{n}.kill({layer!r}, {unit!r})", "rate": "fork{n}.lr = {value!r}",
    "optimizer": "fork{n}.use(ct.optim.{optimizer}({value!r}))",
}


def script_of(folder: RunFolder) -> str:
    """Write the script of a run that was designed."""
    settings = folder.settings
    own, options = split_choices(settings.get("choices") or {})
    asked = read_options(settings.get("target", ""), settings.get("columns") or {})
    parts = [HEAD.format(name=settings["name"], file=settings["file"], options=_call(options), asked=_call(asked),
                         own=own.lines())]
    forks = settings.get("forks", [])
    if forks:
        parts.append("\nsession = ct.inspect.session_of(run)\n")
    for n, fork in enumerate(forks, start=1):
        change: dict[str, Any] = fork["change"]
        line = LINES[change["kind"]].format(n=n, place=tuple(change.get("index", ())), **change)
        parts.append(f"session.goto({fork['step']})\nfork{n} = session.fork()\n{line}\nfork{n}.run()\n"
                     f"print(fork{n}.log, fork{n}.losses[max(fork{n}.losses)])\n")
    return "".join(parts)


def _call(options: FitOptions | ReadOptions) -> str:
    """Write the call that makes these options: those that are not as they are anyway."""
    plain = type(options)()
    given = [f"{one.name}={getattr(options, one.name)!r}" for one in fields(options)
             if getattr(options, one.name) != getattr(plain, one.name)]
    return f"{type(options).__name__}({', '.join(given)})"
