"""A forecaster in a file: what `ct.save` and `ct.load` know of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import files
from ..described import described
from ..errors import ArgumentError, FileError
from ..nn import Module
from .bands import Bands
from .calendars import Calendar
from .columns import Covariate
from .forecaster import Forecaster
from .members import Member
from .panel import Panel, Roles, Track
from .windows import Layout


@dataclass
class _Saved:
    """What was fitted besides the network's weights."""

    arguments: dict[str, Any]
    roles: dict[str, Any]
    calendar: dict[str, Any]
    columns: list[dict[str, Any]]
    layout: dict[str, Any]
    bands: dict[str, Any]
    stats: list[tuple[Any, float, float]]
    limit: float
    about: str
    counts: bool
    tails: list[dict[str, Any]]
    design: list[list[str]]
    trials: list[tuple[str, float]]
    history: dict[str, list[float]]
    notes: list[str] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    words: str = ""
    weight: float = 0.0


@dataclass
class _SavedMember:
    """A member behind the first one, whose parts stand in _Saved."""

    layout: dict[str, Any]
    stats: list[tuple[Any, float, float]]
    limit: float
    words: str
    weight: float = 0.0

    def back(self) -> Member:
        if not (self.limit > 0 and self.weight >= 0):
            raise FileError("it is damaged (a member of the forecaster has no limit, or a weight below 0)")
        return Member(Layout.from_json(self.layout), {name: (mean, spread) for name, mean, spread in self.stats},
                      self.limit, self.words, self.weight)


def parts(forecaster: Forecaster) -> tuple[Module, dict[str, Any], Any]:
    """The network, everything else as plain values, and two rows as the network takes them."""
    f = forecaster
    check_is_fitted(f, "model_")
    columns, (first, *others) = [c.to_json() for c in f.columns_], [_of_member(member) for member in f.members_]
    found = _Saved(f.get_params(deep=False), asdict(f.roles_), f.calendar_.to_json(), columns,
                   first.layout, f.bands_.to_json(),
                   first.stats, first.limit, f.about_, f.counts_,
                   [_of_track(track) for track in f.tails_], f.design_, f.trials_, f.history_, f.notes_,
                   [asdict(member) for member in others], first.words, first.weight)
    return f.model_, {name: getattr(found, name) for name in _Saved.__annotations__}, example(f)


def example(forecaster: Forecaster) -> np.ndarray:
    return np.zeros((2, len(forecaster.feature_names_)), np.float32)


def rebuild(module: Module, state: dict[str, Any]) -> Forecaster:
    """The forecaster that `parts` took apart. Raises FileError for what it cannot have given."""
    found = described(_Saved, {name: state[name] for name in _Saved.__annotations__ if name in state})
    back = Forecaster(**found.arguments)
    try:
        back._check()
    except ArgumentError as error:
        raise FileError(f"it is damaged ({error})") from None
    back.roles_, back.calendar_ = described(Roles, found.roles), Calendar.from_json(found.calendar)
    back.columns_ = [Covariate.from_json(column) for column in found.columns]
    first = _SavedMember(found.layout, found.stats, found.limit, found.words, found.weight).back()
    back.members_ = [first, *(described(_SavedMember, state).back() for state in found.others)]
    if any((m.layout.length, m.layout.horizon) != (first.layout.length, first.layout.horizon) for m in back.members_):
        raise FileError("it is damaged (its members see or forecast windows of other sizes)")
    back.bands_ = Bands.from_json(found.bands, first.layout.horizon)
    back.about_, back.counts_, back.model_ = found.about, found.counts, module
    widths = [len(Panel([], back.calendar_, back.columns_).features(role)) for role in ("known", "past", "static")]
    back.tails_ = [_to_track(track, *widths) for track in found.tails]
    back.design_, back.trials_, back.history_, back.notes_ = found.design, found.trials, found.history, found.notes
    return back


def _plain(name: Any) -> Any:
    """A series' name as a file holds it. Raises ArgumentError for what it cannot hold."""
    name = name.item() if isinstance(name, np.generic) else name
    if name is not None and not isinstance(name, str | int | float | bool):
        raise ArgumentError(f"the series {name!r} has a {type(name).__name__} for its name, which a model file cannot "
                            "hold: turn ids into text or numbers.")
    return name


def _of_member(member: Member) -> _SavedMember:
    return _SavedMember(member.layout.to_json(), [(_plain(name), *both) for name, both in member.stats.items()],
                        member.limit, member.words, member.weight)


def _of_track(track: Track) -> dict[str, Any]:
    return vars(track) | {"name": _plain(track.name), "first": _plain(np.asarray(track.first)[()])}


def _to_track(state: dict[str, Any], known: int, past: int, static: int) -> Track:
    track = described(Track, state)
    arrays = (track.y, track.hole, track.known, track.given, track.past, track.static)
    n, s = len(track.y), len(track.given)
    shapes = ((n,), (n,), (s, known), (s,), (n, past), (static,))
    if not all(part.shape == shape for part, shape in zip(arrays, shapes, strict=True)) or s < n \
            or not all(part.dtype.kind == kind for part, kind in zip(arrays, "fbfbff", strict=True)):
        raise FileError("it is damaged (the end of a series does not fit its columns)")
    return track


files.register("Forecaster", Forecaster, parts, rebuild, example)
