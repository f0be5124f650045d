"""Laws of schedulers, on learning curves of a simulated cluster."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

import nas
from nas.abstract.scheduler import Contest, Course, Level, Peers, Scheduler, Standing, Verdict
from nas.seeds import Rng
from nas.testing.courses import Curve, Outcome, falling, simulate
from nas.testing.law import Inapplicable, broken, law, require
from nas.testing.state import generators_untouched
from nas.testing.subject import Subject
from nas.testing.tries import for_all, one_of

BUDGET = 12
LONGEST = 200


def crowd(seed: int, count: int) -> list[Curve]:
    """Return curves that fall, cross, and are noisy."""
    rng = np.random.default_rng(seed)
    steps = np.arange(1, BUDGET + 1)
    final, speed = rng.uniform(0.1, 0.5, count), rng.uniform(0.2, 1.5, count)
    noise = rng.normal(0, 0.01, (count, BUDGET))
    return [Curve(f + 0.5 * steps**-s + e) for f, s, e in zip(final, speed, noise, strict=True)]


def _started(subject: Subject, budget: int = BUDGET) -> Scheduler:
    scheduler: Scheduler = subject.build()
    try:
        scheduler.start(Contest((nas.Goal("error"),), budget))
    except nas.ConfigError as error:
        raise Inapplicable(
            f"it refuses a study of one error and {budget} epochs: {error}"
        ) from None
    return scheduler


def _run(subject: Subject, curves: list[Curve], **options: Any) -> Outcome:
    _started(subject)
    return simulate(subject.build(), curves, budget=BUDGET, **options)


def _deciding(subject: Subject) -> Scheduler:
    scheduler = _started(subject)
    if not list(scheduler.levels()):
        raise Inapplicable("it decides nothing")
    return scheduler


@law("scheduler")
def levels_are_steps_below_the_budget(subject: Subject) -> None:
    """Its levels are whole steps, increasing, above 0 and below the budget."""
    for budget in (3, 4, BUDGET, 51):
        levels = list(_started(subject, budget).levels())
        right = levels == sorted(set(levels))
        right = right and all(isinstance(s, int) and 0 < s < budget for s in levels)
        require(right, f"for a budget of {budget} the levels are {levels}")


@law("scheduler")
def a_decision_follows_from_its_arguments(subject: Subject) -> None:
    """Asked again in any order, another one of it decides the same.

    The engine may ask again after a crash, on another machine; keep nothing but a memory of
    what was computed.
    """
    outcome = _run(subject, crowd(2, 20), workers=4)
    again, draws = _started(subject), random.Random(0)
    for ruled in draws.sample(outcome.ruled, len(outcome.ruled)):
        found = again.judge(ruled.course, ruled.peers)
        said = f"trial {ruled.course.number} at step {ruled.course.step}: {ruled.decision} first"
        require(found == ruled.decision, f"{said}, then {found}")
    for promoted in draws.sample(outcome.promoted, len(outcome.promoted)):
        other = again.promote(promoted.peers)
        require(other == promoted.promotion, f"{promoted.promotion} first, then {other}")


@law("scheduler")
def start_forgets(subject: Subject) -> None:
    """After start nothing of an earlier study is left."""
    fresh, again = (_run(subject, crowd(4, 20), workers=2).log() for _ in range(2))
    if fresh != again:
        raise Inapplicable("it decides otherwise each time: what is left cannot be told")
    scheduler = _started(subject)
    simulate(scheduler, crowd(3, 20), budget=BUDGET, workers=2)
    found = simulate(scheduler, crowd(4, 20), budget=BUDGET, workers=2).log()
    require(found == fresh, "used before, it decides otherwise than built anew")


@law("scheduler")
def the_best_goes_on(subject: Subject) -> None:
    """Where curves never cross, the best is never stopped; nor is a trial that is alone.

    On curves that never cross, with one worker and several.
    """
    for best, workers in ((0, 1), (7, 4), (19, 2)):
        offsets = random.Random(5).sample(range(1, 21), 20)
        offsets[best] = 0
        outcome = _run(subject, falling([0.01 * o for o in offsets], BUDGET), workers=workers)
        found = outcome.standings[best]
        well = found in (Standing.COMPLETE, Standing.PAUSED)
        require(well, f"trial {best}, the best of 20 throughout, ended as {found}")
    alone = _run(subject, falling([0.5], BUDGET)).standings[0]
    require(alone is not Standing.STOPPED, "a trial without any other was stopped")


@law("scheduler")
def a_diverged_trial_ends(subject: Subject) -> None:
    """A trial whose loss is NaN or infinite is stopped, and never promoted.

    NaN compares false with everything: test for what is finite, not for what is worse.
    """
    _deciding(subject)
    for number, value in ((0, np.nan), (5, np.inf)):
        curves = falling([0.01 * i for i in range(12)], BUDGET)
        curves[number].losses[:] = value
        outcome = _run(subject, curves, workers=2)
        found = outcome.standings[number]
        require(found is Standing.STOPPED, f"with a loss of {value} throughout it is {found}")


@law("scheduler")
def says_why(subject: Subject) -> None:
    """Each decision and promotion has a reason, one short line with the numbers behind it.

    The reason is archived, and what `nas show` tells of a stopped trial.
    """
    outcome = _run(subject, crowd(6, 20), workers=3)
    reasons = [r.decision.reason for r in outcome.ruled]
    reasons += [p.promotion.reason for p in outcome.promoted if p.promotion]
    for reason in reasons:
        line = bool(reason) and "\n" not in reason and len(reason) < LONGEST
        require(line and any(c.isdigit() for c in reason), f"a reason is {reason!r}")


@law("scheduler")
def must_be_started(subject: Subject) -> None:
    """Asked before start, it raises StudyError and says what to call."""
    _deciding(subject)
    course = Course(0, (1,), np.array([[0.5]]), np.array([0.0]))
    try:
        subject.build().judge(course, Peers((), 1))
    except nas.StudyError as error:
        require("start" in str(error), f"the error does not name start: {error}")
    except Exception as error:  # noqa: BLE001 - a component can raise anything
        broken(f"it raised {type(error).__name__}: {error}")
    else:
        broken("it decided on a trial of no study")


@law("scheduler")
def leaves_random_state(subject: Subject) -> None:
    """The global random generators are left as they were."""
    with generators_untouched():
        _run(subject, crowd(7, 12), workers=2)


@law("scheduler")
def whatever_trials_report(subject: Subject) -> None:
    """Ties, gaps, NaN, broken bounds, failures: it stops, pauses and promotes as it may.

    Two objectives, one with a bound; a third of the reports are missing.
    """
    _started(subject)

    def holds(rng: Rng) -> None:
        count, seed = one_of(range(1, 16), rng), one_of(range(1000), rng)
        scheduler = subject.build()
        draws = np.random.default_rng(seed)
        curves = [_odd_curve(draws) for _ in range(count)]
        goals = [nas.Goal("error"), nas.Goal("params", high=3.0)]
        outcome = simulate(
            scheduler, curves, budget=BUDGET, goals=goals, workers=one_of((1, 3), rng)
        )
        for ruled in outcome.ruled:
            known = isinstance(ruled.decision.verdict, Verdict)
            require(known, f"the verdict is {ruled.decision.verdict!r}, no Verdict")
            allowed = ruled.decision.verdict is not Verdict.PAUSE or scheduler.pauses
            require(allowed, "it paused a trial, but its property pauses is False")
        ended = len(outcome.trials) == count and Standing.RUNNING not in outcome.standings.values()
        require(ended, f"of {count} trials {len(outcome.trials)} began: {outcome.standings}")

    for_all(holds, 12)


def _odd_curve(draws: np.random.Generator) -> Curve:
    kept = [s for s in range(1, BUDGET) if draws.random() < 0.7]
    steps = [*kept, BUDGET]
    losses = np.round(draws.random((len(steps), 2)), 1)
    losses[draws.random(losses.shape) < 0.1] = draws.choice([np.nan, np.inf])
    violations = np.where(draws.random(len(steps)) < 0.3, draws.random(len(steps)), 0.0)
    fails = int(draws.integers(0, len(steps))) if draws.random() < 0.15 else None
    return Curve(losses, steps, violations, fails)


@law("scheduler")
def leaves_its_arguments(subject: Subject) -> None:
    """Courses and peers that it is shown are as they were."""
    scheduler = _deciding(subject)
    courses = [
        curve.course(number, 4 + number % 3, Standing.PAUSED if number % 2 else Standing.RUNNING)
        for number, curve in enumerate(crowd(8, 12))
    ]
    for course in courses:
        course.losses.setflags(write=False)
        course.violations.setflags(write=False)
    peers = _Frozen(courses[:-1], 1)
    scheduler.judge(courses[-1], peers)
    scheduler.promote(peers)


class _Frozen(Peers):
    """Peers whose levels cannot be written to."""

    def at(self, level: int) -> Level:
        found = super().at(level)
        for array in (found.numbers, found.losses, found.violations):
            array.setflags(write=False)
        return found
