"""Metrics, weights, quantiles and the pool, each against what is known to be right."""

from __future__ import annotations

import time

import numpy as np
import pytest

from modelstudio.trainers.forecasting import local, metrics
from modelstudio.trainers.forecasting.calendar import Calendar
from modelstudio.trainers.forecasting.conformal import Calibration
from modelstudio.trainers.forecasting.ensemble import blended, choose_weights
from modelstudio.trainers.forecasting.features import Design, Table
from modelstudio.trainers.forecasting.linear import LinearLags
from modelstudio.trainers.forecasting.metrics import Scales
from modelstudio.trainers.forecasting.panel import Panel
from modelstudio.trainers.forecasting.pool import LocalPool, TooSlow
from patience import allowed


def panel_of(*series, future=0):
    lengths = [len(one) + future for one in series]
    target = np.concatenate([np.append(one, [np.nan] * future) for one in series])
    count = len(series)
    return Panel(
        calendar=Calendar.of("D"),
        items=tuple(f"i{number}" for number in range(count)),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype("int64"),
        starts=np.full(count, 20_000),
        cuts=np.array([len(one) for one in series]),
        target=target,
        observed=np.isfinite(target),
    )


def ones(count):
    return Scales(np.ones((1, count)), np.ones((1, count)))


def test_metrics_equal_their_definitions():
    panel = panel_of(np.array([1.0, 3, 2, 5, 4]))
    scales = Scales.of(panel, [panel.cuts], 2)
    assert scales.absolute[0, 0] == pytest.approx((1 + 2 + 2) / 3)
    assert scales.squared[0, 0] == pytest.approx((1 + 4 + 4) / 3)
    actual, predicted = np.array([[[2.0, 4.0]]]), np.array([[[1.0, 6.0]]])
    assert metrics.score("MASE", actual, predicted, scales) == pytest.approx(1.5 / (5 / 3))
    assert metrics.score("RMSSE", actual, predicted, scales) == pytest.approx((2.5 / 3) ** 0.5)
    assert metrics.score("sMAPE", actual, predicted, scales) == pytest.approx((2 / 3 + 4 / 10) / 2)
    assert metrics.score("MAPE", actual, predicted, scales) == pytest.approx(0.5)
    assert metrics.score("WAPE", actual, predicted, scales) == pytest.approx(0.5)
    quantiles = np.array([[[[1.0, 3.0], [3.0, 5.0]]]])
    loss = metrics.weighted_quantile_loss(actual, quantiles, [0.1, 0.9])
    assert loss == pytest.approx(2 * (0.1 + 0.1 + 0.1 + 0.1) / 2 / 6)


def test_a_constant_series_has_no_scale_and_a_short_one_that_of_single_steps():
    panel = panel_of(np.full(10, 3.0), np.array([1.0, 2, 4]))
    scales = Scales.of(panel, [panel.cuts], 7)
    assert np.isnan(scales.absolute[0, 0])
    assert scales.absolute[0, 1] == pytest.approx(1.5)


def test_weights_find_the_mixture_that_made_the_data():
    random = np.random.default_rng(0)
    first, second = random.normal(10, 3, (1, 30, 8)), random.normal(10, 3, (1, 30, 8))
    actual = 0.7 * first + 0.3 * second
    forecasts = {"a": first, "b": second, "bad": np.full_like(first, 1e3), "gap": first * np.nan}
    weights = choose_weights("MAE", actual, forecasts, ones(30), blend=True)
    assert set(weights) == {"a", "b"}
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["a"] == pytest.approx(0.7, abs=0.2)
    assert choose_weights("MAE", actual, forecasts, ones(30), blend=False) == {"a": 1.0}
    assert np.isfinite(blended({"a": 0.5, "gap": 0.5}, forecasts)).all()


@pytest.mark.parametrize("kind", ["normal", "skewed", "growing"])
def test_intervals_cover_what_they_claim(kind):
    random = np.random.default_rng(5)
    items, horizon = 200, 10
    level = random.lognormal(3, 1, items)
    levels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]

    def drawn(windows):
        predicted = level[:, None] * random.uniform(0.5, 2, (windows, items, horizon))
        noise = random.normal(0, 1, predicted.shape)
        if kind == "skewed":
            noise = random.exponential(1, predicted.shape) - 1
        spread = predicted if kind == "growing" else level[None, :, None] * np.ones_like(predicted)
        return predicted, predicted + 0.2 * spread * noise * np.sqrt(np.arange(1, horizon + 1))

    predicted, actual = drawn(3)
    names = [f"i{number}" for number in range(items)]
    scale = np.ones((3, items))
    found = Calibration.fit(actual, predicted, scale, names, levels, -np.inf)
    found = Calibration.of_json(found.as_json())
    predicted, actual = drawn(1)
    quantiles = found.apply(predicted[0], scale[0], names)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    for low, high, share in ((1, 5, 0.8), (0, 6, 0.9), (2, 4, 0.5)):
        covered = metrics.coverage(actual[0], quantiles[..., low], quantiles[..., high])
        assert covered == pytest.approx(share, abs=0.05)
    late = metrics.coverage(actual[0][:, -1], quantiles[:, -1, 1], quantiles[:, -1, 5])
    assert late == pytest.approx(0.8, abs=0.08)


