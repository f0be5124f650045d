"""Merging archives: each study says what it said alone; nothing twice, all or nothing."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nas
from nas import (
    Architecture,
    ArchiveError,
    CurvePoint,
    Failure,
    Goal,
    Measurement,
    Ruling,
    Status,
    Trial,
)
from nas.archive.fidelities import Stage
from nas.archive.merging import merge
from nas.archive.pruning import vacuum
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.scorebook import ScoreBook, Scored, Scoring
from nas.archive.snapshots import path_of
from nas.archive.tables import tables_of
from nas.archive.writer import Writer
from nas.goals import losses
from nas.incident import Incident
from nas.study import Study

GOALS = (Goal("error"), Goal("size", "maximize", "B"))
STAGES: tuple[Stage, ...] = ({"share": 0.5}, {"share": 1.0})


def space(base: int) -> ComponentRecord:
    return ComponentRecord("space", "toy:toy", {"base": base}, "(file)", "1")


def scores(rng: random.Random) -> tuple[Score, ...]:
    n = rng.randrange(9)
    return (Score("proxy:lean", Architecture({"n": n}), f"id{n}", rng.choice([None, 1.0])),)


def record(rng: random.Random, number: int) -> Record:
    n = rng.randrange(6)
    status = rng.choice([*Status, Status.COMPLETE, Status.COMPLETE])
    metrics = {"error": rng.choice([0.1, 0.5, float("nan")]), "size": float(rng.randrange(5))}
    metrics["mem"] = rng.random()
    trial = Trial(
        number,
        Architecture({"n": n}),
        status,
        losses(GOALS, metrics) if status is Status.COMPLETE else (),
        metrics=metrics,
        seed=rng.randrange(99),
        budget=2,
        parents=(rng.randrange(number),) if number and rng.random() < 0.5 else (),
        failure=Failure("error", "no") if status is Status.FAILED else None,
    )
    return Record(
        trial,
        f"id{n}",
        f"|{n}|",
        tuple(CurvePoint(s, {"error": rng.random()}) for s in (1, 2)),
        {"latency": Measurement(rng.random(), 0.1, {"device": rng.choice(["a", "b"])})},
        scores(rng),
        started=rng.random(),
        worker="w",
        weights=lambda: bytes([n]) * 5,
        rulings=(Ruling(1, "continue", "fine"),),
    )


def fill(path: Path, names: Sequence[str], seed: int) -> None:
    """Write an archive with something in every table."""
    rng = random.Random(seed)
    with Writer.open(path, durable=False) as writer:
        for name in names:
            begun = Study(name, "", GOALS, {"study": name, "seed": seed}, seed, 3, f"e{seed}")
            study = writer.study(begun, [space(rng.randrange(2))], stages=STAGES)
            n = rng.randrange(1, 9)
            writer.record(study, [record(rng, i) for i in range(n)])
            found = writer.evaluated_before(study, "id0", None, 2)
            if found is not None:
                again = replace(record(rng, n), reused=found.id)
                writer.record(study, [again])
            writer.heartbeat(study, {"now": name})
            writer.incidents(study, [Incident(1.0, "node", "lost", 0, "w")])
            writer.close_session(study, "finished", "done")
    with ScoreBook(path) as book:
        proxy = ComponentRecord("proxy", "toy:lean", {}, "(file)", "1")
        (scoring,) = book.begin([Scoring(space(0), proxy, "", 1, "first", 1, seed % 2)])
        n = rng.randrange(9)
        book.add([Scored(scoring, Architecture({"n": n}), f"id{n}", f"|{n}|", rng.random())])


def said(path: Path, name: str, alias: str = "") -> dict[str, Any]:
    """Return all that an archive says of a study, without the ids of rows."""
    with nas.Archive(path) as archive:
        study = archive.study(alias or name)
        trials = archive.trials(study)
        by_id = {trial.id: trial.number for trial in trials}
        sql = f"""SELECT trials.number, was.number FROM trials JOIN trials was
            ON was.id = trials.reused WHERE trials.study = {study.id}"""
        return {
            "study": repr(replace(study, name=name, archive="", id=0, config={})),
            "trials": [repr(replace(trial, id=0)) for trial in trials],
            "front": [trial.number for trial in archive.front(study)],
            "curves": [archive.curve(trial.id) for trial in trials],
            "rulings": [archive.rulings(trial.id) for trial in trials],
            "measured": [archive.measurements(trial.id) for trial in trials],
            "lineage": [
                [(a.depth, a.trial.number) for a in archive.lineage(trial.id)] for trial in trials
            ],
            "details": [
                repr(
                    replace(d, study="", artifacts=tuple(replace(a, trial=0) for a in d.artifacts))
                )
                for d in (archive.details(trial.id) for trial in trials)
            ],
            "scores": archive.scores(study),
            "own": {
                scorer.partition(" (")[0]: {by_id[id_]: value for id_, value in values.items()}
                for scorer, values in archive.own_scores(study).items()
                if scorer.startswith("proxy")
            },
            "components": archive.components(study),
            "sessions": archive.sessions(study),
            "state": archive.state(study),
            "reused": list(archive.query(sql)[1]),
        }


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def whole(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


class TestLaws:
    @given(st.integers(0, 2**16), st.integers(1, 3), st.integers(1, 3))
    @settings(
        max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_each_study_says_what_it_said(
        self, tmp_path: Path, seed: int, first: int, second: int
    ) -> None:
        folder = tmp_path / "law"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        a, b, both = (folder / name for name in ("a.db", "b.db", "both.db"))
        names = [f"a{i}" for i in range(first)], [f"b{i}" for i in range(second)]
        fill(a, names[0], seed)
        fill(b, names[1], seed + 1)
        done = merge(both, [a, b])
        assert [one.copied for one in done] == [True] * (first + second)
        for source, of_source in zip((a, b), names, strict=True):
            for name in of_source:
                assert said(both, name) == said(source, name)
        whole(both)
        before = dump(both)
        assert not any(one.copied for one in merge(both, [b, a]))
        assert dump(both) == before
        counts = "SELECT count(*), count(DISTINCT canonical_id || space || decisions) FROM {}"
        (rows,) = toys.rows(both, counts.format("architectures"))
        assert rows[0] == rows[1]
        with nas.Archive(both) as archive:  # weights are the files that the rows name
            for study in archive.studies():
                for trial in archive.front(study):
                    for kept in archive.details(trial.id).artifacts:
                        file = both.with_name("both.db.artifacts") / kept.sha256[:2]
                        content = (file / f"{kept.sha256}.safetensors").read_bytes()
                        assert hashlib.sha256(content).hexdigest() == kept.sha256

    def test_merging_step_by_step_is_the_same(self, tmp_path: Path) -> None:
        files = [tmp_path / f"{i}.db" for i in range(3)]
        for i, path in enumerate(files):
            fill(path, [f"s{i}"], i)
        at_once, stepwise = tmp_path / "once.db", tmp_path / "steps.db"
        merge(at_once, files)
        merge(tmp_path / "two.db", files[:2])
        merge(stepwise, [tmp_path / "two.db", files[2]])
        for i in range(3):
            assert said(at_once, f"s{i}") == said(stepwise, f"s{i}") == said(files[i], f"s{i}")

    def test_scores_of_untrained_networks_are_joined(self, tmp_path: Path) -> None:
        files = [tmp_path / f"{i}.db" for i in range(4)]
        for i, path in enumerate(files):
            fill(path, [f"s{i}"], i)
        merge(tmp_path / "all.db", files)
        sql = """SELECT proxy, seed, spaces.name, spaces.parameters, canonical_id, decisions, value
            FROM proxy_scores JOIN scorings ON scorings.id = scoring
            JOIN architectures ON architectures.id = architecture
            JOIN spaces ON spaces.id = architectures.space"""
        alone = [set(toys.rows(path, sql)) for path in files]
        joined = toys.rows(tmp_path / "all.db", sql)
        of_network = {row[:-1]: row[-1] for rows in reversed(alone) for row in rows}
        assert {row[:-1]: row[-1] for row in joined} == of_network  # the first that was given stays
        assert toys.rows(tmp_path / "all.db", "SELECT count(*) FROM scorings") == [(2,)]

    def test_every_table_is_known(self, tmp_path: Path) -> None:
        fill(tmp_path / "a.db", ["a"], 0)
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            tables = tables_of(connection)
            sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
            names = {n for (n,) in connection.execute(sql) if "sqlite_" not in n}
        assert {table.name for table in tables} == names - {"metric_names"}
        for table in tables:
            # a row belongs to a study, or can be known again
            assert table.name == "studies" or table.owners or (table.shared and table.key), table


class TestSameName:
    def test_another_study_is_refused_and_nothing_changes(self, tmp_path: Path) -> None:
        a, b = tmp_path / "a.db", tmp_path / "b.db"
        fill(a, ["s"], 1)
        fill(b, ["t", "s"], 2)
        before = dump(a)
        with pytest.raises(
            ArchiveError, match=r"has one of that name, with another config.*s \(b\)"
        ):
            merge(a, [b])
        assert dump(a) == before
        files = sorted(tmp_path.glob("a.db.artifacts/*/*"))
        assert len(files) == len(toys.rows(a, "SELECT DISTINCT sha256 FROM artifacts"))

    def test_rename_keeps_both_and_is_idempotent(self, tmp_path: Path) -> None:
        a, b, c = (tmp_path / f"{n}.db" for n in "abc")
        fill(a, ["s"], 1)
        fill(b, ["s"], 2)
        fill(c, ["s"], 3)
        (one,) = merge(a, [b], rename=True)
        assert (one.study, one.copied) == ("s (b)", True)
        assert said(a, "s", "s (b)") == said(b, "s")
        with nas.Archive(a) as archive:
            assert archive.study("s (b)").config["study"] == "s (b)"
        (one,) = merge(a, [b], rename=True)
        assert (one.study, one.copied) == ("s (b)", False)
        shutil.move(c, b)
        (one,) = merge(a, [b], rename=True)
        assert (one.study, one.copied) == ("s (b 2)", True)

    def test_less_of_the_same_is_there_already_and_more_is_not(self, tmp_path: Path) -> None:
        short, long = tmp_path / "short.db", tmp_path / "long.db"
        toys.run(toys.config(stop={"trials": 4}), short)
        shutil.copy(short, long)
        toys.run(toys.config(stop={"trials": 9}), long)
        assert [one.copied for one in merge(long, [short])] == [False]
        with pytest.raises(ArchiveError, match="lacks 5 of its 9 trials"):
            merge(short, [long])

    def test_a_copy_that_went_another_way(self, tmp_path: Path) -> None:
        a, b = tmp_path / "a.db", tmp_path / "b.db"
        toys.run(toys.config(stop={"trials": 4}), a)
        shutil.copy(a, b)
        with closing(sqlite3.connect(b)) as connection, connection:
            connection.execute("UPDATE metrics SET value = value + 1 WHERE trial = 2")
        with pytest.raises(ArchiveError, match="whose trials are others"):
            merge(a, [b])


class TestGoingOn:
    def test_a_study_goes_on_where_it_was(self, tmp_path: Path) -> None:
        alone, a, both = tmp_path / "alone.db", tmp_path / "a.db", tmp_path / "both.db"
        toys.run(toys.config(study="first", strategy="climb", stop={"trials": 3}), both)
        for path in (alone, a):
            toys.run(toys.config(strategy="climb", stop={"trials": 6}), path)
        merge(both, [a])
        nas.resume(both, "toy", overrides=["stop.trials=14"], plugins=[toys.TOY])
        nas.resume(alone, "toy", overrides=["stop.trials=14"], plugins=[toys.TOY])
        with nas.Archive(both) as archive, nas.Archive(alone) as other:
            assert toys.told(archive.trials("toy")) == toys.told(other.trials("toy"))

    def test_a_renamed_study_goes_on_by_its_new_name(self, tmp_path: Path) -> None:
        a, b = tmp_path / "a.db", tmp_path / "b.db"
        toys.run(toys.config(stop={"trials": 3}), a)
        toys.run(toys.config(stop={"trials": 5}, seed=1), b)
        merge(a, [b], rename=True)
        nas.resume(a, "toy (b)", overrides=["stop.trials=7"], plugins=[toys.TOY])
        with nas.Archive(a) as archive:
            assert [len(archive.trials(s)) for s in archive.studies()] == [3, 7]

    def test_a_warm_start_is_found_again(self, tmp_path: Path) -> None:
        a, both = tmp_path / "a.db", tmp_path / "both.db"
        toys.run(toys.config(stop={"trials": 3}), both)
        toys.run(toys.config(study="known", seed=5, stop={"trials": 4}), a)
        warm = toys.config(strategy="climb", warm_start={}, study="warm", stop={"trials": 3})
        toys.run(warm, a)
        merge(both, [a])
        assert toys.rows(both, "SELECT archive, source FROM warm_starts") == [("", "known")]
        for path in (a, both):
            nas.resume(path, "warm", overrides=["stop.trials=8"], plugins=[toys.TOY])
        with nas.Archive(a) as one, nas.Archive(both) as other:
            assert toys.told(one.trials("warm")) == toys.told(other.trials("warm"))

    def test_a_doubtful_warm_start_names_the_archive_it_is_from(self, tmp_path: Path) -> None:
        a, both = tmp_path / "a.db", tmp_path / "both.db"
        toys.run(toys.config(study="known", stop={"trials": 4}), a)
        toys.run(toys.config(warm_start={}, study="warm", stop={"trials": 1}), a)
        with closing(sqlite3.connect(a)) as connection, connection:
            connection.execute("UPDATE warm_starts SET trials = 3")
        merge(both, [a])
        assert toys.rows(both, "SELECT archive, last FROM warm_starts") == [(str(a), 4)]

    @pytest.mark.parametrize("name", ["first", "toy"])
    def test_lineage_across_studies(self, tmp_path: Path, name: str) -> None:
        a, both = tmp_path / "a.db", tmp_path / "both.db"
        toys.run(toys.config(study=name, seed=3, stop={"trials": 5}), both)
        toys.run(toys.config(stop={"trials": 3}), a)
        found = {"architectures": [{"d0": 0, "d1": 0, "d2": 1}], "stems_from": [["toy", 1]]}
        fixed = {"name": "fixed", **found}
        toys.run(toys.config(study="again", strategy=fixed, stop={"trials": 2}), a)
        merge(both, [a], rename=True)
        called = "toy (a)" if name == "toy" else "toy"
        nas.resume(both, "again", overrides=["stop.trials=4"], plugins=[toys.TOY])
        with nas.Archive(both) as archive:
            assert {t.stems_from for t in archive.trials("again")} == {((called, 1),)}
        sql = "SELECT name FROM trials JOIN studies ON studies.id = study WHERE trials.id IN "
        assert toys.rows(both, f"{sql} (SELECT parent FROM parents)") == [(called,)]
        assert not any(one.copied for one in merge(both, [a], rename=True))

    def test_snapshots_come_along(self, tmp_path: Path) -> None:
        a, both = tmp_path / "a.db", tmp_path / "both.db"
        toys.run(toys.config(study="first"), both)
        toys.run(toys.config(), a)
        for file, content in ((path_of(a, 1, 7), b"seven"), (path_of(a, 9, 7), b"of nobody")):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        merge(both, [a])
        assert [p.name for p in path_of(both, 2, 7).parent.iterdir()] == ["2-7.safetensors"]
        assert path_of(both, 2, 7).read_bytes() == b"seven"


def hold(path: Path, begun: Any, end: Any) -> None:
    """Run a study until it is told to end."""
    with Writer.open(path) as writer:
        study = writer.study(Study("held", "", GOALS, {"study": "held"}, 0, 1), [space(1)])
        writer.record(study, [record(random.Random(0), 0)])
        begun.set()
        end.wait(30)


@pytest.fixture
def running(tmp_path: Path) -> Any:
    """An archive that another process writes to."""
    context = multiprocessing.get_context("fork")
    begun, end = context.Event(), context.Event()
    path = tmp_path / "running.db"
    process = context.Process(target=hold, args=(path, begun, end))
    process.start()
    assert begun.wait(30)
    yield path
    end.set()
    process.join()


class TestOthers:
    def test_a_running_source_is_copied_as_it_is_now(self, tmp_path: Path, running: Path) -> None:
        merge(tmp_path / "t.db", [running])
        with nas.Archive(tmp_path / "t.db") as archive:
            state, (session,) = archive.state("held"), archive.sessions("held")
        assert (state.status, session.status, session.ended) == (
            "interrupted",
            "killed",
            session.heartbeat,
        )
        assert toys.rows(running, "SELECT status FROM studies") == [("running",)]

    def test_a_running_target_is_refused(self, tmp_path: Path, running: Path) -> None:
        fill(tmp_path / "a.db", ["a"], 0)
        with pytest.raises(ArchiveError, match=r"'held' in .* is being run by process"):
            merge(running, [tmp_path / "a.db"])

    def test_itself_and_nothing(self, tmp_path: Path) -> None:
        fill(tmp_path / "a.db", ["a"], 0)
        with pytest.raises(ArchiveError, match="is the target itself"):
            merge(tmp_path / "a.db", [tmp_path / ".." / tmp_path.name / "a.db"])
        with pytest.raises(ArchiveError, match="at least one source"):
            merge(tmp_path / "a.db", [])
        with pytest.raises(ArchiveError, match="there is no archive"):
            merge(tmp_path / "new.db", [tmp_path / "none.db"])
        assert not (tmp_path / "new.db").exists()

    @pytest.mark.parametrize("fault", ["missing", "damaged"])
    def test_weights_that_cannot_be_read(self, tmp_path: Path, fault: str) -> None:
        a, b, target = tmp_path / "a.db", tmp_path / "b.db", tmp_path / "t.db"
        fill(a, ["a"], 3)
        fill(b, ["b"], 4)
        file = next(f for f in b.with_name("b.db.artifacts").glob("*/*"))
        file.unlink() if fault == "missing" else file.write_bytes(b"x")
        with pytest.raises(ArchiveError, match="--no-weights"):
            merge(target, [a, b])
        assert toys.rows(target, "SELECT count(*) FROM studies") == [(0,)]
        assert list(target.with_name("t.db.artifacts").glob("*/*")) == []
        merge(target, [a, b], weights=False)
        assert toys.rows(target, "SELECT count(*) FROM artifacts") == [(0,)]

    def test_a_dangling_reference_is_told(self, tmp_path: Path) -> None:
        a = tmp_path / "a.db"
        fill(a, ["a"], 3)
        with closing(sqlite3.connect(a)) as connection, connection:
            connection.execute("UPDATE trials SET architecture = 999 WHERE number = 0")
        with pytest.raises(ArchiveError, match=r"trials\.architecture refers to row 999"):
            merge(tmp_path / "t.db", [a])
        assert toys.rows(tmp_path / "t.db", "SELECT count(*) FROM studies") == [(0,)]

    def test_killed_in_the_middle(self, tmp_path: Path) -> None:
        from nas.archive import merging

        a, b = tmp_path / "a.db", tmp_path / "b.db"
        fill(a, ["a"], 1)
        fill(b, ["b"], 4)
        before = dump(a)

        def work() -> None:
            merging.bring_along = lambda *_: os._exit(9)
            merge(a, [b])

        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 9
        assert dump(a) == before
        assert vacuum(a).unreferenced.files > 0  # copied for nothing
        assert [one.copied for one in merge(a, [b])] == [True]
        assert said(a, "b") == said(b, "b")

    def test_a_full_disk_leaves_the_target_as_it_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from nas.archive import merging

        a, b = tmp_path / "a.db", tmp_path / "b.db"
        fill(a, ["a"], 1)
        fill(b, ["b"], 2)
        before, files = dump(a), sorted(a.with_name("a.db.artifacts").glob("*/*"))

        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(merging, "bring_along", full)
        with pytest.raises(ArchiveError, match=r"'.*a\.db': database or disk is full"):
            merge(a, [b])
        assert dump(a) == before
        assert sorted(a.with_name("a.db.artifacts").glob("*/*")) == files
