"""Built-in schedulers: which trials are worth their full budget."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_schedulers() -> Iterable[Component]:
    """Rules on learning curves."""
    return [*_alone(), *_among_peers()]


def _alone() -> list[Component]:
    """Schedulers that look at a trial's own learning curve at most."""
    from nas_schedulers.none import FullBudget
    from nas_schedulers.plateau import Plateau

    return [
        Component("none", FullBudget, "Every trial has its full budget"),
        Component(
            "plateau",
            Plateau,
            "Patience: stops a trial that has not improved for some time",
            "https://arxiv.org/abs/2310.20447",
        ),
    ]


def _among_peers() -> list[Component]:
    """Schedulers that compare learning curves."""
    from nas_schedulers.asha import ASHA
    from nas_schedulers.curve import CurveStopping
    from nas_schedulers.hyperband import Hyperband
    from nas_schedulers.median import MedianStopping
    from nas_schedulers.moasha import MOASHA

    return [
        Component(
            "asha",
            ASHA,
            "Asynchronous successive halving: the best third of a rung goes on",
            "https://arxiv.org/abs/1810.05934",
        ),
        Component(
            "curve",
            CurveStopping,
            "Predictive: stops a trial that is unlikely to reach the best by its full budget",
            "https://arxiv.org/abs/2310.20447",
            {"predictor": "power_law"},
        ),
        Component(
            "hyperband",
            Hyperband,
            "Synchronous successive halving in brackets that trade trials for budget",
            "https://jmlr.org/papers/v18/16-558.html",
        ),
        Component(
            "median",
            MedianStopping,
            "Stops a trial whose best is worse than the median of the others",
            "https://doi.org/10.1145/3097983.3098043",
        ),
        Component(
            "moasha",
            MOASHA,
            "Asynchronous successive halving by all objectives and constraints",
            "https://arxiv.org/abs/2106.12639",
        ),
    ]
