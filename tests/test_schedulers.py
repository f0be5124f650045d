"""What every scheduler must do, whoever wrote it; run on a simulated cluster."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas import Standing, Verdict
from nas.plugins import Plugins
from nas.testing import Inapplicable, Law, laws_of, subjects
from nas.testing.courses import Curve, Outcome, falling, simulate
from nas.testing.laws.schedulers import BUDGET, crowd

VARIANTS: dict[str, dict[str, Any]] = {
    "asha": {"type": "stopping"},
    "curve": {"predictor": {"name": "curve_bank", "size": 2_000, "particles": 64}},
    "asha promotion": {"type": "promotion"},
    "asha brackets": {"type": "promotion", "brackets": 2, "factor": 2},
    "median best": {"against": "best", "trials": 2},
    "moasha promotion": {"type": "promotion", "factor": 2},
    "hyperband halves": {"factor": 2},
    "plateau relative": {"patience": 2, "min_delta": 0.01},
}
"""Parameters other than the defaults; the first word is the scheduler's name."""
PLUGINS = Plugins()
NAMES = sorted({*VARIANTS, *PLUGINS.registry("scheduler").names()})

every = pytest.mark.parametrize("name", NAMES)


def build(name: str) -> nas.Scheduler:
    return nas.scheduler(name.split()[0], **VARIANTS.get(name, {}))


def decides(name: str) -> bool:
    scheduler = build(name)
    scheduler.start(nas.Contest((nas.Goal("error"),), BUDGET))
    return bool(scheduler.levels())


def run(name: str, curves: list[Curve], **options: Any) -> Outcome:
    return simulate(build(name), curves, budget=BUDGET, **options)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("law", laws_of("scheduler"), ids=lambda law: law.name)
def test_laws_hold_with_other_parameters_too(name: str, law: Law) -> None:
    """With the defaults they are checked in ``test_conformance``."""
    (subject,) = subjects(PLUGINS, f"schedulers:{name.split()[0]}")
    registered = subject.registered
    component = replace(registered.component, example=VARIANTS[name])
    with suppress(Inapplicable):
        law(replace(subject, registered=replace(registered, component=component)))


@every
@pytest.mark.parametrize("ordered", [True, False])
def test_the_same_search_gets_the_same_decisions(name: str, ordered: bool) -> None:
    curves = crowd(1, 30)
    first, second = (run(name, curves, workers=3, ordered=ordered) for _ in range(2))
    assert first.log() == second.log()


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
def test_a_crowd_costs_less_than_its_full_budget(name: str) -> None:
    if not decides(name):
        pytest.skip("decides nothing")
    slow = [Curve(np.full(BUDGET, 1.5)) for _ in range(20)]
    curves = [c for pair in zip(falling([0.1] * 20, BUDGET), slow, strict=True) for c in pair]
    spent = run(name, curves, workers=2).spent
    assert sum(spent.values()) < 0.9 * BUDGET * len(curves)
    assert sum(list(spent.values())[1::2]) <= sum(list(spent.values())[::2])


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
