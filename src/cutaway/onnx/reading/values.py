"""What passes through a graph: numbers that are known beforehand, and values that a row of the data makes.

A value's rows come first in Cutaway, and its channels last, wherever the graph has them. So a value is a Tensor and the
order in which the graph sees its axes: nodes that only reorder axes cost nothing, and a graph of images with their
channels first, or of sequences with time first, becomes what a network of `ct.nn` layers is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autodiff import Tensor, apply, ops
from ...errors import ShapeError


@dataclass(frozen=True, eq=False)
class Fixed:
    """Numbers that are in the file, or follow from it.

    name: of the array in the file that they are, or a part of. weight: whether they are one, turned or cut, and
    nothing that was worked out.
    """

    array: np.ndarray
    name: str = ""
    weight: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def whole(self) -> bool:
        return self.array.dtype.kind in "iu"


class Turned:
    """A computed value: axis i of the graph is axis order[i] of the tensor, whose axis 0 are the rows."""

    __slots__ = ("_plain", "order", "tensor")

    def __init__(self, tensor: Tensor, order: tuple[int, ...] | None = None) -> None:
        self.tensor = tensor
        self.order = tuple(range(tensor.ndim)) if order is None else tuple(order)
        self._plain: Tensor | None = None

    @classmethod
    def with_rows_at(cls, tensor: Tensor, place: int) -> Turned:
        """A value whose axes are the tensor's, but for the rows, which the graph has at another place."""
        return cls(tensor, (*range(1, place + 1), 0, *range(place + 1, tensor.ndim)))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape[a] for a in self.order)

    @property
    def ndim(self) -> int:
        return len(self.order)

    @property
    def rows_at(self) -> int:
        """The graph's axis of the rows."""
        return self.order.index(0)

    @property
    def whole(self) -> bool:
        return self.tensor.dtype.kind in "iu"

    def like(self, tensor: Tensor) -> Turned:
        """Another tensor with the same axes."""
        return Turned(tensor, self.order)

    def ordered(self, axes: Any) -> Tensor:
        """Its tensor with the graph's axes in this order, of which the rows must be the first."""
        order = tuple(self.order[a] for a in axes)
        if order == tuple(range(len(order))):
            return self.tensor
        if order[0] != 0:
            raise ShapeError("the rows of the batch stand inside an array, where each row's own axes must be: samples "
                             "cannot be told apart there")
        if order == self.order:
            if self._plain is None:
                self._plain = ops.permute(self.tensor, *order)
            return self._plain
        return ops.permute(self.tensor, *order)

    def plain(self) -> Tensor:
        """Its tensor with the axes as the graph has them."""
        return self.ordered(range(self.ndim))

    def rows_first(self) -> Tensor:
        """Its tensor with the rows first, and the others as the graph has them."""
        p = self.rows_at
        return self.ordered([p, *(a for a in range(self.ndim) if a != p)])

    def lifted(self, ndim: int) -> Turned:
        """Put axes of size 1 before the graph's first, as broadcasting does."""
        more = ndim - self.ndim
        if not more:
            return self
        n, *rest = self.tensor.shape
        tensor = ops.reshape(self.tensor, (n, *(1,) * more, *rest))
        return Turned(tensor, (*range(1, more + 1), *(a + more if a else 0 for a in self.order)))


class Joined(Turned):
    """A value whose first axis holds others before the rows, (steps x rows, ...): each number by its own, or a product
    along the last axis, may be taken, and the axes taken apart again. The tensor's first axis is (rows x steps)."""

    __slots__ = ("ahead",)

    def __init__(self, tensor: Tensor, ahead: int) -> None:
        self.tensor, self.ahead, self._plain = tensor, ahead, None

    @property
    def order(self) -> tuple[int, ...]:  # type: ignore[override]
        raise ShapeError("the rows of the batch stand inside an axis with others, where samples cannot be told apart")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.shape

    @property
    def ndim(self) -> int:
        return self.tensor.ndim

    def like(self, tensor: Tensor) -> Joined:
        return Joined(tensor, self.ahead)

    def apart(self, rows: int) -> Turned:
        """Take (steps, rows, ...) apart as axes of their own."""
        return Turned.with_rows_at(ops.reshape(self.tensor, (rows, self.ahead, -1, *self.tensor.shape[1:])), 1)


Value = Fixed | Turned


def aligned(values: list[Value], fixed: Callable[[int, list[int], int], Any]) -> tuple[list[Any], tuple[int, ...]]:
    """Tensors and arrays whose axes correspond, so that operations may broadcast them, and their order in the graph.

    fixed(k, axes, rows): gives what stands for values[k], whose numbers are known (`arranged`).
    """
    ndim = max(v.ndim for v in values)
    base = next(v for v in sorted(values, key=lambda v: -v.ndim) if isinstance(v, Turned)).lifted(ndim)
    axes = [base.order.index(j) for j in range(ndim)]  # of the graph, in the tensor's order
    found: list[Any] = []
    for k, v in enumerate(values):
        if isinstance(v, Turned):
            same = v.lifted(ndim)
            found.append(same.tensor if same.order == base.order else same.ordered(axes))
        else:
            found.append(fixed(k, axes, base.tensor.shape[0]))
    return found, base.order


def arranged(array: np.ndarray, axes: list[int], rows: int) -> np.ndarray:
    """An array's axes in the order of a tensor's, without those of size 1 in front; the same for all rows, where it is
    so many times the same."""
    array = array.reshape((1,) * (len(axes) - array.ndim) + array.shape).transpose(axes)
    if array.ndim and array.shape[0] == rows > 1 and (array == array[:1]).all():
        array = array[:1]
    while array.ndim and array.shape[0] == 1:
        array = array[0]
    return array


def for_each_row(array: np.ndarray, like: Tensor) -> Tensor:
    """Repeat numbers for each row of another tensor: array (...) -> (rows, ...)."""
    first = like[(slice(None), *(slice(0, 1),) * (like.ndim - 1))]
    first = ops.reshape(first, (like.shape[0], *(1,) * array.ndim))
    return apply("where", np.ones((1,) * (array.ndim + 1), like.dtype), array.astype(like.dtype)[None], first)
