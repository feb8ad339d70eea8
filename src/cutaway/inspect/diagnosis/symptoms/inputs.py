"""What goes in: columns and targets of the wrong size, batches of one class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....rules import facts
from ....sequences import Sequences
from ..evidence import Evidence
from ..finding import NOTICE, SERIOUS, Finding

LARGE, SMALL = 20.0, 0.02  # root mean squares outside are unscaled
LARGE_IF_POOR, POOR = 5.0, 0.3  # the same for a network that has not got below this share of a constant's loss
VERY_LARGE, VERY_SMALL = 100.0, 1e-3
DRIFT = 1e3  # columns this many times smaller than the largest go unseen
ONE_CLASS = 0.5  # share of batches that hold one class only
FEWEST_ROWS = 8  # in a batch


def unscaled(e: Evidence) -> Iterator[Finding]:
    """Find inputs far from size 1: the sums of the first layer, and their gradients, are as far off."""
    first = next((i for i in e.now.instructions if i.phase == "forward" and "x" in i.read), None)
    if first is not None and facts(first.op).normalises:
        return  # the network scales them itself
    large = LARGE_IF_POOR if e.trained and not e.share < POOR else LARGE
    for name, part in e.sample.inputs.arrays.items():
        if part.dtype.kind in "iu" and (e.model.takes_integers() or name == "lengths"):
            continue
        own = "X" if name == "x" else name.removeprefix("x.")
        flat = part.reshape(-1, part.shape[-1]).astype(np.float64)
        if name == "x" and part.ndim == 2 and (codes := e.codes):
            flat[:, codes] = 0  # codes are looked up: they have no size
        sizes = np.sqrt((flat**2).mean(axis=0))
        busy = (sizes > 0) & ((flat != 0).mean(axis=0) > 0.5)  # not columns that are mostly zero
        if not busy.any():
            busy = sizes > 0
        if not busy.any():
            continue
        if part.ndim > 2:  # channels of images, features of sequences: together, as they share their weights
            sizes, busy = np.full(1, np.sqrt((flat**2).mean())), np.ones(1, bool)
        top, bottom = int(np.argmax(sizes)), int(np.argmin(np.where(busy, sizes, np.inf)))
        largest, smallest = float(sizes[top]), float(sizes[bottom])
        column = e.column if part.ndim == 2 and own == "X" else lambda k, own=own: own
        if largest > large:
            values = flat if part.ndim > 2 else flat[:, top]
            text = f"{column(top)} has values around {values.mean():.3g} ± {values.std():.2g}"
            many = int((sizes > large).sum())
            text += f", {many - 1:,} more as large" * (many > 1)
            text += ". Layers start out for inputs of deviation 1."
            where = [column(int(k)) for k in np.flatnonzero(sizes > large)]
            severity = SERIOUS if largest > VERY_LARGE else NOTICE
        elif largest < SMALL:
            text = f"the largest values, of {column(top)}, are around {largest:.2g}: biases hide them."
            where, severity = [column(top)], SERIOUS if largest < VERY_SMALL else NOTICE
        elif part.ndim == 2 and smallest * DRIFT < largest and len(np.unique(flat[:, bottom])) > 10:
            text = (f"{column(bottom)} is around {smallest:.2g}, {column(top)} around {largest:.2g}: the network "
                    "hardly sees the small one.")
            where, severity = [column(bottom)], NOTICE
        else:
            continue
        yield Finding("unscaled inputs", severity, text, _standardise(e, name, part.ndim),
                      "At mean 0 and deviation 1 all inputs count alike, and one learning rate suits them all.",
                      where, {"root mean square": {"largest": largest, "smallest": smallest}},
                      0 if e.run is not None else None)


def _standardise(e: Evidence, name: str, ndim: int) -> str:
    """Write as code that inputs get mean 0 and deviation 1; held-out ones by the same numbers."""
    inputs = e.sample.inputs
    place, several = "X", "x" not in inputs.parts and not inputs.by_name
    if inputs.by_name:
        place = f"X[{name.partition('.')[2]!r}]"
    if several:
        place = f"X[{list(inputs.arrays).index(name)}]"
    values, axis = place, "axis=0" if ndim == 2 else ""
    new = "({0} - mean) / std"
    if isinstance(inputs.parts.get("x"), Sequences):
        values, new = "X.values", "{0}.with_values(({0}.values - mean) / std)"
    parts = [f"mean, std = {values}.mean({axis}), {values}.std({axis}) + 1e-8"]
    for own in (place, place.replace("X", "Xv", 1))[: 1 + (e.held_out is not None)]:
        text = new.format(own)
        if several:
            whole, k = own.partition("[")[0], int(own.partition("[")[2][:-1])
            parts.append(f"{whole} = (*{whole}[:{k}], {text}, *{whole}[{k + 1}:])")
        else:
            parts.append(f"{own} = {text}")
    return "; ".join(parts)


def unscaled_targets(e: Evidence) -> Iterator[Finding]:
    """Find targets far from size 1: the last layer must grow by as much before anything else is learnt."""
    y = e.sample.y.astype(np.float64)
    size, mean, deviation = float(np.sqrt((y**2).mean())), float(y.mean()), float(y.std())
    if not size > LARGE_IF_POOR or deviation == 0 or (e.trained and e.share < POOR):  # it has got there all the same
        return
    change = "mean, std = y.mean(), y.std(); y = (y - mean) / std"
    change += "; yv = (yv - mean) / std" * (e.held_out is not None)
    yield Finding("unscaled targets", SERIOUS if size > VERY_LARGE else NOTICE,
                  f"targets are around {mean:.3g} ± {deviation:.2g}, while outputs begin around 0 ± 1.", change,
                  "Predictions come back as mean + std · z; in between errors and gradients are of size 1.", ["y"],
                  {"mean": mean, "deviation": deviation}, 0 if e.run is not None else None)


def batches_of_one_class(e: Evidence) -> Iterator[Finding]:
    """Find rows sorted by class that are not shuffled: each step unlearns the one before."""
    past = e.past
    y = past.data.y if past.data.y.ndim == 1 or past.data.y.size == len(past.data.y) else past.data.y.argmax(1)
    y = y.reshape(-1)
    order = past.order(1)
    if past.batch_size < FEWEST_ROWS or len(order) < 2 * past.batch_size:
        return
    starts = range(0, len(order) - past.batch_size + 1, past.batch_size)
    one = np.mean([np.ptp(y[order[k : k + past.batch_size]]) == 0 for k in starts])
    common = np.bincount(y[order].astype(np.int64)).max() / len(order)
    if one <= max(ONE_CLASS, 2 * common**past.batch_size):
        return
    yield Finding("batches of one class", SERIOUS,
                  f"{one:.0%} of the batches of {past.batch_size} hold rows of one class alone: each step pulls the "
                  "network to it, and away from the others.", "shuffle = True",
                  "In a fresh random order every batch has rows of all classes.", ["y"], {"share": float(one)},
                  0)