def test_features_look_at_nothing_after_the_origin():
    random = np.random.default_rng(2)
    values = random.normal(50, 5, (2, 80))
    changed = values.copy()
    changed[:, 40:] += 1000
    series = np.array([0, 0, 1])
    steps = np.array([1, 5, 9])
    tables = []
    for one in (values, changed):
        panel = panel_of(*one)
        design = Design.of(panel_of(*values), 9, ratio=True)
        table = Table(panel.at(np.array([40, 40])), design)
        tables.append(table.features(series, table.ends[series] - 1, steps))
    for name, first in tables[0].items():
        assert np.array_equal(first, tables[1][name], equal_nan=True), name


def test_features_of_a_seasonal_lag_are_those_of_the_same_weekday():
    panel = panel_of(np.arange(1.0, 71))
    table = Table(panel, Design.of(panel, 7, ratio=True))
    origins = table.ends - 1
    for step in (1, 6, 7, 8):
        found = table.features(np.array([0]), origins, np.array([step]))
        shift, divisor = table.scaling(np.array([0]), origins)
        lag = found["season:7:0"] * divisor + shift
        behind = 70 + step - lag[0] * table.unit[0]
        assert behind % 7 == pytest.approx(0, abs=1e-9)
        assert 6.999 < behind < 14.001


def test_the_linear_model_continues_a_sum_of_seasons():
    time_ = np.arange(600)
    values = 20 + np.sin(2 * np.pi * time_ / 7) + 0.5 * np.cos(2 * np.pi * time_ / 3.5)
    panel = panel_of(values[:580])
    model = LinearLags.fit(panel, 20, 0)
    assert model is not None
    assert model.forecast(panel, 20)[0] == pytest.approx(values[580:], abs=0.02)
    assert LinearLags.fit(panel_of(values[:9]), 20, 0) is None


@pytest.mark.parametrize("name", sorted(local.LOCAL_MODELS))
@pytest.mark.parametrize(
    "series",
    [[3.0], [1.0, 2.0], [0.0] * 30, [5.0] * 30, list(range(-20, 20)), [0, 0, 7, 0, 0, 0, 2] * 6,
     [1e12, 2e12, 1.5e12] * 10, [1e-9, 3e-9] * 9],
)  # fmt: skip
def test_every_statistical_model_answers_every_series(name, series):
    if name.startswith("AutoARIMA") and len(series) > 20:
        series = series[:20]
    history = np.array(series, dtype="float64")
    found = local.forecast_series(name, history, (7,), 5, {})
    assert found.shape == (5,)
    assert np.isfinite(found).all()
    assert history.min() < 0 or (found >= 0).all()


def test_a_model_that_takes_too_long_is_ended_and_the_pool_goes_on():
    series = [np.random.default_rng(number).normal(100, 10, 400) for number in range(30)]
    with LocalPool(1, (48,), 10) as pool:
        pool.forecast("Naive", series[:1], {}, 60)
        started = time.monotonic()
        with pytest.raises(TooSlow):
            pool.forecast("AutoARIMA", series, {"max_p": 5, "max_q": 5}, 0.5)
        assert time.monotonic() - started < allowed(5)
        found = pool.forecast("SeasonalNaive", series, {}, 60)
    assert found.shape == (30, 10)
    assert np.array_equal(found[3], series[3][-48:][:10])


def test_a_series_of_huge_values_does_not_spoil_the_scale_of_a_small_one():
    small = np.array([1.0, 3, 2, 5, 4]) * 1e-3
    panel = panel_of(np.array([1e15, 9e15, 2e15, 7e15, 1e15]), small)
    alone = panel_of(small)
    together, one = (Scales.of(each, [each.cuts], 2) for each in (panel, alone))
    assert together.absolute[0, 1] == pytest.approx(one.absolute[0, 0])
    assert together.squared[0, 1] == pytest.approx(one.squared[0, 0])


def test_scales_of_the_end_of_a_history_are_those_of_a_series_that_begins_there():
    random = np.random.default_rng(1)
    long, short = random.normal(0, 1, 90), random.normal(0, 5, 12)
    panel = panel_of(np.append(random.normal(0, 50, 200), long), short)
    ended = Scales.of(panel, [panel.cuts], 7, most=90)
    alone = panel_of(long, short)
    whole = Scales.of(alone, [alone.cuts], 7)
    assert ended.absolute == pytest.approx(whole.absolute)
    assert ended.squared == pytest.approx(whole.squared)


@pytest.mark.parametrize("length", range(1, 9))
def test_a_series_shorter_than_a_season_has_the_scale_of_single_steps(length):
    panel = panel_of(np.arange(float(length)))
    found = Scales.of(panel, [panel.cuts], 7).absolute[0, 0]
    assert np.isnan(found) if length == 1 else found in {1.0, 7.0}


def test_values_beyond_single_precision_reach_the_models_whole():
    """The library answers whole numbers in single precision, so it is handed floats."""
    from statsforecast.models import Naive

    history = np.array([16_777_217, 16_777_219, 16_777_221], dtype="int64")
    assert Naive().forecast(y=history, h=1)["mean"][0] != history[-1]
    found = local.forecast_series("Theta", history, (1,), 1, {})
    assert found.dtype == "float64"
    same = local.forecast_series("Theta", history.astype("float64"), (1,), 1, {})
    assert found[0] == same[0]
