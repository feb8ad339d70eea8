"""Forecaster: series in a frame in, a forecast of each with its band out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..arguments import whole_number
from ..data.reading import read_table
from ..data.zones import zone_called
from ..errors import DataError, check_name, warn
from ..estimators.built import WithDiagram
from ..estimators.running import check_runs_on, runs_on, told
from ..text import counted, quoted
from .bands import checked_coverage
from .beyond import step_by_step
from .choice import NETWORKS, ForecastSettings
from .learn import learn
from .members import joined, middle_of, rows_of
from .outlook import Outlook, written
from .panel import GAPS, Panel, Roles, Track, as_frame, framed, read_panel
from .series_ends import joined_tracks, longer_tail, older_rows, tail_of
from .time_column import timed
from .windows import VIEWS, Layout, WindowRows, moments_of, names_of, origins


class Forecaster(WithDiagram, BaseEstimator):
    """Forecasts of one series or many: a frame with a column of times in, the coming values with a band out.

    >>> import numpy as np, pandas as pd, cutaway as ct
    >>> hours = pd.date_range("2026-01-01", periods=400, freq="h")
    >>> table = pd.DataFrame({"when": hours, "load": 100 + 10 * np.sin(2 * np.pi * hours.hour / 24)})
    >>> model = ct.forecast.Forecaster(horizon=24, network="linear").fit(table, "load", "when")
    >>> coming = model.predict()
    >>> coming.columns.tolist(), str(coming["when"][0]), len(coming)
    (['when', 'forecast', 'lower', 'upper'], '2026-01-17 16:00:00', 24)

    What is None is chosen by the data, on windows that come later than those learnt from; `design_` says what and why.

    horizon: steps ahead that are forecast, all at once; None: a season, a tenth of the series at most.
    window: steps that a forecast sees. season: in steps; 1 for none.
    network: "auto", the median of the best of each kind; "linear" (ridge regression on the lags), "smoothing"
        (exponential smoothing), "mlp", "both" (the mean of linear map and MLP), "gru", "lstm", or "tcn" (filters along
        time), which read the lags step by step.
    view: what is taken out of a window and put back: "level", its mean; "last", its last value; "series", the series'
        mean; "season", the value a season before; "smooth", what exponential smoothing of the window forecasts. All but
        "series" follow a trend to where no series has been.
    gaps: steps without a row become empty ("fill"), no window reaches across them ("cut"), or they are an error
        ("refuse"). Empty steps are seen as such, and never forecast for a score.
    step: brings irregular times to one, "1 hour", "1 day", "1 month", by the mean. zone: whose clock times without an
        offset are by, such as "Europe/Berlin"; hours that clocks skip or repeat are then none.
    coverage: the share of values that the band shall hold.
    engine, device, devices, precision, exact, threads: what trains networks, as ct.fit takes them; linear maps and
        smoothing are found at once, by no engine. Forecasts are the CPU engine's, the same wherever a file goes.
    """

    #: Why it is not taken apart, exported or trained in a page, and what can be.
    no_single_network: ClassVar = (
        "a Forecaster is several models and what is done to windows before and behind them, not one network: give a "
        "network of your own on its windows, such as `cutaway fit FILE --forecast TARGET --hidden 32` "
        "writes; what a forecaster leans on, backtest(...).importance() says"
    )

    def __init__(self, horizon: int | None = None, window: int | None = None, season: int | None = None,
                 network: str = "auto", view: str | None = None, gaps: str = "fill", step: Any = None,
                 zone: str | None = None, coverage: float = 0.8, random_state: int = 0,
                 threads: int | None = None, engine: str = "cpu", device: str | None = None,
                 devices: int | str | None = None, precision: str | None = None, exact: bool = False) -> None:
        self.horizon = horizon
        self.window = window
        self.season = season
        self.network = network
        self.view = view
        self.gaps = gaps
        self.step = step
        self.zone = zone
        self.coverage = coverage
        self.random_state = random_state
        self.threads = threads
        self.engine = engine
        self.device = device
        self.devices = devices
        self.precision = precision
        self.exact = exact

    # ---- learning ----

    def fit(self, frame: Any, target: str | None = None, time: str | None = None, id: str | None = None,
            known: str | Sequence[str] = (), past: str | Sequence[str] | None = None) -> Forecaster:
        """Learn from a frame with a row for each step of each series, in any order; a Series or list is one series.

        target: the column of numbers to forecast. time: the column of times, dates or numbers; None: the frame's index
        where it holds dates, else the first column of dates or of numbers that rise step by step, which `notes_` tell;
        without any, rows are steps. id: the column that says of which series a row is. known: columns
        that are known ahead, such as holidays; past: those known only of the past, None for all others. A column that
        never changes within a series tells of the series. Rows behind the last known target are of the future.

        Returns the forecaster. Raises DataError, in words, for times that are empty, keep no step or stand twice too
        often, a target that holds no numbers, and series that are too short; ArgumentError for columns not there.
        """
        self._check()
        check_runs_on(self)
        known = (known,) if isinstance(known, str) else tuple(known)
        past = (past,) if isinstance(past, str) else None if past is None else tuple(past)
        frame, roles, found = timed(frame, target, time, id, (*known, *(past or ())))
        panel = read_panel(frame, roles, known=known, past=past, gaps=self.gaps, step=self.step, zone=self.zone)
        panel.notes[:0] = found
        return self._fit_panel(panel, roles)

    def _fit_panel(self, panel: Panel, roles: Roles) -> Forecaster:
        tracks = [track for track in panel.tracks if len(track)]
        if not tracks:
            raise DataError(f"The target {roles.target!r} is empty in every row: nothing can be learnt.")
        asked = ForecastSettings(self.horizon, self.window, self.season, self.network, self.view, self.gaps,
                                 self.random_state, runs_on(self) | {"exact": self.exact})
        found = learn(tracks, panel.calendar, asked)
        values = np.concatenate([t.y[np.isfinite(t.y)] for t in tracks])
        self.roles_, self.calendar_, self.columns_, self.notes_ = roles, panel.calendar, panel.columns, panel.notes
        self.model_, self.members_, self.bands_ = found.network, found.members, found.bands
        self.trials_, self.history_ = found.trials, found.history
        self.counts_ = bool((values >= 0).all() and (values == np.rint(values)).all())
        self.tails_ = [tail_of(track, self.layout_, panel.calendar) for track in panel.tracks]
        why = "rows are steps: no column says when they are" if roles.time is None else (
            "that the times keep" if self.step is None else "as asked")
        self.design_ = [["step", panel.calendar.words, why], *found.design]
        self.design_ += [[name, what, "as asked"] for name, what in told(self).items()]
        if self.counts_:
            self.design_.append(["counts", "none below 0", "the target is whole numbers from 0 on"])
        lengths = sorted(len(t) for t in tracks)
        ends = [min(t.first for t in tracks), max(t.first + (len(t) - 1) * panel.calendar.size for t in tracks)]
        several = f"{lengths[0]:,} to " * (lengths[0] < lengths[-1])
        self.about_ = f"{counted(len(tracks), 'series', 'series')} of {several}{counted(lengths[-1], 'step')}"
        if roles.time is not None:
            first, last = (written(panel.calendar, tick) for tick in ends)
            self.about_ += f", {panel.calendar.words} apart, from {first} to {last}"
        short = [t for t in tracks if not len(origins(t, self.layout_, targets=True))]
        if short:
            few = counted(len(short), "series", "series")
            self.notes_ = [*self.notes_, f"nothing is learnt from {few} with too few steps for a window of "
                           f"{self.layout_.length:,} and {self.layout_.horizon:,} ahead"]
        return self

    def _check(self) -> None:
        for name in ("horizon", "window", "season"):
            if getattr(self, name) is not None:
                whole_number(name, getattr(self, name))
        check_name(self.network, NETWORKS, "network")
        if self.view is not None:
            check_name(self.view, VIEWS, "view")
        check_name(self.gaps, GAPS, "gaps")
        checked_coverage(self.coverage)
        whole_number("random_state", self.random_state, 0)
        if self.zone is not None:
            zone_called(self.zone)

    def update(self, frame: Any) -> Forecaster:
        """Let newer rows join the history that forecasts start from, without learning anew. Returns the forecaster.

        frame: rows of the series, of others too, or one row as a dict; `predict()` then forecasts behind them, as
        `predict(frame=frame)` would. Rows of a step that is known already take its place; rows without times follow the
        last known one. `ct.save` keeps them.

        >>> import numpy as np, pandas as pd, cutaway as ct
        >>> days = pd.date_range("2026-01-01", periods=100)
        >>> table = pd.DataFrame({"when": days, "sold": 50 + 9.0 * (days.day_of_week == 5)})
        >>> model = ct.forecast.Forecaster(horizon=1, network="linear").fit(table[:99], "sold", "when")
        >>> model.update({"when": "2026-04-10", "sold": 50.0}).predict()["when"].astype(str).tolist()
        ['2026-04-11']

        What was noticed while reading is a warning. Raises DataError, as `predict` does, for rows that cannot be read.
        """
        check_is_fitted(self, "model_")
        panel = self.panel(frame)
        if not panel.rows and not any(column.role == "known" for column in self.columns_):
            raise DataError(f"The rows have no value of {self.roles_.target!r}: there is nothing to add.")
        tails = {tail.name: tail for tail in self.tails_}
        for track in panel.tracks:
            tail = tails.get(track.name)
            if self.roles_.time is None and tail is not None:
                track = replace(track, first=tail.first + len(tail) * self.calendar_.size)
            tails[track.name] = longer_tail(tail, track, self.calendar_, self.layout_)
        for note in panel.notes:
            warn(note)
        self.tails_ = list(tails.values())
        self.members_ = [replace(one, stats={t.name: moments_of(t, one.layout) for t in panel.tracks} | one.stats)
                         for one in self.members_]
        return self

    # ---- forecasting ----

    def predict(self, horizon: int | None = None, frame: Any = None, coverage: float | None = None) -> Any:
        """Forecast the steps behind the end of each series: a frame of id, time, forecast, lower and upper.

        horizon: how many steps, all that were learnt unless given; of more, those behind are forecast as if those
        before had come as forecast, which is worse the further it goes, and the band grows with it. frame: newer rows
        of the series, rows of other series, and rows of the future with the columns that are known ahead; None: behind
        the rows learnt from. Rows without times count from the first one learnt from. coverage: the share of values
        that lie between lower and upper.

        What was noticed while reading is a warning. Raises DataError where columns known ahead are missing, for a
        series without a past, and for one that is too short.
        """
        found = self.outlook(horizon, frame, coverage)
        for note in found.notes:
            warn(note)
        return found.frame()

    def outlook(self, horizon: int | None = None, frame: Any = None, coverage: float | None = None) -> Outlook:
        """Forecast as `predict` does, and keep what was before: `frame()`, `plot(path)`, and notes on what was read."""
        check_is_fitted(self, "model_")
        steps = self.layout_.horizon if horizon is None else whole_number("horizon", horizon)
        share = self.coverage if coverage is None else checked_coverage(coverage)
        tracks, notes = (self.tails_, []) if frame is None else self._tracks(frame)
        self._check_known(tracks, steps)
        asked = [self._end(track) for track in tracks]

        def once(some: Sequence[Track]) -> list[np.ndarray]:
            return self.at(some, [self._end(track) for track in some], [(1 - share) / 2, (1 + share) / 2])

        values = step_by_step(tracks, steps, once)
        if self.counts_:
            values = [np.maximum(part, 0) for part in values]
        return Outlook(list(tracks), [int(at[0]) for at in asked], values, self.calendar_, self.roles_, share, notes)

    def plot(self, path: Any = None, horizon: int | None = None, frame: Any = None, coverage: float | None = None
             ) -> Any:
        """Draw each series with what `predict` forecasts behind it: a figure, also written to path (.png or .svg)."""
        return self.outlook(horizon, frame, coverage).plot(path)

    def _tracks(self, frame: Any) -> tuple[list[Track], list[str]]:
        """The series of a frame, each behind what is known of it from training, and notes."""
        panel = self.panel(frame)
        tails = {tail.name: tail for tail in self.tails_}
        found = [joined_tracks(tails.get(track.name), track, self.calendar_, self.layout_) for track in panel.tracks]
        return found, panel.notes + older_rows(panel.tracks, found, self.calendar_)

    def panel(self, frame: Any) -> Panel:
        """Read what `predict` and `update` take: a frame, a Series, columns or a row by name."""
        frame = read_table(frame) if isinstance(frame, dict) else frame
        frame, _ = framed(frame, self.roles_.target, self.roles_.time, self.roles_.id)
        return self.read(frame)

    def read(self, frame: Any) -> Panel:
        """Read a frame as training's was: its columns, its step."""
        if self.roles_.target not in frame.columns:
            frame = frame.assign(**{self.roles_.target: np.nan})
        return read_panel(as_frame(frame, self.roles_), self.roles_, gaps=self.gaps, step=self.step, zone=self.zone,
                          calendar=self.calendar_, columns=self.columns_)

    def _end(self, track: Track) -> np.ndarray:
        at = origins(track, self.layout_, targets=False)
        if not len(at) or at[-1] != len(track):
            of = "The series" if track.name is None else f"The series {track.name!r}"
            known = int(np.isfinite(track.y).sum())
            if self.layout_.cut and known:
                raise DataError(f"{of} has a gap among the last {self.layout_.length:,} steps, which a forecast sees, "
                                'and gaps="cut": fit with gaps="fill".')
            raise DataError(f"{of} has {counted(known, 'known step')} at its end, and a forecast sees "
                            f"{self.layout_.length:,} of which half must be known: give more of its past.")
        return at[-1:]

    def _check_known(self, tracks: Sequence[Track], steps: int) -> None:
        names = [column.name for column in self.columns_ if column.role == "known"]
        for track in tracks if names else ():
            given = track.given[len(track):len(track) + steps]
            if len(given) < steps or not given.all():
                first = len(track) + (int(np.argmin(given)) if not given.all() else len(given))
                when = self.calendar_.times(np.array([track.first + first * self.calendar_.size]))[0]
                of = "" if track.name is None else f" of {track.name!r}"
                raise DataError(f"{quoted(names)} {'is' if len(names) == 1 else 'are'} known ahead, and the step {when}"
                                f"{of} is not given: predict needs a row for each of the {steps:,} coming steps, with "
                                "an empty target (frame=).")

    def at(self, tracks: Sequence[Track], asked: Sequence[np.ndarray], levels: Sequence[float] = ()
           ) -> list[np.ndarray]:
        """The forecasts of tracks at origins of each, (n, horizon), and at each level the quantile: all on the target's
        own scale, none below 0 where it counts, none across the forecast."""
        rows = rows_of(self.members_, tracks, asked, self.calendar_)
        if not len(rows[0]):
            return [np.zeros((0, self.layout_.horizon))] * (1 + len(levels))
        z = self.outputs(joined(rows), rows)
        found = [z] + [z + self.bands_.at(level) for level in levels]
        found = [found[0]] + [np.minimum(part, z) if level < 0.5 else np.maximum(part, z)
                              for level, part in zip(levels, found[1:], strict=True)]
        values = [self.layout_.back(rows[0].base + rows[0].scale[:, None] * part) for part in found]
        return [np.maximum(part, 0) for part in values] if self.counts_ else values

    def outputs(self, X: np.ndarray, rows: Sequence[WindowRows]) -> np.ndarray:
        """The members' median for windows (n, horizon), in units of the first one's, from their features X."""
        z = np.asarray(self.model_.predict(X.astype(np.float32), threads=self.threads), np.float64)
        return middle_of(self.members_, rows, z.reshape(len(X), -1))

    @property
    def layout_(self) -> Layout:
        """How the first member makes rows of windows; all have its season, length and horizon."""
        return self.members_[0].layout

    # ---- scores and pictures ----

    def backtest(self, frame: Any, target: str | None = None, time: str | None = None, id: str | None = None,
                 known: str | Sequence[str] = (), past: str | Sequence[str] | None = None, cuts: int = 3,
                 test: float = 0.2, rivals: Sequence[str] | None = None) -> Any:
        """Score forecasts of rows that were not learnt from, beside rivals; what is fitted stays as it is.

        At each of `cuts` moments in the latest share `test` of the steps, a forecaster as this one learns from the rows
        before it, and forecasts from every step up to the next. The other arguments are those of fit; of a fitted
        forecaster, target, time, id, known and past are what they were. Gives a Backtest.
        """
        from .backtest import backtest

        if target is None and hasattr(self, "roles_"):
            roles = self.roles_
            target, time, id = roles.target, roles.time, roles.id
            known = [c.name for c in self.columns_ if c.role == "known"]
        return backtest(self, frame, target, time, id, known, past, cuts, test, rivals)

    def evaluate(self, frame: Any, rivals: Sequence[str] | None = None) -> Any:
        """Score the forecasts of rows that lie behind those that the forecaster knows, beside rivals that know as much.

        frame: newer rows of the series, with what came; older ones are history, by which the rivals are set. A forecast
        is made from each new step, of as many steps ahead as have come. Nothing is learnt. Gives a Backtest.

        >>> import numpy as np, pandas as pd, cutaway as ct
        >>> days = pd.date_range("2026-01-01", periods=120)
        >>> table = pd.DataFrame({"when": days, "sold": 50 + 9.0 * (days.day_of_week == 5) + np.arange(120) % 2})
        >>> model = ct.forecast.Forecaster(horizon=2, network="linear").fit(table[:100], "sold", "when")
        >>> tested = model.evaluate(table)
        >>> tested.windows, tested.summary().columns.tolist()
        (20, ['MASE', 'MAE', 'RMSE', 'WQL', 'coverage'])

        Raises DataError where no row lies behind the known ones.
        """
        from .new_rows import score_new_rows

        check_is_fitted(self, "model_")
        return score_new_rows(self, frame, rivals)

    @property
    def feature_names_(self) -> list[str]:
        """What each input of the network is."""
        names = [Panel([], self.calendar_, self.columns_).features(role) for role in ("past", "known", "static")]
        return [name for member in self.members_
                for name in names_of(member.layout, self.calendar_, names, self.roles_.target)]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")
