"""Forecasts that cost nothing, for a network to beat: all stays as it is, or comes again after a season."""

from __future__ import annotations

import numpy as np

from .forecasting import Windows
from .limits import BETTER, CHANCE, FAINT, HIGH, LONGEST_SHARE, PEAKS
from .limits import LONGEST_LAG as LONGEST
from .limits import ROUNDING_OF_SERIES as ROUNDING


def season_of(x: np.ndarray) -> int:
    """The season of a series x (time,), in steps; 0 if it has none. Gaps are NaN.

    Of the highest peaks of its autocorrelation, without its straight trend, that whose value so many steps before is
    the best forecast; of seasons as good, the shortest.

    >>> hours = np.arange(24 * 40)
    >>> season_of(np.sin(2 * np.pi * hours / 24) + 0.01 * hours)
    24
    """
    x = np.asarray(x, np.float64)
    steps, known = np.arange(len(x)), np.isfinite(x)
    most = int(min(len(x) * LONGEST_SHARE, LONGEST))
    if known.sum() < 8 or most < 3 or np.ptp(x[known]) == 0:
        return 0
    x = x / np.abs(x[known]).max()
    z = np.interp(steps, steps[known], x[known])
    z = z - np.polyval(np.polyfit(steps, z, 1), steps)
    if z.std() < ROUNDING:
        return 0
    spectrum = np.abs(np.fft.rfft(z, 2 * len(z))) ** 2
    overlap = len(z) - np.arange(most + 1)
    alike = np.fft.irfft(spectrum)[: most + 1] / overlap / np.square(z).mean()
    inner = np.arange(2, most)
    real = alike[inner] > np.maximum(FAINT, CHANCE / np.sqrt(overlap[inner]))
    peaks = inner[(alike[inner] > alike[inner - 1]) & (alike[inner] >= alike[inner + 1]) & real]
    highest = peaks[np.argsort(-alike[peaks], kind="stable")[:PEAKS]]
    high = peaks[alike[peaks] > HIGH * alike[peaks].max(initial=0)]
    best, error = 0, np.inf
    for lag in np.unique(np.r_[high[:PEAKS], highest]).tolist():
        now = float(np.nanmean(np.square(x[lag:] - x[:-lag]))) + ROUNDING
        if now < error * max(1 - BETTER * np.sqrt(2 / (len(x) - lag)), 0.5):
            best, error = lag, now
    return best


def naive_forecasts(windows: Windows, learnt: np.ndarray, asked: np.ndarray) -> dict[str, np.ndarray]:
    """Forecast the windows numbered `asked` (n, targets of all steps), as `windows.y` has them: by name.

    "the last value", and "the value 24 steps before" where the series has such a season; it is looked for in what the
    windows numbered `learnt` show, with their targets. What lies before a forecast is known to it, shown or not.
    """
    each = windows.y.shape[1] // windows.horizon
    names = [name.rsplit(" +", 1)[0] for name in windows.target_names[:each]]
    began, ahead = _stretches(windows), np.arange(windows.horizon)
    longest = np.bincount(began[learnt]).argmax()  # of the stretches, the one that most windows lie in
    part = learnt[began[learnt] == longest]
    first = windows.starts[asked] + windows.length  # of what is forecast
    lasts, again, seasons = [], [], []
    for j, name in enumerate(names):
        series = _series(windows, windows.features.index(name), windows.y[:, j::each])
        end = int(windows.starts[part].max()) + windows.length + windows.horizon
        seasons.append(season := season_of(series[longest:end]))
        last = np.repeat(_known(series, first - 1)[:, None], windows.horizon, axis=1)
        place = first[:, None] + ahead - season * (ahead // max(season, 1) + 1)
        before = np.where(place >= began[asked][:, None], series[np.maximum(place, 0)], np.nan)
        lasts.append(last)
        again.append(np.where(np.isfinite(before), before, last))
    found = {"the last value": lasts}
    if all(seasons):
        found[f"the value {' or '.join(f'{s:,}' for s in dict.fromkeys(seasons))} steps before"] = again
    return {name: np.stack(parts, axis=2).reshape(len(asked), -1) for name, parts in found.items()}


def _stretches(windows: Windows) -> np.ndarray:
    """The first step of the stretch without missing steps that each window lies in, (n,).

    No window spans a gap in time, so that behind one as many are missing as reach across.
    """
    new = np.diff(windows.starts, prepend=windows.starts[0]) >= windows.length + windows.horizon
    return windows.starts[np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))]


def _series(windows: Windows, place: int, y: np.ndarray) -> np.ndarray:
    """Join one feature of the series that windows were cut from, NaN where none shows it; y: targets (n, horizon)."""
    series = np.full(int(windows.starts.max()) + windows.length + windows.horizon, np.nan)
    series[windows.starts[:, None] + np.arange(windows.length)] = windows.X[:, :, place]
    series[windows.starts[:, None] + windows.length + np.arange(windows.horizon)] = y
    return series


def _known(series: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The values at some steps; for a gap the one before it, and before the first one that."""
    known = np.flatnonzero(np.isfinite(series))
    return series[known[np.clip(np.searchsorted(known, at, side="right") - 1, 0, None)]]
