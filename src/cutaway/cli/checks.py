"""What a command checks before it starts: options, and whether its outputs can be written at the end."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from ..errors import ArgumentError, CutawayError, FileError
from ..text import quoted


def checkpoints(folder: Path | None, resume: bool) -> None:
    """Check that checkpoints can be written into a folder, which is made, and that those of another run stay.

    Raises ArgumentError or FileError saying what is in the way, before anything was computed.
    """
    if folder is None:
        if resume:
            raise ArgumentError("--resume goes on from the checkpoints in a folder: name it with --checkpoint.")
        return
    from ..train.checkpoint import Checkpoints

    Checkpoints(folder).make_folder(going_on=resume)


def output(path: Path, what: str, endings: Sequence[str], inputs: Sequence[Path] = ()) -> Path:
    """Check that a file with such an ending can be written at a path; `inputs` must not be overwritten.

    Raises ArgumentError or FileError saying what is in the way, before anything was computed.
    """
    reachable(path, what)
    if path.is_dir():
        raise FileError(f"{what} {path} is a folder: name a file in it, such as {path / ('name' + endings[0])}.")
    if not path.name.lower().endswith(tuple(endings)):
        raise ArgumentError(f"{what} {path}: its name must end in {' or '.join(endings)}.")
    if path.exists() and not path.is_file():
        raise FileError(f"{what} {path} is no regular file: name another.")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise FileError(f"{what} {path}: there is no folder {path.parent}. Create it first.")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise FileError(f"{what} {path} cannot be written: choose a place where you may write.")
    for other in inputs:
        if other.exists() and path.exists() and other.samefile(path):
            raise ArgumentError(f"{what} {path} is the file that is read: it would be lost. Choose another name.")
    return path


def reachable(path: Path, what: str) -> None:
    """Raise FileError where the system cannot say what a path leads to: links in a circle, a name that is too long."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # there may be a file one day, or other checks know better words
    except (OSError, ValueError) as error:  # ValueError: a null byte
        circle = isinstance(error, OSError) and error.errno == errno.ELOOP
        why = "its links lead in a circle" if circle else getattr(error, "strerror", None) or str(error)
        raise FileError(f"{what} {path} cannot be used ({why}): name another.") from None


def columns(wanted: Sequence[str], known: Sequence[str], option: str, where: str) -> list[str]:
    """List the wanted columns, once each. Raises ArgumentError with the closest names for one that is not there."""
    for name in wanted:
        if name not in known:
            lower = {k.lower(): k for k in known}
            close = [lower[k] for k in get_close_matches(name.lower(), lower, n=3, cutoff=0.5)]
            guess = f" Did you mean {' or '.join(map(repr, close))}?" if close else f" It has {quoted(known, 12)}."
            raise ArgumentError(f"{option}: {where} has no column {name!r}.{guess}")
    return list(dict.fromkeys(wanted))


def hidden(text: str | None) -> tuple[int, ...] | None:
    """Read the widths of hidden layers.

    >>> hidden("128, 64"), hidden("none"), hidden(None)
    ((128, 64), (), None)
    """
    if text is None:
        return None
    if text.strip().lower() == "none":
        return ()
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = (0,)
    if not all(0 < width <= 65_536 for width in widths):
        raise ArgumentError(f"--hidden {text!r}: give the neurons of each hidden layer, such as 128,64, or none.")
    return widths


def quantiles(text: str | None, loss: str | None) -> tuple[float, ...] | None:
    """Read the quantiles that --loss quantile learns.

    >>> quantiles("0.1, 0.5,0.9", "quantile"), quantiles(None, "mse")
    ((0.1, 0.5, 0.9), None)
    """
    if text is None:
        return None
    if loss != "quantile":
        raise ArgumentError("--quantiles goes with --loss quantile: add it, or leave the quantiles out.")
    from ..losses import checked_quantiles

    try:
        return checked_quantiles([float(part) for part in text.split(",")])
    except (ValueError, ArgumentError):
        raise ArgumentError(f"--quantiles {text!r}: give numbers above 0 and below 1, each once and in rising order, "
                            "such as 0.05,0.5,0.95.") from None


def interval(coverage: float | None, estimator: Any) -> float | None:
    """Check the coverage of intervals that an estimator is asked for, before anything is read."""
    if coverage is None:
        return None
    if not hasattr(estimator, "interval_of"):
        raise ArgumentError(f"--interval is of numbers, and the model says {estimator.design_.task} classes, each with "
                            "its probability: leave it out.")
    try:
        estimator.interval_of(estimator.inputs_.example(estimator.encoder_), coverage)
    except CutawayError as error:
        raise ArgumentError(f"--interval {coverage:g}: {error}") from None
    return coverage


def share_or_path(text: str, option: str) -> float | Path:
    """Read a share of the rows, or the path of a file or folder with rows.

    >>> share_or_path("0.25", "--test"), share_or_path("GunPoint_TEST.ts", "--test").name
    (0.25, 'GunPoint_TEST.ts')
    """
    try:
        value = float(text)
    except ValueError:
        return Path(text)
    if not 0 < value < 1:
        raise ArgumentError(f"{option} {value:g}: give a share of the rows above 0 and below 1, such as 0.2.")
    return value


