"""A small chart in characters: lines of braille dots, points, and a shaded band, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..text import number

#: The bits of the dots of a braille character, by row and column.
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
POINT, SHADE, EDGE = "•", "░", "│"


def braille_chart(line: Sequence[float], points: Sequence[float] = (), low: Sequence[float] = (),
                  high: Sequence[float] = (), start: int = 0, width: int = 64, height: int = 10) -> list[str]:
    """Draw a line over steps 0, 1, ..., NaN where it has gaps; points from step `start` on, and a band around them.

    Gives `height` lines of at most `width` characters, the highest first, and the numbers of the axis before them.

    >>> print("\\n".join(braille_chart([0, 1, 2, 3], width=12, height=2)))
    3 │⠀⠀⠀⠀⣀⡤⠖⠋
    0 │⣀⠤⠒⠉⠀⠀⠀⠀
    """
    values, said = np.asarray(line, float), np.asarray(points, float)
    below, above = np.asarray(low, float), np.asarray(high, float)
    known = np.concatenate([part[np.isfinite(part)] for part in (values, said, below, above)])
    if not len(known):
        return []
    bottom, top = float(known.min()), float(known.max())
    top = top if top > bottom else bottom + 1
    steps = max(len(values), start + len(said))
    labels = [number(v) for v in (top, bottom)]
    room = max(8, width - max(map(len, labels)) - 2)
    columns = room if steps > room else max(2, steps * min(4, room // steps))
    cells = np.zeros((height, columns), int)
    across = (2 * columns - 1) / max(steps - 1, 1)

    def row(value: float) -> float:
        return (top - value) / (top - bottom) * (4 * height - 1)

    for k in np.flatnonzero(np.isfinite(values)).tolist():
        x, y = k * across, row(values[k])
        joined = k > 0 and bool(np.isfinite(values[k - 1]))
        x0, y0 = ((k - 1) * across, row(values[k - 1])) if joined else (x, y)
        for share in np.linspace(0, 1, 2 * max(1, int(np.ceil(max(abs(x - x0), abs(y - y0))))) + 1):
            a, b = round(x0 + share * (x - x0)), round(y0 + share * (y - y0))
            cells[min(b // 4, height - 1), min(a // 2, columns - 1)] |= DOTS[b % 4][a % 2]
    text = [[chr(0x2800 + bits) for bits in dots] for dots in cells.tolist()]
    for column in range(columns):
        inside = [k for k in range(len(said)) if int((start + k) * across) // 2 == column]
        for k in inside:
            if len(below) > k and np.isfinite(below[k]) and np.isfinite(above[k]):
                for r in range(int(row(above[k])) // 4, min(int(row(below[k])) // 4, height - 1) + 1):
                    text[r][column] = SHADE if cells[r, column] == 0 else text[r][column]
        for k in inside:
            if np.isfinite(said[k]):
                text[min(round(row(float(said[k]))) // 4, height - 1)][column] = POINT
    wide = max(map(len, labels))
    axis = [labels[0], *[""] * (height - 2), labels[1]] if height > 1 else [labels[0]]
    return [f"{label.rjust(wide)} {EDGE}{''.join(cells_)}" for label, cells_ in zip(axis, text, strict=True)]
