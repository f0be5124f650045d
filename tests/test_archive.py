"""Reading an archive: everything by study and trial, beside a running search or after it."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nas
from nas import (
    Architecture,
    ArchiveError,
    CurvePoint,
    Failure,
    Goal,
    Measurement,
    Status,
    Trial,
)
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.writer import Writer
from nas.goals import losses
from nas.study import Study

GOALS = (Goal("error"), Goal("params", "minimize", "", None, 100.0))
COMPONENTS = (
    ComponentRecord("space", "toys:grid", {"size": 3}, "toys", "1.0"),
    ComponentRecord("strategy", "toys:walk", {"b": [1, 2], "a": None}, "(file)", "sha256:0"),
    ComponentRecord("objective", "toys:error", {}, "toys", "1.0"),
)


def record(number: int, error: float = 0.5, params: float = 10.0, **more: Any) -> Record:
    in_trial = {k: more.pop(k) for k in ("status", "parents", "failure", "violation") if k in more}
    metrics = {"error": error, "params": params}
    trial = Trial(
        number,
        Architecture({"n": number}),
        Status.COMPLETE,
        losses(GOALS, metrics),
        metrics=metrics,
    )
    trial = replace(trial, **in_trial)
    if trial.status is not Status.COMPLETE:
        trial = replace(trial, losses=())
    return Record(trial, f"id{number}", f"|{number}|", **more)


def begin(writer: Writer, name: str) -> Study:
    return writer.study(Study(name, "", GOALS, {"of": [name, 1, None]}, 3, 4), COMPONENTS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An archive with two studies, the first with trials of every kind, written to last."""
    path = tmp_path / "name with ? # % and é.db"
    score = Score("proxy:p", Architecture({"n": 9}), "id9", 1.5)
    curve = (CurvePoint(1, {"loss": 2.0, "error": 0.9}), CurvePoint(2, {"loss": 1.0}))
    protocol = {"batch": 1}
    with Writer.open(path) as writer:
        first, second = begin(writer, "digits"), begin(writer, "cifar")
        writer.record(second, [record(0)])
        writer.record(
            first,
            [
                record(0, 0.3, 90.0, curve=curve, started=5.5, worker="host cpu"),
                record(1, 0.2, 95.0, scores=(score, replace(score, value=0.5)), parents=(0,)),
                record(2, status=Status.FAILED, failure=Failure("crashed", "gone")),
                record(3, 0.1, 150.0, violation=0.5),
                record(4, 0.0, 170.0, status=Status.INFEASIBLE, violation=0.7),
                record(5, status=Status.CANCELLED),
                record(6, 0.4, 80.0, measurements={"ms": Measurement(2.0, 0.5, protocol)}),
                record(7, 0.3, 90.0, parents=(1, 0)),
                record(8, 0.9, 99.0, parents=(7, 6)),
                record(9, status=Status.FAILED, failure=Failure("error", "x")),
                record(10, status=Status.FAILED, failure=Failure("error", "y")),
            ],
        )
        writer.close_session(first, "finished", "11 trials are done")
    return path


def test_studies_come_back_whole(path: Path) -> None:
    with nas.Archive(path) as archive:
        digits, cifar = archive.studies()
        assert (digits.name, cifar.name) == ("digits", "cifar")
        assert (digits.goals, digits.seed, digits.window) == (GOALS, 3, 4)
        assert digits.config == {"of": ["digits", 1, None]}
        assert digits.archive == str(path)
        assert archive.components("digits") == COMPONENTS
        assert archive.study("cifar") == cifar
        assert archive.study() == digits, "the one that was last written to"
        assert archive.trials(cifar) == archive.trials("cifar") != archive.trials()


def test_an_unknown_study_is_named_with_the_nearest(path: Path) -> None:
    with nas.Archive(path) as archive:
        with pytest.raises(ArchiveError) as caught:
            archive.front("digit")
        assert str(caught.value).endswith(
            "has no study 'digit'. Did you mean 'digits'? Studies: cifar, digits."
        )


