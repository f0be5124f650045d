"""What a killed search leaves behind: everything that was committed, and nothing half done."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import nas

WRITE_FOR_EVER = """
import itertools, random, sys
from nas import Architecture, Goal, Status, Trial
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.study import Study

rng = random.Random(sys.argv[2])
space = ComponentRecord("space", "toys:grid", {}, "toys", "1.0")
goals = (Goal("a"), Goal("b"))
with Writer.open(sys.argv[1]) as writer:
    study = writer.study(Study("s", "", goals, {}, 0, 1), [space])
    first = writer.count(study)
    for start in itertools.count(first, 4):
        records = []
        for n in range(start, start + 4):
            losses = (rng.random(), rng.random())
            metrics = dict(zip("ab", losses))
            trial = Trial(n, Architecture({"n": n}), Status.COMPLETE, losses, metrics=metrics)
            records.append(Record(trial, str(n), "", weights=lambda n=n: b"w%d" % n))
        writer.record(study, records)
        print(start + 4, flush=True)
"""


def test_a_kill_in_mid_write_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for round_ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(path), str(round_)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(5 + 7 * round_):
            line = process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().splitlines()
        process.stdout.close()
        process.wait()
        acknowledged = int(rest[-1] if rest else line)
        check_after_a_kill(path, acknowledged)


def check_after_a_kill(path: Path, acknowledged: int) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    with nas.Archive(path) as archive:
        trials = archive.trials("s")
        assert acknowledged <= len(trials) <= acknowledged + 4
        assert [t.number for t in trials] == list(range(len(trials)))
        assert all(len(t.metrics) == 2 for t in trials)
        on_front = nas_front(trials)
        assert [t.number for t in archive.front("s")] == on_front
        sql = "SELECT number, sha256 FROM artifacts JOIN trials ON trials.id = trial"
        kept = dict(archive.query(sql)[1])
        assert sorted(kept) == sorted(on_front)
    for number, sha256 in kept.items():
        file = path.with_name("a.db.artifacts") / sha256[:2] / f"{sha256}.safetensors"
        assert file.read_bytes() == b"w%d" % number


def nas_front(trials: list[nas.Trial]) -> list[int]:
    """Return the numbers of what nothing dominates, by the first of two distinct objectives."""
    front, best = [], float("inf")
    for trial in sorted(trials, key=lambda t: t.losses):
        if trial.losses[1] < best:
            front.append(trial.number)
            best = trial.losses[1]
    return front
