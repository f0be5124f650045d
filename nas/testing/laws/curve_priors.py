"""Laws of priors over learning curves."""

from __future__ import annotations

import numpy as np

import nas
from nas.seeds import Rng
from nas.testing.law import law, require
from nas.testing.state import generators_untouched
from nas.testing.subject import Subject
from nas.testing.tries import for_all, one_of


def _drawn(subject: Subject, curves: int, steps: int, seed: int = 0) -> nas.CurveSamples:
    prior: nas.CurvePrior = subject.build()
    return prior.sample(curves, steps, np.random.default_rng(seed))


@law("curve_prior")
def draws_normalised_curves(subject: Subject) -> None:
    """Means lie in [0, 1], noise is not negative, all is finite and of the declared shapes."""

    def holds(rng: Rng) -> None:
        curves, steps = one_of((1, 5, 30), rng), one_of((2, 3, 40), rng)
        found = _drawn(subject, curves, steps, one_of(range(100), rng))
        shapes = {"means": (curves, steps), "noise": (curves,), "values": (curves, steps)}
        for name, shape in shapes.items():
            array = np.asarray(getattr(found, name))
            asked = f"of {curves} curves at {steps} steps"
            require(array.shape == shape, f"{name} {asked} have the shape {array.shape}")
            require(np.isfinite(array).all(), f"{name} {asked} are not all finite")
        inside = bool(((found.means >= 0) & (found.means <= 1)).all())
        require(inside, f"means lie from {found.means.min():g} to {found.means.max():g}")
        require((found.noise >= 0).all(), f"a standard deviation is {found.noise.min():g}")

    for_all(holds, 12)


@law("curve_prior")
def its_generator_decides(subject: Subject) -> None:
    """The same generator draws the same curves, another one others."""
    first, again, other = (_drawn(subject, 4, 10, seed).values for seed in (0, 0, 1))
    require(np.array_equal(first, again), "the same seed has drawn other curves")
    require(not np.array_equal(first, other), "another seed has drawn the same curves")


@law("curve_prior")
def leaves_random_state(subject: Subject) -> None:
    """The global random generators are left as they were."""
    with generators_untouched():
        _drawn(subject, 4, 10)


@law("curve_prior")
def observations_have_its_noise(subject: Subject) -> None:
    """Observed values are off their means by the noise that is declared, in the mean."""
    found = _drawn(subject, 200, 30)
    off = np.asarray(found.values) - found.means
    scale = float(np.sqrt(np.mean(off**2)))
    declared = float(np.sqrt(np.mean(np.square(found.noise))))
    said = f"values are {scale:.3g} off their means, the noise says {declared:.3g}"
    require(0.7 * declared <= scale <= 1.3 * declared + 1e-9, said)
