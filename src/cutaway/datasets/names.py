"""What an unknown name is answered with: the closest name, and all of them."""

from collections.abc import Collection
from difflib import get_close_matches

from ..errors import ArgumentError


def check_name(name: object, known: Collection[str], what: str = "data set", hint: str = "") -> None:
    if isinstance(name, str) and name in known:
        return
    close = get_close_matches(str(name).lower(), known, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else "."
    raise ArgumentError(f"There is no {what} called {name!r}{guess} There are: {', '.join(known)}. {hint}".rstrip())
