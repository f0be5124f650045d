"""Searches with a toy plugin file: bounds, failures, resume, interrupts. Real archives."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys import TOY, config, rows, run, told

import nas


def test_a_search_ends_with_a_front_in_an_archive(tmp_path: Path) -> None:
    result = run(config(), tmp_path / "a.db")
    assert result.reason == "10 trials are done"
    assert not result.interrupted
    assert [t.number for t in result.trials] == list(range(10))
    assert [dict(t.metrics)["total"] for t in result.front] == [0.0]
    with nas.Archive(tmp_path / "a.db") as archive:
        trial = archive.front("toy")[0]
        assert [point.step for point in archive.curve(trial.id)] == [1, 2, 3]


def test_the_front_of_two_objectives_is_the_naive_one(tmp_path: Path) -> None:
    result = run(config(objectives=["total", "spread"], stop={"trials": 125}), tmp_path / "a.db")
    losses = {t.number: t.losses for t in result.trials}
    naive = {
        n
        for n, mine in losses.items()
        if not any(
            all(a <= b for a, b in zip(o, mine, strict=True)) and o != mine for o in losses.values()
        )
    }
    assert {t.number for t in result.front} == naive
    assert len(naive) > 3


def test_an_exhausted_space_ends_the_study_with_the_reason(tmp_path: Path) -> None:
    small = {"name": "toy", "length": 2, "base": 3}
    result = run(config(space=small, stop={"trials": 99}), tmp_path / "a.db")
    assert "every architecture" in result.reason
    assert len(result.trials) == 9
    assert len({t.architecture for t in result.trials}) == 9


def test_what_breaks_an_analytic_bound_is_turned_away_before_it_is_evaluated(
    tmp_path: Path,
) -> None:
    bounded = config(
        objectives=["total", {"name": "first", "max": 0}], strategy="climb", stop={"trials": 15}
    )
    result = run(bounded, tmp_path / "a.db")
    turned_away = [t for t in result.trials if t.status is nas.Status.INFEASIBLE]
    assert turned_away
    assert all(t.violation > 0 and "total" not in t.metrics for t in turned_away)
    assert all(t.metrics["first"] > 0 for t in turned_away)
    assert sum(t.status is nas.Status.COMPLETE for t in result.trials) == 15
    assert all(t.metrics["first"] == 0 for t in result.front)


def test_an_impossible_bound_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(nas.ConfigError, match=r"first at least 7 steps.*nearest found has first 4"):
        run(config(objectives=["total", {"name": "first", "min": 7}]), tmp_path / "a.db")
    assert rows(tmp_path / "a.db", "select count(*) from studies") == [(0,)]


@pytest.mark.parametrize(
    ("mode", "kind", "message"),
    [
        ("raise", "error", "RuntimeError: this candidate cannot be trained"),
        ("nan", "non-finite", "loss is nan"),
        ("sys_exit", "error", "SystemExit: leaving"),
    ],
)
def test_a_failing_candidate_is_archived_with_its_kind(
    tmp_path: Path, mode: str, kind: str, message: str
) -> None:
    failing = config(evaluator={"name": "tally", "on": 2, "mode": mode}, stop={"trials": 125})
    result = run(failing, tmp_path / "a.db")
    failed = [t for t in result.trials if t.status is nas.Status.FAILED]
    assert len(failed) == 25
    assert all(t.architecture["d0"] == 2 and t.losses == () for t in failed)
    assert failed[0].failure is not None
    assert (failed[0].failure.kind, failed[0].failure.message) == (kind, message)
    assert "misbehave" in failed[0].failure.traceback


def test_when_every_candidate_fails_alike_the_search_stops_and_says_why(tmp_path: Path) -> None:
    failing = config(evaluator={"name": "tally", "on": 0, "mode": "raise"}, stop={"trials": 25})
    with pytest.raises(nas.StudyError, match=r"all 8 trials failed.*cannot be trained"):
        run(failing, tmp_path / "a.db")
    few = config(
        study="few", evaluator={"name": "tally", "on": 0, "mode": "raise"}, stop={"trials": 3}
    )
    with pytest.raises(nas.StudyError, match="all 3 trials failed"):
        run(few, tmp_path / "a.db")


@pytest.mark.parametrize("window", [1, 3, 8])
def test_a_resumed_search_proposes_what_the_uninterrupted_one_would_have(
    tmp_path: Path, window: int
) -> None:
    values = config(strategy="climb", objectives=["spread", "total"], window=window)
    whole = run({**values, "stop": {"trials": 40}}, tmp_path / "whole.db").trials
    for stop in (1, 7, 8, 23, 40):
        result = run({**values, "stop": {"trials": stop}}, tmp_path / "parts.db")
        assert len(result.trials) == stop
    assert told(result.trials) == told(whole)


def test_running_a_finished_search_again_changes_nothing(tmp_path: Path) -> None:
    before = told(run(config(), tmp_path / "a.db").trials)
    again = run(config(), tmp_path / "a.db")
    assert told(again.trials) == before


def test_a_study_with_another_config_is_refused_and_the_difference_is_named(
    tmp_path: Path,
) -> None:
    run(config(), tmp_path / "a.db")
    with pytest.raises(nas.StudyError, match=r"space.base: null -> 7"):
        run(config(space={"name": "toy", "base": 7}), tmp_path / "a.db")


def test_two_studies_share_an_archive(tmp_path: Path) -> None:
    run(config(study="one"), tmp_path / "a.db")
    run(config(study="two", stop={"trials": 4}), tmp_path / "a.db")
    with nas.Archive(tmp_path / "a.db") as archive:
        assert len(archive.trials("one")) == 10
        assert len(archive.trials("two")) == 4


def test_a_seconds_budget_ends_a_session(tmp_path: Path) -> None:
    slow = config(evaluator={"name": "tally", "seconds": 0.05}, stop={"seconds": 0.3})
    result = run(slow, tmp_path / "a.db")
    assert result.reason == "0.3 seconds are over"
    assert 1 <= len(result.trials) < 125


@pytest.mark.parametrize("by", ["score", "front"])
def test_a_filter_takes_the_best_score_or_a_trade_off(tmp_path: Path, by: str) -> None:
    filtered = config(
        objectives=["total", "first"],
        strategy="climb",
        filter={"proxy": "lean", "candidates": 6, "by": by, "random": 0.0},
        stop={"trials": 20},
    )
    result = run(filtered, tmp_path / "a.db")
    with nas.Archive(tmp_path / "a.db") as archive:
        scores = archive.scores("toy")
    best = 0
    for trial in result.trials:
        assert all(score.failure is None for score in scores[trial.number])
        points = {
            s.architecture: (-(s.value or 0.0), s.architecture["d0"]) for s in scores[trial.number]
        }
        assert len(points) == 6
        mine = points[trial.architecture]
        best += mine[0] == min(score for score, _ in points.values())
        if by == "front":
            assert not any(
                other != mine and other[0] <= mine[0] and other[1] <= mine[1]
                for other in points.values()
            )
    assert best == 20 if by == "score" else best < 20


def test_provenance_is_archived(tmp_path: Path) -> None:
    run(config(), tmp_path / "a.db")
    with nas.Archive(tmp_path / "a.db") as archive:
        found = {c.role: c for c in archive.components("toy")}
    assert found["space"].name == "toy:toy"
    assert found["evaluator"].distribution == "(file)"
    assert found["strategy"].version.startswith("sha256:")


LISTENER = """
import sqlite3
from contextlib import closing
import nas

