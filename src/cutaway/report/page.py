"""The report: one HTML page with everything in it, without scripts; for light, dark and narrow screens."""

from __future__ import annotations

from typing import Any

from ..data.limits import FEWEST_OF_WORST
from ..files.container import write_whole
from ..files.endings import PAGE, PRINT, check_ending
from ..text import duration, listed, number, score, short
from . import decisions, inside, places
from .charts import curves, learning_curves, scatter
from .findings import ColumnFacts, Findings, Score
from .html import Html, join, scrolling, table, tag
from .scores import ERRORS
from .style import STYLE, theme_switch
from .sureness import section

#: A confusion matrix with more classes than this is no longer a picture.
MOST_CLASSES = 30
#: A matrix with more classes than this takes the page's whole width.
FEW_CLASSES = 4
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
#: So many columns that matter are shown; the others unfold.
MOST_COLUMNS = 15


def write_report(path: Any, found: Findings) -> None:
    """Write the page of a fit to `path`, whole or not at all. Raises FileError where it cannot be written."""
    check_ending(path, "a report", (*PAGE, ""), hint=PRINT)
    write_whole(path, page(found).encode("utf-8", "replace"))


def page(found: Findings) -> str:
    """The whole page as text."""
    names = listed(found.title)
    parts = [_headline(found, names), _scores(found), _rivals(found), _classes(found), _pictures(found),
             decisions.section(found.decision), section(found.sureness, found.many), _images(found), _mistakes(found),
             _importance(found), inside.section(found.inside), places.section(found.places), _diagnosis(found),
             _data(found), _design(found), _training(found), _use(found), _settings(found)]
    return document(names, parts)


def document(names: str, parts: list[Any]) -> str:
    """A page of these parts, complete in itself."""
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", f"{names} · Cutaway"),
        tag("style", Html(STYLE)),
    ]
    body = tag("body", tag("main", [part for part in parts if part]))
    return "<!doctype html>\n" + tag("html", tag("head", head), body, lang="en")


def _section(title: str, *content: Any, note: str = "") -> Html:
    return tag("section", tag("h2", title), note and tag("p", note, class_="note"), *content)


def _headline(found: Findings, names: str) -> Html:
    test = next((s for s in found.scores if s.part == "test"), None)
    name = "R²" if "regression" in found.task else "accuracy"
    bars: list[Html] = []
    if test is not None:
        name = "ROC AUC" if "average precision" in test.network else name  # accuracy hardly sees rare classes
        words = {"linear": "linear model", "simple": found.simple}
        bars = [_bar(words.get(model, model), scores.get(name), 1.0, score(scores.get(name)), kind)
                for model, kind, scores in test.models]
    return tag(
        "header",
        tag("div", tag("p", f"Cutaway · {found.task}", class_="kicker"), theme_switch(), class_="top"),
        tag("h1", names, " ", tag("small", f"from {found.source}")),
        bars and tag("div", tag("p", f"{name} on rows that neither has seen", class_="note"), bars, class_="bars"),
        tag("p", found.verdict, class_="verdict"),
        [_remark(remark) for remark in found.remarks],
    )


def _remark(remark: Any) -> Html:
    """Write what makes the score doubtful, where it cannot be overlooked, with what to add to the command."""
    option = remark.command if remark.command and remark.command not in remark.why else ""
    what = [" Add ", tag("code", option), " to the command."] if option else ""
    return tag("p", tag("b", remark.text), " ", remark.why, what, class_="beware")


def _bar(label: str, value: float | None, full: float, text: str, kind: str) -> Html:
    """Draw one line of a bar chart."""
    share = max(0.0, min(1.0, (value or 0) / full)) if full > 0 else 0
    inner = tag("span", "", class_=f"fill {kind}", style=f"width:{100 * share:.1f}%")
    return tag("div", tag("span", label, class_="label"), tag("span", inner, class_="track"),
               tag("span", text, class_="value"), class_="bar")


def _scores(found: Findings) -> Html | None:
    if not found.scores:
        return None
    notes = [_unit_note(found)] + [f"The linear model is {found.linear}."] * bool(found.linear)
    notes += [f"The simple one is {found.simple}."] * bool(found.simple)
    content = [score_table(found.scores, "rows")]
    if found.outputs and "forecast" in found.reading:
        content.append(_each_step(found.outputs))
    elif found.outputs:
        content += [tag("h3", "Each output, on the test rows"), score_table(found.outputs, "output")]
    return _section("Scores", content, note=" ".join(note for note in notes if note))


