"""cutaway lab features: trains a small convolutional network, and shows what each of its layers responds to."""

from __future__ import annotations

from typing import Annotated, Any

from typer import Option

from .common import DataName, Out, Quick, Seed, Target, checked, show


def features(
    data: DataName = None,
    target: Target = None,
    epochs: Annotated[int | None, Option(min=1, show_default=False, help="Passes over the images in training.")] = None,
    decay: Annotated[float, Option(min=0, help=(
        "Weight decay. A strong one clears the first weights' noise from the filters."))] = 1.0,
    units: Annotated[int, Option(min=1, max=12, help="Units shown of each layer.")] = 4,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Pixel, edge, shape, face: what do the layers of a convolutional network respond to?

    Trains a network on most of the images and looks at it with the others: the pattern that excites each unit most, the
    places in real images that do, how much a unit sees, and how much of its response the classes explain.
    """
    from ...data import split
    from ...errors import DataError
    from ...estimators import Classifier
    from ...estimators.inputs import kind_of, take
    from ...lab.layers.features import Features
    from ...lab.layers.features import features as run
    from ...optim import AdamW
    from ..terminal import Screen
    from .data import read_raw

    files, screen = checked(out, Features, data), Screen()
    name, X, y, _ = read_raw(data, target, "digits", seed)
    if name == "digits":
        X = X.reshape(-1, 8, 8, 1)
    kind = kind_of(X)
    if kind.name != "images":
        raise DataError(f"{name} holds {kind.many}: features are of images, a folder of them or an .npz file.")
    learn, held = split(y, 0.25, seed, stratify=True)
    model = Classifier(
        small if name == "digits" else "auto", optimizer=AdamW(3e-3, weight_decay=decay), batch_size=32,
        epochs=epochs or (3 if quick else 20), validation=None, random_state=seed, verbose=screen.console.is_terminal,
    )
    model.fit(kind.take(X, learn), take(y, learn))
    X_held, y_held = kind.take(X, held), take(y, held)
    right = model.score(X_held, y_held)
    found = run(model, X_held, y_held, units=units, steps=8 if quick else 40, seed=seed)
    if model.run_.stopped == "interrupted":
        found.cut_short = "training was interrupted"
    done = model.run_.epochs_done
    screen.say(f"{name}: {done} epochs on {len(learn):,} images, {right:.1%} of {len(held):,} others right")
    show(found, files)


def small(n_in: tuple[int, int, int], n_out: int) -> Any:
    """Make three layers of filters, each seeing two pixels further, and a hidden layer that sees all."""
    from ...nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential

    height, width, channels = n_in
    return Sequential(
        Conv2d(channels, 16, 3, padding="same"), ReLU(),
        Conv2d(16, 32, 3, padding="same"), ReLU(),
        Conv2d(32, 32, 3, padding="same"), ReLU(),
        MaxPool2d(2), Flatten(),
        Linear(32 * (height // 2) * (width // 2), 32), ReLU(),
        Linear(32, n_out),
    )
