"""Losses as functions on Tensors: raw outputs z and targets y in, J out, the mean of one loss per sample.

Each is also known by its name to `ct.fit` and `ct.compile`. `weight` gives each sample a weight; J is then
Σ w ℓ / B, so scale weights to a mean of 1 (fit does). Outputs (n, k, out) are those of k members (nn/members.py): all
learn the targets (n,) or (n, out), and ℓ is the mean of their losses, not the loss of their mean.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from itertools import pairwise

import numpy as np

from . import habits
from .autodiff import Tensor, apply, recording
from .errors import ArgumentError, ShapeError


def _in_our_words(f: Callable) -> Callable:
    """Make a loss explain arguments that belong to other libraries' losses."""
    taken = inspect.signature(f).parameters

    @wraps(f)
    def called(*given, **named):
        habits.check_settings(f"ct.losses.{f.__name__}", named, taken)
        return f(*given, **named)

    return called


def _mean(l: Tensor, weight, classes: int = 0) -> Tensor:
    """Average one loss a row, or compute Σ w ℓ / rows with a weight for each."""
    if weight is None:
        return apply("mean", l, axis=None, keepdims=False)
    w = _fixed("weights", weight)
    if w.shape not in (l.shape, (*l.shape, 1)):
        ours = "; one number a class is class_weight=" if classes else ""
        raise ShapeError(f"weight has shape {w.shape}, and there are {l.size} rows: it is one number a row{ours}")
    if w.shape == (classes,) and recording() is None:
        raise ArgumentError(
            f"weight has {classes} numbers where there are as many rows as classes: write weight=w[:, None] for rows, "
            "class_weight=w for classes"
        )
    return apply("weighted_mean", l, w if w.shape == l.shape else apply("reshape", w, shape=l.shape))


def _fixed(what: str, given) -> Tensor:
    """Make targets or weights a Tensor. Losses give them no gradient, so a Tensor that requires one is refused."""
    t = given if isinstance(given, Tensor) else Tensor(given)
    if t.requires_grad:
        raise ArgumentError(
            f"the {what} of a loss are fixed numbers, but these depend on something with requires_grad=True, which "
            "would get no gradient: pass a plain array, or write the loss with ct.ops, as ((z - y) ** 2).mean()"
        )
    return t


def matching(name: str, z, y) -> tuple[Tensor, Tensor]:
    """Give outputs and targets one shape; y (n,) also fits z (n, 1), and members' outputs. Nothing else broadcasts."""
    z, y = z if isinstance(z, Tensor) else Tensor(z), _fixed("targets", y)
    y = _for_members(z, y)
    if z.shape != y.shape and z.shape != (*y.shape, 1):
        raise ShapeError(
            f"{name}: the network gives outputs of shape {z.shape} but the targets have shape {y.shape}. They must be "
            f"equal (or (n,) beside (n, 1)): give the last layer {y.shape[1] if y.ndim > 1 else 1} outputs, or "
            "reshape y"
        )
    if y.dtype != z.dtype:
        y = Tensor(y.data.astype(z.dtype)) if y.tape is None else y
    return z, y


def _for_members(z: Tensor, y: Tensor) -> Tensor:
    """Repeat targets (n, out), or (n,) where out is 1, for each of the members whose outputs (n, k, out) are."""
    if z.ndim != 3 or z.shape[::2] not in (y.shape, (*y.shape, 1)):
        return y
    one = apply("reshape", y, shape=(z.shape[0], 1, z.shape[2]))
    return apply("index", one, key=(slice(None), np.zeros(z.shape[1], np.int64)))


@_in_our_words
def mse(z, y, weight=None) -> Tensor:
    """Mean squared error: ℓ = mean over outputs of (z - y)².

    >>> import cutaway as ct
    >>> ct.losses.mse(ct.Tensor([[1.0], [3.0]]), [[0.0], [0.0]]).item()
    5.0
    """
    return _mean(apply("mse", *matching("mse", z, y)), weight)


@_in_our_words
def half_mse(z, y, weight=None) -> Tensor:
    """ℓ = mean over outputs of ½ (z - y)², the lecture's worked example."""
    return _mean(apply("half_mse", *matching("half_mse", z, y)), weight)


@_in_our_words
def mae(z, y, weight=None) -> Tensor:
    """Mean absolute error: ℓ = mean over outputs of |z - y|."""
    return _mean(apply("mae", *matching("mae", z, y)), weight)


