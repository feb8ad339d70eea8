"""Groups of rows that belong together: all of one are learnt from, or all are held back to see when to stop."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import Windows, split
from ..errors import DataError
from ..text import counted
from .notes import tell
from .weights import row_weights


def held_by_groups(estimator: Any, rows: Any, groups: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Divide the rows that count into those to learn from and those to hold back, no group on both sides.

    groups: one label a row as fit was given them, also those of weight zero. None where no rows are held back, which
    a warning says. Raises DataError for labels that group nothing.
    """
    many, given = rows.kind.many, len(rows) if sample_weight is None else len(np.asarray(sample_weight))
    labels = _labels(groups, given, many)
    weights = row_weights(sample_weight, given)
    if weights is not None and not weights.all():
        labels = labels[weights != 0]
    if isinstance(rows.X, Windows) or rows.held is not None:
        raise DataError("groups do not go with windows of a series, of which the latest are held back: leave them out.")
    _refuse_no_groups(labels, many)
    share = estimator.validation
    if not isinstance(share, float) or len(rows) < rows.kind.fewest:
        few = f"with fewer than {rows.kind.fewest} {many} (here {len(rows)}) none are held back"
        own = "validation=None holds none back" if share is None else "the rows held back are given as validation"
        tell(f"groups are not used: {few if isinstance(share, float) else own}.")
        return None
    return whole_groups(estimator, rows, labels)


def whole_groups(estimator: Any, rows: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Divide the rows by labels (n,), classes as near to proportion as whole groups allow; the design says so."""
    classes = rows.y if _one_class_a_row(estimator, rows.y) else None
    rows.groups = labels
    learn, held = split(len(rows), estimator.validation, estimator._seed, stratify=classes, groups=labels)
    estimator.design_.reasons["validation"] += "; whole groups"
    return learn, held


def _labels(groups: Any, n: int, many: str) -> np.ndarray:
    """Number the groups: (n,). Raises DataError for what is not one label a row."""
    import pandas as pd

    if hasattr(groups, "tocsr"):
        raise DataError("groups are a sparse matrix: give one label a row, such as a column of the table.")
    if len(shape := np.shape(groups)) != 1:
        raise DataError(f"groups have the shape {tuple(shape)}: give one label a row, (n,).")
    cells = groups if isinstance(groups, pd.Series) else pd.Series(list(np.asarray(groups, dtype=object)))
    if len(cells) != n:
        raise DataError(f"groups have {counted(len(cells), 'label')}, X {n:,} {many}: give one label a row.")
    gaps = np.flatnonzero(cells.isna())
    if gaps.size:
        raise DataError(f"groups are missing in {counted(gaps.size, 'row')}, first in row {gaps[0]}: give each row a "
                        "label, those that belong to no group one of their own.")
    try:
        return pd.factorize(cells)[0]
    except TypeError:
        raise DataError("groups hold labels that cannot be told apart (lists, arrays): give numbers or text.") from None


def _refuse_no_groups(labels: np.ndarray, many: str) -> None:
    """Raise DataError where all rows are one group, or each is one of its own."""
    groups = len(np.unique(labels))
    if groups == 1 and len(labels) > 1:
        raise DataError(f"groups put all {many} into one group, so that none can be held back: leave groups out, or "
                        "give validation=(X, y) or None.")
    if groups == len(labels) > 1:
        raise DataError(f"groups give each of the {len(labels):,} {many} a group of its own, which holds nothing "
                        "together: leave them out, or give what several rows share.")


def _one_class_a_row(estimator: Any, y: Any) -> bool:
    from sklearn.base import is_classifier

    return is_classifier(estimator) and len(np.shape(y)) == 1
