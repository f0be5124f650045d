"""Killed in mid-training with snapshots: the training goes on, to the result it would have had."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from drivers import check_whole, drive, ended, session, wait_for
from toys import told

import nas

TRACED = Path(__file__).parent / "files" / "traced.py"
EPOCHS = 12
CONFIG: dict[str, Any] = {
    "study": "digits",
    "seed": 1,
    "objectives": ["error"],
    "space": {"name": "nas201", "cells": 1, "channels": 8},
    "data": {"name": "digits", "validation": 0.5},
    "strategy": "random",
    "window": 2,
    "stop": {"trials": 1},
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What a search without interruption finds."""
    path = tmp_path_factory.mktemp("whole") / "a.db"
    nas.search(values(path, executor="inline"), path, plugins=[TRACED])
    return _found(path)


def _found(path: Path) -> list[Any]:
    with nas.Archive(path) as archive:
        trials = archive.trials()
        metrics = [{k: v for k, v in t.metrics.items() if k != "train_seconds"} for t in trials]
        curves = [archive.curve(t.id) for t in trials]
        return [(*row[:4], *row[5:]) for row in told(trials)] + metrics + curves


def values(archive: Path, **run: Any) -> dict[str, Any]:
    trace = str(archive.with_name("epochs.txt"))
    train = {"name": "traced", "epochs": EPOCHS, "checkpoint_every": 1, "trace": trace}
    return {**CONFIG, "evaluator": train, "run": run}


def snapshots(archive: Path) -> list[Path]:
    return list(archive.parent.glob("a.db.artifacts/checkpoints/*.safetensors"))


def check(archive: Path, expected: list[Any]) -> None:
    check_whole(archive)
    assert _found(archive) == expected
    assert not snapshots(archive)
    trained = [int(line) for line in archive.with_name("epochs.txt").read_text().split()]
    assert trained.count(1) == 1, "it began anew"
    assert set(trained) == set(range(1, EPOCHS + 1))
    assert len(trained) <= EPOCHS + 2


@pytest.mark.parametrize("executor", ["inline", pytest.param("ray", marks=pytest.mark.slow_fault)])
def test_a_killed_driver(executor: str, tmp_path: Path, expected: list[Any]) -> None:
    archive = tmp_path / "a.db"
    run = {"executor": executor, **({"workers": 1} if executor == "ray" else {})}
    search = drive(values(archive, **run), archive, TRACED)
    wait_for(lambda: _epoch(archive) >= 6, search)
    search.kill()
    search.communicate()
    assert ended(drive(values(archive, **run), archive, TRACED)) == "1 trials are done"
    check(archive, expected)


def test_a_killed_worker(tmp_path: Path, expected: list[Any]) -> None:
    archive = tmp_path / "a.db"
    search = drive(values(archive, executor="ray", workers=1), archive, TRACED)
    wait_for(lambda: _epoch(archive) >= 6, search)
    running = wait_for(lambda: session(archive).state.get("running"), search)
    os.kill(int(running[0]["worker"].split()[-1]), signal.SIGKILL)
    assert ended(search) == "1 trials are done"
    check(archive, expected)


@pytest.mark.slow_fault
def test_an_interrupted_search_keeps_its_snapshot(tmp_path: Path, expected: list[Any]) -> None:
    archive = tmp_path / "a.db"
    search = drive(values(archive, executor="inline"), archive, TRACED)
    wait_for(lambda: _epoch(archive) >= 6, search)
    search.send_signal(signal.SIGINT)
    assert ended(search) == "interrupted"
    assert snapshots(archive)
    ended(drive(values(archive, executor="inline"), archive, TRACED))
    check(archive, expected)


def _epoch(archive: Path) -> int:
    """Return how far the first trial's snapshot is."""
    from safetensors import SafetensorError, safe_open

    for path in snapshots(archive):
        try:
            with safe_open(path, "pt") as file:
                header = file.metadata()["nas"]
        except (SafetensorError, OSError):
            continue
        return int(header.partition('"epoch": ')[2].partition(",")[0])
    return 0
