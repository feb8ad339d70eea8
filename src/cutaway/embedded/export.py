"""A trained network or estimator as machine code for other programs: an object file, a library, a WebAssembly
module."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from os import fspath
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.compile import example_input
from ..engines.objects import EntryPoint, KernelCall, NetworkSteps, StaticMemory, object_file, wasm_module
from ..errors import ArgumentError, CutawayError, ResourceError
from ..estimators.base import Estimator
from ..files import write_whole
from ..files.endings import check_ending
from ..named_inputs import NamedInputs
from ..nn import Module
from ..program import evaluation, trace_model
from . import answers
from .encodings import encoding
from .header import Argument, identifier, written

ENDINGS = (".wasm", ".so", ".o")
TARGETS = {"host": "baseline", "wasm32": "wasm32", "aarch64": "aarch64", "cortex-m4": "cortex-m4"}


@dataclass
class CompiledFile:
    """A model as machine code that was written: where it and its C header lie, for what, what goes in and comes out.

    name: the function is name_predict. bytes: of weights and constants, and of memory that it works in.
    """

    path: str
    header: str
    target: str
    name: str
    inputs: list[Argument]
    outputs: list[Argument]
    bytes: tuple[int, int]

    def __str__(self) -> str:
        return "\n".join((self.path, self.header, "in", *(f"  {a}" for a in self.inputs), "out",
                          *(f"  {a}" for a in self.outputs)))


def export_compiled(model: Any, path: Any, target: str | None = None, input: Any = None,
                    coverage: float | None = None) -> CompiledFile:
    """Write a network, or an estimator with its encoder, as machine code: path ends in .o, .so or .wasm.

    The function NAME_predict, NAME being the file's name, takes one row; NAME_text, where a table has columns of text,
    writes a cell into a row. They allocate nothing, call no library but libm, and work in memory of their own, so that
    one call is made at a time. The C header beside the file says what goes in and what comes out, and has a program
    that calls them. coverage: have it give a regressor's intervals, too, between which this share of targets lies.
    Raises ArgumentError for what has no code.
    """
    check_ending(path, "a compiled model", ENDINGS)
    ending = Path(path).suffix
    target = target or ("wasm32" if ending == ".wasm" else "host")
    if target not in TARGETS:
        raise ArgumentError(f"target must be {', '.join(TARGETS)}, got {target!r}")
    if (ending == ".wasm" and target != "wasm32") or (ending == ".so" and target != "host"):
        raise ArgumentError(f"a {ending} file is for {'wasm32' if ending == '.wasm' else 'this machine'}, got "
                            f"target={target!r}: name the file {Path(path).stem}.o")
    name, memory = identifier(Path(path).stem), StaticMemory()
    if isinstance(model, Estimator):
        made = _estimator(model, memory, name, input, coverage)
    elif coverage is not None:
        raise ArgumentError("coverage is of a Regressor's intervals, and this is a network: leave it out")
    elif isinstance(model, Module):
        made = _network(model, memory, name, input)
    else:
        raise ArgumentError(getattr(model, "no_single_network", None) or "a compiled model is of a network, a "
                            f"Classifier or a Regressor, got {type(model).__name__}")
    if ending == ".wasm":
        rooms = {a.name: a.count * np.dtype(a.dtype).itemsize for a in made.arguments}
        rooms |= {a.name: a.count for a in made.text_arguments[2:]}
        content = wasm_module(made.entries, memory, rooms)
    else:
        content = object_file(made.entries, memory, TARGETS[target])
    if ending == ".so":
        content = _linked(content)
    fixed, works = memory.sizes
    more = [f"Compiled by Cutaway for {target}: one row a call, {fixed:,} bytes of weights, {works:,} bytes to work",
            "in, which are its own: call it from one thread at a time.",
            "It allocates nothing and calls no library but libm."]
    if ending == ".wasm":
        functions = " and ".join(entry.name for entry in made.entries)
        more += [f"The module exports memory, {functions}, and for what these are given a function of its name that",
                 "gives the address of room for it: write there, call with these addresses, and read."]
    text = written(name, made.about, made.arguments, made.labels, bool(made.entries[0].answer), more,
                   made.text_arguments)
    header = Path(path).with_suffix(".h")
    write_whole(path, content)
    write_whole(header, text.encode())
    inputs, outputs = ([a for a in made.arguments if a.out == out] for out in (False, True))
    return CompiledFile(fspath(path), fspath(header), target, name, inputs, outputs, (fixed, works))


@dataclass
class _Made:
    """What a model becomes: functions, the first one's arguments, the names of classes, a line on the model, and the
    arguments of the second one, which takes cells of text."""

    entries: list[EntryPoint]
    arguments: list[Argument]
    labels: list[str]
    about: str
    text_arguments: list[Argument] = field(default_factory=list)


def _recorded(model: Module, example: Any) -> NetworkSteps:
    if example is None:
        try:
            example = example_input(model)
        except CutawayError as reason:
            raise ArgumentError(f"the input that this {type(model).__name__} takes is not known from its first layer "
                                f"({reason}): pass ct.export(..., input=), a row or two of data") from None
    listing = evaluation(trace_model(model, None, NamedInputs.of(example)))
    arrays = {name: t.data for name, t in (*model.named_parameters(), *model.named_buffers())}
    return NetworkSteps(listing, arrays)


def _network(model: Module, memory: StaticMemory, name: str, example: Any) -> _Made:
    network = _recorded(model, example)
    inputs, out = network.listing.inputs, network.listing.output
    arguments = [Argument(identifier(v.name), v.dtype.name, v.shape or (1,), "what the network takes") for v in inputs]
    shape = out.shape_at(1)[1:] or (1,)
    arguments.append(Argument("outputs", out.dtype.name, shape, "as the loss takes them", out=True))
    steps = network.steps(memory, {v.name: k for k, v in enumerate(inputs)}, len(inputs))
    return _Made([EntryPoint(f"{name}_predict", tuple(a.dtype for a in arguments), steps)], arguments, [], f"{model!r}")


def _estimator(model: Any, memory: StaticMemory, name: str, example: Any, coverage: float | None) -> _Made:
    if example is not None:
        raise ArgumentError("input is for a network; an estimator knows what it takes: leave it out")
    given = encoding(model)
    said = answers.answers(model, coverage)
    network = _recorded(model.model_, model.inputs_.example(model.encoder_))
    x, *lengths = network.listing.inputs
    features = memory.place("features of a row", np.zeros(x.width, x.dtype), changes=True)
    raw = memory.place("raw outputs", np.zeros(model.design_.n_out, network.dtype), changes=True)
    label = memory.place("number of a class", np.zeros(1, np.int32), changes=True)
    inputs: dict[str, str | int] = {x.name: features}
    inputs |= {v.name: memory.place("time steps of a row", np.zeros(1, np.int32), changes=True) for v in lengths}
    if len(lengths) != given.lengths:
        raise ArgumentError(f"the network takes {', '.join(v.name for v in network.listing.inputs)}, for which "
                            f"{model.inputs_.many} have no code in C: ct.export(model.model_, path) writes it alone")
    count, dtype = len(given.arguments), network.dtype.name
    arrays = [memory.place(what, np.asarray(a)) for what, a in given.arrays.items()]
    steps = [KernelCall(given.text, dtype, [(k, 0) for k in (*range(count), *inputs.values(), *arrays)], []),
             *network.steps(memory, inputs, raw)]
    for k, part in enumerate(said):
        held = [memory.place(what, a) for what, a in part.arrays.items()]
        operands: list[str | int] = [raw, count + k, label, *held]
        steps.append(KernelCall(part.text, dtype, [(o, 0) for o in operands], []))
    arguments = [*given.arguments, *(part.argument for part in said)]
    about = f"a {type(model).__name__} of {model.inputs_.many}: {model.design_.task}, target " + ", ".join(
        model.target_encoder_.names)
    entries = [EntryPoint(f"{name}_predict", tuple(a.dtype for a in arguments), steps, label)]
    if given.texts is None:
        return _Made(entries, arguments, list(said[0].labels), about)
    known = memory.place("what is known of a text", np.zeros(1, np.int32), changes=True)
    held = [memory.place(what, a) for what, a in given.texts.arrays.items()]
    cell: list[str | int] = [0, 1, 2, known, *held]
    step = KernelCall(given.texts.text, dtype, [(o, 0) for o in cell], [])
    kinds = tuple(a.dtype for a in given.texts.arguments)
    entries.append(EntryPoint(f"{name}_text", kinds, [step], known, values=(1,)))
    return _Made(entries, arguments, list(said[0].labels), about, given.texts.arguments)


def _linked(content: bytes) -> bytes:
    """Make a shared library of an object file, by the system's C compiler: LLVM alone has no linker."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise ArgumentError("a .so file needs a C compiler (cc) to link it, and there is none: export a .o file, which "
                            "needs none, and link that where it is used")
    with tempfile.TemporaryDirectory() as place:
        given, made = Path(place) / "model.o", Path(place) / "model.so"
        given.write_bytes(content)
        done = subprocess.run([compiler, "-shared", "-o", str(made), str(given), "-lm"], capture_output=True, text=True)
        if done.returncode:
            raise ResourceError(f"{compiler} could not link the model: {done.stderr.strip()[-500:]}")
        return made.read_bytes()
