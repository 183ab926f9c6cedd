"""Intervals from few windows of one series: what they cover, and how little is known then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelstudio.trainers.forecasting import metrics
from modelstudio.trainers.forecasting.conformal import Calibration, usable_scale
from modelstudio.trainers.forecasting.evidence import (
    SERIES_IN_WINDOW,
    effective_size,
    widening,
)

LEVELS = tuple(number / 10 for number in range(1, 10))
SEASON, HORIZON, SERIES = 12, 12, 120


def series(kind, random, length):
    season = np.resize(random.normal(0, 4, SEASON), length)
    noise = random.normal(0, 2, length)
    if kind == "season and trend":
        slow = np.zeros(length)
        for step in range(1, length):
            slow[step] = 0.6 * slow[step - 1] + noise[step]
        return 100 + 0.2 * random.normal() * np.arange(length) + season + slow
    if kind == "random walk":
        return 200 + np.cumsum(noise)
    return 200 + season + np.cumsum(noise / 4) + random.standard_t(3, length)


def forecast(history):
    """The mean of three plain forecasts, as a blend is."""
    last = history[-SEASON:]
    two = (last + history[-2 * SEASON : -SEASON]) / 2
    flat = np.full(HORIZON, history[-1])
    return (last + two + flat) / 3


def covered(kind, windows, seed):
    """Fit the quantiles to a backtest of one series; return what they cover of what follows."""
    random = np.random.default_rng(seed)
    values = series(kind, random, 4 * SEASON + (windows + 1) * HORIZON)
    cuts = [len(values) - HORIZON * number for number in range(windows + 1, 0, -1)]
    actual = np.array([[values[cut : cut + HORIZON]] for cut in cuts])
    predicted = np.array([[forecast(values[:cut])] for cut in cuts])
    naive = [np.abs(values[SEASON:cut] - values[: cut - SEASON]).mean() for cut in cuts]
    scale = usable_scale(np.array(naive)[:, None], predicted)
    found = Calibration.fit(actual[:-1], predicted[:-1], scale[:-1], ["a"], LEVELS, -np.inf).apply(
        predicted[-1], scale[-1], ["a"]
    )
    return metrics.coverage(actual[-1], found[..., 0], found[..., -1])


@pytest.mark.parametrize("windows", [2, 3, 5, 9])
def test_intervals_of_single_series_cover_what_they_claim(windows):
    found = {
        kind: np.mean([covered(kind, windows, seed) for seed in range(SERIES)])
        for kind in ("season and trend", "random walk", "heavy tails")
    }
    assert 0.74 <= np.mean(list(found.values())) <= 0.88, found
    assert all(0.68 <= share <= 0.92 for share in found.values()), found


def test_intervals_of_one_window_are_wide_for_lack_of_others():
    found = np.mean([covered("season and trend", 1, seed) for seed in range(SERIES)])
    assert 0.65 <= found <= 0.92


def test_errors_that_go_together_are_worth_fewer():
    random = np.random.default_rng(3)
    alone = random.normal(0, 1, (8, 30, 10))
    assert effective_size(alone) > 0.3 * alone.size
    together = np.repeat(random.normal(0, 1, (8, 30, 1)), 10, axis=2)
    assert 8 * 20 < effective_size(together, SERIES_IN_WINDOW) < 8 * 60
    window = np.broadcast_to(random.normal(0, 1, (8, 1, 1)), alone.shape)
    assert effective_size(window) < 16
    assert effective_size(window + 3 * alone) > 2 * effective_size(window)


@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 5),
    st.floats(0, 1e6),
    st.integers(0, 1000),
)
def test_quantiles_are_finite_and_ordered_whatever_is_missing(windows, items, steps, size, seed):
    random = np.random.default_rng(seed)
    errors = random.normal(0, size, (windows, items, steps))
    errors[random.random(errors.shape) < 0.4] = np.nan
    assert 1 <= effective_size(errors) <= max(errors.size, 1)
    names = [str(number) for number in range(items)]
    predicted = np.zeros_like(errors)
    found = Calibration.fit(errors, predicted, np.ones((windows, items)), names, LEVELS, -np.inf)
    quantiles = found.apply(predicted[0], np.ones(items), names)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_little_evidence_widens_and_much_does_not():
    levels = (0.05, 0.5, 0.9)
    factors = np.array([widening(size, levels) for size in (1, 3, 10, 100, 1e5)])
    assert (np.diff(factors, axis=0) < 0).all()
    assert (factors >= 1).all()
    assert factors[-1] == pytest.approx(1, abs=1e-3)
    assert factors[1] == pytest.approx([2.1318 / 1.6449, 1.0, 1.5332 / 1.2816], rel=0.07)
