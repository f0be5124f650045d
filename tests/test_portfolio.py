"""Strategies that share a budget: who is credited, and who gets how much of it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import config, told
from toys import run as searched

import nas
from nas import pareto
from nas.seeds import rng as stream
from nas_strategies.bandit import Bandit
from nas_strategies.improvement import Improvement
from nas_strategies.portfolio import Portfolio


class Toy(nas.Space):
    """Numbers, digit by digit; without networks."""

    input_shape, classes = (1,), 2
    decisions: Sequence[nas.Categorical] = ()

    def __init__(self, length: int = 6, base: int = 4) -> None:
        self.decisions = [nas.Categorical(f"d{i}", range(base)) for i in range(length)]

    def build(self, architecture: nas.Architecture) -> Any:
        raise AssertionError("a strategy builds no networks")

    def at(self, *digits: int) -> nas.Architecture:
        return self.decode(digits)


@dataclass
class Arm(nas.Strategy):
    """Proposes what it was told to, in turn."""

    script: Sequence[nas.Architecture]
    told: list[nas.Trial] = field(default_factory=list)
    problem: nas.Problem | None = None
    asked: int = 0

    def start(self, problem: nas.Problem) -> None:
        self.problem, self.told, self.asked = problem, [], 0

    def ask(self, rng: Any) -> nas.Proposal:
        self.asked += 1
        return nas.Proposal(self.script[(self.asked - 1) % len(self.script)])

    def tell(self, trial: nas.Trial) -> None:
        self.told.append(trial)


def scripted(space: nas.Space, *scripts: Sequence[nas.Architecture], initial: int = 1) -> Portfolio:
    """A portfolio of arms that know what they will say."""
    portfolio = Portfolio(["random"] * len(scripts), initial=initial)
    portfolio.used = tuple(map(Arm, scripts))
    portfolio.start(nas.Problem(space, (nas.Goal("loss"),), 0))
    return portfolio


def done(number: int, architecture: nas.Architecture, *losses: float) -> nas.Trial:
    return nas.Trial(number, architecture, nas.Status.COMPLETE, losses)


def run(
    portfolio: nas.Strategy, space: nas.Space, loss: Any, trials: int, *, window: int = 1, seed: int
) -> list[nas.Trial]:
    """Search with so many trials in flight; nothing is evaluated twice."""
    portfolio.start(nas.Problem(space, (nas.Goal("loss"),), seed))
    found: list[nas.Trial] = []
    known: set[nas.Architecture] = set()
    for number in range(trials):
        if number >= window:
            portfolio.tell(found[number - window])
        draws = stream(seed, "proposal", number)
        proposals = (portfolio.ask(draws).architecture for _ in range(50))
        architecture = next((a for a in proposals if a not in known), None)
        while architecture is None or architecture in known:
            architecture = space.sample(draws)
        known.add(architecture)
        found.append(done(number, architecture, loss(architecture)))
    return found


def landscape(space: Toy, seed: int) -> Any:
    draws = np.random.default_rng(seed)
    sizes = [len(decision.values) for decision in space.decisions]
    alone = [draws.normal(size=n) for n in sizes]
    pairs = [draws.normal(size=(n, m)) / 2 for n, m in itertools.pairwise(sizes)]

    def loss(architecture: nas.Architecture) -> float:
        at = space.encode(architecture).tolist()
        single = sum(w[i] for w, i in zip(alone, at, strict=True))
        return float(
            single + sum(w[i, j] for w, (i, j) in zip(pairs, itertools.pairwise(at), strict=True))
        )

    return loss


class TestCredit:
    """The arm that drew a sample is the one that is rewarded for it, and no other."""

    space = Toy()

    def credited(self, portfolio: Portfolio) -> list[int]:
        return list(portfolio._credited)

    def test_it_goes_to_the_proposer_in_whatever_order_trials_are_told(self) -> None:
        a, b = self.space.at(0, 0, 0, 0, 0, 0), self.space.at(1, 0, 0, 0, 0, 0)
        portfolio = scripted(self.space, [a], [b])
        asked = [portfolio.ask(random.Random(0)).architecture for _ in range(2)]
        assert asked == [a, b]
        portfolio.tell(done(1, b, 1.0))
        assert self.credited(portfolio) == [0, 1]
        portfolio.tell(done(0, a, 1.0))
        assert self.credited(portfolio) == [1, 1]

    def test_nobody_is_credited_for_what_nobody_proposed(self) -> None:
        """As after a warm start, a filter's warm-up, or a mutation by the engine."""
        a, other = self.space.at(0, 0, 0, 0, 0, 0), self.space.at(3, 3, 3, 3, 3, 3)
        portfolio = scripted(self.space, [a], [a])
        portfolio.ask(random.Random(0))
        portfolio.tell(done(-1, other, -100.0))
        assert self.credited(portfolio) == [0, 0]
        assert (portfolio._bandit._won, portfolio._bandit._lost) == ([0, 0], [0, 0])

    def test_nor_for_what_two_proposed(self) -> None:
        a = self.space.at(0, 0, 0, 0, 0, 0)
        portfolio = scripted(self.space, [a], [a])
        for _ in range(2):
            portfolio.ask(random.Random(0))
        portfolio.tell(done(0, a, 1.0))
        assert self.credited(portfolio) == [0, 0]

    def test_once_only(self) -> None:
        a = self.space.at(0, 0, 0, 0, 0, 0)
        portfolio = scripted(self.space, [a], [self.space.at(1, 1, 1, 1, 1, 1)])
        portfolio.ask(random.Random(0))
        portfolio.tell(done(0, a, 1.0))
        portfolio.tell(done(1, a, 0.0))
        assert self.credited(portfolio) == [1, 0]

    @pytest.mark.parametrize(
        "trial",
        [
            {"status": nas.Status.FAILED, "failure": nas.Failure("error", "boom")},
            {"status": nas.Status.INFEASIBLE, "violation": 0.5},
            {"status": nas.Status.COMPLETE, "losses": (-9.0,), "violation": 0.5},
            {"status": nas.Status.COMPLETE, "losses": (1.0,)},
        ],
        ids=["failed", "turned away", "infeasible", "no better"],
    )
    def test_what_improves_nothing_is_a_loss(self, trial: dict[str, Any]) -> None:
        a, b = self.space.at(0, 0, 0, 0, 0, 0), self.space.at(1, 0, 0, 0, 0, 0)
        portfolio = scripted(self.space, [a], [b])
        for _ in range(2):
            portfolio.ask(random.Random(0))
        portfolio.tell(done(0, a, 1.0))
        portfolio.tell(nas.Trial(1, b, **trial))
        assert portfolio._bandit._won[1] == 0
        assert portfolio._bandit._lost[1] == 1

    def test_every_arm_hears_of_every_trial(self) -> None:
        a, b = self.space.at(0, 0, 0, 0, 0, 0), self.space.at(1, 0, 0, 0, 0, 0)
        portfolio = scripted(self.space, [a], [b])
        trials = [done(-1, b, 2.0), done(0, a, 1.0)]
        for trial in trials:
            portfolio.tell(trial)
        assert [arm.told for arm in portfolio.used] == [trials, trials]

    def test_every_arm_has_a_seed_of_its_own(self) -> None:
        portfolio = scripted(self.space, [self.space.at(*[0] * 6)], [self.space.at(*[1] * 6)])
        seeds = [arm.problem.seed for arm in portfolio.used]
        assert len({*seeds, 0}) == 3

    def test_what_filters_drop_is_forgotten_in_the_end(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nas_strategies.portfolio.REMEMBERED", 10)
        space = Toy()
        portfolio = scripted(space, list(itertools.islice(space.architectures(), 40)))
        for _ in range(40):
            portfolio.ask(random.Random(0))
        assert len(portfolio._proposed) == 10


class TestImprovement:
    @given(st.lists(st.integers(-50, 50), min_size=1, max_size=30))
    def test_of_one_objective_it_is_how_far_the_best_falls(self, losses: list[int]) -> None:
        improvement, architecture = Improvement(), Toy().at(*[0] * 6)
        gains = [improvement.add(done(i, architecture, float(v))) for i, v in enumerate(losses)]
        best = list(itertools.accumulate(losses, min))
        assert gains[0] == np.inf
        assert gains[1:] == [before - after for before, after in itertools.pairwise(best)]

    @given(
        st.lists(st.tuples(*[st.integers(0, 20)] * 2), min_size=1, max_size=20),
        st.sampled_from([2.0**-10, 2.0**10]),
    )
    def test_of_two_it_is_positive_on_the_front_alone_whatever_the_scale(
        self, losses: list[tuple[int, int]], scale: float
    ) -> None:
        architecture = Toy().at(*[0] * 6)
        plain, scaled = Improvement(), Improvement()
        for i, (x, y) in enumerate(losses):
            gain = plain.add(done(i, architecture, float(x), float(y)))
            assert gain == scaled.add(done(i, architecture, x * scale, float(y)))
            beaten = any(pareto.dominates(e, (x, y)) or e == (x, y) for e in losses[:i])
            assert (gain > 0) != beaten

    def test_of_two_it_is_the_hypervolume_in_shares_of_the_fronts_range(self) -> None:
        architecture, improvement = Toy().at(*[0] * 6), Improvement()
        for i, losses in enumerate([(0.0, 300.0), (4.0, 100.0), (9.0, 900.0)]):
            improvement.add(done(i, architecture, *losses))
        # from (0, 1) and (1, 0) to (0.5, 0.5), up to 1.1 in both
        assert improvement.add(done(3, architecture, 2.0, 200.0)) == pytest.approx(0.25)


class TestBandit:
    def test_finds_the_arm_that_pays(self) -> None:
        draws = random.Random(0)
        bandit = Bandit(3)
        pulls = [0, 0, 0]
        for _ in range(400):
            arm = bandit.choose(draws)
            pulls[arm] += 1
            bandit.reward(arm, float(draws.random() < (0.1, 0.6, 0.2)[arm]))
        assert pulls[1] > 240

    def test_notices_when_another_begins_to_pay(self) -> None:
        draws = random.Random(0)
        bandit = Bandit(2)
        late = 0
        for step in range(400):
            arm = bandit.choose(draws)
            late += step >= 250 and arm == 1
            bandit.reward(arm, float(arm == (step >= 200)))
        assert late > 100

    def test_draws_evenly_where_nothing_pays(self) -> None:
        draws = random.Random(0)
        bandit = Bandit(2)
        pulls = [0, 0]
        for _ in range(400):
            arm = bandit.choose(draws)
            pulls[arm] += 1
            bandit.reward(arm, 0.0)
        assert min(pulls) > 140


class TestBudget:
    space = Toy(12, 4)

    def portfolio(self, *strategies: Any, initial: int = 5) -> nas.Strategy:
        return nas.strategy("portfolio", strategies=list(strategies), initial=initial)

    def test_each_has_its_first_trials(self) -> None:
        portfolio = self.portfolio("random", "regularized_evolution", "local_search", initial=4)
        run(portfolio, self.space, landscape(self.space, 0), 13, seed=0)
        assert isinstance(portfolio, Portfolio)
        assert portfolio._credited == [4, 4, 4]

    @pytest.mark.parametrize("window", [1, 8])
    def test_most_of_it_goes_to_the_arm_that_is_clearly_better(self, window: int) -> None:
        shares = []
        for seed in range(8):
            portfolio = self.portfolio("random", "local_search", "random")
            loss = landscape(self.space, seed)
            run(portfolio, self.space, loss, 150, window=window, seed=seed)
            assert isinstance(portfolio, Portfolio)
            shares.append(portfolio._credited[1] / sum(portfolio._credited))
        assert np.mean(shares) > 0.5

    def test_it_is_never_much_worse_than_its_best_arm_and_much_better_than_its_worst(self) -> None:
        found: dict[str, list[float]] = {"random": [], "local_search": [], "portfolio": []}
        for seed in range(12):
            loss = landscape(self.space, seed)
            for name, losses in found.items():
                portfolio = name == "portfolio"
                strategy = self.portfolio("random", "local_search") if portfolio else None
                trials = run(strategy or nas.strategy(name), self.space, loss, 150, seed=seed)
                losses.append(min(trial.losses[0] for trial in trials))
        worst, best, mixed = (float(np.mean(found[name])) for name in found)
        assert mixed < worst + 0.75 * (best - worst)

    def test_an_arm_that_only_repeats_itself_costs_no_trials(self) -> None:
        space = Toy()
        a = space.at(0, 0, 0, 0, 0, 0)
        everything = list(itertools.islice(space.architectures(), 1, 300))
        portfolio = scripted(space, [a], everything, initial=3)
        run(portfolio, space, lambda a: 0.0, 60, seed=0)
        assert portfolio._credited[0] == 1
        assert portfolio._credited[1] > 45

    def test_the_same_calls_give_the_same_trials(self) -> None:
        def once(seed: int) -> list[nas.Trial]:
            portfolio = self.portfolio("nsga2", "local_search")
            return run(portfolio, self.space, landscape(self.space, 0), 60, window=4, seed=seed)

        assert once(0) == once(0)
        assert once(0) != once(1)


class TestNested:
    def test_a_portfolio_in_a_portfolio(self) -> None:
        inner = {"name": "portfolio", "strategies": ["random", "nsga2"], "initial": 2}
        outer = nas.strategy("portfolio", strategies=[inner, "local_search"])
        space = Toy(12, 4)
        trials = run(outer, space, landscape(space, 0), 120, window=3, seed=0)
        assert isinstance(outer, Portfolio)
        nested = outer.used[0]
        assert isinstance(nested, Portfolio)
        assert min(outer._credited) >= 5
        assert sum(nested._credited) <= outer._credited[0]
        assert min(nested._credited) >= 1
        assert len({trial.architecture for trial in trials}) == 120


class TestBadInput:
    @pytest.mark.parametrize(
        ("strategies", "message"),
        [
            ([], r"list of at least one strategy, such as .*not \[\]"),
            ("random", "list of at least one strategy, .*not 'random'"),
            ({"name": "random"}, "list of at least one strategy"),
            (7, "list of at least one strategy.*not 7"),
            ([7], "a strategy is a name.*not 7"),
            ([{"population": 3}], "a strategy is a name"),
            (["regularised_evolution"], "Did you mean 'regularized_evolution'"),
            ([{"name": "nsga2", "population": 0}], "population must be"),
            ([{"name": "nsga2", "populaton": 9}], "populaton"),
            ([{"name": "portfolio", "strategies": []}], "list of at least one strategy"),
        ],
    )
    def test_is_named(self, strategies: Any, message: str) -> None:
        with pytest.raises(nas.ComponentError, match=message):
            nas.strategy("portfolio", strategies=strategies)

    def test_first_trials(self) -> None:
        with pytest.raises(nas.ComponentError, match="initial must be a whole number"):
            nas.strategy("portfolio", strategies=["random"], initial=0)

    def test_what_is_built_by_hand_says_what_it_lacks(self) -> None:
        problem = nas.Problem(Toy(), (nas.Goal("loss"),), 0)
        with pytest.raises(nas.StudyError, match=r"2 built strategies.*nas\.strategy"):
            Portfolio(["random", "nsga2"]).start(problem)


class TestSearch:
    """As a user has it: by config, with parts that were stopped and go on."""

    def values(self, trials: int) -> dict[str, Any]:
        strategies = ["random", {"name": "local_search", "initial": 3}]
        strategy = {"name": "portfolio", "strategies": strategies, "initial": 2}
        return config(strategy=strategy, stop={"trials": trials}, window=4)

    def test_it_goes_on_as_if_it_had_never_stopped(self, tmp_path: Path) -> None:
        whole = searched(self.values(40), tmp_path / "a.db")
        for trials in (3, 17, 40):
            parts = searched(self.values(trials), tmp_path / "b.db")
        assert told(parts.trials) == told(whole.trials)
        assert len({trial.architecture for trial in whole.trials}) == 40

    def test_until_nothing_is_left(self, tmp_path: Path) -> None:
        result = searched(self.values(1000), tmp_path / "a.db")
        assert len(result.trials) == 125
        assert result.reason == "every architecture that the space has left was evaluated"
