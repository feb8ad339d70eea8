"""What a network is made of: modules within modules, with parameters and buffers by name; whether two are alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from ..autodiff import Tensor
from .parameter import Buffer, Parameter, check_numbers

SEVERAL = (list, tuple, dict)  # what may hold modules
KEPT = ("_theta", "_evaluators")  # what a Module remembers: no part of how it is built


class Tree:
    """The parts of a Module.

    on_images: what this layer does to an image, where PyTorch's weights lie otherwise than ours (see layout.py): it
    has "filters", or weights for "channels"; it makes "rows" of pixels or "means" of each channel, reads rows as
    "neurons", or is a "chain" of layers.
    elsewhere: what Keras calls this layer in its files, where Keras and PyTorch have it too (see keras_layout.py);
    "around" for what is part of the layer inside it there; "" without weights; None where they have none like it.
    """

    on_images: ClassVar[str] = ""
    elsewhere: ClassVar[str | None] = ""

    def children(self) -> Iterator[tuple[str, Any]]:
        """Give the modules inside this one, with their attribute names; lists and dicts count too."""
        for key, value in vars(self).items():
            if isinstance(value, Tree):
                yield key, value
            elif isinstance(value, SEVERAL):
                pairs = value.items() if isinstance(value, dict) else enumerate(value)
                yield from ((f"{key}.{k}", m) for k, m in pairs if isinstance(m, Tree))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Give every module below this one with its full name, and this one, whose name is ""."""
        yield prefix, self
        for name, child in self.children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def _named(self, kind: type | tuple[type, ...]) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for key, value in vars(module).items():
                if isinstance(value, kind) and id(value) not in seen:
                    seen.add(id(value))
                    yield (f"{prefix}.{key}" if prefix else key), value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Give (name, parameter), each once even where a module is used twice."""
        yield from self._named(Parameter)

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        yield from self._named(Buffer)

    def parameters(self) -> list[Parameter]:
        return [p for _, p in self.named_parameters()]

    def owns_parameters(self) -> bool:
        for value in vars(self).values():  # no generators: every walk over a network asks each of its layers
            if isinstance(value, Parameter):
                return True
        return any(child.owns_parameters() for _, child in self.children())

    def tensors(self) -> list[Tensor]:
        """List every parameter and buffer, each once."""
        return [t for _, t in self._named((Parameter, Buffer))]

    @property
    def dtype(self) -> np.dtype:
        return next((p.dtype for _, p in self.named_parameters()), np.dtype(np.float32))

    def check_numbers(self) -> list[Tensor]:
        """List every parameter and buffer, each once. Raises ArgumentError where a weight's data is no array of its
        kind: any code may have replaced it."""
        every = list(self._named((Parameter, Buffer)))
        for name, t in every:
            check_numbers(name, t)
        return [t for _, t in every]


PLAIN = {str, int, float, bool, type(None)}
DIGESTED = 2**18  # bytes of a constant up to which its values are looked at each time, 0.2 ms


def _digest(array: np.ndarray) -> Any:
    """Tell a constant's values from others, since somebody may write into it: give its bytes, or its id if large."""
    if array.dtype.kind not in "fiub" or array.nbytes > DIGESTED:
        return id(array)
    return array.shape, array.dtype.str, array.tobytes()


def details(module: Tree) -> tuple:
    """List all that a recording of a network depends on: its modules, and whatever they hold."""
    found: list[Any] = []
    _add_details(module, found)
    return tuple(found)


def _add_details(module: Tree, found: list[Any]) -> None:
    for key, value in vars(module).items():
        if type(value) in PLAIN and key not in KEPT:
            found.append(value)
        elif key not in KEPT:
            parts = value.values() if isinstance(value, dict) else value
            for part in parts if isinstance(value, dict | list | tuple) else (value,):
                if isinstance(part, Tree):
                    found.append(type(part))
                    _add_details(part, found)
                elif isinstance(part, Parameter | Buffer):
                    check_numbers(key, part)
                    found += id(part), part.data.shape, part.data.dtype
                elif isinstance(part, Tensor | np.ndarray):  # a program has a copy of it
                    found += id(part), _digest(part.data if isinstance(part, Tensor) else part)
                else:
                    found.append(part if isinstance(part, str | int | float | None) else id(part))


def structure(module: Tree) -> tuple:
    """Describe how a network is built, without its weights' values: equal for networks that one program could train.

    >>> import cutaway as ct
    >>> structure(ct.nn.MLP(2, [4], 1)) == structure(ct.nn.MLP(2, [4], 1)), structure(ct.nn.MLP(2, [4], 1, "tanh"))[:1]
    (True, (<class 'cutaway.nn.networks.MLP'>,))
    """
    seen: dict[int, int] = {}

    def parts(value: Any) -> Iterator[Any]:
        if isinstance(value, Tree | Parameter | Buffer):
            yield type(value)
            if id(value) in seen:  # shared: which one, by its place
                yield seen[id(value)]
                return
            seen[id(value)] = len(seen)
            if isinstance(value, Tensor):
                yield value.shape, value.dtype, value.requires_grad
            else:
                yield from parts({k: v for k, v in vars(value).items() if k not in KEPT})
        elif isinstance(value, dict):
            for key, part in value.items():
                yield key
                yield from parts(part)
        elif isinstance(value, list | tuple):
            yield type(value), len(value)
            for part in value:
                yield from parts(part)
        elif isinstance(value, bool | int | float | str | None):
            yield type(value), value
        elif isinstance(value, Tensor | np.ndarray):
            yield id(value), _digest(value.data if isinstance(value, Tensor) else value)
        else:
            yield id(value)

    module.check_numbers()
    return tuple(parts(module))