def _rivals(found: Findings) -> Html | None:
    """Tabulate what else could be used, and say who is best."""
    if not found.rivals:
        return None
    head = ["model", found.rivals["score"], "spread", "time"]
    said = tag("p", tag("b", found.rivals["sentence"]))
    return _section("Or rather", table(head, found.rivals["cells"], numbers=1), said,
                    note=f"{found.rivals['about']}; the spread is the deviation between folds.")


def _each_step(outputs: list[Score]) -> Html:
    """Tabulate R² and RMSE of each model, a row a step ahead."""
    names = [model for model, *_ in outputs[0].models]
    rows = [[f"+{k}", *(format_score(name, one.get(name)) for name in ("R²", "RMSE") for *_, one in s.models)]
            for k, s in enumerate(outputs, 1)]
    head = ["step", *(f"{name}, {model}" for name in ("R²", "RMSE") for model in names)]
    title = f"Each of the {len(rows):,} steps ahead, on the test rows"
    return tag("details", tag("summary", title), table(head, rows, numbers=1))


def score_table(scores: list[Score], first: str) -> Html:
    """Tabulate network and linear model under each other, for each part of the rows."""
    names = list(scores[0].network)
    rows: list[list[Any]] = []
    for s in scores:
        for model, kind, values in s.models:
            part = tag("b", s.part, " ", tag("small", f"{s.rows:,} rows")) if kind == "a" else ""
            rows.append([part, tag("span", model, class_=f"ink {kind}"),
                         *(format_score(name, values.get(name)) for name in names)])
    return table([first, "model", *names], rows, numbers=2, class_="pairs")


def format_score(name: str, value: float | None) -> str:
    return number(value) if name in ERRORS else score(value)


def _unit_note(found: Findings) -> str:
    if "forecast" in found.reading and found.outputs:
        return f"RMSE is in the unit of {found.targets[0].name}."
    if found.task == "regression":
        return f"RMSE and median error are in the unit of {found.targets[0].name}."
    return ""


def _forecast(found: Findings) -> list[Html]:
    """The last forecast beside the truth, and the error at each step ahead."""
    if not found.forecast:
        return []
    parts, name = found.forecast, short(found.title[0], 30)
    history, many = parts["history"], len(parts["truth"])
    known = list(zip(range(1 - len(history), 1), history, strict=True))
    lines = [(kind, known[-1:] + list(zip(range(1, many + 1), parts[part], strict=True)))
             for kind, part in (("c", "simple"), ("t", "truth"), ("a", "network"))]
    ink = [tag("span", "the truth", class_="ink t"), ", ", tag("span", "the network", class_="ink a"), " and ",
           tag("span", found.simple or "the simple forecast", class_="ink c"), "."]
    what = f"The last {many:,} steps of the test, each forecast from those before: "
    if history:
        lines, what = [("t", known), *lines], f"The last forecast of the test, {many:,} steps from what was known: "
    picture = curves(lines, "steps from now" if history else "step", name, f"Forecasts of {name} and the truth")
    figures = [_figure(picture, what, *ink)]
    if len(found.outputs) > 1:
        errors = [(colour, [(k + 1, scores.get("RMSE")) for k, s in enumerate(found.outputs)
                            for model, colour_, scores in s.models if colour_ == colour])
                  for colour in ("c", "b", "a")]
        ink = [tag("span", "network", class_="ink a"), ", ", tag("span", "linear model", class_="ink b"), " and ",
               tag("span", "simple forecast", class_="ink c"), "."]
        picture = curves(errors, "steps ahead", "RMSE", f"RMSE of each of {len(found.outputs):,} steps ahead")
        figures.append(_figure(picture, "The error at each step ahead, test rows: ", *ink))
    return figures


def _pictures(found: Findings) -> Html | None:
    figures = _forecast(found)
    if found.scatter and not found.forecast:
        name = short(found.targets[0].name, 30)
        picture = scatter(found.scatter["true"], found.scatter["predicted"], name)
        figures.append(_figure(picture, "Predictions over the truth, test rows. On the line they agree."))
    if found.history.get("loss"):
        picture = learning_curves(found.history["loss"], found.history.get("val_loss", []), found.best_epoch)
        steered = [" and ", tag("span", "validation", class_="ink b")] if found.history.get("val_loss") else []
        legend = [tag("span", "training", class_="ink a"), *steered, " loss"]
        kept = f"; the dashed line is epoch {found.best_epoch}, whose weights were kept" * bool(found.best_epoch)
        figures.append(_figure(picture, legend, kept, "."))
    if found.confusion and "counts" not in found.confusion:
        pass  # of many classes, in a section of their own
    elif found.confusion and len(found.confusion["labels"]) <= MOST_CLASSES:
        caption = f"True classes in rows, predictions in columns, test {found.many}."
        figures.insert(0, _figure(_confusion(found.confusion), caption, wide=_many(found.confusion)))
    elif found.confusion:
        figures.insert(0, _figure(_commonest(found.confusion), f"The commonest mistakes on test {found.many}."))
    return tag("section", figures, class_="figures") if figures else None


