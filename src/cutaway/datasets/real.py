"""Real data: house prices and time series that ship with Cutaway, and the sets that come with scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..data.series import extent_of
from ..errors import ArgumentError, check_name
from ..text import counted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..sequences import Sequences

FILES = Path(__file__).parent / "files"
PARTS = ("train", "test")

# name: (target, source), in two files; their parts are the source's own
SERIES = {
    "italy_power": ("season", "Keogh et al., ICDM 2006: Intelligent Icons; UCR archive: ItalyPowerDemand"),
    "japanese_vowels": ("speaker", "Kudo, Toyama and Shimbo, Pattern Recognition Letters 20, 1999; UCI archive"),
}

# name: (target, task, source)
BUNDLED = {
    "digits": ("digit", "classification", "Alpaydin and Kaynak, UCI archive, 1998: Optical Recognition of Digits"),
    "iris": ("species", "classification", "Fisher, Annals of Eugenics 7(2), 1936"),
    "wine": ("cultivar", "classification", "Aeberhard and Forina, UCI archive, 1992"),
    "breast_cancer": ("diagnosis", "classification", "Wolberg, Mangasarian, Street and Street, UCI archive, 1993"),
    "diabetes": ("progression", "regression", "Efron, Hastie, Johnstone and Tibshirani, Annals of Statistics 32, 2004"),
}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A table or series with a target, where it comes from, and on what terms. Unpacks as `X, y = dataset`.

    `frame` is the whole table, None for series. `X` is the table without its target (a float32 array for images and
    series, Sequences where lengths differ), `y` the target.
    """

    name: str
    X: pd.DataFrame | np.ndarray | Sequences
    y: pd.Series | np.ndarray
    frame: pd.DataFrame | None
    target: str
    task: str  # "regression" or "classification"
    source: str
    terms: str

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y))

    def __repr__(self) -> str:
        columns = counted(self.X.shape[1], "column") if self.frame is not None else extent_of(cast(Any, self.X))
        return (f"{self.name}: {len(self.X):,} rows, {columns}, target {self.target!r} ({self.task})\n"
                f"source: {self.source}\nterms: {self.terms}")


def load(name: str, part: str | None = None) -> Dataset:
    """A real data set by name: "houses", "digits", "iris", "wine", "breast_cancer", "diabetes", or a set of series,
    "italy_power" or "japanese_vowels".

    Tables: X (n, k) is a DataFrame and y (n,) a Series; class labels are words ("setosa"). "digits" is images: X is a
    float32 array (1797, 64) of 8 by 8 pixels from 0 to 16, row by row, and y an int32 array. "diabetes" is in its own
    units. Series: y is an array of labels; in "italy_power" X is a float32 array (n, 24, 1), a day's hours, and in
    "japanese_vowels" Sequences of 7 to 29 time steps of 12 features. They have a `part` for learning and one to test
    on, "train" and "test", as the source divides them; None takes both, those to learn from first.

    Raises ArgumentError for a name or part that is not there.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.load("houses")
    >>> X.shape, y.name
    ((2930, 79), 'price')
    >>> X, y = ct.datasets.load("italy_power", part="train")
    >>> X.shape, y.shape
    ((67, 24, 1), (67,))
    """
    check_name(name, ["houses", *BUNDLED, *SERIES], hint="Moons, spirals and the like: ct.datasets.make.")
    _check_part(name, part)
    if name in SERIES:
        return series(name, part)
    return houses() if name == "houses" else bundled(name)


def path(name: str = "houses", part: str | None = None) -> Path:
    """The file of a data set that ships as one, for whatever reads files: `cutaway fit` and pandas read it as it is.

    Series lie in two files, one for each part, "train" (unless said otherwise) and "test".
    Raises ArgumentError for a name that has no file, and for a part that is not there.

    >>> import cutaway as ct
    >>> ct.datasets.path("houses").name, ct.datasets.path("italy_power", "test").name
    ('houses.csv.gz', 'italy_power_test.ts.gz')
    """
    check_name(name, ["houses", *SERIES], what="data set with a file")
    _check_part(name, part)
    return FILES / ("houses.csv.gz" if name == "houses" else f"{name}_{part or 'train'}.ts.gz")


def _check_part(name: str, part: str | None) -> None:
    if part is None:
        return
    if name not in SERIES:
        raise ArgumentError(f"{name!r} comes in one piece, without part={part!r}: ct.data.split divides it.")
    check_name(part, PARTS, what="part")


def series(name: str, part: str | None) -> Dataset:
    import numpy as np

    from ..data import read_ts
    from ..sequences import Sequences

    target, source = SERIES[name]
    parts = [read_ts(path(name, one)) for one in PARTS if part in (None, one)]
    rows = [row for read in parts for row in (read.X.rows() if isinstance(read.X, Sequences) else read.X)]
    X = Sequences.from_list(rows, np.float32)
    y = np.concatenate([read.y for read in parts])
    same = (X.lengths == X.shape[1]).all()
    return Dataset(name, X.values if same else X, y, None, target, "classification", source,
                   terms="as packaged in aeon (BSD-3-Clause)")


def houses() -> Dataset:
    import pandas as pd

    frame = pd.read_csv(path("houses"))
    return Dataset("houses", frame.drop(columns="price"), frame["price"], frame, "price", "regression",
                   source='Dean De Cock, "Ames, Iowa: Alternative to the Boston Housing Data as an End of Semester '
                          'Regression Project", Journal of Statistics Education 19(3), 2011',
                   terms="free to use with attribution")


def bundled(name: str) -> Dataset:
    from sklearn import datasets

    target, task, source = BUNDLED[name]
    options = {"scaled": False} if name == "diabetes" else {}
    raw = getattr(datasets, f"load_{name}")(as_frame=True, **options)
    if name == "digits":
        frame = raw.frame.astype("float32").astype({"target": "int32"}).rename(columns={"target": target})
        X, y = frame.drop(columns=target).to_numpy(), frame[target].to_numpy()
    else:
        frame = raw.frame.rename(columns={"target": target})
        if task == "classification":
            frame[target] = [str(raw.target_names[i]) for i in frame[target]]
        X, y = frame.drop(columns=target), frame[target]
    return Dataset(name, X, y, frame, target, task, source, terms="as packaged in scikit-learn (BSD-3-Clause)")
