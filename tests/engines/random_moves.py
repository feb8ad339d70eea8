"""Operations that move or repeat numbers, on operands of any shape: `random_moves()` yields (id, operation, make).

make(rng, n, k) gives a Case of rules/cases.py whose sizes, keys and axes are chosen by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps

import numpy as np
from cases import Case, away

Rng = np.random.Generator


def sizes(rng: Rng, most: int = 4) -> tuple[int, ...]:
    """Up to `most` sizes of 1 to 5."""
    return tuple(int(k) for k in rng.integers(1, 6, rng.integers(0, most)))


def values(rng: Rng, n: int, shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """Real numbers for each row, or whole ones, and their kind."""
    if rng.random() < 0.2:
        return rng.integers(-9, 9, (n, *shape), np.int32), "fixed"
    return away(rng, n, *shape), "rows"


def part_of_an_axis(rng: Rng, size: int):
    """An index of one axis, as people write them."""
    ends = sorted(int(k) for k in rng.integers(-size, size + 1, 2))
    return [
        slice(None), slice(None, None, -1), slice(None, None, 2), slice(*ends), slice(None, None, -2),
        slice(ends[1], ends[0], -1), int(rng.integers(-size, size)), slice(1, None),
    ][rng.integers(8)]


def of_something(make: Callable[[Rng, int], Case]) -> Callable[[Rng, int], Case]:
    """An index that picks a number at least: a mean of none is none."""
    @wraps(make)
    def again(rng: Rng, n: int) -> Case:
        while not (case := make(rng, n)).inputs[0][case.attributes["key"]].size:
            pass
        return case

    return again


@of_something
def basic(rng: Rng, n: int) -> Case:
    shape = sizes(rng)
    x, kind = values(rng, n, shape)
    inner = [part_of_an_axis(rng, size) for size in shape[: rng.integers(0, len(shape) + 1)]]
    key: list = [[slice(None), slice(None, None, -1)][int(rng.random() < 0.2)], *inner]
    if rng.random() < 0.5:
        key.insert(int(rng.integers(1, len(key) + 1)), ...)
    elif rng.random() < 0.5:
        key = [..., *inner] if len(inner) == len(shape) else key
    for _ in range(rng.integers(0, 2)):
        key.insert(int(rng.integers(1, len(key) + 1)), None)
    return Case((x,), {"key": tuple(key)}, (kind,))


@of_something
def by_arrays(rng: Rng, n: int) -> Case:
    shape = (*sizes(rng, 3), int(rng.integers(1, 6)))
    x, kind = values(rng, n, shape)
    at, how = int(rng.integers(0, len(shape))), rng.integers(5)
    size = shape[at]
    every = [part_of_an_axis(rng, s) if rng.random() < 0.5 else slice(None) for s in shape[:at]]
    if how == 0:
        picks: list = [rng.integers(-size, size, rng.integers(1, 7)).tolist()]
    elif how == 1:
        picks = [rng.integers(-size, size, (2, 3))]
    elif how == 2:
        picks = [rng.random(size) < 0.6]
    elif how == 3:
        picks = [rng.random(shape[at : at + 2]) < 0.6]
    else:
        picks = [rng.integers(0, s, 4) for s in shape[at : at + 2]]
    return Case((x,), {"key": (slice(None), *every, *picks)}, (kind,))


def of_weights(rng: Rng, n: int) -> Case:
    shape = (*sizes(rng, 3), 3)
    keys = [(0,), slice(None, None, -1), np.array([1, 0, 1]), (..., 2), (..., [0, 2]), None]
    key = keys[rng.integers(len(keys))]
    if shape[0] == 1 and isinstance(key, np.ndarray):
        key = np.array([0, 0])
    return Case((away(rng, *shape),), {"key": key}, ("weights",))


def permuted(rng: Rng, n: int) -> Case:
    shape = sizes(rng, 5)
    x, kind = values(rng, n, shape)
    return Case((x,), {"axes": (0, *(int(k) + 1 for k in rng.permutation(len(shape))))}, (kind,))


def turned(rng: Rng, n: int) -> Case:
    x = away(rng, *sizes(rng, 4))
    return Case((x,), {"axes": tuple(int(k) - x.ndim for k in rng.permutation(x.ndim))}, ("weights",))


def side_by_side(rng: Rng, n: int) -> Case:
    shape, parts = [*sizes(rng, 4), int(rng.integers(1, 4))], int(rng.integers(1, 9))
    axis = int(rng.integers(0, len(shape) + 1))
    whole = rng.random() < 0.2
    inputs = []
    for _ in range(parts):
        own = list(shape)
        if axis:
            own[axis - 1] = int(rng.integers(0, 4))
        inputs.append(rng.integers(-9, 9, (n, *own), np.int32) if whole else away(rng, n, *own))
    if axis and not sum(x.shape[axis] for x in inputs):
        inputs[0] = np.resize(inputs[0] if inputs[0].size else np.ones(1, inputs[0].dtype), (n, *shape))
    return Case(tuple(inputs), {"axis": axis if rng.random() < 0.5 else axis - len(shape) - 1},
                ("fixed" if whole else "rows",) * parts)


def repeated(rng: Rng, n: int) -> Case:
    """Two operands that broadcast together, of which each may lack axes, or have them with one number only."""
    shape = sizes(rng, 5)

    def operand(rows: bool) -> tuple[np.ndarray, str]:
        own = tuple(1 if rng.random() < 0.4 else size for size in shape)
        return (away(rng, n, *own), "rows") if rows else (away(rng, *own[rng.integers(0, len(own) + 1) :]), "weights")

    first, second = operand(True), operand(rng.random() < 0.5)
    if rng.random() < 0.5:
        first, second = second, first
    return Case((first[0], second[0]), kinds=(first[1], second[1]))


def chosen(rng: Rng, n: int) -> Case:
    """A mask, and what it chooses from, of any shapes."""
    pair = repeated(rng, n)
    shape = next(x for x, kind in zip(pair.inputs, pair.kinds, strict=True) if kind == "rows").shape[1:]
    mask = rng.integers(0, 2, (n, *(1 if rng.random() < 0.4 else size for size in shape))).astype(float)
    return Case((mask, *pair.inputs), kinds=("fixed", *pair.kinds))


def whole(rng: Rng, n: int) -> Case:
    pair = repeated(rng, n)
    a, b = (np.rint(5 * x).astype(np.int32) for x in pair.inputs)
    return Case((a, b), kinds=tuple("fixed" if kind == "rows" else "none" for kind in pair.kinds)) if (
        pair.kinds == ("rows", "rows")) else Case((a, a) if pair.kinds[0] == "rows" else (b, b), kinds=("fixed",) * 2)


def added_up(rng: Rng, n: int) -> Case:
    shape = sizes(rng, 4)
    x, kind = values(rng, n, shape)
    axis = int(rng.integers(0, len(shape) + 1))
    return Case((x,), {"axis": axis if rng.random() < 0.5 else axis - len(shape) - 1}, (kind,))


def added_weights(rng: Rng, n: int) -> Case:
    x = away(rng, *sizes(rng, 3), 3)
    return Case((x,), {"axis": int(rng.integers(0, x.ndim))}, ("weights",))


def of_another_shape(rng: Rng, n: int) -> Case:
    a, b, c = (int(k) for k in rng.integers(1, 5, 3))
    x, kind = values(rng, n, (a, b * c))
    return Case((x,), {"shape": [(n, a * b, c), (n, -1), (n * a, b, c)][rng.integers(3)]}, (kind,))


MOVES: list[tuple[str, Callable[[Rng, int], Case]]] = [
    ("index", basic), ("index", by_arrays), ("index", of_weights), ("transpose", permuted), ("transpose", turned),
    ("concat", side_by_side), ("add", repeated), ("mul", repeated), ("div", repeated), ("maximum", repeated),
    ("where", chosen), ("add", whole), ("maximum", whole), ("cumsum", added_up), ("cumsum", added_weights),
    ("reshape", of_another_shape),
]


def random_moves(of_each: int = 8) -> Iterator[tuple[str, str, Callable[[Rng, int, int], Case]]]:
    for name, make in MOVES:
        for k in range(of_each):
            yield (f"{name}-{make.__name__}: number {k}", name,
                   lambda rng, n, width, make=make, k=k: make(np.random.default_rng((k, int(rng.integers(99)))), n))
