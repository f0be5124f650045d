"""Examining an archive: a healthy one is left in peace, every planted defect is found."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import races
import toys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nas
from nas import Architecture, ArchiveError, CurvePoint, Goal, Status, Trial
from nas.archive import check_file, check_networks, check_trials
from nas.archive.checking import CHECKS, examine, repair
from nas.archive.findings import Finding
from nas.archive.lease import Lease
from nas.archive.pruning import vacuum
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.goals import losses, violation
from nas.plugins import PluginFile, Plugins
from nas.study import Study

PLUGINS = Plugins([PluginFile.read(toys.TOY)])
SPACE = ComponentRecord("space", "toy:toy", {}, "(file)", "1")
GOALS = (Goal("total"), Goal("spread", "maximize", high=3.0))
POINTS = [(4.0, 2.0), (3.0, 1.0), (9.0, 1.0), (1.0, 0.0), (9.0, 4.0), (1.0, 0.0)]


def fill(path: Path, name: str = "s") -> None:
    space = PLUGINS.build("space", "toy")
    members = list(space.architectures())
    with Writer.open(path, durable=False) as writer:
        study = writer.study(Study(name, "", GOALS, {"study": name}, 0, 1), [SPACE])
        for number, values in enumerate(POINTS):
            found = dict(zip(("total", "spread"), values, strict=True))
            architecture = members[number]
            trial = Trial(
                number,
                architecture,
                Status.COMPLETE,
                losses(GOALS, found),
                violation(GOALS, found),
                found,
                budget=2,
                parents=(number - 1,) if number else (),
            )
            curve = tuple(CurvePoint(step, {"total": 1.0}) for step in (1, 2))
            content = f"{name}{number}".encode() * 10
            writer.record(
                study,
                [
                    Record(
                        trial,
                        space.canonical_id(architecture),
                        space.format(architecture),
                        curve,
                        weights=lambda c=content: c,  # type: ignore[misc]
                    )
                ],
            )
        writer.close_session(study, "finished", "done")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "a.db"
    fill(path)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent, tmp_path / "copy")
    return tmp_path / "copy" / "a.db"


def look(path: Path, **options: bool) -> list[Finding]:
    before = [(p, p.read_bytes()) for p in sorted(path.parent.rglob("*")) if is_content(p)]
    report = examine(path, plugins=PLUGINS, **options)
    after = [(p, p.read_bytes()) for p in sorted(path.parent.rglob("*")) if is_content(p)]
    assert before == after
    assert report.healthy == (not report.findings)
    for finding in report.findings:
        assert all((finding.check, finding.what, finding.meaning, finding.remedy))
    return list(report.findings)


def is_content(path: Path) -> bool:
    return path.is_file() and not path.name.endswith(("-shm", "-wal", ".lock"))


def alter(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for sql in statements:
            connection.execute(sql)


class TestHealthy:
    def test_nothing_is_found(self, path: Path) -> None:
        report = examine(path, plugins=PLUGINS)
        assert report.findings == ()
        assert report.remarks == ()
        assert report.checks == tuple(CHECKS)
        assert look(path, everything=True) == []

    def test_of_real_searches_and_empty_archives(self, tmp_path: Path) -> None:
        Writer.open(tmp_path / "empty.db").close()
        assert look(tmp_path / "empty.db") == []
        first = {"name": "first", "max": 2}
        values = toys.config(objectives=["total", "spread", first], strategy="climb")
        toys.run(values, tmp_path / "a.db")
        failing = {"name": "tally", "on": 1, "mode": "nan"}
        warm = {"warm_start": {"any_evaluation": True}}
        toys.run(toys.config(study="b", evaluator=failing, stop={"trials": 40}), tmp_path / "a.db")
        toys.run(toys.config(study="c", **warm), tmp_path / "a.db")
        assert look(tmp_path / "a.db", everything=True) == []

    @pytest.mark.parametrize("scheduler", ["median", "hyperband"])
    def test_of_searches_that_stop_and_pause(self, tmp_path: Path, scheduler: str) -> None:
        path = tmp_path / "a.db"
        races.run(races.race(scheduler=scheduler), path)
        plugins = Plugins([PluginFile.read(races.RACERS)])
        report = examine(path, everything=True, plugins=plugins)
        assert report.findings == ()
        said = [remark for remark in report.remarks if "whose studies have finished" in remark]
        assert len(said) == len(report.remarks) == (scheduler == "hyperband")
        vacuum(path)
        report = examine(path, everything=True, plugins=plugins)
        assert (report.findings, report.remarks) == ((), ())

    def test_beside_a_writer(self, path: Path) -> None:
        with Writer.open(path) as writer:
            writer.study(Study("now", "", GOALS, {}, 0, 1), [SPACE])
            report = examine(path, plugins=PLUGINS)
            assert report.findings == ()
            assert any("study 'now' runs" in remark for remark in report.remarks)
            assert any("as usual while a search runs" in remark for remark in report.remarks)


def corrupt(path: Path) -> None:
    """Destroy a page of the table of metrics."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'metrics'"
        (page,) = connection.execute(sql).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))


