"""Gradient boosted trees over all series at once, direct and recursive."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import lightgbm as lgb
import numpy as np

from modelstudio.trainers.forecasting.features import Design, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelstudio.trainers.forecasting.panel import Floats, Ints, Panel

_LEAST_ROWS: Final = 60
_STOPPING_ROWS: Final = 400
_LATE_SHARE: Final = 0.1
_STOPPING_ROUNDS: Final = 40
_MOST_STOPPING_ROWS: Final = 20_000
#: Rounds when there are too few rows to stop by.
_FEW_ROWS_ROUNDS: Final = 150
_LEAST_SHARE, _MOST_WEIGHT = 0.05, 20.0


@dataclass(frozen=True, slots=True)
class BoostingPlan:
    """How a variant of the global model is fitted.

    Attributes
    ----------
    recursive
        Whether the model looks one step ahead and is fed its own forecasts; else one model
        forecasts every step, told how far ahead it is.
    ratio
        Whether values are divided by their level (suits sizes) or centred as well (suits numbers
        of any sign).
    differenced
        Whether the model learns the change from the season before.
    objective
        LightGBM's: ``l1``, ``l2``, ``huber``, ``tweedie`` or ``poisson``.
    rows
        Training rows at most, sampled.
    weighted
        Whether large values matter more, as metrics in the target's unit want it.
    """

    recursive: bool = False
    ratio: bool = True
    differenced: bool = False
    objective: str = "l1"
    rows: int = 100_000
    rounds: int = 400
    weighted: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted global model."""

    booster: lgb.Booster
    design: Design
    recursive: bool
    rounds: int

    @classmethod
    def fit(
        cls,
        panel: Panel,
        horizon: int,
        plan: BoostingPlan,
        *,
        rounds: int | None = None,
        deadline: float | None = None,
        progress: Callable[[int, float], None] | None = None,
    ) -> Self | None:
        """Fit on the history before the cuts; None when there is too little of it.

        Parameters
        ----------
        rounds
            Of an earlier fit; else they are found on the last steps of the history, then the model
            is fitted again with them on all of it.
        deadline
            ``time.monotonic`` by which to stop adding trees.
        """
        design = Design.of(panel, horizon, ratio=plan.ratio, differenced=plan.differenced)
        table = Table(panel, design)
        series, origins, steps = _sampled(table, 1 if plan.recursive else horizon, plan)
        if len(series) < _LEAST_ROWS:
            return None
        data = _Data.of(table, design, (series, origins, steps), plan)
        if rounds is None:
            # The fit with these rounds takes about as long again.
            middle = None if deadline is None else (time.monotonic() + deadline) / 2
            rounds = _rounds(data, horizon, plan, middle, progress)
        booster = _train(data, np.ones(len(series), dtype=bool), plan, rounds, deadline)
        return cls(booster, design, plan.recursive, rounds)

    def forecast(self, panel: Panel, horizon: int) -> Floats:
        """Return forecasts after the cuts, items by horizon.

        The panel needs ``horizon`` steps after each cut, with the known covariates.
        """
        table = Table(panel, self.design)
        everyone = np.arange(len(panel))
        if self.recursive:
            return self._step_by_step(table, everyone, horizon)
        series = np.repeat(everyone, horizon)
        origins = np.repeat(table.ends - 1, horizon)
        steps = np.tile(np.arange(1, horizon + 1), len(panel))
        predicted = self._predict(table, series, origins, steps)
        found = predicted * table.unit[series] + table.centre[series]
        return found.reshape(len(panel), horizon)

    def _step_by_step(self, table: Table, everyone: Ints, horizon: int) -> Floats:
        found = np.empty((len(everyone), horizon))
        one = np.ones(len(everyone), dtype="int64")
        for number in range(horizon):
            predicted = self._predict(table, everyone, table.ends - 1 + number, one)
            table.target[table.ends + number] = predicted
            table.summed()
            found[:, number] = predicted * table.unit + table.centre
        return found

    def _predict(self, table: Table, series: Ints, origins: Ints, steps: Ints) -> Floats:
        features = table.features(series, origins, steps)
        shift, divisor = table.scaling(series, origins)
        predicted = np.asarray(self.booster.predict(_matrix(features), num_threads=1))
        return (predicted + table.baseline(features)) * divisor + shift


@dataclass(frozen=True, slots=True)
class _Data:
    """Training rows: features, scaled target, weights, and steps to the end of the history."""

    matrix: Any
    names: list[str]
    categorical: list[str]
    target: Floats
    weights: Floats | None
    to_end: Ints

    @classmethod
    def of(
        cls, table: Table, design: Design, rows: tuple[Ints, Ints, Ints], plan: BoostingPlan
    ) -> Self:
        series, origins, steps = rows
        features = table.features(series, origins, steps)
        shift, divisor = table.scaling(series, origins)
        targets = origins + steps
        weights = None
        if plan.weighted:
            size = divisor * table.unit[series]
            weights = np.clip(size / size.mean(), _LEAST_SHARE, _MOST_WEIGHT)
        return cls(
            matrix=_matrix(features),
            names=list(features),
            categorical=_categorical(list(features), design),
            target=(table.target[targets] - shift) / divisor - table.baseline(features),
            weights=weights,
            to_end=table.ends[series] - targets,
        )


