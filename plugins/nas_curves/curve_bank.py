"""Curve prediction from a bank of prior curves, without a network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nas import checks
from nas.abstract.learning_curve import CurvePredictor
from nas.abstract.use import Use
from nas_curves.bank import Bank, Floats
from nas_curves.mixtures import NormalMixture
from nas_curves.reweighting import Posterior

_BANKS = 2
"""Banks that are kept, one for each number of epochs."""
_LEAST = 1_000


@dataclass(eq=False, kw_only=True)
class CurveBank(CurvePredictor):
    """Weighs many curves of the prior by how well they explain what was seen.

    Self-normalised importance sampling of the joint posterior of curve and noise; where the noise
    is lower than the bank resolves, its nearest curves are moved by normal conditioning. A curve
    takes 3 to 5 ms, the first bank about a second; a step more of a curve that was seen before
    only adds that step. The noise is taken to be independent of the curve, as it is in the
    published prior.

    Args:
        prior: ``curve_prior`` by name, or a table with its name and parameters.
        size: curves in the bank.
        particles: of the posterior.
        levels: of the noise, evenly spaced over the logarithms that the prior gives.
        seed: of the bank.
    """

    prior: Any = "domhan3"
    size: int = 50_000
    particles: int = 256
    levels: int = 20
    seed: int = 0
    _banks: OrderedDict[int, Bank] = field(default_factory=OrderedDict, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("size", self.size, _LEAST)
        checks.whole("particles", self.particles, 1)
        checks.whole("levels", self.levels, 1)
        checks.whole("seed", self.seed, 0)
        Use.read("curve_prior", self.prior)

    @property
    def uses(self) -> Sequence[Use]:
        """The prior."""
        return (Use.read("curve_prior", self.prior),)

    def extrapolate(self, curves: Floats, epochs: int) -> NormalMixture:
        """Weigh the bank of curves with ``epochs`` steps."""
        bank = self._bank(epochs)
        found = [Posterior(bank, curve).particles(self.particles) for curve in curves]
        return NormalMixture(
            np.arange(curves.shape[1] + 1, epochs + 1),
            np.full((len(curves), self.particles), 1.0 / self.particles),
            np.stack([particles.means for particles in found]),
            np.stack([particles.stds for particles in found]),
        )

    def _bank(self, epochs: int) -> Bank:
        if epochs not in self._banks:
            (prior,) = self.used
            self._banks[epochs] = Bank(prior, self.size, epochs, self.levels, self.seed)
            while len(self._banks) > _BANKS:
                self._banks.popitem(last=False)
        self._banks.move_to_end(epochs)
        return self._banks[epochs]
