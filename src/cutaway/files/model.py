"""save and load: a model as one file of arrays and a JSON description, from which no code ever runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import nn
from ..autodiff import Tensor
from ..engines import example_input
from ..errors import ArgumentError, CutawayError, FileError
from ..named_inputs import NamedInputs
from ..nn import init
from ..program import trace_model
from . import architecture, container, program, trial
from .endings import MODEL, OTHERS, check_ending
from .plain import decode, encode
from .restored import Restored

DTYPES = ("float32", "float64")
OWN = ("", "_theta", "_evaluators", "_restored")  # names that a module needs itself
INITIALISERS: dict[str, Callable] = {
    f.__name__: f
    for f in (init.zeros, init.ones, init.he_normal, init.lecun_normal, init.glorot_uniform, init.standard_normal,
              init.orthogonal, init.orthogonal_gates, init.glorot_lstm, init.glorot_gru, init.remember)
}


@dataclass(frozen=True)
class Kind:
    """A kind of object beside Module that can be saved: how it is taken apart, and put together again."""

    type: type
    parts: Callable[[Any], tuple[nn.Module, dict[str, Any], Any]]
    rebuild: Callable[[nn.Module, dict[str, Any]], Any]
    example: Callable[[Any], Any]


KINDS: dict[str, Kind] = {}


def register(kind: str, type: type, parts: Callable[[Any], tuple[nn.Module, dict[str, Any], Any]],
             rebuild: Callable[[nn.Module, dict[str, Any]], Any],
             example: Callable[[Any], Any] = lambda _: None) -> None:
    """Let save and load handle objects of `type`, which files then call `kind`.

    parts(object) -> (module, extra, example): extra is a dict of plain values (numbers, text, None, lists, tuples and
    dicts of them), example some rows of the module's input, or None. rebuild(module, extra) -> object.
    example(object) -> rows as parts gives them, which a rebuilt object must make as the saved one did, or None.
    """
    KINDS[kind] = Kind(type, parts, rebuild, example)


# ---- saving ----------------------------------------------------------------------------------------------------------


def save(model: Any, path: Any, *, input: Any = None, extra: dict[str, Any] | None = None,
         kind: str = "module") -> None:
    """Write a model (or estimator) to exactly this path, whole or not at all.

    >>> import cutaway as ct, pathlib, tempfile
    >>> net, path = ct.nn.MLP(2, [8], 1), pathlib.Path(tempfile.mkdtemp()) / "net.safetensors"
    >>> ct.save(net, path)
    >>> ct.load(path)
    MLP(2 -> 8 -> 1, relu, 33 parameters)

    input: an example (a row or more) where the first layer does not fix the shape of the model's input. extra: plain
    values kept beside the model. Raises FileError where the file cannot be written; an old file then stays as it was.
    Raises ArgumentError for a name that promises another kind of file, such as "net.onnx" or "net.pt".
    """
    check_ending(path, "a model", (*MODEL, ""), free=True, hint=OTHERS)
    for name, known in KINDS.items():
        if isinstance(model, known.type):
            kind = name
            model, extra, example = known.parts(model)
            input = example if input is None else input
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"save takes a model or an estimator, got {type(model).__name__}")
    container.write_whole(path, _content(model, input, extra or {}, kind))


def _content(model: nn.Module, example: Any, extra: dict[str, Any], kind: str) -> bytes:
    layers = architecture.to_json(model)
    parameters, buffers = list(model.named_parameters()), list(model.named_buffers())
    arrays = {name: t.data for name, t in [*parameters, *buffers]}
    steps, constants = program.to_json(_recorded(model, example, layers), set(arrays))
    description = {
        "cutaway": _version(), "kind": kind, "class": architecture.class_name(model), "dtype": model.dtype.name,
        "parameters": [{"name": name, "init": _initialiser(p), "frozen": not p.requires_grad}
                       for name, p in parameters],
        "buffers": [{"name": name, "start": _start(b)} for name, b in buffers],
        "architecture": layers, "program": steps, "extra": encode(extra, "extra"),
    }
    arrays |= constants
    try:  # what load would refuse must not be written
        _checked(description, arrays)
    except FileError as error:
        raise ArgumentError(f"this {type(model).__name__} cannot be saved: {error}") from None
    return container.pack(description, arrays)


def _recorded(model: nn.Module, example: Any, layers: dict[str, Any]) -> Any:
    """Record the model's evaluation, on the example or on what its first layer takes."""
    if example is not None:
        return trace_model(model, None, example)
    try:
        example = example_input(model)
        if architecture.customs(layers) and not hasattr(model, "example_input"):
            if np.asarray(example).dtype.kind == "i":
                raise ArgumentError("how many whole numbers it takes is not known")
            if any(isinstance(m, nn.RecurrentLayer) for _, m in model.named_modules()):
                raise ArgumentError("how many time steps it takes is not known")
        return trace_model(model, None, example)
    except CutawayError as error:
        raise ArgumentError(
            f"the input that this {type(model).__name__} takes is not known from its first layer ({error}): pass "
            "ct.save(..., input=), a row or two of data"
        ) from None


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cutaway")
    except PackageNotFoundError:
        return "unknown"


