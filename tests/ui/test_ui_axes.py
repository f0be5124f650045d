"""What the axes of a plot show before anybody zooms."""

from __future__ import annotations

import numpy as np
import pytest

from nas.ui.choosing import Axis
from nas.ui.points import axis_of

USUAL = np.linspace(0.1, 0.2, 40)
NOBODY = np.array([])


@pytest.mark.parametrize(("better", "far"), [("lower", 0.9), ("higher", -0.9)])
def test_a_few_far_worse_values_are_beyond(better: str, far: float) -> None:
    axis = Axis("metric:m", "m", better=better)
    low, high = axis_of(axis, False, np.append(USUAL, far), NOBODY)["range"]
    assert low < 0.1 < 0.2 < high
    assert not low < far < high


@pytest.mark.parametrize(("better", "far"), [("lower", -0.9), ("higher", 0.9)])
def test_what_is_far_better_is_shown(better: str, far: float) -> None:
    axis = Axis("metric:m", "m", better=better)
    assert "range" not in axis_of(axis, False, np.append(USUAL, far), NOBODY)


def test_the_front_is_shown_however_far_it_goes() -> None:
    low, high = axis_of(
        Axis("metric:m", "m", better="lower"),
        False,
        np.append(USUAL, [0.9, 1.5]),
        np.array([0.1, 0.9]),
    )["range"]
    assert low < 0.1
    assert 0.9 < high < 1.5


@pytest.mark.parametrize(
    ("better", "log", "values"),
    [
        ("", False, np.append(USUAL, 0.9)),
        ("lower", True, np.append(USUAL, 0.9)),
        ("lower", False, USUAL),
        ("lower", False, np.append(USUAL, np.full(20, 0.9))),
        ("lower", False, NOBODY),
    ],
    ids=["no direction", "logarithmic", "nothing far", "many far", "nothing"],
)
def test_else_everything_is(better: str, log: bool, values: np.ndarray) -> None:
    assert "range" not in axis_of(Axis("metric:m", "m", better=better), log, values, NOBODY)
