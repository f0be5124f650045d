"""An evaluation that the archive holds is not done again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toys import config, rows, run

import nas


@pytest.fixture
def path(tmp_path: Path) -> Path:
    run(config(stop={"trials": 20}), tmp_path / "a.db")
    return tmp_path / "a.db"


def again(path: Path, **changes: Any) -> nas.Result:
    return run(config(study="again", reuse=True, stop={"trials": 30}, **changes), path)


def reused(path: Path) -> list[int | None]:
    sql = """SELECT earlier.number FROM trials JOIN studies ON studies.id = trials.study
        LEFT JOIN trials AS earlier ON earlier.id = trials.reused
        WHERE studies.name = 'again' ORDER BY trials.number"""
    return [number for (number,) in rows(path, sql)]


def test_what_another_study_has_evaluated_is_taken_from_it(path: Path) -> None:
    result = again(path)
    assert reused(path) == [*range(20), *[None] * 10]
    with nas.Archive(path) as archive:
        for mine, earlier in zip(result.trials, archive.trials("toy"), strict=False):
            assert (mine.architecture, dict(mine.metrics)) == (
                earlier.architecture,
                dict(earlier.metrics),
            )
            assert (mine.seed, mine.seconds) == (earlier.seed, 0.0)
            assert archive.curve(mine.id) == archive.curve(earlier.id)


def test_a_study_that_is_not_told_to_evaluates_everything(path: Path) -> None:
    run(config(study="again"), path)
    assert set(reused(path)) == {None}


@pytest.mark.parametrize(
    "other",
    [
        {"evaluator": {"name": "tally", "seconds": 1e-5}},
        {"space": {"name": "toy", "base": 6}},
    ],
)
def test_another_evaluation_is_no_answer(path: Path, other: dict[str, Any]) -> None:
    again(path, **other)
    assert set(reused(path)) == {None}


def test_a_failed_trial_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    failing = {"name": "tally", "on": 1, "mode": "raise"}
    space = {"name": "toy", "length": 2, "base": 3}
    run(config(evaluator=failing, space=space, stop={"trials": 9}), path)
    again(path, evaluator=failing, space=space)
    assert reused(path) == [0, 1, 2, None, None, None, 6, 7, 8]


def test_reused_trials_are_counted_for_whoever_watches(path: Path) -> None:
    seen: list[int] = []

    class Watch:
        def started(self, study: nas.Study, plan: Any) -> None: ...

        def progress(self, progress: Any) -> None:
            seen.append(progress.reused)

        def finished(self, study: nas.Study, reason: str) -> None: ...

    run(config(study="again", reuse=True), path, observer=Watch())
    assert seen[-1] == 10


def test_a_resumed_study_knows_what_it_had_reused(path: Path) -> None:
    run(config(study="again", reuse=True, stop={"trials": 10}), path)
    again(path)
    assert reused(path) == [*range(20), *[None] * 10]


def test_isomorphic_networks_share_an_evaluation_and_keep_their_own_size(tmp_path: Path) -> None:
    """In NAS-Bench-201 a dead convolution changes the parameters and not the function."""
    first, second = (
        "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
    )
    plugin = tmp_path / "given.py"
    plugin.write_text(GIVEN)
    values = {
        "objectives": ["error", "params"],
        "space": {"name": "nas201", "cells": 1, "channels": 4},
        "data": {"name": "digits", "validation": 0.7},
        "evaluator": {"name": "train", "epochs": 1, "batch_size": 128},
        "stop": {"trials": 1},
        "reuse": True,
        "run": {"executor": "inline"},
    }
    path = tmp_path / "a.db"
    results = [
        nas.search(
            {**values, "study": name, "strategy": {"name": "given", "text": text}},
            path,
            plugins=[plugin],
        ).trials[0]
        for name, text in (("one", first), ("again", second))
    ]
    assert reused(path) == [0]
    assert results[0].metrics["error"] == results[1].metrics["error"]
    assert results[0].metrics["params"] > results[1].metrics["params"]
    with nas.Archive(path) as archive:
        assert archive.canonical_id(results[0].id) == archive.canonical_id(results[1].id)


GIVEN = """
import nas
from dataclasses import dataclass

@dataclass
class Given(nas.Strategy):
    text: str

    def start(self, problem):
        self.space = problem.space

    def ask(self, rng):
        return nas.Proposal(self.space.parse(self.text))

    def tell(self, trial):
        pass

@nas.hookimpl
def nas_strategies():
    return [nas.Component("given", Given, "one architecture")]
"""
