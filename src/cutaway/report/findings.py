"""Findings: everything a fit found, as plain values, for the terminal to print, the page to show, the model to keep."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ..described import described, entry
from ..text import counted


@dataclass
class ColumnFacts:
    """One column of the table: what it holds and what the network gets."""

    name: str
    kind: str
    gaps: int
    distinct: int
    example: str
    how: str

    @property
    def left_out(self) -> bool:
        return self.kind.endswith("dropped)") or self.kind == "dropped"


@dataclass
class TargetFacts:
    """One column of the target, in words: "a number from 1 to 9, median 4"."""

    name: str
    summary: str


@dataclass
class Score:
    """The scores of the network and of the linear model on the same rows, by name; simple: of what costs nothing."""

    part: str
    rows: int
    network: dict[str, float | None]
    linear: dict[str, float | None] = field(default_factory=dict)
    simple: dict[str, float | None] = field(default_factory=dict)

    @property
    def models(self) -> list[tuple[str, str, dict[str, float | None]]]:
        """(name, its colour on pages, scores) of each model that was scored."""
        every = [("network", "a", self.network), ("linear", "b", self.linear), ("simple", "c", self.simple)]
        return [one for one in every if one[2]]


@dataclass
class Findings:
    """What was read, designed, trained and scored; every field is plain, so that a model file can hold it.

    `scores` has a Score for training, validation and test rows; `outputs` one for each output on the test rows where
    there are several; `confusion` is {"labels", "counts"} (true classes as rows), or what
    `scores.confusions` says of many classes; `scatter` {"true", "predicted"} on
    test rows; `importance` (column, what shuffling it costs, its deviation); `seconds` how long each part took;
    `commands` what uses the model. `inputs` is "table", "images" or "sequences", `many` what its rows are called,
    `extent` how many there are and of what size; `facts` are (name, words) on them, `mistakes` (file, truth,
    prediction) of some images, `diagnosis` what `ct.diagnose` found and `checked` what it looked for, `reading` what a
    model must know to read other files in the same way, `learnt` how many rows were learnt from: those that `columns`
    tell of. `remarks` are what makes the score doubtful, or whom it does not see; `simple` names what costs nothing and
    stands beside the two models where that says something; `forecast` holds the last forecast of the test rows:
    {"history", "truth", "network", "linear", "simple"}; `pictures` some images of the test as `pictures.pictures` gives
    them, for the page alone; `rivals` a linear model, boosting, the network and their mean on folds: {"about": what
    they are scored on, "score", "cells": rows of words, "sentence"}; `sureness` how sure the test's
    answers are, beside the truth, as `sureness.sureness` says; `decision` what saying a class from a probability on
    finds, as `decisions.decision` says; `inside` what the columns that matter do and what moved some rows, as
    `inside.inside` gives it, and `places` where in sequences the network looks, as `places.places` says, both for the
    page alone.
    """

    source: str
    rows: int
    width: int
    columns: list[ColumnFacts]
    targets: list[TargetFacts]
    task: str
    without_target: int = 0
    notes: list[str] = field(default_factory=list)
    divided: str = ""
    design: list[list[str]] = field(default_factory=list)
    history: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    training: str = ""
    scores: list[Score] = field(default_factory=list)
    outputs: list[Score] = field(default_factory=list)
    verdict: str = ""
    confusion: dict[str, Any] | None = None
    scatter: dict[str, list[float]] | None = None
    importance: list[tuple[str, float, float]] = field(default_factory=list)
    importance_unit: str = ""
    importance_rows: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    date: str = ""
    network: str = ""
    linear: str = ""
    commands: list[str] = field(default_factory=list)
    inputs: str = "table"
    many: str = "rows"
    extent: str = ""
    facts: list[list[str]] = field(default_factory=list)
    mistakes: list[list[str]] = field(default_factory=list)
    reading: dict[str, Any] = field(default_factory=dict)
    diagnosis: list[Any] = field(default_factory=list)  # of Finding
    checked: list[str] = field(default_factory=list)
    learnt: int = 0
    remarks: list[Any] = field(default_factory=list)  # of Finding
    simple: str = ""
    forecast: dict[str, list[float | None]] | None = None
    pictures: dict[str, Any] = field(default_factory=dict)
    rivals: dict[str, Any] = field(default_factory=dict)
    sureness: dict[str, Any] = field(default_factory=dict)
    inside: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Any] = field(default_factory=dict)
    decision: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> list[str]:
        """What is predicted: the targets' names, of a forecast that of its series and how far ahead."""
        series, ahead = self.reading.get("forecast"), self.reading.get("horizon", 1)
        if series is None:
            return [target.name for target in self.targets]
        return [series, f"{counted(ahead, 'step')} ahead"]

    @property
    def amount(self) -> str:
        """How much there is: "300 rows, 11 columns"."""
        return self.extent or f"{self.rows:,} rows, {self.width:,} columns"

    @property
    def slowest(self) -> str:
        return max(self.seconds, key=lambda name: self.seconds[name]) if self.seconds else ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Findings:
        """Read what `to_json` wrote.

        >>> found = Findings("a.csv", 3, 2, [], [TargetFacts("y", "a number")], "regression")
        >>> Findings.from_json(found.to_json()) == found
        True
        """
        from ..inspect import Finding

        found = {name: [described(Finding, part) for part in entry({name: []} | state, name, list[Any])]
                 for name in ("diagnosis", "remarks")}
        return described(cls, state | found)