def note(line):
    with open({log!r}, "a") as file:
        file.write(line + "\\n")

@nas.hookimpl
def nas_study_started(study):
    note("started " + study.name)

@nas.hookimpl
def nas_trial_finished(study, trial):
    with closing(sqlite3.connect(study.archive)) as archive:
        sql = "select count(*) from trials where number = ?"
        note(f"trial {{trial.number}} {{archive.execute(sql, (trial.number,)).fetchone()[0]}}")
    raise RuntimeError("a listener that fails")

@nas.hookimpl
def nas_front_changed(front):
    note(f"front {{sorted(front)}}")

@nas.hookimpl
def nas_study_finished(reason):
    note("finished " + reason)
"""


def test_event_hooks_hear_of_everything_after_it_is_archived(tmp_path: Path) -> None:
    listener = tmp_path / "listener.py"
    log = tmp_path / "log.txt"
    listener.write_text(LISTENER.format(log=str(log)))
    values = config(stop={"trials": 3}, window=1)
    nas.search(values, tmp_path / "a.db", plugins=[TOY, listener])
    lines = log.read_text().splitlines()
    assert lines[0] == "started toy"
    assert lines[1:3] == ["trial 0 1", "front [0]"]
    assert "trial 2 1" in lines
    assert lines[-1] == "finished 3 trials are done"


SCRIPT = """
import sys, nas
result = nas.search({values!r}, {path!r}, plugins=[{toy!r}])
print("interrupted" if result.interrupted else "whole", flush=True)
"""


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_ctrl_c_leaves_a_whole_archive_and_the_search_goes_on(
    tmp_path: Path, executor: str
) -> None:
    path = tmp_path / "a.db"
    values = config(
        strategy="climb",
        evaluator={"name": "tally", "seconds": 0.2},
        stop={"trials": 12},
        run={"executor": executor},
    )
    script = SCRIPT.format(values=values, path=str(path), toy=str(TOY))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        wait_for_trials(path, 3)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert "interrupted" in out
    assert rows(path, "pragma integrity_check") == [("ok",)]
    cancelled = rows(path, "select number from trials where status = 'cancelled'")
    assert 1 <= len(cancelled) <= 8
    assert rows(path, "select status from studies") == [("interrupted",)]

    quick = {**values, "run": {"executor": "inline"}}
    resumed = run(quick, path)
    assert not resumed.interrupted
    whole = run(quick, tmp_path / "whole.db")
    assert told(resumed.trials) == told(whole.trials)


def wait_for_trials(path: Path, count: int) -> None:
    for _ in range(600):
        try:
            if rows(path, "select count(*) from trials")[0][0] >= count:
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.05)
    raise AssertionError("the search did not get going")
