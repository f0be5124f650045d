"""Curve prediction from a bank of prior curves, without a network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nas import checks
from nas.abstract.learning_curve import CurvePredictor
from nas.abstract.use import Use
from nas.seeds import derive
from nas_curves.bank import Bank, Curves, Floats, Indices, NoiseGrid
from nas_curves.departures import DRIFTS, drift_covariance, fall, rise, stall
from nas_curves.mixtures import NormalMixture, with_surprises
from nas_curves.pace import Pace
from nas_curves.reweighting import Particles, Posterior, systematic
from nas_curves.threads import one_blas_thread

_KEPT = 2
"""Numbers of epochs whose banks are kept."""
_LEAST = 1_000
_DRIFTING = 5_000
"""Curves in the bank of each size of drift; they need fewer, for drift fills the gaps."""
_DEPARTING = 10_000
"""Curves in the bank of each other kind of departure."""
_WIDEST = 0.3
"""Standard deviation of what may be anywhere in [0, 1]: no drift makes a prediction wider."""


class _Share(NamedTuple):
    """A bank and its prior probability."""

    bank: Bank
    probability: float
    drifts: bool = False


@dataclass(eq=False, kw_only=True)
class CurveBank(CurvePredictor):
    """Weighs many curves of the prior by how well they explain what was seen.

    Self-normalised importance sampling of the joint posterior of curve and noise; where the noise
    is lower than the bank resolves, its nearest curves are moved by normal conditioning. So that
    it holds for curves that no parametric prior expects, a share of the prior probability goes to
    curves that drift away from it, rise late, stall or fall (see ``departures``); what a curve
    shows soon decides among them. A stall counts once it has lasted for half of what was seen, a
    fall once it is there. With these and ``surprise`` at 0 it is the prior as published.

    A curve of 6 to 200 epochs takes 5 to 8 ms; a step more of one that was seen before only adds
    that step. The noise is taken to be independent of the curve, and lognormal, as it is in the
    published prior. Beyond 200 epochs, curves are seen at 200 evenly spaced moments.

    Args:
        prior: ``curve_prior`` by name, or a table with its name and parameters.
        size: curves in the bank.
        drift: probability that a curve drifts, in four sizes.
        rise: probability that a curve rises late.
        stall: probability that a curve learns no more after some step.
        fall: probability that a curve falls at some step, for good.
        surprise: probability of an observation far from all that the curve lets expect.
        particles: of the posterior.
        levels: of the noise, evenly spaced in its logarithm.
        seed: of the bank.
    """

    prior: Any = "domhan3"
    size: int = 50_000
    drift: float = 0.15
    rise: float = 0.1
    stall: float = 0.1
    fall: float = 0.03
    surprise: float = 0.01
    particles: int = 256
    levels: int = 26
    seed: int = 0
    _banks: OrderedDict[int, list[_Share]] = field(
        default_factory=OrderedDict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        checks.whole("size", self.size, _LEAST)
        checks.whole("particles", self.particles, 1)
        checks.whole("levels", self.levels, 1)
        checks.whole("seed", self.seed, 0)
        for name in ("drift", "rise", "stall", "fall", "surprise"):
            checks.number(name, getattr(self, name), below=1.0)
        if self._departing >= 1:
            raise ValueError(f"drift + rise + stall + fall must be below 1, not {self._departing}")
        Use.read("curve_prior", self.prior)

    @property
    def uses(self) -> Sequence[Use]:
        """The prior."""
        return (Use.read("curve_prior", self.prior),)

    @property
    def _departing(self) -> float:
        return self.drift + self.rise + self.stall + self.fall

    def extrapolate(self, curves: Floats, epochs: int) -> NormalMixture:
        """Weigh the banks of curves with ``epochs`` steps."""
        pace = Pace(epochs)
        seen = np.ascontiguousarray(pace.coarse(curves))
        banks = self._shares(pace.moments)
        with one_blas_thread():
            found = [self._particles(banks, curve) for curve in seen]
        later = pace.later(curves.shape[1], seen.shape[1])
        mixture = NormalMixture(
            np.arange(curves.shape[1] + 1, epochs + 1),
            np.full((len(curves), self.particles), 1.0 / self.particles),
            np.stack([particles.means for particles in found])[:, :, later],
            np.stack([particles.stds for particles in found])[:, :, later],
        )
        return with_surprises(mixture, self.surprise)

    def _particles(self, shares: Sequence[_Share], seen: Floats) -> Particles:
        banks = [share for share in shares if share.bank.compares(len(seen))]
        posteriors = [Posterior(share.bank, seen) for share in banks]
        evidence = np.array([np.logaddexp.reduce(found.evidence) for found in posteriors])
        evidence += np.log([share.probability for share in banks])
        odds = np.exp(evidence - evidence.max())
        counts = np.bincount(systematic(odds, self.particles), minlength=len(banks))
        parts = []
        for share, found, count in zip(banks, posteriors, counts.tolist(), strict=True):
            if count:
                means, stds = found.particles(count)
                if share.drifts:
                    means, stds = np.clip(means, 0.0, 1.0), np.minimum(stds, _WIDEST)
                parts.append(Particles(means, stds))
        return Particles(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _shares(self, steps: int) -> list[_Share]:
        if steps not in self._banks:
            self._banks[steps] = self._draw(steps)
            while len(self._banks) > _KEPT:
                self._banks.popitem(last=False)
        self._banks.move_to_end(steps)
        return self._banks[steps]

    def _draw(self, steps: int) -> list[_Share]:
        (prior,) = self.used
        curves = Curves.draw(prior, self.size, steps, self.levels, self.seed)
        noise = curves.noise
        found = [_Share(Bank(curves.means, noise), 1.0 - self._departing)]
        some = curves.some(_DEPARTING).astype(np.float64)
        rng = np.random.default_rng(derive(self.seed, "departures"))
        if self.rise:
            found.append(_Share(_bank(rise(some, rng), noise), self.rise))
        if self.stall:
            means, last = stall(some, rng)
            found.append(_Share(_bank(means, noise, 2 * last), self.stall))
        if self.fall:
            means, last = fall(some, rng)
            found.append(_Share(_bank(means, noise, last + 1), self.fall))
        if self.drift:
            few, white = curves.some(_DRIFTING), np.eye(steps)
            for size in DRIFTS:
                bank = Bank(few, noise, white + size**2 * drift_covariance(steps))
                found.append(_Share(bank, self.drift / len(DRIFTS), drifts=True))
        return found


def _bank(means: Floats, noise: NoiseGrid, since: Indices | None = None) -> Bank:
    return Bank(means.astype(np.float32), noise, since=since)
