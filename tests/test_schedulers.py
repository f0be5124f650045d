"""What every scheduler must do, whoever wrote it; run on a simulated cluster."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas import Course, Level, Peers, Standing, Verdict
from nas.plugins import Plugins
from nas.testing.courses import Curve, Outcome, falling, simulate

VARIANTS: dict[str, dict[str, Any]] = {
    "asha": {"type": "stopping"},
    "asha promotion": {"type": "promotion"},
    "asha brackets": {"type": "promotion", "brackets": 2, "factor": 2},
    "median best": {"against": "best", "trials": 2},
    "moasha promotion": {"type": "promotion", "factor": 2},
    "hyperband halves": {"factor": 2},
    "plateau relative": {"patience": 2, "min_delta": 0.01},
}
"""Parameters other than the defaults; the first word is the scheduler's name."""
NAMES = sorted({*VARIANTS, *Plugins().registry("scheduler").names()})
BUDGET = 12

every = pytest.mark.parametrize("name", NAMES)


def build(name: str) -> nas.Scheduler:
    return nas.scheduler(name.split()[0], **VARIANTS.get(name, {}))


def decides(name: str) -> bool:
    scheduler = build(name)
    scheduler.start(nas.Contest((nas.Goal("error"),), BUDGET))
    return bool(scheduler.levels())


def crowd(seed: int, count: int, budget: int = BUDGET) -> list[Curve]:
    """Return curves that fall, cross, and are noisy."""
    rng = np.random.default_rng(seed)
    steps = np.arange(1, budget + 1)
    final, speed = rng.uniform(0.1, 0.5, count), rng.uniform(0.2, 1.5, count)
    noise = rng.normal(0, 0.01, (count, budget))
    return [Curve(f + 0.5 * steps**-s + e) for f, s, e in zip(final, speed, noise, strict=True)]


def run(name: str, curves: list[Curve], **options: Any) -> Outcome:
    return simulate(build(name), curves, budget=BUDGET, **options)


@every
@pytest.mark.parametrize("ordered", [True, False])
def test_the_same_search_gets_the_same_decisions(name: str, ordered: bool) -> None:
    curves = crowd(1, 30)
    first, second = (run(name, curves, workers=3, ordered=ordered) for _ in range(2))
    assert first.log() == second.log()


@every
def test_a_decision_follows_from_its_arguments(name: str) -> None:
    outcome = run(name, crowd(2, 30), workers=4)
    again = build(name)
    again.start(nas.Contest((nas.Goal("error"),), BUDGET))
    draws = random.Random(0)
    for ruled in draws.sample(outcome.ruled, len(outcome.ruled)):
        assert again.judge(ruled.course, ruled.peers) == ruled.decision
    for promoted in draws.sample(outcome.promoted, len(outcome.promoted)):
        assert again.promote(promoted.peers) == promoted.promotion


@every
def test_start_forgets_an_earlier_study(name: str) -> None:
    scheduler = build(name)
    simulate(scheduler, crowd(3, 20), budget=BUDGET, workers=2)
    curves = crowd(4, 20)
    again = simulate(scheduler, curves, budget=BUDGET, workers=2)
    assert again.log() == run(name, curves, workers=2).log()


@every
@pytest.mark.parametrize("budget", [3, 4, 12, 51, 200])
def test_levels_are_steps_below_the_budget(name: str, budget: int) -> None:
    scheduler = build(name)
    scheduler.start(nas.Contest((nas.Goal("error"),), budget))
    levels = list(scheduler.levels())
    assert levels == sorted(set(levels))
    assert all(isinstance(level, int) and 0 < level < budget for level in levels)


@every
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("best", [0, 7, 29])
def test_the_best_of_ordered_curves_is_never_stopped(name: str, best: int, workers: int) -> None:
    offsets = random.Random(5).sample(range(1, 31), 30)
    offsets[best] = 0
    outcome = run(name, falling([0.01 * o for o in offsets], BUDGET), workers=workers)
    verdicts = {r.decision.verdict for r in outcome.ruled if r.course.number == best}
    assert Verdict.STOP not in verdicts
    assert outcome.standings[best] in (Standing.COMPLETE, Standing.PAUSED)


@every
def test_a_trial_alone_is_not_stopped(name: str) -> None:
    outcome = run(name, falling([0.5], BUDGET))
    assert outcome.standings[0] in (Standing.COMPLETE, Standing.PAUSED)
    assert outcome.standings[0] is Standing.COMPLETE or build(name).pauses


