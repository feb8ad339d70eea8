"""What Cutaway says when something is wrong: which argument or layer, what it got, what it wanted, what to do."""


class CutawayError(Exception):
    """Any error that Cutaway raises on purpose. The command line prints its text and exits with status 2."""


class DataError(CutawayError, ValueError):
    """A file, table, column, row or target that cannot be used as it is."""


class ShapeError(CutawayError, ValueError):
    """Arrays whose shapes do not fit each other or the layer they are given to."""


class ArgumentError(CutawayError, ValueError):
    """An argument outside its allowed values."""


class RecordingError(CutawayError, TypeError):
    """A model that cannot be turned into a program, and the line of it that stands in the way."""


class FileError(CutawayError, ValueError):
    """A model file or checkpoint that is missing, cut short, or not ours."""


class TrainingError(CutawayError, RuntimeError):
    """Training that cannot go on."""
