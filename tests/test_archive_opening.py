"""Which files are archives, what happens to those that are not, and what a kill leaves behind."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import nas
from nas import ArchiveError
from nas.archive import migrations, opening
from nas.archive.migrations import MIGRATIONS
from nas.archive.record import ComponentRecord
from nas.archive.writer import Writer
from nas.study import Study

SPACE = ComponentRecord("space", "toys:grid", {}, "toys", "1.0")


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def a_folder(path: Path) -> str:
    path.mkdir()
    return "is a folder"


def a_text(path: Path) -> str:
    path.write_text("precious notes\n" * 20)
    return "not an SQLite file"


def a_short_text(path: Path) -> str:
    path.write_text("SQLite")
    return "not an SQLite file"


def a_foreign_database(path: Path) -> str:
    execute(path, "CREATE TABLE precious (a)", "INSERT INTO precious VALUES (1)")
    return "not written by nas"


def a_foreign_database_with_a_log(path: Path) -> str:
    execute(path, "PRAGMA journal_mode = WAL", "CREATE TABLE precious (a)")
    return "not written by nas"


def a_foreign_application(path: Path) -> str:
    execute(path, "PRAGMA application_id = 42", "CREATE TABLE studies (a)")
    return "not written by nas"


def a_newer_archive(path: Path) -> str:
    Writer.open(path).close()
    insert = "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('nas', 'm999_later')"
    execute(path, insert)
    return "newer version of nas .*m999_later.* upgrade plugnas"


def a_damaged_archive(path: Path) -> str:
    Writer.open(path).close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 4000 + content[4100:])
    return "malformed|not a database|disk image"


def a_missing_folder(path: Path) -> str:
    return "no folder"


MAKERS: list[Callable[[Path], str]] = [
    a_folder,
    a_text,
    a_short_text,
    a_foreign_database,
    a_foreign_database_with_a_log,
    a_foreign_application,
    a_newer_archive,
    a_damaged_archive,
]


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {p.name: p.read_bytes() if p.is_file() else None for p in folder.iterdir()}


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("use", [Writer.open, nas.Archive], ids=["write", "read"])
def test_what_is_no_archive_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], str], use: Callable[[Path], object]
) -> None:
    path = tmp_path / "file.db"
    message = make(path)
    before = snapshot(tmp_path)
    with pytest.raises(ArchiveError, match=message) as caught:
        use(path)
    assert "\n" not in str(caught.value)
    assert repr(str(path)) in str(caught.value)
    after = snapshot(tmp_path)
    assert {k: v for k, v in after.items() if k in before} == before
    # reading one of ours can leave SQLite's own empty log beside it
    assert set(after) - set(before) <= {"file.db-wal", "file.db-shm"}
    assert after.get("file.db-wal", b"") == b""


def test_a_missing_file_is_created_by_a_writer_only(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with pytest.raises(ArchiveError, match="there is no archive"):
        nas.Archive(path)
    assert not path.exists()
    for use in (nas.Archive, Writer.open):
        with pytest.raises(ArchiveError, match="there is no folder"):
            use(tmp_path / "none" / "new.db")
    Writer.open(path).close()
    with nas.Archive(path) as archive:
        assert archive.studies() == []


def test_an_empty_file_holds_nothing_that_could_be_lost(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(ArchiveError, match="empty file"):
        nas.Archive(path)
    Writer.open(path).close()
    nas.Archive(path).close()


def test_an_older_archive_is_brought_up_to_date_by_a_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    with Writer.open(path) as writer:
        writer.study(Study("s", "", (nas.Goal("error"),), {}, 0, 1), [SPACE])

    def m999_note(db: sqlite3.Connection) -> None:
        db.execute("ALTER TABLE trials RENAME COLUMN worker TO machine")
        db.execute("ALTER TABLE trials RENAME COLUMN machine TO worker")
        db.execute("ALTER TABLE studies ADD COLUMN note TEXT")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, m999_note))
    monkeypatch.setattr(migrations, "NAMES", (*migrations.NAMES, "m999_note"))
    with pytest.raises(ArchiveError, match=r"older version of nas \(it lacks m999_note"):
        nas.Archive(path)
    Writer.open(path).close()
    with nas.Archive(path) as archive:
        assert archive.study().name == "s"
        assert list(archive.query("SELECT note FROM studies")[1]) == [(None,)]
        assert archive.query("SELECT error FROM pareto_front")[0] == ["error"]


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    Writer.open(path).close()

    def m998_good(db: sqlite3.Connection) -> None:
        db.execute("ALTER TABLE studies ADD COLUMN note TEXT")

    def m999_bad(db: sqlite3.Connection) -> None:
        db.execute("DROP TABLE nothing_like_it")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, m998_good, m999_bad))
    monkeypatch.setattr(migrations, "NAMES", (*migrations.NAMES, "m998_good", "m999_bad"))
    with pytest.raises(ArchiveError, match="nothing_like_it"):
        Writer.open(path)
    monkeypatch.undo()
    with nas.Archive(path) as archive:
        assert "note" not in archive.query("SELECT * FROM studies")[0]
        assert archive.query("SELECT * FROM trials_wide")


def test_every_table_says_what_it_is_for(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Writer.open(path).close()
    with nas.Archive(path) as archive:
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%'"
        tables = dict(archive.query(sql + " ESCAPE '\\'")[1])
    assert {"studies", "trials", "metrics", "curves", "scores", "front", "artifacts"} <= set(tables)
    for name, created in tables.items():
        assert created.startswith(f"CREATE TABLE {name} ( -- ")
    for migration in MIGRATIONS:
        assert migration.__doc__


@contextmanager
def nobody() -> Iterator[None]:
    """Give up the right to write everywhere, if the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that others can look into; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


