"""Optuna's sampler behind the interface of a strategy."""

from __future__ import annotations

import random
import sys
from typing import Any

import optuna
import pytest

import nas


class Toy(nas.Space):
    input_shape, classes = (1,), 2
    decisions = (
        nas.Integer("a", 0, 9),
        nas.Categorical("b", [0, 1, 2, 3], when={"a": [5, 6, 7, 8, 9]}),
        nas.Integer("c", 8, 64, step=8, when={"b": [1, 2, 3]}),
    )

    def build(self, architecture: nas.Architecture) -> Any:
        raise AssertionError("a strategy builds no networks")


def begun(objectives: int = 1, **parameters: Any) -> nas.Strategy:
    strategy = nas.strategy("tpe", **parameters)
    goals = tuple(nas.Goal(f"metric {i}") for i in range(objectives))
    strategy.start(nas.Problem(Toy(), goals, 0))
    return strategy


def loss(architecture: nas.Architecture) -> float:
    """Least where all decisions are active and as large as they can be."""
    values = dict(architecture)
    return -float(values["a"]) - 3 * float(values.get("b", 0)) - float(values.get("c", 0)) / 8


def test_is_drawn_to_the_best_through_decisions_that_depend_on_others() -> None:
    strategy, source = begun(), random.Random(0)
    for number in range(60):
        asked = strategy.ask(source).architecture
        strategy.tell(nas.Trial(number, asked, nas.Status.COMPLETE, (loss(asked),)))
    late = [loss(strategy.ask(source).architecture) for _ in range(20)]
    early = [loss(Toy().sample(source)) for _ in range(200)]
    assert sum(late) / len(late) < sum(early) / len(early) - 4


def test_a_trial_that_was_never_proposed_counts_like_any_other() -> None:
    strategy, source = begun(), random.Random(0)
    for number in range(40):
        stranger = Toy().sample(source)
        strategy.tell(nas.Trial(number, stranger, nas.Status.COMPLETE, (loss(stranger),)))
    asked = [loss(strategy.ask(source).architecture) for _ in range(30)]
    by_chance = [loss(Toy().sample(source)) for _ in range(300)]
    assert sum(asked) / 30 < sum(by_chance) / 300 - 4


def test_logs_nothing_and_leaves_the_logging_of_optuna_alone(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = optuna.logging.get_verbosity()
    strategy, source = begun(), random.Random(0)
    for number in range(15):
        asked = strategy.ask(source).architecture
        strategy.tell(nas.Trial(number, asked, nas.Status.COMPLETE, (loss(asked),)))
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_without_optuna_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(nas.ComponentError, match=r"pip install 'plugnas\[optuna\]'"):
        nas.strategy("tpe")


@pytest.mark.parametrize("wrong", [{"startup": 0}, {"candidates": 0}])
def test_refuses_what_cannot_work(wrong: dict[str, int]) -> None:
    with pytest.raises(nas.ComponentError, match=next(iter(wrong))):
        nas.strategy("tpe", **wrong)
