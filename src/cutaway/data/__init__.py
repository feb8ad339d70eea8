"""Tables -> arrays: reading them, encoding columns and targets with state that is plain JSON, splitting rows."""

from cutaway.data.encoder import TableEncoder
from cutaway.data.reading import read_table
from cutaway.data.splits import split
from cutaway.data.targets import TargetEncoder, drop_missing

__all__ = ["TableEncoder", "TargetEncoder", "drop_missing", "read_table", "split"]
