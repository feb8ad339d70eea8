"""When is it "yes"? What a class that is said from a probability on finds, what it costs, and what other cuts would."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..text import number, score, short
from .charts import precision_recall
from .html import Html, table, tag
from .scores import codes

#: The shares of a class that thresholds are named for, with what each takes in false alarms.
FOUND = (0.5, 0.8, 0.95)
#: Points of a curve that are kept.
MOST_POINTS = 200
HEAD = ["", "from", "said", "right", "precision", "recall", "F1"]


def decision(estimator: Any, y: np.ndarray, probability: Any, linear: Any = None,
             rare: bool = False, cuts: dict[int, float] | None = None, costs: Any = None) -> dict[str, Any]:
    """Find what an estimator's threshold, 0.5 if it has none, makes of rows with these probabilities (n, classes).

    rare: most rows are of one of two classes, so that the other one is worth a look without a threshold. cuts:
    thresholds by the places of classes, and costs, instead of the estimator's own. linear: the probabilities of a
    linear model. Plain values: "positive", "threshold", "reason", "rows", of which "true"; of the "models" their
    "average precision" and "curve", points (recall, precision); "costs" of a false alarm and a miss; "choices", what
    this threshold and others make of the rows.
    """
    from ..estimators.thresholds import Rule

    task, T, reason = estimator.design_.task, estimator.threshold_, ""
    if cuts:
        T = next(iter(cuts.values()))
    unasked = T is None and not (rare and task == "binary")
    if unasked or len(cuts or ()) > 1 or task not in ("binary", "multiclass") or not len(y):
        return {}
    classes = estimator.classes_.tolist()
    truth = codes(y, classes)
    place = int((truth == 0).mean() > 0.5)
    if cuts:
        place = next(iter(cuts))
    elif T is not None:
        place, reason = classes.index(estimator.positive_), estimator.design_.reasons.get("decision", "")
        costs = Rule.read(estimator.threshold).costs
    return of_class(truth == place, probability[:, place], None if linear is None else linear[:, place],
                    str(classes[place]), 0.5 if T is None else T, costs, reason,
                    chosen=T is not None)


def of_class(truth: np.ndarray, p: np.ndarray, linear: Any, positive: str, threshold: float, costs: Any = None,
             reason: str = "", chosen: bool = True) -> dict[str, Any]:
    """What `decision` gives, for rows that are of a class or not (n,) and its probabilities (n,)."""
    n, true = len(truth), int(truth.sum())
    found: dict[str, Any] = {"positive": positive, "threshold": float(threshold), "reason": reason, "rows": n,
                             "true": true, "costs": None if costs is None else list(costs), "chosen": chosen}
    choices = [_choice("", threshold, truth, p, costs)]
    if linear is not None:
        choices.append(_choice("the linear model", threshold, truth, linear, costs))
    if chosen and abs(threshold - 0.5) > 1e-9:
        choices.append(_choice("as likely as not", 0.5, truth, p, costs))
    if 0 < true < n:
        choices += [_choice(f"to find {share:.0%}", _finds(truth, p, share), truth, p, costs) for share in FOUND]
        each = {"network": p} | ({} if linear is None else {"linear": linear})
        found["models"] = {name: _curve(truth, q) for name, q in each.items()}
    if costs is not None:
        choices += [_choice("never", np.inf, truth, p, costs), _choice("always", 0.0, truth, p, costs)]
    found["choices"] = choices
    return found


def _choice(name: str, threshold: float, truth: np.ndarray, p: np.ndarray, costs: Any) -> dict[str, Any]:
    """What saying the class from a threshold on makes of the rows; "cost": of a thousand of them."""
    said = p >= threshold
    hits, many, true = int((said & truth).sum()), int(said.sum()), int(truth.sum())
    found = {"name": name, "threshold": float(threshold) if np.isfinite(threshold) else None, "said": many,
             "hits": hits, "precision": hits / many if many else None, "recall": hits / true if true else None,
             "F1": 2 * hits / (many + true) if many + true else None}
    if costs is not None:
        found["cost"] = 1000 * (costs[0] * (many - hits) + costs[1] * (true - hits)) / len(truth)
    return found


def _finds(truth: np.ndarray, p: np.ndarray, share: float) -> float:
    """The highest threshold that finds this share of the class."""
    own = np.sort(p[truth])[::-1]
    return float(own[int(np.ceil(share * len(own))) - 1])


def _curve(truth: np.ndarray, p: np.ndarray) -> dict[str, Any]:
    """The average precision, and precision over recall at falling thresholds, thinned."""
    from sklearn.metrics import average_precision_score

    order = np.argsort(-p, kind="stable")
    last = np.append(p[order][1:] != p[order][:-1], True)  # rows of one probability go together
    hits, many = np.cumsum(truth[order])[last], np.flatnonzero(last) + 1
    points = np.stack([hits / truth.sum(), hits / many], axis=1)
    recalls = points[np.searchsorted(points[:, 0], np.linspace(0, 1, MOST_POINTS)).clip(max=len(points) - 1), 0]
    ends = [np.searchsorted(points[:, 0], recalls), np.searchsorted(points[:, 0], recalls, "right") - 1]
    some = np.unique(ends)  # where precision falls and recall stays, both ends
    return {"average precision": float(average_precision_score(truth, p)), "curve": points[some].round(4).tolist()}


# ---- in words --------------------------------------------------------------------------------------------------------


def sentences(found: dict[str, Any]) -> list[str]:
    """Say what the threshold finds and what it costs."""
    if not found:
        return []
    name, at = repr(short(found["positive"], 30)), found["choices"][0]
    why = f" ({found['reason']})" if found["reason"] else ""
    lead = f"{name} is said from a probability of {found['threshold']:.3g} on{why}"
    if not found["true"]:
        return [f"{lead}: in {at['said']:,} of {found['rows']:,} rows, none of which is {name}."]
    said = [f"{lead}: that finds {at['hits']:,} of the {found['true']:,} rows that are {name}, with "
            f"{at['said'] - at['hits']:,} false alarms."]
    if found["costs"]:
        simple = min(found["choices"][-2:], key=lambda one: one["cost"])
        said.append(f"Its mistakes cost {number(at['cost'])} a thousand rows; {simple['name']} saying {name} "
                    f"costs {number(simple['cost'])}.")
    if "models" in found:
        linear = found["models"].get("linear")
        beside = f", the linear model's {score(linear['average precision'])}" if linear else ""
        said.append(f"The average precision is {score(found['models']['network']['average precision'])}{beside}, by "
                    f"chance {score(found['true'] / found['rows'])}.")
    return said


def cells(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of thresholds: its head, and a row for each."""
    first = "this threshold" if found["chosen"] else "as likely as not"
    rows = []
    for one in found["choices"]:
        cut = "" if one["threshold"] is None else f"{one['threshold']:.3g}"
        row = [one["name"] or first, cut, f"{one['said']:,}", f"{one['hits']:,}",
               *(score(one[name]) for name in ("precision", "recall", "F1"))]
        rows.append(row + ([number(one["cost"])] if found["costs"] else []))
    return [*HEAD, *(["cost"] if found["costs"] else [])], rows


