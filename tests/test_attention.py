"""While candidates are scored, trials go on: workers do not wait for the driver."""

from __future__ import annotations

import os
import signal
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from races import RACERS, decided, race

import nas
from nas.engine.interrupts import Interrupts

WATCHFUL = Path(__file__).parent / "files" / "watchful.py"


def searched(folder: Path, executor: str) -> Path:
    """Search with a proxy that takes its time, and trials that ask after each of their 9 steps."""
    folder.mkdir()
    files = {name: str(folder / name) for name in ("notes", "log", "archive")}
    values = race(
        space={"name": "lanes", "count": 200},
        scheduler={"name": "cut", "at": list(range(1, 9))},
        evaluator={"log": files["log"], "seconds": 0.005},
        strategy={"name": "drawing", "notes": files["notes"]},
        filter={"proxy": {"name": "watchful", **files}, "candidates": 6, "random": 0.0},
        run={"executor": executor, "workers": 2} if executor == "ray" else {"executor": executor},
        stop={"trials": 10},
    )
    nas.search(values, files["archive"], plugins=[RACERS, WATCHFUL])
    return folder


def proposals(folder: Path) -> list[list[list[int]]]:
    """Return, for each proposal, steps and trials that were done by each of its scores."""
    found: list[list[list[int]]] = []
    last = ""
    for line in (folder / "notes").read_text().splitlines():
        kind, *numbers = line.split()
        if kind == "score":
            if last == "ask":
                found.append([])
            found[-1].append([int(number) for number in numbers])
        last = kind
    return found


@pytest.fixture(scope="module")
def on_ray(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return searched(tmp_path_factory.mktemp("attention") / "ray", "ray")


def test_trials_are_told_verdicts_between_two_scores(on_ray: Path) -> None:
    seeds = [line.split()[0] for line in (on_ray / "log").read_text().splitlines()]
    during = [
        Counter(seeds[scores[0][0] : scores[-1][0]]) for scores in proposals(on_ray) if scores
    ]
    # A step may be done that was allowed before, and then the trial asks.
    assert max(count for steps in during for count in steps.values()) >= 2


def test_trials_that_end_are_archived_between_two_scores(on_ray: Path) -> None:
    pairs = [pair for scores in proposals(on_ray) for pair in pairwise(scores)]
    assert any(before[1] < after[1] for before, after in pairs)


def test_it_changes_nothing_that_is_decided(on_ray: Path, tmp_path: Path) -> None:
    alone = searched(tmp_path / "inline", "inline")
    assert decided(alone / "archive") == decided(on_ray / "archive")


def struck(interrupts: Interrupts, done: list[Any]) -> None:
    """Interrupt what is held, inside of what may be interrupted."""
    with interrupts.allowed():
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("held")
        done.append("allowed")


def test_an_interrupt_strikes_after_what_is_held() -> None:
    done: list[Any] = []
    with Interrupts() as interrupts:
        interrupts.begin()
        with pytest.raises(KeyboardInterrupt):
            struck(interrupts, done)
        with interrupts.held():
            done.append("outside of what is allowed nothing strikes")
    assert done == ["held", "outside of what is allowed nothing strikes"]
