"""Built-in predictors."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_predictors() -> Iterable[Component]:
    """Gradient-boosted trees."""
    from nas_predictors.gbdt import GradientBoostedTrees

    return [
        Component(
            "gbdt",
            GradientBoostedTrees,
            "Bagged gradient-boosted trees on the encoding (scikit-learn)",
            "https://doi.org/10.1214/aos/1013203451",
        )
    ]