def section(found: dict[str, Any]) -> Html | None:
    """The section of a page: what the threshold finds, precision over recall with its place, and other thresholds."""
    if not found:
        return None
    name = short(found["positive"], 30)
    parts: list[Any] = [tag("p", " ".join(sentences(found)))]
    if "models" in found:
        at = found["choices"][0]
        lines = [(colour, found["models"][model]["curve"]) for model, colour in (("linear", "b"), ("network", "a"))
                 if model in found["models"]]
        picture = precision_recall(lines, (at["recall"], at["precision"]), found["true"] / found["rows"], name)
        ink: list[Any] = [tag("span", "network", class_="ink a")]
        ink += [" and ", tag("span", "linear model", class_="ink b")] if "linear" in found["models"] else []
        mark = " The dot is the threshold of the network;" if at["precision"] is not None else ""
        caption = [f"Which share of what is called {name} is so, over the share of it that is found: ", *ink, ".",
                   mark, " the dashed line is chance."]
        parts.append(tag("div", tag("figure", picture, tag("figcaption", *caption)), class_="figures"))
    head, rows = cells(found)
    parts.append(table(head, rows, numbers=1))
    parts.append(tag("p", COST * bool(found["costs"]) + NOTE, class_="note"))
    return tag("section", tag("h2", f"When is it {name}?"), *parts)


COST = "Costs are of the mistakes in a thousand rows. "
NOTE = ("Thresholds that find a share are read off these rows: on others they find about as much. --positive and "
        "--threshold choose one.")