@every
def test_a_crowd_costs_less_than_its_full_budget(name: str) -> None:
    if not decides(name):
        pytest.skip("decides nothing")
    slow = [Curve(np.full(BUDGET, 1.5)) for _ in range(20)]
    curves = [c for pair in zip(falling([0.1] * 20, BUDGET), slow, strict=True) for c in pair]
    spent = run(name, curves, workers=2).spent
    assert sum(spent.values()) < 0.9 * BUDGET * len(curves)
    assert sum(list(spent.values())[1::2]) <= sum(list(spent.values())[::2])


@every
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("number", [0, 5])
def test_a_diverged_trial_never_survives(name: str, number: int, value: float) -> None:
    if not decides(name):
        pytest.skip("decides nothing")
    curves = falling([0.01 * i for i in range(12)], BUDGET)
    curves[number].losses[0:] = value
    outcome = run(name, curves, workers=2)
    scheduler = build(name)
    scheduler.start(nas.Contest((nas.Goal("error"),), BUDGET))
    assert outcome.standings[number] is Standing.STOPPED
    assert outcome.spent[number] <= scheduler.levels()[min(1, len(scheduler.levels()) - 1)]
    assert all(p.promotion is None or p.promotion.number != number for p in outcome.promoted)


@every
def test_every_decision_says_why(name: str) -> None:
    outcome = run(name, crowd(6, 40), workers=3)
    reasons = [r.decision.reason for r in outcome.ruled]
    reasons += [p.promotion.reason for p in outcome.promoted if p.promotion]
    assert all(reason and "\n" not in reason and len(reason) < 200 for reason in reasons)
    assert all(any(c.isdigit() for c in reason) for reason in reasons)


@every
def test_it_must_be_started(name: str) -> None:
    if not decides(name):
        pytest.skip("decides nothing")
    course = Course(0, (1,), np.array([[0.5]]), np.array([0.0]))
    with pytest.raises(nas.StudyError, match="start"):
        build(name).judge(course, Peers((), 1))


@every
def test_global_random_generators_are_left_alone(name: str) -> None:
    before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    run(name, crowd(7, 15), workers=2)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # type: ignore[index]


@st.composite
def searches(draw: st.DrawFn) -> dict[str, Any]:
    """Return curves with ties, gaps, divergence, broken bounds and failures, and a cluster."""
    count = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    every_step = draw(st.booleans())
    curves = []
    for _ in range(count):
        steps = range(1, BUDGET + 1) if every_step else _some_steps(rng)
        losses = np.round(rng.random((len(steps), 2)), 1)
        losses[rng.random(losses.shape) < 0.1] = rng.choice([np.nan, np.inf])
        violations = np.where(rng.random(len(steps)) < 0.3, rng.random(len(steps)), 0.0)
        fails = int(rng.integers(0, len(steps))) if rng.random() < 0.15 else None
        curves.append(Curve(losses, list(steps), violations, fails))
    return {
        "curves": curves,
        "goals": [nas.Goal("error"), nas.Goal("params", high=3.0)],
        "workers": draw(st.integers(1, 6)),
        "ordered": draw(st.booleans()),
        "paces": {i: float(rng.integers(1, 4)) for i in range(count)},
    }


def _some_steps(rng: np.random.Generator) -> list[int]:
    kept = [step for step in range(1, BUDGET) if rng.random() < 0.5]
    return [*kept, BUDGET]


@every
@settings(max_examples=15, deadline=None)
@given(search=searches())
def test_whatever_trials_report(name: str, search: dict[str, Any]) -> None:
    scheduler = build(name)
    outcome = simulate(scheduler, budget=BUDGET, **search)
    assert len(outcome.trials) == len(search["curves"])
    for ruled in outcome.ruled:
        assert isinstance(ruled.decision.verdict, Verdict)
        assert ruled.decision.verdict is not Verdict.PAUSE or scheduler.pauses
    for promoted in outcome.promoted:
        if promoted.promotion is not None:
            known = {course.number: course for course in promoted.peers.courses}
            assert known[promoted.promotion.number].standing is Standing.PAUSED
    assert all(trial.standing is not Standing.RUNNING for trial in outcome.trials)


@every
def test_what_it_is_given_stays_as_it_is(name: str) -> None:
    scheduler = build(name)
    scheduler.start(nas.Contest((nas.Goal("error"),), BUDGET))
    courses = [
        curve.course(number, 4 + number % 3, Standing.PAUSED if number % 2 else Standing.RUNNING)
        for number, curve in enumerate(crowd(8, 20))
    ]
    for course in courses:
        course.losses.setflags(write=False)
        course.violations.setflags(write=False)
    peers = Frozen(courses[:-1], 1)
    scheduler.judge(courses[-1], peers)
    scheduler.promote(peers)


class Frozen(Peers):
    """Peers whose levels cannot be written to."""

    def at(self, level: int) -> Level:
        found = super().at(level)
        for array in (found.numbers, found.losses, found.violations):
            array.setflags(write=False)
        return found
