"""Random faults against a running search with real training, for as long as is asked for.

python -m pytest tests/faults/test_soak.py --faults=all --soak-minutes=30 -s
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers import count, drive, session, wait_for
from toys import rows

import nas
from nas.executors import ray_settings

ray_settings.apply()

FRAGILE = Path(__file__).parent / "files" / "fragile.py"
CONFIG: dict[str, Any] = {
    "study": "soak",
    "seed": 11,
    "objectives": ["error", "params"],
    "window": 4,
    "space": {"name": "nas201", "cells": 1, "channels": 4},
    "data": {"name": "digits", "validation": 0.6},
    "evaluator": {"name": "fragile", "epochs": 6, "batch_size": 64, "checkpoint_every": 2},
    "strategy": {"name": "regularized_evolution", "population": 20},
    "stop": {"trials": 15_000},
    "limits": {"timeout": 15},
    "run": {"executor": "ray"},
}
FAULTS = ("kill the driver", "kill a worker", "lose a node", "interrupt", "freeze a worker")
AGAIN = 12
"""Trials that are evaluated once more at the end, undisturbed."""


class Soak:
    """A search on a cluster of two nodes, and what is done to it."""

    def __init__(self, cluster: Any, archive: Path) -> None:
        self._cluster, self._archive = cluster, archive
        self._nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        self.done: Counter[str] = Counter()
        self._start()

    def _start(self) -> None:
        self.search = drive(CONFIG, self._archive, FRAGILE, address=self._cluster.address)

    def strike(self, fault: str, source: random.Random) -> None:
        """Do one thing to it, and see that it runs again."""
        if fault == "lose a node":
            self._cluster.remove_node(self._nodes.pop(0), allow_graceful=False)
            self._nodes.append(self._cluster.add_node(num_cpus=1))
        elif fault in ("kill a worker", "freeze a worker"):
            if not (pid := self._worker(source)):
                return
            os.kill(pid, signal.SIGKILL if fault == "kill a worker" else signal.SIGSTOP)
        else:
            hard = fault == "kill the driver"
            self.search.send_signal(signal.SIGKILL if hard else signal.SIGINT)
            _, err = self.search.communicate(timeout=60)
            assert hard or self.search.returncode == 0, err
            self._start()
        self.done[fault] += 1

    def _worker(self, source: random.Random) -> int | None:
        try:
            running = session(self._archive).state.get("running", [])
        except nas.ArchiveError:
            return None
        pids = [int(job["worker"].split()[-1]) for job in running if job["worker"]]
        living = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        return source.choice(living) if living else None

    def check_running(self) -> None:
        """A search that has ended by itself has failed."""
        if self.search.poll() is not None:
            raise AssertionError(self.search.communicate())


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    quick = {
        "health_check_period_ms": 500,
        "health_check_timeout_ms": 500,
        "health_check_failure_threshold": 3,
    }
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": quick})
    yield cluster
    cluster.shutdown()


@pytest.mark.slow_fault
@pytest.mark.timeout(0)
def test_nothing_is_lost_and_nothing_twice(
    cluster: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = random.Random(request.config.option.fault_seed)
    minutes = request.config.option.soak_minutes
    archive = tmp_path / "a.db"
    soak = Soak(cluster, archive)
    began = time.monotonic()
    while time.monotonic() - began < 60 * minutes:
        time.sleep(source.uniform(4, 14))
        soak.check_running()
        soak.strike(source.choice(FAULTS), source)
    # A killed driver leaves gaps, which the next one fills; so the last one has to get that far.
    before = count(archive)
    wait_for(lambda: count(archive) > before, soak.search)
    soak.search.send_signal(signal.SIGINT)
    try:
        soak.search.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        soak.search.kill()
        raise
    report(archive, soak, time.monotonic() - began, request.config.option.fault_seed)


def report(archive: Path, soak: Soak, seconds: float, seed: int) -> None:
    """Print what happened, and hold what must be."""
    trials = count(archive)
    (last,) = rows(archive, "SELECT max(number) FROM trials")[0]
    twice = rows(archive, "SELECT count(*) - count(DISTINCT number) FROM trials")[0][0]
    lost = last + 1 - rows(archive, "SELECT count(DISTINCT number) FROM trials")[0][0]
    by_status = dict(rows(archive, "SELECT status, count(*) FROM trials GROUP BY 1"))
    kinds = dict(
        rows(
            archive, "SELECT failure_kind, count(*) FROM trials WHERE failure_kind > '' GROUP BY 1"
        )
    )
    incidents = dict(rows(archive, "SELECT kind, count(*) FROM incidents GROUP BY 1"))
    sessions = dict(rows(archive, "SELECT status, count(*) FROM sessions GROUP BY 1"))
    wrong = evaluated_otherwise(archive)
    print(
        f"\nsoak of {seconds / 60:.1f} minutes, --fault-seed={seed}"
        f"\n  faults: {sum(soak.done.values())} {dict(soak.done)}"
        f"\n  sessions: {sessions}; incidents: {incidents}"
        f"\n  trials: {trials} {by_status}; failures: {kinds}"
        f"\n  lost: {lost}, twice: {twice}, of {AGAIN} evaluated once more differ: {wrong}"
    )
    assert rows(archive, "PRAGMA integrity_check") == [("ok",)]
    assert rows(archive, "PRAGMA foreign_key_check") == []
    assert (lost, twice, wrong) == (0, 0, 0)
    assert trials > 0


def evaluated_otherwise(archive: Path) -> int:
    """Evaluate some trials once more in this process; return how many come out differently."""
    from nas.plugins import PluginFile, Plugins

    plugins = Plugins([PluginFile.read(FRAGILE)])
    parameters = {k: v for k, v in CONFIG["evaluator"].items() if k != "name"}
    evaluator = plugins.build("evaluator", "fragile", **parameters)
    data = nas.dataset("digits", validation=0.6).for_search(CONFIG["seed"])
    with nas.Archive(archive) as opened:
        space = opened.space()
        complete = opened.trials(status="complete")
    chosen = random.Random(0).sample(complete, min(AGAIN, len(complete)))
    different = 0
    for trial in chosen:
        task = nas.Task(space, trial.architecture, data, trial.budget, trial.seed)
        metrics = evaluator.evaluate(task, lambda step, metrics, snapshot=None: None).metrics
        different += metrics["error"] != trial.metrics["error"]
        different += metrics["train_loss"] != trial.metrics["train_loss"]
    return different