def weights_file(path: Path) -> Path:
    return sorted(path.with_name("a.db.artifacts").glob("*/*.safetensors"))[0]


def shorten(path: Path) -> None:
    file = weights_file(path)
    file.write_bytes(file.read_bytes()[:-1])


def exchange(path: Path) -> None:
    file = weights_file(path)
    file.write_bytes(bytes(len(file.read_bytes())))


def link(path: Path) -> None:
    file = weights_file(path)
    elsewhere = path.with_name("elsewhere")
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


def unread(path: Path) -> None:
    """Leave commits in the write-ahead log, as a killed process does."""
    copy = path.with_name("b.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE studies SET reason = 'changed'")
        connection.commit()
        shutil.copy(path, copy)
        shutil.copy(path.with_name("a.db-wal"), path.with_name("b.db-wal"))
    for end in ("", "-wal"):
        path.with_name(f"b.db{end}").replace(path.with_name(f"a.db{end}"))


def leave(name: str) -> Callable[[Path], None]:
    def plant(path: Path) -> None:
        file = path.with_name("a.db.artifacts") / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"12345")

    return plant


def sql(*statements: str) -> Callable[[Path], None]:
    return lambda path: alter(path, *statements)


DEAD = f"""INSERT INTO sessions (study, began, heartbeat, status, reason, host, pid, state)
SELECT 1, 0, 0, 'running', '', host, {2**22 + 1}, '{{}}' FROM sessions LIMIT 1"""
DEFECTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a page": (corrupt, "integrity", "the SQLite file is damaged"),
    "an index": (
        sql("PRAGMA writable_schema = ON", "DELETE FROM sqlite_master WHERE name = 'front_study'"),
        "schema",
        "front_study missing",
    ),
    "a dropped index": (sql("DROP INDEX front_study"), "schema", "front_study missing"),
    "a dropped view": (sql("DROP VIEW pareto_front"), "schema", "are not up to date"),
    "another view": (
        sql("DROP VIEW pareto_front", "CREATE VIEW pareto_front AS SELECT 1 AS id"),
        "schema",
        "are not up to date",
    ),
    "a metric without a column": (
        sql("INSERT INTO metrics (trial, name, value) VALUES (1, 'new', 1.0)"),
        "schema",
        "lack the metrics new",
    ),
    "a dangling architecture": (
        sql("UPDATE trials SET architecture = 99 WHERE id = 2"),
        "references",
        "1 of trials (rows 2) refer to rows of architectures",
    ),
    "metrics of nobody": (
        sql("INSERT INTO metrics (trial, name, value) VALUES (99, 'total', 1.0)"),
        "references",
        "1 of metrics refer to rows of trials",
    ),
    "goals that are no JSON": (sql("UPDATE studies SET goals = '['"), "studies", "cannot be read"),
    "no goals": (sql("UPDATE studies SET goals = '[]'"), "studies", "no objective"),
    "a front row too few": (sql("DELETE FROM front WHERE trial = 2"), "front", "1 lack (2)"),
    "a front row too many": (
        sql("INSERT INTO front (trial, study) VALUES (3, 1)"),
        "front",
        "1 too many (3)",
    ),
    "a metric changed": (
        sql("UPDATE metrics SET value = 0.5 WHERE trial = 3 AND name = 'total'"),
        "front",
        "1 lack (3)",
    ),
    "a text for a number": (
        sql("UPDATE metrics SET value = 'low' WHERE trial = 3"),
        "metrics",
        "values of trials 3 are no numbers",
    ),
    "an objective that is NULL": (
        sql("UPDATE metrics SET value = NULL WHERE trial = 3 AND name = 'total'"),
        "metrics",
        "complete trials 3 of study 's' have no finite total",
    ),
    "an objective that is infinite": (
        sql("UPDATE metrics SET value = -9e999 WHERE trial = 3 AND name = 'total'"),
        "metrics",
        "have no finite total",
    ),
    "an objective that is missing": (
        sql("DELETE FROM metrics WHERE trial = 3 AND name = 'spread'"),
        "metrics",
        "have no finite spread",
    ),
    "a step beyond the budget": (
        sql("UPDATE curves SET step = 7 WHERE trial = 4 AND step = 2"),
        "curves",
        "trials 4 have steps beyond",
    ),
    "a negative step": (
        sql("UPDATE curves SET step = -1 WHERE trial = 4 AND step = 2"),
        "curves",
        "trials 4 have steps beyond",
    ),
    "a curve of text": (
        sql("UPDATE curves SET value = 'x' WHERE trial = 4"),
        "curves",
        "values of trials 4",
    ),
    "a failure without a reason": (
        sql("UPDATE trials SET status = 'failed' WHERE id = 3"),
        "trials",
        "3 failed without a reason",
    ),
    "negative seconds": (
        sql("UPDATE trials SET seconds = -1 WHERE id = 3"),
        "trials",
        "3 have negative",
    ),
    "another violation": (
        sql("UPDATE trials SET violation = 0 WHERE id = 5"),
        "trials",
        "violations of 5 do not follow",
    ),
    "a parent from the future": (
        sql("UPDATE parents SET parent = 5 WHERE trial = 2"),
        "lineage",
        "trials 2 stem from later ones",
    ),
    "a deleted trial": (
        sql("DELETE FROM parents", "DELETE FROM trials WHERE id = 3"),
        "trials",
        "finished with 5 trials, whose numbers go to 5",
    ),
    "another canonical id": (
        sql("UPDATE architectures SET canonical_id = '00' WHERE id = 2"),
        "architectures",
        "rows 2 (toy:toy) have another canonical id",
    ),
    "another text": (
        sql("UPDATE architectures SET text = (SELECT text FROM architectures) WHERE id = 2"),
        "architectures",
        "have the text of another",
    ),
    "decisions of no member": (
        sql("""UPDATE architectures SET decisions = '{"d0":9,"d1":0,"d2":0}' WHERE id = 2"""),
        "architectures",
        "are no members",
    ),
    "decisions that are no JSON": (
        sql("UPDATE architectures SET decisions = '{' WHERE id = 2"),
        "architectures",
        "are no members",
    ),
    "weights cut short": (shorten, "weights", "files have another size"),
    "other weights": (exchange, "weights", "files have another content"),
    "no weights": (lambda path: weights_file(path).unlink(), "weights", "files are missing"),
    "a linked file": (link, "weights", "symbolic links"),
    "a hash that is none": (
        sql("UPDATE artifacts SET sha256 = '../../etc' WHERE trial = 1"),
        "weights",
        "is none: those of trials 1",
    ),
    "weights of nobody": (
        leave(f"ab/{'ab' * 32}.safetensors"),
        "files",
        "1 files of 5 bytes that no trial refers to",
    ),
    "half a file": (leave(f"ab/{'ab' * 32}.part"), "files", "1 files of 5 bytes"),
    "a snapshot": (leave("checkpoints/1-3.safetensors"), "files", "1 snapshots of 5 bytes"),
    "a killed driver": (
        sql(DEAD, "UPDATE studies SET status = 'running'"),
        "sessions",
        "driver of study 's' was killed",
    ),
    "a driver on another machine": (
        sql(DEAD, "UPDATE studies SET status = 'running'", "UPDATE sessions SET host = 'far'"),
        "sessions",
        "on far, not this machine",
    ),
    "commits in the log": (unread, "log", "bytes of commits stand in a.db-wal"),
}


