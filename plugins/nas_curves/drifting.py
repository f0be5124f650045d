"""The published prior of LC-PFN, with curves as real ones depart from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas import checks
from nas.abstract.learning_curve import CurvePrior, CurveSamples
from nas_curves.departures import DRIFTS, drift, fall, rise, stall
from nas_curves.domhan3 import Domhan3


@dataclass(frozen=True, kw_only=True)
class Drifting(CurvePrior):
    """Curves of ``domhan3`` of which some drift away from it, rise late, stall or fall.

    It is the prior that ``curve_bank`` uses by default, but drawn: a network is trained on it.
    Curves that would leave [0, 1] stay at its ends.

    Args:
        drift: probability that a curve drifts, by one of four sizes (see ``departures``).
        rise: probability that a curve rises late.
        stall: probability that a curve learns no more after some step.
        fall: probability that a curve falls at some step, for good.
    """

    drift: float = 0.15
    rise: float = 0.1
    stall: float = 0.1
    fall: float = 0.03

    def __post_init__(self) -> None:
        for name in ("drift", "rise", "stall", "fall"):
            checks.probability(name, getattr(self, name))
        if sum(self._shares) > 1:
            raise ValueError(f"drift + rise + stall + fall must be at most 1, not {self._shares}")

    @property
    def _shares(self) -> tuple[float, ...]:
        return self.drift, self.rise, self.stall, self.fall

    def sample(self, curves: int, steps: int, rng: np.random.Generator) -> CurveSamples:
        """Draw curves."""
        means, noise, values = Domhan3().sample(curves, steps, rng)
        changed = means.copy()
        kind = np.searchsorted(np.cumsum(self._shares), rng.random(curves), side="right")
        drifting = np.flatnonzero(kind == 0)
        sizes = rng.choice(DRIFTS, len(drifting)) * noise[drifting]
        paths = drift(len(drifting), steps, rng) * sizes[:, None]
        changed[drifting] = np.clip(means[drifting] + paths, 0.0, 1.0)
        changed[kind == 1] = rise(means[kind == 1], rng)
        changed[kind == 2] = stall(means[kind == 2], rng)[0]
        changed[kind == 3] = fall(means[kind == 3], rng)[0]
        return CurveSamples(changed, noise, values + changed - means)
