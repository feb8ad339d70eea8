"""The network and training strategy for sequences: a recurrent network. All its numbers stand here."""

from __future__ import annotations

import math
from typing import Any

#: Longer sequences are first read by small filters, each row of which halves the steps, until about so many are left.
LONG, MOST_HALVINGS = 50, 4
FEW = 200
#: Updates that are enough to converge, and bounds on the epochs.
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 1200, 20, 150


def sequence_design(
    m: int, features: int, shortest: int, longest: int, batch_size: int | None = None
) -> dict[str, Any]:
    """The fields of a Design for m sequences of so many features and steps, in batches of the size asked for."""
    halvings = min(math.ceil(math.log2(max(longest / LONG, 1))), MOST_HALVINGS)
    batch = min(batch_size or (16 if m < FEW else 32), m)
    steps = -(-m // batch)
    epochs = min(max(math.ceil(STEPS / steps), FEWEST_EPOCHS), MOST_EPOCHS)
    both = "read in both directions, so that the beginning counts as much as the end"
    return {
        "kind": "recurrent", "hidden": (), "activation": "relu", "dropout": 0.1,
        "spec": {"cell": "gru", "width": 64, "layers": 1, "bidirectional": True, "front": [64] * halvings, "window": 5,
                 "stride": 2},
        "lr": 3e-3, "weight_decay": 0.01, "warmup": 0.1, "batch_size": batch, "epochs": epochs, "dtype": "float32",
        "reasons": {
            "input": "each feature scaled by the training part's mean and deviation",
            "filters": f"{longest} time steps are many to remember: filters find short shapes, each halves the steps",
            "recurrent": f"gates decide what is remembered; {both}",
            "hidden": "the state after the last step says enough; dropout against learning sequences by heart",
            "optimizer": "a rate for each weight needs little tuning; decay keeps matrices small, biases are free",
            "batch": "few sequences: small batches give enough steps" if m < FEW else "mini-batches: many steps in an "
                     "epoch, and their noise helps",
            "epochs": f"{epochs * steps:,} steps, {steps} an epoch: enough to converge",
            "precision": "fast, and exact enough to train in",
        },
    }  # fmt: skip
