"""Tracks for tests: one series on a grid of days, without other columns."""

from dataclasses import replace

import numpy as np

from cutaway.forecast.calendars import Calendar
from cutaway.forecast.panel import Track

DAYS = Calendar("days", 86_400_000_000)


def track(y, **more):
    y = np.asarray(y, float)
    n = len(y)
    return replace(Track("a", 0, y, np.zeros(n, bool), np.zeros((n, 0)), np.ones(n, bool), np.zeros((n, 0)),
                         np.zeros(0)), **more)
