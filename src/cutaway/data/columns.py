"""What every column has in common, and the columns that are left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..described import described
from ..errors import FileError
from ..text import quoted
from .doubts import Doubt
from .limits import CLIP, FEWEST_OF_LEVEL_IN_SMALL, MOST_LEVELS

#: The name of the one feature, always zero, of data of which nothing says anything.
NOTHING = "nothing"


@dataclass
class Settings:
    """How columns are encoded: TableEncoder's arguments."""

    min_count: int = FEWEST_OF_LEVEL_IN_SMALL
    max_levels: int = MOST_LEVELS
    integer_levels: int = 0
    clip: float | None = CLIP
    embed: bool = False


@dataclass
class Column:
    """One column of the input: what was seen in training, and how its cells become numbers."""

    name: str
    kind: str
    gaps: int
    distinct: int
    example: str
    asked: bool = field(default=False, kw_only=True)  # whether its kind was asked for

    #: kind -> class, filled as the classes are defined; `from_json` resolves through it.
    kinds: ClassVar[dict[str, type[Column]]] = {}

    def __init_subclass__(cls, kinds: tuple[str, ...] = ()) -> None:
        Column.kinds.update(dict.fromkeys(kinds, cls))

    @property
    def features(self) -> list[str]:
        """The names of the encoded columns this one becomes."""
        raise NotImplementedError

    @property
    def scaled(self) -> list[int]:
        """Which of the features are scaled numbers, by their places."""
        return []

    @property
    def codes(self) -> dict[int, int]:
        """Which features are codes, by their places, and how many codes each has."""
        return {}

    @property
    def unseen(self) -> int:
        """The code of what training never had."""
        return 0

    @property
    def spread(self) -> list[str]:
        """The names of the features where each code has a column of 0 and 1."""
        return self.features

    @property
    def how(self) -> str:
        """How the column is encoded, in words; "as asked" where its kind was."""
        return self.way + ", as asked" * self.asked

    @property
    def way(self) -> str:
        """How the column is encoded, in words."""
        raise NotImplementedError

    def note(self, settings: Settings) -> str:
        """Say where a rule of thumb took something away from the column; "" where none did."""
        words: list[str] = getattr(self, "words", [])
        if not words:
            return ""
        return f"{self.name} holds {self.kind}s; its words {quoted(words, 3)} are taken for gaps"

    def writer(self, cells: Any) -> Callable[[slice, np.ndarray], None]:
        """Read the cells (a pandas Series); give a function that encodes some of their rows.

        It writes into out (rows, len(features)), which is zero; all is finite. Numbers have `encode_numbers`.
        """
        raise NotImplementedError

    def encode(self, cells: Any) -> np.ndarray:
        """The cells (a pandas Series) encoded: (n, len(features))."""
        out = np.zeros((len(cells), len(self.features)))
        self.writer(cells)(slice(0, len(cells)), out)
        return out

    def doubts(self, cells: Any) -> list[Doubt]:
        """Find what in the cells (a pandas Series) is unlike training; numbers have `doubts_of`."""
        return []

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(state: dict[str, Any]) -> Column:
        """The column that `to_json` described. Raises FileError for a description that it cannot have written."""
        kind = state.get("kind") if isinstance(state, dict) else None
        if not isinstance(kind, str) or kind not in Column.kinds:
            raise FileError(f"it is damaged (a column is of the kind {kind!r:.40})")
        column = described(Column.kinds[kind], state)
        if column.gaps < 0 or column.distinct < 0 or not column.sound():
            raise FileError(f"it is damaged (what it says of column {column.name!r:.40} does not fit)")
        return column

    def sound(self) -> bool:
        """Whether its cells could be encoded as it says: a file may say anything."""
        return True


@dataclass
class Dropped(Column, kinds=("text (dropped)", "constant (dropped)", "identifier (dropped)", "dropped")):
    """A column that the model does not see, and why."""

    reason: str

    @property
    def features(self) -> list[str]:
        return []

    @property
    def how(self) -> str:
        return self.way  # "left out: as asked" is enough

    @property
    def way(self) -> str:
        return f"left out: {self.reason}"
