"""Who runs a study: one driver at a time, each session noted, time counted over all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys import TOY, config, rows, run

import nas
from nas.archive.migrations import MIGRATIONS
from nas.archive.writer import Writer
from nas.incident import Incident

DRIVER = """
import sys, nas
values = {
    "study": sys.argv[2], "objectives": ["total"], "space": "toy", "strategy": "listed",
    "evaluator": {"name": "tally", "seconds": 0.2}, "stop": {"trials": 100},
    "run": {"executor": "inline"},
}
nas.search(values, sys.argv[1], plugins=[sys.argv[3]])
"""


def drive(path: Path, study: str) -> subprocess.Popen[bytes]:
    """Start a driver in a process of its own; return when its first trial is archived."""
    process = subprocess.Popen([sys.executable, "-c", DRIVER, str(path), study, str(TOY)])
    done = "SELECT 1 FROM trials JOIN studies ON studies.id = study WHERE name = ?"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None
        if path.exists():
            try:
                with nas.Archive(path) as archive:
                    if list(archive.query(done.replace("?", f"'{study}'"))[1]):
                        return process
            except nas.ArchiveError:  # it is being made
                pass
        time.sleep(0.05)
    raise AssertionError("no trial within a minute")


def test_a_second_driver_is_refused_and_told_who_holds_the_study(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = drive(path, "toy")
    try:
        with pytest.raises(nas.ArchiveError, match=rf"'toy'.*another driver: process {first.pid} "):
            run(config(evaluator={"name": "tally", "seconds": 0.2}), path)
        assert first.poll() is None
        run(config(study="beside"), path)
    finally:
        first.send_signal(signal.SIGINT)
        first.wait(30)
    assert first.returncode != -signal.SIGKILL
    assert rows(path, "SELECT status FROM sessions ORDER BY id") == [
        ("interrupted",),
        ("finished",),
    ]
    assert not list(tmp_path.glob("*.lock"))


def test_the_lease_of_a_killed_driver_is_taken_over_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = drive(path, "toy")
    first.kill()
    first.wait(30)
    before = rows(path, "SELECT count(*) FROM trials")[0][0]
    run(config(evaluator={"name": "tally", "seconds": 0.2}, stop={"trials": before + 1}), path)
    sessions = rows(path, "SELECT status, pid, ended IS NULL FROM sessions ORDER BY id")
    assert sessions == [("killed", first.pid, 0), ("finished", os.getpid(), 0)]
    assert rows(path, "SELECT count(*) FROM trials")[0][0] == before + 1


def test_seconds_count_over_all_sessions(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    slow = {"name": "tally", "seconds": 0.1}
    first = run(config(evaluator=slow, stop={"seconds": 1}), path)
    assert first.reason == "1 seconds are over"
    done = len(first.trials)
    again = run(config(evaluator=slow, stop={"seconds": 1}), path)
    assert len(again.trials) == done, "the study had used up its time"
    longer = run(config(evaluator=slow, stop={"seconds": 2}), path)
    assert len(longer.trials) > done


def test_incidents_and_what_runs_where_are_kept_with_the_session(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    result = run(config(), path)
    with Writer.open(path) as writer:
        with pytest.raises(nas.ArchiveError, match="has no session"):
            writer.heartbeat(result.study, {})
        with nas.Archive(path) as archive:
            study = writer.study(result.study, archive.components())
        writer.heartbeat(study, {"workers": 3, "stuck": "no node has 'tpu'"})
        lost = Incident(5.0, "node", "a node was \udc80 lost", 7, "host")
        writer.incidents(study, [lost, Incident(6.0, "worker", "gone")])
        with nas.Archive(path) as archive:
            session = archive.sessions("toy")[-1]
            assert (session.status, session.pid, session.alive) == ("running", os.getpid(), True)
            assert session.state == {"workers": 3, "stuck": "no node has 'tpu'"}
            assert [i.message for i in session.incidents] == ["a node was \\udc80 lost", "gone"]
        writer.close_session(study, "finished", "done")
    with nas.Archive(path) as archive:
        assert archive.sessions("toy")[-1].alive is False


def test_an_archive_of_the_version_before_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    with monkeypatch.context() as old:
        without = tuple(m for m in MIGRATIONS if m.__name__ != "m005_sessions")
        old.setattr("nas.archive.migrations.MIGRATIONS", without)
        old.setattr("nas.archive.migrations.NAMES", tuple(m.__name__ for m in without))
        Writer.open(path).close()
    with pytest.raises(nas.ArchiveError, match="older version"):
        nas.Archive(path)
    result = run(config(), path)
    assert len(result.trials) == 10
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
