"""Scales that a metric is learnt on: there and back, and what is lost on no way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_predictors.scores import NormalScores
from nas_predictors.targets import TARGETS, Logarithm, Standardised

values = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=30)
positive = st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=30)


@given(values)
def test_normal_scores_keep_order_and_ties_and_lead_back(drawn: list[float]) -> None:
    array = np.array(drawn)
    scores = NormalScores(array)
    for i, j in np.ndindex(len(array), len(array)):
        assert (array[i] < array[j]) == (scores.training[i] < scores.training[j])
    mean, std = scores.moments(scores.training, np.zeros(len(array)))
    assert mean == pytest.approx(array)
    assert std == pytest.approx(np.zeros(len(array)), abs=1e-6)


def test_moments_of_normal_scores_are_those_of_the_distribution_carried_back() -> None:
    draws = np.random.default_rng(0)
    scores = NormalScores(draws.exponential(size=400))
    centre, width = np.array([-0.5, 0.0, 1.0]), np.array([0.3, 1.0, 0.5])
    mean, std = scores.moments(centre, width)
    for i in range(3):
        many = draws.normal(centre[i], width[i], 20_000)
        carried, _ = scores.moments(many, np.zeros(len(many)))
        assert mean[i] == pytest.approx(carried.mean(), rel=0.05)
        assert std[i] == pytest.approx(carried.std(), rel=0.1)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=30))
def test_raw_values_lead_back_whatever_their_size(drawn: list[float]) -> None:
    array = np.array(drawn)
    scale = Standardised(array)
    assert np.isfinite(scale.training).all()
    mean, std = scale.moments(scale.training, np.zeros(len(array)))
    assert mean == pytest.approx(array, rel=1e-9, abs=1e-9 * np.abs(array).max())
    assert (std == 0).all()


def test_the_raw_standard_deviation_is_in_the_unit_of_the_metric() -> None:
    scale = Standardised(np.array([10.0, 14.0]))
    assert scale.training == pytest.approx([-1, 1])
    assert scale.moments(np.zeros(1), np.ones(1)) == (12.0, 2.0)


@given(positive)
def test_logarithms_lead_back(drawn: list[float]) -> None:
    array = np.array(drawn)
    scale = Logarithm(array)
    mean, std = scale.moments(scale.training, np.zeros(len(array)))
    assert mean == pytest.approx(array, rel=1e-9)
    assert (std == 0).all()


def test_moments_of_logarithms_are_log_normal() -> None:
    draws = np.random.default_rng(0)
    scale = Logarithm(np.exp(draws.normal(2, 0.7, 500)))
    centre, width = np.array([-0.5, 0.0, 1.0]), np.array([0.3, 1.0, 0.5])
    mean, std = scale.moments(centre, width)
    for i in range(3):
        many = draws.normal(centre[i], width[i], 100_000)
        carried, _ = scale.moments(many, np.zeros(len(many)))
        assert mean[i] == pytest.approx(carried.mean(), rel=0.02)
        assert std[i] == pytest.approx(carried.std(), rel=0.05)


def test_logarithms_of_anything_stay_finite() -> None:
    scale = Logarithm(np.array([1e-300, 1e300]))
    mean, std = scale.moments(np.array([0.0, 1e3, -1e3]), np.array([10.0, 1e3, 0.0]))
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
    assert (std >= 0).all()


@pytest.mark.parametrize("wrong", [0.0, -2.5])
def test_logarithms_are_of_positive_values(wrong: float) -> None:
    with pytest.raises(ValueError, match=rf"value 1 is {wrong:g}; take 'normal' or 'raw'"):
        Logarithm(np.array([1.0, wrong]))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("value", [0.1, 1e300, 3.0])
@pytest.mark.parametrize("count", [1, 7])
def test_equal_values_are_all_that_is_ever_predicted(name: str, value: float, count: int) -> None:
    scale = TARGETS[name](np.full(count, value))
    assert scale.training == pytest.approx(np.zeros(count))
    mean, std = scale.moments(np.array([-3.0, 0.0, 3.0]), np.array([0.0, 1.0, 2.0]))
    assert mean == pytest.approx(np.full(3, value))
    assert std == pytest.approx(np.zeros(3), abs=1e-9 * value)
