"""Built-in priors over learning curves, and predictors of how a curve goes on."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl

_LC_PFN = "https://arxiv.org/abs/2310.20447"


@hookimpl
def nas_curve_priors() -> Iterable[Component]:
    """Parametric families of curves."""
    from nas_curves.domhan3 import Domhan3

    return [
        Component("domhan3", Domhan3, "Sums of three parametric families, as in LC-PFN", _LC_PFN)
    ]


@hookimpl
def nas_curve_predictors() -> Iterable[Component]:
    """Predictors on a prior, and plain baselines."""
    from nas_curves.curve_bank import CurveBank

    return [
        Component("curve_bank", CurveBank, "Importance weights over a bank of prior curves"),
    ]
