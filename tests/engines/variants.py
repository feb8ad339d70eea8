"""Every case of rules/cases.py, and its inputs in every other shape that broadcasting, or a learned array, gives them.

`every_variant()` yields (id, operation, make); make(rng, n, k) gives a Case, or None where there is no such variant.
An operand that was a weight becomes one number, one number a row, one a batch ...; one with rows becomes learned and
the same for all rows. Whether the rule takes it is for the rule to say. What is done to an operand is done in the first
CASES_OF_EACH of an operation's cases that differ in their operands. Of KIN, whose operands the same code walks, each
takes its share of the variants that several of them have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from cases import EVERY, IDS

from cutaway.rules import OPS

# of a weight: its shape s -> another; of rows: the shape s without the rows -> another
WEIGHTS = {
    "a number": lambda s: (),
    "one": lambda s: (1,),
    "ones": lambda s: (1,) * (len(s) + 1),
    "lying": lambda s: (1, *s),
    "standing": lambda s: (*s, 1),
    "its last": lambda s: s[-1:],
    "first one": lambda s: (1, *s[1:]),
    "last one": lambda s: (*s[:-1], 1),
    "nothing": lambda s: (*s[:-1], 0),
}
ROWS = {
    "the same": lambda s: s,
    "one": lambda s: (1,) * len(s),
    "deeper": lambda s: (1, *s),
    "standing": lambda s: (*s, 1),
    "last one": lambda s: (*s[:-1], 1),
    "its last": lambda s: s[-1:],
    "nothing": lambda s: (*s[:-1], 0),
}
CASES_OF_EACH = 2
KIN = {name: number for number, names in enumerate((
    ("rnn", "gru", "lstm"), ("add", "sub", "mul", "div", "maximum", "minimum", "greater", "greater_equal"),
    ("gain", "parametric_relu", "parametric_selu", "parametric_mish"), ("mse", "half_mse", "mae"),
    ("max_pool", "avg_pool"), ("global_max", "global_average"),
)) for name in names}


def every_variant() -> Iterator[tuple]:
    alike, shared = defaultdict(list), 0
    for what, *variant in _variants():
        alike[what].append(variant)
    for those in alike.values():
        yield tuple(those[shared % len(those)])
        shared += len(those) > 1


def _variants() -> Iterator[tuple]:
    """Every variant of every operation, after what it has in common with those of its kin."""
    varied: set = set()
    done: Counter = Counter()
    for id_, (name, make) in zip(IDS, EVERY, strict=True):
        yield id_, f"{id_}: as it is", name, make
        yield f"{id_} 0", f"{id_}: width 0", name, lambda rng, n, k, make=make: make(rng, n, 0)
        if OPS[name].kind == "elementwise" and len(OPS[name].inputs) == 1:
            continue  # one loop over whatever there is
        known: set = set()
        kin = KIN.get(name, name), make.__name__
        case = make(np.random.default_rng(0), 4, 3)
        alike = name, case.kinds, tuple(np.ndim(x) for x in case.inputs)
        if alike in varied:
            continue  # the same operands, with other settings
        varied.add(alike)
        for place, kind in enumerate(case.kinds):
            for other, shapes in (("weights", WEIGHTS), ("rows", ROWS), ("fixed", ROWS)):
                if kind == "none" or (other == "fixed") != (kind == "fixed" or case.inputs[place].dtype.kind != "f"):
                    continue
                for shape in shapes:
                    variant = _other(make, [place], other, shapes[shape])
                    made = variant(np.random.default_rng(0), 4, 3)
                    seen = place, other, made and made.inputs[place].shape
                    what = name, place, other, shape
                    if made is not None and seen not in known and done[what] < CASES_OF_EACH:
                        known.add(seen)
                        done[what] += 1
                        operand = place if OPS[name].variadic else OPS[name].inputs[place]
                        yield (*kin, operand, other, shape), f"{id_}: {place} {other} {shape}", name, variant
        weights = [place for place, kind in enumerate(case.kinds) if kind == "weights"]
        for shape in ROWS if len(weights) > 1 else ():
            yield (*kin, shape), f"{id_}: all weights rows {shape}", name, _other(make, weights, "rows", ROWS[shape])


def _other(make, places, kind, shape):
    """The case with some inputs of another kind and shape; None where they are so already."""
    def variant(rng, n, k):
        case = make(rng, n, k)
        inputs, kinds = list(case.inputs), list(case.kinds)
        for place in places:
            old = inputs[place]
            rest = old.shape if kinds[place] == "weights" else old.shape[1:]
            new = shape(rest) if kind == "weights" else (n, *shape(rest))
            if (new, kind) == (old.shape, kinds[place]):
                return None
            inputs[place], kinds[place] = np.resize(old, new), kind
        return replace(case, inputs=tuple(inputs), kinds=tuple(kinds))

    return variant
