"""From which probability on a classifier says its positive class: a number, what mistakes cost, or the best F1.

Between saying it and not, a false alarm that costs A and a miss that costs B are balanced at the probability
A / (A + B) (Elkan, "The foundations of cost-sensitive learning", 2001): right as far as probabilities are, which is why
it goes with calibrated ones. Of several classes the positive one stands against the rest: below its threshold the
likeliest of the others is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..text import number, quoted
from ..train.past import Past
from .held import answered
from .notes import tell

FORMS = 'a probability above 0 and below 1, what a false alarm and a miss cost, such as "cost=1:20", or "f1"'


@dataclass(frozen=True)
class Rule:
    """What was asked for: a probability (None: that of the best F1), and the costs of a false alarm and a miss."""

    value: float | None
    costs: tuple[float, float] | None = None

    @classmethod
    def read(cls, asked: Any) -> Rule:
        """Read a number, "cost=FALSE ALARM:MISS" or "f1". Raises ArgumentError for anything else.

        >>> Rule.read(0.2), Rule.read("cost=1:4"), Rule.read("f1")
        (Rule(value=0.2, costs=None), Rule(value=0.2, costs=(1.0, 4.0)), Rule(value=None, costs=None))
        """
        if isinstance(asked, str) and asked == "f1":
            return cls(None)
        name, costs, text = asked.partition("=") if isinstance(asked, str) else ("", "", asked)
        try:
            if costs and name == "cost":
                alarm, miss = map(float, text.split(":"))
                if 0 < alarm < np.inf and 0 < miss < np.inf and 0 < alarm / (alarm + miss) < 1:
                    return cls(alarm / (alarm + miss), (alarm, miss))
            elif not costs and not isinstance(asked, bool | np.bool_) and 0 < float(asked) < 1:
                return cls(float(asked))
        except (TypeError, ValueError):
            pass
        raise ArgumentError(f"threshold is {asked!r}: give {FORMS}.")

    @property
    def reason(self) -> str:
        """Why it lies where it does."""
        if self.costs is not None:
            alarm, miss = (number(cost) for cost in self.costs)
            return f"a false alarm costs {alarm}, a miss {miss}"
        return "the best F1 on the rows held back" if self.value is None else "as asked"


def check(estimator: Any) -> None:
    """Refuse a threshold that is none, or that could not be used beside the other arguments."""
    e = estimator
    if e.threshold is None:
        if e.positive is not None:
            raise ArgumentError(f"positive={e.positive!r} says which class a threshold is for: give threshold=, "
                                f"{FORMS}.")
        return
    if e.positive is None:
        raise ArgumentError(f"threshold={e.threshold!r} needs positive=, the class that is said from this probability "
                            "on.")
    if Rule.read(e.threshold).costs is not None and e.class_weight is not None:
        raise ArgumentError(f"threshold={e.threshold!r} does not go with class_weight, which makes rare classes "
                            "likelier than they are, so that costs no longer tell where to cut: leave class_weight "
                            "out.")


def place_of(positive: Any, target: Any) -> int:
    """The place of a class among those of a target encoder. Raises ArgumentError, with the closest, if it is none."""
    if target.task == "multilabel":
        raise ArgumentError("positive is for one class a row, and this target has several labels, each with a "
                            "probability of its own (cutaway predict --threshold LABEL=P).")
    labels = target.classes.tolist()
    cell = np.empty(1, dtype=object)
    cell[0] = positive
    try:
        found = target.known(cell).tolist()[0]
        if found in labels:
            return labels.index(found)
    except (TypeError, ValueError):  # a list, a table
        pass
    words = [str(label) for label in labels]
    lower = {word.lower(): word for word in reversed(words)}
    close = [lower[word] for word in get_close_matches(str(positive).lower(), lower, n=3, cutoff=0.5)]
    guess = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"The classes are {quoted(words, 12)}."
    raise ArgumentError(f"positive {positive!r} is none of the {len(labels):,} classes. {guess}")


def begin(estimator: Any) -> None:
    """Note in an estimator that is about to learn which class is said from which probability on."""
    if estimator.threshold is None:
        return
    rule, target, design = Rule.read(estimator.threshold), estimator.target_encoder_, estimator.design_
    place = place_of(estimator.positive, target)
    estimator.positive_, estimator.threshold_ = target.classes.tolist()[place], rule.value
    design.reasons["decision"] = rule.reason
    design.decision = f"{estimator.positive_} from {rule.value:.3g} on" if rule.value is not None \
        else f"{estimator.positive_} from a threshold on, found after training"


def choose(estimator: Any, past: Past) -> None:
    """Find the threshold with the best F1 on the rows that a run held back, if that was asked for."""
    if estimator.threshold is None or Rule.read(estimator.threshold).value is not None:
        return
    design, name = estimator.design_, str(estimator.positive_)
    if past.held_out is None:
        estimator.positive_ = None
        design.decision, design.reasons["decision"] = "the likeliest class", "no rows are held back to find a threshold"
        return
    held, place = answered(estimator, past.held_out), place_of(estimator.positive, estimator.target_encoder_)
    truth = held.y.reshape(len(held)).astype(np.intp) == place
    if not 0 < truth.sum() < len(truth):
        every = "none" if not truth.any() else "all"
        tell(f"threshold='f1' stays at 0.5: {every} of the {len(held):,} rows held back are {name!r}.")
        value = 0.5
    else:
        weight = held.weight
        if weight is not None and estimator.class_weight is not None:  # the rows as they are, not as the loss has them
            factors = np.where(estimator._factors > 0, estimator._factors, 1)
            weight = weight / factors[held.y.reshape(-1).astype(np.intp)]
        value = best_f1(truth, estimator._linked(held.z)[:, place], weight)
    estimator.threshold_ = value
    design.decision = f"{name} from {value:.3g} on"
    design.reasons["decision"] = f"the best F1 on the {len(held):,} rows held back, {truth.sum():,} of them {name}"


def decided(p: np.ndarray, place: int, threshold: float) -> np.ndarray:
    """The class numbers of rows with probabilities p (n, classes): that of `place` from its threshold on, else the
    likeliest of the others.

    >>> decided(np.array([[0.7, 0.3, 0.0], [0.85, 0.1, 0.05]]), 1, 0.2).tolist()
    [1, 0]
    """
    others = np.array(p, np.float64)
    others[:, place] = -1.0
    return np.where(p[:, place] >= threshold, place, others.argmax(axis=1))


def best_f1(truth: np.ndarray, p: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The probability from which on to say a class so that F1 = 2 hits / (said + true) is largest, (n,) each.

    It lies halfway between two rows: the threshold of other rows as well.

    >>> best_f1(np.array([True, True, False, False]), np.array([0.4, 0.3, 0.1, 0.0]))
    0.2
    """
    order = np.argsort(-p, kind="stable")
    w = (np.ones(len(p)) if weight is None else np.asarray(weight, np.float64))[order]
    p, hit = np.asarray(p, np.float64)[order], truth[order] * w
    f1 = 2 * np.cumsum(hit) / (np.cumsum(w) + hit.sum())
    f1[:-1][p[1:] == p[:-1]] = -1.0  # rows of one probability go together
    best = int(f1.argmax())
    below = p[best + 1] if best + 1 < len(p) else 0.0
    return float(np.clip((p[best] + below) / 2, np.nextafter(0, 1), np.nextafter(1, 0)))
