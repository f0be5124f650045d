"""Dominance, fronts, ranks, crowding and hypervolume against definitions written out naively."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import pareto

Point = tuple[float, ...]

SIDE = 5


@st.composite
def clouds(draw: st.DrawFn, most: int = 14) -> list[Point]:
    """Few distinct coordinates make ties and duplicates, which is where fronts go wrong."""
    objectives = draw(st.integers(1, 4))
    ties = st.integers(0, SIDE - 1).map(float)
    spread = st.floats(-1e6, 1e6, allow_subnormal=False)
    coordinate = draw(st.sampled_from([ties, spread]))
    return draw(st.lists(st.tuples(*[coordinate] * objectives), max_size=most))


def beats(a: Point, b: Point) -> bool:
    return not any(x > y for x, y in zip(a, b, strict=True)) and a != b


def naive_front(points: Sequence[Point]) -> list[int]:
    return [i for i, p in enumerate(points) if not any(beats(q, p) for q in points)]


def naive_ranks(points: Sequence[Point]) -> list[int]:
    ranks, left, rank = [-1] * len(points), list(range(len(points))), 0
    while left:
        peeled = [i for i in left if not any(beats(points[j], points[i]) for j in left)]
        for i in peeled:
            ranks[i] = rank
        left, rank = [i for i in left if i not in peeled], rank + 1
    return ranks


def naive_crowding(points: Sequence[Point]) -> list[float]:
    distances = [0.0] * len(points)
    for objective in range(len(points[0]) if points else 0):
        order = sorted(range(len(points)), key=lambda i: points[i][objective])
        low, high = points[order[0]][objective], points[order[-1]][objective]
        distances[order[0]] = distances[order[-1]] = math.inf
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            if high > low:
                gap = points[after][objective] - points[before][objective]
                distances[i] += gap / (high - low)
    return distances


def naive_volume(points: Sequence[Point], reference: Point) -> int:
    """Count the unit cells of a grid that lie above some point and below the reference."""
    cells = itertools.product(*(range(int(edge)) for edge in reference))
    return sum(
        any(all(x <= c for x, c in zip(p, cell, strict=True)) for p in points) for cell in cells
    )


@given(clouds())
def test_dominance_is_better_somewhere_and_worse_nowhere(points: list[Point]) -> None:
    for a, b in itertools.product(points, repeat=2):
        assert pareto.dominates(a, b) == beats(a, b)


def test_dominance_of_points_of_different_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        pareto.dominates((1.0,), (1.0, 2.0))


@given(clouds())
def test_the_front_is_what_nothing_dominates(points: list[Point]) -> None:
    assert pareto.front(points) == naive_front(points)


@given(clouds())
def test_ranks_peel_one_front_after_another(points: list[Point]) -> None:
    assert pareto.ranks(points) == naive_ranks(points)


@given(clouds())
def test_crowding_is_the_gap_between_the_neighbours(points: list[Point]) -> None:
    assert pareto.crowding(points) == pytest.approx(naive_crowding(points))


@given(clouds(), st.floats(0.5, 8), st.floats(-10, 10))
def test_crowding_knows_no_units(points: list[Point], scale: float, shift: float) -> None:
    coarse = [tuple(round(x) % SIDE for x in p) for p in points]
    moved = [tuple(x * scale + shift for x in p) for p in coarse]
    assert pareto.crowding(moved) == pytest.approx(pareto.crowding(coarse))


@given(st.integers(1, 3).flatmap(lambda m: st.lists(st.tuples(*[st.integers(0, SIDE)] * m))))
def test_hypervolume_counts_the_dominated_cells(points: list[tuple[int, ...]]) -> None:
    reference = (float(SIDE),) * (len(points[0]) if points else 2)
    assert pareto.hypervolume(points, reference) == naive_volume(points, reference)


def test_points_beyond_the_reference_add_no_volume() -> None:
    inside = pareto.hypervolume([(1.0, 1.0)], (3.0, 3.0))
    assert inside == 4
    assert pareto.hypervolume([(1.0, 1.0), (0.0, 7.0), (3.0, 0.0)], (3.0, 3.0)) == inside


def test_nothing_has_no_front_and_no_volume() -> None:
    assert pareto.front([]) == []
    assert pareto.ranks([]) == []
    assert pareto.crowding([]).shape == (0,)
    assert pareto.hypervolume([], (1.0, 1.0)) == 0


@given(clouds(), st.randoms(use_true_random=False))
def test_a_front_kept_up_to_date_is_the_front_in_any_order(
    points: list[Point], shuffler: object
) -> None:
    order = list(range(len(points)))
    shuffler.shuffle(order)  # type: ignore[attr-defined]
    front: pareto.Front[int] = pareto.Front()
    held: list[int] = []
    for i in order:
        joined, driven_off = front.add(i, points[i])
        held = [k for k in held if k not in driven_off] + [i] * joined
        assert front.keys() == held
        assert all(beats(points[i], points[k]) for k in driven_off)
    assert sorted(front.keys()) == naive_front(points)
    assert len(front) == len(held)
    assert front.items() == [(i, points[i]) for i in held]


def test_equal_points_stay_together_and_leave_together() -> None:
    front: pareto.Front[str] = pareto.Front()
    assert front.add("a", (1.0, 2.0)) == (True, [])
    assert front.add("b", (1.0, 2.0)) == (True, [])
    assert front.add("c", (1.0, 3.0)) == (False, [])
    assert front.add("d", (1.0, 1.0)) == (True, ["a", "b"])
    assert front.keys() == ["d"]


def test_a_large_front_against_a_batch() -> None:
    points = [tuple(p) for p in np.random.default_rng(0).integers(0, 40, (2000, 3)).tolist()]
    front: pareto.Front[int] = pareto.Front()
    for i, point in enumerate(points):
        front.add(i, point)
    assert front.keys() == naive_front(points) == pareto.front(points)
