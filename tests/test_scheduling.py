"""Schedulers in whole searches: the same trials anywhere, nothing done twice, nothing lost."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from interruptions import handles, interrupt_after
from races import RACERS, decided, race, run
from toys import TOY, config, rows

import nas
from nas.errors import ConfigError, StudyError
from nas.executors.hearing import News
from nas.executors.jobs import Finished, Job, Ref, Setup
from nas.executors.limits import Limits
from nas.plugins import PluginFile

SCHEDULERS = ["cut", "shelve"]


@pytest.fixture(params=SCHEDULERS)
def scheduler(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def reference(tmp_path: Path, scheduler: str) -> list[tuple[Any, ...]]:
    path = tmp_path / "reference.db"
    run(race(scheduler=scheduler), path)
    return decided(path)


def test_every_decision_is_archived_with_its_reason(reference: list[tuple[Any, ...]]) -> None:
    statuses = {row[2] for row in reference if len(row) == 6}
    verdicts = {row[3] for row in reference if len(row) == 5}
    assert {"complete"} < statuses <= {"complete", "stopped", "paused"}
    assert verdicts in ({"continue", "stop"}, {"pause", "promote"})
    assert all(row[4] for row in reference if len(row) == 5)


def test_the_same_on_three_workers_of_which_one_is_lost(
    tmp_path: Path, scheduler: str, reference: list[tuple[Any, ...]]
) -> None:
    path = tmp_path / "ray.db"
    evaluator = {"log": str(tmp_path / "log"), "dies_at": 2}
    run(race(scheduler=scheduler, evaluator=evaluator, run={"workers": 3}), path)
    assert decided(path) == reference
    assert rows(path, "SELECT count(*) FROM incidents WHERE kind = 'worker'") == [(1,)]


def test_the_same_in_a_simulation(
    tmp_path: Path, scheduler: str, reference: list[tuple[Any, ...]]
) -> None:
    path = tmp_path / "simulated.db"
    run(race(scheduler=scheduler, run={"executor": "simulated", "workers": 3}), path)
    assert decided(path) == reference


def test_a_killed_search_goes_on_to_the_same_end(
    tmp_path: Path, scheduler: str, reference: list[tuple[Any, ...]]
) -> None:
    path, log = tmp_path / "killed.db", tmp_path / "log"
    values = race(scheduler=scheduler, evaluator={"log": str(log), "dies_at": 8})
    code = f"import nas; nas.search({values!r}, {str(path)!r}, plugins=[{str(RACERS)!r}])"
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert killed.returncode == 3
    assert rows(path, "SELECT count(*) FROM trials")[0][0] < 24
    run(values, path)
    assert decided(path) == reference


def test_what_was_paused_is_not_done_again(tmp_path: Path) -> None:
    path, log = tmp_path / "a.db", tmp_path / "log"
    run(race(scheduler="shelve", evaluator={"log": str(log)}), path)
    assert set(Counter(log.read_text().splitlines()).values()) == {1}
    spent = rows(path, "SELECT sum(budget) FROM trials")[0][0]
    assert len(log.read_text().splitlines()) == spent
    kept = path.with_name("a.db.artifacts") / "checkpoints"
    paused = rows(path, "SELECT count(*) FROM trials WHERE status = 'paused'")[0][0]
    assert len(list(kept.iterdir())) == paused > 0


@pytest.mark.parametrize("order", ["number", "completion"])
def test_a_study_that_is_extended_promotes_what_it_had_paused(tmp_path: Path, order: str) -> None:
    path, log = tmp_path / "a.db", tmp_path / "log"
    values = race(scheduler="shelve", order=order, evaluator={"log": str(log)})
    run({**values, "stop": {"trials": 8}}, path)
    before = dict(rows(path, "SELECT number, budget FROM trials WHERE status = 'paused'"))
    run({**values, "stop": {"trials": 40}}, path)
    after = dict(rows(path, "SELECT number, budget FROM trials"))
    assert any(after[number] > budget for number, budget in before.items())
    assert set(Counter(log.read_text().splitlines()).values()) == {1}


def test_order_of_completion_is_replayed(tmp_path: Path, scheduler: str) -> None:
    values = race(
        scheduler=scheduler, order="completion", run={"executor": "simulated", "workers": 4}
    )
    whole, parts = tmp_path / "whole.db", tmp_path / "parts.db"
    run({**values, "stop": {"seconds": 3000}}, whole)
    run({**values, "stop": {"seconds": 700}}, parts)
    run({**values, "stop": {"seconds": 3000}}, parts)
    assert decided(parts) == decided(whole)


def test_snapshots_of_another_archive_of_that_name_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    run(race(scheduler="shelve"), path)
    before = decided(path)
    path.unlink()
    assert path.with_name("a.db.artifacts").exists()
    run(race(scheduler="shelve"), path)
    assert decided(path) == before


def test_the_strategy_hears_what_a_stopped_trial_would_have_been(tmp_path: Path) -> None:
    result = run(race(scheduler="cut", strategy="regularized_evolution"), tmp_path / "a.db")
    stopped = [t for t in result.trials if t.status is nas.Status.STOPPED]
    assert stopped
    assert all(t.losses == () and not t.feasible and t.budget in (1, 3) for t in stopped)
    assert {t.status for t in result.front} == {nas.Status.COMPLETE}


def test_an_audit_finishes_some_of_those_that_were_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    run(race(scheduler={"name": "cut", "audit": 0.5}, stop={"trials": 40}), path)
    audited = rows(
        path,
        """SELECT DISTINCT status FROM trials JOIN rulings ON trial = trials.id
        WHERE verdict = 'audit'""",
    )
    assert audited == [("complete",)]
    plain = tmp_path / "plain.db"
    run(race(scheduler="cut", window=1, stop={"trials": 40}), plain)
    path.unlink()
    run(race(scheduler={"name": "cut", "audit": 0.5}, window=1, stop={"trials": 40}), path)
    went_on = dict(
        rows(
            path,
            "SELECT number, step FROM rulings JOIN trials ON trial = trials.id"
            " WHERE verdict = 'audit' ORDER BY position DESC",
        )
    )
    assert 0 < len(went_on) < 40
    sql = "SELECT number, step, verdict, reason FROM rulings JOIN trials ON trial = trials.id"
    others = [row for row in rows(path, sql) if row[0] not in went_on]
    assert others == [row for row in rows(plain, sql) if row[0] not in went_on]


def test_a_budget_of_all_trials_together(tmp_path: Path, scheduler: str) -> None:
    path = tmp_path / "a.db"
    result = run(race(scheduler=scheduler, stop={"budget": 60}), path)
    spent = rows(path, "SELECT sum(budget) FROM trials")[0][0]
    assert 60 <= spent <= 60 + 4 * 9
    assert result.reason == "a budget of 60 is spent"


def test_a_failed_trial_has_spent_what_it_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    run(race(scheduler="cut", evaluator={"fails_at": 3}), path)
    assert set(rows(path, "SELECT budget FROM trials WHERE status = 'failed'")) == {(2,)}


def test_a_scheduler_needs_a_budget_to_divide(tmp_path: Path) -> None:
    values = config(scheduler="racers:cut")
    with pytest.raises(ConfigError, match=r"'tally' knows no budget: leave out \[scheduler\]"):
        nas.search(values, tmp_path / "a.db", plugins=[TOY, RACERS])


def test_a_scheduler_needs_what_it_decides_by_while_training(tmp_path: Path) -> None:
    seconds = {"name": "reported", "metric": "train_seconds"}
    values = race(objectives=[seconds, "racers:error"], scheduler="cut")
    with pytest.raises(StudyError, match=r"does not report train_seconds .* it reports error"):
        run(values, tmp_path / "a.db")
    asha = {"name": "asha", "objective": "error"}
    assert run({**values, "scheduler": asha}, tmp_path / "b.db").front


class _Waits:
    """A listener that lets trial 1 go on only after the others have reported all they have."""

    def __init__(self, others: int) -> None:
        self._left = 9 * others

    def heard(self, news: News) -> None:
        self._left -= news.number != 1

    def verdict(self, number: int, step: int) -> nas.Verdict | None:
        return nas.Verdict.CONTINUE if number != 1 or not self._left else None


def _executor(limits: Limits, workers: int, seconds: float) -> Any:
    from nas.executors import ray_settings

    ray_settings.apply()
    from nas.executors.ray import RayExecutor

    evaluator = Ref("racers:racer", {"seconds": seconds})
    setup = Setup(Ref("racers:lanes"), evaluator, files=(PluginFile.read(RACERS),))
    return RayExecutor(setup, None, nas.evaluator("train"), workers, limits=limits)


def _finish(executor: Any, numbers: list[int]) -> list[Finished]:
    space = nas.Architecture({"end": 1, "pace": 2})
    executor.listen(_Waits(len(numbers) - 1))
    for number in numbers:
        executor.submit(Job(number, space, 9, seed=number, asks=(3,)))
    finished: list[Finished] = []
    try:
        while len(finished) < len(numbers):
            finished += executor.wait(0.5)
    finally:
        executor.stop()
    return finished


def test_a_worker_that_waits_for_a_trial_without_one_makes_room() -> None:
    finished = _finish(_executor(Limits(), 1, 0.0), [1, 0])
    assert [f.outcome.number for f in finished] == [0, 1]
    assert all(len(f.outcome.curve) == 9 and not f.outcome.failure for f in finished)


def test_time_spent_waiting_does_not_count_as_the_trials() -> None:
    finished = _finish(_executor(Limits(timeout=4.0), 2, 0.1), [0, 1, *range(2, 6)])
    assert [f.outcome.failure for f in finished] == [None] * 6
    assert max(f.outcome.seconds for f in finished) > 4.0


@handles
def test_interrupted_while_trials_run_and_wait(
    tmp_path: Path, scheduler: str, reference: list[tuple[Any, ...]]
) -> None:
    path, log = tmp_path / "a.db", tmp_path / "log"
    values = race(scheduler=scheduler, evaluator={"seconds": 0.02, "log": str(log)})

    interrupt_after(log, 40)
    assert run(values, path).interrupted
    run(values, path)
    assert decided(path) == reference