FOLLOWS = {
    "another violation": {"front"},
    "a deleted trial": {"references"},
    "a hash that is none": {"files"},
}
"""What other checks find of a defect: its consequences, which are true."""


class TestDefects:
    @pytest.mark.parametrize("defect", DEFECTS)
    def test_each_is_found(self, path: Path, defect: str) -> None:
        plant, check, what = DEFECTS[defect]
        plant(path)
        found = look(path)
        assert [f for f in found if f.check == check and what in f.what], list(map(str, found))

    @pytest.mark.parametrize("defect", [d for d in DEFECTS if d != "a page"])
    def test_no_other_check_cries_wolf(self, path: Path, defect: str) -> None:
        plant, check, _ = DEFECTS[defect]
        plant(path)
        assert {finding.check for finding in look(path)} - {check} == FOLLOWS.get(defect, set())

    def test_every_check_has_a_defect(self) -> None:
        planted = {check for _, check, _ in DEFECTS.values()} - {"lineage"}
        assert planted | {"disk"} == set(CHECKS)

    def test_a_full_disk(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        usage = shutil.disk_usage(path.parent)._replace(free=10)
        monkeypatch.setattr(check_file.shutil, "disk_usage", lambda _: usage)
        assert [f.check for f in look(path)] == ["disk"]

    def test_an_older_archive(self, path: Path) -> None:
        alter(path, "DELETE FROM _sqlite_migrations WHERE name = 'm007_choosing'")
        (finding,) = look(path)
        assert finding.check == "schema"
        assert "m007_choosing" in finding.what

    def test_a_header_that_is_damaged(self, path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 200)
        assert [f.check for f in look(path)] == ["integrity"]

    def test_a_file_cut_short(self, path: Path) -> None:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)
        assert "integrity" in {f.check for f in look(path)}

    def test_what_is_no_archive(self, tmp_path: Path) -> None:
        with pytest.raises(ArchiveError, match="there is no archive"):
            examine(tmp_path / "none.db")
        (tmp_path / "text.db").write_text("text")
        with pytest.raises(ArchiveError, match="not an SQLite file"):
            examine(tmp_path / "text.db")


