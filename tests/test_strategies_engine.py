"""Every built-in strategy in whole searches: nothing twice, resumed, exhausted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toys import config, run, told

import nas
from nas.plugins import Plugins

CHEAP: dict[str, dict[str, Any]] = {
    "bananas": {"predictor": "ridge"},
    "bo": {"candidates": 50},
    "bowl": {"candidates": 20},
    "portfolio": {"strategies": ["local_search", "nsga2"]},
    "predictor_evolution": {"predictor": "ridge"},
    "reinforce": {"controller": "lstm"},
    "weaknas": {"predictor": "ridge"},
}
"""Parameters that are needed, or with which a search takes a moment."""

NAMES = sorted(
    name
    for found in Plugins().registry("strategy")
    if found.full_name == f"strategies:{(name := found.component.name)}"
    and name != "fixed"
    and not nas.strategy(name, **CHEAP.get(name, {})).pauses
)
"""Those that pause trials or repeat them have tests of their own."""
every_strategy = pytest.mark.parametrize("name", NAMES)
SMALL = {"name": "toy", "length": 2, "base": 3}


def searched(name: str, path: Path, trials: int, **changes: Any) -> nas.Result:
    strategy = {"name": name, **CHEAP.get(name, {})}
    return run(config(strategy=strategy, stop={"trials": trials}, window=3, **changes), path)


def different(result: nas.Result) -> int:
    return len({trial.architecture for trial in result.trials})


def test_all_built_in_strategies_are_here() -> None:
    assert {"random", "nsga2", "predictor_evolution", "bananas", "weaknas", "tpe"} <= set(NAMES)


@every_strategy
@pytest.mark.parametrize("objectives", [["total"], ["total", "spread"]], ids=["one", "two"])
def test_proposes_nothing_twice_although_some_fail(
    name: str, objectives: list[str], tmp_path: Path
) -> None:
    failing = {"name": "tally", "on": 1, "mode": "raise"}
    result = searched(name, tmp_path / "a.db", 40, objectives=objectives, evaluator=failing)
    assert different(result) == len(result.trials) == 40
    assert any(trial.status is nas.Status.COMPLETE for trial in result.trials)


@every_strategy
def test_an_interrupted_study_goes_on_as_if_it_had_not_been(name: str, tmp_path: Path) -> None:
    both = ["total", "spread"]
    whole = searched(name, tmp_path / "whole.db", 30, objectives=both)
    searched(name, tmp_path / "parts.db", 17, objectives=both)
    parts = searched(name, tmp_path / "parts.db", 30, objectives=both)
    assert told(parts.trials) == told(whole.trials)


@every_strategy
def test_an_exhausted_space_ends_the_study_with_the_reason(name: str, tmp_path: Path) -> None:
    result = searched(name, tmp_path / "a.db", 99, space=SMALL)
    assert "every architecture" in result.reason
    assert different(result) == len(result.trials) == 9


@every_strategy
def test_goes_through_a_space_in_which_all_losses_are_equal(name: str, tmp_path: Path) -> None:
    # of one digit, the largest and the smallest are the same
    space = {"name": "toy", "length": 1, "base": 30}
    result = searched(name, tmp_path / "a.db", 99, objectives=["spread"], space=space)
    assert different(result) == 30
    assert "every architecture" in result.reason


@every_strategy
def test_keeps_within_a_bound_that_is_known_beforehand(name: str, tmp_path: Path) -> None:
    bounded = ["total", {"name": "first", "max": 1}]
    result = searched(name, tmp_path / "a.db", 20, objectives=bounded)
    assert sum(trial.status is nas.Status.COMPLETE for trial in result.trials) == 20
    assert all(trial.metrics["first"] <= 1 for trial in result.front)
