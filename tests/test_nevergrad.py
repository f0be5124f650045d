"""nevergrad's optimizers as strategies, and the losses of trials that have none."""

from __future__ import annotations

import math
import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nas
from nas.seeds import rng as stream
from nas_strategies import nevergrad_strategy
from nas_strategies.penalties import Penalties


class Flat(nas.Space):
    """Six decisions of five choices."""

    input_shape, classes = (1,), 2
    decisions = tuple(nas.Categorical(f"d{i}", range(5)) for i in range(6))

    def build(self, architecture: nas.Architecture) -> Any:
        raise AssertionError("a strategy builds no networks")


SPACE = Flat()


def begun(objectives: int = 1, space: nas.Space = SPACE, **parameters: Any) -> nas.Strategy:
    strategy = nas.strategy("nevergrad", **parameters)
    goals = tuple(nas.Goal(f"metric {i}") for i in range(objectives))
    strategy.start(nas.Problem(space, goals, 0))
    return strategy


def judged(number: int, architecture: nas.Architecture, objectives: int = 1) -> nas.Trial:
    """Objective i counts the decisions that are not i."""
    values = SPACE.encode(architecture)
    losses = tuple(float((values != target).sum()) for target in range(objectives))
    return nas.Trial(number, architecture, nas.Status.COMPLETE, losses)


def run(strategy: nas.Strategy, objectives: int = 1, trials: int = 40) -> list[nas.Trial]:
    """Ask twice, tell one of the two; every ninth trial was never proposed."""
    done = []
    for number in range(trials):
        draws = stream(0, number)
        proposals = [strategy.ask(draws), strategy.ask(draws)]
        chosen = proposals[number % 2].architecture
        if number % 9 == 8:
            chosen = SPACE.sample(draws)
        done.append(judged(number, chosen, objectives))
        strategy.tell(done[-1])
    return done


@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize(
    "optimizer", ["TwoPointsDE", "PSO", "EDA", "CMA", "PortfolioDiscreteOnePlusOne", "NGOpt"]
)
def test_optimizers_of_many_kinds_work_and_repeat_themselves(
    optimizer: str, objectives: int
) -> None:
    trials = run(begun(objectives, optimizer=optimizer), objectives)
    assert all(trial.architecture in SPACE for trial in trials)
    assert run(begun(objectives, optimizer=optimizer), objectives) == trials


def test_the_default_finds_a_simple_optimum() -> None:
    assert min(trial.losses[0] for trial in run(begun(), trials=150)) == 0


def test_trials_that_were_never_proposed_teach_it() -> None:
    strategy = begun()
    target = SPACE.architecture({f"d{i}": 3 for i in range(6)})
    strategy.tell(nas.Trial(0, target, nas.Status.COMPLETE, (-100.0,)))
    draws = random.Random(0)
    near = 0
    for _ in range(100):
        architecture = strategy.ask(draws).architecture
        near += sum(architecture[d] == 3 for d in target) >= 4
    assert near > 50


def test_many_unproposed_trials_with_several_objectives_do_no_harm() -> None:
    strategy = begun(2)
    draws = random.Random(0)
    for number in range(80):
        strategy.tell(judged(number, SPACE.sample(draws), 2))
    assert strategy.ask(draws).architecture in SPACE


def test_the_violation_is_minimized_until_something_is_feasible() -> None:
    def violation(architecture: nas.Architecture) -> float:
        return float(sum(architecture[f"d{i}"] != 0 for i in range(6)))

    strategy = begun()
    seen = []
    for number in range(120):
        proposal = strategy.ask(stream(1, number)).architecture
        seen.append(violation(proposal))
        strategy.tell(nas.Trial(number, proposal, nas.Status.INFEASIBLE, violation=seen[-1] + 1.0))
    assert min(seen[60:]) <= 1
    assert sum(seen[60:]) < sum(seen[:60])


