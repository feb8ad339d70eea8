"""Who takes part: Cutaway's presets, and each peer with the preparation of a table that its own makers would give it.

Nothing is imported at the top: the peers' Python need not have Cutaway, nor Cutaway's the peers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LEVELS = 255  # of a column that scikit-learn's peers tell apart, the most that its boosting takes; the rest is one more
COVERAGE = 0.9
Model = Any  # with fit(X, y), predict and, of classes, predict_proba and classes_


@dataclass(frozen=True)
class Competitor:
    """One who takes part: who makes it, and how a model for a task and a seed is made.

    most: rows to learn from, above which it is left out, as a fit would take most of an hour on one thread.
    aside: it is compared in a table of its own alone.
    """

    ours: bool
    model: Callable[[str, int], Model]
    most: int | None = None
    aside: bool = False


def with_numbers_for_dates(X: pd.DataFrame, dates: tuple[str, ...]) -> pd.DataFrame:
    """The table with what a person would write for a date: days since 2000, month, weekday and hour.

    Peers get it, as they read no dates; Cutaway gets the cells as they are.
    """
    import pandas as pd

    parts: dict[str, Any] = {}
    for name in dates:
        when = pd.to_datetime(X[name], utc=True, format="ISO8601")
        parts |= {f"{name} days": (when - pd.Timestamp("2000-01-01", tz="UTC")) / pd.Timedelta(days=1),
                  f"{name} month": when.dt.month, f"{name} weekday": when.dt.day_of_week, f"{name} hour": when.dt.hour}
    return X.drop(columns=list(dates)).assign(**parts)


def _kinds(X: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The columns that hold numbers and those that hold text."""
    from pandas.api.types import is_numeric_dtype

    numbers = [name for name in X.columns if is_numeric_dtype(X[name])]
    return numbers, [name for name in X.columns if name not in numbers]


