"""Every curve predictor: what holds for all, and that each is worth having."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, stdtr
from scipy.stats import norm

import nas
from nas import CurvePredictor
from nas_curves import families, mcmc
from nas_curves.pace import Pace
from nas_curves.regression import fit, student

NAMES = {
    "curve_bank": {"size": 5_000},
    "last_value": {},
    "lc_pfn": {},
    "least_squares": {},
    "mcmc": {"walkers": 26, "moves": 60, "dropped": 20, "particles": 200},
    "power_law": {},
}
EPOCHS = 30
predictors = pytest.mark.parametrize("name", list(NAMES))


def build(name: str) -> CurvePredictor:
    return nas.curve_predictor(name, **NAMES[name])


def curves(count: int, steps: int = EPOCHS, seed: int = 0) -> np.ndarray:
    return nas.curve_prior("domhan3").sample(count, steps, np.random.default_rng(seed)).values


@predictors
@pytest.mark.parametrize("known", [1, 2, 3, 12, EPOCHS - 1])
def test_any_number_of_steps(name: str, known: int) -> None:
    values = curves(3)
    found = build(name).predict(values[:, :known], EPOCHS)
    assert found.steps.tolist() == list(range(known + 1, EPOCHS + 1))
    shape = (3, EPOCHS - known)
    low, high = np.moveaxis(found.quantiles((0.05, 0.95)), 2, 0)
    assert low.shape == high.shape == shape
    assert (low < high).all()
    assert np.isfinite(found.log_density(values[:, known:])).all()
    value = values[:, known]
    exceeded = found.exceedance(value)
    assert ((exceeded >= 0) & (exceeded <= 1)).all()


@predictors
def test_the_same_arguments_give_the_same_posterior(name: str) -> None:
    values = curves(2)[:, :7]
    state = np.random.get_state()[1].tolist()
    one, again = build(name), build(name)
    first = one.predict(values, EPOCHS).exceedance(0.5)
    one.predict(1 - values, EPOCHS)
    assert (one.predict(values, EPOCHS).exceedance(0.5) == first).all()
    assert (again.predict(values, EPOCHS).exceedance(0.5) == first).all()
    assert np.random.get_state()[1].tolist() == state


@predictors
def test_curves_do_not_disturb_each_other(name: str) -> None:
    values = curves(3)[:, :6]
    together = build(name).predict(values, EPOCHS).quantiles([0.1, 0.9])
    alone = build(name).predict(values[1], EPOCHS).quantiles([0.1, 0.9])
    np.testing.assert_allclose(alone[0], together[1], atol=2e-5)


@predictors
def test_what_cannot_be_predicted(name: str) -> None:
    predictor = build(name)
    with pytest.raises(ValueError, match=r"step 2 of curve 0 is nan"):
        predictor.predict([[0.1, np.nan]], 5)
    with pytest.raises(ValueError, match="CurveScale"):
        predictor.predict([2.3, 2.2], 5)
    with pytest.raises(ValueError, match="epochs must be above the 2 steps that are known, not 2"):
        predictor.predict([0.1, 0.2], 2)
    with pytest.raises(ValueError, match="with one at least"):
        predictor.predict(np.empty((1, 0)), 5)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "mcmc"])
def test_odd_curves(name: str) -> None:
    """Constant, at the bounds, jumping, and out of [0, 1] by noise: finite, in order."""
    values = np.array([np.zeros(9), np.ones(9), np.full(9, 0.5), [0, 1] * 4 + [0], [1.1] * 9])
    for known in (1, 4, 9):
        found = build(name).predict(values[:, :known], 12)
        levels = found.quantiles((0.01, 0.5, 0.99))
        assert np.isfinite(levels).all()
        assert (np.diff(levels, axis=2) >= 0).all()


@pytest.mark.parametrize("name", ["curve_bank", "lc_pfn"])
@pytest.mark.parametrize("epochs", [2, 5, 51, 200, 201, 700])
def test_any_number_of_epochs(name: str, epochs: int) -> None:
    """The same curve, shown at another pace, is expected to end in the same place."""
    at = np.arange(1, epochs + 1) / epochs
    curve = 0.9 - 0.6 * np.exp(-6 * at) + 0.005 * np.random.default_rng(0).normal(size=epochs)
    known = max(1, epochs // 2)
    found = build(name).predict(curve[:known], epochs)
    assert len(found.steps) == epochs - known
    lowest, low, high, highest = found.quantiles((0.01, 0.1, 0.9, 0.99))[0, -1]
    assert lowest < curve[-1] < highest
    if known > 20:
        assert high - low < 0.2


def test_long_curves_are_seen_at_200_moments() -> None:
    pace = Pace(1_000)
    line = np.arange(1.0, 401.0)[None]
    np.testing.assert_allclose(pace.coarse(line), np.arange(5.0, 401.0, 5.0)[None])
    moments = pace.later(400, 80)
    assert len(moments) == 600
    assert (moments[0], moments[4], moments[5], moments[-1]) == (0, 0, 1, 119)
    np.testing.assert_allclose(pace.coarse(line[:, :3]), [[3.0]])
    np.testing.assert_allclose(Pace(300).coarse(line[:, :4]), [[1.5, 3.0]])


@pytest.mark.parametrize("name", ["curve_bank", "lc_pfn", "least_squares", "power_law"])
def test_better_than_that_nothing_changes(name: str) -> None:
    values = curves(60, 100)
    for known in (20, 60):
        found, plain = (
            build(n).predict(values[:, :known], 100).log_density(values[:, known:]).mean()
            for n in (name, "last_value")
        )
        assert found > plain + 0.5


@pytest.mark.parametrize("name", ["curve_bank", "lc_pfn"])
def test_intervals_hold_on_prior_curves(name: str) -> None:
    values = curves(100, 60)
    for known in (5, 30):
        low, high = np.moveaxis(
            build(name).predict(values[:, :known], 60).quantiles((0.05, 0.95)), 2, 0
        )
        inside = ((values[:, known:] > low) & (values[:, known:] < high)).mean()
        assert 0.85 < inside < 0.98


def test_chains_and_weights_agree() -> None:
    """Two ways to the same posterior; chains of this length only come near it."""
    values = curves(3, 20, seed=5)[:, :10]
    chains = nas.curve_predictor("mcmc", walkers=40, moves=1_200, dropped=400)
    departures = dict.fromkeys(("drift", "rise", "stall", "fall", "surprise"), 0.0)
    weights = nas.curve_predictor("curve_bank", **departures)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    one, other = (p.predict(values, 20).quantiles(levels) for p in (chains, weights))
    assert (one[:, :, 2] > other[:, :, 0]).all()
    assert (one[:, :, 2] < other[:, :, 4]).all()
    widths = (one[:, :, 3] - one[:, :, 1]) / (other[:, :, 3] - other[:, :, 1])
    assert ((widths > 1 / 3) & (widths < 3)).all()


def test_stretch_moves_sample_what_they_are_told() -> None:
    covariance = np.array([[1.0, 0.9], [0.9, 1.0]])
    precision = np.linalg.inv(covariance)

    def density(walkers: np.ndarray) -> np.ndarray:
        return -0.5 * np.sum((walkers - 3) @ precision * (walkers - 3), axis=1)

    rng = np.random.default_rng(0)
    walkers = rng.normal(size=(40, 2))
    logs, kept = density(walkers), []
    for move in range(3_000):
        mcmc.stretch(walkers, logs, density, rng)
        if move >= 300:
            kept.append(walkers.copy())
    found = np.concatenate(kept)
    np.testing.assert_allclose(found.mean(axis=0), 3, atol=0.05)
    np.testing.assert_allclose(np.cov(found.T), covariance, atol=0.06)


def test_log_posterior_is_prior_times_likelihood() -> None:
    rng = np.random.default_rng(0)
    drawn = np.column_stack([families.draw(400, rng), rng.normal(-4, 1, 400)])
    drawn[::7, 3] += 2  # outside the prior
    steps, seen = np.arange(1.0, 9.0), np.array([0.4, 0.5, 0.55])
    found = mcmc.log_posterior(drawn, seen, steps)
    means = families.values(drawn[:, :-1], steps)
    stds = np.exp(drawn[:, -1:])
    expected = norm.logpdf(seen, means[:, :3], stds).sum(axis=1) + norm.logpdf(drawn[:, -1], -4, 1)
    for column, mean, std in ((5, 0, 2), (10, -2, 1), (11, 0, 0.5)):
        expected += norm.logpdf(drawn[:, column], mean, std)
    allowed = families.possible(means)
    allowed[::7] = False
    assert 10 < allowed.sum() < 390
    assert (found[~allowed] == -np.inf).all()
    difference = (found - expected)[allowed]
    np.testing.assert_allclose(difference, difference[0], atol=1e-6)


def test_regression_is_that_of_the_normal_equations() -> None:
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(9), rng.normal(size=9)])
    seen = rng.normal(0.5, 0.2, (2, 6))
    found = fit(seen, design, np.array([0.6, 0.0]))
    for curve in range(2):
        ridge = np.sqrt(1e-3)
        rows = np.vstack([design[:6], ridge * np.eye(2)])
        targets = np.concatenate([seen[curve], ridge * np.array([0.6, 0.0])])
        best = np.linalg.lstsq(rows, targets, rcond=None)[0]
        np.testing.assert_allclose(found.means[curve], design[6:] @ best, atol=1e-10)
        left = ((targets - rows @ best) ** 2).sum()
        spread = 1 + np.sum(design[6:] @ np.linalg.inv(rows.T @ rows) * design[6:], axis=1)
        expected = (0.02**2 + left) / 7 * spread
        np.testing.assert_allclose(found.scales[curve], expected, rtol=1e-8)


def test_students_t_is_a_mixture_of_normals() -> None:
    for freedom in (2.0, 5.0, 40.0):
        for value in (0.5, 1.0, 2.0):
            found = ndtr(value / student(freedom)).mean()
            assert found == pytest.approx(stdtr(freedom, value), abs=0.01)
