"""Strategies that work in rounds with a predictor: what they ask it, and what they make of it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas import pareto
from nas_strategies.gains import greedy
from nas_strategies.ordering import order
from nas_strategies.selection import standings

NAMES = ["predictor_evolution", "bananas", "weaknas"]
every_strategy = pytest.mark.parametrize("name", NAMES)


class Grid(nas.Space):
    input_shape, classes = (1,), 2
    decisions = ()

    def __init__(self, decisions: int, choices: int) -> None:
        self.decisions = tuple(nas.Categorical(f"d{i}", range(choices)) for i in range(decisions))

    def build(self, architecture: nas.Architecture) -> Any:
        raise AssertionError("a strategy builds no networks")


def total(architecture: nas.Architecture) -> float:
    return float(sum(int(value) for value in architecture.values()))


Truth = Callable[[nas.Architecture], float]


class Oracle(nas.Predictor):
    """Knows the first objective; notes what it is fitted to. Copies share their notes."""

    def __init__(
        self, truth: Callable[[nas.Architecture], float] = total, std: float = 0.0
    ) -> None:
        self.truth, self.std = truth, std
        self.fits: list[tuple[list[nas.Architecture], list[float]]] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> Oracle:
        return self

    def fit(
        self, space: nas.Space, architectures: Sequence[nas.Architecture], values: Sequence[float]
    ) -> None:
        self.fits.append((list(architectures), list(values)))

    def predict(self, architectures: Sequence[nas.Architecture]) -> nas.Prediction:
        mean = np.array([self.truth(a) for a in architectures])
        return nas.Prediction(mean, np.full(len(mean), self.std))


def begun(name: str, space: nas.Space, predictor: nas.Predictor, **parameters: Any) -> Any:
    cheap = {"evaluations": 600} if name == "predictor_evolution" else {}
    strategy = nas.strategy(name, **{**cheap, **parameters})
    strategy.used = (predictor,)
    strategy.start(nas.Problem(space, (nas.Goal("error"),), 0))
    return strategy


def step(strategy: nas.Strategy, number: int, source: random.Random) -> nas.Architecture:
    asked = strategy.ask(source).architecture
    strategy.tell(nas.Trial(number, asked, nas.Status.COMPLETE, (total(asked),)))
    return asked


@every_strategy
def test_fits_once_a_round_and_rounds_grow_with_the_trials(name: str) -> None:
    predictor, source = Oracle(std=1.0), random.Random(0)
    strategy = begun(name, Grid(8, 4), predictor, initial=10, batch=4)
    for number in range(100):
        step(strategy, number, source)
    samples = [len(architectures) for architectures, _ in predictor.fits]
    steps = [b - a for a, b in itertools.pairwise(samples)]
    assert samples[0] == 10
    assert all(gap == max(4, before // 10) for before, gap in zip(samples, steps, strict=False))
    assert steps[-1] > 4


@every_strategy
def test_is_fitted_to_all_trials_with_their_losses(name: str) -> None:
    predictor, source = Oracle(), random.Random(0)
    strategy = begun(name, Grid(5, 4), predictor, initial=4, batch=4)
    told = [step(strategy, number, source) for number in range(9)]
    architectures, values = predictor.fits[-1]
    assert architectures == told[:8]
    assert values == [total(a) for a in told[:8]]


@every_strategy
def test_finds_the_best_of_a_space_too_large_to_list(name: str) -> None:
    space, source = Grid(20, 4), random.Random(0)
    strategy = begun(name, space, Oracle(), initial=10)
    assert space.size > 10**12
    found = [total(step(strategy, number, source)) for number in range(80)]
    assert min(found[:10]) > 15
    assert min(found) <= {"predictor_evolution": 6, "bananas": 12, "weaknas": 14}[name]


@every_strategy
def test_learns_to_stay_away_from_what_is_infeasible(name: str) -> None:
    def bad(architecture: nas.Architecture) -> float:
        return 2.0 if total(architecture) < 6 else 0.0

    class Two(Oracle):
        """A copy for the losses, then one for the violation."""

        def __deepcopy__(self, memo: dict[int, Any]) -> Oracle:
            self.copies = (getattr(self, "copies", 0) + 1) % 2
            return Oracle(total if self.copies else bad)

    source = random.Random(0)
    strategy = begun(name, Grid(6, 3), Two(), initial=1, batch=3)
    failure = nas.Failure("error", "no luck")
    first = nas.Architecture({f"d{i}": 0 for i in range(6)})
    strategy.tell(nas.Trial(0, first, nas.Status.FAILED, failure=failure))
    second = nas.Architecture({f"d{i}": 1 for i in range(6)})
    strategy.tell(nas.Trial(1, second, nas.Status.COMPLETE, (6.0,)))
    asked = [strategy.ask(source).architecture for _ in range(3)]
    assert all(total(architecture) >= 6 for architecture in asked)


def test_weaknas_draws_from_the_best_of_the_space() -> None:
    strategy = begun("weaknas", Grid(4, 4), Oracle(), initial=3, batch=50, top=10)
    source = random.Random(0)
    known = {step(strategy, number, source) for number in range(3)}
    best = sorted(total(a) for a in Grid(4, 4).architectures() if a not in known)[:10]
    asked = [total(step(strategy, number, source)) for number in range(3, 13)]
    assert sorted(asked) == best
    assert asked != best, "in random order"


def test_bananas_mutates_the_best_and_says_which() -> None:
    strategy = begun("bananas", Grid(10, 4), Oracle(), initial=10, parents=2, candidates=20)
    source = random.Random(0)
    told = [step(strategy, number, source) for number in range(10)]
    best = sorted(range(10), key=lambda number: total(told[number]))[:2]
    for _ in range(5):
        proposal = strategy.ask(source)
        (parent,) = proposal.parents
        assert parent in best
        changed = [k for k, v in proposal.architecture.items() if told[parent][k] != v]
        assert len(changed) == 1


def test_thompson_sampling_explores_what_is_uncertain() -> None:
    def asked(std: float) -> list[float]:
        strategy = begun("bananas", Grid(10, 4), Oracle(std=std), initial=5, batch=20)
        source = random.Random(0)
        return [total(step(strategy, number, source)) for number in range(15)][5:]

    assert asked(0.0) == sorted(asked(0.0))
    assert asked(3.0) != sorted(asked(3.0))


@every_strategy
def test_a_strategy_without_its_predictor_says_what_is_missing(name: str) -> None:
    strategy = nas.strategy(name)
    strategy.used = ()
    with pytest.raises(nas.StudyError, match="expected a built predictor"):
        strategy.start(nas.Problem(Grid(2, 2), (nas.Goal("error"),), 0))


@every_strategy
@pytest.mark.parametrize("wrong", [{"predictor": 3}, {"predictor": "gbdtt"}, {"initial": 0}])
def test_refuses_what_cannot_work(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(nas.ComponentError, match=r"predictor|initial"):
        nas.strategy(name, **wrong)


points = st.integers(2, 3).flatmap(
    lambda n: st.lists(st.tuples(*[st.integers(0, 6).map(float)] * n), min_size=1, max_size=12)
)


@given(points, points)
@settings(max_examples=60, deadline=None)
def test_greedy_choice_is_the_naive_one(known: list[Any], candidates: list[Any]) -> None:
    if len(known[0]) != len(candidates[0]):
        return
    every = np.array([*known, *candidates])
    front = np.array([every[i] for i in pareto.front(np.array(known).tolist())])
    both = np.vstack([front, [candidates[i] for i in pareto.front(candidates)]])
    low, span = both.min(axis=0), np.ptp(both, axis=0)
    span[span == 0] = 1.0

    def volume(points: list[Any]) -> float:
        return pareto.hypervolume(((np.array(points) - low) / span).tolist(), [1.1] * len(low))

    chosen: list[int] = []
    for _ in range(4):
        have = [*front.tolist(), *(candidates[i] for i in chosen)]
        gains = [volume([*have, c]) - volume(have) for c in candidates]
        if max(gains) <= 1e-12:
            break
        chosen.append(int(np.argmax(np.round(gains, 12))))
    found = greedy(np.array(known), np.array(candidates), 4)
    assert len(found) == len(chosen)
    assert len(set(found)) == len(found)
    assert volume([*front.tolist(), *(candidates[i] for i in found)]) == pytest.approx(
        volume([*front.tolist(), *(candidates[i] for i in chosen)]), rel=0.05
    )


@given(
    st.integers(1, 3).flatmap(
        lambda n: st.lists(
            st.tuples(
                st.tuples(*[st.integers(0, 5).map(float)] * n), st.sampled_from([0.0, 0.0, 0.1, 2])
            ),
            min_size=1,
            max_size=20,
        )
    )
)
@settings(max_examples=60, deadline=None)
def test_the_order_of_arrays_is_that_of_trials(rows: list[Any]) -> None:
    anything = nas.Architecture({"a": 1})
    trials = [
        nas.Trial(i, anything, nas.Status.COMPLETE, losses, violation)
        for i, (losses, violation) in enumerate(rows)
    ]
    expected = sorted(range(len(rows)), key=standings(trials).__getitem__)
    losses, violations = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assert order(losses, violations).tolist() == expected
