"""The findings of a fit, section by section, as the terminal shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..report import decisions
from ..report.findings import Findings, Score
from ..report.page import format_score, kinds, many_classes
from ..report.sureness import sentences
from ..text import duration, listed, printable, short
from .terminal import Screen

if TYPE_CHECKING:
    from rich.text import Text

#: How much of a long list is shown.
MOST_LEFT_OUT, MOST_TARGETS, MOST_COLUMNS, MOST_CLASSES, MOST_OUTPUTS, MOST_MISTAKES = 6, 8, 10, 8, 12, 5
MOST_STEPS, MOST_PAIRS = 8, 6
BAR = 24
#: Names of scores where many stand side by side.
BRIEF = {"balanced accuracy": "bal. accuracy", "average precision": "avg. precision"}


def data(screen: Screen, found: Findings) -> None:
    """Show what was understood from the file."""
    screen.title("Data", f"{found.source}: {found.amount}")
    rows = [(kind, f"{count:,}", f"{gaps:,}", listed(names)) for kind, count, gaps, names in kinds(found.columns)]
    if found.inputs == "table":
        screen.table(rows, ["kind", "columns", "with gaps", "which"], right=(1, 2))
    gappy = sorted((c for c in found.columns if c.gaps and not c.left_out), key=lambda c: -c.gaps)
    facts: list[tuple[str, str]] = [(name, words) for name, words in found.facts]
    facts += [("target" if i == 0 else "", f"{t.name}: {t.summary}")
              for i, t in enumerate(found.targets[:MOST_TARGETS])]
    if len(found.targets) > MOST_TARGETS:
        facts.append(("", f"and {len(found.targets) - MOST_TARGETS} more"))
    facts.append(("task", found.task))
    if found.without_target:
        facts.append(("dropped", f"{found.without_target:,} {found.many} without a target"))
    if gappy and found.inputs == "table":
        learnt = found.learnt or found.rows - found.without_target
        worst = ", ".join(f"{short(c.name, 24)} {c.gaps / learnt:.0%}" for c in gappy[:3])
        facts.append(("gaps", f"most in {worst}; a gap is a value of its own, nothing is thrown away"))
    out = [c for c in found.columns if c.left_out]
    facts += [("left out" if i == 0 else "", f"{short(c.name, 30)}: {c.how.removeprefix('left out: ')}")
              for i, c in enumerate(out[:MOST_LEFT_OUT])]
    if len(out) > MOST_LEFT_OUT:
        facts.append(("", f"and {len(out) - MOST_LEFT_OUT} more"))
    facts += [("note", note) for note in found.notes]
    if found.inputs == "table":
        screen.say()
    screen.table(facts, dim=(0,))


def design(screen: Screen, found: Findings) -> None:
    """Show the design, each choice with its reason."""
    screen.title("Design", found.network)
    screen.table(found.design, dim=(2,))


def remarks(screen: Screen, found: list[Any], said: Sequence[Any] = ()) -> None:
    """Show what makes the score doubtful, or whom it does not see; where `said` above, the evidence alone."""
    if found:
        screen.title("Beware")
        for remark in found:
            screen.paragraph(f"As above: {remark.text}" if remark in said else remark.advice, style="bold yellow")


def scores(screen: Screen, found: Findings, said: Sequence[Any] = ()) -> None:
    """Show network and linear model on the same rows, and who is ahead; `said`: remarks that stand above."""
    from rich.text import Text

    units = f"; errors in the unit of {found.targets[0].name}" if found.task == "regression" else ""
    simple = f"; the simple one is {found.simple}" * bool(found.simple)
    known = f"the linear model is {found.linear}{simple}"
    screen.title("Scores", f"{known}{units}" if found.linear else units.removeprefix("; "))
    score_table(screen, found.scores, "rows")
    if found.verdict:
        screen.say()
        screen.table([(Text(printable(found.verdict), style="bold"),)], fixed=())
    for sentence in sentences(found.sureness, f"{found.scores[-1].part} {found.many}" if found.scores else ""):
        screen.table([(sentence,)], fixed=())
    remarks(screen, found.remarks, said)
    decision(screen, found.decision)
    where = f"{found.scores[-1].part} rows" if found.scores else ""
    if found.outputs and "forecast" in found.reading:
        steps_ahead(screen, found.outputs, where)
    elif found.outputs:
        screen.title("Each output", where)
        score_table(screen, found.outputs[:MOST_OUTPUTS], "output")
        if len(found.outputs) > MOST_OUTPUTS:
            screen.say(f"  and {len(found.outputs) - MOST_OUTPUTS} more")
    if found.confusion:
        confusion(screen, found.confusion, where)
    if found.mistakes:
        screen.title("Mistakes", f"test {found.many} that the network is surest of and takes for another class")
        screen.table([row[:3] for row in found.mistakes[:MOST_MISTAKES]], ["file", "true", "taken for"])


def score_table(screen: Screen, scores: list[Score], first: str) -> None:
    """Show two lines for each part; where test rows are scored, the better number of the two is bold."""
    from rich.text import Text

    names = list(scores[0].network)
    rows: list[list[Any]] = []
    for s in scores:
        for model, _, own in s.models:
            others = [other for _, _, other in s.models if other is not own]
            cells = [Text(format_score(n, own.get(n)), style=_style(n, own, others)) for n in names]
            lead = [short(s.part, 24), f"{s.rows:,}"] if own is s.network else ["", ""]
            rows.append([*lead, model, *cells])
    brief = [BRIEF.get(name, name) for name in names] if len(names) > 3 else names
    head = ["" if first == "rows" else first, "rows", "model", *brief]
    screen.table(rows, head, right=(1, *range(3, 3 + len(names))), fixed=(0, 2))


def steps_ahead(screen: Screen, outputs: list[Score], where: str) -> None:
    """Show R² and RMSE of each model at some steps ahead: the first ones, then ever farther apart, and the last."""
    n = len(outputs)
    shown = sorted({round(n ** (k / (MOST_STEPS - 1))) for k in range(MOST_STEPS)})
    names = [model for model, *_ in outputs[0].models]
    screen.title("Each step ahead", where)
    rows = [[outputs[k - 1].part, *(format_score(score, one.get(score)) for score in ("R²", "RMSE")
                                    for *_, one in outputs[k - 1].models)] for k in shown]
    head = ["step", *(f"{score}\n{name}" for score in ("R²", "RMSE") for name in names)]
    screen.table(rows, head, right=range(1, len(head)))


def _style(name: str, own: dict, others: list[dict]) -> str:
    from ..report.scores import ERRORS

    a, rest = own.get(name), [other[name] for other in others if other.get(name) is not None]
    if a is None or not rest:
        return ""
    return "bold" if (a < min(rest) if name in ERRORS else a > max(rest)) else ""


def confusion(screen: Screen, found: dict[str, Any], where: str) -> None:
    """Show the matrix for a few classes, the most common mistakes for many."""
    if "counts" not in found:
        worst_classes(screen, found, where)
        return
    labels, counts = [short(label, 12) for label in found["labels"]], found["counts"]
    if len(labels) <= MOST_CLASSES:
        screen.title("Confusion", f"{where}: true classes down, predictions across")
        rows: list[list[Any]] = [
            [labels[i], *(_count(n, i == j) for j, n in enumerate(line))] for i, line in enumerate(counts)
        ]
        screen.table(rows, ["", *labels], right=tuple(range(1, len(labels) + 1)))
        return
    wrong = [(n, labels[i], labels[j]) for i, line in enumerate(counts) for j, n in enumerate(line) if i != j and n]
    wrong.sort(key=lambda entry: -entry[0])
    screen.title("Confusion", f"{where}: the commonest of {sum(n for n, _, _ in wrong):,} mistakes")
    screen.table([(f"{n:,}", true, taken) for n, true, taken in wrong[:6]], ["rows", "true", "taken for"], right=(0,))


def worst_classes(screen: Screen, found: dict[str, Any], where: str) -> None:
    """Show, of many classes, those that are worst told and the commonest mistakes."""
    screen.title("Classes", where)
    screen.paragraph(many_classes(found, "rows"))
    if found["worst"]:
        screen.table([(short(name, 24), f"{n:,}", f"{hits / n:.0%}", short(taken, 24))
                      for name, n, hits, taken in found["worst"][:MOST_PAIRS]],
                     ["class", "rows", "right", "mostly taken for"], right=(1, 2))
    if found["pairs"]:
        screen.title("Confusion", f"{where}: the commonest of {found['mistakes']:,} mistakes")
        screen.table([(f"{n:,}", short(true, 24), short(taken, 24)) for n, true, taken in found["pairs"][:MOST_PAIRS]],
                     ["rows", "true", "taken for"], right=(0,))


def decision(screen: Screen, found: dict[str, Any]) -> None:
    """Show what saying a class from a probability on finds, beside other thresholds."""
    if not found:
        return
    screen.title(f"When is it {short(found['positive'], 24)}?")
    screen.paragraph(" ".join(decisions.sentences(found)))
    screen.say()
    head, rows = decisions.cells(found)
    screen.table(rows, head, right=range(1, len(head)))


def _count(n: int, hit: bool) -> Text:
    from rich.text import Text

    return Text(f"{n:,}", style="bold green" if hit else "red" if n else "dim")


def importance(screen: Screen, found: Findings) -> None:
    """Show the columns that matter most, with bars."""
    if not found.importance:
        return
    from rich.text import Text

    part = found.scores and 0 < found.importance_rows < found.scores[-1].rows
    some = f"{found.importance_rows:,} of the " if part else ""
    screen.title("Columns that matter", f"what {found.importance_unit} on {some}test rows loses when one is shuffled")
    most = max(max(value for _, value, _ in found.importance), 1e-12)
    useful = [one for one in found.importance if one[1] > 0]
    rows = [(short(name, 28), f"{value:.3f}", f"± {spread:.3f}", Text("█" * round(BAR * value / most), style="cyan"))
            for name, value, spread in useful[:MOST_COLUMNS]]
    screen.table(rows, right=(1, 2), dim=(2,))
    rest = [f"{len(useful) - MOST_COLUMNS} more cost less"] * (len(useful) > MOST_COLUMNS)
    useless = [short(name, 28) for name, value, _ in found.importance if value <= 0]
    which = ", ".join(useless) if len(useless) <= 3 else f"any of the {len(useless)} others"
    rest += [f"nothing is lost by shuffling {which}"] * bool(useless)
    if rest:
        screen.say(f"  {'; '.join(rest)}", style="dim")


def rivals(screen: Screen, found: Findings) -> None:
    """Show what else could be used, and who is best."""
    if found.rivals:
        screen.title("Or rather", found.rivals["about"])
        screen.table(found.rivals["cells"], ["model", found.rivals["score"], "spread", "time"], right=(1, 2, 3))
        screen.say()
        screen.paragraph(found.rivals["sentence"], style="bold")


def diagnosis(screen: Screen, found: Findings) -> None:
    """Show what is seriously wrong, a line each; nothing if nothing is."""
    serious = [f for f in found.diagnosis if f.severity == "serious" and not f.follows]
    if serious:
        screen.title("Diagnosis", "print(ct.diagnose(...)) or --report says more")
        screen.table([(f.name, f.text + f" Try {f.command}." * bool(f.command)) for f in serious])


def seconds(screen: Screen, found: Findings) -> None:
    """Show how long each part took."""
    total = sum(found.seconds.values())
    if not total:
        return
    parts = ", ".join(f"{name} {duration(value)}" for name, value in found.seconds.items())
    screen.title("Time", f"{duration(total)} in all")
    screen.table([(f"{parts}. Slowest: {found.slowest}, {found.seconds[found.slowest] / total:.0%}.",)], fixed=())