@_in_our_words
def huber(z, y, weight=None, delta: float = 1.0) -> Tensor:
    """Squared near zero, absolute beyond δ: ℓ = d²/2 if |d| < δ else δ (|d| - δ/2), with d = z - y (Huber, 1964)."""
    return _mean(apply("huber", *matching("huber", z, y), delta=float(delta)), weight)


def checked_quantiles(quantiles) -> tuple[float, ...]:
    """Read which quantiles are wanted: shares of the targets that lie below, rising. Raises ArgumentError.

    >>> checked_quantiles([0.1, 0.5]), checked_quantiles(0.9)
    ((0.1, 0.5), (0.9,))
    """
    try:
        levels = tuple(map(float, np.ravel(quantiles))) if not isinstance(quantiles, str | bytes) else ()
    except (TypeError, ValueError):
        levels = ()
    inside = all(0 < level < 1 for level in levels)
    if not levels or not inside or any(a >= b for a, b in pairwise(levels)):
        raise ArgumentError(f"quantiles are {quantiles!r}: give numbers above 0 and below 1, each once and in rising "
                            "order, such as (0.05, 0.5, 0.95).")
    return levels


def middle_of(levels: tuple[float, ...]) -> int:
    """The place of the quantile nearest to the median, from which the others are laid outward."""
    return min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))


@_in_our_words
def quantile(z, y, weight=None, quantiles=(0.05, 0.5, 0.95)) -> Tensor:
    """The pinball loss of several quantiles at once: ℓ = mean over them of max(t (y - q), (t - 1)(y - q)).

    It is least where a share t of the targets lies below q (Koenker and Bassett, Econometrica 46, 1978). Outputs z (n,
    quantiles) are made rising first, so that none crosses another: of the quantile nearest to the median q = z, from it
    outward log(1 + e^z) is added or taken away (`ct.ops.rising`). y is (n,) or (n, 1).

    >>> import cutaway as ct
    >>> ct.losses.quantile([[1.0], [1.0]], [3.0, 0.0], quantiles=(0.9,)).item()         # (0.9 · 2 + 0.1 · 1) / 2
    0.95
    """
    levels = checked_quantiles(quantiles)
    z, y = z if isinstance(z, Tensor) else Tensor(z), _fixed("targets", y)
    if z.ndim != 2 or z.shape[1] != len(levels):
        raise ShapeError(f"quantile: the network gives outputs of shape {z.shape}, and there are {len(levels)} "
                         f"quantiles: give the last layer {len(levels)} outputs")
    if y.shape not in (z.shape[:1], (*z.shape[:1], 1)):
        raise ShapeError(f"quantile: targets are one number a row, {z.shape[:1]}, got {y.shape}")
    if y.dtype != z.dtype and y.tape is None:
        y = Tensor(y.data.astype(z.dtype))
    if y.ndim == 2:
        y = apply("reshape", y, shape=z.shape[:1])
    q = z if len(levels) == 1 else apply("rising", z, middle=middle_of(levels))
    return _mean(apply("pinball", q, y, Tensor(np.array(levels, z.dtype if z.dtype.kind == "f" else np.float64))),
                 weight)


@_in_our_words
def poisson(z, y, weight=None) -> Tensor:
    """Half the Poisson deviance of counts y ≥ 0, z being the logarithm of ŷ: ℓ = mean of e^z - y z + y log y - y."""
    return _mean(apply("poisson", *matching("poisson", z, y)), weight)


@_in_our_words
def binary_cross_entropy(z, y, weight=None) -> Tensor:
    """On logits z, targets y in [0, 1]: ℓ = max(z, 0) - z y + log(1 + e^-|z|), the mean over outputs."""
    return _mean(apply("binary_cross_entropy", *matching("binary_cross_entropy", z, y))[0], weight)