def _initialiser(p: nn.Parameter) -> str:
    name = getattr(p.init, "__name__", "")
    return name if INITIALISERS.get(name) is p.init else ""


def _start(b: nn.Buffer) -> float | None:
    """The one number that a buffer started from, or None where it started from several."""
    first = float(b.start.flat[0]) if b.size else 0.0
    return first if (b.start == first).all() and np.isfinite(first) else None


# ---- loading ---------------------------------------------------------------------------------------------------------


@dataclass
class _Checked:
    """A description whose every part was checked."""

    kind: str
    class_name: str
    dtype: str
    parameters: dict[str, dict[str, Any]]
    buffers: dict[str, float | None]
    architecture: dict[str, Any]
    customs: set[str]
    program: program.Saved
    extra: dict[str, Any]


def load(path: Any, custom: Mapping[str, Callable[[], nn.Module]] | None = None) -> Any:
    """Load the model or estimator in a file that `save` wrote. Nothing in a file is ever run or imported.

    Networks of standard layers come back as they were. Other models come back as `Restored`, which replays the saved
    program; custom={"MyNet": MyNet} (a class, or a function that builds a model) gives the Python object back.
    Raises FileError for a file that is missing, damaged, cut short, newer than this version or not ours.
    """
    path = container.path_of(path)
    with container.about(path):
        header, arrays = container.read(path)
        with _by_another(header.description):
            checked = _checked(header.description, arrays)
            model = _model(checked, arrays, dict(custom or {}))
        if checked.kind == "module":
            return model
        if checked.kind not in KINDS:
            raise FileError(f"it holds a model of kind {checked.kind!r}, and none is registered under that name")
        kind = KINDS[checked.kind]
        try:
            back = kind.rebuild(model, checked.extra)
            example = kind.example(back)
        except FileError:
            raise
        except Exception as error:  # what a damaged extra does to it is anybody's guess
            said = f"{type(error).__name__}: {error!s:.200}"
            raise FileError(f"its {checked.kind} cannot be rebuilt ({said})") from error
        _check_input(example, checked.program)
        return back


@contextmanager
def _by_another(d: dict[str, Any]) -> Iterator[None]:
    """Make errors in the block name the version that wrote the file, where it was another one."""
    try:
        yield
    except FileError as error:
        wrote = d.get("cutaway")
        if wrote == _version() or type(wrote) is not str or not wrote.isprintable():
            raise
        raise FileError(f"{error} (Cutaway {wrote:.20} wrote it, and this is {_version()})") from error.__cause__


def _check_input(example: Any, saved: program.Saved) -> None:
    """Check that an encoder makes what the program was tried on: a file could ask for an image of a terabyte."""
    wanted = {saved.slots[i].name: saved.slots[i].shape for i in saved.inputs}
    rows = {} if example is None else {name: part.shape[1:] for name, part in NamedInputs.of(example).arrays.items()}
    if rows and rows != wanted:
        raise FileError(f"it is damaged (its encoder makes rows of {rows}, its program takes {wanted})")


def describe(path: Any) -> dict[str, Any]:
    """Read what a model file says about itself, without reading its arrays: class, layers, program, extra, sizes.

    >>> import cutaway as ct, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "net.safetensors"
    >>> ct.save(ct.nn.MLP(2, [8], 1), path)
    >>> about = describe(path)
    >>> about["class"], about["inputs"], about["tensors"]["layer1.weight"]
    ('MLP', [{'name': 'x', 'shape': (2,), 'dtype': 'float32'}], {'shape': (8, 2), 'dtype': 'float32'})
    """
    path = container.path_of(path)
    if path.lower().endswith(".onnx"):
        raise FileError(f"{path} is an ONNX network: `cutaway inspect`, `cutaway trace` and `cutaway step` take it. In "
                        "Python, ct.load(path) makes it a network that predicts and trains")
    with container.about(path):
        header = container.read_header(path)
        with _by_another(header.description):
            checked = _read(header.description, {name: shape for name, (_, shape) in header.tensors.items()})
    slots = checked.program.slots
    return header.description | {
        "extra": checked.extra,
        "inputs": [{"name": s.name, "shape": s.shape, "dtype": s.dtype} for s in slots if s.role == "input"],
        "tensors": {name: {"shape": shape, "dtype": dtype.name} for name, (dtype, shape) in header.tensors.items()},
    }


