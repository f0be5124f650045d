"""Priors of learning curves: the published formula, its constraint, and departures from it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nas
from nas_curves import departures, families


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def naive(p: np.ndarray, step: int) -> float:
    """The published sum of three families, one number at a time."""
    w1, w2, w3, c1, a1, log_alpha, c2, a2, a3, b3, log_k, log_delta = map(float, p)
    pow3 = c1 - a1 * step ** -math.exp(log_alpha)
    ilog2 = c2 - a2 / math.log(step + 1)
    janoschek = a3 - (a3 - b3) * math.exp(-math.exp(log_k) * step ** math.exp(log_delta))
    return w1 * pow3 + w2 * ilog2 + w3 * janoschek


def test_families_are_the_published_ones() -> None:
    parameters = families.draw(200, rng())
    found = families.values(parameters, np.array([1.0, 2.0, 7.0, 100.0]))
    expected = [[naive(p, step) for step in (1, 2, 7, 100)] for p in parameters]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_parameters_have_the_published_priors() -> None:
    p = families.draw(100_000, rng())
    low, high = np.zeros(12), np.ones(12)
    high[[3, 4, 7, 9]], low[[4, 7]] = (1.25, 0.6, 0.5, 2.0), (-0.6, -0.5)
    for column in (0, 1, 2, 3, 4, 6, 7, 8, 9):
        ends = np.quantile(p[:, column], [0.001, 0.5, 0.999])
        middle = (low[column] + high[column]) / 2
        np.testing.assert_allclose(ends, [low[column], middle, high[column]], atol=0.02)
    for column, mean, std in ((5, 0, 2), (10, -2, 1), (11, 0, 0.5)):
        assert p[:, column].mean() == pytest.approx(mean, abs=0.03)
        assert p[:, column].std() == pytest.approx(std, rel=0.02)


def test_about_one_draw_in_five_is_kept() -> None:
    """As it was measured with the published code: 4.8 draws a curve."""
    curves = families.values(families.draw(20_000, rng()), np.arange(1.0, 101.0))
    assert 1 / families.possible(curves).mean() == pytest.approx(4.8, abs=0.2)


@pytest.mark.parametrize("steps", [2, 3, 12, 100])
def test_curves_stay_within_and_end_above(steps: int) -> None:
    means, noise, values = nas.curve_prior("domhan3").sample(3_000, steps, rng())
    assert means.shape == values.shape == (3_000, steps)
    assert ((means >= 0) & (means <= 1)).all()
    assert (means[:, -1] > means[:, 0]).all()
    assert np.log(noise).mean() == pytest.approx(-4, abs=0.1)
    assert np.log(noise).std() == pytest.approx(1, abs=0.1)
    z = (values - means) / noise[:, None]
    assert (z.mean(), z.std()) == pytest.approx((0, 1), abs=0.05)


@pytest.mark.parametrize("name", ["domhan3", "drifting"])
def test_the_same_seed_gives_the_same_curves(name: str) -> None:
    prior = nas.curve_prior(name)
    state = np.random.get_state()[1].tolist()
    one, same, other = (prior.sample(50, 20, rng(seed)) for seed in (1, 1, 2))
    assert (one.values == same.values).all()
    assert not (one.values == other.values).any()
    assert np.random.get_state()[1].tolist() == state


def test_drifting_without_departures_is_domhan3() -> None:
    pure = nas.curve_prior("drifting", drift=0.0, rise=0.0, stall=0.0, fall=0.0)
    one, other = pure.sample(40, 10, rng(3)), nas.curve_prior("domhan3").sample(40, 10, rng(3))
    assert (one.means == other.means).all()
    np.testing.assert_allclose(one.values, other.values, atol=1e-15)


@pytest.mark.parametrize("kind", ["drift", "rise", "stall", "fall"])
def test_departures_stay_within(kind: str) -> None:
    shares = dict.fromkeys(("drift", "rise", "stall", "fall"), 0.0) | {kind: 1.0}
    means = nas.curve_prior("drifting", **shares).sample(500, 30, rng()).means
    assert ((means >= 0) & (means <= 1)).all()
    falls = (np.diff(means, axis=1) < -0.05).any(axis=1).mean()
    assert falls > 0.2 if kind in ("drift", "fall") else falls < 0.5


def test_rises_gain_and_end_higher() -> None:
    means = nas.curve_prior("domhan3").sample(500, 40, rng()).means
    changed = departures.rise(means, rng(1))
    assert (changed >= means).all()
    gain = changed - means
    assert (np.diff(gain / (1 - means + 1e-12), axis=1) >= -1e-9).all()


def test_stalls_stay_and_falls_drop_for_good() -> None:
    means = nas.curve_prior("domhan3").sample(400, 25, rng()).means
    stalled, since = departures.stall(means, rng(1))
    for before, after, last in zip(means, stalled, since, strict=True):
        assert (after[:last] == before[:last]).all()
        assert (after[last:] == before[last - 1]).all()
    fallen, since = departures.fall(means, rng(1))
    for before, after, last in zip(means, fallen, since, strict=True):
        assert (after[:last] == before[:last]).all()
        assert (after[last:] == after[-1]).all()
        assert last == 25 or after[-1] <= before[last - 1]
    assert 0.5 < (since == 1).mean() < 0.7
    assert 0.4 < (fallen[since < 25, -1] == 0).mean() < 0.6


def test_drift_is_an_integrated_random_walk() -> None:
    """Against sums over a fine grid: Cov(s, t) = integral of (s - u)(t - u) up to the lesser."""
    grid = (np.arange(20_000) + 0.5) / 20_000 * 6
    expected = np.array(
        [
            [np.mean(np.maximum(s - grid, 0) * np.maximum(t - grid, 0)) * 6 for t in range(1, 7)]
            for s in range(1, 7)
        ]
    )
    expected /= expected[-1, -1]
    np.testing.assert_allclose(departures.drift_covariance(6), expected, atol=1e-6)
    paths = departures.drift(100_000, 6, rng())
    np.testing.assert_allclose(paths.T @ paths / len(paths), expected, atol=0.02)


def test_shares_that_make_no_sense() -> None:
    with pytest.raises(nas.ComponentError, match=r"rise must be a probability from 0 to 1, not 2"):
        nas.curve_prior("drifting", rise=2)
    with pytest.raises(nas.ComponentError, match="must be at most 1"):
        nas.curve_prior("drifting", rise=0.6, stall=0.6)
