"""The published prior of LC-PFN."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas.abstract.learning_curve import CurvePrior, CurveSamples
from nas_curves import families
from nas_curves.families import Floats

_AT_ONCE = 20_000
"""Parameters that are drawn together: it bounds memory."""


@dataclass(frozen=True)
class Domhan3(CurvePrior):
    """Weighted sums of three of the families of Domhan et al. (2015), as in LC-PFN.

    ``w1 pow3 + w2 ilog2 + w3 Janoschek`` with weights from U(0, 1) that need not sum to one, of
    which those are kept that end above where they begin and stay within [0, 1], plus normal noise
    of one standard deviation a curve, its logarithm from N(-4, 1). The parameters' priors are those
    of LC-PFN (Adriaensen et al. 2023, https://arxiv.org/abs/2310.20447) as its code has them.
    """

    def sample(self, curves: int, steps: int, rng: np.random.Generator) -> CurveSamples:
        """Draw curves; about one in five draws is kept, a million of 100 steps take seconds."""
        means = np.empty((curves, steps))
        filled = 0
        while filled < curves:
            kept = _draw(steps, rng)[: curves - filled]
            means[filled : filled + len(kept)] = kept
            filled += len(kept)
        noise = np.exp(rng.normal(*families.NOISE, curves))
        return CurveSamples(means, noise, means + noise[:, None] * rng.normal(size=means.shape))


def _draw(steps: int, rng: np.random.Generator) -> Floats:
    parameters = families.draw(_AT_ONCE, rng)
    every = np.arange(1.0, steps + 1.0)
    few = every[np.unique([0, min(1, steps - 1), steps // 4, steps - 1])]
    likely = parameters[families.possible(families.values(parameters, few))]
    curves = families.values(likely, every)
    return curves[families.possible(curves)]
