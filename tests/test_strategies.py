"""What the laws of ``nas.testing`` do not ask: that strategies find better than by chance."""

from __future__ import annotations

import csv
import gzip
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from decided import Decided

import nas
from nas import pareto
from nas.plugins import Plugins
from nas.seeds import derive
from nas.seeds import rng as stream
from nas.testing import Inapplicable, Law, laws_of, subjects

TABLE = Path(__file__).parents[2] / "shared" / "data" / "nb201_cifar10.csv.gz"


def grid(decisions: int, choices: int) -> Decided:
    return Decided(*(nas.Categorical(f"d{i}", range(choices)) for i in range(decisions)))


STRATEGIES: dict[str, Callable[[], nas.Strategy]] = {
    "random": lambda: nas.strategy("random"),
    "regularized_evolution": lambda: nas.strategy("regularized_evolution", population=8, sample=3),
    "local_search": lambda: nas.strategy("local_search", initial=3),
    "nsga2": lambda: nas.strategy("nsga2", population=8),
    "nevergrad": lambda: nas.strategy("nevergrad"),
    "bo": lambda: nas.strategy("bo", initial=4, candidates=20),
    "predictor_evolution": lambda: nas.strategy(
        "predictor_evolution", predictor="ridge", initial=6, population=40, evaluations=400
    ),
    "bananas": lambda: nas.strategy("bananas", predictor="ridge", initial=6, candidates=50),
    "weaknas": lambda: nas.strategy("weaknas", predictor="ridge", initial=6, top=20, pool=400),
    "reinforce table": lambda: nas.strategy("reinforce"),
    "reinforce lstm": lambda: nas.strategy("reinforce", controller="lstm"),
    "tpe": lambda: nas.strategy("tpe"),
    "portfolio": lambda: nas.strategy(
        "portfolio",
        strategies=["local_search", {"name": "nsga2", "population": 8}, "regularized_evolution"],
        initial=3,
    ),
}
LEARNING = [name for name in STRATEGIES if name != "random"]
SLOW = {"bo": 2}
"""Strategies that cost most of a test's time, and how many times fewer trials they get."""

every_strategy = pytest.mark.parametrize("name", STRATEGIES)

Losses = tuple[float, ...]
Judge = Callable[[nas.Architecture], tuple[Losses, float]]


def begin(strategy: nas.Strategy, space: nas.Space, objectives: int, seed: int = 0) -> None:
    goals = tuple(nas.Goal(f"metric {i}") for i in range(objectives))
    strategy.start(nas.Problem(space, goals, seed))


def search(
    strategy: nas.Strategy, space: nas.Space, judge: Judge, *, trials: int, seed: int
) -> list[nas.Trial]:
    """A loop that evaluates nothing twice, with two trials in flight."""
    begin(strategy, space, len(judge(space.sample(random.Random(0)))[0]), seed)
    done: list[nas.Trial] = []
    known: set[str] = set()
    for number in range(trials):
        if number >= 2:
            strategy.tell(done[number - 2])
        draws = stream(seed, "proposal", number)
        for _ in range(50):
            proposal = strategy.ask(draws)
            if space.canonical_id(proposal.architecture) not in known:
                break
        architecture = proposal.architecture
        while space.canonical_id(architecture) in known:
            architecture = space.mutate(architecture, draws)
        known.add(space.canonical_id(architecture))
        losses, violation = judge(architecture)
        status = nas.Status.INFEASIBLE if violation else nas.Status.COMPLETE
        kept = () if violation else losses
        done.append(nas.Trial(number, architecture, status, kept, violation))
    return done


def landscape(space: nas.Space, seed: int) -> Callable[[nas.Architecture], float]:
    """A loss with a weight for each choice and for each pair of neighbouring choices."""
    draws = np.random.default_rng(seed)
    sizes = [len(decision.values) for decision in space.decisions]
    single = [draws.normal(size=n) for n in sizes]
    pairs = [draws.normal(size=(n, m)) / 2 for n, m in itertools.pairwise(sizes)]

    def loss(architecture: nas.Architecture) -> float:
        at = space.encode(architecture).tolist()
        alone = sum(weights[i] for weights, i in zip(single, at, strict=True))
        return float(alone + sum(w[i, j] for w, i, j in zip(pairs, at, at[1:], strict=False)))

    return loss


@pytest.mark.parametrize("law", laws_of("strategy"), ids=lambda law: law.name)
def test_laws_hold_with_a_recurrent_controller_too(law: Law) -> None:
    """With the parameters of examples they are checked in ``test_conformance``."""
    (subject,) = subjects(Plugins(), "strategies:reinforce")
    registered = subject.registered
    component = replace(registered.component, example={"controller": "lstm"})
    with suppress(Inapplicable):
        law(replace(subject, registered=replace(registered, component=component)))


