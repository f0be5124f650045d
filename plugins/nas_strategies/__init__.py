"""Built-in strategies."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_strategies() -> Iterable[Component]:
    """Random search, local search, two evolutionary strategies, and nevergrad's optimizers."""
    from nas_strategies.local_search import LocalSearch
    from nas_strategies.nevergrad_strategy import Nevergrad
    from nas_strategies.nsga2 import NSGA2
    from nas_strategies.portfolio import Portfolio
    from nas_strategies.random_search import RandomSearch
    from nas_strategies.regularized_evolution import RegularizedEvolution

    return [
        Component("random", RandomSearch, "Uniform draws: the line to beat"),
        Component(
            "regularized_evolution",
            RegularizedEvolution,
            "Mutates the winner of a tournament; the oldest member leaves",
            "https://arxiv.org/abs/1802.01548",
        ),
        Component(
            "local_search",
            LocalSearch,
            "Neighbours of the best so far, with restarts",
            "White et al., UAI 2021, arXiv:2005.02960",
        ),
        Component(
            "nsga2",
            NSGA2,
            "Genetic algorithm that keeps the best fronts; for several objectives",
            "https://doi.org/10.1109/4235.996017",
        ),
        Component(
            "portfolio",
            Portfolio,
            "Several strategies share the budget, by a bandit on what their proposals gain",
            "https://arxiv.org/abs/1707.09727",
        ),
        Component(
            "nevergrad",
            Nevergrad,
            "Any optimizer of nevergrad by its name",
            "https://facebookresearch.github.io/nevergrad/",
        ),
    ]
