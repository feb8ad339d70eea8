"""One table: what each type of ONNX node is in Cutaway's operations, by the version of the operator.

A function takes where it is called (`at`: network.py), then the node's inputs (None for one that is not given), then
its settings by name, and gives its outputs. What is an input in one version and a setting in another has one name, so
that the same function serves both. Where versions mean something else, there are several functions, and the newest one
counts that is not newer than the node's version.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from .file import OnnxNode
from .values import Fixed

NODES: dict[tuple[str, str], dict[int, Callable[..., Any]]] = {}
#: What would do, where there is no row: in words, by the type of node.
INSTEAD = {
    "Scan": "a scan is read as a recurrent layer (RNN, LSTM, GRU) or as a Loop: export the layer itself",
    "ConvTranspose": "upsampling by repetition and a Conv behind it is the nearest there is",
    **dict.fromkeys(("QLinearConv", "QLinearMatMul", "MatMulInteger", "ConvInteger", "DynamicQuantizeLinear"),
                    "export the network before it is quantised"),
    **dict.fromkeys(("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble", "SVMClassifier",
                     "SVMRegressor"), "it is no network: there is nothing to train or trace"),
    **dict.fromkeys(("LabelEncoder", "OneHotEncoder", "StringNormalizer", "TfIdfVectorizer", "CategoryMapper"),
                    "text is prepared outside of the network: export what comes behind it"),
    **dict.fromkeys(("NonZero", "TopK", "Unique", "NonMaxSuppression", "Compress"),
                    "how many values it gives depends on the data, and a program has fixed shapes"),
    **dict.fromkeys(("Round", "Floor", "Ceil", "Sign"), "its slope is zero: nothing behind it could be trained"),
}


def node(*names: str, since: int = 1, domain: str = "") -> Callable[[Callable], Callable]:
    """Enter a function into the table, for these types of nodes from this version on."""
    def enter(function: Callable) -> Callable:
        for name in names:
            NODES.setdefault((domain, name), {})[since] = function
        return function

    return enter


def row_of(n: OnnxNode) -> Callable[..., Any] | None:
    """The function for a node: the newest that is not newer than its version."""
    versions = NODES.get((n.domain, n.op), {})
    since = max((v for v in versions if v <= n.version), default=None)
    return None if since is None else versions[since]


def why_not(n: OnnxNode) -> str:
    """Say what is lacking for a node that has no row."""
    versions = NODES.get((n.domain, n.op))
    if versions:
        return f"{n} is older than what is read ({min(versions)}): convert it with onnx.version_converter"
    more = INSTEAD.get(n.op, "put a function for it into cutaway.onnx.NODES, made of ct.ops")
    return f"{n} is of a type that is not read: {more}"


def call(n: OnnxNode, at: Any, inputs: list[Any]) -> tuple[Any, ...]:
    """Call a node's row. Raises FileError that names the node for what the row does not take."""
    row = row_of(n)
    if row is None:
        raise at.refused(why_not(n))
    taken = signature(row).parameters.values()
    names = [p.name for p in taken if p.kind is Parameter.POSITIONAL_OR_KEYWORD][1:]
    several = any(p.kind is Parameter.VAR_POSITIONAL for p in taken)
    free = any(p.kind is Parameter.VAR_KEYWORD for p in taken)
    known = {p.name for p in taken}
    if not several and len(inputs) > len(names):
        raise at.refused(f"{n} has {len(inputs)} inputs, of which {len(names)} are read")
    if not free and (unknown := [name for name in n.settings if name not in known]):
        raise at.refused(f"{n} has the setting {unknown[0]}, which is not read")
    given = {} if several else {name: value for name, value in zip(names, inputs, strict=False) if value is not None}
    if both := given.keys() & n.settings.keys():
        raise at.refused(f"{n} is given {min(both)} twice, as an input and as a setting")
    if lacking := [p.name for p in taken if p.default is Parameter.empty and p.name in names
                   and p.name not in given | n.settings]:
        raise at.refused(f"{n} lacks {lacking[0]}")
    made = row(at, *inputs, **n.settings) if several else row(at, **given, **n.settings)
    return made if isinstance(made, tuple) else (made,)


def known(at: Any, value: Any, what: str) -> Any:
    """The numbers of an input that must be known beforehand, as an array or a plain list of whole numbers."""
    if isinstance(value, Fixed):
        return value.array
    if isinstance(value, int | float | list):
        return value
    raise at.refused(f"{what} is computed from the data, and a program has fixed shapes and settings")


def wholes(at: Any, value: Any, what: str) -> list[int] | None:
    """Whole numbers from a setting or an input, as a list; None where it is not given."""
    if value is None:
        return None
    found = known(at, value, what)
    return [int(v) for v in (found.ravel() if hasattr(found, "ravel") else found if isinstance(found, list)
                             else [found])]


def one_axis(at: Any, axis: Any, ndim: int) -> int:
    """An axis counted from the front."""
    k = int(axis)
    if not -ndim <= k < ndim:
        raise at.refused(f"there is no axis {k} among {ndim}")
    return k % ndim