@_in_our_words
def cross_entropy(z, y, weight=None, class_weight=None) -> Tensor:
    """On logits z (n, C): ℓ = logsumexp(z) - z_y. y (n,) holds class numbers 0..C-1, or y (n, C) probabilities.

    Of members' logits z (n, k, C), ℓ is the mean of k losses.

    weight: one number a row, (n,) or (n, 1), as in every loss; PyTorch's `weight` is class_weight here. class_weight
    (C,): the loss of a row times the weight of its class, Σ w ℓ / rows (PyTorch divides by Σ w for class numbers).

    >>> import cutaway as ct
    >>> z, y = [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]], [0, 0, 1]
    >>> round(ct.losses.cross_entropy(z, y, class_weight=[1.0, 4.0]).item(), 4)  # log 2 · (1 + 1 + 4) / 3
    1.3863
    """
    z, y = z if isinstance(z, Tensor) else Tensor(z), _fixed("targets", y)
    if z.ndim not in (2, 3):
        raise ShapeError(f"cross_entropy: outputs must be (n, classes), got {z.shape}")
    classes, by_class = z.shape[-1], None
    if isinstance(class_weight, dict):
        raise ArgumentError(f"class_weight is one number a class, in order, a list or array, got {class_weight!r}")
    if class_weight is not None:
        by_class = Tensor(np.asarray(class_weight, z.dtype if z.dtype.kind == "f" else np.float64))
        if by_class.shape != (classes,) or not (by_class.data >= 0).all():
            raise ShapeError(f"class_weight is one number >= 0 a class ({classes}), got {class_weight!r}")
    if y.shape == z.shape[:1] and y.tape is None and recording() is None and y.dtype.kind in "bf":
        if y.dtype.kind == "f" and not np.all(y.data == np.floor(y.data)):
            raise ArgumentError(
                "cross_entropy takes class numbers 0, 1, ... or (n, C) probabilities, but y has fractions or gaps"
            )
        y = Tensor(y.data.astype(np.int64))
    if y.dtype.kind == "f":
        if y.shape == z.shape[:1]:
            raise ArgumentError(
                f"cross_entropy: class numbers must be whole numbers, and these are {y.dtype}, as everything is that "
                "lies in one array with other targets: give each class a column there, np.eye(classes)[numbers]"
            )
        z, y = matching("cross_entropy", z, y)
        y = y if by_class is None else apply("mul", y, by_class)
        l = apply("soft_cross_entropy", z, y)[0]
        return _mean(l if z.ndim == 2 else apply("mean", l, axis=1, keepdims=False), weight, classes)
    if y.shape != z.shape[:1]:
        raise ShapeError(f"cross_entropy: class numbers must have shape {z.shape[:1]}, got {y.shape}")
    if y.tape is None and y.size and (y.data.min() < 0 or y.data.max() >= classes):
        raise ShapeError(
            f"cross_entropy: {classes} outputs are for classes 0 to {classes - 1}, but y has classes "
            f"{y.data.min()} to {y.data.max()}: give the last layer more outputs, or number the classes from 0"
        )
    l = apply("cross_entropy" if z.ndim == 2 else "member_cross_entropy", z, y)[0]
    if by_class is not None:
        of_rows = apply("embedding", y, apply("reshape", by_class, shape=(classes, 1)))
        l = apply("mul", l, apply("reshape", of_rows, shape=l.shape))
    return _mean(l, weight, classes)


LOSSES: dict[str, Callable] = {
    f.__name__: f for f in (mse, half_mse, mae, huber, quantile, poisson, binary_cross_entropy, cross_entropy)
}


def get(loss: str | Callable) -> Callable:
    """Look a loss up by name; a function is itself."""
    if callable(loss):
        habits.refuse_foreign(loss=loss)
        return loss
    if loss not in LOSSES:
        ours = f" (in Cutaway: {habits.LOSSES[loss]})" if loss in habits.LOSSES else ""
        raise ArgumentError(
            f"no loss is called {loss!r}{ours}: use one of {', '.join(LOSSES)}, or a function (z, y) -> J"
        )
    return LOSSES[loss]


def name_of(loss: str | Callable) -> str:
    """The name by which `get` finds a loss; "" for a user's own function."""
    found = get(loss)
    found = getattr(found, "func", found)  # quantile with levels of its own
    return next((name for name, known in LOSSES.items() if known is found), "")


def takes_weight(function: Callable) -> bool:
    """Whether a loss or metric has an argument `weight`, for the weights of samples."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.name == "weight" or p.kind is p.VAR_KEYWORD for p in parameters)


def refuse_weights(loss: Callable) -> None:
    """Raise ArgumentError for a loss that would not see weights of samples."""
    if not takes_weight(loss):
        name = getattr(loss, "__name__", "loss")
        raise ArgumentError(
            f"there are weights of samples, but the loss {name} takes none: give it an argument for them, "
            f"def {name}(z, y, weight=None), as in (weight * l).mean() with one loss a sample in l"
        )


def __getattr__(name: str):
    raise habits.UnknownName("ct.losses", name, habits.LOSSES, lambda: LOSSES)
