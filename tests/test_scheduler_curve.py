"""Scheduler curve: laws, naive oracles, several objectives, whole searches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from races import race, run
from toys import rows

import nas
from nas import Course, Decision, Goal, Peers, Standing, Verdict
from nas.errors import ComponentError, ConfigError, StudyError
from nas.testing.courses import Curve
from nas_schedulers.curve_chance import Others, chance
from nas_schedulers.curve_price import price

BUDGET = 20
STEPS = np.arange(1, BUDGET + 1)
PLAIN = {"name": "curve_bank", "size": 1000, "drift": 0.0, "rise": 0.0, "stall": 0.0, "fall": 0.0}
FAST = {"predictor": "last_value"}
ERROR, ACCURACY, PARAMS = Goal("error"), Goal("accuracy", "maximize"), Goal("params")


def started(*goals: Goal, budget: int = BUDGET, **parameters: Any) -> nas.Scheduler:
    scheduler = nas.scheduler("curve", **{"predictor": PLAIN, **parameters})
    scheduler.start(nas.Contest(goals or (ERROR,), budget))
    return scheduler


def course(
    losses: Any, number: int = 99, standing: Standing = Standing.RUNNING, **fields: Any
) -> Course:
    curve = Curve(np.array(losses, dtype=float), **fields)
    return curve.course(number, len(curve.steps), standing)


def complete(losses: Any, number: int) -> Course:
    return course(losses, number, Standing.COMPLETE)


def judged(
    scheduler: nas.Scheduler, own: Course, others: Sequence[Course] = ()
) -> tuple[Verdict, str]:
    decision = scheduler.judge(own, Peers(others, own.losses.shape[1]))
    return decision.verdict, decision.reason


def falling(end: float, rate: float = 0.3, start: float = 0.9) -> np.ndarray:
    """An error that comes down to ``end``."""
    return end + (start - end) * np.exp(-rate * STEPS)


GOOD = [complete(falling(end), number) for number, end in enumerate((0.3, 0.2, 0.25))]
"""Trials that ended well."""
FLAT = np.full(BUDGET, 0.9) + 0.001 * np.cos(STEPS)
"""One at chance level, with a little noise."""


def test_the_first_trial_is_finished() -> None:
    scheduler = started()
    for step in scheduler.levels():
        verdict, reason = judged(scheduler, course(FLAT[:step]))
        assert verdict is Verdict.CONTINUE
    assert reason == "step 19: it leads; complete trials took 0% of all epochs"


def test_a_hopeless_trial_is_stopped() -> None:
    scheduler = started()
    stops = [
        s for s in scheduler.levels() if judged(scheduler, course(FLAT[:s]), GOOD)[0] == "stop"
    ]
    assert stops
    assert stops[0] <= 6
    assert stops == [step for step in scheduler.levels() if step >= stops[0]]


def test_a_promising_trial_goes_on() -> None:
    scheduler = started()
    for step in (1, 3, 6, 10, 15):
        assert judged(scheduler, course(falling(0.1)[:step]), GOOD)[0] is Verdict.CONTINUE


def test_the_reason_has_the_numbers() -> None:
    verdict, reason = judged(started(price=0), course(FLAT[:8]), GOOD)
    assert verdict is Verdict.STOP
    assert reason.startswith("step 8: chance ")
    assert reason.endswith("of error 0.2017 (own 0.899, best 0.2017), 0.05 is asked for")


def test_levels_come_closer_first() -> None:
    assert tuple(started(budget=12).levels()) == tuple(range(1, 12))
    levels = list(started(budget=1000, grace=30).levels())
    assert levels[0] == 30
    assert len(levels) < 40
    assert max(np.diff(levels)) <= 100


@pytest.mark.parametrize("step", [0, 2, BUDGET])
def test_nothing_is_decided_in_the_grace_period_or_at_the_end(step: int) -> None:
    own = course(FLAT[:step], steps=range(1, step + 1)) if step else course(np.empty((0, 1)))
    verdict, reason = judged(started(grace=3), own, GOOD)
    assert (verdict, reason) == (Verdict.CONTINUE, f"nothing is decided at step {step}")


@pytest.mark.parametrize("last", [math.nan, math.inf, -math.inf])
def test_a_diverged_trial_is_stopped(last: float) -> None:
    verdict, reason = judged(started(), course([0.5, last]))
    assert (verdict, reason) == (Verdict.STOP, "step 2: error without a finite value")


def test_it_must_be_started() -> None:
    with pytest.raises(StudyError, match="must be started"):
        nas.scheduler("curve").levels()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"threshold": 2}, "threshold must be a probability"),
        ({"grace": 0}, "grace must be a whole number of at least 1"),
        ({"price": -1}, "price must be a finite number of at least 0"),
        ({"trust": 0}, "trust must be a finite number above 0"),
        ({"leaders": 1.5}, "leaders must be a probability"),
        ({"low": 1.0, "high": 0.0}, "low must be below high"),
        ({"predictor": 3}, "a curve_predictor is a name"),
        ({"predictor": "curve_bnak"}, "curve_bank"),
        ({"patience": 5}, "patience"),
    ],
)
def test_what_cannot_be_is_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ComponentError, match=said):
        nas.scheduler("curve", **parameters)


def test_grace_must_leave_something_to_decide() -> None:
    with pytest.raises(ConfigError, match="grace must be below the budget"):
        started(grace=BUDGET)


# Laws


values = st.floats(0.0, 1.0).map(lambda x: round(x, 3))
curves = st.lists(values, min_size=1, max_size=BUDGET - 1)
ends = st.sampled_from([Standing.STOPPED, Standing.COMPLETE, Standing.FAILED, Standing.RUNNING])


@st.composite
def studies(draw: st.DrawFn) -> tuple[Course, list[Course]]:
    others = []
    for number in range(draw(st.integers(0, 6))):
        standing = draw(ends)
        size = BUDGET if standing is Standing.COMPLETE else draw(st.integers(1, BUDGET - 1))
        losses = draw(st.lists(values, min_size=size, max_size=size))
        others.append(course(losses, number, standing))
    return course(draw(curves)), others


@given(studies(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60)
def test_a_higher_threshold_stops_no_less(
    study: tuple[Course, list[Course]], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    mild, strict = (judged(started(threshold=t, **FAST), *study)[0] for t in (low, high))
    assert mild is Verdict.CONTINUE or strict is Verdict.STOP


@given(studies())
@settings(max_examples=60)
def test_with_all_leaders_nobody_who_leads_is_stopped(study: tuple[Course, list[Course]]) -> None:
    own, others = study
    if all(own.best <= other.best for other in others):
        assert judged(started(leaders=1.0, **FAST), own, others)[0] is Verdict.CONTINUE


@given(studies())
@settings(max_examples=40)
def test_a_decision_follows_from_its_arguments(study: tuple[Course, list[Course]]) -> None:
    own, others = study
    scheduler = started(**FAST)
    elsewhere = [course(1 - o.losses, o.number, o.standing) for o in others]
    judged(scheduler, course(1 - own.losses), elsewhere)  # other trials of the same numbers
    assert judged(scheduler, own, others) == judged(started(**FAST), own, others)


@given(studies())
@settings(max_examples=40)
def test_an_accuracy_is_one_less_the_error(study: tuple[Course, list[Course]]) -> None:
    def mirrored(one: Course) -> Course:
        return course(one.losses - 1, one.number, one.standing)

    own, others = study
    bounds = {"low": 0.0, "high": 1.0, **FAST}
    error = judged(started(**bounds), own, others)
    accuracy = judged(started(ACCURACY, **bounds), mirrored(own), [mirrored(o) for o in others])
    assert error[0] is accuracy[0]
    assert error[1].split(" of ")[0] == accuracy[1].split(" of ")[0]  # the chance


def test_any_scale_will_do() -> None:
    """A reward without bounds, in the thousands and below zero, is judged as well."""
    reward = Goal("reward", "maximize")
    good = [complete(1e4 * c.losses - 5e3, c.number) for c in GOOD]
    assert judged(started(reward), course(1e4 * FLAT[:8] - 5e3), good)[0] is Verdict.STOP
    assert judged(started(reward), course(1e4 * falling(0.1)[:8] - 5e3), good)[0] != Verdict.STOP


# What other trials teach


def late(end: float) -> np.ndarray:
    """An error that stays at 0.6 and comes down in the last quarter."""
    return np.where(STEPS <= 15, 0.6, 0.6 - (0.6 - end) * (STEPS - 15) / 5)


def test_late_risers_are_learned_from_complete_trials() -> None:
    """The prediction alone gives them up; trials that rose late from the same level tell better."""
    own, others = course(late(0.1)[:12]), [complete(late(0.2 + 0.02 * k), k) for k in range(6)]
    alone = started(trust=1e6)
    assert judged(alone, own, others)[0] is Verdict.STOP
    assert judged(started(), own, others)[0] is Verdict.CONTINUE


def test_a_lead_must_pay_once_complete_trials_had_their_share() -> None:
    own, others = course(FLAT[:10] - 0.01), [complete(FLAT, 0)]
    assert judged(started(leaders=1.0), own, others)[0] is Verdict.CONTINUE
    verdict, reason = judged(started(leaders=0.0), own, others)
    assert verdict is Verdict.STOP, reason


class Unasked(nas.CurvePredictor):
    """Fails where it is asked."""

    def extrapolate(self, curves: np.ndarray, epochs: int) -> nas.CurvePosterior:
        raise AssertionError("nothing was to be predicted")


def test_what_others_gained_alone_may_do_to_go_on() -> None:
    """A prediction that cannot change the decision is not made."""
    own, others = course(late(0.1)[:12]), [complete(late(0.2 + 0.02 * k), k) for k in range(6)]
    asked, unasked = started(), started()
    unasked.used = (Unasked(),)
    assert judged(unasked, own, others) == judged(asked, own, others)
    assert " or more of error" in judged(asked, own, others)[1]
    with pytest.raises(AssertionError, match="nothing was to be"):
        judged(unasked, course(FLAT[:8]), GOOD)


def test_a_trial_that_is_level_stops_when_new_ones_are_worth_more() -> None:
    """Ever better new trials of a few epochs make the epochs that are left dear."""
    others = [complete(falling(0.6), 0)]
    others += [course(falling(0.58 - 0.05 * k)[:5], k, Standing.STOPPED) for k in range(1, 8)]
    own = course(np.append(others[-1].losses[:, 0], others[-1].best[0] - 0.001 * STEPS[:5]))
    free, dear = (judged(started(price=p, leaders=0.0), own, others) for p in (0.0, 3.0))
    assert (free[0], dear[0]) == (Verdict.CONTINUE, Verdict.STOP), (free, dear)


def naive_chance(
    reach: Sequence[float], others: Others, level: float, needed: float, trust: float
) -> float:
    """Step by step, trial by trial: hazards of the beta-Stacy posterior."""
    spread = math.log(2) / math.sqrt(1 + sum(others.complete))
    found = []
    for z in (-1.2816, -0.5244, 0.0, 0.5244, 1.2816):
        survival = 1.0
        for u in range(len(reach)):
            earlier = reach[u - 1] if u else 0.0
            events, at_risk = trust * (reach[u] - earlier), trust * (1 - earlier)
            for row, known in enumerate(others.known):
                alike = math.exp(-0.5 * ((others.levels[row] - level) / 0.1) ** 2)
                there = others.gains[row] >= needed * math.exp(spread * z)
                if not there[:u].any() and u < known:
                    at_risk += alike
                    events += alike * there[u]
            survival *= 1 - (events / at_risk if at_risk > 0 else 0.0)
        found.append(1 - survival)
    return float(np.mean(found))


@given(st.data())
@settings(max_examples=60)
def test_the_chance_is_that_of_a_beta_stacy_process(data: st.DataObject) -> None:
    steps, seen = 9, data.draw(st.integers(1, 8))
    level = st.floats(0, 1)
    lists = st.lists(st.lists(level, min_size=seen + 1, max_size=steps), max_size=6)
    bests = [np.maximum.accumulate(best) for best in data.draw(lists)]
    others = Others.of(bests, [len(best) == steps for best in bests], seen, steps)
    left = steps - seen
    reach = np.maximum.accumulate(data.draw(st.lists(level, min_size=left, max_size=left)))
    case = data.draw(level), data.draw(level), data.draw(st.sampled_from([0.1, 1.0, 3.0]))
    found = chance(reach, others, *case)
    assert found == pytest.approx(naive_chance(reach, others, *case))
    assert chance(np.zeros(left), others, *case) <= found + 1e-9, "no prediction expects less"


def test_without_others_the_chance_is_the_prediction() -> None:
    nobody = Others.of([], [], 1, 4)
    assert chance(np.array([0.1, 0.2, 0.4]), nobody, 0.5, 0.1, 1.0) == pytest.approx(0.4)


def test_stopped_trials_only_tell_of_the_steps_they_had() -> None:
    """Kaplan and Meier: one of two gains after a step, one is stopped before it could."""
    gained, stopped = np.array([0.5, 0.9, 0.9, 0.9]), np.array([0.5, 0.5])
    others = Others.of([gained, stopped], [True, False], 1, 4)
    never = np.zeros(3)
    assert chance(never, others, 0.5, 0.1, 1e-9) == pytest.approx(0.5)
    both = Others.of([gained, np.full(4, 0.5)], [True, True], 1, 4)
    assert chance(never, both, 0.5, 0.1, 1e-9) == pytest.approx(0.5)
    after = Others.of([np.array([0.5, 0.5, 0.9, 0.9]), stopped], [True, False], 1, 4)
    assert chance(never, after, 0.5, 0.1, 1e-9) == pytest.approx(1.0)


def test_the_price_falls_with_the_trials_and_their_cost() -> None:
    few, many = np.array([0.2, 0.5]), np.array([0.2, 0.5] + [0.3] * 50)
    assert price(few, 5.0) == pytest.approx((0.5 * 0.5 + 0.3) / 1.5 / 3 / 5)
    assert price(many, 5.0) < price(few, 5.0) / 10
    assert price(few, 50.0) == pytest.approx(price(few, 5.0) / 10)
    assert price(np.array([0.1, 0.99]), 1.0) == pytest.approx(0.01 / 3)  # no more than is left
    assert price(np.array([0.1, 1.0]), 1.0) == 0.0
    assert price(np.empty(0), 10.0) == pytest.approx(0.05)


# Several objectives


def sized(errors: Any, params: float) -> np.ndarray:
    return np.column_stack([errors, np.full(len(errors), params)])


BOTH = (ERROR, PARAMS)
FRONT = [
    complete(sized(falling(end), params), number)
    for number, (end, params) in enumerate([(0.3, 100.0), (0.2, 300.0), (0.25, 200.0)])
]


@pytest.mark.parametrize(
    ("params", "stops"),
    [(50.0, False), (150.0, True), (1000.0, True)],
)
def test_rivals_are_no_larger(params: float, stops: bool) -> None:
    """The smallest network joins the front whatever its error."""
    verdict, reason = judged(started(*BOTH, price=0), course(sized(FLAT[:8], params)), FRONT)
    assert (verdict is Verdict.STOP) is stops, reason


@pytest.mark.parametrize(
    ("params", "best"), [(150.0, "0.3015"), (250.0, "0.2516"), (400.0, "0.2017")]
)
def test_the_best_is_that_of_the_rivals(params: float, best: str) -> None:
    _, reason = judged(started(*BOTH, price=0), course(sized(FLAT[:8], params)), FRONT)
    assert f"best {best})" in reason


def test_infeasible_trials_are_no_rivals_of_feasible_ones() -> None:
    broken = Curve(falling(0.01)[:, None], violations=np.ones(BUDGET))
    others = [broken.course(7, BUDGET, Standing.COMPLETE), *GOOD]
    _, reason = judged(started(price=0), course(FLAT[:8]), others)
    assert "best 0.2017)" in reason


def test_a_bound_has_to_be_kept() -> None:
    """Nobody is better, but the error will not come below its bound."""
    bounded = Goal("error", high=0.1)
    curve = Curve(FLAT[:, None], violations=np.ones(BUDGET))
    others = [Curve(FLAT + 0.01, violations=np.ones(BUDGET)).course(0, BUDGET, Standing.COMPLETE)]
    own = curve.course(1, 8)
    assert judged(started(bounded, leaders=0, price=0), own, others)[0] is Verdict.STOP
    assert judged(started(leaders=0, price=0), own, others)[0] is Verdict.CONTINUE


def test_two_objectives_that_both_change() -> None:
    """Behind in both and flat: stopped; behind in one only: it is on the front."""
    goals = (ERROR, Goal("loss"))
    others = [complete(np.column_stack([c.losses, 2 * c.losses]), c.number) for c in GOOD]
    behind = np.column_stack([FLAT, 2 * FLAT])[:8]
    ahead = np.column_stack([FLAT, np.full(BUDGET, 0.1) + 0.001 * STEPS])[:8]
    assert judged(started(*goals, leaders=1), course(behind), others)[0] is Verdict.STOP
    assert judged(started(*goals, leaders=1), course(ahead), others)[0] is Verdict.CONTINUE


def test_an_objective_without_a_value_yet_is_left_out() -> None:
    """A latency that is measured after training."""
    goals = (ERROR, Goal("latency"))
    others = [complete(sized(c.losses[:, 0], 3.0), c.number) for c in GOOD]
    assert judged(started(*goals), course(sized(FLAT[:8], math.nan)), others)[0] is Verdict.STOP


# Odd reports


@pytest.mark.parametrize("every", [1, 3, 7])
def test_trials_that_report_now_and_then(every: int) -> None:
    steps = [*range(every, 60, every), 60]
    good = falling(0.2, 0.1)[:1] * np.exp(-0.05 * np.array(steps))
    others = [complete_at(good, steps)]
    flat = course(np.full(5, 0.9), steps=steps[:5])
    better = course(0.8 * good[:5], steps=steps[:5])
    scheduler = started(budget=60)
    assert judged(scheduler, better, others)[0] is Verdict.CONTINUE
    assert judged(started(budget=60, leaders=0, price=0), flat, others)[0] is Verdict.STOP


def complete_at(losses: np.ndarray, steps: Sequence[int]) -> Course:
    return Curve(losses, steps).course(0, len(steps), Standing.COMPLETE)


def test_long_curves_are_thinned() -> None:
    steps = range(1, 5001)
    good = complete_at(0.2 + 0.7 * np.exp(-0.001 * np.arange(1, 5001)), steps)
    own = course(np.full(1500, 0.9), steps=steps[:1500])
    assert judged(started(budget=5000), own, [good])[0] is Verdict.STOP


# Whole searches


def test_in_a_search_decisions_are_archived_and_the_same_again(tmp_path: Path) -> None:
    values = race(scheduler={"name": "curve", "predictor": PLAIN})
    found = []
    for name in ("one.db", "two.db"):
        run(values, tmp_path / name)
        statuses = "SELECT number, status, budget FROM trials ORDER BY number"
        rulings = "SELECT trial, step, verdict, reason FROM rulings ORDER BY trial, position"
        found.append([rows(tmp_path / name, sql) for sql in (statuses, rulings)])
    assert found[0] == found[1]
    assert {status for _, status, _ in found[0][0]} == {"complete", "stopped"}
    assert all("chance" in reason for _, _, verdict, reason in found[0][1] if verdict == "stop")


def simulated(losses: np.ndarray, scheduler: nas.Scheduler, epochs: int) -> float:
    """One trial after the other; the lowest loss after so many epochs."""
    scheduler.start(nas.Contest((ERROR,), losses.shape[1]))
    levels, ended, lowest = set(scheduler.levels()), [], math.inf
    for number, curve in enumerate(losses):
        for step in range(1, losses.shape[1] + 1):
            lowest, epochs = min(lowest, curve[step - 1]), epochs - 1
            decision = Decision(Verdict.CONTINUE, "")
            if step in levels:
                decision = scheduler.judge(course(curve[:step], number), Peers(ended, 1))
            if decision.verdict is Verdict.STOP or not epochs:
                break
        standing = Standing.COMPLETE if step == losses.shape[1] else Standing.STOPPED
        ended.append(course(curve[:step], number, standing))
        if not epochs:
            break
    return lowest


def test_it_finds_better_ones_in_the_same_epochs() -> None:
    """Random curves of which a few are good, in five orders."""
    rng = np.random.default_rng(0)
    end = 0.9 - 0.7 * rng.random(120) ** 6
    rate = np.exp(rng.normal(-1.5, 0.5, 120))
    losses = end[:, None] + (0.9 - end)[:, None] * np.exp(-rate[:, None] * STEPS)
    losses += rng.normal(0, 0.005, losses.shape)
    without, ours = (
        np.array([simulated(losses[o], s, 6 * BUDGET) for o in map(rng.permutation, [120] * 5)])
        for s, rng in (
            (nas.scheduler("none"), np.random.default_rng(1)),
            (nas.scheduler("curve", predictor=PLAIN), np.random.default_rng(1)),
        )
    )
    assert (ours <= without + 0.02).all()
    assert ours.mean() < without.mean() - 0.05
