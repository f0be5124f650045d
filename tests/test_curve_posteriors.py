"""Posteriors of learning curves: what must hold of any, and what cannot be asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.abstract.learning_curve import CurvePosterior
from nas_curves.binned import BinnedPosterior, Bins
from nas_curves.mixtures import NormalMixture, with_surprises

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def mixture(seed: int) -> NormalMixture:
    draws = np.random.default_rng(seed)
    curves, components, steps = 3, int(draws.integers(1, 9)), int(draws.integers(1, 5))
    weights = draws.dirichlet(np.full(components, 0.5), curves)
    means = draws.random((curves, components, steps))
    stds = np.exp(draws.normal(-4, 1.5, means.shape))
    return NormalMixture(np.arange(steps) + 4, weights, means, stds)


def binned(seed: int) -> BinnedPosterior:
    draws = np.random.default_rng(seed)
    curves, steps, bins = 3, int(draws.integers(1, 5)), int(draws.integers(4, 40))
    shares = draws.dirichlet(np.full(bins, 0.7), (curves, steps)).astype(np.float32)
    return BinnedPosterior(
        np.arange(steps) + 4,
        Bins.of(draws.standard_t(3, 2_000), bins),
        shares,
        draws.random((curves, steps)),
        np.exp(draws.normal(-4, 1, (curves, steps))),
    )


KINDS = {
    "mixture": mixture,
    "surprises": lambda seed: with_surprises(mixture(seed), 0.05),
    "binned": binned,
}
kinds = pytest.mark.parametrize("kind", list(KINDS))
seeds = st.integers(0, 10_000)


@kinds
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_quantiles_increase_and_are_exceeded_as_they_say(kind: str, seed: int) -> None:
    posterior: CurvePosterior = KINDS[kind](seed)
    found = posterior.quantiles(LEVELS)
    assert found.shape == (3, len(posterior.steps), len(LEVELS))
    assert (np.diff(found, axis=2) >= 0).all()
    for step in range(len(posterior.steps)):
        for index, level in enumerate(LEVELS):
            exceeded = posterior.exceedance(found[:, step, index])[:, step]
            assert exceeded == pytest.approx(1 - level, abs=1e-5)


@kinds
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_exceedance_falls_from_one_to_nothing(kind: str, seed: int) -> None:
    posterior: CurvePosterior = KINDS[kind](seed)
    found = np.stack([posterior.exceedance(value) for value in np.linspace(-1, 2, 60)])
    assert (np.diff(found, axis=0) <= 1e-9).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert posterior.exceedance(-1e6) == pytest.approx(1, abs=1e-5)
    assert posterior.exceedance(1e6) == pytest.approx(0, abs=1e-5)


@kinds
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_density_is_the_slope_of_the_distribution(kind: str, seed: int) -> None:
    posterior: CurvePosterior = KINDS[kind](seed)
    width = 1e-7
    for at in np.moveaxis(posterior.quantiles((0.123, 0.456, 0.789)), 2, 0):
        for step, values in enumerate(at.T):
            below, above = (posterior.exceedance(values + w)[:, step] for w in (-width, width))
            found = np.exp(posterior.log_density(at)[:, step])
            assert found == pytest.approx((below - above) / (2 * width), rel=0.01, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_impossible_in_bins(seed: int) -> None:
    posterior = binned(seed)
    shape = (3, len(posterior.steps))
    for value in (-1e3, 1e3):
        assert (posterior.log_density(np.full(shape, value)) > -40).all()


def test_a_mixture_with_surprises_expects_them() -> None:
    sharp = NormalMixture(
        np.array([2]), np.ones((1, 1)), np.full((1, 1, 1), 0.5), np.full((1, 1, 1), 1e-4)
    )
    far = np.array([[0.9]])
    assert sharp.log_density(far) < -1e6
    assert with_surprises(sharp, 0.01).log_density(far) > -10
    assert with_surprises(sharp, 0.01).log_density(np.array([[0.5]])) == pytest.approx(
        sharp.log_density(np.array([[0.5]])), abs=0.02
    )


@kinds
def test_what_cannot_be_asked(kind: str) -> None:
    posterior: CurvePosterior = KINDS[kind](0)
    for levels in ((), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0)):
        with pytest.raises(ValueError, match="levels must increase and lie within"):
            posterior.quantiles(levels)
    with pytest.raises(ValueError, match="one for each of 3 curves"):
        posterior.exceedance(np.zeros(2))
    with pytest.raises(ValueError, match="one for each of 3 curves"):
        posterior.exceedance(float("nan"))
    with pytest.raises(ValueError, match="values must be"):
        posterior.log_density(np.zeros((3, 99)))
