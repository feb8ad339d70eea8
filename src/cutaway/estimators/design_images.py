"""The network and training strategy for images: a convolutional network. All its numbers stand here."""

from __future__ import annotations

import math
from typing import Any

from ..data.limits import FEWEST_IMAGE_EPOCHS as FEWEST_EPOCHS
from ..data.limits import IMAGE_BATCH as BATCH
from ..data.limits import IMAGE_STEPS as STEPS
from ..data.limits import LARGE_SIDE, ROTATE, SHIFT
from ..data.limits import MOST_IMAGE_EPOCHS as MOST_EPOCHS


def mild_augment(shape: tuple[int, int, int]) -> dict[str, Any]:
    """Choose how images of this shape vary in training. None is flipped unless asked: a flipped digit is none."""
    return {"shift": round(SHIFT * min(shape[:2]), 1), "rotate": ROTATE}


def image_design(m: int, shape: tuple[int, int, int], batch_size: int | None = None) -> dict[str, Any]:
    """The fields of a Design for m images (height, width, channels) to learn from, in batches of the size asked for."""
    channels = [32, 64, 128] if min(shape[:2]) > LARGE_SIDE else [32, 64]
    batch = min(batch_size or BATCH, m)
    steps = -(-m // batch)
    epochs = min(max(math.ceil(STEPS / steps), FEWEST_EPOCHS), MOST_EPOCHS)
    return {
        "kind": "cnn", "hidden": (128,), "activation": "relu", "dropout": 0.3,
        "spec": {"channels": channels, "norm": None, "augment": mild_augment(shape)},
        "lr": 2e-3, "weight_decay": 0.01, "warmup": 0.1, "batch_size": batch, "epochs": epochs, "dtype": "float32",
        "reasons": {
            "input": "each channel scaled by the training images' mean and deviation",
            "augment": "moved and turned a little each time, it is the same image: few teach as much as many",
            "filters": "a filter looks for the same small pattern everywhere; each block sees twice as far",
            "hidden": "weighs the patterns that were found; dropout against learning images by heart",
            "optimizer": "a rate for each weight needs little tuning; decay keeps filters small, biases are free",
            "batch": "mini-batches: many steps in an epoch, and their noise helps",
            "epochs": f"{epochs * steps:,} steps, {steps} an epoch: enough to converge",
            "precision": "fast, and exact enough to train in",
        },
    }
