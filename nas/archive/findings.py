"""What an examination of an archive finds, and what it is told while it looks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nas.archive import sessions
from nas.archive.opening import open_for_reading
from nas.archive.rows import STUDY, study_of
from nas.archive.sessions import Session
from nas.errors import ArchiveError
from nas.study import Study

if TYPE_CHECKING:
    from nas.plugins import Plugins

SILENCE = 600.0
"""Seconds without a sign of life after which a driver is taken for gone."""
NAMED = 5
"""Rows that a finding names one by one."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Args:
        check: which check found it.
        what: is wrong.
        meaning: what follows from it.
        remedy: what to do.
        repairable: whether ``repair`` does it.
    """

    check: str
    what: str
    meaning: str
    remedy: str
    repairable: bool = False

    def __str__(self) -> str:
        return f"{self.check}: {self.what}: {self.meaning}; {self.remedy}"


@dataclass(frozen=True)
class Report:
    """What an examination found.

    Args:
        archive: path of the archive.
        findings: what is wrong.
        remarks: what is not wrong, and what was not looked at.
        checks: names of the checks that were made.
    """

    archive: str
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]
    checks: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


@dataclass
class Case:
    """An archive that is examined.

    Args:
        path: of the archive.
        connection: in a transaction, which holds one state of it.
        everything: look at all where a sample would do.
        plugins: those that offer its spaces; None for the installed ones.
    """

    path: Path
    connection: sqlite3.Connection
    everything: bool
    plugins: Plugins | None
    remarks: list[str] = field(default_factory=list)

    @cached_property
    def studies(self) -> list[Study]:
        """The studies that can be read and have objectives."""
        found: list[Study] = []
        for row in self.connection.execute(f"{STUDY} ORDER BY id").fetchall():
            try:
                found.append(study_of(row, str(self.path)))
            except (ValueError, TypeError, AttributeError):
                continue  # the check of studies tells
        return [study for study in found if study.goals]

    @cached_property
    def running(self) -> dict[int, tuple[Study, Session, bool]]:
        """Studies that say they run, by id, with the session and whether that lives."""
        sql = "SELECT id FROM studies WHERE status = 'running'"
        ids = {id_ for (id_,) in self.connection.execute(sql)}
        found: dict[int, tuple[Study, Session, bool]] = {}
        for study in self.studies:
            latest = sessions.latest(self.connection, study) if study.id in ids else None
            if latest is not None:
                living = latest.alive is not False and latest.silent < SILENCE
                found[study.id] = study, latest, living
        return found

    @property
    def is_written(self) -> bool:
        """Whether a search runs, so that files come and go."""
        return any(living for _, _, living in self.running.values())

    def now(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Ask what the archive holds at this moment."""
        connection, _ = open_for_reading(self.path)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


Check = Callable[[Case], Iterator[Finding]]


def guarded(name: str, check: Check, case: Case) -> Iterator[Finding]:
    """Make a check; one that cannot be made is a finding."""
    try:
        yield from check(case)
    except (sqlite3.Error, ArchiveError, ValueError, TypeError, OSError) as error:
        yield Finding(
            name,
            f"this check could not be made ({error})",
            "part of the archive cannot be read",
            "see the finding about integrity; if there is none, the disk or a value is damaged",
        )


def some(ids: list[int]) -> str:
    """Return the first ids in words."""
    shown = ", ".join(map(str, ids[:NAMED]))
    return f"{shown}, ..." if len(ids) > NAMED else shown
