"""Writes what the results say as Markdown, losses and gaps included."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

from bench.training import summary
from bench.training.datasets import GROUPS
from bench.training.engines import ENGINES, OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.training.records import Result

_METRIC_NAMES = {"roc_auc": "1 - ROC AUC", "log_loss": "log loss", "rmse": "RMSE"}
_METRICS = {
    wanted.name: _METRIC_NAMES[wanted.metric] for group in GROUPS.values() for wanted in group
}
_TITLES = {"target": "{} seconds a fit", "unseen": "Tables not looked at, {} seconds a fit"}
_TOLERANCE = 1.02
#: Those of a full run.
BUDGETS = (30, 120)
SEEDS = (0, 1, 2)
#: Tables of a few hundred rows, where the errors of a seed are mostly luck.
_TINY = frozenset({"breast_cancer", "wine", "digits", "diabetes"})


def body(results: Sequence[Result], engines: Sequence[str], budgets: Sequence[int]) -> str:
    """Return the part of the page that the results make."""
    parts = []
    for group, title in _TITLES.items():
        sets = {wanted.name for wanted in GROUPS[group]}
        own = [it for it in results if it.set in sets]
        for budget in budgets:
            found = summary.cells(own, engines, budget)
            if found or group == "target":
                parts.append(f"## {title.format(budget)}\n")
                parts.append(_results(found, engines, budget))
    return "\n".join([*parts, _gaps(results, engines, budgets), _made_with(results, engines)])


def _results(found: summary.Cells, engines: Sequence[str], budget: int) -> str:
    if not found:
        return "No cell has been measured with every engine.\n"
    parts = [_coverage(found), _standings(found), _errors(found, engines)]
    if OURS in engines and len(engines) > 1:
        parts.append(_losses(found))
    return "\n".join([*parts, _costs(found, engines, budget)])


def _coverage(found: summary.Cells) -> str:
    sets = {name for name, _ in found}
    seeds = sorted({seed for _, seed in found})
    return (
        f"{len(found)} cells: {len(sets)} sets, seeds {', '.join(map(str, seeds))}"
        f"{'' if len(found) == len(sets) * len(seeds) else ' (not every seed on every set)'}.\n"
    )


def _standings(found: summary.Cells) -> str:
    larger = {key: cell for key, cell in found.items() if key[0] not in _TINY}
    without = summary.standings(larger)
    lines = [
        [
            name,
            f"{it.rank:.2f}",
            f"{it.ratio:.3f}",
            f"{it.min_max:.3f}",
            str(it.wins),
            str(it.failures),
            f"{without[name].rank:.2f}" if without else "",
            f"{without[name].ratio:.3f}" if without else "",
        ]
        for name, it in sorted(summary.standings(found).items(), key=lambda item: item[1].rank)
    ]
    head = "engine|mean rank|mean error / best|mean min-max error|sets won|no model"
    return _table(f"{head}|rank without the tiny four|error / best without them", lines)


def _errors(found: summary.Cells, engines: Sequence[str]) -> str:
    lines = []
    for name, line in sorted(summary.mean_errors(found).items()):
        best = min(line.values())
        shown = [
            _error(line[engine], summary.spreads(found, name, engine), best=line[engine] == best)
            for engine in engines
        ]
        seeds = sum(1 for where, _ in found if where == name)
        lines.append([name, _METRICS.get(name, ""), str(seeds), *shown])
    return _table("|".join(["set", "error", "seeds", *engines]), lines)


def _error(value: float, spread: float | None, *, best: bool) -> str:
    text = f"{value:.4g}" if value < 10_000 else f"{value:.0f}"
    text = f"**{text}**" if best else text
    return text if spread is None else f"{text} ± {spread:.2g}"


def _losses(found: summary.Cells) -> str:
    against = summary.against_best_other(found, OURS)
    lines = [[name, other, f"{ratio:.3f}"] for name, (other, ratio) in against.items() if ratio > 1]
    over = [name for name, (_, ratio) in against.items() if ratio > _TOLERANCE]
    worst = max(ratio for _, ratio in against.values())
    text = (
        f"`{OURS}` has the lowest mean error on {len(against) - len(lines)} of {len(against)} "
        f"sets. It is more than 2 % worse than the best of the others on {len(over)}"
        f"{': ' + ', '.join(over) if over else ''}; the worst ratio is {worst:.3f}.\n\n"
    )
    if not lines:
        return text
    return text + _table(f"lost on|to|error of {OURS} / its", lines)


def _costs(found: summary.Cells, engines: Sequence[str], budget: int) -> str:
    lines = []
    for name in engines:
        it = summary.costs(found, name, budget)
        lines.append(
            [
                name,
                f"{it.fit_seconds:.1f}",
                f"{it.longest:.1f}",
                f"{it.over} of {it.measured}",
                _shown(it.predict_seconds, "{:.2f}"),
                _shown(it.row_ms, "{:.3f}"),
                _shown(it.size_bytes / 1e6, "{:.2f}"),
            ]
        )
    head = "engine|fit, median s|fit, longest s|over budget by > 10 %|test set, median s"
    return _table(f"{head}|one row, median ms CPU|model, median MB", lines)


def _gaps(results: Sequence[Result], engines: Sequence[str], budgets: Sequence[int]) -> str:
    failures = [
        f"- {it.set}, {it.engine}, {it.budget or 'no'} s, seed {it.seed}: {it.failure}"
        for it in sorted(results, key=lambda it: it.key)
        if it.error is None and it.engine in engines
    ]
    lines = [line for budget in budgets for line in _unmeasured(results, engines, budget)]
    return (
        "## What was not measured\n\n"
        + ("\n".join(lines) or "Nothing: every engine on every set, budget and seed.")
        + "\n\n## Fits without a model\n\n"
        + ("\n".join(failures) or "None.")
        + "\n"
    )


def _unmeasured(results: Sequence[Result], engines: Sequence[str], budget: int) -> list[str]:
    """Return a line for the sets of an engine that lack the same seeds."""
    keys = {it.key for it in results}
    lacking: dict[tuple[str, str], list[str]] = {}
    for engine, wanted in product(engines, GROUPS["target"]):
        seeds = [
            str(seed)
            for seed in SEEDS
            if not {(wanted.name, engine, known, seed) for known in (budget, 0)} & keys
        ]
        if seeds:
            lacking.setdefault((engine, ", ".join(seeds)), []).append(wanted.name)
    return [
        f"- {budget} s, {engine}, seeds {seeds}: "
        + ("every set" if len(names) == len(GROUPS["target"]) else ", ".join(names))
        for (engine, seeds), names in lacking.items()
    ]


def _made_with(results: Sequence[Result], engines: Sequence[str]) -> str:
    versions: Mapping[str, set[str]] = {name: set() for name in ENGINES}
    for it in results:
        versions[it.engine].add(it.version or "unknown")
    machines = sorted({it.machine for it in results if it.engine in engines})
    lines = [[name, ", ".join(sorted(versions[name] - {"unknown"}))] for name in engines]
    return f"## Made with\n\n{_table('engine|version', lines)}\nMachine: {'; '.join(machines)}.\n"


def _shown(value: float, form: str) -> str:
    return "" if math.isnan(value) else form.format(value)


def _table(head: str, lines: Sequence[Sequence[str]]) -> str:
    names = head.split("|")
    rows = [names, ["---"] * len(names), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