def _classes(found: Findings) -> Html | None:
    """Tabulate, of many classes, the commonest mistakes and the classes that are worst told."""
    if not found.confusion or "counts" in found.confusion:
        return None
    parts = [table(["class", found.many, "right", "mostly taken for"],
                   [[short(name, 30), f"{n:,}", f"{hits / n:.0%}", short(taken, 30)] for name, n, hits, taken in worst])
             for worst in [found.confusion["worst"]] if worst]
    pairs = [[short(true, 30), short(taken, 30), f"{n:,}"] for n, true, taken in found.confusion["pairs"]]
    if pairs:
        parts += [tag("h3", "Commonest mistakes"), table(["true", "taken for", "how often"], pairs, numbers=2)]
    return _section("Classes", *parts, note=many_classes(found.confusion, found.many))


def many_classes(found: dict[str, Any], many: str) -> str:
    """Say of many classes how many are in the test, and how many of them are never told."""
    few = f" Below, those with {FEWEST_OF_WORST} {many} or more that are told worst." if found["worst"] else ""
    return (f"{found['seen']:,} classes occur among the test {many}; of {found['never']:,} of them no one is told "
            f"right.{few}")


def _figure(picture: Html, *caption: Any, wide: bool = False) -> Html:
    return tag("figure", picture, tag("figcaption", *caption), class_="full" if wide else None)


def _many(found: dict[str, Any]) -> bool:
    """Whether a matrix needs the whole width: many classes, or long names."""
    return len(found["labels"]) > FEW_CLASSES or sum(len(short(label, 16)) for label in found["labels"]) > 40


def _commonest(found: dict[str, Any]) -> Html:
    """The pairs of classes that are mistaken most often, where there are many."""
    pairs = [(n, found["labels"][i], found["labels"][j]) for i, line in enumerate(found["counts"])
             for j, n in enumerate(line) if i != j and n]
    pairs.sort(key=lambda pair: -pair[0])
    rows = [[short(true, 30), short(taken, 30), f"{n:,}"] for n, true, taken in pairs[:MOST_COLUMNS]]
    return table(["true", "taken for", "how often"], rows, numbers=2)


def _confusion(found: dict[str, Any]) -> Html:
    """The counts, shaded by their share of the true class."""
    labels = [short(label, 16) for label in found["labels"]]
    rows = []
    for i, counts in enumerate(found["counts"]):
        total = sum(counts) or 1
        cells = [
            tag("td", f"{count:,}", class_="hit" if i == j else "miss" if count else "none",
                style=f"--share:{count / total:.2f}")
            for j, count in enumerate(counts)
        ]
        rows.append(tag("tr", tag("th", labels[i], scope="row"), cells))
    corner = tag("td", "true ↓ taken for →", class_="corner")
    top = tag("tr", corner, [tag("th", label, scope="col") for label in labels])
    kind = "confusion" + " close" * (len(labels) > FEW_CLASSES)
    return scrolling("Confusion", tag("table", tag("thead", top), tag("tbody", rows), class_=kind))


def _images(found: Findings) -> Html | None:
    """Show some images of the test, each with what it is and what the network takes it for; then the worst mistakes."""
    samples, worst = found.pictures.get("samples", []), found.pictures.get("worst", [])
    if not samples:
        return None
    scale = found.pictures["scale"]
    parts = [_gallery(samples)]
    if worst:
        parts += [tag("h3", "Worst mistakes"), tag("p", "The network is surest of these, and wrong.", class_="note"),
                  _gallery(worst)]
    note = f"Test {found.many}, the first of each class, and what the network takes them for; {scale}."
    return _section("Images", *parts, note=note)


def _gallery(images: list[list[str]]) -> Html:
    shown = []
    for name, truth, predicted, sure, picture in images:
        right = truth == predicted
        said = tag("b", short(truth, 20)) if right else join(tag("b", short(truth, 20)), ", taken for ",
                                                             tag("b", short(predicted, 20)))
        words = f"{name}: {truth}" + ("" if right else f", taken for {predicted}")
        shown.append(tag("figure", tag("img", src=picture, alt=words, title=name),
                         tag("figcaption", said, " ", tag("small", sure)), class_=None if right else "wrong"))
    return tag("div", shown, class_="gallery")


def _mistakes(found: Findings) -> Html | None:
    if not found.mistakes:
        return None
    note = f"Test {found.many} that the network takes for another class, the surest first."
    return _section("Mistakes", table(["file", "true", "taken for", "probability"], found.mistakes), note=note)


