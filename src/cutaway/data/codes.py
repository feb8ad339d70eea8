"""Codes of encoded rows, laid out as columns of 0 and 1 for models that take plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..random import stream
from .limits import HIDDEN, WIDE_EXPANDED


def expanded(Z: np.ndarray, codes: dict[int, int]) -> Any:
    """Give each code of rows Z (n, features) a column, in place: dense, or CSR where that is wide.

    codes: {feature: how many codes it has}.

    >>> expanded(np.array([[0.5, 2.0], [1.5, 0.0]]), {1: 3}).tolist()
    [[0.5, 0.0, 0.0, 1.0], [1.5, 1.0, 0.0, 0.0]]
    """
    n, features = Z.shape
    widths = np.ones(features, dtype=np.int64)
    widths[list(codes)] = list(codes.values())
    places = np.tile(np.cumsum(widths) - widths, (n, 1))
    values = np.array(Z)
    for feature in codes:
        places[:, feature] += Z[:, feature].astype(np.int64)
        values[:, feature] = 1
    width = int(widths.sum())
    if width > WIDE_EXPANDED:
        from scipy.sparse import csr_array

        starts = np.arange(0, n * features + 1, features)
        sparse = csr_array((values.ravel(), places.ravel(), starts), shape=(n, width))
        sparse.eliminate_zeros()
        return sparse
    out = np.zeros((n, width), Z.dtype)
    out[np.arange(n)[:, None], places] = values
    return out


def hide_levels(Z: np.ndarray, unseen: dict[int, int], seed: int) -> np.ndarray:
    """Give some rows of Z (n, features), which it writes into, the code of a level that training never had.

    unseen: {feature: that code}. So a network learns what to say where it knows nothing of the level. Rows with a
    rare level teach the same: where there are enough of them nothing is hidden.
    """
    for feature, code in unseen.items():
        rare = int((Z[:, feature] == code).sum())
        wanted = round(HIDDEN * len(Z)) - rare
        if wanted > 0:
            some = stream(seed, "hidden levels", feature).permutation(len(Z))[:wanted]
            Z[some, feature] = code
    return Z