class TestSamples:
    def test_what_is_left_out_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check_networks, "SAMPLE", 2)
        monkeypatch.setattr(check_trials, "RECENT", 2)
        monkeypatch.setattr(check_file, "LARGE", 1)
        remarks = examine(path, plugins=PLUGINS).remarks
        assert [remark.partition(":")[0] for remark in remarks] == [
            "integrity",
            "curves",
            "architectures",
        ]
        assert any("2 of 6 of toy:toy were examined" in remark for remark in remarks)
        assert examine(path, everything=True, plugins=PLUGINS).remarks == ()
        alter(path, "UPDATE curves SET step = 9 WHERE trial = 1 AND step = 2")
        assert look(path) == []
        assert [f.check for f in look(path, everything=True)] == ["curves"]

    def test_a_space_that_is_not_installed_is_told(self, path: Path) -> None:
        report = examine(path, plugins=Plugins(disabled=()))
        assert report.healthy
        assert "toy:toy were not examined" in report.remarks[0]


class TestRepair:
    @pytest.mark.parametrize(
        "defect",
        [
            "a front row too few",
            "a front row too many",
            "a metric changed",
            "a dropped view",
            "another view",
            "a metric without a column",
        ],
    )
    def test_what_follows_from_the_rest(self, path: Path, defect: str) -> None:
        DEFECTS[defect][0](path)
        assert repair(path, plugins=PLUGINS)
        assert look(path) == []
        assert repair(path, plugins=PLUGINS) == []

    def test_the_archive_is_as_before(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            before = list(connection.iterdump())
        alter(path, "DELETE FROM front", "DROP VIEW pareto_front", "DROP VIEW trials_wide")
        repair(path, plugins=PLUGINS)
        with closing(sqlite3.connect(path)) as connection:
            assert sorted(connection.iterdump()) == sorted(before)

    def test_nothing_else_is_touched(self, path: Path) -> None:
        alter(path, "UPDATE architectures SET canonical_id = '00' WHERE id = 2")
        before = path.read_bytes()
        assert repair(path, plugins=PLUGINS) == []
        assert path.read_bytes() == before

    def test_not_on_sand(self, path: Path) -> None:
        alter(path, "DELETE FROM front", "UPDATE trials SET architecture = 99 WHERE id = 2")
        with pytest.raises(ArchiveError, match="is damaged"):
            repair(path, plugins=PLUGINS)
        assert toys.rows(path, "SELECT count(*) FROM front") == [(0,)]

    def test_not_while_a_search_runs(self, path: Path) -> None:
        alter(path, "DELETE FROM front", "UPDATE studies SET status = 'running'")
        lease = Lease(path, 1)
        try:
            with pytest.raises(ArchiveError, match="is being run"):
                repair(path, plugins=PLUGINS)
        finally:
            lease.release()


@given(
    st.lists(
        st.tuples(
            *[st.sampled_from([0.0, 1.0, 2.0, 3.0, float("inf"), float("-inf"), float("nan")])] * 2,
            st.sampled_from([0.0, 0.5]),
        ),
        max_size=12,
    )
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_front_is_computed_as_the_archive_keeps_it(
    tmp_path: Path, points: list[tuple[float, float, float]]
) -> None:
    path = tmp_path / "law.db"
    path.unlink(missing_ok=True)
    goals = (Goal("total"), Goal("spread", "maximize"))
    with Writer.open(path, durable=False) as writer:
        study = writer.study(Study("s", "", goals, {}, 0, 1), [SPACE])
        for number, (total, spread, broken) in enumerate(points):
            found = {"total": total, "spread": spread}
            trial = Trial(
                number,
                Architecture({"n": number}),
                Status.COMPLETE,
                losses(goals, found),
                broken,
                found,
            )
            writer.record(study, [Record(trial, f"c{number}", "")])
        stored = sorted(trial.id for trial in writer.front(study))
    with closing(sqlite3.connect(path)) as connection:
        assert sorted(check_trials.front_of_trials(connection, study)) == stored
    with nas.Archive(path) as archive:
        assert sorted(trial.id for trial in archive.front()) == stored
