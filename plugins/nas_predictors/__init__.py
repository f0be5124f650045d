"""Built-in predictors."""

from __future__ import annotations

from collections.abc import Iterable

import nas


@nas.hookimpl
def nas_predictors() -> Iterable[nas.Component]:
    """Gradient-boosted trees."""
    from nas_predictors.gbdt import GradientBoostedTrees

    return [
        nas.Component(
            "gbdt",
            GradientBoostedTrees,
            "Bagged gradient-boosted trees on the encoding (scikit-learn)",
            "https://doi.org/10.1214/aos/1013203451",
        )
    ]