def _matrix(features: Mapping[str, Floats]) -> Any:
    return np.column_stack([values.astype("float32") for values in features.values()])


def _categorical(names: list[str], design: Design) -> list[str]:
    """Return the features that are categories, the item among them."""
    chosen = []
    for name in names:
        kind, _, rest = name.partition(":")
        column = rest.removesuffix(":season")
        if name == "item" or (kind in {"known", "past", "static"} and column in design.categorical):
            chosen.append(name)
    return chosen


def _sampled(table: Table, horizon: int, plan: BoostingPlan) -> tuple[Ints, Ints, Ints]:
    """Return series, origins and steps of training rows, every pair once when they are few."""
    counts = np.maximum(table.ends - table.begins - 1, 0)  # targets after a first value
    total = int(counts.sum())
    if not total:
        empty = np.zeros(0, dtype="int64")
        return empty, empty, empty
    random = np.random.default_rng(plan.seed)
    if total > plan.rows:
        picked = np.sort(random.choice(total, plan.rows, replace=False))
    else:
        picked = np.arange(total)
    ends = np.cumsum(counts)
    series = np.searchsorted(ends, picked, side="right")
    targets = table.begins[series] + 1 + picked - (ends - counts)[series]
    each = int(np.clip(plan.rows // len(picked), 1, horizon))
    if each == horizon:
        steps = np.tile(np.arange(1, horizon + 1), len(picked))
    else:  # spread over the horizon, shifted at random for each target
        spread = np.arange(each) * horizon // each
        shift = random.integers(0, horizon, len(picked))
        steps = ((spread[None, :] + shift[:, None]) % horizon + 1).ravel()
    series, targets = np.repeat(series, each), np.repeat(targets, each)
    origins = targets - steps
    usable = (origins >= table.begins[series]) & np.isfinite(table.target[targets])
    return series[usable], origins[usable], steps[usable]


def _rounds(
    data: _Data,
    horizon: int,
    plan: BoostingPlan,
    deadline: float | None,
    progress: Callable[[int, float], None] | None,
) -> int:
    """Return the number of trees that forecasts the last steps of the history best."""
    # Of few series the last horizon says little: a tenth of the history then.
    late = data.to_end <= max(horizon, int(np.quantile(data.to_end, _LATE_SHARE)))
    early = ~late
    if late.sum() < _STOPPING_ROWS or early.sum() < _STOPPING_ROWS:
        return min(plan.rounds, _FEW_ROWS_ROUNDS)
    held_out = np.flatnonzero(late)
    if len(held_out) > _MOST_STOPPING_ROWS:
        held_out = held_out[:: len(held_out) // _MOST_STOPPING_ROWS + 1]
    booster = _train(data, early, plan, plan.rounds, deadline, held_out, progress)
    return max(10, booster.best_iteration or booster.current_iteration())


def _train(
    data: _Data,
    chosen: Any,
    plan: BoostingPlan,
    rounds: int,
    deadline: float | None,
    held_out: Any = None,
    progress: Callable[[int, float], None] | None = None,
) -> lgb.Booster:
    def dataset(rows: Any, reference: lgb.Dataset | None = None) -> lgb.Dataset:
        return lgb.Dataset(
            data.matrix[rows],
            data.target[rows],
            weight=None if data.weights is None else data.weights[rows],
            feature_name=[f"f{number}" for number in range(len(data.names))],
            categorical_feature=[data.names.index(name) for name in data.categorical],
            reference=reference,
            free_raw_data=True,
        )

    train = dataset(chosen)
    callbacks: list[Any] = [] if deadline is None else [_stop_at(deadline)]
    sets = []
    if held_out is not None:
        sets = [dataset(held_out, train)]
        callbacks.append(lgb.early_stopping(_STOPPING_ROUNDS, verbose=False))
        if progress is not None:
            callbacks.append(_reported(progress))
    return lgb.train(
        _parameters(plan), train, rounds, valid_sets=sets, valid_names=["late"] * len(sets),
        callbacks=callbacks,
    )  # fmt: skip


def _parameters(plan: BoostingPlan) -> dict[str, Any]:
    defaults = {
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "cat_smooth": 20.0,
        "max_bin": 127,
    }
    fixed = {
        "objective": plan.objective,
        "metric": "l2" if plan.objective == "l2" else "l1",
        "seed": plan.seed,
        "num_threads": plan.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    return {**defaults, **plan.parameters, **fixed}


def _stop_at(deadline: float) -> Callable[[Any], None]:
    def callback(environment: Any) -> None:
        if time.monotonic() > deadline:
            results = environment.evaluation_result_list or []
            raise lgb.callback.EarlyStopException(environment.iteration, results)

    return callback


def _reported(progress: Callable[[int, float], None]) -> Callable[[Any], None]:
    def callback(environment: Any) -> None:
        if environment.iteration % 20 == 0 and environment.evaluation_result_list:
            progress(environment.iteration, float(environment.evaluation_result_list[0][2]))

    return callback