def _importance(found: Findings) -> Html | None:
    if not found.importance:
        return None
    most = max(value for _, value, _ in found.importance)
    bars = [_bar(short(name, 40), value, most, f"{score(value)} ± {score(spread)}", "a")
            for name, value, spread in found.importance]
    many = f"{found.importance_rows:,} of " * (0 < found.importance_rows < found.scores[-1].rows if found.scores else 0)
    note = f"How much {found.importance_unit} on {many}the test rows falls when one column is shuffled."
    rest = bars[MOST_COLUMNS:]
    more = tag("details", tag("summary", f"{len(rest):,} more"), tag("div", rest, class_="bars"))
    return _section("Columns that matter", tag("div", bars[:MOST_COLUMNS], class_="bars"), rest and more, note=note)


def _diagnosis(found: Findings) -> Html | None:
    if not found.checked:
        return None
    shown = [f for f in found.diagnosis if not f.follows]
    parts = [[tag("h3", f.name, " ", tag("small", f.severity)), tag("p", f.text),
              tag("pre", f"cutaway fit ... {f.command}" if f.command else f.change), tag("p", f.why, class_="note")]
             for f in shown]
    rest = [name for name in found.checked if name not in {f.name for f in [*found.diagnosis, *found.remarks]}]
    python = any(not f.command for f in shown)
    note = "Changes in Python are to what ct.fit is given." * python
    if not shown:
        note = f"Nothing {'more ' * bool(found.remarks)}was found."
    return _section("Diagnosis", parts, tag("p", f"{'No sign of' if shown else 'Looked for'}: {', '.join(rest)}."),
                    note=note)


def _data(found: Findings) -> Html:
    rows = [[kind, f"{count:,}", f"{gaps:,}", listed(names, 4)] for kind, count, gaps, names in kinds(found.columns)]
    target = [tag("p", tag("b", t.name), f": {t.summary}") for t in found.targets[:12]]
    facts = f"{found.source}: {found.amount}."
    if found.without_target:
        facts += f" {found.without_target:,} {found.many} have no target and were left out."
    every = [[c.name, c.kind, f"{c.gaps:,}", f"{c.distinct:,}", short(c.example, 24), c.how] for c in found.columns]
    head = ["column", "kind", "gaps", "values", "example", "how it is encoded"]
    return _section(
        "Data",
        tag("p", facts),
        [tag("p", tag("b", name), f": {words}") for name, words in map(_named, found.facts)],
        target,
        rows and table(["kind", "columns", "with gaps", "which"], rows),
        [tag("p", note, class_="note") for note in found.notes],
        every and tag("details", tag("summary", f"All {len(every):,} columns" if len(every) > 1 else "The column"),
                      table(head, every)),
    )


def _named(fact: list[str]) -> tuple[str, str]:
    """Give a fact's name and words; what goes on from the fact before begins with a name of its own."""
    name, words = fact
    own, colon, rest = words.partition(": ")
    return (name, words) if name or not colon else (own, rest)


def kinds(columns: list[ColumnFacts]) -> list[tuple[str, int, int, list[str]]]:
    """Group columns as (kind, how many, how many with gaps, their names), those left out last and together."""
    groups: dict[str, list[ColumnFacts]] = {}
    for column in sorted(columns, key=lambda c: c.left_out):
        groups.setdefault("left out" if column.left_out else column.kind, []).append(column)
    return [(kind, len(some), sum(c.gaps > 0 for c in some), [c.name for c in some]) for kind, some in groups.items()]


def _design(found: Findings) -> Html | None:
    rows: list[list[Any]] = [[tag("b", name), value, reason] for name, value, reason in found.design]
    return _section("Design", table([], rows, class_="design")) if rows else None


def _training(found: Findings) -> Html:
    total = sum(found.seconds.values())
    bars = [_bar(name, seconds, max(found.seconds.values()), duration(seconds), "b")
            for name, seconds in found.seconds.items()]
    slow = f"{found.slowest.capitalize()} took longest: {found.seconds[found.slowest] / total:.0%} of " if total else ""
    return _section(
        "Training",
        tag("p", found.training),
        tag("p", found.divided),
        bars and tag("p", f"{slow}{duration(total)}.", class_="note"),
        tag("div", bars, class_="bars"),
    )


def _use(found: Findings) -> Html | None:
    if not found.commands:
        return None
    note = "The model is the one scored above: it has learnt from the training rows only."
    return _section("Use it", tag("pre", "\n".join(found.commands)), note=note)


def _settings(found: Findings) -> Html:
    pairs = {**found.settings, **found.versions, "date": found.date}
    content = [join(tag("dt", name), tag("dd", value)) for name, value in pairs.items()]
    return _section("Settings and versions", tag("dl", content))
