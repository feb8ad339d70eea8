"""What the columns that matter do, and what moved some rows: found for a page, as plain values, and its sections."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..text import jsonable, number, short
from .html import Html, tag
from .inside_charts import bars, curve, waterfall

COLUMNS = 6        # that matter most
MOST_PARTS = 8     # bars of a row; the other columns are one
NEARLY_ALL = 0.98  # of all the ways up and down go the same way: a rise

#: What rows are shown for, and what each is.
ROWS = {"typical": "The most typical row", "wrong": "The most wrong row", "doubtful": "The most doubtful row"}


def inside(estimator: Any, X: Any, y: Any, background: Any, names: list[str]) -> dict[str, Any]:
    """Find what the first of the columns `names` do on rows X, and what moved some of these rows; plain values.

    y: the truth, a Series or frame whose index numbers the rows. background: rows that a row is compared with.
    "effects": those of `ct.inspect.effects`; "rows": for the most typical, the most wrong and the most doubtful row
    what `ct.inspect.why` gives, which one it is ("shown", "row") and what is "said" of it.
    """
    from ..inspect import effects, why  # a fit without a report does not wait for it
    from ..inspect.why import BACKGROUND

    if not names or len(X) < 2 or len(getattr(estimator, "classes_", (0, 1))) < 2:
        return {}
    found = effects(estimator, X, names[:COLUMNS])
    rows = []
    for kind, i in chosen(estimator, X, np.asarray(y)):
        one = why(estimator, X.iloc[[i]], background=background)
        rows.append({"shown": kind, "row": int(y.index[i]), "said": _said(one, np.asarray(y)[i])} | one.to_json())
    return jsonable({"effects": found.to_json(), "rows": rows, "background": min(len(background), BACKGROUND)}, 6)


def chosen(estimator: Any, X: Any, y: np.ndarray) -> list[tuple[str, int]]:
    """Choose the most typical row, the most wrong and the most doubtful one: their kinds and places, each row once.

    Typical: nearest to the medians and most frequent categories. Wrong: with the largest error, or the least
    probability of the truth; none where no row is wrong. Doubtful: with the likeliest class least likely, or the widest
    interval.
    """
    from ..inspect.why import typical_row

    Z = np.asarray(estimator.encode(X))
    away = np.abs(Z - typical_row(estimator.encoder_))
    away[:, list(estimator.encoder_.codes)] = np.minimum(away[:, list(estimator.encoder_.codes)], 1)  # names: not near
    predicted, p = estimator.said(Z)
    doubt = None
    if p is None:
        wrong = np.abs(np.asarray(predicted, float) - y.astype(float)).reshape(len(y), -1)[:, 0]
        if getattr(estimator, "intervals_", None) is not None:
            low, high = estimator.interval_of(Z).reshape(len(Z), -1, 2)[:, 0].T
            doubt = high - low
    elif estimator.design_.task == "multilabel":
        wrong, doubt = np.abs(p[:, 0] - y[:, 0]), -np.abs(p[:, 0] - 0.5)
        wrong[(p[:, 0] > 0.5) == (y[:, 0] > 0.5)] = 0
    else:
        places = {label: j for j, label in enumerate(estimator.classes_.tolist())}
        own = np.array([places.get(label, -1) for label in y.tolist()])
        truth = np.where(own < 0, 0, p[np.arange(len(p)), own])
        wrong, doubt = np.where(np.asarray(predicted) == y, 0, 1 - truth), -p.max(1)
    order = {"typical": np.argsort(away.sum(1), kind="stable"), "wrong": np.argsort(-wrong, kind="stable")}
    order["wrong"] = order["wrong"][: int((wrong > 0).sum())]
    if doubt is not None and np.ptp(doubt) > 0:
        order["doubtful"] = np.argsort(-doubt, kind="stable")
    found: list[tuple[str, int]] = []
    for kind, places_ in order.items():
        if (i := next((int(i) for i in places_ if i not in [other for _, other in found]), None)) is not None:
            found.append((kind, i))
    return found


def _said(one: Any, truth: np.ndarray) -> str:
    """What is predicted of a row, and what is true."""
    true = np.atleast_1d(truth)[0]
    true = short(true, 30) if isinstance(true, str) or one.unit else number(float(true), 4)
    if one.probabilities is None:
        return f"{number(one.prediction, 4)} is predicted, {true} is true"
    return f"{short(one.name, 40)} with a probability of {one.probabilities[1]:.1%} is predicted, {true} is true"


# ---- the page --------------------------------------------------------------------------------------------------------


def section(found: dict[str, Any]) -> Html | None:
    """The section of a page: what each column does, and what moved three rows."""
    if not found:
        return None
    them = found["effects"]
    name, points = short(them["of"], 40), bool(them["unit"])
    what, unit = ("probability", "percentage points") if points else ("prediction", "its own unit")
    mean = f"{100 * them['baseline']:.1f} %" if points else number(them["baseline"], 4)
    note = (f"How the {what} of {name}, in {unit}, goes with the value of a column, all else in a row as it is: "
            f"accumulated local effects on {them['rows']:,} test rows. Zero is their mean, {mean}. Grey bars show "
            "where the values of these rows lie.")
    figures = [_figure(one, name, points) for one in them["columns"]]
    parts: list[Any] = [tag("div", figures, class_="figures")]
    if found["rows"]:
        unit = "log-odds, log p / (1 - p)" if points else "the unit of the target"
        way = (f"From the mean over {found['background']:,} training rows, each column moves the prediction up "
               f"(orange) or down (blue), until it is that of the row: integrated gradients, in {unit}, the largest "
               "first.")
        parts += [tag("h3", "What moved single rows"), tag("p", way, class_="note"),
                  tag("div", [_moved(one) for one in found["rows"]], class_="figures")]
    return tag("section", tag("h2", "What the columns do"), tag("p", note, class_="note"), *parts)


def _figure(one: dict[str, Any], name: str, points: bool) -> Html:
    scale = 100 if points else 1
    one = one | {"effect": [scale * v for v in one["effect"]],
                 "apart": [[label, scale * v, rows] for label, v, rows in one["apart"]]}
    if one["shape"] == "category":
        picture = bars(one, partial(_signed, points=points))
    else:
        picture = curve(one, "percentage points" if points else name)
    return tag("figure", picture, tag("figcaption", tag("b", short(one["column"], 40)), ": ", sentence(one, points)))


def sentence(one: dict[str, Any], points: bool) -> str:
    """Say in a sentence what a column does.

    >>> sentence({"shape": "number", "labels": ["1", "2", "3"], "effect": [-2.0, 0.0, 2.0], "apart": [],
    ...           "view": [0, 2]}, False)
    'from 1 to 3 the prediction rises by 4.'
    """
    first, last = one["view"]
    g, labels = one["effect"][first : last + 1], one["labels"][first : last + 1]
    if len(g) < 2:
        return f"{labels[0] if labels else 'missing'} in all of these rows."
    unit = " points" if points else ""
    low, high = int(np.argmin(g)), int(np.argmax(g))
    apart = "".join(f" Where it is missing: {_signed(v, points)}{unit}." for label, v, rows in one["apart"]
                    if label == "missing" and rows)
    beyond = [one["labels"][end] for end in (0, -1) if one["labels"][end] not in (labels[0], labels[-1])]
    if beyond:
        apart += f" The curve goes on to {' and '.join(beyond)}: the last twentieth of the rows there is not drawn."
    moved, ways = g[-1] - g[0], float(np.abs(np.diff(g)).sum())
    what = "probability" if points else "prediction"
    if one["shape"] != "category" and ways > 0 and abs(moved) >= NEARLY_ALL * ways:
        goes = "rises" if moved > 0 else "falls"
        return f"from {labels[0]} to {labels[-1]} the {what} {goes} by {_plain(abs(moved), points)}{unit}.{apart}"
    ends = [f"{word} at {short(labels[i], 24)} ({_signed(g[i], points)}{unit})"
            for word, i in (("highest", high), ("lowest", low))]
    return f"the {what} is {ends[0]} and {ends[1]}.{apart}"


def _plain(value: float, points: bool) -> str:
    return f"{value:z.1f}" if points else number(value)


def _signed(value: float, points: bool) -> str:
    return f"+{_plain(value, points)}" if value > 0 else _plain(value, points)


def _moved(one: dict[str, Any]) -> Html:
    names = [f"{short(c['column'], 20)} = {short(c['cell'], 12)}" for c in one["columns"]]
    parts = [c["part"] for c in one["columns"]]
    if len(parts) > MOST_PARTS + 1:
        names = [*names[:MOST_PARTS], f"{len(parts) - MOST_PARTS} more columns"]
        parts = [*parts[:MOST_PARTS], sum(parts[MOST_PARTS:])]
    steps = list(zip(names, parts, strict=True))
    ends = [number(value, 4) for value in (one["baseline"], one["prediction"])]
    if one["probabilities"]:
        ends = [f"{100 * p:.3g} %" for p in one["probabilities"]]
    about = f"What moved the prediction of row {one['row']:,}"
    picture = waterfall(one["baseline"], steps, one["prediction"], ends, about)
    return tag("figure", picture, tag("figcaption", tag("b", f"{ROWS[one['shown']]}, row {one['row']:,}"),
                                      f" (the first is 0): {one['said']}."))
