"""What a diagnosis says: findings with numbers, each with one change, and what was checked besides."""

from __future__ import annotations

import math
import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any

from ...shown import Preformatted, Shown, Table, Words
from ...text import jsonable

SERIOUS, NOTICE = "serious", "notice"
WIDTH, PAD = 100, 13


@dataclass(frozen=True)
class Proof:
    """What came of training twice, for `epochs` epochs: as it was, and with the change.

    before, after: "loss" on the training rows, "share" of the loss of the best constant prediction, and "held-out loss"
    where rows were held out. gone: the finding does not show any more.
    """

    epochs: int
    before: dict[str, float]
    after: dict[str, float]
    gone: bool

    def __str__(self) -> str:
        told = [f"{name} {_number(self.before[name])} → {_number(self.after[name])}"
                for name in self.before if name in self.after and name != "share"]
        shares = self.before.get("share", math.nan), self.after.get("share", math.nan)
        if all(map(math.isfinite, shares)):
            told.append(f"{shares[0]:.0%} → {shares[1]:.0%} of the loss of a constant")
        end = "the finding is gone" if self.gone else "the finding is still there"
        return f"{self.epochs} epochs without and with it: {', '.join(told)}; {end}."


@dataclass(repr=False)
class Finding(Shown):
    """One thing that is wrong.

    severity: "serious" (it keeps the network from learning, or its scores from being true) or "notice". text: the
    evidence in words; numbers: the same as numbers; where: the layers or columns. began: the step after which it showed
    (0: before the first one), None if unknown. change: Python that mends it, written on the arguments of `ct.fit`
    (model, X, y, optimizer, epochs, ...), and why it should. remedy: the same for whoever gave an estimator, and
    command: for whoever runs `cutaway fit`, where `change` is not it. follows: the finding that it probably comes from,
    or "".
    """

    name: str
    severity: str
    text: str
    change: str
    why: str
    where: list[str] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    began: int | None = None
    follows: str = ""
    proof: Proof | None = None
    remedy: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        self.numbers = jsonable(self.numbers)

    @property
    def line(self) -> str:
        """Name and evidence in one line."""
        return f"{self.name}: {self.text}"

    @property
    def advice(self) -> str:
        """Evidence, why to change something, and what to add to the command line, in one paragraph."""
        option = f"({self.command})" if self.command and self.command not in self.why else ""
        return " ".join(filter(None, [self.text, self.why.removesuffix(".") + f" {option}." if option else self.why]))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __repr__(self) -> str:
        return f"Finding({self.severity}: {self.line})"

    def _in_notebook(self) -> Any:
        yield Words(f"{self.severity}: {self.name}")
        yield Words(self.text)
        rows = [("change", self.remedy or self.change), ("why", self.why), ("follows", self.follows),
                ("proof", str(self.proof or ""))]
        yield Table((), [row for row in rows if row[1]])

    def __str__(self) -> str:
        since = "" if self.began is None else f" Since step {self.began:,}."
        since = " It was there before the first step." if self.began == 0 else since
        if self.follows:
            return _lines("follows", f"{self.name}, probably from {self.follows}: {self.text}{since}")
        rows = [("", self.text + since), ("change", self.remedy or self.change), ("", self.why)]
        rows += [("proof", str(self.proof))] if self.proof else []
        body = [_lines(label, text, label == "change") for label, text in rows]
        return "\n".join([f"{self.severity:<{PAD}}{self.name}", *body])


@dataclass
class Diagnosis(Shown):
    """What `ct.diagnose` found. A list of `findings`, causes before what follows from them; false if there are none.

    checked: what was looked for; unchecked: what could not be, and why. about: what was looked at.
    """

    findings: list[Finding]
    checked: list[str]
    unchecked: dict[str, str]
    about: str

    @property
    def serious(self) -> list[Finding]:
        return [f for f in self.findings if f.severity == SERIOUS and not f.follows]

    def __bool__(self) -> bool:
        return bool(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self):
        return iter(self.findings)

    def __getitem__(self, which: int | str) -> Finding:
        """Look a finding up by number or name."""
        if isinstance(which, str):
            return next(f for f in self.findings if f.name == which)
        return self.findings[which]

    def __contains__(self, name: object) -> bool:
        return any(f.name == name for f in self.findings)

    def __str__(self) -> str:
        return "\n\n".join([self.about, *map(str, self.findings), *self._rest()])

    def _rest(self) -> list[str]:
        """Say what was looked for and not found, and what could not be looked for."""
        found = {f.name for f in self.findings}
        clean = [name for name in self.checked if name not in found]
        parts = []
        if clean:
            parts.append(_lines("no sign of" if found else "checked", ", ".join(clean) + "."))
            if not found:
                parts.append("Nothing was found.")
        reasons: dict[str, list[str]] = {}
        for name, why in self.unchecked.items():
            reasons.setdefault(why, []).append(name)
        return parts + [_lines("not checked", f"{', '.join(names)}: {why}.") for why, names in reasons.items()]

    def _in_notebook(self) -> Any:
        yield Words(self.about)
        for finding in self.findings:
            yield from finding._in_notebook()
        yield Preformatted("\n\n".join(self._rest()))

    def __repr__(self) -> str:
        names = ", ".join(f.name for f in self.findings) or "nothing found"
        return f"Diagnosis({names}; {len(self.checked)} checked, {len(self.unchecked)} not)"


def _lines(label: str, text: str, verbatim: bool = False) -> str:
    """Write a paragraph beside its label; code is not wrapped, so that it can be copied."""
    lines = text.split("\n") if verbatim else textwrap.wrap(text, WIDTH - PAD, break_on_hyphens=False)
    return "\n".join((label if not i else "").ljust(PAD) + line for i, line in enumerate(lines)).rstrip()


def _number(x: float) -> str:
    return f"{x:.3g}" if math.isfinite(x) else "not finite"
