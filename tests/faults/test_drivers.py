"""The driver is killed at random moments: nothing is lost, nothing twice, and it goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from drivers import alive, check_whole, count, descendants, drive, ended, wait_for
from toys import TOY, config, rows, run, told

import nas

TOLD = Path(__file__).parent / "files" / "told.py"
TRAINING: dict[str, Any] = {
    "study": "digits",
    "seed": 5,
    "objectives": ["error", "params"],
    "window": 3,
    "space": {"name": "nas201", "cells": 1, "channels": 4},
    "data": {"name": "digits", "validation": 0.7},
    "evaluator": {"name": "train", "epochs": 3, "batch_size": 128},
    "strategy": {"name": "regularized_evolution", "population": 4, "sample": 2},
    "stop": {"trials": 12},
}


@pytest.fixture
def points(request: pytest.FixtureRequest) -> random.Random:
    """Random moments; the seed is in pytest's header."""
    return random.Random(f"{request.config.option.fault_seed} {request.node.name}")


def kill_often(
    values: dict[str, Any], archive: Path, points: random.Random, kills: int, *plugins: Path
) -> int:
    """Kill the search again and again after a random time; return how often it was running."""
    struck = 0
    for _ in range(kills):
        search = drive(values, archive, *plugins)
        began = count(archive)
        sessions = count(archive, "sessions") if points.random() < 0.7 else -1  # while it starts
        wait_for(partial(_has_begun, search, archive, sessions), search)
        try:
            search.wait(points.uniform(0.2, 1.5))
        except subprocess.TimeoutExpired:
            search.kill()
            struck += 1
        search.communicate()
        check_gaps(archive, began)
        if not struck and search.returncode == 0:
            break
    return struck


def _has_begun(search: subprocess.Popen[str], archive: Path, sessions: int) -> bool:
    """Tell whether there are more sessions in an archive, or nothing was left to do."""
    begun = archive.exists() and count(archive, "sessions") > sessions
    return begun or search.poll() == 0


def check_gaps(archive: Path, before: int) -> None:
    """A killed search has lost nothing of what was there, and left the file whole."""
    assert rows(archive, "PRAGMA integrity_check") == [("ok",)]
    assert rows(archive, "PRAGMA foreign_key_check") == []
    assert count(archive) >= before
    sql = "SELECT study, number FROM trials GROUP BY study, number HAVING count(*) > 1"
    assert not count(archive) or rows(archive, sql) == []


def same(archive: Path, expected: list[nas.Trial]) -> None:
    check_whole(archive)
    with nas.Archive(archive) as opened:
        assert _untimed(opened.trials()) == _untimed(expected)


def _untimed(trials: list[nas.Trial]) -> list[tuple[Any, ...]]:
    return [
        (*row[:4], {k: v for k, v in row[4].items() if k != "train_seconds"}, *row[5:])
        for row in told(trials)
    ]


@pytest.mark.parametrize("executor", [pytest.param("inline", marks=pytest.mark.slow_fault), "ray"])
def test_killed_again_and_again_with_cheap_jobs(
    executor: str, tmp_path: Path, points: random.Random, request: pytest.FixtureRequest
) -> None:
    thorough = request.config.option.faults == "all"
    values = config(
        strategy="climb",
        objectives=["total", "spread"],
        evaluator={"name": "tally", "seconds": 0.03},
        stop={"trials": 110},
        run={"executor": executor, **({"workers": 2} if executor == "ray" else {})},
    )
    cheap = {**values, "run": {"executor": "inline"}}
    expected = run({**cheap, "evaluator": "tally"}, tmp_path / "whole.db").trials
    archive = tmp_path / "a.db"
    kill_often(values, archive, points, 25 if thorough else 5, TOY)
    assert ended(drive(values, archive, TOY)) == "110 trials are done"
    same(archive, expected)
    killed = rows(archive, "SELECT count(*) FROM sessions WHERE status = 'killed'")[0][0]
    assert killed > 0, "no kill has met a running search: make it slower"


