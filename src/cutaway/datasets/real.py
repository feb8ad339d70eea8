"""Real data: the house prices that ship with Cutaway, and the sets that come with scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .names import check_name

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FILES = {"houses": Path(__file__).parent / "files" / "houses.csv.gz"}

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
    """A table with a target, where it comes from, and on what terms. Unpacks as `X, y = dataset`.

    `frame` is the whole table. `X` is the table without its target (a float32 array for images), `y` the target.
    """

    name: str
    X: pd.DataFrame | np.ndarray
    y: pd.Series | np.ndarray
    frame: pd.DataFrame
    target: str
    task: str  # "regression" or "classification"
    source: str
    terms: str

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y))

    def __repr__(self) -> str:
        n, k = self.X.shape
        return (f"{self.name}: {n:,} rows, {k} columns, target {self.target!r} ({self.task})\n"
                f"source: {self.source}\nterms: {self.terms}")


def load(name: str) -> Dataset:
    """A real data set by name: "houses", "digits", "iris", "wine", "breast_cancer" or "diabetes".

    X (n, k) is a DataFrame and y (n,) a Series; class labels are words ("setosa"). "digits" is images: X is a float32
    array (1797, 64) of 8 by 8 pixels from 0 to 16, row by row, and y an int32 array. "diabetes" is in its own units.

    Raises ArgumentError for a name that is not among them.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.load("houses")
    >>> X.shape, y.name
    ((2930, 79), 'price')
    """
    check_name(name, [*FILES, *BUNDLED], hint="Moons, spirals and the like: ct.datasets.make.")
    return houses() if name == "houses" else bundled(name)


def path(name: str = "houses") -> Path:
    """The file of a data set that ships as one, for whatever reads files: `cutaway fit` and pandas read it as it is.

    Raises ArgumentError for a name that has no file.

    >>> import cutaway as ct
    >>> ct.datasets.path("houses").name
    'houses.csv.gz'
    """
    check_name(name, FILES, what="data set with a file")
    return FILES[name]


def houses() -> Dataset:
    import pandas as pd

    frame = pd.read_csv(FILES["houses"])
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
