"""Series made for the tests: hours of a load with a day's season."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def hourly():
    """Ten weeks of hours, a season of 24, holidays that raise the load, three shops of other sizes."""
    rng = np.random.default_rng(0)
    hours = pd.date_range("2026-01-05", periods=24 * 30, freq="h")
    parts = []
    for k, shop in enumerate(("north", "south", "west")):
        holiday = (rng.random(30) < 0.2).repeat(24).astype(int)
        load = (k + 1) * (100 + 20 * np.sin(2 * np.pi * hours.hour / 24) + 30 * holiday) + rng.normal(0, 2, len(hours))
        parts.append(pd.DataFrame({"when": hours, "shop": shop, "holiday": holiday, "area": 10.0 * k,
                                   "visitors": rng.normal(size=len(hours)), "load": load}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def one(hourly):
    return hourly.loc[hourly["shop"] == "north", ["when", "load"]].reset_index(drop=True)
