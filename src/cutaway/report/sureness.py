"""How sure is it, and is it right to be? Probabilities beside what happened, intervals beside what they covered."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.limits import BAND, COVERAGE, FEWEST_OF_BIN, MOST_BINS
from ..text import number, score
from .charts import reliability
from .html import Html, table, tag
from .scores import codes


def sureness(estimator: Any, X: Any, y: np.ndarray, predicted: np.ndarray, probability: Any) -> dict[str, Any]:
    """Find how sure an estimator's answers to rows X are beside the truth y; plain values, none where rows are few.

    Of classes: "temperature", and of "before" and "after" dividing by it "error" and "bins" (`calibration`). Of numbers
    with intervals: "coverage" as promised, "covered", mean "width", and "parts" of the rows (`coverage`); of quantiles
    the share "below" each.
    """
    if probability is not None:
        classes = getattr(estimator, "classes_", None)
        said, happened, what = sides(estimator.design_.task, y, probability, classes)
        if len(said) < 2 * FEWEST_OF_BIN:
            return {}
        T = float(estimator.temperature_)
        own, *_ = sides(estimator.design_.task, y, untempered(estimator.design_.task, probability, T), classes)
        return {"what": what, "temperature": T, "before": calibration(own, happened), "rows": len(y),
                "after": calibration(said, happened), "shifted": getattr(estimator, "class_weight", None) is not None}
    found: dict[str, Any] = {}
    Z = None
    if getattr(estimator, "levels", ()) and len(y):
        Z = estimator.encode(X)
        found["below"] = [[level, float((y < q).mean())] for level, q in
                          zip(estimator.levels, estimator.quantiles_of(Z).T, strict=True)]
    if getattr(estimator, "intervals_", None) is None or len(y) < FEWEST_OF_BIN:
        return found
    if min(part[-1] for part in estimator.intervals_.shares) < COVERAGE:
        return found
    Z = estimator.encode(X) if Z is None else Z
    return found | coverage(np.asarray(y, np.float64), np.asarray(predicted), estimator.interval_of(Z, COVERAGE),
                            estimator.target_encoder_.names)


def sides(task: str, y: np.ndarray, probability: np.ndarray, classes: Any) -> tuple[np.ndarray, np.ndarray, str]:
    """What was said (a probability) and whether it happened: of two classes the second, of more the likeliest one, of
    labels each; and which of these, in words."""
    p, y = np.asarray(probability, np.float64), np.asarray(y)
    if task == "multilabel":
        return p.ravel(), y.ravel() > 0.5, "each label"
    truth = codes(y, classes)
    if task == "binary":
        return p[:, 1], truth == 1, str(np.asarray(classes).tolist()[1])
    return p.max(axis=1), p.argmax(axis=1) == truth, "the likeliest class"


def untempered(task: str, probability: np.ndarray, T: float) -> np.ndarray:
    """The probabilities before raw outputs were divided by T: in proportion to their T-th powers."""
    p = np.asarray(probability, np.float64)
    if task == "multilabel":
        yes, no = p**T, (1 - p) ** T
        return yes / (yes + no)
    p = (p / p.max(axis=1, keepdims=True)) ** T
    return p / p.sum(axis=1, keepdims=True)


def calibration(said: np.ndarray, happened: np.ndarray) -> dict[str, Any]:
    """Compare probabilities with what happened, in bins of equally many rows.

    "error": the expected calibration error, Σ rows of a bin / n · |share that happened - mean probability|; "chance":
    what it would be on average if all probabilities were true. "bins": mean probability, share that happened, rows, and
    the ends of the band in which nine of ten such shares would lie by chance.

    >>> found = calibration(np.repeat([0.1, 0.9], 100), np.repeat([False, True], 100))
    >>> round(found["error"], 3), found["bins"][0][:3]
    (0.1, [0.1, 0.0, 20])
    """
    order, n = np.argsort(said, kind="stable"), len(said)
    parts = np.array_split(order, int(np.clip(n // FEWEST_OF_BIN, 1, MOST_BINS)))
    error = chance = 0.0
    bins = []
    for part in parts:
        p, share = float(said[part].mean()), float(happened[part].mean())
        spread = float(np.sqrt((said[part] * (1 - said[part])).sum())) / len(part)
        error += len(part) / n * abs(share - p)
        chance += len(part) / n * spread * np.sqrt(2 / np.pi)
        bins.append([round(p, 12), share, len(part), max(0.0, p - BAND * spread), min(1.0, p + BAND * spread)])
    return {"error": error, "chance": float(chance), "bins": bins}


def coverage(y: np.ndarray, predicted: np.ndarray, found: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Say what intervals (n, 2) or (n, outputs, 2) covered and how wide they are, in tenths of rows by prediction, or
    of each output: [which, rows, share covered, mean width]."""
    inside, width = (found[..., 0] <= y) & (y <= found[..., 1]), found[..., 1] - found[..., 0]
    if y.ndim == 2:
        parts = [[name, len(y), float(inside[:, j].mean()), float(width[:, j].mean())] for j, name in enumerate(names)]
    else:
        order = np.argsort(predicted, kind="stable")
        parts = [[f"{number(predicted[part[0]])} to {number(predicted[part[-1]])}", len(part),
                  float(inside[part].mean()), float(width[part].mean())]
                 for part in np.array_split(order, int(np.clip(len(y) // FEWEST_OF_BIN, 1, MOST_BINS)))]
    return {"coverage": COVERAGE, "covered": float(inside.mean()), "parts": parts,
            "width": float(width.mean()) if y.ndim == 1 else None, "rows": len(y)}


def sentences(found: dict[str, Any], rows: str) -> list[str]:
    """Say in a sentence or two how sure the model is, and whether it may be; rows: which, "test rows"."""
    said = []
    if "after" in found:
        before, after = found["before"]["error"], found["after"]["error"]
        change = f"{before:.3f} before, {after:.3f} after" if found["temperature"] != 1 else f"{after:.3f}"
        said.append(f"Outputs are divided by a temperature of {found['temperature']:.3g}; the expected calibration "
                    f"error on {rows} is {change}, where chance alone makes {found['after']['chance']:.3f}.")
        if found["shifted"]:
            said.append("Weights of classes shift probabilities on purpose: rare classes are said to be likelier than "
                        "they are.")
    if "below" in found:
        shares = ", ".join(f"{share:.1%} are below the quantile of {level:.4g}" for level, share in found["below"])
        said.append(f"Of the {rows}, {shares}.")
    if "covered" in found:
        width = "" if found["width"] is None else f"; their mean width is {number(found['width'])}"
        said.append(f"Intervals for {found['coverage']:.0%} cover {found['covered']:.1%} of the {rows}{width}.")
    return said


def section(found: dict[str, Any], many: str) -> Html | None:
    """The section of a page: what was said, a reliability diagram, or the coverage of tenths of the rows."""
    if not found:
        return None
    parts: list[Any] = [tag("p", sentence) for sentence in sentences(found, f"test {many}")]
    if "after" in found:
        of = found["what"] if found["what"] in ("each label", "the likeliest class") else f"the class {found['what']}"
        same = found["temperature"] == 1
        ink = [] if same else [tag("span", "Before", class_="ink b"), " and ", tag("span", "after", class_="ink a"),
                               " dividing by the temperature. "]
        caption = [f"How often it was so, over the probability of {of}. ", *ink,
                   "On the line the two agree; by chance alone nine of ten dots lie on their bars."]
        picture = reliability(found["after"]["bins"], [] if same else found["before"]["bins"])
        rows = [[score(p), score(share), f"{n:,}"] for p, share, n, *_ in found["after"]["bins"]]
        parts += [tag("div", tag("figure", picture, tag("figcaption", *caption)), class_="figures"),
                  tag("details", tag("summary", f"The {len(rows)} dots in numbers"),
                      table(["probability", "how often", many], rows, numbers=0))]
    if "parts" in found:
        rows = [[str(which), f"{n:,}", f"{share:.1%}", number(width)] for which, n, share, width in found["parts"]]
        first = "prediction" if found["width"] is not None else "output"
        parts.append(table([first, many, "covered", "mean width"], rows, numbers=1))
    return tag("section", tag("h2", "How sure is it?"), *parts)
