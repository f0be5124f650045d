"""Built-in priors over learning curves, and predictors of how a curve goes on."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl

_DOMHAN = "https://www.ijcai.org/Abstract/15/487"
_LC_PFN = "https://arxiv.org/abs/2310.20447"


@hookimpl
def nas_curve_priors() -> Iterable[Component]:
    """Parametric families of curves."""
    from nas_curves.domhan3 import Domhan3
    from nas_curves.drifting import Drifting

    return [
        Component("domhan3", Domhan3, "Sums of three parametric families, as in LC-PFN", _LC_PFN),
        Component("drifting", Drifting, "domhan3 with curves that drift, rise late, stall or fall"),
    ]


@hookimpl
def nas_curve_predictors() -> Iterable[Component]:
    """Predictors on a prior, and plain baselines."""
    from nas_curves.baselines import LastValue, LeastSquares, PowerLaw
    from nas_curves.curve_bank import CurveBank
    from nas_curves.lc_pfn import LCPFN
    from nas_curves.mcmc import MCMC

    return [
        Component("curve_bank", CurveBank, "Importance weights over a bank of prior curves"),
        Component("last_value", LastValue, "The curve stays where it is"),
        Component(
            "least_squares",
            LeastSquares,
            "Ensemble of the published prior's families, fitted by least squares",
            _DOMHAN,
        ),
        Component(
            "lc_pfn", LCPFN, "Transformer that was trained on curves of a prior (PyTorch)", _LC_PFN
        ),
        Component(
            "mcmc",
            MCMC,
            "Affine-invariant Markov chains over the published prior; slow",
            _LC_PFN,
            {"walkers": 26, "moves": 60, "dropped": 20, "particles": 200},
        ),
        Component("power_law", PowerLaw, "The power law that fits best by least squares"),
    ]
