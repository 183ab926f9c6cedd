"""How much a backtest of correlated errors tells, and what to do about it when that is little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtri, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.forecasting.panel import Flags, Floats

#: Before they are looked at, errors of one series in one window correlate this much, ...
_CORRELATION: Final = 0.5
#: ... which counts as much as this many clusters.
_PRIOR_CLUSTERS: Final = 4.0
#: The median has no direction; the factor next to it stands for its.
_BESIDE: Final = 0.51

WINDOW: Final = (1, 2)
SERIES_IN_WINDOW: Final = (2,)


def effective_size(errors: Floats, cluster: tuple[int, ...] = WINDOW) -> float:
    """Return how many independent errors these are worth; at least 1.

    Errors of a window go wrong together: of one series by their order in time, of many by what
    happens to all of them. The count is divided by the design effect of the clusters (Kish 1965,
    "Survey Sampling"), the larger one of the errors and of their sizes, pulled towards that of a
    moderate correlation within a series, since few clusters hardly tell.

    Parameters
    ----------
    errors
        Windows by items by horizon, comparable; NaN for none.
    cluster
        The axes whose errors may go together: ``WINDOW`` or ``SERIES_IN_WINDOW``.
    """
    known = np.isfinite(errors)
    count = int(known.sum())
    if not count:
        return 1.0
    blocks = int(known.any(axis=-1).sum())
    prior = 1 + (count / blocks - 1) * _CORRELATION
    size = np.abs(errors)
    spread = size - size[known].mean()
    found = max(_design_effect(one, known, cluster) for one in (errors, spread))
    clusters = int(known.any(axis=cluster).sum())
    effect = (clusters * found + _PRIOR_CLUSTERS * prior) / (clusters + _PRIOR_CLUSTERS)
    return float(np.clip(count / effect, 1.0, count))


def _design_effect(errors: Floats, known: Flags, cluster: tuple[int, ...]) -> float:
    """Return how much more the sum of a cluster varies than one of independent errors."""
    kept = np.where(known, errors, 0.0)
    total = float((kept**2).sum())
    return float((kept.sum(axis=cluster) ** 2).sum()) / total if total > 0 else 1.0


def widening(size: float, levels: Sequence[float]) -> Floats:
    """Return the factor by which each quantile lies further out for so few independent errors.

    The quantile of Student's t by that of the normal distribution: what a spread that is estimated
    rather than known costs when errors are normal, with a degree of freedom for the prior.
    """
    alpha = np.asarray(levels, dtype="float64")
    outer = np.maximum(np.maximum(alpha, 1 - alpha), _BESIDE)
    return np.asarray(stdtrit(1 + size, outer) / ndtri(outer))
