"""NAS-BOWL: B. Ru, X. Wan, X. Dong, M. Osborne, ICLR 2021, arXiv:2006.07556."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nas_strategies.bo import BayesianOptimisation


@dataclass(eq=False)
class Bowl(BayesianOptimisation):
    """Bayesian optimisation on the Weisfeiler-Lehman kernel of the architecture's DAG.

    As ``bo``, but the predictor is ``gp_wl``, which sees the graph and not the decisions, and there
    are fewer candidates, for graphs take longer; the paper has a pool of 200.
    """

    predictor: str | Mapping[str, Any] = field(
        default_factory=lambda: {"name": "gp_wl", "latent": True}
    )
    candidates: int = 200
