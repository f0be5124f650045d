"""Schedulers asha and moasha: rules by hand, orders against oracles that know no shortcut."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas import Course, Level, Peers, Standing, Verdict
from nas.pareto import dominates
from nas.testing.courses import Curve, falling, simulate
from nas_schedulers.criterion import Criterion
from nas_schedulers.fronts import ByFronts, epsilon_net
from nas_schedulers.ranking import ByLoss, Entry, Ranking, going_on, joined, ordinal

ERROR = nas.Goal("error")
TWO = (ERROR, nas.Goal("params", unit="parameters", high=100.0))


def started(
    name: str, budget: int = 27, goals: Sequence[nas.Goal] = (ERROR,), **parameters: Any
) -> nas.Scheduler:
    scheduler = nas.scheduler(name, **parameters)
    scheduler.start(nas.Contest(tuple(goals), budget))
    return scheduler


def at_step(
    number: int, step: int, losses: Sequence[float], violation: float = 0.0, paused: bool = False
) -> Course:
    """Return a trial that has reported once, or several times the same."""
    rows = np.array([losses] * step, dtype=np.float64)
    standing = Standing.PAUSED if paused else Standing.RUNNING
    steps = tuple(range(1, step + 1))
    return Course(number, steps, rows, np.full(step, violation), standing)


def judged(scheduler: nas.Scheduler, own: Course, others: Sequence[Course]) -> tuple[Verdict, str]:
    decision = scheduler.judge(own, Peers(others, own.losses.shape[1]))
    return decision.verdict, decision.reason


def test_rungs() -> None:
    assert list(started("asha", budget=81).levels()) == [1, 3, 9, 27]
    assert list(started("asha", budget=100, grace=2, factor=4).levels()) == [2, 8, 32]
    assert list(started("asha", budget=10, grace=3, factor=1.5).levels()) == [3, 4, 7]


def test_the_example_of_the_documentation() -> None:
    """Losses 0.01, ..., 0.29 are known, 0.135 is between the 13th and the 14th."""
    others = [at_step(n, 9, [0.01 * (n + 1)]) for n in range(29)]
    verdict, reason = judged(started("asha"), at_step(29, 9, [0.135]), others)
    assert verdict is Verdict.STOP
    assert reason == "rung 9: error 0.135 is 14th of 30, the best 10 go on"


@pytest.mark.parametrize(
    ("others", "own", "verdict"),
    [
        ([], 0.5, Verdict.CONTINUE),  # the first one always goes on
        ([0.4], 0.5, Verdict.STOP),  # with fewer than three, the best so far
        ([0.6], 0.5, Verdict.CONTINUE),
        ([0.4, 0.6], 0.5, Verdict.STOP),
        ([0.4, 0.6, 0.6, 0.6, 0.6], 0.5, Verdict.CONTINUE),  # second of six
        ([0.4, 0.4, 0.6, 0.6, 0.6], 0.5, Verdict.STOP),
        ([0.5, 0.5, 0.5, 0.5, 0.5], 0.5, Verdict.CONTINUE),  # ties go on
        ([math.nan, math.inf], 0.5, Verdict.CONTINUE),
        ([math.nan], math.nan, Verdict.STOP),
        ([], math.inf, Verdict.STOP),
        ([], -math.inf, Verdict.STOP),
    ],
)
def test_stopping(others: list[float], own: float, verdict: Verdict) -> None:
    courses = [at_step(n, 3, [loss]) for n, loss in enumerate(others)]
    assert judged(started("asha"), at_step(9, 3, [own]), courses)[0] is verdict


def test_losses_are_those_of_the_rung() -> None:
    """A trial that has gone on since counts with what it had there."""
    falls = Curve(np.array([0.9, 0.9, 0.5, 0.1, 0.1])).course(0, 5)
    verdict, reason = judged(started("asha"), at_step(1, 3, [0.4]), [falls])
    assert verdict is Verdict.CONTINUE
    assert "1st of 2" in reason


def test_a_report_past_a_rung_counts_for_it() -> None:
    own = Curve(np.array([0.5, 0.4]), steps=[2, 5]).course(1, 2)
    verdict, reason = judged(started("asha"), own, [at_step(0, 3, [0.45])])
    assert verdict is Verdict.CONTINUE
    assert reason.startswith("rung 3: error 0.4 is 1st of 2")


@pytest.mark.parametrize(
    ("others", "own", "verdict"),
    [
        ([], 0.5, Verdict.PAUSE),  # two others are needed to be the best third
        ([0.6], 0.5, Verdict.PAUSE),
        ([0.6, 0.7], 0.5, Verdict.CONTINUE),
        ([0.4, 0.7], 0.5, Verdict.PAUSE),
        ([0.5, 0.7], 0.5, Verdict.PAUSE),  # of equals, who came first
        ([0.6, 0.7], math.nan, Verdict.STOP),
    ],
)
def test_pausing(others: list[float], own: float, verdict: Verdict) -> None:
    courses = [at_step(n, 3, [loss]) for n, loss in enumerate(others)]
    scheduler = started("asha", type="promotion")
    assert scheduler.pauses
    assert judged(scheduler, at_step(9, 3, [own]), courses)[0] is verdict


def test_promotion_takes_the_highest_rung_and_the_best_there() -> None:
    scheduler = started("asha", type="promotion")
    low = [at_step(n, 1, [0.1 * n], paused=True) for n in range(6)]
    high = [at_step(6 + n, 3, [0.5 + 0.1 * n], paused=True) for n in range(3)]
    promotion = scheduler.promote(Peers([*low, *high], 1))
    assert promotion == nas.Promotion(6, "rung 3: error 0.5 is 1st of 3, the best one goes on")
    promotion = scheduler.promote(Peers([*low, *high[:2]], 1))
    # The rung below has eight trials: those two have passed it, behind two that wait.
    assert promotion == nas.Promotion(0, "rung 1: error 0 is 1st of 8, the best 2 go on")
    gone = Course(0, (1,), low[0].losses, low[0].violations, Standing.RUNNING)
    promotion = scheduler.promote(Peers([gone, *low[1:], *high[:2]], 1))
    assert promotion is not None
    assert promotion.number == 1


def test_nobody_is_promoted_where_nobody_waits_among_the_best() -> None:
    scheduler = started("asha", type="promotion")
    courses = [at_step(n, 1, [0.1 * n], paused=n > 1) for n in range(6)]
    assert scheduler.promote(Peers(courses, 1)) is None
    assert scheduler.promote(Peers([], 1)) is None
    assert started("asha").promote(Peers([at_step(0, 1, [0.1], paused=True)], 1)) is None


@pytest.mark.parametrize("name", ["asha", "moasha"])
@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("ordered", [True, False])
def test_whoever_is_promoted_is_among_the_best(name: str, factor: float, ordered: bool) -> None:
    rng = np.random.default_rng(3)
    curves = [Curve(rng.random((9, 1))) for _ in range(40)]
    scheduler = nas.scheduler(name, type="promotion", factor=factor)
    outcome = simulate(scheduler, curves, budget=9, workers=4, ordered=ordered)
    promotions = [p for p in outcome.promoted if p.promotion is not None]
    assert promotions
    for promoted in promotions:
        assert promoted.promotion is not None
        number = promoted.promotion.number
        course = next(c for c in promoted.peers.courses if c.number == number)
        assert course.standing is Standing.PAUSED
        there = promoted.peers.at(course.step)
        own = course.losses[-1, 0]
        better = np.count_nonzero(there.losses[:, 0] < own)
        assert better < len(there.numbers) // factor


def test_the_asynchronous_example_of_one_worker() -> None:
    """Nine trials, the lower the number the better, budget 9, one third goes on."""
    curves = falling([0.1 * n for n in range(9)], 9)
    stopped = simulate(nas.scheduler("asha"), curves, budget=9)
    assert stopped.spent == {0: 9, **dict.fromkeys(range(1, 6), 1), **dict.fromkeys((6, 7, 8), 1)}
    best_last = simulate(nas.scheduler("asha"), curves[::-1], budget=9)
    assert set(best_last.spent.values()) == {9}  # each was the best so far
    promoted = simulate(nas.scheduler("asha", type="promotion"), curves, budget=9)
    assert Counter(promoted.spent.values()) == {1: 6, 3: 2, 9: 1}
    assert promoted.spent[0] == 9


def test_brackets_begin_on_their_rung() -> None:
    scheduler = started("asha", budget=9, brackets=2)
    curves = falling([0.1] * 30, 9)
    outcome = simulate(nas.scheduler("asha", brackets=2), curves, budget=9)
    second = [r for r in outcome.ruled if "no rung of bracket 2" in r.decision.reason]
    late = {r.course.number for r in second}
    assert 0 < len(late) < 15
    assert all(r.decision.verdict is Verdict.CONTINUE and r.course.step == 1 for r in second)
    on_it = [r for r in outcome.ruled if "rung 3 of bracket 2" in r.decision.reason]
    assert {r.course.number for r in on_it} == late
    assert on_it[-1].decision.reason.count(f"of {len(late)},") == 1  # its bracket's trials only
    assert list(scheduler.levels()) == [1, 3]


@pytest.mark.parametrize("name", ["asha", "moasha"])
def test_bad_parameters(name: str) -> None:
    with pytest.raises(nas.ComponentError, match=r"type must be one of promotion, stopping.*stop"):
        nas.scheduler(name, type="stoping")
    with pytest.raises(nas.ComponentError, match="factor must be a finite number above 1, not 1"):
        nas.scheduler(name, factor=1)
    with pytest.raises(nas.ComponentError, match="factor"):
        nas.scheduler(name, factor=math.inf)
    with pytest.raises(nas.ComponentError, match="grace must be a whole number of at least 1"):
        nas.scheduler(name, grace=0.5)
    with pytest.raises(nas.ConfigError, match="below the budget of a trial, which is 9, not 9"):
        started(name, budget=9, grace=9)
    with pytest.raises(nas.ConfigError, match=r"at most 2, the number of rungs \(1, 3\), not 3"):
        started(name, budget=9, brackets=3, factor=3)


@pytest.mark.parametrize("name", ["asha", "median", "plateau", "hyperband"])
def test_the_objective_is_chosen_by_name(name: str) -> None:
    with pytest.raises(nas.ConfigError, match=r"\(error, params\), not 'eror'.*'error'"):
        started(name, goals=TWO, objective="eror")
    for objective in ("error", "params", None):
        started(name, goals=TWO, objective=objective)


def test_another_objective() -> None:
    others = [at_step(n, 3, [0.1, 50.0 + n]) for n in range(5)]
    own = at_step(9, 3, [0.9, 10.0])
    by_error = started("asha", goals=TWO)
    by_params = started("asha", goals=TWO, objective="params")
    assert judged(by_error, own, others)[0] is Verdict.STOP
    verdict, reason = judged(by_params, own, others)
    assert verdict is Verdict.CONTINUE
    assert reason == "rung 3: params 10 is 1st of 6, the best 2 go on"


def test_what_is_maximised_is_shown_as_the_user_knows_it() -> None:
    goals = [nas.Goal("accuracy", "maximize")]
    own, others = at_step(1, 3, [-0.75]), [at_step(0, 3, [-0.5])]
    verdict, reason = judged(started("asha", goals=goals), own, others)
    assert verdict is Verdict.CONTINUE
    assert "accuracy 0.75 is 1st of 2" in reason


@pytest.mark.parametrize("name", ["asha", "moasha"])
def test_feasible_before_infeasible(name: str) -> None:
    scheduler = started(name, goals=TWO)
    others = [at_step(n, 3, [0.1, 150.0], violation=0.5) for n in range(5)]
    assert judged(scheduler, at_step(9, 3, [0.9, 10.0]), others)[0] is Verdict.CONTINUE
    less = at_step(9, 3, [0.9, 130.0], violation=0.3)
    verdict, reason = judged(scheduler, less, others)
    assert verdict is Verdict.CONTINUE
    assert "(bounds broken by 0.3)" in reason
    more = at_step(9, 3, [0.01, 170.0], violation=0.7)
    assert judged(scheduler, more, others)[0] is Verdict.STOP


def test_moasha_keeps_a_front() -> None:
    """Of nine trials the three that go on are the ends of the front and its middle."""
    front = [[0.1, 90.0], [0.2, 50.0], [0.11, 88.0], [0.12, 86.0], [0.5, 10.0]]
    courses = [at_step(n, 3, losses, paused=True) for n, losses in enumerate(front)]
    courses += [at_step(5 + n, 3, [0.6 + n, 95.0], paused=True) for n in range(4)]
    scheduler = started("moasha", goals=TWO, type="promotion", factor=3)
    order = []
    for _ in range(3):
        promotion = scheduler.promote(Peers(courses, 2))
        assert promotion is not None
        order.append(promotion.number)
        n = promotion.number
        courses[n] = at_step(n, 3, courses[n].losses[-1].tolist())
    assert order == [0, 4, 1]
    assert scheduler.promote(Peers(courses, 2)) is None


def test_moasha_says_where_a_trial_stands() -> None:
    others = [at_step(n, 3, [0.1 + 0.1 * n, 10.0]) for n in range(8)]
    scheduler = started("moasha", goals=TWO, factor=3)
    verdict, reason = judged(scheduler, at_step(8, 3, [0.35, 4e4]), others)
    assert verdict is Verdict.STOP
    assert reason == (
        "rung 3: error 0.35, params 40,000 is on front 4, after 3 of 8 others, the best 3 go on"
    )


def test_moasha_leaves_out_what_nobody_knows_yet() -> None:
    goals = (ERROR, nas.Goal("latency_ms"))
    scheduler = started("moasha", goals=goals)
    others = [at_step(n, 3, [0.2 + 0.1 * n, math.nan]) for n in range(5)]
    verdict, reason = judged(scheduler, at_step(9, 3, [0.1, math.nan]), others)
    assert verdict is Verdict.CONTINUE
    assert "latency_ms without a finite value" in reason
    assert judged(scheduler, at_step(9, 3, [0.9, math.nan]), others)[0] is Verdict.STOP
    assert judged(scheduler, at_step(9, 3, [math.nan, math.nan]), others)[0] is Verdict.STOP


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.booleans())
def test_with_one_objective_moasha_is_asha(seed: int, workers: int, pauses: bool) -> None:
    rng = np.random.default_rng(seed)
    curves = [
        Curve(
            np.round(rng.random(9), 1), violations=np.where(rng.random(9) < 0.2, rng.random(9), 0)
        )
        for _ in range(20)
    ]
    kind = "promotion" if pauses else "stopping"
    runs = [
        simulate(nas.scheduler(name, type=kind, factor=3), curves, budget=9, workers=workers)
        for name in ("asha", "moasha")
    ]
    assert runs[0].spent == runs[1].spent
    assert runs[0].standings == runs[1].standings


@st.composite
def rungs(draw: st.DrawFn, objectives: int) -> tuple[Level, Entry]:
    """Return trials on a rung and one more, with ties, divergence and broken bounds."""
    count = draw(st.integers(0, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    digits = draw(st.integers(1, 6))
    losses = np.round(rng.random((count + 1, objectives)), digits)
    losses[:count][rng.random((count, objectives)) < 0.1] = rng.choice([np.nan, np.inf])
    violations = np.where(rng.random(count + 1) < 0.3, np.round(rng.random(count + 1), 1), 0.0)
    numbers = np.sort(rng.permutation(3 * count + 1)[:count])
    own = Entry(int(rng.integers(3 * count + 1, 99)), losses[-1], float(violations[-1]))
    return Level(numbers, losses[:-1], violations[:-1]), own


def fronts_in_order(points: list[tuple[int, list[float]]]) -> list[int]:
    """Return numbers front by front, each spread from its lowest first loss on."""
    order: list[int] = []
    while points:
        front = [(n, p) for n, p in points if not any(dominates(other, p) for _, other in points)]
        spans = [max(c) - min(c) or 1.0 for c in zip(*(p for _, p in front), strict=True)]
        chosen = [min(front, key=lambda item: (item[1], item[0]))]
        rest = [item for item in front if item is not chosen[0]]
        while rest:
            farthest = max(rest, key=lambda item: min(_apart(item[1], c[1], spans) for c in chosen))
            chosen.append(farthest)
            rest = [item for item in rest if item is not farthest]
        order += [n for n, _ in chosen]
        gone = {n for n, _ in front}
        points = [item for item in points if item[0] not in gone]
    return order


def _apart(a: list[float], b: list[float], spans: list[float]) -> float:
    return math.sqrt(sum(((x - y) / s) ** 2 for x, y, s in zip(a, b, spans, strict=True)))


@settings(max_examples=80, deadline=None)
@given(rungs(2) | rungs(3), st.integers(0, 30))
def test_moasha_orders_as_its_definition(rung: tuple[Level, Entry], count: int) -> None:
    everyone = joined(*rung)
    known = [c for c in range(everyone.losses.shape[1]) if np.isfinite(everyone.losses[:, c]).any()]
    rows = [
        (int(n), losses[known].tolist(), float(v))
        for n, losses, v in zip(everyone.numbers, everyone.losses, everyone.violations, strict=True)
        if known and np.isfinite(losses[known]).all()
    ]
    expected = fronts_in_order([(n, losses) for n, losses, v in rows if v == 0])
    expected += [n for _, n in sorted((v, n) for n, _, v in rows if v > 0)]
    goals = [nas.Goal(f"m{i}") for i in range(everyone.losses.shape[1])]
    best = ByFronts(goals).best(everyone, count)
    assert len(best) == min(count, len(expected))
    # Distances that are equal but for rounding may be taken in either order.
    if len({round(x, 9) for _, losses, _ in rows for x in losses}) == sum(
        len(losses) for _, losses, _ in rows
    ):
        assert best == expected[:count]


@settings(max_examples=80, deadline=None)
@given(rungs(1), st.integers(0, 30))
def test_asha_orders_as_its_definition(rung: tuple[Level, Entry], count: int) -> None:
    everyone = joined(*rung)
    rows = zip(everyone.violations, everyone.losses[:, 0], everyone.numbers, strict=True)
    expected = [int(n) for v, loss, n in sorted(r for r in rows if np.isfinite(r[1]))]
    assert ByLoss(Criterion(ERROR, 0)).best(everyone, count) == expected[:count]


@settings(max_examples=80, deadline=None)
@given(rungs(1) | rungs(2) | rungs(3), st.integers(0, 20), st.sets(st.integers(0, 80), max_size=9))
def test_the_first_of_some_is_the_first_of_them_among_the_best(
    rung: tuple[Level, Entry], count: int, among: set[int]
) -> None:
    ranking = ByFronts([nas.Goal(f"m{i}") for i in range(rung[0].losses.shape[1])])
    best = ranking.best(rung[0], count)
    expected = [(rank, number) for rank, number in enumerate(best, 1) if number in among]
    assert ranking.first(rung[0], count, among) == (expected[0] if expected else None)


@settings(max_examples=80, deadline=None)
@given(rungs(1) | rungs(2) | rungs(3), st.integers(1, 12))
def test_a_place_and_the_best_agree(rung: tuple[Level, Entry], go_on: int) -> None:
    """Whoever would go on among the best does so by place; ties may go on besides."""
    reached, own = rung
    objectives = reached.losses.shape[1]
    rankings: list[Ranking] = [ByFronts([nas.Goal(f"m{i}") for i in range(objectives)])]
    if objectives == 1:
        rankings.append(ByLoss(Criterion(ERROR, 0)))
    for ranking in rankings:
        if not ranking.finite(reached, own):
            continue
        ahead = ranking.place(reached, own, go_on).ahead
        assert 0 <= ahead <= len(reached.numbers)
        among = own.number in ranking.best(joined(reached, own), go_on)
        equal = (reached.losses == own.losses).all(axis=1) & (reached.violations == own.violation)
        if equal.any() or own.violation in reached.violations[reached.violations > 0]:
            assert not among or ahead < go_on
        else:
            assert among == (ahead < go_on)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 3))
def test_an_epsilon_net_covers(seed: int, count: int, objectives: int) -> None:
    points = np.random.default_rng(seed).random((12, objectives)) * [1.0, 1e5, 1e-3][:objectives]
    order = epsilon_net(points, count)
    assert len(set(order.tolist())) == count
    assert order[0] == points[:, 0].argmin()
    assert epsilon_net(points, 12).tolist()[:count] == order.tolist()
    scaled = points / np.ptp(points, axis=0)
    gaps = [
        np.linalg.norm(scaled[order[:i]] - scaled[order[i]], axis=1).min() for i in range(1, count)
    ]
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(gaps))


def test_words() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112, 101)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th", "101st"),
    ]
    assert going_on(0) == "too few for one to go on"
    assert going_on(1) == "the best one goes on"
    assert going_on(4) == "the best 4 go on"
