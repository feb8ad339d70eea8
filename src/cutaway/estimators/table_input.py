"""What a table's network begins with: numbers in bins between their quantiles, vectors for codes, the rest as it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import TableEncoder
from ..data.limits import CODE_WIDTH, FEWEST_BINS, FEWEST_IN_BIN, MOST_BINS_OF_ROW, ROWS_OF_EDGES, VALUES_A_BIN
from ..data.weights import none_if_equal
from ..nn import TableInput


def front_of(encoder: TableEncoder, Z: Any, weights: np.ndarray | None, bins: int) -> TableInput | None:
    """Make the first layer for encoded rows Z (n, features) like those to come, None where all features stay as they
    are. bins: of each number, at most; of none that only grows, as the days of a date do: what comes lies behind the
    last bin. A row of weight two counts twice."""
    dates = [column.name for column in encoder.columns if column.kind == "date"]
    grows = {f"{name} {part}" for name in dates for part in ("days", "year")}
    bent = [j for j in encoder.scaled if encoder.feature_names[j] not in grows]
    edges = edges_of(np.asarray(Z), bent, weights, bins) if bins else {}
    codes = dict(encoder.codes)
    if not edges and not codes:
        return None
    widths = [min(CODE_WIDTH, size) for size in codes.values()]
    plain = [j for j in range(len(encoder.feature_names)) if j not in codes]
    front = TableInput(len(encoder.feature_names), list(edges), [len(e) - 1 for e in edges.values()], list(codes),
                       list(codes.values()), widths, plain)
    front.set_edges(edges)
    return front


def edges_of(Z: np.ndarray, features: list[int], weights: np.ndarray | None, bins: int) -> dict[int, np.ndarray]:
    """Find where the bins of each feature end: quantiles of Z (n, features), equal ones once. Where features are many,
    or rows few, bins are fewer, and rather none than a few. Of a number of few values, such as the hour of a day, each
    value is an edge."""
    weights = none_if_equal(weights)  # a row counts as often as any other, to the last bit
    rows = len(Z) if weights is None else float(np.sum(weights))
    most = MOST_BINS_OF_ROW // max(1, len(features))
    few = min(most, VALUES_A_BIN * bins, int(rows // FEWEST_IN_BIN))
    bins = min(bins, most, int(rows // FEWEST_IN_BIN))
    found = {}
    for j in features if bins >= FEWEST_BINS else ():
        values = np.unique(Z[:, j].astype(np.float32))
        if 2 < len(values) <= few:
            found[j] = values
            continue
        shares = np.linspace(0, 1, bins + 1)
        some = np.quantile(Z[:, j].astype(np.float64), shares, method="inverted_cdf", weights=weights)
        edges = np.unique(some.astype(np.float32))
        if len(edges) > 2:
            found[j] = edges
    return found


def looked_at(n: int) -> Any:
    """Which of n rows edges are found in: all, or as many as move no edge that matters, evenly spread."""
    return np.arange(0, n, -(-n // ROWS_OF_EDGES))