def test_forgotten_proposals_can_still_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nevergrad_strategy, "PENDING", 3)
    strategy = begun(optimizer="TwoPointsDE")
    draws = random.Random(0)
    asked = list(dict.fromkeys(strategy.ask(draws).architecture for _ in range(12)))
    for number, architecture in enumerate(asked):
        strategy.tell(judged(number, architecture))
    assert strategy.ask(draws).architecture in SPACE


def test_a_one_shot_optimizer_is_made_anew_at_its_end() -> None:
    with pytest.raises(nas.ConfigError, match=r"HammersleySearch.*may need the parameter 'trials'"):
        begun(optimizer="HammersleySearch")
    assert len(run(begun(optimizer="ScrHammersleySearch", trials=10), trials=30)) == 30


def test_an_unknown_optimizer_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(nas.ComponentError, match=r"'TwoPointDE'.*Did you mean 'TwoPointsDE'"):
        nas.strategy("nevergrad", optimizer="TwoPointDE")
    with pytest.raises(nas.ComponentError, match="trials must be a whole number"):
        nas.strategy("nevergrad", trials=0)


def test_an_optimizer_that_waits_for_answers_is_refused() -> None:
    with pytest.raises(nas.ComponentError, match="'Cobyla' waits for the answer"):
        nas.strategy("nevergrad", optimizer="Cobyla")


@pytest.mark.timeout(60)
def test_one_that_waits_in_a_hidden_part_is_stopped_instead_of_hanging() -> None:
    before = set(threading.enumerate())
    with pytest.raises(nas.StudyError, match="'BAR3' waits for the answer"):
        run(begun(optimizer="BAR3", trials=30))
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), "a thread that waits would keep the process from ending"


finite = st.integers(-1000, 1000).map(float)


@st.composite
def histories(draw: st.DrawFn) -> list[nas.Trial]:
    objectives = draw(st.integers(1, 3))
    trials = []
    for number in range(draw(st.integers(1, 10))):
        kind = draw(st.sampled_from(list(nas.Status)))
        losses = draw(st.tuples(*[finite] * objectives)) if kind == "complete" else ()
        bad = kind == "infeasible" or (kind == "complete" and draw(st.booleans()))
        violation = draw(st.floats(0.01, 100)) if bad else 0.0
        trials.append(nas.Trial(number, nas.Architecture({}), kind, losses, violation))
    return trials


@given(histories())
def test_penalties_keep_the_order_of_constrained_dominance(trials: list[nas.Trial]) -> None:
    penalties = Penalties()
    firsts = [penalties.add(trial) for trial in trials]
    assert sum(firsts) == any(trial.feasible for trial in trials)
    told = [(trial, penalties.losses(trial)) for trial in trials]
    assert all(math.isfinite(loss) for _, losses in told for loss in losses)
    assert all(losses == trial.losses for trial, losses in told if trial.feasible)
    for better, mine in told:
        for worse, other in told:
            if _class(better) < _class(worse) and better.violation <= worse.violation:
                assert all(a <= b for a, b in zip(mine, other, strict=True))
                assert any(a < b for a, b in zip(mine, other, strict=True))


def _class(trial: nas.Trial) -> int:
    if trial.status not in (nas.Status.COMPLETE, nas.Status.INFEASIBLE):
        return 2
    return 0 if trial.feasible else 1


def test_penalties_of_more_violation_are_larger() -> None:
    penalties = Penalties()
    for number, loss in enumerate((1e-3, 3e-3)):
        penalties.add(nas.Trial(number, nas.Architecture({}), nas.Status.COMPLETE, (loss,)))
    worse = [
        penalties.losses(
            nas.Trial(9, nas.Architecture({}), nas.Status.INFEASIBLE, violation=violation)
        )[0]
        for violation in (0.01, 0.1, 1.0, 100.0)
    ]
    assert worse == sorted(worse)
    assert 3e-3 < worse[0] < worse[-1] < 6e-3, "on the scale of the losses"
