"""Built-in predictors."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_predictors() -> Iterable[Component]:
    """Trees, linear models, neural networks and Gaussian processes."""
    return [*_regressions(), *_processes()]


def _regressions() -> list[Component]:
    from nas_predictors.gbdt import GradientBoostedTrees
    from nas_predictors.mlp_ensemble import MLPEnsemble
    from nas_predictors.random_forest import RandomForest
    from nas_predictors.ridge import Ridge

    return [
        Component(
            "gbdt",
            GradientBoostedTrees,
            "Bagged gradient-boosted trees on the encoding (scikit-learn)",
            "https://doi.org/10.1214/aos/1013203451",
            {"members": 5, "trees": 40},
        ),
        Component(
            "mlp_ensemble",
            MLPEnsemble,
            "Ensemble of small neural networks on the encoding (PyTorch)",
            "https://arxiv.org/abs/1910.11858",
            {"steps": 40},
        ),
        Component(
            "random_forest",
            RandomForest,
            "Random forest on the encoding (scikit-learn)",
            "https://doi.org/10.1023/A:1010933404324",
            {"trees": 40},
        ),
        Component(
            "ridge",
            Ridge,
            "Bayesian ridge regression on the encoding (scikit-learn)",
            "https://doi.org/10.1162/neco.1992.4.3.415",
        ),
    ]


def _processes() -> list[Component]:
    from nas_predictors.gp import GaussianProcess
    from nas_predictors.gp_wl import WeisfeilerLehmanProcess

    return [
        Component(
            "gp",
            GaussianProcess,
            "Gaussian process on the encoding (scikit-learn)",
            "https://gaussianprocess.org/gpml/",
        ),
        Component(
            "gp_wl",
            WeisfeilerLehmanProcess,
            "Gaussian process on the Weisfeiler-Lehman kernel of the DAG (scikit-learn, networkx)",
            "https://arxiv.org/abs/2006.07556",
        ),
    ]
