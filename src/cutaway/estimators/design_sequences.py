"""The network and training strategy for sequences: filters along time, or a recurrent network. All its numbers stand
in data/limits.py."""

from __future__ import annotations

import math
from typing import Any

from ..data.limits import (
    CONVOLUTION_FEATURES,
    FEW_FOR_CONVOLUTIONS,
    FEW_SEQUENCES,
    FILTERS,
    FILTERS_STEPS,
    LONG,
    LONG_FOR_FILTERS,
    LONG_WINDOWS_OF_FILTERS,
    MOST_HALVINGS,
    MOST_STRIDE,
    SEQUENCE_AVERAGE,
    SEQUENCE_MEMBERS,
    SEQUENCE_STEPS,
    SHORT_SEQUENCES,
    STEPS_OF_FILTERS,
    WINDOWS_OF_FILTERS,
)
from ..data.limits import FEW_ROWS as FEW
from ..data.limits import FEWEST_SEQUENCE_EPOCHS as FEWEST_EPOCHS
from ..data.limits import MOST_SEQUENCE_EPOCHS as MOST_EPOCHS
from .sequence_trial import SequenceTrial

SCALED = "each feature scaled by the training part's mean and deviation"


def sequence_design(m: int, features: int, shortest: int, longest: int, batch_size: int | None = None,
                    trial: SequenceTrial | None = None) -> dict[str, Any]:
    """The fields of a Design for m sequences of so many features and steps, in batches of the size asked for.

    trial: what was tried on them; without it, short sequences alone are read step by step.
    """
    in_order = step_by_step(longest, trial)
    batch = min(batch_size or (16 if m < FEW else 32), m)
    steps = -(-m // batch)
    epochs = _epochs(m, batch, SEQUENCE_STEPS if in_order else FILTERS_STEPS)
    if in_order:
        why = "" if longest < SHORT_SEQUENCES or trial is None else f"{trial.place_reason}, so that order counts; "
        network = recurrent(longest, why)
    else:
        network = filters(m, longest, beside=trial is not None and m < FEW_FOR_CONVOLUTIONS)
    reasons = {
        "input": SCALED if trial is None else trial.scale_reason,
        "optimizer": "a rate for each weight needs little tuning; decay keeps matrices small, biases are free",
        "batch": "few sequences: small batches give enough steps" if m < FEW else "mini-batches: many steps in an "
                 "epoch, and their noise helps",
        "epochs": f"{epochs * steps:,} steps, {steps} an epoch: enough to converge",
        "precision": "fast, and exact enough to train in",
    }
    return {
        "hidden": (), "activation": "relu", "dropout": 0.1, "lr": 3e-3, "weight_decay": 0.01, "warmup": 0.1,
        "batch_size": batch, "epochs": epochs, "dtype": "float32", **network,
        "reasons": reasons | network["reasons"],
    }


def step_by_step(longest: int, trial: SequenceTrial | None) -> bool:
    """Whether sequences are read one step after the other: short ones, and where order counts."""
    return longest < SHORT_SEQUENCES or (trial is not None and trial.by_place)


#: What can be chosen of a recurrent network alone.
RECURRENT = ("cell", "width", "layers", "bidirectional", "front", "window", "stride")


def as_recurrent(longest: int, m: int, batch: int, epochs: int) -> dict[str, Any]:
    """What differs in a Design that is to be recurrent where it would have filters; epochs of one's own stay."""
    if epochs == _epochs(m, batch, FILTERS_STEPS):
        epochs = _epochs(m, batch, SEQUENCE_STEPS)
    return recurrent(longest, "as asked; ") | {"average": 0.0, "epochs": epochs}


def _epochs(m: int, batch: int, wanted: int) -> int:
    """How many epochs make the steps wanted, within bounds."""
    most = MOST_EPOCHS if wanted == SEQUENCE_STEPS else wanted
    return min(max(math.ceil(wanted / -(-m // batch)), FEWEST_EPOCHS), most)


def filters(m: int, longest: int, beside: bool) -> dict[str, Any]:
    """Three filters along time, each with batch norm, and the mean of what they find over all steps; beside: a linear
    model on random convolutions is half of the answer."""
    halvings = max(0, round(math.log2(longest / STEPS_OF_FILTERS)))
    first = min(2 ** max(0, halvings - len(FILTERS) + 1), MOST_STRIDE) if halvings >= len(FILTERS) else 0
    strides = [2 if i < halvings else 1 for i in range(len(FILTERS))]
    strides[0] = max(strides[0], first)
    long = longest > LONG_FOR_FILTERS
    members = SEQUENCE_MEMBERS if m < FEW_SEQUENCES else 1
    skip = f"; strides leave {-(-longest // math.prod(strides))} of {longest:,} steps" if halvings else ""
    return {
        "kind": "fcn", "average": SEQUENCE_AVERAGE,
        "spec": {"channels": list(FILTERS), "windows": list(LONG_WINDOWS_OF_FILTERS if long else WINDOWS_OF_FILTERS),
                 "strides": strides, "members": members, "linear": beside, "convolutions": CONVOLUTION_FEATURES},
        "reasons": {
            "filters": f"they find shapes wherever they are{skip}; batch norm keeps each filter's scale, and the mean "
                       "over a sequence's own steps says how much of each shape is there",
            "hidden": "that mean says enough; dropout against learning sequences by heart",
            "members": "of so few sequences one network learns by chance; the mean of some is surer",
            "linear": "of few sequences windows of fixed weights tell as much as learnt ones, and go wrong elsewhere",
            "average": "steadier weights than those of the last step, and no dearer",
        },
    }


def recurrent(longest: int, why: str) -> dict[str, Any]:
    """A GRU in both directions, behind filters that shorten long sequences."""
    halvings = min(math.ceil(math.log2(max(longest / LONG, 1))), MOST_HALVINGS)
    left = -(-longest // 2**halvings)
    rest = f"; {left:,} are left, more than the {LONG} that are remembered well" if left > 2 * LONG else ""
    return {
        "kind": "recurrent",
        "spec": {"cell": "gru", "width": 64, "layers": 1, "bidirectional": True, "front": [64] * halvings, "window": 5,
                 "stride": 2},
        "reasons": {
            "filters": f"{longest} time steps are many to remember: filters find short shapes, each halves the steps"
                       f"{rest}",
            "recurrent": f"{why}gates decide what is remembered; read in both directions, so that the beginning counts "
                         "as much as the end",
            "hidden": "the state after the last step says enough; dropout against learning sequences by heart",
        },
    }
