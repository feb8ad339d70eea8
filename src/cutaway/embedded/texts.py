"""The cells of columns of text as numbers of a row, in the language of kernels: the place of a level, 1 or 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.categories import Boolean, Category
from .header import Argument

TRUTHS = {word: value for value, words in ((1.0, "True true TRUE 1"), (0.0, "False false FALSE 0"))
          for word in words.split()}


@dataclass
class TextKernel:
    """A kernel that writes a cell given as text into its row: p[0] is the row's address, p[3] that of the column's
    number, p[6] that of the text (UTF-8, a zero behind it), p[9] that of what is known of it, p[12] on its arrays."""

    text: str
    arguments: list[Argument]
    arrays: dict[str, np.ndarray]


def text_kernel(columns: Sequence[Any], row: Argument) -> TextKernel | None:
    """The kernel of the columns of a row that are of text; None where there is none."""
    words = [_words(column) for column in columns]
    if not any(words):
        return None
    cells = [(word.encode() + b"\0", value) for known in words for word, value in known.items()]
    lengths = [len(cell) for cell, _ in cells]
    arrays: dict[str, np.ndarray] = {
        "words of columns": np.frombuffer(b"".join(cell for cell, _ in cells), np.uint8),
        "where words begin": np.cumsum([0, *lengths[:-1]]).astype(np.int32),
        "numbers of words": np.array([value for _, value in cells]),
        "first words of columns": np.cumsum([0, *map(len, words)]).astype(np.int32),
        "numbers of other words, and of a gap": np.array([
            *(float(len(c.levels)) if isinstance(c, Category) else np.nan for c in columns), np.nan]),
    }
    arguments = [Argument("row", row.dtype, row.shape, row.about, out=True),
                 Argument("column", "int32", (), "its place in row"),
                 Argument("text", "uint8", (max(lengths) + 1,), "")]
    return TextKernel(_KERNEL.format(count=len(columns)), arguments, arrays)


def _words(column: Any) -> dict[str, float]:
    """List what cells of a column of text are, with their numbers; nothing for another column."""
    if isinstance(column, Category):
        return {level: float(k) for k, level in enumerate(column.levels) if "\0" not in level}
    return TRUTHS if isinstance(column, Boolean) else {}


_KERNEL = """def k(p, s):
    row, column, text, known = doubles(reals(p[0])), int32s(p[3])[0], uint8s(p[6]), int32s(p[9])
    words, begins, numbers = uint8s(p[12]), int32s(p[15]), doubles(reals(p[18]))
    firsts, others = int32s(p[21]), doubles(reals(p[24]))
    known[0] = -1
    if column >= 0 and column < {count} and firsts[column] < firsts[column + 1]:
        found, number = 0, others[column]
        if text[0] == 0:
            found, number = 1, others[{count}]
        for w in range(firsts[column], firsts[column + 1]):
            a, j = begins[w], 0
            while text[j] == words[a + j] and text[j] != 0:
                j += 1
            if text[j] == words[a + j]:
                found, number = 1, numbers[w]
                break
        known[0] = found
        row[column] = number
"""
