"""Tells whole numbers that are codes, of users or films, from those that are quantities.

A quantity's neighbours are like it: what the rows of 34 and 36 say holds for 35. A code's are not.
So each value's rows are predicted from other rows of the same value, and from those of the values
beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Values = np.ndarray[Any, Any]

MOST_LEVELS = 5_000
# Of fewer, trees tell each value from the others as it is: with the hours of a day as categories
# too, models became 2 % worse. Where floats cannot tell values apart, they have to be categories.
_LEAST_LEVELS = 100
_LEAST_INEXACT = 20
_EXACT = 2**53
_LEAST_ROWS_A_LEVEL = 3.0
_MOST_ROWS = 50_000
_MOST_CLASSES = 10
# So that the folds are independent of a table that was drawn from the same seed.
_SALT = 4127
_FOLDS = 4
# Values on either side that are looked at, and by how many rows of the mean a value's own is drawn
# to that of all.
_BESIDE = (1, 3, 10, 30)
_DRAWN = (1.0, 5.0, 20.0)
# Of the target's variance, so much more has to be explained as codes, and by more than chance.
_LEAST_GAIN = 0.01
_LEAST_DEVIATIONS = 4.0


def may_be_codes(numbers: Values, as_floats: Values) -> bool:
    """Tell whether numbers, NaN for missing, are whole and repeat as codes do.

    ``as_floats`` are the same, rounded where a float holds no more.
    """
    known = numbers[~np.isnan(numbers)]
    if not len(known) or (known != np.floor(known)).any():
        return False
    if len(np.unique(known[:_MOST_ROWS])) > MOST_LEVELS:
        return False
    levels = len(np.unique(known))
    is_exact = np.nanmax(np.abs(as_floats), initial=0) <= _EXACT
    least = _LEAST_LEVELS if is_exact else _LEAST_INEXACT
    return least < levels <= MOST_LEVELS and len(known) >= _LEAST_ROWS_A_LEVEL * levels


def are_codes(numbers: Values, target: Values, seed: int) -> bool:
    """Tell whether a target is told by whole numbers as codes better than as quantities.

    ``target`` has floats, or the codes of classes as integers.
    """
    random = np.random.default_rng([seed, _SALT])
    rows = np.flatnonzero(~np.isnan(numbers))
    if len(rows) > _MOST_ROWS:
        rows = random.choice(rows, _MOST_ROWS, replace=False)
    levels, codes = np.unique(numbers[rows], return_inverse=True)
    folds = random.integers(0, _FOLDS, len(rows))
    gains = np.zeros(len(rows))
    total = 0.0
    for values in _columns(target[rows]):
        total += float(((values - values.mean()) ** 2).sum())
        gains += _gains(codes, len(levels), values, folds)
    spread = float(gains.std()) or 1.0
    deviations = float(gains.mean()) / spread * np.sqrt(len(rows))
    return bool(gains.sum() > _LEAST_GAIN * total and deviations > _LEAST_DEVIATIONS)


def _columns(target: Values) -> list[Values]:
    """Return a target as numbers to explain, or as one flag for each common class."""
    if target.dtype.kind == "f":
        low, high = np.quantile(target, [0.005, 0.995])  # so that a few huge values are not all
        return [np.clip(target, low, high)]
    classes, counts = np.unique(target, return_counts=True)
    common = classes[np.argsort(-counts, kind="stable")[:_MOST_CLASSES]]
    return [(target == each).astype("float64") for each in common]


def _gains(codes: Values, levels: int, values: Values, folds: Values) -> Values:
    """Return by how much each row's squared error is smaller as a code than as a quantity."""
    own = [np.zeros(len(values)) for _ in _DRAWN]
    beside = [np.zeros(len(values)) for _ in (*_BESIDE, "one side")]
    for fold in range(_FOLDS):
        held = folds == fold
        counts = np.bincount(codes[~held], minlength=levels).astype("float64")
        sums = np.bincount(codes[~held], weights=values[~held], minlength=levels)
        mean = sums.sum() / max(counts.sum(), 1)
        as_codes = [(sums + weight * mean) / (counts + weight) for weight in _DRAWN]
        as_quantities = [_near(sums, counts, width, mean) for width in _BESIDE]
        as_quantities.append(_on_one_side(sums, counts, as_codes[0], mean))
        for errors, of_each in zip([*own, *beside], [*as_codes, *as_quantities], strict=True):
            errors[held] = (values[held] - of_each[codes[held]]) ** 2
    as_code, as_quantity = (min(each, key=lambda errors: errors.sum()) for each in (own, beside))
    gains: Values = as_quantity - as_code
    return gains


def _near(sums: Values, counts: Values, width: int, mean: float) -> Values:
    """Return for each value the mean of so many on either side, without its own."""
    near: Values = (_around(sums, width) + mean) / (_around(counts, width) + 1)
    return near


def _on_one_side(sums: Values, counts: Values, own: Values, mean: float) -> Values:
    """Return the mean of the value before, of that after or of both, whichever is like its own.

    Where a quantity's effect is a step, one of the two is beyond it.
    """
    means = np.concatenate([[mean], (sums + mean) / (counts + 1), [mean]])
    beside = np.stack([means[:-2], means[2:], (means[:-2] + means[2:]) / 2])
    closest = np.abs(beside - own).argmin(axis=0)
    closer: Values = np.take_along_axis(beside, closest[None], axis=0)[0]
    return closer


def _around(of_each: Values, width: int) -> Values:
    """Return the sum over so many neighbours on either side, without the value itself."""
    running = np.concatenate([[0.0], np.cumsum(of_each)])
    places = np.arange(len(of_each))
    low, high = np.maximum(places - width, 0), np.minimum(places + width + 1, len(of_each))
    around: Values = running[high] - running[low] - of_each
    return around
