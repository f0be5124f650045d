"""What it costs to decide what is evaluated next: measured, and kept with each trial."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys import TOY, config, rows

import nas
from nas.archive.opening import open_for_writing

SLOW = """
import nas
from nas.engine.proposer import time as clock

class Slow(nas.Strategy):
    def start(self, problem):
        self._left = problem.space.architectures()

    def ask(self, rng):
        clock.now += 2.0
        return nas.Proposal(next(self._left))

    def tell(self, trial):
        clock.now += 0.5

class Slower(nas.Proxy):
    needs_data = False

    def compute(self, network, inputs, targets):
        clock.now += 10.0
        return 1.0

@nas.hookimpl
def nas_strategies():
    return [nas.Component("slow", Slow, "takes 2 s for each proposal")]

@nas.hookimpl
def nas_proxies():
    return [nas.Component("slower", Slower, "takes 10 s for each network")]
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return files whose components take as long as they say, by the engine's clock alone."""
    slow = tmp_path / "slow.py"
    slow.write_text(SLOW)

    class Clock:
        now = 0.0

        def perf_counter(self) -> float:
            return self.now

    monkeypatch.setattr("nas.engine.proposer.time", Clock())
    return [TOY, slow]


def choosing(archive: Path) -> list[float]:
    return [s for (s,) in rows(archive, "SELECT choosing FROM trials_wide ORDER BY number")]


def test_asking_and_telling_are_counted(tmp_path: Path, plugins: list[Path]) -> None:
    values = config(strategy="slow", window=1, stop={"trials": 4})
    nas.search(values, tmp_path / "a.db", plugins=plugins)
    assert choosing(tmp_path / "a.db") == [2.0, 2.5, 2.5, 2.5]


def test_the_scores_of_all_candidates_are_counted(tmp_path: Path, plugins: list[Path]) -> None:
    of_filter = {"proxy": "slower", "candidates": 3, "random": 0}
    values = config(strategy="slow", window=1, filter=of_filter, stop={"trials": 2})
    nas.search(values, tmp_path / "a.db", plugins=plugins)
    first, second = choosing(tmp_path / "a.db")
    assert first == 3 * (2.0 + 10.0)
    assert 0.5 + 3 * 2.0 + 1 * 10.0 <= second <= 0.5 + 3 * (2.0 + 10.0)  # some are known by now


def test_going_on_leaves_what_was_measured(tmp_path: Path, plugins: list[Path]) -> None:
    for trials in (2, 5):
        values = config(strategy="slow", window=2, stop={"trials": trials})
        nas.search(values, tmp_path / "a.db", plugins=plugins)
    assert choosing(tmp_path / "a.db") == [2.0, 2.0, 2.5, 2.5, 2.5]


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_a_flush_for_each_trial_or_none(tmp_path: Path, durable: bool, synchronous: int) -> None:
    """SQLite: 2 is FULL, every commit is flushed; 1 is NORMAL, the log alone is kept in order."""
    connection = open_for_writing(tmp_path / "a.db", durable=durable)
    assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    connection.close()
    values = config(run={"executor": "inline", "durable": durable})
    assert len(nas.search(values, tmp_path / "a.db", plugins=[TOY]).trials) == 10
