"""What an estimator's X may be, tables, images or sequences: how each is read, counted, encoded and designed for."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data import (
    ImageEncoder,
    Images,
    SequenceEncoder,
    Series,
    TableEncoder,
    Windows,
    holds_images,
    read_images,
    read_recordings,
)
from ..data import read_ts as read_series_file
from ..data.codes import hide_levels
from ..data.encoder import as_table
from ..data.formats import ARRAYS, RECORDINGS, SOUND, format_of
from ..data.image_arrays import image_words
from ..data.images import is_paths
from ..data.limits import (
    FEW_FOR_CONVOLUTIONS,
    FEWEST_OF_LEVEL,
    FEWEST_OF_LEVEL_IN_SMALL,
    MOST_COLUMNS_OF_LEVELS,
    MOST_LAID_OUT,
)
from ..data.limits import FEW_ROWS as SMALL
from ..data.npz_files import in_npz
from ..data.numbers_as_names import told_by
from ..data.sequence_encoder import as_sequences, is_nested, warn_of_order
from ..data.series import extent
from ..errors import ArgumentError, DataError, warn
from ..sequences import Sequences
from .design_images import image_design
from .design_sequences import sequence_design, step_by_step
from .design_tables import table_design
from .sequence_trial import tried
from .table_input import looked_at


class Read(NamedTuple):
    """What was given as X: rows in one form, the target that came with them, and the features' names, if any."""

    X: Any
    y: Any = None
    names: list[str] | None = None


class Inputs:
    """A kind of input. `one` and `many` name a row; with fewer rows than `fewest` none is held back."""

    name: str
    one: str
    many: str
    kind: type
    fewest: int = SMALL

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def fewest_for(self, encoder: Any) -> int:
        """With fewer rows than this none is held back for the network that is designed."""
        return self.fewest

    def read(self, X: Any, encoder: Any = None) -> Read:
        """Read any accepted form of X as the one that the other methods take; as for training if the encoder is given.

        What has been read is taken as it is.
        """
        raise NotImplementedError

    def with_target(self, X: Any, y: Any, encoder: Any) -> tuple[Any, Any]:
        """Read X and the target: y, or where none is given what X brings. Raises DataError if there is none."""
        read = self.read(X, encoder)
        y = read.y if y is None else y
        if y is None:
            raise DataError(f"These {self.many} come without a target: give y, one value for each.")
        return read.X, y

    def count(self, X: Any) -> int:
        return len(X)

    def take(self, X: Any, kept: np.ndarray) -> Any:
        """Take some of the rows."""
        return X[kept]

    def encoder(self, X: Any, weights: np.ndarray | None, names: list[str] | None = None, constant: bool = False,
                columns: dict[str, str] | None = None, embed: bool = True, target: Any = None, y: Any = None) -> Any:
        """The encoder of such inputs, fitted; constant: also where there is nothing to learn from.

        columns: what columns of a table are to be taken for. embed: whether categories may come as codes. target, y:
        the target's encoder and the targets, by which whole numbers that are names are recognised.
        """
        raise NotImplementedError

    def named(self, encoder: Any, estimator: str) -> None:
        """Let the encoder's messages name the estimator whose rows it reads."""

    def to_learn_from(self, Z: Any, encoder: Any, seed: int) -> Any:
        """Prepare encoded rows to be learnt from; may write into them."""
        return Z

    def n_raw(self, encoder: Any) -> int:
        """Count the numbers (of a sequence: features) that a row had before encoding."""
        raise NotImplementedError

    def n_in(self, encoder: Any) -> Any:
        """What networks are told of their input: how many features, or (height, width, channels)."""
        raise NotImplementedError

    def example(self, encoder: Any) -> Any:
        """Give two encoded rows."""
        raise NotImplementedError

    def words(self, encoder: Any) -> str:
        """What a row is: "8 x 8 pixels, grey"."""
        raise NotImplementedError

    def design(self, rows: int, m: int, encoder: Any, batch_size: int | None, preset: str | None) -> dict[str, Any]:
        """The fields of a Design that depend on the input: network, rate, batch, epochs, and their reasons."""
        raise NotImplementedError

    def show(self, design: Any, X: Any, y: Any, weights: np.ndarray | None = None) -> None:
        """Let a Design look at the rows that are to be learnt from, or at some of them."""

    def flat(self, Z: Any, encoder: Any) -> np.ndarray:
        """Flatten encoded rows as a linear model takes them: (n, numbers)."""
        raise NotImplementedError


