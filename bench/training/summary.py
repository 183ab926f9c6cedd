"""The arithmetic of the comparison; works on results alone, so it can be tested without a fit.

A cell is one set with one seed at one budget. Only cells that every compared engine has been
measured on count, so that nobody is ranked on other data than the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bench.training.records import Result

    Cells = Mapping[tuple[str, int], Mapping[str, Result]]

#: An error below this share of the constant prediction's counts as that much: engines that are all
#: but perfect on a tiny table would otherwise be told apart by a ratio of noise.
_NEGLIGIBLE = 1e-3
#: How far a fit may be over its budget before it is counted as over it.
OVERRUN = 1.1


@dataclass(frozen=True, slots=True)
class Standing:
    """How an engine does over all sets; lower is better everywhere.

    Attributes
    ----------
    rank
        Mean rank among the engines, 1 the best; equal errors share a rank.
    ratio
        Mean of its error divided by the best engine's.
    min_max
        Mean of where its error lies between the best engine's (0) and the worst engine's (1).
    wins
        Sets on which its mean error is the lowest.
    failures
        Cells without a model; they count as the constant prediction.
    """

    rank: float
    ratio: float
    min_max: float
    wins: int
    failures: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What an engine takes: medians over the cells, and how often it is over its budget."""

    fit_seconds: float
    longest: float
    over: int
    measured: int
    predict_seconds: float
    row_ms: float
    size_bytes: float


def cells(results: Iterable[Result], engines: Collection[str], budget: int) -> Cells:
    """Return the cells of a budget that all engines have; a fit without a budget is in each."""
    found: dict[tuple[str, int], dict[str, Result]] = {}
    for result in results:
        if result.engine in engines and result.budget in {budget, 0}:
            found.setdefault((result.set, result.seed), {})[result.engine] = result
    return {key: cell for key, cell in found.items() if set(cell) == set(engines)}


def errors(cell: Mapping[str, Result]) -> dict[str, float]:
    """Return each engine's error in a cell, the constant prediction's where it left no model."""
    constant = max(found.constant_error or 0.0 for found in cell.values())
    return {
        name: constant if found.error is None else max(found.error, _NEGLIGIBLE * constant)
        for name, found in cell.items()
    }


def ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Return ranks from 1, the mean of the places for equal values."""
    return {
        name: sum(other < value for other in values.values())
        + (sum(other == value for other in values.values()) + 1) / 2
        for name, value in values.items()
    }


def ratios(values: Mapping[str, float]) -> dict[str, float]:
    """Return each value divided by the lowest."""
    best = min(values.values())
    return {name: value / best for name, value in values.items()}


def min_max(values: Mapping[str, float]) -> dict[str, float]:
    """Return where each value lies between the lowest (0) and the highest (1)."""
    best, worst = min(values.values()), max(values.values())
    width = worst - best or 1.0
    return {name: (value - best) / width for name, value in values.items()}


def mean_errors(found: Cells) -> dict[str, dict[str, float]]:
    """Return set to engine to its error, the mean over seeds."""
    gathered: dict[str, list[dict[str, float]]] = {}
    for (name, _), cell in found.items():
        gathered.setdefault(name, []).append(errors(cell))
    return {name: _mean_of(many) for name, many in gathered.items()}


def spreads(found: Cells, name: str, engine: str) -> float | None:
    """Return the standard deviation over seeds of an engine's error on a set."""
    seeds = [errors(cell)[engine] for (where, _), cell in found.items() if where == name]
    return stdev(seeds) if len(seeds) > 1 else None


def standings(found: Cells) -> dict[str, Standing]:
    """Return each engine's standing: a mean over sets, in each a mean over seeds."""
    measures = (ranks, ratios, min_max)
    by_set: dict[str, list[list[dict[str, float]]]] = {}
    for (name, _), cell in found.items():
        by_set.setdefault(name, []).append([measure(errors(cell)) for measure in measures])
    means = [
        _mean_of([_mean_of([seed[place] for seed in seeds]) for seeds in by_set.values()])
        for place in range(len(measures))
    ]
    lowest = [min(line, key=line.__getitem__) for line in mean_errors(found).values()]
    failed = [name for cell in found.values() for name, it in cell.items() if it.error is None]
    return {
        engine: Standing(
            rank=means[0][engine],
            ratio=means[1][engine],
            min_max=means[2][engine],
            wins=lowest.count(engine),
            failures=failed.count(engine),
        )
        for engine in (means[0] if found else ())
    }


def against_best_other(found: Cells, ours: str) -> dict[str, tuple[str, float]]:
    """Return set to the best of the others and our error divided by its, worst first."""
    lines = {}
    for name, line in mean_errors(found).items():
        others = {engine: value for engine, value in line.items() if engine != ours}
        best = min(others, key=others.__getitem__)
        lines[name] = best, line[ours] / others[best]
    return dict(sorted(lines.items(), key=lambda item: -item[1][1]))


def costs(found: Cells, engine: str, budget: int) -> Cost:
    """Return what an engine took in the cells; times that it has none of are NaN."""
    own = [cell[engine] for cell in found.values()]
    fits = [it.fit_seconds for it in own if it.fit_seconds is not None]
    return Cost(
        _median(fits),
        max(fits, default=float("nan")),
        sum(seconds > OVERRUN * budget for seconds in fits),
        len(own),
        _median(it.predict_seconds for it in own),
        _median(it.row_ms for it in own),
        _median(it.size_bytes for it in own),
    )


def _median(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return median(known) if known else float("nan")


def _mean_of(many: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: fmean(one[name] for one in many) for name in (many[0] if many else ())}
