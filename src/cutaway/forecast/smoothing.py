"""Exponential smoothing with a damped trend and a season, each added (Gardner and McKenzie, 1985).

    e = y - (l + φ b + s[t - m])
    l ← l + φ b + α e        b ← φ b + β e        s ← s + γ e
    y[t + h] = l + (φ + ... + φʰ) b + s

The settings are those of a grid whose errors one step ahead are smallest; with a trend or without, and of positive
series on logarithms or not, as errs less over the whole horizon.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

#: The grid: α, β as a share of it, γ as a share of what α leaves, φ. Without a trend φ is 0.
ALPHA, BETA = (0.02, 0.1, 0.25, 0.5, 0.75, 0.95), (0.03, 0.15, 0.4)
GAMMA, PHI = (0.02, 0.1, 0.3), (0.85, 0.95, 0.99)
#: Steps of a series that settings are chosen on, and forecasts that say which kind errs least, at most.
MOST_STEPS, MOST_JUDGED = 3000, 100


def grid(season: int) -> np.ndarray:
    """The settings that are tried: (α, β, γ, φ) (n, 4)."""
    gammas = GAMMA if season > 1 else (0.0,)
    plain = [(a, 0.0, g * (1 - a), 0.0) for a, g in product(ALPHA, gammas)]
    trend = [(a, b * a, g * (1 - a), phi) for a, b, g, phi in product(ALPHA, BETA, gammas, PHI)]
    return np.array(plain + trend)


def smooth(y: np.ndarray, settings: np.ndarray, season: int, at: np.ndarray, horizon: int
           ) -> tuple[np.ndarray, np.ndarray]:
    """Go through a series (T,) with several settings (n, 4) at once: squared errors one step ahead (n,), and forecasts
    (n, len(at), horizon) made before each of the rising steps `at`. Gaps (NaN) leave all as expected.

    >>> error, ahead = smooth(np.array([1.0, 1.0, 1.0]), np.array([[0.5, 0.0, 0.0, 0.0]]), 1, np.array([3]), 2)
    >>> error.tolist(), ahead[0].tolist()
    ([0.0], [[1.0, 1.0]])
    """
    a, b, g, phi = settings.T
    m = max(season, 1)
    first = y[:m][np.isfinite(y[:m])]
    level = np.full(len(a), first.mean() if len(first) else np.nan_to_num(np.nanmean(y)))
    trend, seasons = np.zeros(len(a)), np.zeros((len(a), m))
    if m > 1:
        seasons[:] = _first_seasons(y, m)
    total, ahead, places = np.zeros(len(a)), np.zeros((len(a), len(at), horizon)), iter(enumerate(at.tolist()))
    k, wanted = next(places, (0, -1))
    steps = np.arange(1, horizon + 1)
    damped = np.cumsum(phi[:, None] ** steps, axis=1)
    for t in range(len(y) + 1):
        if t == wanted:
            ahead[:, k] = level[:, None] + damped * trend[:, None] + seasons[:, (t + steps - 1) % m]
            k, wanted = next(places, (0, -1))
            if wanted < 0:
                break
        if t == len(y):
            break
        expected = level + phi * trend
        e = y[t] - expected - seasons[:, t % m]
        if e[0] != e[0]:
            e = np.zeros(len(a))
        elif t >= m:
            total += e * e
        level, trend = expected + a * e, phi * trend + b * e
        if m > 1:
            seasons[:, t % m] += g * e
    return total, ahead


def smooth_windows(seen: np.ndarray, settings: Any, season: int, horizon: int) -> np.ndarray:
    """What exponential smoothing of each window (n, length) forecasts, (n, horizon); of several settings (k, 4) at once
    (k, n, horizon). Steps before the first known one (NaN) are none, later gaps leave all as expected.

    >>> smooth_windows(np.array([[np.nan, 1.0, 1.0, 3.0]]), (0.5, 0.0, 0.0, 0.0), 1, 2).tolist()
    [[2.0, 2.0]]
    """
    several = np.asarray(settings, np.float64).reshape(-1, 4)
    a, b, g, phi = several.T[:, :, None]
    length = seen.shape[1]
    m = season if 1 < season <= length else 1
    known = np.isfinite(seen)
    first = known.argmax(axis=1)
    begun = np.minimum(first[:, None] + np.arange(m), length - 1)
    began = _cycles(seen, m)
    there = np.take_along_axis(known, begun, axis=1)
    away = np.where(there, np.take_along_axis(seen, begun, axis=1) - np.take_along_axis(began, begun % m, axis=1), 0)
    level = np.tile(away.sum(axis=1) / np.maximum(there.sum(axis=1), 1), (len(several), 1))
    trend = np.zeros_like(level)
    seasons = np.repeat(began.T[:, None], len(several), axis=1)  # (m, k, n)
    e, step = np.empty_like(level), np.empty_like(level)  # the loop's arrays, all in place: it is what takes the time
    every, moves = known.all(axis=0), m > 1 and bool(np.any(g))
    for t in range(length):
        trend *= phi
        level += trend
        np.subtract(seen[:, t], level, out=e)
        e -= seasons[t % m]
        if not every[t]:
            e[:, ~known[:, t]] = 0
        level += np.multiply(a, e, out=step)
        trend += np.multiply(b, e, out=step)
        if moves:
            seasons[t % m] += np.multiply(g, e, out=step)
    steps = np.arange(1, horizon + 1)
    damped = np.cumsum(phi**steps, axis=1)
    coming = np.moveaxis(seasons[(length + steps - 1) % m], 0, 2)
    found = level[:, :, None] + trend[:, :, None] * damped[:, None] + coming
    return found[0] if np.ndim(settings) == 1 else found


def _cycles(seen: np.ndarray, m: int) -> np.ndarray:
    """The season (n, m) that windows begin with: the mean deviation of each place from its cycle's mean, of the cycles
    that are whole."""
    n, length = seen.shape
    if m < 2:
        return np.zeros((n, 1))
    cycles = seen[:, :length // m * m].reshape(n, -1, m)
    away = cycles - cycles.mean(axis=2, keepdims=True)
    whole = np.isfinite(away).all(axis=2)
    return np.where(whole[:, :, None], away, 0).sum(axis=1) / np.maximum(whole.sum(axis=1), 1)[:, None]


def _first_seasons(y: np.ndarray, m: int) -> np.ndarray:
    """The season that a filter begins with: the mean deviation of each place in the first cycles from their means."""
    cycles = [y[k * m:(k + 1) * m] for k in range(min(3, len(y) // m))]
    away = [part - np.nanmean(part) for part in cycles if np.isfinite(part).any()]
    if not away:
        return np.zeros(m)
    stack = np.stack(away)
    known = np.isfinite(stack)
    return np.where(known, stack, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def smoothed(past: np.ndarray, y: np.ndarray, season: int, at: np.ndarray, horizon: int) -> np.ndarray:
    """Forecast a series y (T,) from each of the steps `at` (n, horizon), with the settings that suit `past`, its steps
    before a moment."""
    m = season if season > 1 and np.isfinite(past).sum() >= 2 * season else 1
    settings, some = grid(m), past[-MOST_STEPS:]
    known = past[np.isfinite(past)]
    judged = np.arange(max(2 * m, len(some) - horizon - MOST_JUDGED), len(some) - horizon + 1)
    none, found = np.zeros(0, np.int64), []
    for log in [False] + [True] * bool(len(known) and known.min() > 0):
        x = np.log(some) if log else some
        total, _ = smooth(x, settings, m, none, horizon)
        for kind in (settings[:, 3] == 0, settings[:, 3] > 0):  # the best without a trend, and with one
            k, error = int(np.argmin(np.where(kind, total, np.inf))), 0.0
            if len(judged):
                ahead = smooth(x, settings[[k]], m, judged, horizon)[1][0]
                ahead = np.exp(np.minimum(ahead, 700)) if log else ahead
                error = float(np.nanmean(np.abs(some[judged[:, None] + np.arange(horizon)] - ahead)))
            found.append((error, k, log))
    _, k, log = min(found)
    x = np.log(np.maximum(y, 1e-12)) if log else y
    _, ahead = smooth(x, settings[[k]], m, at, horizon)
    return np.exp(np.minimum(ahead[0], 700)) if log else ahead[0]