class TableInputs(Inputs):
    name, one, many, kind = "table", "row", "rows", TableEncoder

    def read(self, X, encoder=None):
        if isinstance(X, str | PathLike) and format_of(X) is ARRAYS:
            X, y = in_npz(Path(X))
            return Read(as_table(X), y)
        table = as_table(X) if encoder is None else encoder.read(X)
        if encoder is not None and table.shape[0] == 0:
            raise DataError(f"No rows: 0 sample(s) (shape={table.shape}) while a minimum of 1 is required.")
        return Read(table)

    def count(self, X):
        return X.shape[0]

    def take(self, X, kept):
        return take(X, kept)

    def encoder(self, X, weights, names=None, constant=False, columns=None, embed=True, target=None, y=None):
        told = None if target is None else told_by(target.transform(y, np.float64), target)
        return table_encoder(X.shape[0], columns, embed).fit(X, weights, constant, told)

    def named(self, encoder, estimator):
        encoder.owner = estimator

    def to_learn_from(self, Z, encoder, seed):
        return hide_levels(Z, encoder.unseen, seed) if encoder.codes else Z

    def n_raw(self, encoder):
        return len(encoder.columns)

    def n_in(self, encoder):
        return len(encoder.feature_names)

    def example(self, encoder):
        return np.zeros((2, self.n_in(encoder)))

    def words(self, encoder):
        return f"{self.n_in(encoder):,} features after encoding"

    def design(self, rows, m, encoder, batch_size, preset):
        return table_design(rows, m, encoder, batch_size, preset)

    def show(self, design, X, y, weights=None):
        some = looked_at(self.count(X))
        Z = design.encoder.transform(self.take(X, some), np.float64 if design.linear else np.float32)
        T = design.target_encoder.transform(take(y, some), np.float64)
        design.see(Z, T, None if weights is None else weights[some])

    def flat(self, Z, encoder):
        return Z


class ImageInputs(Inputs):
    name, one, many, kind = "images", "image", "images", ImageEncoder

    def read(self, X, encoder=None):
        if not isinstance(X, Images):
            X = read_images(X) if encoder is None else encoder.read(X)
            for note in X.notes if encoder is not None else ():
                if "reduced to 256 levels" in note:
                    warn(f"{note}, since the model has learnt from images of bytes.")
        return Read(X, X.y)

    def encoder(self, X, weights, names=None, constant=False, columns=None, embed=True, target=None, y=None):
        refuse_columns(columns, self)
        return ImageEncoder().fit(X, weights)

    def n_raw(self, encoder):
        return int(np.prod(encoder.shape))

    def n_in(self, encoder):
        return encoder.shape

    def example(self, encoder):
        return np.zeros((2, *encoder.shape))

    def words(self, encoder):
        return image_words(encoder.shape)

    def design(self, rows, m, encoder, batch_size, preset):
        return image_design(m, encoder.shape, batch_size)

    def flat(self, Z, encoder):
        return Z.reshape(len(Z), -1)


class SequenceInputs(Inputs):
    name, one, many, kind = "sequences", "sequence", "sequences", SequenceEncoder

    def read(self, X, encoder=None):
        if isinstance(X, str | PathLike):
            form = format_of(X)
            X = (Series(*in_npz(Path(X)), "", []) if form is ARRAYS else read_recordings(X)
                 if form in (SOUND, RECORDINGS) else read_series_file(X))
        if isinstance(X, Series | Windows):
            return Read(as_sequences(X.X), X.y, X.features or None)
        if is_nested(X):
            return Read(as_sequences(X), None, [str(name) for name in X.columns])
        if encoder is None:
            warn_of_order(X)
        return Read(as_sequences(X))

    def encoder(self, X, weights, names=None, constant=False, columns=None, embed=True, target=None, y=None):
        refuse_columns(columns, self)
        trial = None if target is None else tried(X, y, target, names)
        encoder = SequenceEncoder(names, each=trial is not None and trial.each).fit(X, weights, constant)
        encoder.trial = trial
        return encoder

    def n_raw(self, encoder):
        return len(encoder.columns)

    def n_in(self, encoder):
        return len(encoder.feature_names)

    def example(self, encoder):
        Z = np.zeros((2, encoder.longest, self.n_in(encoder)))
        same = encoder.shortest == encoder.longest
        return Z if same else Sequences(Z, np.array([encoder.longest, encoder.shortest]))

    def fewest_for(self, encoder):
        return self.fewest if step_by_step(encoder.longest, encoder.trial) else FEW_FOR_CONVOLUTIONS

    def words(self, encoder):
        return extent(encoder.shortest, encoder.longest, len(encoder.columns))

    def design(self, rows, m, encoder, batch_size, preset):
        return sequence_design(m, self.n_in(encoder), encoder.shortest, encoder.longest, batch_size,
                               encoder.trial)

    def flat(self, Z, encoder):
        """Lay all time steps side by side, up to the longest sequence of training, zeros behind shorter ones.

        Where lengths differed there, add each feature's mean, deviation, smallest, largest and last value, and how long
        it is.
        """
        values = Z.values if isinstance(Z, Sequences) else Z
        steps = np.zeros((len(values), encoder.longest, values.shape[2]), values.dtype)
        steps[:, : values.shape[1]] = values[:, : encoder.longest]
        steps = steps.reshape(len(values), -1)
        if encoder.shortest == encoder.longest:
            return steps
        rows = Z.rows() if isinstance(Z, Sequences) else Z
        told = [
            np.concatenate([row.mean(0), row.std(0), row.min(0), row.max(0), row[-1], [len(row) / encoder.longest]])
            for row in rows
        ]
        return np.hstack([steps, np.array(told).reshape(len(steps), -1)])


