"""200,000 trials that cost nothing: the archive is whole, the front right, the memory flat."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import rows

import nas

NOOP = Path(__file__).parent / "files" / "noop3.py"


class Memory:
    """Watches the driver's resident memory, in MB."""

    def __init__(self) -> None:
        self.by_trials: dict[int, float] = {}

    def started(self, study: nas.Study, plan: Any) -> None: ...

    def progress(self, progress: Any) -> None:
        self.by_trials[progress.done // 10_000] = _resident()

    def finished(self, study: nas.Study, reason: str) -> None: ...


def _resident() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def load(path: Path, trials: int, window: int) -> Memory:
    memory = Memory()
    config = {
        "study": "load",
        "objectives": ["first", "second", {"name": "third", "max": 0.9}],
        "window": window,
        "space": {"name": "mlp", "max_depth": 8},
        "evaluator": "noop3",
        "strategy": "random",
        "stop": {"trials": trials},
        "run": {"executor": "ray", "workers": 2},
    }
    nas.search(config, path, plugins=[NOOP], observer=memory)
    return memory


def check(path: Path, trials: int) -> None:
    """The archive is whole, and its front is what moocore finds among all rows."""
    import moocore

    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    assert rows(path, "SELECT count(*), count(DISTINCT number), max(number) FROM trials") == [
        (trials, trials, trials - 1)
    ]
    found = rows(path, "SELECT id, first, second, third, violation, on_front FROM trials_wide")
    within = np.array([row[:4] for row in found if row[4] == 0])
    on_front = {row[0] for row in found if row[5]}
    mask = moocore.is_nondominated(within[:, 1:], keep_weakly=True)
    assert on_front == {int(i) for i in within[mask, 0]}
    assert len(on_front) > 10
    for id_, *values, _, _ in random.Random(0).sample(found, 200):
        seed = rows(path, f"SELECT seed FROM trials WHERE id = {id_}")[0][0]
        draw = random.Random(seed)
        assert values == [draw.random() for _ in range(3)]


def test_a_few_thousand(tmp_path: Path) -> None:
    load(tmp_path / "a.db", 4_000, 256)
    check(tmp_path / "a.db", 4_000)


@pytest.mark.slow_fault
@pytest.mark.timeout(900)
def test_two_hundred_thousand(tmp_path: Path) -> None:
    memory = load(tmp_path / "a.db", 200_000, 1024).by_trials
    check(tmp_path / "a.db", 200_000)
    print(f"\nmemory of the driver by 10,000 trials, MB: {[round(m) for m in memory.values()]}")
    # what is left to grow is one number for each network that was seen
    assert memory[19] - memory[2] < 40
