"""Dominance, fronts, ranks, crowding and hypervolume against definitions written out naively."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import pareto

Point = tuple[float, ...]

SIDE = 5


@st.composite
def clouds(draw: st.DrawFn, most: int = 14, *, odd: bool = False) -> list[Point]:
    """Few distinct coordinates make ties and duplicates, which is where fronts go wrong."""
    objectives = draw(st.integers(1, 4))
    ties = st.integers(0, SIDE - 1).map(float)
    spread = st.floats(-1e6, 1e6, allow_subnormal=False)
    strange = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0])
    kinds = [st.one_of(ties, strange), strange] if odd else [ties, spread]
    coordinate = draw(st.sampled_from(kinds))
    return draw(st.lists(st.tuples(*[coordinate] * objectives), max_size=most))


def beats(a: Point, b: Point) -> bool:
    """Is what it says; NaN compares with nothing, so it neither beats nor is beaten."""
    if any(map(math.isnan, (*a, *b))):
        return False
    return not any(x > y for x, y in zip(a, b, strict=True)) and a != b


def comparable(point: Point) -> bool:
    return not any(map(math.isnan, point))


def naive_front(points: Sequence[Point]) -> list[int]:
    return [
        i for i, p in enumerate(points) if comparable(p) and not any(beats(q, p) for q in points)
    ]


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


def exact_volume(points: Sequence[Point], reference: Point) -> float:
    """Cut space at every coordinate, and add up the boxes that lie above some point."""
    inside = [p for p in points if all(x < r for x, r in zip(p, reference, strict=True))]
    cuts = [sorted({*(p[k] for p in inside), reference[k]}) for k in range(len(reference))]
    total = 0.0
    for box in itertools.product(*(itertools.pairwise(cut) for cut in cuts)):
        corner = [low for low, _ in box]
        if any(all(x <= c for x, c in zip(p, corner, strict=True)) for p in inside):
            total += math.prod(high - low for low, high in box)
    return total


@given(clouds())
def test_dominance_is_better_somewhere_and_worse_nowhere(points: list[Point]) -> None:
    for a, b in itertools.product(points, repeat=2):
        assert pareto.dominates(a, b) == beats(a, b)


def test_dominance_of_points_of_different_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        pareto.dominates((1.0,), (1.0, 2.0))


@given(st.one_of(clouds(), clouds(odd=True)))
def test_the_front_is_what_nothing_dominates(points: list[Point]) -> None:
    assert pareto.front(points) == naive_front(points)
    assert pareto.front(np.array(points)) == naive_front(points)


@given(clouds(most=30))
def test_the_front_is_that_of_moocore(points: list[Point]) -> None:
    mask = moocore.is_nondominated(np.array(points), keep_weakly=True) if points else []
    assert pareto.front(points) == np.flatnonzero(mask).tolist()


def test_a_point_with_nan_neither_beats_nor_counts() -> None:
    nan = math.nan
    assert pareto.front([(nan, 1.0), (0.0, 0.0), (nan, nan)]) == [1]
    assert pareto.front([(nan, 1.0)]) == []
    assert pareto.ranks([(nan, 1.0), (0.0, 0.0), (1.0, 1.0)]) == [2, 0, 1]
    front: pareto.Front[str] = pareto.Front()
    assert front.add("a", (nan, -1.0)) == (False, [])
    assert front.add("b", (1.0, 1.0)) == (True, [])
    assert front.add("c", (nan, -1.0)) == (False, [])
    assert front.keys() == ["b"]


@given(clouds(odd=True))
def test_ranks_put_what_is_not_comparable_behind_the_rest(points: list[Point]) -> None:
    known = [p for p in points if comparable(p)]
    last = max(naive_ranks(known), default=-1) + 1
    theirs = iter(naive_ranks(known))
    assert pareto.ranks(points) == [next(theirs) if comparable(p) else last for p in points]


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


REFERENCES = st.sampled_from([0.5, 3.0, 1e6, math.inf])


@given(st.one_of(clouds(most=6), clouds(most=6, odd=True)), REFERENCES)
def test_hypervolume_of_any_points(points: list[Point], limit: float) -> None:
    reference = (limit,) * (len(points[0]) if points else 2)
    expected = exact_volume(points, reference)
    assert pareto.hypervolume(points, reference) == pytest.approx(expected, rel=1e-9)


@given(clouds(most=30), st.floats(0.0, 2.0))
def test_hypervolume_is_that_of_moocore(points: list[Point], limit: float) -> None:
    reference = np.full(len(points[0]) if points else 2, limit)
    theirs = moocore.hypervolume(np.array(points), ref=reference) if points else 0.0
    assert pareto.hypervolume(points, reference.tolist()) == pytest.approx(theirs)


@given(st.one_of(clouds(), clouds(odd=True)), REFERENCES)
def test_volumes_are_those_of_every_beginning(points: list[Point], limit: float) -> None:
    objectives = len(points[0]) if points else 2
    found = pareto.volumes(np.array(points).reshape(-1, objectives), (limit,) * objectives)
    each = [pareto.hypervolume(points[: n + 1], (limit,) * objectives) for n in range(len(points))]
    assert found.tolist() == pytest.approx(each)
    assert (np.diff(found[np.isfinite(found)]) >= 0).all()


def test_volumes_over_more_than_a_batch() -> None:
    points = np.random.default_rng(1).random((700, 3))
    found = pareto.volumes(points, (1.0, 1.0, 1.0))
    for n in (0, 255, 256, 699):
        assert found[n] == pytest.approx(pareto.hypervolume(points[: n + 1], (1.0,) * 3))


def test_the_reference_is_beyond_the_worst() -> None:
    found = pareto.reference_of(np.array([(0.1, 5.0, 20.0), (0.3, 5.0, 10.0)]))
    assert found.tolist() == pytest.approx([0.32, 5.5, 21.0])
    assert pareto.reference_of(np.array([(0.0,)])).tolist() == [0.1]


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


class TestKnees:
    def test_where_a_front_bends(self) -> None:
        bent = [(0.0, 1.0), (0.1, 0.5), (0.15, 0.1), (0.5, 0.08), (1.0, 0.0)]
        assert pareto.knees(bent) == [2]

    def test_units_do_not_matter(self) -> None:
        bent = [(0.0, 1e6), (0.001, 5e5), (0.0015, 1e5), (0.005, 8e4), (0.01, 0.0)]
        assert pareto.knees(bent) == [2]

    def test_equal_points_are_all_told(self) -> None:
        assert pareto.knees([(0.0, 1.0), (0.1, 0.1), (0.1, 0.1), (1.0, 0.0)]) == [1, 2]

    def test_of_three_objectives(self) -> None:
        corners = [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)]
        assert pareto.knees([*corners, (0.3, 0.3, 0.3), (0.2, 0.9, 0.9)]) == [3]

    @pytest.mark.parametrize(
        "front",
        [
            [],
            [(1.0, 1.0)],
            [(0.0, 1.0), (1.0, 0.0)],
            [(0.0, 1.0), (0.0, 1.0), (1.0, 0.0)],
            [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)],
            [(0.0, 1.0), (0.7, 0.7), (1.0, 0.0)],
            [(3.0,), (3.0,), (3.0,)],
        ],
        ids=["none", "one", "two", "two and a copy", "straight", "the other way", "one objective"],
    )
    def test_there_need_be_none(self, front: list[Point]) -> None:
        assert pareto.knees(front) == []

    @given(clouds(), st.floats(0.5, 8), st.floats(-10, 10))
    def test_a_knee_is_on_the_convex_side_and_is_never_the_best(
        self, points: list[Point], scale: float, shift: float
    ) -> None:
        front = sorted({points[i] for i in naive_front(points)})
        found = pareto.knees(front)
        for i in found[1:]:  # equal, but for what is lost where they are scaled to the extent
            away = np.abs(np.subtract(front[i], front[found[0]]))
            assert (away <= 1e-15 * np.ptp(front, axis=0)).all()
        assert found == pareto.knees([tuple(8 * x for x in p) for p in front])
        for i in found:
            for k in range(len(front[0])):
                values = [p[k] for p in front]
                assert front[i][k] > min(values) or min(values) == max(values)

    def test_a_large_front_is_looked_at_in_parts(self) -> None:
        angle = np.linspace(0, np.pi / 2, 5_000)
        arc = np.column_stack([1 - np.cos(angle), 1 - np.sin(angle)])
        arc[2_500] *= 0.9
        assert pareto.knees(arc.tolist()) == [2_500]
