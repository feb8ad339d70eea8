"""The network and training strategy for sequences: a recurrent network. All its numbers stand here."""

from __future__ import annotations

import math
from typing import Any

from ..data.limits import FEW_ROWS as FEW
from ..data.limits import FEWEST_SEQUENCE_EPOCHS as FEWEST_EPOCHS
from ..data.limits import LONG, MOST_HALVINGS
from ..data.limits import MOST_SEQUENCE_EPOCHS as MOST_EPOCHS
from ..data.limits import SEQUENCE_STEPS as STEPS


def sequence_design(m: int, features: int, shortest: int, longest: int,
                    batch_size: int | None = None) -> dict[str, Any]:
    """The fields of a Design for m sequences of so many features and steps, in batches of the size asked for."""
    halvings = min(math.ceil(math.log2(max(longest / LONG, 1))), MOST_HALVINGS)
    batch = min(batch_size or (16 if m < FEW else 32), m)
    steps = -(-m // batch)
    epochs = min(max(math.ceil(STEPS / steps), FEWEST_EPOCHS), MOST_EPOCHS)
    left = -(-longest // 2**halvings)
    rest = f"; {left:,} are left, more than the {LONG} that are remembered well" if left > 2 * LONG else ""
    both = "read in both directions, so that the beginning counts as much as the end"
    return {
        "kind": "recurrent", "hidden": (), "activation": "relu", "dropout": 0.1,
        "spec": {"cell": "gru", "width": 64, "layers": 1, "bidirectional": True, "front": [64] * halvings, "window": 5,
                 "stride": 2},
        "lr": 3e-3, "weight_decay": 0.01, "warmup": 0.1, "batch_size": batch, "epochs": epochs, "dtype": "float32",
        "reasons": {
            "input": "each feature scaled by the training part's mean and deviation",
            "filters": f"{longest} time steps are many to remember: filters find short shapes, each halves the steps"
                       f"{rest}",
            "recurrent": f"gates decide what is remembered; {both}",
            "hidden": "the state after the last step says enough; dropout against learning sequences by heart",
            "optimizer": "a rate for each weight needs little tuning; decay keeps matrices small, biases are free",
            "batch": "few sequences: small batches give enough steps" if m < FEW else "mini-batches: many steps in an "
                     "epoch, and their noise helps",
            "epochs": f"{epochs * steps:,} steps, {steps} an epoch: enough to converge",
            "precision": "fast, and exact enough to train in",
        },
    }
