"""Constrained selection, regularized evolution and NSGA-II, each as its paper defines it."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nas
from nas import pareto
from nas_strategies.selection import standings


class Flat(nas.Space):
    """Eight decisions of four choices."""

    input_shape, classes = (1,), 2
    decisions = tuple(nas.Categorical(f"d{i}", range(4)) for i in range(8))

    def build(self, architecture: nas.Architecture) -> Any:
        raise AssertionError("a strategy builds no networks")


SPACE = Flat()


def trial(number: int, *losses: float, violation: float = 0.0, failed: bool = False) -> nas.Trial:
    architecture = SPACE.sample(random.Random(number))
    if failed:
        return nas.Trial(number, architecture, nas.Status.FAILED)
    status = nas.Status.COMPLETE if losses else nas.Status.INFEASIBLE
    return nas.Trial(number, architecture, status, losses, violation)


def begun(name: str, objectives: int = 1, **parameters: Any) -> nas.Strategy:
    strategy = nas.strategy(name, **parameters)
    goals = tuple(nas.Goal(f"metric {i}") for i in range(objectives))
    strategy.start(nas.Problem(SPACE, goals, 0))
    return strategy


def parents(strategy: nas.Strategy, asks: int = 300) -> Counter[int]:
    """How often each trial is a parent; the strategy is told nothing meanwhile."""
    draws = random.Random(1)
    return Counter(p for _ in range(asks) for p in strategy.ask(draws).parents)


@st.composite
def populations(draw: st.DrawFn) -> list[nas.Trial]:
    objectives = draw(st.integers(1, 3))
    losses = st.tuples(*[st.integers(0, 3).map(float)] * objectives)
    violation = st.sampled_from([0.1, 0.5, 2.0])
    kinds = draw(
        st.lists(
            st.one_of(
                losses.map(lambda v: {"losses": v}),
                st.tuples(losses, violation).map(lambda v: {"losses": v[0], "violation": v[1]}),
                violation.map(lambda v: {"violation": v}),
                st.just({"failed": True}),
            ),
            max_size=12,
        )
    )
    return [trial(i, *kind.pop("losses", ()), **kind) for i, kind in enumerate(map(dict, kinds))]


def constrained_beats(a: nas.Trial, b: nas.Trial) -> bool:
    """Definition 1 of Deb et al. 2002, with failures below everything."""
    if nas.Status.FAILED in (a.status, b.status):
        return a.status is not b.status and b.status is nas.Status.FAILED
    if a.feasible and b.feasible:
        return pareto.dominates(a.losses, b.losses)
    return a.violation < b.violation


@given(populations())
def test_who_is_beaten_stands_behind(trials: list[nas.Trial]) -> None:
    for (a, mine), (b, other) in itertools.permutations(
        zip(trials, standings(trials), strict=True), 2
    ):
        if constrained_beats(a, b):
            assert mine < other


def test_the_loneliest_of_a_front_stands_first() -> None:
    front = [trial(i, x, 10 - x) for i, x in enumerate((0.0, 1.0, 2.0, 6.0, 10.0))]
    order = sorted(range(5), key=standings(front).__getitem__)
    assert set(order[:2]) == {0, 4}, "the ends of a front have infinite distance"
    assert order[2:] == [3, 2, 1]


def test_evolution_starts_at_random_and_then_changes_one_decision_of_a_member() -> None:
    strategy = begun("regularized_evolution", population=5, sample=2)
    told = [trial(i, float(i)) for i in range(5)]
    draws = random.Random(0)
    for one in told:
        assert strategy.ask(draws).parents == ()
        strategy.tell(one)
    for _ in range(50):
        proposal = strategy.ask(draws)
        (parent,) = proposal.parents
        before = told[parent].architecture
        assert sum(proposal.architecture[d] != before[d] for d in before) == 1


def test_a_larger_sample_presses_harder() -> None:
    def best_share(sample: int) -> float:
        strategy = begun("regularized_evolution", population=10, sample=sample)
        for number in range(10):
            strategy.tell(trial(number, float(number)))
        return parents(strategy, 1000)[0] / 1000

    assert best_share(1) == pytest.approx(1 / 10, abs=0.04)
    assert best_share(5) == pytest.approx(1 - (9 / 10) ** 5, abs=0.05), "drawn with replacement"


def test_evolution_lets_the_oldest_go_however_good() -> None:
    strategy = begun("regularized_evolution", population=4, sample=4)
    strategy.tell(trial(0, -100.0))
    for number in range(1, 4):
        strategy.tell(trial(number, float(number)))
    assert parents(strategy).most_common(1)[0][0] == 0
    strategy.tell(trial(4, 4.0))
    assert set(parents(strategy)) <= {1, 2, 3, 4}


def test_candidates_that_were_turned_away_drive_no_trained_ones_out() -> None:
    strategy = begun("regularized_evolution", population=4, sample=4)
    for number in range(3):
        strategy.tell(trial(number, float(number)))
    for number in range(3, 40):
        strategy.tell(trial(number, violation=1.0) if number % 2 else trial(number, failed=True))
    common = parents(strategy)
    assert {0, 1, 2} <= set(common)
    assert common[39] < common[2], "the one place that is left goes to the newest unfit"
    strategy.tell(trial(40, 0.5))
    assert set(parents(strategy)) == {0, 1, 2, 40}


def told(name: str, trials: Sequence[nas.Trial], objectives: int, **parameters: Any) -> set[int]:
    strategy = begun(name, objectives, **parameters)
    for one in trials:
        strategy.tell(one)
    return set(parents(strategy))


def test_nsga2_keeps_the_front_and_forgets_what_it_dominates() -> None:
    front = [trial(i, float(i), 5.0 - i) for i in range(6)]
    worse = [trial(i, 9.0, 9.0 + i) for i in range(6, 30)]
    assert told("nsga2", [*worse, *front], 2, population=6) == set(range(6))
    assert told("nsga2", [*front, *worse], 2, population=6) == set(range(6))


def test_nsga2_thins_a_crowded_front() -> None:
    ends = [trial(0, 0.0, 100.0), trial(1, 100.0, 0.0), trial(2, 50.0, 50.0)]
    crowd = [trial(i, 20.0 + i / 100, 80.0 - i / 100) for i in range(3, 12)]
    survivors = told("nsga2", [*ends, *crowd], 2, population=4)
    assert {0, 1, 2} < survivors
    assert len(survivors) == 4


def test_nsga2_keeps_feasible_before_infeasible_before_failed() -> None:
    trials = [
        *(trial(i, failed=True) for i in range(4)),
        *(trial(i, violation=float(i)) for i in range(4, 8)),
        trial(8, 1e9),
    ]
    assert told("nsga2", trials, 1, population=2, crossover=1.0) == {4, 8}
    assert told("nsga2", trials[:6], 1, population=2, crossover=1.0) == {4, 5}


def test_nsga2_prefers_the_newest_of_equals() -> None:
    assert told("nsga2", [trial(i, 1.0) for i in range(10)], 1, population=3) == {7, 8, 9}


def test_nsga2_mixes_two_parents_and_mutates_at_the_rate_asked_for() -> None:
    trials = [trial(i, float(i)) for i in range(4)]
    strategy = begun("nsga2", population=4, crossover=1.0, mutation=0.0)
    for one in trials:
        strategy.tell(one)
    draws = random.Random(0)
    mixed = 0
    for _ in range(100):
        proposal = strategy.ask(draws)
        origins = [trials[p].architecture for p in proposal.parents]
        foreign = sum(
            all(value != origin[name] for origin in origins)
            for name, value in proposal.architecture.items()
        )
        assert foreign <= 1, "mutated only where the child would have equalled a parent"
        assert proposal.architecture not in origins
        mixed += len(origins) == 2 and foreign == 0
    assert mixed > 50
    alone = begun("nsga2", population=4, crossover=0.0, mutation=1.0)
    for one in trials:
        alone.tell(one)
    assert all(len(alone.ask(draws).parents) == 1 for _ in range(50))


@pytest.mark.parametrize(
    ("name", "parameters", "complaint"),
    [
        ("regularized_evolution", {"population": 1}, "population must be .* at least 2, not 1"),
        ("regularized_evolution", {"population": "16"}, "population must be a whole number"),
        ("regularized_evolution", {"sample": 0}, "sample must be .* at least 1, not 0"),
        (
            "regularized_evolution",
            {"population": 5, "sample": 6},
            "sample must be at most population, which is 5, not 6",
        ),
        ("regularized_evolution", {"sampel": 3}, "Did you mean 'sample'"),
        ("nsga2", {"population": 0}, "population must be"),
        ("nsga2", {"crossover": 1.5}, "crossover must be a probability from 0 to 1, not 1.5"),
        ("nsga2", {"mutation": -0.1}, "mutation must be a probability"),
        ("random", {"seed": 1}, "random"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(
    name: str, parameters: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(nas.ComponentError, match=complaint):
        nas.strategy(name, **parameters)
