"""Built-in priors over learning curves, and predictors of how a curve goes on."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_curve_priors() -> Iterable[Component]:
    """Parametric families of curves."""
    return []


@hookimpl
def nas_curve_predictors() -> Iterable[Component]:
    """Predictors on a prior, and plain baselines."""
    return []
