"""CSV: the history of a run as a table, a line an epoch, there to read while the run goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import fspath
from typing import Any

from ..errors import FileError
from ..files import write_whole
from ..files.endings import check_ending
from ..train import Run
from .tracker import Tracker, own_place


@dataclass
class CSV(Tracker):
    """Writes a run's history as CSV, a line after each epoch: read back, its numbers are the history's, to the bit.

    path: where to. A new run writes the file anew; one that goes on from a checkpoint has the epochs before it, too,
    and those beyond, of the run that was killed, are gone. A star stands for a number that no other run has:
    CSV("runs/*.csv") writes runs/1.csv, runs/2.csv and so on, as a search needs it. Raises FileError where no file can
    be written; where another run writes to the same file, the one that finds out says so and stops writing.

    >>> import tempfile, cutaway as ct
    >>> from pathlib import Path
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", epochs=3,
    ...                  callbacks=[ct.callbacks.CSV(f"{folder}/moons.csv")])
    ...     lines = Path(folder, "moons.csv").read_text().split()
    >>> lines[0], float(lines[3].split(",")[1]) == run.history["loss"][2]
    ('epoch,loss,lr,seconds', np.True_)
    """

    path: Any

    def begin(self, run: Run, done: int) -> dict[str, Any]:
        check_ending(self.path, "a history", (".csv",))
        path = own_place(self.path, lambda place: place.open("x").close())
        columns = run.history.columns() if done else {}
        names = list(columns)
        rows = [{name: column[i] for name, column in columns.items()} for i in range(done if names else 0)]
        text = "".join(_line(line) for line in (names, *(_cells(row, names) for row in rows))) if names else ""
        write_whole(path, text.encode())
        return {"path": path, "names": names, "size": len(text.encode())}

    def row(self, run: Run, place: dict[str, Any], epoch: int, row: dict[str, float]) -> None:
        text = "" if place["names"] else _line(row)
        place["names"] = place["names"] or list(row)
        text += _line(_cells(row, place["names"]))
        with open(place["path"], "ab") as file:
            if file.tell() != place["size"]:
                raise FileError(f"another run writes to {fspath(place['path'])} too; give each a file of its own, such "
                                'as "runs/*.csv"')
            file.write(text.encode())
            place["size"] = file.tell()


def _cells(row: dict[str, Any], names: list[str]) -> list[str]:
    """The row's numbers, each in as many digits as tell it from all others."""
    return [str(int(row[name])) if name == "epoch" else repr(float(row.get(name, "nan"))) for name in names]


def _line(cells: Iterable[str]) -> str:
    return ",".join('"' + c.replace('"', '""') + '"' if set(c) & set(',"\n\r') else c for c in cells) + "\n"
