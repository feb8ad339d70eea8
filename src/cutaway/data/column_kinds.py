"""What columns are to be taken for, as asked: kinds by the columns' names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ..errors import ArgumentError
from .date_forms import FORMS, kind_with_form

#: A kind "date:dmy" also says how its dates are written: one of date_forms.FORMS.
KINDS = ("number", "category", "boolean", "date", "drop")
#: What other libraries call these kinds.
ALIASES = {
    "number": ("numeric", "numerical", "float", "int", "integer", "continuous", "real"),
    "category": ("categorical", "categories", "nominal", "string", "str", "text", "object", "label", "code", "id"),
    "boolean": ("bool", "binary", "truth", "flag"),
    "date": ("datetime", "time", "timestamp", "day"),
    "drop": ("dropped", "ignore", "skip", "none", "remove", "exclude", "leave out"),
}


def asked_kinds(kinds: Any, argument: str = "columns") -> dict[str, str]:
    """Read {name: kind}; None is no wish. Raises ArgumentError for anything else, a kind that there is not, a conflict.

    >>> asked_kinds({"shop": "category", 3: "drop"})
    {'shop': 'category', '3': 'drop'}
    """
    if kinds is None:
        return {}
    if not isinstance(kinds, Mapping):
        raise ArgumentError(f'{argument} is {kinds!r:.80}: give kinds by the names of columns, {{"shop": "category"}}.')
    return read_kinds(kinds.items(), lambda name: f"{argument}[{name!r}] is ")


def read_kinds(pairs: Iterable[tuple[Any, Any]], where: Any) -> dict[str, str]:
    """Read pairs of a column's name and its kind; `where` gives the words before a kind that is wrong."""
    found: dict[str, str] = {}
    for name, kind in pairs:
        if isinstance(kind, str) and kind.startswith("date:") and not kind_with_form(kind):
            forms = ", ".join(f"date:{form} ({example})" for form, (_, _, example) in FORMS.items())
            raise ArgumentError(f"{where(name)}{kind!r:.40}: choose one of date, {forms}.")
        if kind not in KINDS and not kind_with_form(kind):
            raise ArgumentError(f"{where(name)}{kind!r:.40}: choose one of {', '.join(KINDS)}.{_meant(kind)}")
        if (before := found.setdefault(str(name), kind)) != kind:
            raise ArgumentError(f"Column {str(name)!r} is asked for as {before!r} and as {kind!r}: choose one.")
    return found


def refuse_unknown(kinds: Mapping[str, str], known: Iterable[str]) -> None:
    """Raise ArgumentError for a name that is no column's, with the nearest ones."""
    known = list(known)
    for name, kind in kinds.items():
        if name not in known:
            close = {letters: one for one in known for letters in (one.casefold(), one)}
            near = get_close_matches(name.casefold(), close, n=1, cutoff=0.6)
            guess = f"did you mean {close[near[0]]!r}?" if near else f"it has {', '.join(map(repr, known[:8]))}"
            guess += ", ..." * (not near and len(known) > 8) + "." * (not near)
            raise ArgumentError(f"{name!r} is to be taken as {kind!r}, but the table has no such column: {guess}")


def _meant(kind: Any) -> str:
    """Guess which kind a word is meant to be: " Did you mean 'category'?", or nothing."""
    if not isinstance(kind, str):
        return ""
    words = {word: own for own, others in ALIASES.items() for word in (own, *others)}
    close = get_close_matches(kind.strip().lower(), words, n=1, cutoff=0.7)
    return f" Did you mean {words[close[0]]!r}?" if close else ""
