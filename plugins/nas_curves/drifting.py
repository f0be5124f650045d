"""The published prior of LC-PFN, with curves as real ones depart from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas import checks
from nas.abstract.learning_curve import CurvePrior, CurveSamples
from nas_curves.departures import DRIFTS, drift, rise
from nas_curves.domhan3 import Domhan3


@dataclass(frozen=True, kw_only=True)
class Drifting(CurvePrior):
    """Curves of ``domhan3`` of which some drift away from it and some rise late.

    It is the prior that ``curve_bank`` uses by default, but drawn: a network is trained on it.
    Curves that would leave [0, 1] stay at its ends.

    Args:
        drift: probability that a curve drifts, by one of four sizes (see ``departures``).
        rise: probability that a curve rises late.
    """

    drift: float = 0.1
    rise: float = 0.1

    def __post_init__(self) -> None:
        checks.probability("drift", self.drift)
        checks.probability("rise", self.rise)
        if self.drift + self.rise > 1:
            raise ValueError(f"drift + rise must be at most 1, not {self.drift + self.rise}")

    def sample(self, curves: int, steps: int, rng: np.random.Generator) -> CurveSamples:
        """Draw curves."""
        means, noise, values = Domhan3().sample(curves, steps, rng)
        kind = rng.random(curves)
        drifting = np.flatnonzero(kind < self.drift)
        rising = np.flatnonzero(kind >= 1.0 - self.rise)
        changed = means.copy()
        sizes = rng.choice(DRIFTS, len(drifting)) * noise[drifting]
        paths = drift(len(drifting), steps, rng) * sizes[:, None]
        changed[drifting] = np.clip(means[drifting] + paths, 0.0, 1.0)
        changed[rising] = rise(means[rising], rng)
        return CurveSamples(changed, noise, values + changed - means)
