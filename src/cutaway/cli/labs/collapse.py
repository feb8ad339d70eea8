"""cutaway lab collapse: linear layers are one, and an activation between them bends it."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from .common import DataName, Out, Quick, Seed, Target, checked, show


def collapse(
    data: DataName = None,
    target: Target = None,
    depth: Annotated[int, Option(min=2, help="Layers of both networks.")] = 4,
    width: Annotated[int, Option(min=1, help="Neurons of each layer but the last.")] = 16,
    activation: Annotated[str, Option(metavar="NAME", help="What is put between the layers.")] = "relu",
    seeds: Annotated[int, Option(min=1, help="Runs of each network.")] = 5,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Train linear layers, and the same with an activation between, beside logistic or linear regression.

    Then the linear layers are multiplied into the one that they equal. Unless DATA is given: two moons.
    """
    import numpy as np

    from ...lab.functions.bend import Bend, bend
    from .data import study

    files = checked(out, Bend, data)
    about = study(data, target, "moons", rows=2000, seed=seed)
    seeds, steps = (min(seeds, 2), 500) if quick else (seeds, 2000)
    X = about.X.reshape(len(about.y), -1) if isinstance(about.X, np.ndarray) else about.X
    y = about.y.astype(int) if about.classifies else about.y
    names = getattr(about.design.encoder, "feature_names", None)
    show(bend(X, y, depth, width, activation, seeds, steps, seed, names), files)