@pytest.mark.slow_fault
@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_killed_in_mid_training(executor: str, tmp_path: Path, points: random.Random) -> None:
    values = {**TRAINING, "run": {"executor": executor, "workers": 2}}
    if executor == "inline":
        values["run"].pop("workers")
    expected = nas.search({**TRAINING, "run": {"executor": "inline"}}, tmp_path / "whole.db").trials
    archive = tmp_path / "a.db"
    for _ in range(8):
        search = drive(values, archive)
        try:
            search.wait(points.uniform(3, 9))
        except subprocess.TimeoutExpired:
            search.kill()
        search.communicate()
    ended(drive(values, archive))
    same(archive, expected)


def test_what_a_strategy_was_told_is_on_disk(tmp_path: Path, points: random.Random) -> None:
    archive = tmp_path / "a.db"
    diary = tmp_path / "told.txt"
    values = config(
        strategy={"name": "diary", "path": str(diary)},
        evaluator={"name": "tally", "seconds": 0.002},
        stop={"trials": 125},
        window=1,
    )
    for _ in range(4):
        before = diary.stat().st_size if diary.exists() else 0
        search = drive(values, archive, TOY, TOLD)
        wait_for(lambda: diary.exists() and diary.stat().st_size > before, search)  # noqa: B023
        time.sleep(points.uniform(0, 0.1))
        search.kill()
        search.communicate()
        entries = [int(line) for line in diary.read_text().split("\n")[:-1]]
        archived = {n for (n,) in rows(archive, "SELECT number FROM trials")}
        assert set(entries) <= archived
        if len(archived) == 125:
            break


def test_nothing_of_a_killed_driver_lives_on(tmp_path: Path) -> None:
    archive = tmp_path / "a.db"
    values = config(
        evaluator={"name": "tally", "seconds": 0.1},
        stop={"trials": 125},
        run={"executor": "ray", "workers": 2},
    )
    search = drive(values, archive, TOY)
    wait_for(lambda: count(archive) >= 3, search)
    family = descendants(search.pid)
    assert len(family) > 3
    search.kill()
    search.communicate()
    # Ray's own agents outlive it a while; what evaluates, or could, does not
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        left = [name for pid in family if (name := alive(pid)) and "gent" not in name]
        if not left:
            break
        time.sleep(0.2)
    assert left == []


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_sigterm_is_an_interrupt(tmp_path: Path, executor: str) -> None:
    archive = tmp_path / "a.db"
    slow = {"name": "tally", "seconds": 0.1}
    values = config(evaluator=slow, stop={"trials": 125}, run={"executor": executor, "workers": 2})
    search = drive(values, archive, TOY)
    wait_for(lambda: count(archive) >= 3, search)
    search.send_signal(signal.SIGTERM)
    assert ended(search) == "interrupted"
    assert rows(archive, "SELECT status FROM sessions") == [("interrupted",)]


def test_in_the_background_of_a_script_ctrl_c_is_not_heard_and_sigterm_is(tmp_path: Path) -> None:
    archive = tmp_path / "a.db"
    values = config(evaluator={"name": "tally", "seconds": 0.1}, stop={"trials": 125})
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        search = drive(values, archive, TOY)
    finally:
        signal.signal(signal.SIGINT, before)
    wait_for(lambda: count(archive) >= 3, search)
    search.send_signal(signal.SIGINT)
    wait_for(lambda: count(archive) >= 15, search)
    search.send_signal(signal.SIGTERM)
    assert ended(search) == "interrupted"


def test_two_studies_in_one_archive_at_once(tmp_path: Path) -> None:
    archive = tmp_path / "a.db"
    slow = {"evaluator": {"name": "tally", "seconds": 0.01}, "strategy": "climb"}
    studies = {name: config(study=name, **slow, stop={"trials": 60}) for name in ("one", "two")}
    searches = [drive(values, archive, TOY) for values in studies.values()]
    for search in searches:
        assert ended(search) == "60 trials are done"
    expected = run(config(study="one", strategy="climb", stop={"trials": 60}), tmp_path / "b.db")
    check_whole(archive)
    with nas.Archive(archive) as opened:
        for name in studies:
            assert told(opened.trials(name)) == told(expected.trials)
            assert len(opened.front(name)) == len(expected.front)


def test_the_helpers_can_fail(tmp_path: Path) -> None:
    assert alive(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert child.pid in descendants(os.getpid())
    child.kill()
    child.wait()
    assert not alive(child.pid)
