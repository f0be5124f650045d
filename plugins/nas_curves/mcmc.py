"""Curve prediction by Markov chain Monte Carlo over the parametric prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas import checks
from nas.abstract.learning_curve import CurvePredictor
from nas.seeds import derive
from nas_curves import families
from nas_curves.mixtures import NormalMixture

Floats = NDArray[np.float64]

_SIZE = families.PARAMETERS + 1
"""Parameters of a walker: those of the curve and the logarithm of the noise."""
_STRETCH = 2.0
"""The usual scale of stretch moves."""
_STARTS = 20_000
"""Draws of the prior among which walkers start."""


@dataclass(eq=False, kw_only=True)
class MCMC(CurvePredictor):
    """Samples the posterior of the published prior's parameters: a slow reference.

    The affine-invariant ensemble sampler (Goodman and Weare 2010,
    https://doi.org/10.2140/camcos.2010.5.65), as in Domhan et al. (2015) and LC-PFN, whose setting
    of 100 walkers, 2,000 moves and 500 that are dropped is the default. Walkers start at draws of
    the prior that are chosen by their likelihood. About one move in ten is taken, and chains of
    this length do not forget where they began: another seed gives a somewhat other posterior. The
    prior is always ``domhan3``.

    Args:
        walkers: of the ensemble; even, at least 26, twice the number of parameters.
        moves: of each walker.
        dropped: moves at the beginning that are not used.
        particles: of the posterior, evenly taken from the chains.
        seed: of the chains.
    """

    walkers: int = 100
    moves: int = 2_000
    dropped: int = 500
    particles: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        checks.whole("walkers", self.walkers, 2 * _SIZE)
        checks.whole("moves", self.moves, 1)
        checks.whole("dropped", self.dropped, 0)
        checks.whole("particles", self.particles, 1)
        checks.whole("seed", self.seed, 0)
        if self.walkers % 2:
            raise ValueError(f"walkers must be even, not {self.walkers}")
        if self.dropped >= self.moves:
            raise ValueError(f"dropped must be below moves = {self.moves}, not {self.dropped}")
        if self.particles > self.walkers * (self.moves - self.dropped):
            raise ValueError(
                f"particles must be at most walkers * (moves - dropped), not {self.particles}"
            )

    def extrapolate(self, curves: Floats, epochs: int) -> NormalMixture:
        """Run the chains of one curve after the other."""
        steps = np.arange(1.0, epochs + 1.0)
        later = steps[curves.shape[1] :]
        found = [self._chains(curve, steps) for curve in curves]
        return NormalMixture(
            later.astype(np.int64),
            np.full((len(curves), self.particles), 1.0 / self.particles),
            np.stack([families.values(walker[:, :-1], later) for walker in found]),
            np.exp(np.stack([walker[:, -1:] for walker in found])),
        )

    def _chains(self, seen: Floats, steps: Floats) -> Floats:
        """Return ``(particles, 13)``."""
        rng = np.random.default_rng(derive(self.seed, seen.tobytes().hex(), len(steps)))

        def posterior(walkers: Floats) -> Floats:
            return log_posterior(walkers, seen, steps)

        walkers = _start(self.walkers, posterior, rng)
        kept = np.empty((self.moves - self.dropped, *walkers.shape))
        density = posterior(walkers)
        for move in range(self.moves):
            stretch(walkers, density, posterior, rng)
            if move >= self.dropped:
                kept[move - self.dropped] = walkers
        flat = kept.reshape(-1, walkers.shape[1])
        chosen = (np.arange(self.particles) + 0.5) / self.particles * len(flat)
        return np.asarray(flat[chosen.astype(np.int64)])


def _start(walkers: int, posterior: Callable[[Floats], Floats], rng: np.random.Generator) -> Floats:
    """Choose draws of the prior, without repetition, by their likelihood (Gumbel's trick)."""
    drawn = np.column_stack([families.draw(_STARTS, rng), rng.normal(*families.NOISE, _STARTS)])
    prior = _log_prior(drawn)
    ranked = posterior(drawn) - prior + rng.gumbel(size=_STARTS)
    return drawn[np.argsort(-ranked, kind="stable")[:walkers]]


def stretch(
    walkers: Floats,
    density: Floats,
    posterior: Callable[[Floats], Floats],
    rng: np.random.Generator,
) -> None:
    """Move either half of the walkers along lines to random ones of the other half, in place."""
    half = len(walkers) // 2
    for moving, still in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
        factor = ((_STRETCH - 1.0) * rng.random(half) + 1.0) ** 2 / _STRETCH
        towards = walkers[still][rng.integers(half, size=half)]
        tried = towards + factor[:, None] * (walkers[moving] - towards)
        found = posterior(tried)
        gain = (walkers.shape[1] - 1) * np.log(factor) + found - density[moving]
        taken = np.log(rng.random(half)) < gain
        walkers[moving] = np.where(taken[:, None], tried, walkers[moving])
        density[moving] = np.where(taken, found, density[moving])


def _log_prior(walkers: Floats) -> Floats:
    """Return ``(n,)``: log densities but for a constant, before the constraint on the curve."""
    uniform = walkers[:, families.UNIFORM]
    inside = ((uniform >= families.LOW) & (uniform <= families.HIGH)).all(axis=1)
    normal = families.LOGARITHMS
    z = (walkers[:, normal.columns] - normal.means) / normal.deviations
    noise = (walkers[:, -1] - families.NOISE[0]) / families.NOISE[1]
    return np.where(inside, -0.5 * (z**2).sum(axis=1) - 0.5 * noise**2, -np.inf)


def log_posterior(walkers: Floats, seen: Floats, steps: Floats) -> Floats:
    """Return ``(n,)``: log densities of curves and noise, but for a constant.

    Args:
        walkers: ``(n, 13)`` parameters of curves and the logarithm of the noise.
        seen: ``(seen,)`` the observation.
        steps: ``(steps,)`` at all of which the curve must be possible.
    """
    found = _log_prior(walkers)
    some = np.flatnonzero(np.isfinite(found))
    curves = families.values(walkers[some, :-1], steps)
    with np.errstate(invalid="ignore"):
        possible = families.possible(curves)
        noise = walkers[some, -1]
        misfit = ((curves[:, : len(seen)] - seen) ** 2).sum(axis=1)
        likelihood = -len(seen) * noise - 0.5 * misfit * np.exp(-2.0 * noise)
    found[some] += np.where(possible, likelihood, -np.inf)
    return np.asarray(found)
