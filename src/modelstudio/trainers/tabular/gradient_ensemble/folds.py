"""Splits the training rows, so that each row is judged by models that have not learned from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.gradient_ensemble.problem import Fold

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

_BINS = 20
_LARGE = 20_000
_FOLDS, _FOLDS_OF_LARGE = 8, 10
_FEWEST_ROWS_A_FOLD = 2


class Folds:
    """Folds without end: when each row was left out once, the rows are split anew.

    Attributes
    ----------
    measured
        A fold that leaves out rows kept for the report; nothing is chosen by them. They are learned
        from in all other folds and never judged by there. None when there are no such rows.
    count
        Folds until each row was left out once, without ``measured``.
    """

    def __init__(
        self,
        labels: Array,
        *,
        is_regression: bool,
        seed: int,
        count: int | None = None,
        held_out: Array | None = None,
    ) -> None:
        self._strata = _bins(labels) if is_regression else labels
        self._seed = seed
        every = np.arange(len(labels))
        self._every = every
        self.measured: Fold | None = None
        self._judged = every
        if held_out is not None:
            self._judged = np.setdiff1d(every, held_out)
            self.measured = Fold(0, self._judged, held_out)
        wanted = count or _usual_count(len(labels))
        if held_out is not None and count is None:
            wanted -= 1
        self.count = max(2, min(wanted, len(self._judged) // _FEWEST_ROWS_A_FOLD))
        self._folds: list[Fold] = []

    def fold(self, position: int) -> Fold:
        """Return the fold at a position from 0 on; the same position gives the same fold."""
        while len(self._folds) <= position:
            self._split(len(self._folds) // self.count)
        return self._folds[position]

    def known(self) -> dict[int, Fold]:
        """Return the folds so far by their numbers."""
        folds = self._folds if self.measured is None else [self.measured, *self._folds]
        return {fold.number: fold for fold in folds}

    def _split(self, repeat: int) -> None:
        source = np.random.default_rng([self._seed, repeat, 3])
        # Shuffle, then deal the rows of each stratum out in turn: shares differ by one row at most.
        order = source.permutation(self._judged)
        order = order[np.argsort(self._strata[order], kind="stable")]
        places = np.empty(len(order), dtype=np.int64)
        places[:] = np.arange(len(order)) % self.count
        for number in range(self.count):
            valid = np.sort(order[places == number])
            train = np.setdiff1d(self._every, valid)
            self._folds.append(Fold(1 + repeat * self.count + number, train, valid))


def _usual_count(rows: int) -> int:
    # A tenth of a large table tells enough, and not all folds will be fitted.
    return _FOLDS if rows < _LARGE else _FOLDS_OF_LARGE


def _bins(labels: Array) -> Array:
    edges = np.unique(np.quantile(labels, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, labels)
