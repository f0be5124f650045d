"""Configs: read, overridden, and refused with what would have worked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nas
from nas.config import Config, differences

GOOD: dict[str, Any] = {
    "study": "s",
    "objectives": ["error", {"name": "params", "max": 2e5}],
    "space": {"name": "nas201", "cells": 1},
    "evaluator": "train",
    "strategy": {"name": "random"},
    "stop": {"trials": 3},
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def test_a_table_is_a_name_and_parameters() -> None:
    config = Config.parse(GOOD)
    assert config.space.name == "nas201"
    assert config.space.parameters == {"cells": 1}
    assert config.evaluator.name == "train"
    assert config.objectives[1].max == 2e5
    assert config.objectives[1].parameters == {}


def test_parse_is_the_inverse_of_to_dict() -> None:
    config = Config.parse(GOOD)
    assert Config.parse(config.to_dict()) == config


def test_a_config_cannot_be_changed() -> None:
    config = Config.parse(GOOD)
    with pytest.raises(Exception, match="frozen"):
        config.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed(spcae={}), "unknown key 'spcae'. Did you mean 'space'?"),
        (changed(stop={"trails": 3}), "unknown key 'stop.trails'. Did you mean 'trials'?"),
        (changed(run={"worker": 2}), "unknown key 'run.worker'. Did you mean 'workers'?"),
        (changed(stop={}), "say when to stop"),
        (changed(stop={"trials": 0}), "stop.trials: input should be greater than or equal to 1"),
        (changed(stop={"trials": "many"}), "stop.trials: .*integer, not 'many'"),
        (changed(seed=1.5), "seed: .*integer, not 1.5"),
        (changed(objectives=[]), "objectives: .*at least 1"),
        (changed(objectives=[{"max": 1}]), r"objectives\[0\].name' is missing"),
        (changed(objectives=[{"name": "error", "min": 2, "max": 1}]), "nothing can keep both"),
        (changed(filter={"proxy": "a", "predictor": "b"}), "either a proxy, or proxies, or a pred"),
        (changed(filter={"proxy": "a", "objective": "error"}), "a proxy has none"),
        (changed(run={"executor": "dask"}), "run.executor: .*'inline' or 'simulated', not 'dask'"),
        ({k: v for k, v in GOOD.items() if k != "space"}, "'space' is missing"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(nas.ConfigError, match=message):
        Config.parse(values)


def test_overrides_are_toml_values_or_plain_texts(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        'study = "s"\nobjectives = ["error"]\nevaluator = "train"\nstrategy = "random"\n'
        '[space]\nname = "nas201"\n[stop]\ntrials = 60\n'
    )
    config = Config.load(
        path,
        [
            *("stop.trials=12", "study=other", "space.cells = 3", 'objectives=["loss"]'),
            *("data=digits", "evaluator.epochs=3"),
        ],
    )
    assert config.stop.trials == 12
    assert config.study == "other"
    assert config.space.parameters == {"cells": 3}
    assert [o.name for o in config.objectives] == ["loss"]
    assert config.data is not None
    assert config.data.name == "digits"
    assert config.evaluator.name == "train"
    assert config.evaluator.parameters == {"epochs": 3}


@pytest.mark.parametrize("override", ["stop.trials", "=3", "seed.x=1"])
def test_an_override_that_makes_no_sense_is_named(tmp_path: Path, override: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text('study = "s"\nseed = 1\n')
    with pytest.raises(nas.ConfigError, match="--set"):
        Config.load(path, [override])


def test_a_missing_file_and_broken_toml_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(nas.ConfigError, match="cannot be read"):
        Config.load(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("study = ")
    with pytest.raises(nas.ConfigError, match="is not TOML"):
        Config.load(broken)


def test_identity_leaves_out_when_to_stop_and_how_to_run() -> None:
    one = Config.parse(GOOD)
    two = Config.parse(changed(stop={"trials": 9}, run={"executor": "inline"}))
    assert one.identity() == two.identity()
    other = Config.parse(changed(space={"name": "nas201", "cells": 2}))
    assert differences(one.identity(), other.identity()) == ["space.cells: 1 -> 2"]
