"""Schedulers median and plateau: by hand, and against their definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas import Course, Peers, Verdict
from nas.testing.courses import Curve, simulate

GOALS = (nas.Goal("error"),)


def started(name: str, budget: int = 20, **parameters: Any) -> nas.Scheduler:
    scheduler = nas.scheduler(name, **parameters)
    scheduler.start(nas.Contest(GOALS, budget))
    return scheduler


def course(losses: Sequence[float], number: int = 0, steps: Sequence[int] = ()) -> Course:
    return Curve(np.array(losses), steps).course(number, len(losses))


def judged(
    scheduler: nas.Scheduler, own: Course, others: Sequence[Course] = ()
) -> tuple[Verdict, str]:
    decision = scheduler.judge(own, Peers(others, own.losses.shape[1]))
    return decision.verdict, decision.reason


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([0.5, 0.6, 0.6, 0.6], False),
        ([0.5, 0.6, 0.6, 0.6, 0.6], False),
        ([0.5, 0.6, 0.6, 0.6, 0.6, 0.6], True),  # five steps after the best
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], True),  # as good is no better
        ([0.5, 0.6, 0.6, 0.6, 0.6, 0.49], False),
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], False),
        ([0.5, math.nan], True),
        ([0.5, 0.4, math.inf], True),
        ([math.nan, 0.5, 0.6, 0.6, 0.6, 0.6], False),  # it had no value before step 2
    ],
)
def test_patience(losses: list[float], stops: bool) -> None:
    verdict, _ = judged(started("plateau"), course(losses))
    assert verdict is (Verdict.STOP if stops else Verdict.CONTINUE)


def test_patience_says_how_long_it_waited() -> None:
    own = course([0.5, 0.25, 0.6, 0.6, 0.6, 0.6, 0.6])
    assert judged(started("plateau"), own)[1] == (
        "step 7: best error 0.25 was 5 steps ago, patience is 5"
    )


def test_patience_counts_budget_not_reports() -> None:
    own = course([0.5, 0.6, 0.6], steps=[2, 4, 7])
    assert judged(started("plateau"), own)[0] is Verdict.STOP
    assert judged(started("plateau", patience=6), own)[0] is Verdict.CONTINUE


def test_an_improvement_must_be_worth_it() -> None:
    own = course([1.0, 0.995, 0.99, 0.985])  # each 0.5 % better
    assert judged(started("plateau", patience=3), own)[0] is Verdict.CONTINUE
    assert judged(started("plateau", patience=3, min_delta=0.02), own)[0] is Verdict.STOP
    slow = course([1.0, 0.994, 0.988, 0.982])  # 1.2 % better after two steps
    assert judged(started("plateau", patience=2, min_delta=0.01), slow)[0] is Verdict.CONTINUE


def test_an_improvement_of_a_negative_loss() -> None:
    """Accuracies are negative losses: from 0.50 to 0.51 is 2 % better."""
    own = course([-0.50, -0.51, -0.51])
    assert judged(started("plateau", patience=2, min_delta=0.01), own)[0] is Verdict.CONTINUE
    assert judged(started("plateau", patience=2, min_delta=0.03), own)[0] is Verdict.STOP


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=19), st.integers(1, 6), st.integers(1, 10))
def test_patience_by_its_definition(values: list[int], patience: int, grace: int) -> None:
    losses = [v / 10 for v in values]
    outcome = simulate(
        nas.scheduler("plateau", patience=patience, grace=grace),
        [Curve(np.array(losses + [0.9] * (20 - len(losses))))],
        budget=20,
    )
    padded = losses + [0.9] * (20 - len(losses))
    expected = 20
    for step in range(grace, 20):
        best = min(padded[:step])
        if step - (padded.index(best) + 1) >= patience:
            expected = step
            break
    assert outcome.spent[0] == expected


@pytest.mark.parametrize("name", ["median", "plateau"])
def test_grace(name: str) -> None:
    assert list(started(name, budget=9, grace=4).levels()) == [4, 5, 6, 7, 8]
    with pytest.raises(nas.ConfigError, match="below the budget of a trial, which is 9, not 9"):
        started(name, budget=9, grace=9)


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("plateau", {"patience": 0}, "patience must be a whole number of at least 1, not 0"),
        ("plateau", {"min_delta": -0.1}, "min_delta must be a finite number of at least 0"),
        ("plateau", {"grace": 0}, "grace must be"),
        ("median", {"against": "mean"}, "against must be one of average, best, not 'mean'"),
        ("median", {"trials": 0}, "trials must be a whole number of at least 1"),
        ("median", {"grace": -1}, "grace must be"),
        ("median", {"patience": 3}, "patience"),
    ],
)
def test_bad_parameters(name: str, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(nas.ComponentError, match=words):
        nas.scheduler(name, **parameters)


OTHERS = [course([0.9, 0.5, 0.1], 0), course([0.8, 0.6, 0.4], 1), course([0.9, 0.9, 0.9], 2)]
"""Running averages after 3 steps: 0.5, 0.6, 0.9; bests: 0.1, 0.4, 0.9."""


@pytest.mark.parametrize(
    ("against", "own", "stops"),
    [
        ("average", [0.9, 0.7, 0.61], True),
        ("average", [0.9, 0.7, 0.60], False),  # strictly worse, says the paper
        ("average", [0.5, 0.9, 0.9], False),  # its best counts
        ("best", [0.9, 0.7, 0.41], True),
        ("best", [0.9, 0.7, 0.39], False),
        ("average", [0.1, 0.1, math.nan], True),
    ],
)
def test_median(against: str, own: list[float], stops: bool) -> None:
    scheduler = started("median", against=against, trials=3)
    verdict, _ = judged(scheduler, course(own, 3), OTHERS)
    assert verdict is (Verdict.STOP if stops else Verdict.CONTINUE)


def test_median_says_what_it_compares() -> None:
    assert judged(started("median", trials=3), course([0.9, 0.9, 0.7], 3), OTHERS)[1] == (
        "step 3: best error 0.7, the median of 3 running averages is 0.6"
    )
    assert judged(started("median", trials=4), course([0.9, 0.9, 0.9], 3), OTHERS) == (
        Verdict.CONTINUE,
        "step 3: 3 others came as far, 4 are needed",
    )


def test_who_has_not_come_as_far_does_not_count() -> None:
    others = [*OTHERS, course([0.1, 0.1], 3), course([0.1], 4)]
    scheduler = started("median", trials=4)
    assert judged(scheduler, course([0.9, 0.9, 0.9], 5), others)[0] is Verdict.CONTINUE


def test_a_diverged_one_is_worse_than_all() -> None:
    diverged = [course([0.1, 0.1, math.nan], n) for n in (3, 4)]
    verdict, reason = judged(
        started("median", trials=3, against="best"),
        course([0.9, 0.9, 0.5], 5),
        [*OTHERS, *diverged],
    )
    assert verdict is Verdict.CONTINUE  # the median of 0.1, 0.4, 0.9 and two diverged ones is 0.9
    assert "the median of 5 bests is 0.9" in reason


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["average", "best"]),
    st.integers(1, 5),
    st.booleans(),
)
def test_median_by_its_definition(seed: int, against: str, workers: int, ordered: bool) -> None:
    rng = np.random.default_rng(seed)
    curves = [
        Curve(np.where(rng.random(8) < 0.03, np.nan, np.round(rng.random(8) + 1 / (1 + n % 3), 2)))
        for n in range(15)
    ]
    scheduler = nas.scheduler("median", against=against, trials=2)
    outcome = simulate(scheduler, curves, budget=8, workers=workers, ordered=ordered)
    assert outcome.ruled
    for ruled in outcome.ruled:
        own, step = ruled.course.losses[:, 0], ruled.course.step
        values = []
        for peer in ruled.peers.courses:
            until = [
                loss for s, loss in zip(peer.steps, peer.losses[:, 0], strict=True) if s <= step
            ]
            if peer.step >= step:
                finite = [loss for loss in until if math.isfinite(loss)]
                reduced = (
                    sum(finite) / max(1, len(finite))
                    if against == "average"
                    else min(finite, default=math.inf)
                )
                values.append(reduced if math.isfinite(until[-1]) else math.inf)
        stops = not math.isfinite(own[-1])
        if len(values) >= 2:
            best, median = np.nanmin([*own, math.inf]), float(np.median(values))
            if math.isclose(best, median):
                continue
            stops = stops or bool(best > median)
        assert (ruled.decision.verdict is Verdict.STOP) == stops


def test_memory_does_not_mistake_another_curve_for_one_that_it_knows() -> None:
    scheduler = started("median", trials=3)
    own = course([0.9, 0.9, 0.7], 3)
    assert judged(scheduler, own, OTHERS)[0] is Verdict.STOP
    worse = [course([1.9, 1.5, 1.1 + 0.1 * n], n) for n in range(3)]
    assert judged(scheduler, own, worse)[0] is Verdict.CONTINUE
    assert judged(scheduler, own, OTHERS)[0] is Verdict.STOP
