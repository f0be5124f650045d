"""Hyperband: brackets as in the paper, and the same winners as halving one bracket at a time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas import Standing, Verdict
from nas.testing.courses import Curve, Outcome, falling, simulate
from nas_schedulers.brackets import brackets, interleaved


def run(curves: list[Curve], budget: int, factor: float = 3, **options: Any) -> Outcome:
    return simulate(nas.scheduler("hyperband", factor=factor), curves, budget=budget, **options)


def test_the_brackets_of_the_paper() -> None:
    """Algorithm 1 for R = 81 and eta = 3, by hand."""
    table = brackets(81, 3, 1)
    assert [bracket.rungs for bracket in table] == [
        (1, 3, 9, 27, 81),
        (3, 9, 27, 81),
        (9, 27, 81),
        (27, 81),
        (81,),
    ]
    assert [bracket.sizes for bracket in table] == [
        (81, 27, 9, 3, 1),
        (34, 11, 3, 1),  # ceil(5 / 4 * 27)
        (15, 5, 1),  # ceil(5 / 3 * 9)
        (8, 2),  # ceil(5 / 2 * 3)
        (5,),
    ]


def test_brackets_of_other_budgets() -> None:
    assert [(b.rungs, b.sizes) for b in brackets(12, 3, 1)] == [
        ((1, 4, 12), (9, 3, 1)),
        ((4, 12), (5, 1)),
        ((12,), (3,)),
    ]
    assert [(b.rungs, b.sizes) for b in brackets(12, 3, 3)] == [((4, 12), (3, 1)), ((12,), (2,))]
    assert [(b.rungs, b.sizes) for b in brackets(10, 4, 2)] == [((2, 10), (4, 1)), ((10,), (2,))]


@given(st.integers(2, 500), st.floats(2, 5), st.integers(1, 20))
def test_brackets_halve(budget: int, factor: float, grace: int) -> None:
    if budget < factor * grace:
        return
    table = brackets(budget, factor, grace)
    assert len(table) >= 2
    for bracket in table:
        assert list(bracket.rungs) == sorted(set(bracket.rungs))
        assert grace <= bracket.rungs[0]
        assert bracket.rungs[-1] == budget
        assert bracket.rungs == table[0].rungs[-len(bracket.rungs) :]
        assert len(bracket.sizes) == len(bracket.rungs)
        assert list(bracket.sizes) == sorted(set(bracket.sizes), reverse=True)
        assert bracket.sizes[-1] >= 1


def test_interleaved() -> None:
    assert interleaved([3, 1]) == (0, 0, 0, 1)
    assert interleaved([4, 2]) == (0, 0, 1, 0, 0, 1)
    assert Counter(interleaved([81, 34, 15])) == {0: 81, 1: 34, 2: 15}


@pytest.mark.parametrize("workers", [1, 3, 20])
@pytest.mark.parametrize("ordered", [True, False])
def test_one_round_spends_what_the_paper_says(workers: int, ordered: bool) -> None:
    """Budget 9, factor 3: brackets of 9, 5 and 3 trials."""
    curves = falling(np.random.default_rng(0).permutation(17) / 17, 9)
    outcome = run(curves, 9, workers=workers, ordered=ordered)
    steps = [outcome.spent[number] for number in range(17)]
    assert Counter(steps[:9]) == {1: 6, 3: 2, 9: 1}
    assert Counter(steps[9:14]) == {3: 4, 9: 1}
    assert Counter(steps[14:]) == {9: 3}
    best = min(range(9), key=lambda number: curves[number].losses[-1, 0])
    assert steps[best] == 9


def halved(curves: list[Curve], rungs: tuple[int, ...], sizes: tuple[int, ...]) -> dict[int, int]:
    """Return the steps of each trial of one bracket, by the paper's algorithm."""
    steps, alive = {}, list(range(len(curves)))
    for place, rung in enumerate(rungs):
        reach = {}
        for number in alive:
            index = next(i for i, step in enumerate(curves[number].steps) if step >= rung)
            steps[number] = max(steps.get(number, 0), curves[number].steps[index])
            if curves[number].fails_after is None or index < curves[number].fails_after:
                reach[number] = curves[number].losses[index, 0]
            else:
                steps[number] = curves[number].steps[: curves[number].fails_after][-1:] or (0,)
                steps[number] = steps[number][0]
        finite = [number for number in reach if np.isfinite(reach[number])]
        finite.sort(key=lambda number: (reach[number], number))
        alive = finite[: sizes[place + 1]] if place + 1 < len(sizes) else finite
    return steps


