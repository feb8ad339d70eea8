"""Forecasts: a frame of series in, the coming values of each with a band out, beside honest rivals."""

from . import persistence  # noqa: F401  ct.save and ct.load know of it
from .backtest import Backtest
from .forecaster import Forecaster
from .outlook import Outlook

__all__ = ["Backtest", "Forecaster", "Outlook"]
