"""Greedy weights for a set of models, from predictions of rows they have not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Array = np.ndarray[Any, Any]

_STEPS = 40
#: A step must better the loss by this share to be taken; smaller gains are noise.
_SMALLEST_GAIN = 1e-5


def greedy_weights(
    labels: Array,
    predictions: Sequence[Array],
    loss: Callable[[Array, Array], float],
    steps: int = _STEPS,
) -> Array:
    """Return non-negative weights that sum to 1, one for each model.

    Starts with the best model and adds, with replacement, the model that lowers the loss of the
    mean most, until none does (Caruana, Niculescu-Mizil, Crew, Ksikes: Ensemble selection from
    libraries of models, ICML 2004). The loss of the weighted mean is thus never above that of the
    best single model.
    """
    losses = [loss(labels, each) for each in predictions]
    counts = np.zeros(len(predictions))
    first = int(np.argmin(losses))
    counts[first] = 1
    total, lowest = predictions[first].copy(), losses[first]
    while (taken := counts.sum()) < steps:
        trials = [loss(labels, (total + each) / (taken + 1)) for each in predictions]
        chosen = int(np.argmin(trials))
        if trials[chosen] < lowest - _SMALLEST_GAIN * abs(lowest):
            total = total + predictions[chosen]
            counts[chosen] += 1
            lowest = trials[chosen]
        elif taken * 2 < steps:
            # A smaller share may still help where this one does not.
            total, counts = total * 2, counts * 2
        else:
            break
    weights: Array = counts / counts.sum()
    return weights


def blend(predictions: Sequence[Array], weights: Array) -> Array:
    """Return the weighted mean, adding in the order of the models so that it can be repeated."""
    total = np.zeros_like(predictions[0])
    for weight, each in zip(weights, predictions, strict=True):
        if weight > 0:
            total += weight * each
    return total
