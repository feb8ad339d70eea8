"""What an estimator's encoder does to a row, an image or a sequence, in the language of kernels, and what goes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data.image_arrays import image_words
from ..data.limits import FAR, ROUNDING
from ..data.pillow import WAYS
from ..errors import ArgumentError
from ..text import counted
from . import tables
from .header import Argument
from .texts import TextKernel, text_kernel


@dataclass
class Encoding:
    """The kernel that makes the network's input of what goes in: p[0], p[3], ... are the addresses of the arguments,
    that of the input, that of the number of time steps where `lengths` says so, then those of the arrays. texts: what
    makes numbers of a row's cells of text."""

    arguments: list[Argument]
    text: str
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    lengths: bool = False
    texts: TextKernel | None = None


def encoding(model: Any) -> Encoding:
    """The encoding of a trained estimator. Raises ArgumentError for what has no code."""
    return {"table": _table, "images": _images, "sequences": _sequences}[model.design_.inputs](model.encoder_)


def _table(encoder: Any) -> Encoding:
    columns = tables.used(encoder)
    row = Argument("row", "float64", (len(columns),), "a number for each column, NaN for a gap",
                   [(c.name, tables.told(c)) for c in columns])
    return Encoding([row], tables.text(columns), texts=text_kernel(columns, row))


def _images(e: Any) -> Encoding:
    """Take the mean off in doubles, then multiply by 1 / deviation in the network's own (ImageEncoder.transform)."""
    taken = e.dtype or "uint8"
    kind = "uint8" if taken == "uint8" else "float32" if taken in ("float16", "float32") else "float64"
    scale, (height, width, channels) = 255.0 if kind == "uint8" else 1.0, e.shape
    about = f"the image, {image_words(e.shape)}: row by row from the top, each from the left"
    about += f", of each pixel {', '.join(e.feature_names)}" if channels > 1 else ""
    if kind != "uint8":
        low, high = e.span or (e.low, e.high)
        about += f"; values were {low:g} to {high:g} in training"
    if e.resized is not None:
        about += f"; others must be brought to this size before, as those of training were ({WAYS[e.resized]})"
    read = {"uint8": "uint8s(p[0])", "float32": "singles(p[0])", "float64": "doubles(reals(p[0]))"}[kind]
    text = f"""def k(p, s):
    X, Z, mean, rate = {read}, reals(p[3]), doubles(reals(p[6])), doubles(reals(p[9]))
    for i in range({height * width}):
        for c in range({channels}):
            centred = F(np.float64(X[i * {channels} + c]) - mean[c])
            Z[i * {channels} + c] = centred * F(rate[c])
"""
    arrays = {"mean of each channel": e.mean * scale, "1 / deviation of each channel": 1 / (e.deviation * scale)}
    return Encoding([Argument("pixels", kind, e.shape, about)], text, arrays)


def _sequences(e: Any) -> Encoding:
    """Scale every feature; a gap takes the value before it, or the mean, and what lies behind a sequence's end is zero
    (SequenceEncoder.transform)."""
    if e.blank:
        raise ArgumentError(f"there is nothing to export: no feature says anything ({e.whys()})")
    columns, used = e.columns, [j for j, column in enumerate(e.columns) if column.features]
    width, differ = len(e.feature_names), e.shortest != e.longest
    own = "each sequence's own mean and deviation" if e.each else ""
    about = f"{e.longest} time steps of {counted(len(columns), 'feature')}, all of a step beside each other; finite "
    about += "numbers, NaN for a gap"
    told = [own or f"(x - {c.mean:g}) / {c.scale:g}" if c.features else f"not used: {c.reason}" for c in columns]
    arguments = [Argument("series", "float64", (e.longest, len(columns)), about,
                          [(c.name, words) for c, words in zip(columns, told, strict=True)])]
    if differ:
        arguments.append(Argument("steps", "int32", (1,), f"how many of the time steps are data, 1 to {e.longest}; the "
                                                          "others are not read"))
    places, marks, at = [], [], 0
    for j in used:
        places.append(at)
        marks.append(at + 1 if columns[j].marked else -1)
        at += len(columns[j].features)
    arrays = {"column of each feature": np.array(used, np.int32), "place of each feature": np.array(places, np.int32),
              "place of its mark": np.array(marks, np.int32), "mean of each feature": _of(columns, used, "mean"),
              "deviation of each feature": _of(columns, used, "scale")}
    operands = 1 + differ
    names = ("Z", *["length"] * differ, "column", "place", "mark", "mean", "scale")
    reads = {"Z": "reals({})", "mean": "doubles(reals({}))", "scale": "doubles(reals({}))"}
    opened = [f"    {name} = {reads.get(name, 'int32s({})').format(f'p[{3 * (operands + k)}]')}"
              for k, name in enumerate(names)]
    steps = [f"    n = min(max(int32s(p[3])[0], 1), {e.longest})", "    length[0] = n"] if differ else [
        f"    n = {e.longest}"]
    body = [*opened, *steps, f"    for i in range({e.longest * width}):", "        Z[i] = F(0.0)",
            f"    for k in range({len(used)}):", "        m, d = mean[k], scale[k]", *(OWN if e.each else ()), *STEP]
    text = "\n".join(["def k(p, s):", "    X = doubles(reals(p[0]))", *body]) + "\n"
    return Encoding(arguments, text.replace("COLUMNS", str(len(columns))).replace("WIDTH", str(width)), arrays, differ)


def _of(columns: Any, used: list[int], name: str) -> np.ndarray:
    return np.array([getattr(columns[j], name) for j in used], float)


#: The mean and deviation of one sequence's feature (_own_scale), added up one after the other.
OWN = f"""
        size, known = 0.0, 0
        for t in range(n):
            v = X[t * COLUMNS + column[k]]
            if v == v:
                size, known = max(size, abs(v)), known + 1
        if size == 0:
            size = 1.0
        known = max(known, 1)
        total, spread = 0.0, 0.0
        for t in range(n):
            v = X[t * COLUMNS + column[k]]
            if v == v:
                total += v / size
        m = total / known
        for t in range(n):
            v = X[t * COLUMNS + column[k]]
            if v == v:
                spread += (v / size - m) * (v / size - m)
        d = np.sqrt(spread / known)
        d = select(d > {ROUNDING!r}, d * size, np.inf)
        m = m * size""".strip("\n").splitlines()
STEP = f"""
        before = m
        for t in range(n):
            v = X[t * COLUMNS + column[k]]
            gap = v != v
            before = select(gap, before, v)
            z = (before - m) / d
            z = select(z > {FAR!r}, {FAR!r}, select(z < {-FAR!r}, {-FAR!r}, z))
            Z[t * WIDTH + place[k]] = F(z)
            if mark[k] >= 0:
                Z[t * WIDTH + mark[k]] = F(select(gap, 1.0, 0.0))""".strip("\n").splitlines()
