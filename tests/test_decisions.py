"""What decisions, members, texts and positions are refused, and what the message says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nas import Architecture, Categorical, Grid, Integer, Space, SpaceError


@dataclass(frozen=True)
class Toy(Space):
    """Any decisions; never built."""

    decisions: Sequence[Categorical | Integer] = ()  # type: ignore[assignment]
    input_shape: tuple[int, ...] = (1,)
    classes: int = 2

    def build(self, architecture: Architecture) -> Any:
        raise NotImplementedError


TWO = Toy((Categorical("op", ("conv", "pool")), Integer("width", 8, 16, 8, when={"op": ["conv"]})))


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({"op": "conv"}, "'width' is missing"),
        ({"op": "conf", "width": 8}, "'op' cannot be 'conf'; it is one of 'conv', 'pool'"),
        ({"op": "conv", "width": 9}, "'width' cannot be 9; it is one of 16, 8"),
        ({"op": ["conv"], "width": 8}, r"'op' cannot be \['conv'\]"),
        ({"op": "conv", "width": math.nan}, "'width' cannot be nan"),
        ({"op": "pool", "width": 8}, "'width' is not active here"),
        ({"op": "pool", "widht": 8}, "'widht' is no decision. Did you mean 'width'?"),
    ],
)
def test_what_is_no_member_is_named(decisions: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        TWO.architecture(decisions)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"op": null}', '{"op": {}}', '{"op": "x"}', "{}"])
def test_texts_that_are_no_member_are_refused(text: str) -> None:
    with pytest.raises(SpaceError):
        TWO.parse(text)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ([0], "expected 2 positions, not 1"),
        ([0, 2], "'width' has no position 2"),
        ([-1, 0], "'op' has no position -1"),
        ([0, 0.5], "positions are integers"),
        ([0, math.nan], "positions are integers"),
    ],
)
def test_positions_that_are_none_are_refused(encoding: list[int], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        TWO.decode(encoding)


def test_equal_architectures_are_the_same_network_however_they_are_spelled() -> None:
    space = Toy((Categorical("residual", (False, True)),))
    a, b = Architecture({"residual": 1}), space.architecture({"residual": 1.0})
    assert a == b
    assert a in space
    assert b.to_json() == '{"residual":true}'
    assert space.canonical_id(a) == space.canonical_id(b)
    assert "residual" not in space


def test_json_depends_on_nothing_that_was_written_before() -> None:
    for value, text in [(1, "1"), (True, "true"), (1.0, "1.0"), (0.0, "0.0"), (False, "false")]:
        assert Architecture({"é": value}).to_json() == f'{{"é":{text}}}'
    for zeros in [(0.0, -0.0), (-0.0, 0.0)]:  # equal, and so the same text
        texts = {Architecture({f"{zeros}": zero}).to_json().split(":")[1] for zero in zeros}
        assert texts == {"0.0}"}


PARENT = Categorical("a", (1, 2))


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ((PARENT, PARENT), "two decisions are named 'a'"),
        ((Categorical("a", ()),), "one or more, distinct"),
        ((Categorical("a", (1, 1)),), "one or more, distinct"),
        ((Categorical("a", (1, True)),), "one or more, distinct"),
        ((Categorical("a", (None,)),), "cannot offer None"),  # type: ignore[arg-type]
        ((Categorical("a", ([1],)),), r"cannot offer \[1\]"),  # type: ignore[arg-type]
        ((Categorical("a", (math.inf,)),), "cannot offer inf"),
        ((Integer("a", 2, 1),), "one or more, distinct"),
        ((Integer("b", 1, 2, when={"a": [1]}), PARENT), "'b' depends on 'a', no earlier decision"),
        ((PARENT, Integer("b", 1, 2, when={"a": [3]})), r"'a' is never one of \[3\]"),
        ((PARENT, Integer("b", 1, 2, when={"a": []})), r"'a' is never one of \[\]"),
        ((PARENT, Integer("b", 1, 2, when={"a": 1})), r"must be a list, such as \[1\]"),  # type: ignore[dict-item]
        ((PARENT, Integer("b", 1, 2, when={"a": "xy"})), r"must be a list, such as \['xy'\]"),
    ],
)
def test_decisions_that_cannot_be_are_refused(decisions: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        _ = Toy(decisions).size


@pytest.mark.parametrize("step", [0, -1])
def test_steps_are_positive(step: int) -> None:
    with pytest.raises(SpaceError, match="'a': step must be at least 1"):
        Integer("a", 1, 3, step)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 1.0), "low must be below high, not 1.0 and 1.0"),
        ((2, 1), "low must be below high"),
        ((0.0, math.inf), "low must be below high"),
        ((math.nan, 1.0), "low must be below high"),
        ((0.0, 1.0, 1), "points must be at least 2: 1"),
        ((0.0, 1.0, 5, True), "low must be above 0 on a logarithmic scale: 0.0"),
    ],
)
def test_grids_that_cannot_be_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=f"'a': {message}"):
        Grid("a", *arguments)


def test_a_grid_of_few_points_by_hand() -> None:
    assert Grid("a", 0.0, 1.0, 5).values == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert Grid("a", 1e-3, 10.0, 5, log=True).values == (0.001, 0.01, 0.1, 1.0, 10.0)
    assert Grid("a", 0, 4).values == (0, 1, 2, 3, 4)
    assert Grid("a", 16, 256, 5, log=True).values == (16, 32, 64, 128, 256)


ends = st.floats(-1e6, 1e6, allow_subnormal=False) | st.integers(-1000, 1000)


@settings(deadline=None)
@given(ends, ends, st.integers(2, 60), st.booleans())
def test_a_grid_is_even(one: float, other: float, points: int, log: bool) -> None:
    low, high = sorted((one, other))
    assume(low < high and (low > 0 or not log))
    grid = Grid("a", low, high, points, log)
    values = [float(value) for value in grid.values]
    assert (grid.values[0], grid.values[-1]) == (low, high)
    assert len(values) <= points
    assert values == sorted(set(values))
    if isinstance(low, int) and isinstance(high, int):
        assert all(isinstance(value, int) for value in grid.values)
        assert len(values) == points or high - low + 1 < 2 * points or log
    elif high - low > 1e-3 * max(abs(low), abs(high)):  # the digits that are kept tell them apart
        assert len(values) == points
        places = np.log(values) if log else np.array(values)
        even = np.linspace(places[0], places[-1], points)
        rounding = 1e-5 if log else 1e-5 * max(abs(low), abs(high))
        np.testing.assert_allclose(places, even, rtol=0, atol=rounding)
    assert [grid.adjacent(i) for i in (0, len(values) - 1)] == [[1], [len(values) - 2]]


def test_the_default_graph_is_a_labelled_chain() -> None:
    graph = TWO.graph(TWO.architecture({"op": "conv", "width": 8}))
    assert list(graph.edges) == [(0, 1), (1, 2), (2, 3)]
    assert [label for _, label in graph.nodes(data="label")] == [
        "input",
        "op=conv",
        "width=8",
        "output",
    ]
