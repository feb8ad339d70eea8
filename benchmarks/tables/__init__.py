"""Real tables to develop on and to judge by: what each is, its honest splits, and the peers beside Cutaway on it.

`python -m benchmarks.tables` measures. The data are not in the repository: they come from pinned packages
(requirements.txt in this folder) and lie as Parquet in build/tables, or where CUTAWAY_TABLES says, once
`python -m benchmarks.tables --write` has run in an environment that has the packages.
"""

from .catalogue import HELD_OUT, SOURCES, Source, names
from .files import Table, cases, load

__all__ = ["HELD_OUT", "SOURCES", "Source", "Table", "cases", "load", "names"]