def _scikit(task: str, classifier: Model, regressor: Model, one_hot: bool) -> Model:
    """A pipeline: scaled numbers and one-hot levels, or, for trees, numbers as they are and levels by their place."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers: Model = "passthrough"
    if one_hot:
        numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        levels = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=LEVELS, sparse_output=False)
    else:
        levels = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=LEVELS - 1,
                                encoded_missing_value=np.nan)
    columns = ColumnTransformer([("numbers", numbers, lambda X: _kinds(X)[0]),
                                 ("levels", levels, lambda X: _kinds(X)[1])])
    return make_pipeline(columns, classifier if task == "classification" else regressor)


def linear(task: str, seed: int) -> Model:
    from sklearn.linear_model import LogisticRegression, RidgeCV

    return _scikit(task, LogisticRegression(max_iter=1000), RidgeCV(np.logspace(-3, 3, 13)), one_hot=True)


def scikit_mlp(task: str, seed: int) -> Model:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    scaled = TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())
    return _scikit(task, MLPClassifier(random_state=seed), scaled, one_hot=True)


class OfModel:
    """A competitor that asks its model as it is."""

    model: Any

    def predict(self, X):
        return self.model.predict(X)

    def predict_proba(self, X):
        return self.model.predict_proba(X)


class Boosting(OfModel):
    """Histogram boosting with its defaults, which takes levels as they are; quantiles beside it for intervals."""

    def __init__(self, task: str, seed: int, quantile: float | None = None):
        self.task, self.seed, self.quantile = task, seed, quantile

    def fit(self, X, y):
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        levels = [name in _kinds(X)[1] for name in [*_kinds(X)[0], *_kinds(X)[1]]]
        given = {"categorical_features": levels, "random_state": self.seed}
        loss = {} if self.quantile is None else {"loss": "quantile", "quantile": self.quantile}
        self.model = _scikit(self.task, HistGradientBoostingClassifier(**given),
                             HistGradientBoostingRegressor(**given, **loss), one_hot=False).fit(X, y)
        self.rows, self.classes_ = (X, y), getattr(self.model, "classes_", None)
        return self

    def interval(self, X):
        quantiles = (1 - COVERAGE) / 2, (1 + COVERAGE) / 2
        ends = [Boosting(self.task, self.seed, q).fit(*self.rows).predict(X) for q in quantiles]
        return np.minimum(*ends), np.maximum(*ends)


class Conformal(OfModel):
    """Boosted quantiles, moved by what a fifth of the rows, held back by chance, say (Romano et al., "Conformalized
    quantile regression", 2019): beside quantiles as they come, which cover less than they say, the fair rival in width.
    """

    def __init__(self, task: str, seed: int):
        self.task, self.seed = task, seed

    def fit(self, X, y):
        order = np.random.default_rng(self.seed).permutation(len(y))
        held, learnt = np.sort(order[: len(y) // 5]), np.sort(order[len(y) // 5:])
        self.model = Boosting(self.task, self.seed).fit(X.iloc[learnt].reset_index(drop=True), y[learnt])
        low, high = self.model.interval(X.iloc[held].reset_index(drop=True))
        self.moved = moved(low, high, y[held])
        return self

    def interval(self, X):
        low, high = self.model.interval(X)
        return np.minimum(low - self.moved, (low + high) / 2), np.maximum(high + self.moved, (low + high) / 2)


def moved(low: np.ndarray, high: np.ndarray, y: np.ndarray) -> float:
    """How far both ends must move outward so that the ⌈(m + 1) c⌉-th worst of m rows lies within.

    >>> float(moved(np.zeros(19), np.ones(19), 1 + np.arange(19.0)))  # the 18th of 0, 1, 2, ...
    17.0
    """
    off = np.sort(np.maximum(low - y, y - high))
    return off[min(int(np.ceil(round((len(y) + 1) * COVERAGE, 9))), len(y)) - 1]


class Pytabkit:
    """RealMLP-TD or TabM by pytabkit with its defaults; gaps among numbers are its caller's to fill."""

    def __init__(self, name: str, task: str, seed: int, **given):
        self.name, self.task, self.seed, self.given = name, task, seed, given

    def fit(self, X, y):
        from pytabkit import models
        from sklearn.impute import SimpleImputer

        kind = "Classifier" if self.task == "classification" else "Regressor"
        self.imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        self.imputer.set_output(transform="pandas").fit(X[_kinds(X)[0]])
        self.model = getattr(models.sklearn.sklearn_interfaces, f"{self.name}_{kind}")(
            device="cpu", n_threads=1, random_state=self.seed, **self.given)
        self.model.fit(self.filled(X), y)
        self.classes_ = getattr(self.model, "classes_", None)
        return self

    def filled(self, X):
        numbers, levels = _kinds(X)
        return self.imputer.transform(X[numbers]).join(X[levels].fillna("missing").astype("category"))

    def predict(self, X):
        return self.model.predict(self.filled(X))

    def predict_proba(self, X):
        return self.model.predict_proba(self.filled(X))


class Ours(OfModel):
    """Cutaway's estimator as it comes, with a preset or, in builds that have none, without; told the groups of rows."""

    def __init__(self, task: str, seed: int, preset: str | None, **given):
        self.task, self.seed = task, seed
        self.given = given | ({} if preset is None else {"preset": preset})

    def fit(self, X, y, groups=None):
        import cutaway as ct

        kind: Any = ct.Classifier if self.task == "classification" else ct.Regressor
        self.model = kind(random_state=self.seed, threads=1, **self.given)
        self.model.fit(X, y, **({} if groups is None else {"groups": groups}))
        self.classes_ = getattr(self.model, "classes_", None)
        return self

    def interval(self, X):
        found = self.model.predict_interval(X, coverage=COVERAGE)
        return np.asarray(found)[:, 0], np.asarray(found)[:, 1]


COMPETITORS = {
    "linear": Competitor(False, linear),
    "scikit-learn MLP": Competitor(False, scikit_mlp),
    "boosting": Competitor(False, Boosting),
    "RealMLP-TD": Competitor(False, lambda task, seed: Pytabkit("RealMLP_TD", task, seed)),
    "TabM": Competitor(False, lambda task, seed: Pytabkit("TabM_D", task, seed, num_emb_type="pwl", batch_size="auto"),
                       most=6000),
    "before": Competitor(True, lambda task, seed: Ours(task, seed, None)),
    "fast": Competitor(True, lambda task, seed: Ours(task, seed, "fast")),
    "default": Competitor(True, lambda task, seed: Ours(task, seed, "default")),
    "best": Competitor(True, lambda task, seed: Ours(task, seed, "best")),
    "conformal boosting": Competitor(False, Conformal, aside=True),
    "uncalibrated": Competitor(True, lambda task, seed: Ours(
        task, seed, "default", **({"calibrate": False} if task == "classification" else {})), aside=True),
}
