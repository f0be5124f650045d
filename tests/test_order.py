"""In which order a strategy is told, and that a later session is told in the same."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import config, rows, run, told

import nas
from nas.engine.order import CompletionOrder, NumberOrder


def trial(number: int) -> nas.Trial:
    return nas.Trial(number, nas.Architecture({"n": number}), nas.Status.COMPLETE)


def simulate(order: Any, window: int, count: int, seed: int) -> list[list[int]]:
    """Propose ``count`` trials and end them in a random order; return what each proposal knew."""
    rng = random.Random(seed)
    running: list[int] = []
    known: list[int] = []
    knew: list[list[int]] = []
    while len(knew) < count:
        due = order.due(len(knew), len(running))
        if due is None:
            order.ended(trial(running.pop(rng.randrange(len(running)))))
            continue
        known += [t.number for t in due]
        knew.append(list(known))
        running.append(len(knew) - 1)
        while running and rng.random() < 0.4:
            order.ended(trial(running.pop(rng.randrange(len(running)))))
    return knew


@given(st.integers(1, 6), st.integers(0, 2**16))
def test_by_number_a_proposal_knows_exactly_the_trials_before_its_window(
    window: int, seed: int
) -> None:
    for number, knew in enumerate(simulate(NumberOrder(window), window, 25, seed)):
        assert knew == list(range(max(0, number - window + 1)))


@given(st.integers(1, 6), st.integers(0, 2**16))
def test_by_completion_every_trial_is_told_once_and_no_more_than_the_window_are_in_flight(
    window: int, seed: int
) -> None:
    for number, knew in enumerate(simulate(CompletionOrder(window, (), {}), window, 25, seed)):
        assert len(set(knew)) == len(knew) > number - window
        assert all(n < number for n in knew)


@given(st.permutations(range(8)), st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_a_later_session_is_told_as_the_earlier_one_was(ends: list[int], steps: list[int]) -> None:
    known, told_before = 0, {}
    for number, step in enumerate(steps):
        known = min(known + step, number)
        told_before[number] = known
    order = CompletionOrder(4, map(trial, ends), told_before)
    told_now: list[int] = []
    for number in range(8):
        told_now += [t.number for t in order.due(number, 0) or []]
        assert told_now == ends[: told_before[number]]
    assert [t.number for t in order.due(8, 0) or []] == ends[known:]


@pytest.fixture
def uneven() -> dict[str, Any]:
    return config(
        strategy="climb",
        order="completion",
        window=3,
        evaluator={"name": "tally", "seconds": 0.01},
        stop={"trials": 40},
    )


def test_by_completion_a_resumed_search_makes_the_same_proposals(
    uneven: dict[str, Any], tmp_path: Path
) -> None:
    whole = run(uneven, tmp_path / "a.db").trials
    part = run({**uneven, "stop": {"trials": 17}}, tmp_path / "b.db").trials
    assert told(part) == told(whole)[:17]
    resumed = run(uneven, tmp_path / "b.db").trials
    assert told(resumed)[:17] == told(part)
    assert [t.number for t in resumed] == list(range(40))
    assert len({t.architecture for t in resumed}) == 40


@pytest.mark.slow_fault
def test_by_completion_on_ray_nothing_is_lost_or_evaluated_twice(
    uneven: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    on_ray = {**uneven, "run": {"executor": "ray", "workers": 2}}
    run({**on_ray, "stop": {"trials": 20}}, path)
    trials = run(on_ray, path).trials
    assert [t.number for t in trials] == list(range(40))
    assert len({t.architecture for t in trials}) == 40
    known = [n for (n,) in rows(path, "SELECT told FROM trials ORDER BY number")]
    assert known == sorted(known)
    assert all(n <= number for number, n in enumerate(known))


def test_the_order_is_part_of_what_a_study_is(uneven: dict[str, Any], tmp_path: Path) -> None:
    run({**uneven, "stop": {"trials": 3}}, tmp_path / "a.db")
    with pytest.raises(nas.StudyError, match=r'order: "completion" -> "number"'):
        run({**uneven, "order": "number"}, tmp_path / "a.db")
