"""Local search with restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from nas import Architecture, checks
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.seeds import Rng, below
from nas.trial import Trial
from nas_strategies.selection import standings
from nas_strategies.started import started


@dataclass
class LocalSearch(Strategy):
    """Proposes the neighbours of the best trial so far, and starts afresh where none is better.

    First improvement (White et al., UAI 2021, arXiv:2005.02960): as soon as a neighbour is better,
    its own neighbours are next. A start is the best of a few uniform draws. With several objectives
    the neighbours of the trials that none of the same start dominates are proposed, the least
    crowded first: Pareto local search (Paquete et al., 2004).

    Args:
        initial: uniform draws of each start, at least 1.
    """

    initial: int = 10
    _problem: Problem | None = field(default=None, init=False, repr=False)
    _start: list[Trial] = field(default_factory=list, init=False, repr=False)
    _asked: set[Architecture] = field(default_factory=set, init=False, repr=False)
    _open: dict[int, list[Architecture]] = field(default_factory=dict, init=False, repr=False)
    _drawn: int = field(default=0, init=False, repr=False)
    _first: float = field(default=-math.inf, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("initial", self.initial, 1)

    def start(self, problem: Problem) -> None:
        """Begin a study."""
        self._problem = problem
        self._start, self._asked, self._open = [], set(), {}
        self._drawn, self._first = 0, -math.inf

    def ask(self, rng: Rng) -> Proposal:
        """Propose a neighbour of the best, or a uniform draw where a start begins."""
        space = started(self._problem).space
        if self._drawn < self.initial:
            self._drawn += 1
            return self._proposed(Proposal(space.sample(rng)))
        for trial in self._centres():
            left = self._neighbours(trial)
            while left:
                architecture = left.pop(below(len(left), rng))
                if architecture not in self._asked:
                    return self._proposed(Proposal(architecture, (trial.number,)))
        # What is still in flight belongs to the start that has ended.
        self._first = max((trial.number + 1 for trial in self._start), default=self._first)
        self._start, self._open, self._drawn = [], {}, 1
        return self._proposed(Proposal(space.sample(rng)))

    def tell(self, trial: Trial) -> None:
        """Learn from a trial, whether it was proposed here or not."""
        self._asked.add(trial.architecture)
        if trial.number < 0:  # known before the study: as good as a draw of the first start
            self._drawn += 1
        if trial.number >= self._first:
            self._start.append(trial)

    def _proposed(self, proposal: Proposal) -> Proposal:
        self._asked.add(proposal.architecture)
        return proposal

    def _centres(self) -> list[Trial]:
        """Return the trials that none of this start beats, the best first."""
        if not self._start:
            return []
        ranked = sorted(
            zip(standings(self._start), self._start, strict=True),
            key=lambda pair: (pair[0], pair[1].number),
        )
        best = ranked[0][0][0]
        several = len(ranked[0][1].losses) > 1
        front = [trial for (rank, _), trial in ranked if rank == best]
        return front if several else front[:1]

    def _neighbours(self, trial: Trial) -> list[Architecture]:
        """Return those of a trial's neighbours that were not proposed yet."""
        if trial.number not in self._open:
            space = started(self._problem).space
            self._open[trial.number] = [
                a for a in space.neighbours(trial.architecture) if a not in self._asked
            ]
        return self._open[trial.number]