def test_an_archive_without_study_or_trial(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Writer.open(path) as writer:
        with nas.Archive(path) as archive:
            assert archive.studies() == []
            with pytest.raises(ArchiveError, match="has no study yet"):
                archive.front()
            with pytest.raises(ArchiveError, match="Studies: none"):
                archive.trials("s")
            with pytest.raises(ArchiveError, match="has no trials yet"):
                archive.trial(1)
        begin(writer, "s")
    with nas.Archive(path) as archive:
        assert archive.front() == []
        assert archive.trials() == []


def test_trials_by_number_status_and_limit(path: Path) -> None:
    with nas.Archive(path) as archive:
        everything = archive.trials("digits")
        assert [t.number for t in everything] == list(range(11))
        assert archive.trials("digits", limit=3) == everything[:3]
        assert archive.trials("digits", limit=0) == []
        failed = archive.trials("digits", status="failed")
        assert [t.number for t in failed] == [2, 9, 10]
        assert archive.trials("digits", status=Status.FAILED, limit=1) == failed[:1]
        assert archive.trial(everything[1].id) == everything[1]
        with pytest.raises(ArchiveError, match="no status 'done'; a trial is one of: cancelled"):
            archive.trials(status="done")
        with pytest.raises(ArchiveError, match="has trials 1 to 12"):
            archive.trial(99)


def test_many_trials_come_in_order_across_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Writer.open(path) as writer:
        study = begin(writer, "s")
        for start in range(2_300, -100, -100):
            writer.record(study, [record(n, parents=()) for n in range(start, start + 100)])
        replayed = list(writer.finished(study))
    with nas.Archive(path) as archive:
        trials = archive.trials()
        assert [t.number for t in trials] == list(range(2_400))
        assert [t.number for t in archive.trials(limit=1_500)] == list(range(1_500))
        assert replayed == trials


def test_the_front_is_ordered_by_first_objective(path: Path) -> None:
    with nas.Archive(path) as archive:
        assert [t.number for t in archive.front("digits")] == [1, 0, 7, 6]
        columns, rows = archive.query("SELECT * FROM pareto_front WHERE study = 'digits'")
        shown = [dict(zip(columns, row, strict=True)) for row in rows]
    assert sorted((r["number"], r["error"], r["params"]) for r in shown) == [
        (0, 0.3, 90.0),
        (1, 0.2, 95.0),
        (6, 0.4, 80.0),
        (7, 0.3, 90.0),
    ]


def test_counts_failures_and_why_candidates_were_turned_away(path: Path) -> None:
    with nas.Archive(path) as archive:
        counts = archive.counts("digits")
        assert counts == {
            Status.COMPLETE: 6,
            Status.FAILED: 3,
            Status.INFEASIBLE: 1,
            Status.STOPPED: 0,
            Status.PAUSED: 0,
            Status.CANCELLED: 1,
        }
        assert archive.failures("digits") == {"error": 2, "crashed": 1}
        assert archive.turned_away("digits") == {"params at most 100": 1}
        state = archive.state("digits")
        assert (state.status, state.reason) == ("finished", "11 trials are done")
        assert (state.trials, state.front) == (counts, 4)
        assert 1.7e9 < state.created <= state.updated
        assert sum(archive.counts("cifar").values()) == 1


def test_everything_about_one_trial(path: Path) -> None:
    with nas.Archive(path) as archive:
        trials = archive.trials("digits")
        first, second, eighth = trials[0], trials[1], trials[8]
        details = archive.details(first.id)
        assert (details.study, details.canonical_id, details.text) == ("digits", "id0", "|0|")
        assert (details.started, details.worker, details.on_front) == (5.5, "host cpu", True)
        assert archive.canonical_id(eighth.id) == "id8"
        assert not archive.details(eighth.id).on_front
        assert archive.curve(first.id) == (
            CurvePoint(1, {"loss": 2.0, "error": 0.9}),
            CurvePoint(2, {"loss": 1.0}),
        )
        assert archive.curve(second.id) == ()
        assert archive.measurements(trials[6].id) == {"ms": Measurement(2.0, 0.5, {"batch": 1})}
        scores = archive.scores("digits")
        assert list(scores) == [1]
        assert [score.value for score in scores[1]] == [1.5, 0.5]
        assert scores[1][0].architecture == Architecture({"n": 9})
        for method in ("details", "curve", "measurements", "lineage", "canonical_id", "load_model"):
            with pytest.raises(ArchiveError, match="no trial 77"):
                getattr(archive, method)(77)


def test_lineage_is_every_ancestor_once_the_nearest_first(path: Path) -> None:
    with nas.Archive(path) as archive:
        eighth = archive.trials("digits")[8]
        assert eighth.parents == (7, 6)
        found = [(a.depth, a.trial.number) for a in archive.lineage(eighth.id)]
        assert found == [(1, 6), (1, 7), (2, 0), (2, 1)]
        assert archive.lineage(archive.trials("digits")[0].id) == []


def test_a_score_and_a_trial_of_one_architecture_meet(path: Path) -> None:
    with nas.Archive(path) as archive:
        sql = """SELECT s.value, t.number FROM scores s JOIN trials t USING (architecture)
            JOIN studies ON studies.id = t.study WHERE studies.name = 'digits' ORDER BY s.value"""
        assert list(archive.query(sql)[1]) == [(0.5, 9), (1.5, 9)]
        texts = archive.query("SELECT count(*) FROM architectures WHERE text IS NULL")[1]
        assert list(texts) == [(0,)], "scored first, tried later: the text is filled in"


def test_a_closed_archive_says_so(path: Path) -> None:
    archive = nas.Archive(path)
    archive.close()
    archive.close()
    with pytest.raises(ArchiveError, match="is closed"):
        archive.front()
    with pytest.raises(ArchiveError, match="is closed"):
        archive.query("SELECT 1")


def test_readers_see_whole_batches_while_a_search_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    size, batches = 5, 60
    done = threading.Event()
    wrong: list[str] = []

    def read(archive: nas.Archive) -> None:
        seen = 0
        while not done.is_set() or seen < size * batches:
            trials = archive.trials("s")
            front = {t.number for t in archive.front("s")}
            if len(trials) % size or len(trials) < seen:
                wrong.append(f"{len(trials)} trials after {seen}")
            if any(set(t.metrics) != {"error", "params"} for t in trials):
                wrong.append("a trial without its metrics")
            if trials and (len(front) != 1 or max(front) % size != size - 1):
                wrong.append(f"half a front: {front}")
            seen = len(trials)

    with Writer.open(path) as writer:
        study = begin(writer, "s")
        with nas.Archive(path) as shared, nas.Archive(path) as own:
            readers = [threading.Thread(target=read, args=(a,)) for a in (shared, shared, own)]
            for reader in readers:
                reader.start()
            for batch in range(batches):
                numbers = range(batch * size, (batch + 1) * size)
                writer.record(study, [record(n, 1 / (n + 1), 50.0) for n in numbers])
            done.set()
            for reader in readers:
                reader.join(60)
    assert wrong == []


def test_reading_imports_nothing_heavy() -> None:
    script = (
        "import sys, nas; nas.Archive\n"
        "heavy = {'torch', 'ray', 'sqlite_utils', 'pandas', 'nevergrad', 'safetensors'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
