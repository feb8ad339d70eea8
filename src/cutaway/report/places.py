"""Where in its sequences a network looks: stretches of time, sensors, and examples of each class, for a page."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..text import jsonable, number, short
from .charts import WIDTH, Axis
from .html import Html, tag

LOW, TALL = 150, 200       # pixels of the picture of stretches, and of an example's
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 22
POINTS = 240               # of a line that is drawn
LONG = 400                 # steps; of longer sequences fewer are asked, which takes seconds each
SENSORS = 6                # that matter most are drawn of an example, each in a band of its own


def places(estimator: Any, X: Any, y: Any) -> dict[str, Any]:
    """Find where on some of the test's sequences X the network looks: what `ct.inspect.where` finds, with titles."""
    if len(X) < 2 or getattr(estimator.encoder_, "blank", True) or len(getattr(estimator, "classes_", (0, 1))) < 2:
        return {}
    from ..inspect import where  # a fit without a report does not wait for it
    from ..inspect.where import EXAMPLES, ROWS, one_title

    found = where(estimator, X, np.asarray(y), rows=ROWS if estimator.encoder_.longest <= LONG else EXAMPLES).to_json()
    examples = [one | {"title": one_title(one["said"], one["truth"])} for one in found["examples"]]
    return jsonable(found | {"examples": examples}, 5)


def section(found: dict[str, Any]) -> Html | None:
    """The section of a page: how much stretches of time and sensors matter, and some sequences of each class."""
    if not found:
        return None
    unit = f", in {found['unit']}," if found["unit"] else ""
    note = (f"How much the answer for {short(found['of'], 40)} changes{unit} where a stretch of time is put to what is "
            f"usual, on average over {found['rows']} test sequences. Integrated gradients, which need no stretches, "
            f"say the same with a correlation of {found['agreement']:.2f}.")
    figures = [tag("figure", _stretches(found), tag("figcaption", "Stretches of time"))]
    if len(found["sensors"]) > 1:
        order = np.argsort(-np.array(found["by_sensor"]), kind="stable")
        told = ", ".join(f"{short(found['sensors'][k], 20)} {number(found['by_sensor'][k])}" for k in order[:12])
        figures.append(tag("p", tag("b", "Sensors"), f", the change without each: {told}", ", ..." * (len(order) > 12)))
    way = "The stronger the colour, the more a stretch speaks for the answer (orange) or against it (blue)."
    examples = [tag("figure", _example(found, one), tag("figcaption", tag("b", short(
        one["title"], 60)), f", sequence {one['row']:,} (the first is 0)")) for one in found["examples"]]
    return tag("section", tag("h2", "Where it looks"), tag("p", note, class_="note"),
               tag("div", figures, class_="figures"), tag("h3", "Some sequences"), tag("p", way, class_="note"),
               tag("div", examples, class_="figures"))


def _stretches(found: dict[str, Any]) -> Html:
    edges, sizes = found["edges"], [size or 0.0 for size in found["by_time"]]
    x, y = Axis(edges[0], edges[-1], LEFT, WIDTH - RIGHT), Axis(0, max(sizes) or 1, LOW - BOTTOM, TOP)
    marks = []
    for (a, b), size in zip(pairwise(edges), sizes, strict=True):
        wide, tall = round(max(x(b) - x(a) - 0.6, 0.6), 1), round(y(0) - y(size), 1)
        marks.append(tag("rect", x=x(a), y=y(size), width=wide, height=tall, class_="up"))
    marks += [tag("text", y.label(value), x=LEFT - 6, y=y(value) + 4, text_anchor="end") for value in y.ticks()]
    return tag("svg", marks, _steps(x, LOW), viewBox=f"0 0 {WIDTH} {LOW}", role="img",
               aria_label="How much stretches of time matter")


def _example(found: dict[str, Any], one: dict[str, Any]) -> Html:
    """Draw a sequence, a band for each of the sensors that matter most, over the colours of its stretches."""
    order = np.argsort(-np.array(found["by_sensor"]), kind="stable")[:SENSORS]
    time = len(one["values"][0])
    x = Axis(0, max(time - 1, 1), LEFT, WIDTH - RIGHT)
    band = (TALL - TOP - BOTTOM) / len(order)
    starts = [edge for edge in found["edges"][:-1] if edge < time]
    sums = {k: np.add.reduceat(np.array(one["parts"][k]), starts) for k in order}
    far = max(float(np.abs(parts).max()) for parts in sums.values()) or 1.0
    marks: list[Html] = []
    for i, k in enumerate(order):
        top, values = TOP + i * band, np.array([np.nan if v is None else v for v in one["values"][k]], float)
        for a, b, part in zip(starts, [*starts[1:], time], sums[k], strict=True):
            left, right = x(a - 0.5), x(b - 0.5)
            marks.append(tag("rect", x=left, y=round(top, 1), width=round(max(right - left, 0.5), 1),
                             height=round(band - 2, 1), class_="up" if part > 0 else "down",
                             opacity=round(0.7 * abs(part) / far, 3)))
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            continue
        low, high = float(values[known].min()), float(values[known].max())
        y = Axis(low, high if high > low else low + 1, top + band - 5, top + 3)
        at = known[:: -(-len(known) // POINTS)]
        marks.append(tag("polyline", points=" ".join(f"{x(t)},{y(values[t])}" for t in at), class_="line t"))
        if len(order) > 1:
            marks.append(tag("text", short(found["sensors"][k], 6), x=LEFT - 6, y=round(top + band / 2 + 4, 1),
                             text_anchor="end"))
        else:
            marks += [tag("text", y.label(v), x=LEFT - 6, y=y(v) + 4, text_anchor="end") for v in y.ticks()]
    return tag("svg", marks, _steps(x, TALL), viewBox=f"0 0 {WIDTH} {TALL}", role="img",
               aria_label=f"Sequence {one['row']}: {one['title']}")


def _steps(x: Axis, height: float) -> list[Html]:
    """Whole numbers under a picture: time steps."""
    ticks = [tick for tick in x.ticks() if float(tick).is_integer()]
    bottom = height - BOTTOM
    return [tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"),
            *(tag("text", x.label(tick), x=x(tick), y=bottom + 15,
                  text_anchor="end" if x(tick) > WIDTH - 3 * RIGHT else "middle") for tick in ticks)]