def _read(d: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> _Checked:
    """Check each part of a description by itself."""
    what = "its description"
    if d.get("kind") == "checkpoint":
        raise FileError("this is no model file but a checkpoint: give its folder to ct.fit(..., resume=...)")
    program.text(d, "cutaway", what)
    dtype = program.text(d, "dtype", what)
    if dtype not in DTYPES:
        raise FileError(f"it is damaged (its dtype is {dtype!r})")
    parameters = {program.text(p, "name", what): p for p in program.field(d, "parameters", list, what)}
    buffers = {program.text(b, "name", what): b.get("start") for b in program.field(d, "buffers", list, what)}
    for p in parameters.values():
        program.field(p, "frozen", bool, what)
        program.field(p, "init", str, what)
    if any(start is not None and type(start) not in (int, float) for start in buffers.values()):
        raise FileError("it is damaged (a buffer's start is no number)")
    names = parameters.keys() | buffers.keys()
    if len(names) != len(d["parameters"]) + len(d["buffers"]) or any(hasattr(nn.Module, n) or n in OWN for n in names):
        raise FileError("it is damaged (the name of a parameter or buffer is wrong, or stands twice)")
    for name in sorted(names):
        if name not in shapes:
            raise FileError(f"{name!r} is missing: use another copy, or save the model again")
    saved = program.from_json(program.field(d, "program", dict, what), shapes)
    for slot in saved.slots:
        if slot.tensor and (slot.tensor in parameters, slot.tensor in buffers) != (
            slot.role == "parameter", slot.role == "buffer"):
            raise FileError(f"it is damaged ({slot.tensor!r} is no {slot.role})")
    if unknown := shapes.keys() - names - set(saved.stored.values()):
        raise FileError(f"it is damaged (nothing uses {min(unknown)!r})")
    layers, extra = program.field(d, "architecture", dict, what), decode(program.field(d, "extra", dict, what))
    if not isinstance(extra, dict):
        raise FileError(f"it is damaged (its extra values are {extra!r:.40})")
    return _Checked(
        program.text(d, "kind", what), program.text(d, "class", what), dtype, parameters, buffers, layers,
        architecture.customs(layers), saved, extra,
    )


def _checked(d: dict[str, Any], arrays: dict[str, np.ndarray]) -> _Checked:
    """Check a description against the arrays, and try its program."""
    checked = _read(d, {name: a.shape for name, a in arrays.items()})
    for name in checked.parameters | checked.buffers:
        if arrays[name].dtype != checked.dtype:
            raise FileError(f"it is damaged ({name} is {arrays[name].dtype} in a model of {checked.dtype})")
    trial.check(checked.program, arrays)
    return checked


def _model(checked: _Checked, arrays: dict[str, np.ndarray], custom: dict[str, Callable[[], nn.Module]]) -> nn.Module:
    names = {**checked.parameters, **checked.buffers}
    state = {name: arrays[name] for name in names}
    known = checked.customs & custom.keys()
    if checked.customs and not known:
        return _restored(checked, arrays)
    if lacking := checked.customs - known:
        raise FileError(f"custom= has {', '.join(sorted(known))}, the model needs {', '.join(sorted(lacking))}")
    model = architecture.build(checked.architecture, custom, sum(a.size for a in state.values()))
    try:
        model.astype(checked.dtype).load_state_dict(state, layout="cutaway")
    except CutawayError as error:
        hint = f": what custom= builds for {', '.join(sorted(known))} is not what was saved" if known else ""
        raise FileError(f"its parameters do not fit its layers ({error}){hint}") from None
    if not known:
        architecture.check_windows(model, checked.program)
    for name, p in model.named_parameters():
        p.requires_grad = not checked.parameters[name]["frozen"]
        p.init = INITIALISERS.get(checked.parameters[name]["init"], p.init)
    return model


def _restored(checked: _Checked, arrays: dict[str, np.ndarray]) -> Restored:
    tensors: dict[str, Tensor] = {}
    for name, entry in checked.parameters.items():
        p = tensors[name] = nn.Parameter(arrays[name].shape, init.zeros)
        p.data, p.requires_grad, p.learnt = arrays[name].copy(), not entry["frozen"], True
        p.init = INITIALISERS.get(entry["init"]) or partial(_unknown, name)
    for name, start in checked.buffers.items():
        array = arrays[name]
        tensors[name] = nn.Buffer(array if start is None else np.full(array.shape, start))
        tensors[name].data = array.copy()
    constants = {name: arrays[name].copy() for name in checked.program.stored.values() if name not in tensors}
    return Restored(checked.class_name, checked.program, tensors, constants)


def _unknown(name: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    raise ArgumentError(
        f"how {name} starts is not in its file, because its initialiser is not one of ct.nn.init: load the model with "
        "custom={name of its class: the class} to draw its weights anew"
    )