KINDS = {kind.name: kind for kind in (TableInputs(), ImageInputs(), SequenceInputs())}
#: The house's own types say what they are.
OWN: dict[type, str] = {Images: "images", Sequences: "sequences", Series: "sequences", Windows: "sequences"}


def kind_of(X: Any) -> Inputs:
    """Tell what X is: images, sequences, or else a table.

    Images: Images, arrays of four dimensions, or of three if they are bytes, lists of such, a folder, a list of image
    files. Sequences: Sequences, Series, Windows, a .ts or WAV file, a folder of recordings,
    other arrays of three dimensions, lists of arrays of two, frames whose cells are series.
    An .npz file is what its array X is.

    >>> kind_of(np.zeros((5, 8, 8), np.uint8)).name, kind_of(np.zeros((5, 24, 1))).name, kind_of("a.csv").name
    ('images', 'sequences', 'table')
    """
    return KINDS[_kind_of(X)]


def _kind_of(X: Any) -> str:
    if type(X) in OWN:
        return OWN[type(X)]
    if isinstance(X, str | PathLike):
        form = format_of(X)
        return _kind_of(in_npz(Path(X))[0]) if form is ARRAYS else form.holds
    if is_paths(X) and holds_images(X):
        return "images"
    if is_nested(X):
        return "sequences"
    dimensions, dtype = _form(X)
    if dimensions not in (3, 4) or getattr(dtype, "kind", "f") not in "biuf":
        return "table"
    return "images" if dimensions == 4 or dtype == np.uint8 else "sequences"


def _form(X: Any) -> tuple[int, Any]:
    """Find how many dimensions an array, or lists in lists, have, and the type of the numbers where arrays tell it."""
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        dimensions, dtype = _form(X[0]) if len(X) else (0, None)
        return dimensions + 1, dtype
    return getattr(X, "ndim", 0), getattr(X, "dtype", None)


def refuse_other_kind(kind: Inputs, X: Any) -> None:
    """Raise for rows that say themselves that they are of another kind than the model has learnt from."""
    own = OWN.get(type(X), kind.name)
    if own != kind.name:
        raise DataError(f"The model has learnt from {kind.name}, and these are {own}: give it what it knows.")


def table_encoder(rows: int, columns: dict[str, str] | None = None, embed: bool = True) -> TableEncoder:
    """The encoder that suits a table of so many rows: what is rarer than `min_count` rows cannot be learnt from."""
    if rows < SMALL:
        return TableEncoder(min_count=FEWEST_OF_LEVEL_IN_SMALL, kinds=columns)
    most = MOST_COLUMNS_OF_LEVELS if embed else MOST_LAID_OUT
    return TableEncoder(min_count=FEWEST_OF_LEVEL, max_levels=most, kinds=columns, embed=embed)


def refuse_columns(columns: dict[str, str] | None, kind: Inputs) -> None:
    if columns:
        raise ArgumentError(f"columns={columns!r} is for a table, and X holds {kind.name}: leave it out.")


def take(part: Any, kept: np.ndarray) -> Any:
    """Take some rows of a table, array or list."""
    if hasattr(part, "iloc"):
        return part.iloc[kept]
    if hasattr(part, "tocsr"):
        return part.tocsr()[kept]
    return [part[i] for i in kept] if isinstance(part, list | tuple) else np.asarray(part)[kept]
