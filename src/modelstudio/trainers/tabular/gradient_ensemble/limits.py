"""Keeps an ensemble small and quick enough to answer a row within a millisecond."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelstudio.trainers.tabular.gradient_ensemble.served import Booster, Kernel, Oblivious

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelstudio.trainers.tabular.gradient_ensemble.members import Member
    from modelstudio.trainers.tabular.gradient_ensemble.served import Served

#: What the models may take of the millisecond by the estimate, less what preparing the row takes.
MOST_MICROSECONDS = 830.0
MOST_BYTES = 9_000_000


def microseconds(model: Served) -> float:
    """Estimate the CPU of one row, from measurements on one core of 3 GHz.

    Of all models of an ensemble in turn, none is in the cache, and so they were measured. An
    estimate by the model's size and not a measurement, so that the same models are kept on a busy
    machine.
    """
    if isinstance(model, Booster):
        shape = math.sqrt(model.leaves / max(model.trees, 1) / 31)  # a deep tree takes longer
        return 19 + 0.1 * shape * model.trees
    if isinstance(model, Oblivious):
        return 190 + 1.25 * (model.features + model.categories) + 0.02 * model.trees
    if isinstance(model, Kernel):
        return 40 + 0.02 * model.count + 1.6e-4 * model.size
    return 15 + 1e-4 * model.size


def keep_small(members: Sequence[Member], preparing: float = 0.0) -> dict[str, list[int]]:
    """Return the folds whose models are kept, by the member's name.

    ``preparing`` a row takes so many microseconds of those that there are. The models get as many
    at least: where a row takes longer anyway, fewer models would save little.

    The costliest member gives up a fold, one after the other, until all fit. When each is down to
    its last, a member is left out: the one with the smallest weight without which the others fit,
    or else the one that is worth least for what it costs.
    """
    kept = {each.candidate.name: sorted(each.fits) for each in members}
    by_name = {each.candidate.name: each for each in members}
    most = max(MOST_MICROSECONDS - preparing, preparing)

    def share(names: Iterable[str]) -> float:
        """Of what there is, what these members take."""
        models = [by_name[name].fits[number].model for name in names for number in kept[name]]
        time = sum(map(microseconds, models)) / most
        return max(time, sum(model.size for model in models) / MOST_BYTES)

    def over(left_out: str = "") -> bool:
        return share(name for name in kept if name != left_out) > 1

    while over():
        names = [name for name in kept if len(kept[name]) > 1]
        if names:
            name = max(names, key=lambda each: share([each]) / by_name[each].weight)
            kept[name].pop()
        elif len(kept) > 1:
            enough = [each for each in kept if not over(each)]
            if enough:
                del kept[min(enough, key=lambda each: by_name[each].weight)]
            else:
                del kept[min(kept, key=lambda each: by_name[each].weight / share([each]))]
        else:
            break
    return kept
