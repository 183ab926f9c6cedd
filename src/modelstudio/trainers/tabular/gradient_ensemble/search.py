"""Decides what is fitted, in which order and for how long, so that every second counts.

1. Survey: each candidate of the portfolio is fitted on the first fold, the quick and strong first.
2. Deepen: the candidates that the greedy weights choose are fitted on the other folds.
3. Explore: variations are tried on the first fold and deepened when they get a weight; then the
   rows are split anew, until the time is over.

With a number of models instead of the time, nothing is decided by a clock, so that the search does
the same each time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from modelstudio.trainers.tabular.gradient_ensemble.members import (
    Member,
    score,
    weigh,
    weigh_finally,
)
from modelstudio.trainers.tabular.gradient_ensemble.portfolio import grown, variation
from modelstudio.trainers.tabular.gradient_ensemble.problem import Pace
from modelstudio.trainers.tabular.gradient_ensemble.served import Booster
from modelstudio.trainers.tabular.gradient_ensemble.watch import FASTEST

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modelstudio.trainers.tabular.gradient_ensemble.folds import Folds
    from modelstudio.trainers.tabular.gradient_ensemble.problem import (
        Candidate,
        Fitted,
        Fold,
        Learner,
        Problem,
    )

    Array = np.ndarray[Any, Any]

#: Of the time: what the survey takes at most, and one fit in it. So a slow table gets a few models
#: that are good instead of many that were cut, and a quick one gets all.
_SURVEY_SHARE = 0.5
_FIT_SHARES = {"GBM": 0.13, "CAT": 0.13, "NN": 0.13, "KERNEL": 0.1, "RF": 0.08, "LR": 0.05}
_OVERTIME = 1.25
#: A fold may take so much longer than the longest before.
_LONGER = 1.6
_DEEPEN_SHARE = 0.6
#: What is left for predicting the valid rows when a fit is cut.
_TAIL_SHARE = 0.07
_SMALLEST_WEIGHT = 0.02
#: What a member's models of several folds gain on one of a single fold, as a share of its worth.
_LUCK_OF_A_FOLD = 0.8
_MOST_SURVIVORS = 10
_FEWEST_SURVIVORS = 3
_SHORTEST_FIT = 0.05
_VARIATIONS_A_ROUND = 5
#: Of many variations judged by few rows the luckiest wins; new splits are the better use of time.
_ROWS_A_VARIATION = 15
#: A weighing on more folds is preferred although it looks this much worse on the first.
_PREFERENCE = 1.01
_SECONDS_A_LEAF, _SECONDS_A_BYTE, _MOST_WRITING = 4e-6, 5e-8, 1.5
#: So many rows tell models apart before they are fitted on other folds.
_TELLING_ROWS = 2_500
#: One fold with so many rows suffices to weigh models that were fitted on no other, in the end.
_WEIGHABLE_ROWS = 1_000


class Progress(Protocol):
    """Told what was fitted."""

    def fitted(self, member: Member, fit: Fitted, loss: float) -> None: ...

    def failed(self, member: Member, error: Exception) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """When a search ends.

    Attributes
    ----------
    deadline
        On the monotonic clock; nothing goes on beyond it.
    models
        How many candidates to try; None for as many as there is time for.
    """

    deadline: float
    models: int | None = None


class Search:
    def __init__(
        self,
        problem: Problem,
        folds: Folds,
        learners: Mapping[str, Learner],
        candidates: Sequence[Candidate],
        limits: Limits,
        progress: Progress,
        fixed: Collection[str] = (),
    ) -> None:
        """Take what is searched; of the families in ``fixed`` no variation is tried."""
        self._problem = problem
        self._folds = folds
        self._learners = learners
        self._limits = limits
        self._progress = progress
        self._candidates = list(candidates)
        self._varied = {each.family for each in candidates} - set(fixed)
        self._tried = 0
        self._has_grown = False
        self.members: list[Member] = []
        self.was_cut = False

    @property
    def _timed(self) -> bool:
        return self._limits.models is None

    @property
    def _deadline(self) -> float:
        """When the last fit ends: large models take longer to be written."""
        seconds = sum(
            fit.model.leaves * _SECONDS_A_LEAF
            if isinstance(fit.model, Booster)
            else fit.model.size * _SECONDS_A_BYTE
            for member in self.members
            if member.weight > 0 or len(member.fits) > 1
            for fit in member.fits.values()
        )
        return self._limits.deadline - min(seconds, _MOST_WRITING)

    @property
    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def run(self) -> list[Member]:
        """Return the members that have a weight; none when not one model could be fitted."""
        self._survey()
        survivors = self._shortlist()
        for fold in self._planned():
            for member in survivors:
                self._fit(member, fold)
            survivors = self._thinned(survivors)
        if self._timed:
            survivors = self._explore(survivors)
        return self._weighed(survivors)

    def _planned(self) -> list[Fold]:
        """Return the folds by which every surviving member is fitted, beyond the first."""
        others = [self._folds.fold(number) for number in range(1, self._folds.count)]
        measured = self._folds.measured
        return others if measured is None else [measured, *others]

    def _survey(self) -> None:
        first = self._folds.fold(0)
        candidates = self._candidates
        if self._limits.models is not None:
            extra = self._limits.models - len(candidates)
            candidates = candidates[: self._limits.models]
            if self._varied:
                candidates += [self._variation() for _ in range(extra)]
        whole = self._left
        losses: dict[str, float] = {}
        waiting = list(candidates)
        while waiting:
            candidate, seconds = waiting.pop(0), None
            if self._timed:
                if self.members and self._left < (1 - _SURVEY_SHARE) * whole:
                    break
                seconds = _FIT_SHARES[candidate.family] * whole
            member = Member(candidate)
            if self._fit(member, first, seconds):
                self.members.append(member)
                losses[candidate.name] = score(self._problem, member, [first])
                self._grow(waiting, losses)

    def _grow(self, waiting: list[Candidate], losses: Mapping[str, float]) -> None:
        """Try a larger model next, once, when large ones do well.

        Where the models are counted it takes the place of the last candidate.
        """
        if self._has_grown or "GBM" not in self._varied or not (self._timed or waiting):
            return
        larger = grown(self._candidates, losses)
        if larger is None:
            return
        self._has_grown = True
        if not self._timed:
            waiting.pop()
        waiting.insert(0, larger)

    def _fit(self, member: Member, fold: Fold, seconds: float | None = None) -> bool:
        """Fit a member on a fold unless it is fitted or the time does not suffice."""
        if fold.number in member.fits:
            return True
        known = list(member.fits.values())
        if self._timed and known and member.seconds * 1.05 > self._left:
            return False
        if self._left <= 0:
            self.was_cut = True
            if self.members:
                return False
        pace = self._pace(member, fold, seconds)
        try:
            fit = self._learners[member.candidate.family].fit(member.candidate, fold, pace)
        except Exception as error:  # noqa: BLE001 - a library's error costs one model, not the run
            self._progress.failed(member, error)
            return False
        if fit is None:
            return False
        if fit.was_cut and not self._timed:
            self.was_cut = True
        member.fits[fold.number] = fit
        loss = self._problem.metric.loss(self._problem.labels[fold.valid], fit.predictions)
        self._progress.fitted(member, fit, loss)
        return True

    def _pace(self, member: Member, fold: Fold, seconds: float | None) -> Pace:
        deadline = self._deadline
        known = list(member.fits.values())
        if not known:
            if seconds is not None:
                tail = _TAIL_SHARE * min(seconds, self._left)
                deadline = min(deadline - tail, time.monotonic() + seconds * _OVERTIME)
            return Pace(seconds, deadline)
        # The best rounds differ a little by fold, the learning rate only when the most rounds that
        # a model may have were too few for it.
        rate = known[-1].rate
        if known[-1].is_unfinished:
            rate = max(rate, min(2 * rate, FASTEST))
        if self._timed:
            tail = _TAIL_SHARE * min(member.seconds, self._left)
            deadline = min(deadline - tail, time.monotonic() + member.seconds * _LONGER)
        if fold is not self._folds.measured:
            return Pace(seconds, deadline, rate)
        same = [fit.rounds for fit in known if fit.rate == rate] or [known[-1].rounds]
        rounds = max(round(float(np.mean(same))), 1)
        factor = float(np.mean([fit.factor for fit in known]))
        return Pace(seconds, deadline, rate, rounds, factor)

    def _survivors(self, members: Sequence[Member]) -> list[Member]:
        """Return the members with a weight, or some of the best, best first."""
        ranked = self._ranked(members)
        weighty = sum(member.weight >= _SMALLEST_WEIGHT for member in ranked)
        return ranked[: min(max(weighty, _FEWEST_SURVIVORS), _MOST_SURVIVORS)]

    def _ranked(self, members: Sequence[Member]) -> list[Member]:
        """Weigh members on the folds that all cover; return them by weight, then by loss."""
        folds = self._common(members)
        if not members or not folds:
            return list(members)
        few = sum(len(fold.valid) for fold in folds) < _TELLING_ROWS
        weights = (weigh_finally if few else weigh)(self._problem, members, folds)
        losses = [score(self._problem, member, folds) for member in members]
        for member, weight in zip(members, weights, strict=True):
            member.weight = float(weight)
        order = sorted(range(len(members)), key=lambda n: (-weights[n], losses[n]))
        return [members[n] for n in order]

    def _common(self, members: Sequence[Member]) -> list[Fold]:
        numbers = set.intersection(*(set(member.fits) for member in members)) if members else set()
        last = max(numbers, default=0)
        return [fold for n in range(last) if (fold := self._folds.fold(n)).number in numbers]

    def _shortlist(self) -> list[Member]:
        """Return the members to fit on the other folds, best first.

        Many members on few folds or few on many, whichever keeps more of the weight; a fold more
        is worth the less the more there are. Those without a weight when time allows, because one
        fold says little.
        """
        ranked = self._ranked(self.members)
        if not self._timed:
            return ranked[:_MOST_SURVIVORS]
        best: tuple[float, list[Member]] = 0.0, ranked[:1]
        for rounds in range(self._rounds_wanted(), 0, -1):
            kept = self._affordable(ranked, rounds)
            worth = sum(member.weight for member in kept) * (1 - _LUCK_OF_A_FOLD / (rounds + 1))
            if worth > best[0]:
                best = worth, kept
        return best[1]

    def _rounds_wanted(self) -> int:
        """Return the folds beyond the first that tell members apart, all in a small table."""
        planned = len(self._planned())
        enough = -(-_TELLING_ROWS // len(self._folds.fold(0).valid)) - 1
        measured = 0 if self._folds.measured is None else 1
        return min(max(enough, 1) + measured, planned)

    def _affordable(self, ranked: Sequence[Member], rounds: int) -> list[Member]:
        kept: list[Member] = []
        seconds, every = 0.0, len(self._planned()) / _DEEPEN_SHARE
        for member in ranked[:_MOST_SURVIVORS]:
            wanted = rounds if member.weight >= _SMALLEST_WEIGHT else every
            if (seconds + member.seconds) * wanted <= self._left:
                kept.append(member)
                seconds += member.seconds
        return kept

    def _thinned(self, survivors: list[Member]) -> list[Member]:
        """Leave out members without a weight when the time does not suffice for all."""
        if not self._timed or len(self._common(survivors)) < 2:  # noqa: PLR2004
            return survivors
        done = len(self._common(survivors))
        if sum(member.seconds for member in survivors) * (self._folds.count - done) <= self._left:
            return survivors
        ranked = self._ranked(survivors)
        return [each for each in ranked if each.weight >= _SMALLEST_WEIGHT]

    def _explore(self, survivors: list[Member]) -> list[Member]:
        repeat = self._folds.count
        while self._left > 0:
            before = time.monotonic()
            for _ in range(_VARIATIONS_A_ROUND if self._varied else 0):
                if self._tried * _ROWS_A_VARIATION < self._problem.rows:
                    survivors = self._try_variation(survivors)
            fold = self._folds.fold(repeat)
            for member in survivors:
                self._fit(member, fold)
            repeat += 1  # a slow member may have left out the fold; quick ones use the time
            if time.monotonic() - before < _SHORTEST_FIT / 10:
                break  # nothing fits the time that is left
        return survivors

    def _try_variation(self, survivors: list[Member]) -> list[Member]:
        candidate = self._variation()
        family = [m.seconds for m in self.members if m.candidate.family == candidate.family]
        seconds = float(np.mean(family)) if family else self._left / 20
        common = self._common(survivors)
        if seconds * (len(common) + 1) > self._left or not common:
            return survivors
        member = Member(candidate)
        if not self._fit(member, common[0], seconds * _OVERTIME):
            return survivors
        self.members.append(member)
        weights = weigh(self._problem, [*survivors, member], common[:1])
        if weights[-1] < _SMALLEST_WEIGHT:
            return survivors
        measured = [] if self._folds.measured is None else [self._folds.measured]
        for fold in [*measured, *common[1:]]:
            if not self._fit(member, fold):
                return survivors
        return self._survivors([*survivors, member])

    def _variation(self) -> Candidate:
        self._tried += 1
        logarithm = any(candidate.logarithm for candidate in self._candidates)
        return variation(self._problem, self._tried, self._varied, logarithm=logarithm)

    def _weighed(self, survivors: list[Member]) -> list[Member]:
        """Weigh on as many folds as the good members cover."""
        best: tuple[float, list[Member], Array] | None = None
        every = self._common(survivors[:1]) if survivors else []
        first = every[:1]
        members: list[Member] = []
        if first and len(first[0].valid) >= _WEIGHABLE_ROWS:
            others = [each for each in self.members if each not in survivors]
            survivors = [*survivors, *(each for each in others if each.covers(first))]
        for count in range(len(every), 0, -1):
            more = [member for member in survivors if member.covers(every[:count])]
            if len(more) == len(members):
                continue  # the same ones, judged by fewer rows
            members = more
            weights = weigh_finally(self._problem, members, every[:count])
            fits = [member.fits[first[0].number] for member in members]
            blended = sum(w * f.predictions for w, f in zip(weights, fits, strict=True))
            loss = self._problem.metric.loss(self._problem.labels[first[0].valid], blended)
            if best is None or loss * _PREFERENCE < best[0]:
                best = loss, members, weights
        if best is None:
            return []
        _, members, weights = best
        for member in self.members:
            member.weight = 0.0
        for member, weight in zip(members, weights, strict=True):
            member.weight = float(weight)
        return [member for member in members if member.weight > 0]