@st.composite
def first_brackets(draw: st.DrawFn) -> list[Curve]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sparse = draw(st.booleans())
    curves = []
    for _ in range(9):
        steps = [s for s in range(1, 9) if not sparse or rng.random() < 0.6] + [9]
        losses = np.round(rng.random(len(steps)), 1)
        losses[rng.random(len(steps)) < 0.1] = np.nan
        fails = int(rng.integers(0, len(steps))) if rng.random() < 0.2 else None
        curves.append(Curve(losses, steps, fails_after=fails))
    return curves


@settings(max_examples=60, deadline=None)
@given(first_brackets(), st.integers(1, 9), st.booleans())
def test_winners_are_those_of_halving_at_once(
    curves: list[Curve], workers: int, ordered: bool
) -> None:
    outcome = run(curves, 9, workers=workers, ordered=ordered)
    expected = halved(curves, (1, 3, 9), (9, 3, 1))
    for number, steps in outcome.spent.items():
        jumped = not set(curves[number].steps) >= {1, 3}
        # What reports seldom may be stopped later than on the rung itself, never earlier.
        assert steps == expected[number] or (jumped and steps >= expected[number])


def test_the_next_bracket_begins_while_one_waits() -> None:
    outcome = run(falling([0.1 * i for i in range(17)], 9), 9, workers=4)
    began = [len(p.peers.courses) for p in outcome.promoted if p.promotion is None]
    first = next(p for p in outcome.promoted if p.promotion is not None)
    assert max(course.number for course in first.peers.courses) > 8
    assert began[-1] == 17


def test_no_promotion_before_a_rung_is_full() -> None:
    scheduler = nas.scheduler("hyperband")
    outcome = simulate(scheduler, falling([0.1 * i for i in range(8)], 9), budget=9, workers=3)
    assert all(p.promotion is None for p in outcome.promoted)
    verdicts = [r.decision.verdict for r in outcome.ruled]
    assert verdicts == [Verdict.PAUSE] * 3 + [Verdict.STOP] * 5


def test_who_has_certainly_lost_is_stopped() -> None:
    outcome = run(falling([0.1 * i for i in range(9)], 9), 9)
    assert outcome.standings[0] is Standing.COMPLETE
    assert [outcome.standings[n] for n in range(3, 9)] == [Standing.STOPPED] * 6
    reasons = [r.decision.reason for r in outcome.ruled if r.course.number == 3]
    assert reasons == [
        "bracket 1 of round 1, rung 1: error 1.3 is 4th of 4 so far, the best 3 of 9 go on"
    ]


def test_a_failed_trial_is_not_waited_for() -> None:
    curves = falling([0.1 * i for i in range(9)], 9)
    curves[0].fails_after = 0
    curves[1].fails_after = 2
    outcome = run(curves, 9, workers=2)
    assert outcome.standings[0] is outcome.standings[1] is Standing.FAILED
    assert [outcome.spent[n] for n in range(9)] == [0, 2, 9, 3, 1, 1, 1, 1, 1]


def test_numbers_without_a_run_leave_no_holes() -> None:
    """What was turned away before training has a number, but takes nobody's place."""
    curve = falling([0.0] * 20, 9)
    courses = [curve[n].course(n, 1, Standing.PAUSED) for n in range(0, 18, 2)]
    scheduler = nas.scheduler("hyperband")
    scheduler.start(nas.Contest((nas.Goal("error"),), 9))
    promotion = scheduler.promote(nas.Peers(courses, 1))
    assert promotion is not None
    assert promotion.number == 0
    assert scheduler.promote(nas.Peers(courses[:-1], 1)) is None


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"factor": 1.5}, "factor must be a finite number of at least 2, not 1.5"),
        ({"factor": True}, "factor must be"),
        ({"grace": 0}, "grace must be a whole number of at least 1"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(nas.ComponentError, match=words):
        nas.scheduler("hyperband", **parameters)


def test_a_budget_without_rungs() -> None:
    with pytest.raises(nas.ConfigError, match="at least factor times grace, which is 12, not 10"):
        nas.scheduler("hyperband", grace=4).start(nas.Contest((nas.Goal("error"),), 10))
