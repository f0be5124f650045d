"""Anybody's SQL can read everything in an archive, and do nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import nas
from nas import Architecture, ArchiveError, Goal, Status, Trial
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.study import Study


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    space = ComponentRecord("space", "toys:grid", {}, "toys", "1.0")
    with Writer.open(path) as writer:
        study = writer.study(Study("s", "", (Goal("error"),), {}, 0, 1), [space])
        trials = [
            Trial(
                n,
                Architecture({"op": "conv", "n": n}),
                Status.COMPLETE,
                (n / 10,),
                metrics={"error": n / 10},
            )
            for n in range(5)
        ]
        writer.record(study, [Record(t, f"c{t.number}", "") for t in trials])
    return path


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT number FROM trials WHERE number < 2", [(0,), (1,)]),
        ("  -- why\n /* and\nwhy */ select count(*) from trials_wide;", [(5,)]),
        ("WITH t AS (SELECT max(error) AS e FROM trials_wide) SELECT e FROM t", [(0.4,)]),
        ("VALUES (1, 'a'), (2, NULL)", [(1, "a"), (2, None)]),
        ("SELECT json_extract(decisions, '$.op') FROM architectures LIMIT 1", [("conv",)]),
        (
            "SELECT key FROM architectures, json_each(decisions) WHERE architectures.id = 1",
            [("op",), ("n",)],
        ),
        ("SELECT name FROM pragma_table_info('front')", [("trial",), ("study",)]),
        ("SELECT count(*) FROM sqlite_master WHERE name = 'trials'", [(1,)]),
        ("SELECT CAST(x'ff41' AS TEXT)", [("\ufffdA",)]),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3) "
            "SELECT sum(i) FROM n",
            [(6,)],
        ),
    ],
)
def test_a_select_is_answered(path: Path, sql: str, expected: list[tuple[object, ...]]) -> None:
    with nas.Archive(path) as archive:
        assert list(archive.query(sql)[1]) == expected


def test_columns_are_named_even_without_rows(path: Path) -> None:
    with nas.Archive(path) as archive:
        columns, rows = archive.query('SELECT id, error AS "the error" FROM pareto_front LIMIT 0')
        assert columns == ["id", "the error"]
        assert list(rows) == []


NO_SELECT = [
    "INSERT INTO studies DEFAULT VALUES",
    "UPDATE trials SET number = 9",
    "DELETE FROM trials",
    "DROP TABLE trials",
    "CREATE TABLE x (a)",
    "CREATE TEMP TABLE x (a)",
    "REPLACE INTO front VALUES (1, 1)",
    "ATTACH 'other.db' AS other",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO 'copy.db'",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA table_info(trials)",
    "BEGIN",
    "SAVEPOINT x",
    "REINDEX",
    "ANALYZE",
    "EXPLAIN SELECT 1",
    "",
    "-- SELECT",
    "/* SELECT 1",
    ";",
    "nonsense",
]


@pytest.mark.parametrize("sql", NO_SELECT)
def test_only_a_select_is_let_through(
    path: Path, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    before = path.read_bytes()
    with nas.Archive(path) as archive, pytest.raises(ArchiveError, match="only be asked a SELECT"):
        archive.query(sql)
    assert path.read_bytes() == before
    assert {p.name for p in path.parent.iterdir()} <= {"a.db", "a.db-wal", "a.db-shm"}


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (SELECT 1) DELETE FROM trials",
        "WITH x AS (SELECT 1) INSERT INTO front SELECT 1, 1",
        "WITH x AS (SELECT 1) UPDATE trials SET number = 9",
        "SELECT load_extension('evil')",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM pragma_optimize",
    ],
)
def test_a_select_cannot_hide_more_than_reading(path: Path, sql: str) -> None:
    before = path.read_bytes()
    with nas.Archive(path) as archive, pytest.raises(ArchiveError, match="can only be read"):
        list(archive.query(sql)[1])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1; DELETE FROM trials", "one statement"),
        ("SELECT colour FROM trials", "no such column: colour"),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELECT FROM", "syntax error"),
        ("SELECT '\0'", "null character"),
        ("SELECT '\udc80'", "surrogates"),
    ],
)
def test_sqlites_own_message_comes_through(path: Path, sql: str, message: str) -> None:
    with nas.Archive(path) as archive, pytest.raises(ArchiveError, match=message):
        archive.query(sql)


NUMBERS = "SELECT number AS n FROM trials ORDER BY number LIMIT 5"


def test_an_error_among_the_rows_is_told_as_well(path: Path) -> None:
    with nas.Archive(path) as archive:
        smallest_but_three = f"-{2**63 - 4}"
        _, rows = archive.query(f"SELECT abs({smallest_but_three} - n) FROM ({NUMBERS})")
        assert next(rows) == (2**63 - 4,)
        with pytest.raises(ArchiveError, match="integer overflow"):
            list(rows)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files by /proc")
def test_no_file_stays_open(path: Path) -> None:
    def open_files() -> int:
        return sum(
            os.path.realpath(f"/proc/self/fd/{fd}").startswith(str(path))
            for fd in os.listdir("/proc/self/fd")
        )

    with nas.Archive(path) as archive:
        list(archive.query("SELECT * FROM trials")[1])
        archive.query("SELECT * FROM trials")
        _, rows = archive.query("SELECT * FROM trials")
        next(rows)
        del rows
        with pytest.raises(ArchiveError):
            archive.query("SELECT oops")
        archive.front()
    assert open_files() == 0