@every_strategy
def test_draws_from_the_generator_it_is_given(name: str) -> None:
    def asked(seed: int) -> list[nas.Proposal]:
        strategy = STRATEGIES[name]()
        begin(strategy, grid(30, 5), 1)
        draws = random.Random(seed)
        return [strategy.ask(draws) for _ in range(10)]

    assert asked(1) == asked(1)
    assert asked(1) != asked(2)


@pytest.mark.parametrize("name", LEARNING)
def test_learns_one_objective(name: str) -> None:
    space, trials = grid(12, 4), 120 // SLOW.get(name, 1)

    def best(strategy: nas.Strategy, seed: int) -> float:
        loss = landscape(space, seed)
        done = search(strategy, space, lambda a: ((loss(a),), 0.0), trials=trials, seed=seed)
        return min(trial.losses[0] for trial in done)

    gains = [best(STRATEGIES["random"](), s) - best(STRATEGIES[name](), s) for s in range(5)]
    assert np.mean(gains) > 1.0
    assert sum(gain > 0 for gain in gains) >= 4


TWO = ["regularized_evolution", "nsga2", "predictor_evolution", "bananas", "weaknas", "tpe"]


@pytest.mark.parametrize("name", TWO)
def test_learns_two_objectives(name: str) -> None:
    space = grid(12, 4)

    def volume(strategy: nas.Strategy, seed: int) -> float:
        one, other = landscape(space, seed), landscape(space, seed + 100)
        trials = search(strategy, space, lambda a: ((one(a), other(a)), 0.0), trials=150, seed=seed)
        return pareto.hypervolume([trial.losses for trial in trials], (10.0, 10.0))

    gains = [volume(STRATEGIES[name](), s) / volume(STRATEGIES["random"](), s) for s in range(5)]
    assert np.mean(gains) > 1.05
    assert sum(gain > 1 for gain in gains) >= 4


@pytest.mark.parametrize("name", LEARNING)
def test_is_drawn_towards_what_is_feasible(name: str) -> None:
    space, trials = grid(12, 4), 120 // SLOW.get(name, 1)

    def feasible(strategy: nas.Strategy, seed: int) -> int:
        cost = landscape(space, seed)
        draws = random.Random(seed)
        bound = float(np.quantile([cost(space.sample(draws)) for _ in range(500)], 0.02))
        loss = landscape(space, seed + 100)
        done = search(
            strategy,
            space,
            lambda a: ((loss(a),), max(cost(a) - bound, 0.0)),
            trials=trials,
            seed=seed,
        )
        return sum(trial.feasible for trial in done)

    found = [feasible(STRATEGIES[name](), seed) for seed in range(3)]
    by_chance = [feasible(STRATEGIES["random"](), seed) for seed in range(3)]
    assert sum(found) > 3 * sum(by_chance)


@pytest.mark.skipif(not TABLE.exists(), reason="needs the table of NAS-Bench-201")
@pytest.mark.parametrize("name", ["regularized_evolution", "local_search", "nsga2", "nevergrad"])
def test_beats_random_search_on_nas_bench_201(name: str) -> None:
    """CIFAR-10, chosen by validation accuracy, judged by test accuracy (in percent)."""
    space = nas.space("nas201")
    with gzip.open(TABLE, "rt") as file:
        rows = {space.parse(row["arch_str"]): row for row in csv.DictReader(file)}

    def judge(architecture: nas.Architecture) -> tuple[Losses, float]:
        return (-float(rows[architecture]["cifar10_valid"]),), 0.0

    def mean(strategy: str, seeds: int) -> float:
        found = []
        for seed in range(seeds):
            trials = search(nas.strategy(strategy), space, judge, trials=200, seed=seed)
            winner = min(trials, key=lambda trial: trial.losses)
            found.append(float(rows[winner.architecture]["cifar10_test"]))
        return float(np.mean(found))

    assert mean(name, 6) > mean("random", 6) + 0.1


def test_random_search_is_uniform_and_learns_nothing() -> None:
    strategy = nas.strategy("random")
    begin(strategy, grid(1, 3), 1)
    draws = stream(derive(0, "uniform"))
    counts = dict.fromkeys(range(3), 0)
    for number in range(3000):
        architecture = strategy.ask(draws).architecture
        counts[int(architecture["d0"])] += 1
        strategy.tell(nas.Trial(number, architecture, nas.Status.COMPLETE, (float(number),)))
    assert all(900 < count < 1100 for count in counts.values())
