"""Scales of learning curves: laws, the published formula, and what cannot be scaled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.abstract.curve_scale import CurveScale

DIRECTIONS = ("minimize", "maximize")
shares = st.floats(0.02, 0.98)


@st.composite
def scales(draw: st.DrawFn) -> CurveScale:
    soft_low = draw(st.floats(-1e3, 1e3))
    width = draw(st.floats(1e-2, 1e3))
    low = draw(st.sampled_from([-math.inf, soft_low, soft_low - width]))
    soft_high = soft_low + width
    high = draw(st.sampled_from([math.inf, soft_high, soft_high + 3 * width]))
    return CurveScale(draw(st.sampled_from(DIRECTIONS)), low, high, soft_low, soft_high)


@given(scales(), shares)
def test_there_and_back(scale: CurveScale, share: float) -> None:
    assert scale.normalise(scale.restore(share)) == pytest.approx(share, abs=1e-9)


@given(scales(), shares, shares)
def test_order_is_kept_and_higher_is_better(scale: CurveScale, one: float, other: float) -> None:
    better = scale.restore(max(one, other))
    worse = scale.restore(min(one, other))
    sign = 1 if scale.direction == "maximize" else -1
    assert sign * better >= sign * worse


@given(scales())
def test_hard_bounds_are_the_ends(scale: CurveScale) -> None:
    ends = scale.normalise([scale.low, scale.high])
    assert list(ends) == ([0, 1] if scale.direction == "maximize" else [1, 0])


@given(scales(), st.floats(0, 1))
def test_published_formula(scale: CurveScale, share: float) -> None:
    """c / (1 + exp(-a (x - b))) + d, a = 2 / (u_soft - l_soft), reflected if minimised."""
    value = scale.soft_low + share * (scale.soft_high - scale.soft_low)
    slope = 2 / (scale.soft_high - scale.soft_low)
    middle = (scale.soft_high + scale.soft_low) / 2

    def logistic(x: float) -> float:
        z = -slope * (x - middle)
        return 0.0 if z > 700 else 1 / (1 + math.exp(z))

    low, high = logistic(scale.low), logistic(scale.high)
    expected = (logistic(value) - low) / (high - low)
    expected = expected if scale.direction == "maximize" else 1 - expected
    value = min(max(value, scale.low), scale.high)
    assert float(scale.normalise(value)) == pytest.approx(expected, abs=1e-6)


def test_an_accuracy_stays_nearly_what_it_is() -> None:
    scale = CurveScale.between(0, 1, "maximize")
    values = np.linspace(0, 1, 101)
    assert np.abs(scale.normalise(values) - values).max() < 0.02
    percent = CurveScale.between(0, 100, "minimize")
    assert percent.normalise(25.0) == pytest.approx(1 - float(scale.normalise(0.25)))


def test_cross_entropy_as_in_the_paper() -> None:
    scale = CurveScale.seen([[2.3, 1.0, 0.5], [2.5, 1.9]], "minimize", low=0)
    assert scale == CurveScale("minimize", 0, math.inf, 0, 2.4)
    first = (math.tanh(0.5) + math.tanh(0.5)) / (1 + math.tanh(0.5))
    assert scale.normalise(2.4) == pytest.approx(1 - first)
    assert scale.normalise([0, math.inf]).tolist() == [1, 0]


def test_unbounded_either_way() -> None:
    reward = CurveScale.seen([[-200, -50, 10]], "maximize")
    assert (reward.soft_low, reward.soft_high) == (-200, 10)
    assert 0 < reward.normalise(-500) < reward.normalise(500) < 1
    loss = CurveScale.seen([[5.0, -3.0, math.nan]], "minimize")
    assert (loss.soft_low, loss.soft_high) == (-3, 5)


def test_a_huge_first_value_does_not_flatten_the_rest() -> None:
    scale = CurveScale.seen([[1e6, 2.0, 1.5, 1.2, 1.0]], "minimize", low=0)
    assert scale.normalise(1.0) - scale.normalise(2.0) > 0.01


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("curve", [[0.0], [3.0, 3.0], [-1.0], [2.0, 5.0, 1.0]])
@pytest.mark.parametrize("bounds", [(None, None), (-1.0, None), (None, 5.0), (-1.0, 5.0)])
def test_any_curve_gives_a_scale(
    direction: str, curve: list[float], bounds: tuple[float | None, float | None]
) -> None:
    scale = CurveScale.seen([curve], direction, *bounds)  # type: ignore[arg-type]
    inside = scale.normalise(curve)
    assert ((inside >= 0) & (inside <= 1)).all()
    assert scale.restore(inside) == pytest.approx(np.array(curve), abs=1e-6)


def test_what_cannot_be_scaled() -> None:
    with pytest.raises(ValueError, match=r"within the bounds 0 to 1, not 1\.5"):
        CurveScale.between(0, 1, "maximize").normalise([0.5, 1.5])
    with pytest.raises(ValueError, match="not nan"):
        CurveScale.between(0, 1, "maximize").normalise(math.nan)
    with pytest.raises(ValueError, match="needs one finite value"):
        CurveScale.seen([[math.nan], []], "minimize", low=0)
    with pytest.raises(ValueError, match="must be ordered"):
        CurveScale.between(1, 0, "maximize")
    with pytest.raises(ValueError, match="direction must be"):
        CurveScale.between(0, 1, "up")  # type: ignore[arg-type]
