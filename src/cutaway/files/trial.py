"""The trial run of a program from a file: two rows of zeros, so that nothing in it can surprise who runs it later."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import FileError
from ..rules import OPS, Op
from ..rules.settings import refused
from .program import LARGEST, Saved, SavedOperation, pairs

MOST_WORK = 2**30  # numbers read and written by all operations, beside each stored one four times


def check(saved: Saved, arrays: dict[str, np.ndarray]) -> None:
    """Run the program once on two rows of zeros: every operation must give values of the declared shapes."""
    if sum(math.prod(slot.shape_at(2)) for slot in saved.slots if not slot.tensor) > LARGEST:
        raise FileError(f"its values hold more than {LARGEST:,} numbers for two rows: no network needs that")
    known: dict[int, Any] = {i: arrays[name] for i, name in saved.stored.items()}
    known |= {i: np.zeros(saved.slots[i].shape_at(2), saved.slots[i].dtype) for i in saved.inputs}
    left = MOST_WORK + 4 * sum(array.size for array in arrays.values())

    def call(operation: SavedOperation, arguments: list, attributes: dict[str, Any]) -> Any:
        nonlocal left
        rule = OPS[operation.op]
        if rule.picks is not None:
            _picking(rule, saved, operation, arguments)
        shapes = _result_shapes(rule, arguments, attributes)
        if sum(map(math.prod, shapes)) > LARGEST:
            raise ValueError("the result is too large")
        left -= _work(rule, [np.shape(a) for a in arguments if a is not None], shapes)
        if left < 0:
            raise ValueError("the operations so far are more work than any network's")
        results = _tried(rule, arguments, attributes, shapes)
        for i, value in zip(operation.writes, results if isinstance(results, tuple) else (results,), strict=True):
            if np.shape(value) != saved.slots[i].shape_at(2):
                raise ValueError(f"a result has shape {np.shape(value)}, not {saved.slots[i].shape_at(2)}")
        return results

    def named(operation: SavedOperation, arguments: list, attributes: dict[str, Any]) -> Any:
        try:
            return call(operation, arguments, attributes)
        except Exception as error:  # a rule may stumble over wrong values in any way
            where = f" of {operation.layer}" if operation.layer else ""
            raise FileError(f"it is damaged (operation {operation.op}{where} cannot run: {str(error)[:120]})") from None

    with np.errstate(all="ignore"):  # only whether it runs is asked
        saved.run(known, 2, named)


def _tried(rule: Op, arguments: list, attributes: dict[str, Any], shapes: list[tuple[int, ...]]) -> Any:
    """Try an operation. One with windows would take long: give values of the right shape that mean nothing."""
    if rule.windows:
        return np.broadcast_to(arguments[0].dtype.type(0), shapes[0])
    return rule.outline(*arguments, **attributes)


def _work(rule: Op, given: list[tuple[int, ...]], shapes: list[tuple[int, ...]]) -> int:
    """Count the numbers that an operation reads and writes in the trial run; sixteen products count as one."""
    if rule.windows:  # tried on their shapes alone
        return 1
    if rule.sums:  # tried on one step
        u, *given = given
        return math.prod(u) // max(u[1], 1) + sum(map(math.prod, given))
    size = sum(map(math.prod, shapes))
    return sum(map(math.prod, given)) + size + (size * given[0][-1] // 16 if rule.products else 0)


def _picking(rule: Op, saved: Saved, operation: SavedOperation, arguments: list) -> None:
    """Check the row numbers that a file holds; those that depend on the data are zeros in the trial run."""
    assert rule.picks is not None
    name, source, axis = rule.picks
    k, limit = rule.inputs.index(name), arguments[rule.inputs.index(source)].shape[axis]
    numbers, slot = arguments[k], saved.slots[operation.reads[k] or 0]
    if numbers.dtype.kind not in "iu":
        raise ValueError("it looks up whole numbers, and was given others")
    if not slot.tensor:
        arguments[k] = np.zeros_like(numbers)
    elif numbers.size and not 0 <= numbers.min() <= numbers.max() < limit:
        raise ValueError("it looks up rows that the table has not")


def _result_shapes(rule: Op, arguments: list, attributes: dict[str, Any]) -> list[tuple[int, ...]]:
    """Compute the largest shapes of an operation's results before it runs, so that no file can fill the memory."""
    given = [None if a is None else np.shape(a) for a in arguments]
    if wrong := refused(rule.name, attributes):
        raise ValueError(f"{wrong}: they do not fit each other" if rule.windows else f"its settings are {attributes}")
    if rule.sums and any(type(attributes.get(name, True)) is not bool for name in ("reverse", "relu")):
        raise ValueError(f"its settings are {attributes}")
    if "lengths" in rule.inputs[1:] and (lengths := arguments[-1]) is not None:
        if lengths.dtype.kind not in "iu":
            raise ValueError("lengths must be whole numbers")
        if lengths.shape != given[0][:1]:  # type: ignore[index]
            raise ValueError(f"lengths of shape {lengths.shape} do not fit {given[0]}")
        given[-1] = None
    if rule.windows:
        _check_windows(given[0] or (), attributes)
    if "key" in attributes:
        return [(_indexed(given[0] or (), attributes["key"]),)]
    try:
        if rule.units == "neuron" and given[2] not in (None, given[1][:1]):  # type: ignore[index]
            raise ValueError  # no layer has another bias: that is damage
        return rule.result_shapes(*given, **attributes)
    except (ValueError, IndexError) as error:
        shapes = [shape for shape in given if shape is not None]
        raise ValueError(str(error) if rule.windows else f"shapes {shapes} do not fit each other") from None


def _indexed(shape: tuple[int, ...], key: Any) -> int:
    """Compute the size of x[key], at most: what its arrays pick together, times the dimensions that they leave."""
    keys = [np.asarray(k) if isinstance(k, list) else k for k in (key if isinstance(key, tuple) else (key,))]
    spans = [k.ndim if isinstance(k, np.ndarray) and k.dtype == bool else int(k is not None) for k in keys]
    rest = len(shape) - sum(span for k, span in zip(keys, spans, strict=True) if k is not ...)
    left, arrays, at = 1, [], 0
    for k, span in zip(keys, spans, strict=True):
        span = rest if k is ... else span
        if isinstance(k, np.ndarray):
            arrays.append((int(k.sum()),) if k.dtype == bool else k.shape)
        elif k is ... or isinstance(k, slice):
            left *= math.prod(shape[at : at + span])
        at += span
    return math.prod(np.broadcast_shapes(*arrays)) * left * math.prod(shape[at:])


def _check_windows(x: tuple[int, ...], settings: dict[str, Any]) -> None:
    """Check that windows move along one or two sizes, and that no padding makes these larger than memory."""
    sizes, padding = len(x) - 2, settings["padding"]
    moves = [setting for name, setting in settings.items() if name != "groups"]
    if sizes not in (1, 2) or any(not isinstance(s, tuple) or len(s) != sizes for s in moves) or not pairs(padding):
        raise ValueError(f"windows that move by {settings} over {x}")
    if math.prod(k + sum(edges) for k, edges in zip(x[1:-1], padding, strict=True)) * x[-1] > LARGEST:
        raise ValueError(f"windows over {x}, padded by {padding}")