def rate(text: str | None, option: str) -> float | Literal["auto"] | None:
    """Read a learning rate.

    >>> rate("0.01", "--lr"), rate("auto", "--lr"), rate(None, "--lr")
    (0.01, 'auto', None)
    """
    if text is None or text == "auto":
        return text  # type: ignore[return-value]
    try:
        return positive(float(text), option)
    except ValueError:
        raise ArgumentError(f"{option} {text!r}: give a number above 0, or auto.") from None


def positive(value: float | None, option: str) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise ArgumentError(f"{option} {value:g}: give a number above 0.")
    return value


def thresholds(given: Sequence[str], labels: Sequence[str]) -> dict[int, float]:
    """Read from which probability on a label is said, by its place among the labels: "late=0.1".

    >>> thresholds(["late=0.1"], ["late", "on time"])
    {0: 0.1}
    """
    found: dict[int, float] = {}
    for one in given:
        label, _, text = one.rpartition("=")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if label not in labels or not 0 <= value <= 1:
            raise ArgumentError(f"--threshold {one!r}: give a label and a probability from 0 to 1, such as "
                                f"{labels[0]}=0.1; labels are {quoted(labels, 12)}.")
        found[list(labels).index(label)] = value
    return found


def positive_class(label: str | None, threshold: str | None) -> tuple[str | None, str | None]:
    """Check the class that is said from a threshold on; without a threshold that is 0.5.

    >>> positive_class("late", "cost=1:20"), positive_class("late", None)
    (('late', 'cost=1:20'), ('late', '0.5'))
    """
    if label is None and threshold is not None:
        raise ArgumentError(f"--threshold {threshold} needs --positive LABEL, the class that is said from it on.")
    if label is None:
        return None, None
    from ..estimators.thresholds import Rule

    Rule.read(threshold or "0.5")
    return label, threshold or "0.5"


def cuts(label: str | None, given: Sequence[str], estimator: Any) -> dict[int, float]:
    """Read which classes or labels are said from which probabilities on, by their places: LABEL=P each, or, of the
    class --positive names, else that of the model, a probability or cost=FP:FN."""
    labels = labels_of(estimator)
    own = getattr(estimator, "positive_", None)
    if not given and label is None:
        return {}
    if not labels:
        option = f"--threshold {given[0]}" if label is None else f"--positive {label}"
        raise ArgumentError(f"{option} is for classes, and the model predicts numbers: leave it out.")
    named = any(one.rpartition("=")[0] in labels or ("=" in one and not one.startswith("cost=")) for one in given)
    if label is None and (own is None or named):
        return thresholds(given, labels)
    from ..estimators.thresholds import Rule, place_of

    place = place_of(own if label is None else label, estimator.target_encoder_)
    if len(given) > 1:
        raise ArgumentError(f"--threshold is given {len(given)} times for one class: give one, or LABEL=P each.")
    rule = Rule.read(given[0] if given else "0.5")
    if rule.value is None:
        raise ArgumentError("--threshold f1 is chosen when a model is fitted, on rows held back: give a probability, "
                            "such as 0.2, or cost=FP:FN.")
    return {place: rule.value}


def costs_of(given: Sequence[str] | None) -> tuple[float, float] | None:
    """The costs of a false alarm and a miss where a threshold is given by them."""
    from ..estimators.thresholds import Rule

    return Rule.read(given[0]).costs if given and given[0].startswith("cost=") else None


def labels_of(model: Any) -> list[str]:
    """The classes, or labels, that a model gives probabilities of; none for numbers."""
    if not hasattr(model, "predict_proba"):
        return []
    target = model.target_encoder_
    return list(target.names) if target.task == "multilabel" else [str(label) for label in target.classes.tolist()]


def kinds(asked: Sequence[str]) -> dict[str, str]:
    """Read what columns are to be taken for.

    >>> kinds(["shop=category", "a=b=drop"])
    {'shop': 'category', 'a=b': 'drop'}
    """
    from ..data.column_kinds import read_kinds

    for one in asked:
        if not one.rpartition("=")[0]:
            raise ArgumentError(f"--column {one}: write NAME=KIND, such as --column shop=category.")
    return read_kinds((one.rpartition("=")[::2] for one in asked), lambda name: f"--column {name}=...: the kind is ")


def runs_on(engine: str | None, device: str | None, devices: str | None, processes: int | None,
            exact: bool) -> dict[str, Any]:
    """What --engine, --device, --devices, --processes and --exact choose, by name; other processes are started.

    Raises ArgumentError for what is not there.
    """
    from ..engines import check_choice

    if processes is not None and processes > 1:
        if engine not in (None, "xla") or device not in (None, "cpu"):
            raise ArgumentError(f"--processes {processes} of one machine train by --engine xla on its CPU, to try "
                                "several: leave the other engine or device out.")
        from ..train.crew import begin_crew

        begin_crew(processes)
        engine, devices = "xla", devices or "all"
    if engine is None:
        if device is not None or devices is not None or exact:
            name = "--exact" if exact else "--devices" if device is None else "--device"
            raise ArgumentError(f"{name} is of the engine that JAX compiles: add --engine xla.")
        return {}
    count = int(devices) if devices is not None and devices.isdecimal() else devices
    check_choice(engine, device, count, None, exact)
    return {"engine": engine, "device": device, "devices": count, "exact": exact or None}
