"""Built-in strategies."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl

_QUICK = {"predictor": "ridge", "initial": 6}
_SIX_DECISIONS = {"architectures": [{f"d{i}": 0 for i in range(6)}]}
"""A member of the space that ``nas.testing`` tries strategies on first."""


@hookimpl
def nas_strategies() -> Iterable[Component]:
    """Random and local search, evolution, predictors, policy gradients, other people's."""
    return [
        *_sampling(),
        *_evolving(),
        *_bayesian(),
        *_on_predictors(),
        *_of_libraries(),
        *_composed(),
        *_pausing(),
    ]


def _sampling() -> list[Component]:
    """Strategies that need no predictor."""
    from nas_strategies.fixed import Fixed
    from nas_strategies.local_search import LocalSearch
    from nas_strategies.random_search import RandomSearch
    from nas_strategies.reinforce import Reinforce

    return [
        Component("random", RandomSearch, "Uniform draws: the line to beat"),
        Component(
            "fixed",
            Fixed,
            "The same architectures over and over, with other seeds",
            example=_SIX_DECISIONS,
        ),
        Component(
            "local_search",
            LocalSearch,
            "Neighbours of the best so far, with restarts",
            "White et al., UAI 2021, arXiv:2005.02960",
        ),
        Component(
            "reinforce",
            Reinforce,
            "Policy gradients: a table of softmaxes, or a recurrent controller",
            "https://arxiv.org/abs/1611.01578",
        ),
    ]


def _evolving() -> list[Component]:
    """Strategies that mutate and select."""
    from nas_strategies.nsga2 import NSGA2
    from nas_strategies.regularized_evolution import RegularizedEvolution

    return [
        Component(
            "regularized_evolution",
            RegularizedEvolution,
            "Mutates the winner of a tournament; the oldest member leaves",
            "https://arxiv.org/abs/1802.01548",
            {"population": 8, "sample": 3},
        ),
        Component(
            "nsga2",
            NSGA2,
            "Genetic algorithm that keeps the best fronts; for several objectives",
            "https://doi.org/10.1109/4235.996017",
            {"population": 8},
        ),
    ]


def _bayesian() -> list[Component]:
    """Strategies on Gaussian processes."""
    from nas_strategies.bo import BayesianOptimisation
    from nas_strategies.bowl import Bowl

    return [
        Component(
            "bo",
            BayesianOptimisation,
            "Bayesian optimisation: the largest expected improvement, of hypervolume for two goals",
            "https://doi.org/10.1023/A:1008306431147",
            {"initial": 4, "candidates": 20},
        ),
        Component(
            "bowl",
            Bowl,
            "NAS-BOWL: Bayesian optimisation on the Weisfeiler-Lehman kernel of the DAG",
            "https://arxiv.org/abs/2006.07556",
        ),
    ]


def _on_predictors() -> list[Component]:
    """Strategies that learn a metric."""
    from nas_strategies.bananas import Bananas
    from nas_strategies.predictor_evolution import PredictorEvolution
    from nas_strategies.weaknas import WeakNAS

    return [
        Component(
            "predictor_evolution",
            PredictorEvolution,
            "NSGA-II on predictors in the loop, true evaluations in rounds",
            "https://arxiv.org/abs/2205.10358",
            {**_QUICK, "population": 20, "evaluations": 100},
        ),
        Component(
            "bananas",
            Bananas,
            "Mutations of the best, by independent Thompson sampling from a predictor",
            "https://arxiv.org/abs/1910.11858",
            {**_QUICK, "candidates": 50},
        ),
        Component(
            "weaknas",
            WeakNAS,
            "Draws from the best of the space by a predictor that is fitted again each round",
            "https://arxiv.org/abs/2102.10490",
            {**_QUICK, "top": 10, "pool": 100},
        ),
    ]


def _of_libraries() -> list[Component]:
    """Strategies of other people's libraries."""
    from nas_strategies.nevergrad_strategy import Nevergrad
    from nas_strategies.tpe import TPE

    return [
        Component(
            "nevergrad",
            Nevergrad,
            "Any optimizer of nevergrad by its name",
            "https://facebookresearch.github.io/nevergrad/",
        ),
        Component(
            "tpe",
            TPE,
            "Optuna's tree-structured Parzen estimator (extra optuna)",
            "https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization",
        ),
    ]


def _composed() -> list[Component]:
    """Strategies of strategies."""
    from nas_strategies.portfolio import Portfolio

    return [
        Component(
            "portfolio",
            Portfolio,
            "Several strategies share the budget, by a bandit on what their proposals gain",
            "https://arxiv.org/abs/1707.09727",
            {"strategies": ["local_search", "regularized_evolution"], "initial": 3},
        ),
    ]


def _pausing() -> list[Component]:
    """Strategies that pause trials; the evaluator must be able to go on with them."""
    from nas_strategies.freeze_thaw import FreezeThaw
    from nas_strategies.pbt import PopulationBasedTraining

    return [
        Component(
            "freeze_thaw",
            FreezeThaw,
            "Whichever learning curve promises most goes on for a step, or a new one begins",
            "https://arxiv.org/abs/2404.16795",
            {"predictor": {"name": "curve_bank", "size": 2000, "particles": 64}},
        ),
        Component(
            "pbt",
            PopulationBasedTraining,
            "Population based training: the worst copy the best, and change hyper-parameters",
            "https://arxiv.org/abs/1711.09846",
        ),
    ]
