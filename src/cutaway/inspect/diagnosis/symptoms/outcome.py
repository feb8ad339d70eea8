"""What training led to: no better than a constant, classes forgotten, rows learnt by heart; or a start too far off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..changes import at_rate, behind
from ..evidence import Evidence
from ..finding import NOTICE, SERIOUS, Finding

BEATEN = 0.98  # of a constant's loss
WILD = 4.0  # times log C, before the first step
FITS = 0.3  # of a constant's loss
FEWEST, FEWEST_IF_GOOD = 5, 20  # rows of a class that is never predicted; by a network that fits the others well
COMMON = 0.5  # of an equal share: such a class is not rare
SURE = 2.0  # standard errors of the held-out loss: a few rows may be wrong by chance
GAP = 0.3  # between held-out and training loss, as a share of a constant's


def wild_start(e: Evidence) -> Iterator[Finding]:
    """Find a first loss far above log C: the network begins by being sure of the wrong things."""
    t = e.start
    if e.trained and (t is e.now or e.share < FITS):  # the start is not known, or did no harm
        return
    reference = float(np.log(max(t.facts[t.about.output].shape[-1], 2)))
    if not t.J / reference > WILD:
        return
    spread = float(t[t.about.output].std())
    last = [name for name in t.parameters if name.endswith("weight") and len(t.parameters[name].shape) == 2]
    factor = min(0.5, 1 / max(spread, 1))
    change = f"dict(model.named_parameters())[{last[-1]!r}].data[...] *= {factor:.2g}" if last else "model.init(0)"
    yield Finding("loss too high at the start", NOTICE,
                  f"before the first step the loss is {t.J:.3g}; log C, of a network that is sure of nothing, is "
                  f"{reference:.3g}. Outputs are spread over ± {spread:.2g}.", change,
                  "Small first outputs start near equal probabilities, and no step is spent on unlearning.",
                  last[-1:], {"loss": t.J, "log C": reference, "spread": spread}, 0)


def no_better_than_a_constant(e: Evidence) -> Iterator[Finding]:
    """Find a loss that the best constant prediction has too: nothing was learnt from the inputs."""
    if e.finite and e.share < BEATEN:
        return
    ratio = e.ratio() if e.run is not None else float("nan")
    J = e.run.steps["loss"] if e.run is not None else np.zeros(0)
    earlier, late = np.array_split(J[len(J) // 2 :], 2) if len(J) > 3 else (np.zeros(1), np.zeros(1))
    before = float(late.mean())
    if 0 < before < 0.5 * e.loss_now:
        change, why = at_rate(e.optimizer, 0.1), f"Shortly before it was {before:.3g}: too long a step undid it."
    elif e.finite and before < 0.95 * earlier.mean():
        change, why = f"epochs = {4 * max(e.run.epochs_done, 1)}", "The loss was still falling."
    elif ratio < 1e-3:
        change, why = at_rate(e.optimizer, 10), "The steps were short; ten times as long they may get somewhere."
    elif e.optimizer is None or "Adam" not in type(e.optimizer).__name__:
        change, why = "optimizer = ct.optim.AdamW(0.001)", "AdamW finds the length of its steps for each weight."
    else:
        change, why = at_rate(e.optimizer, 0.1), "Shorter steps may find what longer ones step over."
    yield Finding("a constant is as good", SERIOUS,
                  f"the loss on training rows is {e.loss_now:.4g}, that of always giving the same answer "
                  f"{e.constant:.4g}.", change,
                  why + " If it stays, the inputs may not tell anything of the target.", [],
                  {"loss": e.loss_now, "constant": e.constant})


def never_predicted(e: Evidence) -> Iterator[Finding]:
    """Find classes that training rows have and that are never predicted."""
    labels, predicted = e.answers
    counts = np.bincount(labels)
    classes = np.flatnonzero(counts)
    few = FEWEST if e.sample.weight is not None or e.share > 0.5 else FEWEST_IF_GOOD
    missed = [int(k) for k in classes if counts[k] >= FEWEST and not (predicted == k).any()]
    common = [k for k in missed if counts[k] >= COMMON * len(labels) / len(classes)]
    if not any(counts[k] >= few for k in missed):
        return
    named = ", ".join(f"{e.label(k)} ({counts[k]:,} rows)" for k in missed[:6]) + (", ..." if len(missed) > 6 else "")
    flat = "y.reshape(-1)" if e.sample.y.ndim > 1 else "y"
    change = f"w = 1 / np.bincount({flat}.astype(int)); sample_weight = w[{flat}.astype(int)]"
    why = ("Rows that count as much as their class is rare make all classes matter alike. Or keep the network, and "
           "take the rare class from a lower probability on: accuracy alone does not see it.")
    remedy, command = 'model.set_params(class_weight="balanced").fit(X, y)', "--class-weight balanced"
    if common:
        longer = e.run is not None
        change = f"epochs = {4 * max(e.run.epochs_done, 1)}" if longer else "optimizer = ct.optim.AdamW(0.001)"
        why, remedy, command = "A common class is left out by a network that has not learnt enough yet.", "", ""
    yield Finding("classes never predicted", SERIOUS if common else NOTICE,
                  f"no row of {len(labels):,} is taken for class {named}.", change, why,
                  [str(k) for k in missed], {"rows": {k: int(counts[k]) for k in missed}},
                  remedy=remedy if e.owner is not None else "", command=command)


def overfitting(e: Evidence) -> Iterator[Finding]:
    """Find weights in use that fit the training rows far better than those held out."""
    gap = (e.loss_held_out - e.loss_now) / e.constant
    doubt = SURE * e.doubt_held_out / e.constant if gap > GAP else 0.0
    if not gap > max(GAP, doubt) or e.loss_held_out < 1.5 * e.loss_now:
        return
    began = None
    if e.run is not None and "val_loss" in e.run.history:
        best = int(np.argmin(e.run.history["val_loss"])) + 1
        began = best * e.past.steps if best < e.run.epochs_done else None
    dropped = [m for _, m in e.model.named_modules() if hasattr(m, "op") and hasattr(m, "forward")]
    change = behind(e.model, dropped[-1], "ct.nn.Dropout(0.3)") if dropped else None
    yield Finding("overfitting", SERIOUS if e.loss_held_out > e.constant else NOTICE,
                  f"the loss is {e.loss_now:.3g} on training rows and {e.loss_held_out:.3g} on {len(e.held_out):,} "
                  f"held-out ones; a constant has {e.constant:.3g}.",
                  change or "optimizer = ct.optim.AdamW(0.001, weight_decay=0.1)",
                  "Units that drop out at random cannot learn rows by heart together. More rows would help more.", [],
                  {"training": e.loss_now, "held out": e.loss_held_out, "constant": e.constant}, began)
