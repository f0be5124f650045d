"""First proposals: uniform draws, or the best of several by a proxy."""

from __future__ import annotations

from nas.abstract.proxy import Proxy
from nas.abstract.strategy import Problem
from nas.architecture import Architecture
from nas.seeds import Rng
from nas.zero_cost import ZeroCost

_PROXY = "proxy"


class First:
    """Draws architectures before anything is known of the losses.

    Args:
        problem: what is searched.
        proxy: what several draws are compared by; None for uniform draws.
        of: how many are compared.
    """

    def __init__(self, problem: Problem, proxy: Proxy | None, of: int) -> None:
        self._space, self._of = problem.space, of
        self._scorer = (
            ZeroCost(problem.space, {_PROXY: proxy}, problem.data, problem.seed) if proxy else None
        )

    def draw(self, rng: Rng) -> Architecture:
        """Return one; where the proxy fails for all draws, the first of them."""
        if self._scorer is None:
            return self._space.sample(rng)
        drawn = list(dict.fromkeys(self._space.sample(rng) for _ in range(self._of)))
        found = [(architecture, self._scorer.score(architecture)[_PROXY]) for architecture in drawn]
        scored = {a: score for a, score in found if not isinstance(score, Exception)}
        return max(scored, key=scored.__getitem__) if scored else drawn[0]
