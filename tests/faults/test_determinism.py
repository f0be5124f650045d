"""The same trials whatever the number of workers, the delays, and the kills on the way."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from drivers import check_whole, drive, ended
from toys import TOY, config, run, told

import nas

UNEVEN = config(
    strategy="climb",
    objectives=["total", {"name": "spread", "min": 1}],
    evaluator={"name": "tally", "on": 3, "mode": "raise", "jitter": 0.03},
    filter={"proxy": "lean", "candidates": 3},
    stop={"trials": 90},
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """What one process finds without any delay."""
    still = {**UNEVEN["evaluator"], "jitter": 0.0}
    path = tmp_path_factory.mktemp("inline") / "a.db"
    found = told(run({**UNEVEN, "evaluator": still}, path).trials)
    assert {status for _, _, status, *_ in found} == {"complete", "failed"}
    return found


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow_fault), 2, 8])
def test_with_delays_at_any_number_of_workers(
    workers: int, tmp_path: Path, expected: list[tuple[Any, ...]]
) -> None:
    on_ray = {**UNEVEN, "run": {"executor": "ray", "workers": workers}}
    assert told(run(on_ray, tmp_path / "a.db").trials) == expected


@pytest.mark.slow_fault
@pytest.mark.parametrize("repeat", range(4))
def test_with_delays_and_kills_and_another_number_of_workers_each_time(
    repeat: int, tmp_path: Path, expected: list[tuple[Any, ...]], request: pytest.FixtureRequest
) -> None:
    points = random.Random(f"{request.config.option.fault_seed} {repeat}")
    archive = tmp_path / "a.db"
    for _ in range(6):
        workers = points.choice([1, 2, 3, 8])
        search = drive({**UNEVEN, "run": {"executor": "ray", "workers": workers}}, archive, TOY)
        try:
            search.wait(points.uniform(4, 9))
        except subprocess.TimeoutExpired:
            search.kill()
        search.communicate()
    ended(drive({**UNEVEN, "run": {"executor": "inline"}}, archive, TOY))
    check_whole(archive)
    with nas.Archive(archive) as opened:
        assert told(opened.trials()) == expected