@posix_only
def test_what_cannot_be_written_can_still_be_read(public: Path) -> None:
    path = public / "a.db"
    with Writer.open(path) as writer:
        study = writer.study(Study("s", "", (nas.Goal("error"),), {}, 0, 1), [SPACE])
    path.chmod(0o444)
    public.chmod(0o555)
    with nobody():
        with pytest.raises(ArchiveError, match="cannot be written"):
            Writer.open(path)
        with pytest.raises(ArchiveError, match="cannot be written"):
            Writer.open(public / "new.db")
        assert [p.name for p in public.iterdir()] == ["a.db"]
        with nas.Archive(path) as archive:
            assert archive.study("s").name == "s"
            assert list(archive.query("SELECT status FROM studies")[1]) == [("running",)]
            with as_owner(public, path), Writer.open(path) as writer:
                study = writer.study(study, [SPACE])
                writer.close_session(study, "finished", "done")
            assert archive.state("s").status == "finished", "a snapshot is taken anew"


@contextmanager
def as_owner(folder: Path, path: Path) -> Iterator[None]:
    euid = os.geteuid()
    if os.getuid() == 0:
        os.seteuid(0)
    folder.chmod(0o755)
    path.chmod(0o644)
    yield
    path.chmod(0o444)
    folder.chmod(0o555)
    os.seteuid(euid)


@posix_only
def test_an_unclosed_archive_in_a_closed_folder_is_not_read_half(public: Path) -> None:
    path = public / "a.db"
    with Writer.open(path) as writer:
        writer.study(Study("s", "", (nas.Goal("error"),), {}, 0, 1), [SPACE])
        main, log = path.read_bytes(), (public / "a.db-wal").read_bytes()
    path.write_bytes(main)
    (public / "a.db-wal").write_bytes(log)
    public.chmod(0o555)
    with (
        nobody(),
        pytest.raises(ArchiveError, match="was not closed, and its folder cannot be written; copy"),
    ):
        nas.Archive(path)


def test_the_mark_of_an_archive_is_readable_text() -> None:
    assert opening.APPLICATION_ID.to_bytes(4, "big") == b"nas1"
