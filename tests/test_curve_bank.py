"""``curve_bank`` against sums over every curve and noise, and against exact conditioning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import ndtr

import nas
from nas import CurvePrior, CurveSamples
from nas_curves.bank import Bank, NoiseGrid
from nas_curves.curve_bank import CurveBank
from nas_curves.reweighting import Posterior, systematic

PURE = {"drift": 0.0, "rise": 0.0, "stall": 0.0, "fall": 0.0, "surprise": 0.0}
STEPS = 12


@dataclass
class Lines(CurvePrior):
    """Straight lines: a level and a slope, both normal; so every posterior is known."""

    noise: float = 0.05

    def sample(self, curves: int, steps: int, rng: np.random.Generator) -> CurveSamples:
        at = np.linspace(0, 1, steps)
        means = rng.normal(0.5, 0.1, (curves, 1)) + rng.normal(0, 0.1, (curves, 1)) * at
        noise = np.full(curves, self.noise)
        return CurveSamples(means, noise, means + rng.normal(0, self.noise, means.shape))


def on_lines(noise: float, **more: object) -> CurveBank:
    bank = CurveBank(**{**PURE, "particles": 4_000, **more})  # type: ignore[arg-type]
    bank.used = (Lines(noise),)
    return bank


def exact(seen: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of later observations, by normal conditioning."""
    at = np.linspace(0, 1, STEPS)
    whole = 0.01 * (1 + np.outer(at, at)) + noise**2 * np.eye(STEPS)
    known = len(seen)
    slopes = np.linalg.solve(whole[:known, :known], whole[:known, known:]).T
    mean = 0.5 + slopes @ (seen - 0.5)
    return mean, np.sqrt(np.diag(whole[known:, known:] - slopes @ whole[:known, known:]))


def test_weights_are_those_of_every_curve_and_noise() -> None:
    rng = np.random.default_rng(0)
    prior = nas.curve_prior("domhan3")
    drawn = prior.sample(800, STEPS, rng)
    means, grid = drawn.means.astype(np.float32), NoiseGrid.of(drawn.noise, 26)
    seen = drawn.means[17, :2] + [0.02, -0.03]
    found = Posterior(Bank(means, grid), seen)
    expected = []
    for std, log_prior in zip(*grid, strict=True):
        total = sum(
            np.exp(-0.5 * sum((y - m) ** 2 for y, m in zip(seen, curve, strict=False)) / std**2)
            for curve in means.astype(float)
        )
        with np.errstate(divide="ignore"):
            expected.append(log_prior - len(seen) * np.log(std) + np.log(total / len(means)))
    resolved = np.arange(len(grid.stds)) >= found.coarse
    used = resolved & np.isfinite(found.evidence)
    assert used.sum() >= 4
    np.testing.assert_allclose(found.evidence[used], np.array(expected)[used], rtol=1e-4)
    assert (np.array(expected)[resolved & ~used] < max(expected) - 11).all()


def test_exceedance_is_the_sum_over_the_bank() -> None:
    rng, noise = np.random.default_rng(1), 0.08
    bank = on_lines(noise, size=3_000)
    seen = Lines(noise).sample(1, STEPS, rng).values[0, :4]
    means = bank._shares(STEPS)[0].bank.means.astype(float)
    weights = np.exp(-0.5 * ((means[:, :4] - seen) ** 2).sum(axis=1) / noise**2)
    weights /= weights.sum()
    for value in (0.3, 0.5, 0.7):
        expected = weights @ ndtr((means[:, 4:] - value) / noise)
        found = bank.predict(seen, STEPS).exceedance(value)[0]
        np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("noise", [0.1, 0.02, 0.002, 0.0002])
@pytest.mark.parametrize("known", [1, 2, 6, 11])
def test_exact_conditioning_whatever_the_noise(noise: float, known: int) -> None:
    """Where the noise is low no line of the bank fits; moved ones do."""
    seen = Lines(noise).sample(1, STEPS, np.random.default_rng(known)).values[0, :known]
    mean, std = exact(seen, noise)
    found = on_lines(noise, size=20_000).predict(seen, STEPS)
    low, middle, high = np.moveaxis(found.quantiles((0.1587, 0.5, 0.8413))[0], 1, 0)
    np.testing.assert_allclose((middle - mean) / std, 0, atol=0.25)
    np.testing.assert_allclose((high - low) / 2 / std, 1, atol=0.25)


def test_a_step_more_gives_the_same_as_all_at_once() -> None:
    values = nas.curve_prior("domhan3").sample(3, 30, np.random.default_rng(2)).values
    stepwise, fresh = (nas.curve_predictor("curve_bank", size=2_000) for _ in range(2))
    for known in (3, 4, 7, 8, 20):
        one = stepwise.predict(values[:, :known], 30)
        again = stepwise.predict(values[:, :known], 30)
        assert (one.exceedance(0.5) == again.exceedance(0.5)).all()
    other = fresh.predict(values[:, :20], 30)
    assert (one.exceedance(0.5) == other.exceedance(0.5)).all()
    single = fresh.predict(values[1, :20], 30)
    np.testing.assert_allclose(single.exceedance(0.5), other.exceedance(0.5)[1:2], rtol=1e-12)


def test_curves_that_no_family_has() -> None:
    """Dead from the start, crashed, and on a steady climb: the medians follow what is seen."""
    bank = nas.curve_predictor("curve_bank", size=5_000)
    pure = nas.curve_predictor("curve_bank", size=5_000, **PURE)
    wiggle = 1e-4 * np.random.default_rng(0).normal(size=40)
    dead = np.full(40, 0.1) + wiggle
    crashed = np.where(np.arange(40) < 2, 0.4, 0.05) + wiggle
    slow = 0.2 + 0.6 * (np.arange(40) / 40) ** 3 + 10 * wiggle
    for curve, known in ((dead, 6), (crashed, 8), (slow, 28)):
        miss, other = (
            np.abs(p.predict(curve[:known], 40).quantiles([0.5])[0, :, 0] - curve[known:]).mean()
            for p in (bank, pure)
        )
        assert miss < other
        assert miss < 0.1


def test_systematic_samples_are_as_even_as_can_be() -> None:
    weights = np.random.default_rng(0).dirichlet(np.full(50, 0.3))
    counts = np.bincount(systematic(weights, 1_000), minlength=50)
    assert (np.abs(counts - 1_000 * weights) <= 1 + 1e-6).all()


def test_noise_of_a_prior() -> None:
    grid = NoiseGrid.of(np.exp(np.random.default_rng(0).normal(-4, 1, 10_000)), 26)
    assert np.exp(grid.log_prior).sum() == pytest.approx(1)
    assert np.exp(grid.log_prior) @ np.log(grid.stds) == pytest.approx(-4, abs=0.05)
    single = NoiseGrid.of(np.full(5, 0.03), 26)
    assert (single.stds[0], np.exp(single.log_prior).tolist()[:2]) == (pytest.approx(0.03), [1, 0])
    with pytest.raises(ValueError, match="noise of a prior must be positive"):
        NoiseGrid.of(np.array([0.1, 0.0]), 26)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"size": 10}, "size must be a whole number of at least 1000"),
        ({"rise": 0.7, "drift": 0.4}, "must be below 1"),
        ({"stall": -0.1}, "stall must be a finite number of at least 0"),
        ({"prior": 3}, "a curve_prior is a name"),
        ({"prior": "domhan"}, "Did you mean 'domhan3'"),
        ({"sise": 3}, "sise"),
    ],
)
def test_parameters_that_make_no_sense(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(nas.ComponentError, match=said):
        nas.curve_predictor("curve_bank", **parameters)
