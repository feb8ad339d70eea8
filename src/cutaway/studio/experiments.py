"""The lab's experiments as pages: what can be chosen of each, and how it is shown while it grows.

An experiment is run small first, then larger, up to what was asked for: each stage is a result of its own, true as it
stands, so that something is seen at once and a run that is stopped has shown what it knew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import lab, losses
from ..autodiff import Tensor
from ..cli.labs.features import small
from ..errors import ArgumentError
from ..lab.descents.descend import usual
from ..lab.descents.surfaces import NAMED
from ..lab.functions.hinges import hinges
from ..lab.functions.targets import target_of
from ..lab.models import fresh
from ..lab.races.entrants import LECTURE, entered
from ..nn import MLP
from ..nn.layers import ACTIVATIONS
from ..optim import SGD, Adam
from ..train import fit
from .choices import Control, LabChoices, stages, unbroken
from .panels import cells, curve, lines, said, thinned

Show = Callable[[Any, list[dict[str, Any]], float], None]


# ---- surfaces --------------------------------------------------------------------------------------------------------


def descend(asked: LabChoices, show: Show) -> None:
    on = lab.surface(asked.surface)
    own = asked.optimizer_list
    rates = {text.partition(":")[0].strip().lower() for text in asked.optimizers.split(",") if ":" in text}
    chosen = {name: one if name.lower() in rates else usual(on, [name])[0] for name, one in own.items()}
    for steps, done in stages(asked.steps):
        found = lab.descend(on, chosen, steps=steps, seed=asked.seed, batch_size=asked.batch_size)
        show(found, [ground(found.surface, [(p.name, p.points) for p in found.paths]),
                     lines("loss_by_step", "step", "loss", [curve(p.name, np.arange(len(p.loss)), p.loss)
                                                            for p in found.paths], ylog=True)], done)


def ground(surface: Any, paths: Any = (), points: Any = ()) -> dict[str, Any]:
    """Describe a surface of two weights as a map, with paths on it."""
    x, y, z = surface.grid(49)
    scale = "log" if np.nanmin(z) > 0 else "plain"
    return cells("loss_surface", "x", "y", z, across=x, up=y, scale=scale, contours=True,
                 paths=[{"label": name, "points": p} for name, p in paths], points=points, square=True)


def escape(asked: LabChoices, show: Show) -> None:
    sizes = ["full" if size == np.inf else size for size in asked.sizes]
    for seeds, done in stages(asked.seeds, 3):
        found = lab.escape(asked.surface, sizes, asked.lr, asked.steps, seeds, asked.seed)
        shares = found.left.mean(1)
        limits = np.array([found.interval(k) for k in range(len(sizes))])
        both = np.repeat(found.sizes, 2)
        points = [[*end, 1] for end in found.ends[0]] + [[*home, 0] for home in found.homes]
        show(found, [lines("left_minimum", "batch_size", "share", [
            curve("share", found.sizes, shares), curve("interval", both, limits.ravel(), dots=True)], xlog=True,
            zero=True), ground(found.surface, points=points)], done)


# ---- functions -------------------------------------------------------------------------------------------------------


def approximation(asked: LabChoices, show: Show) -> None:
    for count in range(1, len(asked.widths) + 1):
        last = count == len(asked.widths)
        found = lab.approximation(asked.function, asked.widths[:count], asked.depths if last else [], asked.seeds,
                                  asked.steps, seed=asked.seed)
        show(found, fits(found), count / len(asked.widths))


def fits(found: Any) -> list[dict[str, Any]]:
    """Describe the error by the number of weights, and the networks beside the function; of those that are done."""
    done = [k for k, shape in enumerate(found.shapes) if shape in found.networks]
    flat, deep = ([k for k in done if (len(found.shapes[k]) == 1) == one] for one in (True, False))
    weights, error = np.array(found.parameters), dict(zip(done, np.nanmedian(found.rms[done], 1), strict=True))
    pictures = [lines("error_by_weights", "weights", "error", [
        curve(name, weights[part], [error[k] for k in part]) for name, part in (("one_layer", flat), ("deeper", deep))
        if part], xlog=True, ylog=True)]
    if found.target.variables == 1:
        X = found.target.grid(201)
        shapes = [found.shapes[k] for k in done]
        pictures.append(lines("fit", "x", "y", [curve("function", X[:, 0], found.target(X))] + [
            curve(" × ".join(map(str, shape)), X[:, 0], found.networks[shape].predict(X).ravel())
            for shape in dict.fromkeys([shapes[0], *shapes[max(1, len(shapes) - 3):]])]))
    return pictures


def hinge(asked: LabChoices, show: Show) -> None:
    target = target_of(asked.function)
    if target.variables != 1:
        raise ArgumentError("hinges are shown for a function of one variable: write it in x alone")
    X = target.grid(201)
    for steps, done in stages(asked.steps, 5):
        found = lab.approximation(asked.function, [asked.width], [], 1, steps, seed=asked.seed)
        net = found.networks[(asked.width,)]
        parts = hinges(net)
        pieces = parts.pieces(X)
        strong = np.argsort(-np.abs(pieces).max(1), kind="stable")[:3]
        inside = [float(at) for at in parts.positions if target.low[0] <= at <= target.high[0]]
        words = (f"{len(inside)} of {asked.width} hinges lie where the function is shown; after {steps:,} steps the "
                 f"error is {found.rms[0, 0]:.2g} of the function's standard deviation.")
        show(words, [
            lines("fit", "x", "y", [curve("function", X[:, 0], target(X)),
                                    curve("net", X[:, 0], net.predict(X).ravel())],
                  marks=[[at, ""] for at in inside]),
            lines("pieces", "x", "y", [curve(f"{k}", X[:, 0], pieces[k]) for k in strong.tolist()])], done)


def bend(asked: LabChoices, show: Show) -> None:
    about = asked.about
    X = about.X.reshape(len(about.y), -1) if isinstance(about.X, np.ndarray) else about.X
    y = about.y.astype(int).ravel() if about.classifies else about.y.ravel()
    names = getattr(about.design.encoder, "feature_names", None)
    for seeds, done in stages(asked.seeds, 3):
        found = lab.bend(X, y, asked.depth, asked.width, asked.activation, seeds, asked.steps, asked.seed, names)
        show(found, [lines("score_by_seed", "seed", "score", [
            curve(name, np.arange(len(scores)), scores) for name, scores in found.scores.items()]),
            *(region(one, title) for one, title
              in zip(found.regions, ("linear_alone", "bent_network"), strict=False))], done)


def region(found: Any, title: str = "plane") -> dict[str, Any]:
    """Describe what a model says on a plane, with the rows on it."""
    a, b, values = thinned(found.a, found.b, found.values)
    some = np.unique(np.linspace(0, len(found.places) - 1, min(len(found.places), 300)).astype(int))
    kinds = np.zeros(len(some)) if found.y is None or not found.classes else found.y[some]
    how = {"scale": "class", "classes": found.classes} if found.classes else {"scale": "plain", "contours": True}
    return cells(title, found.plane.names[0], found.plane.names[1], said(values) if found.classes else values,
                 across=a, up=b, points=np.column_stack([found.places[some], kinds]), square=True, **how)


def boundary(asked: LabChoices, show: Show) -> None:
    about = asked.about
    y = about.y.astype(int).ravel() if about.classifies else about.y.ravel()
    shown = {epoch for epoch, _ in stages(asked.epochs, 6)} | {0, asked.epochs}
    J: dict[int, float] = {}
    look = losses.get(about.loss)

    def each(epoch: int, net: Any) -> None:
        if epoch in shown:
            J[epoch] = float(look(Tensor(net.predict(about.X)), about.y).data)
            found = lab.boundary(net, about.X, y, points=48)
            show(found, [region(found), lines("loss_by_epoch", "epoch", "loss", [curve("loss", list(J), [*J.values()])],
                                              ylog=True)], epoch / asked.epochs)

    asked.trained(asked.seed, asked.epochs, each)


def collapse(asked: LabChoices, show: Show) -> None:
    net = MLP(asked.inputs, [asked.width] * (asked.depth - 1), 1, activation="identity").init(asked.seed)
    found = lab.collapse(net, None, asked.activation, asked.seed)
    show(found, [lines("one_layer_says", "stack_says", "layer_says", [
        curve("row", found.outputs[:300, 0], found.one[:300, 0], dots=True)], diagonal=True),
        lines("bent_says", "bent", "best_line", [curve("row", found.bent[:300, 0], found.best[:300, 0], dots=True)],
              diagonal=True)], 1.0)


# ---- landscapes ------------------------------------------------------------------------------------------------------


def grids(last: int) -> list[int]:
    """Odd numbers of points, up to the one asked for."""
    return sorted({min(last | 1, n) for n in (9, 21, last | 1)})


def landscape(asked: LabChoices, show: Show) -> None:
    about = asked.about
    net = asked.trained(asked.seed, asked.epochs)
    for points in grids(asked.points):
        found = lab.landscape(net, about.X, about.y, about.loss, 2, asked.span, points, asked.curves, asked.seed)
        show(found, [cells("loss_surface", "way_1", "way_2", found.surface, across=found.at, up=found.at, scale="log",
                           contours=True, square=True, points=[[0, 0, 0]]),
                     lines("along_directions", "distance", "loss", [
                         curve(f"{k}", found.at, line) for k, line in enumerate(found.curves[:5])])],
             points / (asked.points | 1))


def between(asked: LabChoices, show: Show) -> None:
    about = asked.about
    a, b = (asked.trained(asked.seed + k, asked.epochs) for k in (0, 1))
    for points in grids(asked.points):
        found = lab.between(a, b, about.X, about.y, about.loss, None, ("A", "B"), points, 5, asked.span, asked.seed)
        show(found, [lines("straight_line", "part_of_way", "loss", [curve("loss", found.t, found.J)],
                           marks=[[0, "A"], [1, "B"]]),
                     lines("around_each", "distance", "loss", [
                         curve(name, end.at, np.median(end.curves, 0))
                         for name, end in zip(found.names, found.ends, strict=True)])], points / (asked.points | 1))


def trajectory(asked: LabChoices, show: Show) -> None:
    about = asked.about
    paths: dict[str, list[np.ndarray]] = {}
    for name, optimizer in asked.optimizer_list.items():
        paths[name] = []
        keep = partial(_keep, paths[name])
        asked.trained(asked.seed, asked.epochs, keep, optimizer)
    good = {name: np.array(path) for name, path in paths.items() if np.isfinite(path).all()}
    net = fresh(about.model(), asked.seed)
    for points in sorted({min(asked.points, n) for n in (7, 15, asked.points)}):
        found = lab.trajectory(net, about.X, about.y, about.loss, list(good.values()), list(good), points=points)
        show(found, [cells("loss_surface", "way_1", "way_2", found.surface, across=found.a, up=found.b, scale="log",
                           contours=True, square=True, paths=[{"label": name, "points": path} for name, path
                                                              in zip(found.labels, found.paths, strict=True)]),
                     lines("loss_by_epoch", "epoch", "loss", [curve(name, np.arange(len(J)), J) for name, J in zip(
                         found.labels, found.real, strict=True)], ylog=True)], points / asked.points)


def _keep(path: list[np.ndarray], epoch: int, net: Any) -> None:
    path.append(net.theta.copy())


# ---- training --------------------------------------------------------------------------------------------------------


def race(asked: LabChoices, show: Show) -> None:
    about = asked.about
    for seeds, done in stages(asked.seeds, 3):
        found = lab.race(about.model(), about.X, about.y, asked.optimizer_list, about.loss, seeds, asked.budget,
                         asked.epochs, asked.batch_size, seed=asked.seed, workers=1, progress=False)
        by = found.scores[found.by]
        show(found, [lines("loss_by_step", "step", "loss", [
            curve(name, found.steps, np.nanmean(found.curves[k], 0)) for k, name in enumerate(found.names)], ylog=True),
            lines("score_by_seed", "seed", found.by, [
                curve(name, np.arange(len(found.seeds)), by[k], dots=True) for k, name in enumerate(found.names)])],
             done)


def lr_find(asked: LabChoices, show: Show) -> None:
    about = asked.about
    (named,) = entered([asked.optimizer]).values()
    for steps, done in stages(asked.steps, 3):
        found = lab.lr_find(about.model(), about.X, about.y, about.loss, named.at("auto"), asked.batch_size,
                            steps=max(steps, 30), seed=asked.seed)
        marks = [[rate, name.replace(" ", "_")] for name, rate in found.marks().items()]
        show(found, [lines("loss_by_rate", "lr", "loss", [curve("loss", found.rates, found.losses),
                                                          curve("smoothed", found.rates, found.smoothed)],
                           xlog=True, ylog=True, marks=marks)], done)


def batch_size(asked: LabChoices, show: Show) -> None:
    about = asked.about
    for epochs, done in stages(asked.epochs, 2):
        found = lab.batch_size(about.model(), about.X, about.y, about.loss, epochs=epochs, threads=1, seed=asked.seed)
        show(found, [lines("time_to_loss", "batch_size", "times_shortest", [curve("time", found.sizes, found.time),
                                                                            curve("steps", found.sizes, found.steps)],
                           xlog=True, ylog=True, marks=[[found.suggestion, "suggestion"]]),
                     lines("rows_each_second", "batch_size", "rows_each_second", [
                         curve("rows_each_second", found.sizes, found.samples_per_second)], xlog=True, ylog=True)],
             done)


def batches(asked: LabChoices, show: Show) -> None:
    about = asked.about
    sizes = ["full" if size == np.inf else size for size in asked.sizes]
    for count in range(1, len(sizes) + 1):
        found = lab.batches(about.model(), about.X, about.y, about.loss, sizes[:count], rates=(0.03, 0.3),
                            epochs=asked.epochs, runs=asked.runs, seed=asked.seed)
        by = [(v.name, v) for v in found.variants]
        show(found, [
            lines("loss_by_epoch", "epoch", "loss", [curve(n, v.epochs[0], v.loss[0]) for n, v in by], ylog=True),
            lines("loss_by_second", "seconds", "loss", [curve(n, v.seconds[0], v.loss[0]) for n, v in by], ylog=True),
            lines("noise_of_gradients", "batch_size", "noise", [
                *(curve(when.replace(" ", "_"), found.noise_sizes, noise) for when, noise in found.noise.items()),
                curve("expected", found.noise_sizes, found.noise_expected["first weights"])], xlog=True, ylog=True)],
             count / len(sizes))


def shuffling(asked: LabChoices, show: Show) -> None:
    about = asked.about
    for epochs, done in stages(asked.epochs, 3):
        found = lab.shuffling(about.model(), about.X, about.y, about.loss, SGD(asked.lr), asked.batch_size, epochs,
                              runs=asked.runs, seed=asked.seed)
        show(found, [lines("loss_by_step", "step", "loss", [
            curve(order.replace(" ", "_"), np.arange(1, len(J) + 1), J) for order, J in found.step_loss.items()],
            ylog=True), lines("agreement", "batch_n", "cosine", [
                curve(order.replace(" ", "_"), np.arange(len(a)), a) for order, a in found.agreement.items()])], done)


def scaling(asked: LabChoices, show: Show) -> None:
    about = asked.about
    sizes = sorted({int(min(size, 0.75 * len(about.y))) for size in asked.sizes})
    for count in range(1, len(sizes) + 1):
        found = lab.scaling(about.raw_X, about.raw_y, sizes[:count], asked.seeds, workers=1)
        show(found, [lines("score_by_rows", "rows_learnt", "score", [
            curve(name, found.sizes, np.nanmean(found.score[k], 1)) for k, name in enumerate(found.models)],
            xlog=True), lines("seconds_by_rows", "rows_learnt", "seconds", [
                curve(name, found.sizes, np.nanmean(found.seconds[k], 1)) for k, name in enumerate(found.models)],
            xlog=True, ylog=True)], count / len(sizes))


def features(asked: LabChoices, show: Show) -> None:
    X, y = asked.about.raw_X, asked.about.raw_y
    if asked.data != "digits":
        raise ArgumentError("features are of images: of those that ship, choose digits")
    X = np.asarray(X, np.float32).reshape(-1, 8, 8, 1)
    net = small((8, 8, 1), 10).init(asked.seed)
    for epochs, done in stages(asked.epochs, 3):
        net.init(asked.seed)
        unbroken(fit(net, X, y, loss="cross_entropy", optimizer=Adam(3e-3), epochs=epochs, batch_size=32,
                     seed=asked.seed, drop_last=True, progress=False, threads=1))
        found = lab.features(net, X[:400], y[:400], units=asked.units, steps=8, seed=asked.seed)
        kept = [layer for layer in found.layers if layer.patterns is not None and len(layer.chosen)]
        show(found, [lines("selectivity", "layer", "share_explained", [
            curve("trained", np.arange(len(found.layers)), [layer.mean for layer in found.layers]),
            curve("untrained", np.arange(len(found.layers)), [layer.untrained for layer in found.layers])], zero=True),
            *(cells(f"{layer.name}: {unit}", "column", "row", np.asarray(layer.patterns[k])[..., 0], scale="signed",
                    square=True) for layer in kept for k, unit in enumerate(list(layer.chosen)[:1]))], done)


SEED = Control("seed", 0, low=0, high=2**31 - 1)
HIDDEN, EPOCHS, BATCH = Control("hidden", "16", "words"), Control("epochs", 20, high=500), Control("batch_size", 32)
FUNCTION = Control("function", "sin(3 * x)", "words")
ACTIVATION = Control("activation", "relu", "one", options=tuple(ACTIVATIONS))
STARTERS = Control("optimizers", ", ".join(LECTURE), "words")


def data(first: str) -> Control:
    """The choice of data, that which suits an experiment first."""
    return Control("data", first, "data")


#: The experiments, by name: what runs each, and its choices.
EXPERIMENTS: dict[str, tuple[Callable[[LabChoices, Show], None], list[Control]]] = {
    "descend": (descend, [Control("surface", "ravine", "surface", options=tuple(NAMED)), STARTERS,
                          Control("steps", 100, high=5000), Control("batch_size", 1), SEED]),
    "escape": (escape, [Control("surface", "bumpy", "surface", options=tuple(NAMED)),
                        Control("sizes", "1, 2, 4, full", "numbers"), Control("lr", 0.15, "real", 1e-6, 10),
                        Control("steps", 320, high=2000), Control("seeds", 45, high=200), SEED]),
    "approximation": (approximation, [FUNCTION, Control("widths", "1, 2, 4, 8, 16", "numbers", high=256),
                                      Control("depths", "2, 3", "numbers", low=2, high=6), Control("seeds", 3, high=20),
                                      Control("steps", 3000, high=50_000), SEED]),
    "hinges": (hinge, [FUNCTION, Control("width", 8, high=128), Control("steps", 8000, high=50_000), SEED]),
    "bend": (bend, [data("moons"), Control("depth", 4, low=2, high=10), Control("width", 16, high=128), ACTIVATION,
                    Control("seeds", 5, high=20), Control("steps", 600, high=5000), SEED]),
    "boundary": (boundary, [data("spirals"), HIDDEN, Control("epochs", 200, high=2000), SEED]),
    "collapse": (collapse, [Control("inputs", 3, high=64), Control("depth", 4, low=2, high=10),
                            Control("width", 16, high=256), ACTIVATION, SEED]),
    "landscape": (landscape, [data("moons"), HIDDEN, EPOCHS, Control("span", 1.0, "real", 1e-3, 100),
                              Control("points", 33, low=9, high=49), Control("curves", 5, low=2, high=20), SEED]),
    "between": (between, [data("moons"), HIDDEN, EPOCHS, Control("span", 1.0, "real", 1e-3, 100),
                          Control("points", 41, low=9, high=101), SEED]),
    "trajectory": (trajectory, [data("moons"), HIDDEN, EPOCHS, Control("optimizers", "SGD, Momentum, Adam", "words"),
                                Control("points", 31, low=5, high=49), SEED]),
    "race": (race, [data("moons"), HIDDEN, STARTERS, Control("seeds", 9, high=50), Control("budget", 3, high=10),
                    Control("epochs", 10, high=200), BATCH, SEED]),
    "lr_find": (lr_find, [data("moons"), HIDDEN, Control("optimizer", "AdamW", "one", options=(*LECTURE, "AdamW")),
                          BATCH, Control("steps", 150, low=30, high=1000), SEED]),
    "batch_size": (batch_size, [data("moons"), HIDDEN, Control("epochs", 3, high=20), SEED]),
    "batches": (batches, [data("moons"), HIDDEN, Control("sizes", "1, 32, full", "numbers"),
                          Control("epochs", 10, high=100), Control("runs", 2, high=10), SEED]),
    "shuffling": (shuffling, [data("blobs"), HIDDEN, BATCH, Control("epochs", 9, high=100),
                              Control("lr", 0.1, "real", 1e-6, 10), Control("runs", 3, high=20), SEED]),
    "scaling": (scaling, [data("moons"), Control("sizes", "40, 120, 360", "numbers", low=20, high=100_000),
                          Control("seeds", 2, high=10), SEED]),
    "features": (features, [Control("data", "digits", "one", options=("digits",)), Control("epochs", 9, high=50),
                            Control("units", 4, high=8), SEED]),
}


def read_choices(name: str, given: Any) -> dict[str, Any]:
    """Read what was chosen for an experiment, all of it before anything runs. Raises ArgumentError in words."""
    if name not in EXPERIMENTS:
        raise ArgumentError(f"there is no experiment {name!r:.40}: there are {', '.join(EXPERIMENTS)}")
    if not isinstance(given, dict):
        raise ArgumentError("choices are names with numbers or words")
    choices = EXPERIMENTS[name][1]
    if unknown := given.keys() - {choice.name for choice in choices}:
        raise ArgumentError(f"there is no choice {sorted(unknown)[0]!r:.40}: there are "
                            f"{', '.join(choice.name for choice in choices)}")
    return {choice.name: choice.read(given.get(choice.name)) for choice in choices}
