"""BANANAS: C. White, W. Neiswanger, Y. Savani, AAAI 2021, arXiv:1910.11858."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nas import checks
from nas.abstract.strategy import Proposal
from nas.architecture import Architecture
from nas.seeds import Rng, below
from nas_strategies.modelled import Modelled
from nas_strategies.started import started

TRIES = 20
"""Mutations drawn for each candidate that is wanted: most of a small neighbourhood is known."""


@dataclass(eq=False)
class Bananas(Modelled):
    """Mutations of the best trials, chosen by independent Thompson sampling.

    Each candidate has one draw from the normal distribution that the predictor, an ensemble in the
    paper, gives it, and those with the least draws are proposed. With several objectives there is
    a draw for each, and candidates are in order of non-domination rank, then crowding distance.

    Args:
        predictor: name, or table with ``name`` and parameters.
        initial: uniform draws before the first fit, at least 1.
        batch: trials of a round, at least 1.
        parents: so many of the best trials are mutated, at least 1.
        candidates: mutations to choose a round from, at least 1.
    """

    predictor: str | Mapping[str, Any] = "mlp_ensemble"
    parents: int = 10
    candidates: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("parents", self.parents, 1)
        checks.whole("candidates", self.candidates, 1)

    def _found(self, rng: Rng) -> Iterable[Proposal]:
        drawn = self._mutations(rng)
        if not drawn:
            return []
        order = self._surrogate.estimate(list(drawn)).sampled_order(rng)
        proposals = [Proposal(a, (parent,)) for a, parent in drawn.items()]
        return [proposals[i] for i in order.tolist()]

    def _mutations(self, rng: Rng) -> dict[Architecture, int]:
        """Return new candidates, each with the number of the trial that it was made from.

        Where too many neighbours of the best are known, mutations of mutations are taken.
        """
        space = started(self._problem).space
        best = [(trial.architecture, trial.number) for trial in self._best(self.parents)]
        drawn: dict[Architecture, int] = {}
        for attempt in range(self.candidates * TRIES):
            if len(drawn) == self.candidates:
                break
            parent, number = best[below(len(best), rng)]
            child = space.mutate(parent, rng)
            if attempt >= self.candidates * TRIES // 2:
                child = space.mutate(child, rng)
            if self._fresh(child):
                drawn.setdefault(child, number)
        return drawn
