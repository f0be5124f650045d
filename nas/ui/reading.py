"""What the pages ask an archive: little at a time, and never for long."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from nas.archive import Archive, rows
from nas.archive.filters import Filter
from nas.errors import ArchiveError
from nas.study import Study
from nas.trial import Trial

LIMIT = 5.0
"""Seconds that one question may take; a transaction that stays open lets a write-ahead log grow."""
_STEPS = 20_000
"""Of SQLite's virtual machine, between two looks at the clock: about a millisecond."""
METRICS = 60
"""Metrics that are offered as axes."""
_SAMPLE = 200
"""Trials at either end of a study in which metrics are looked for."""


class Version(NamedTuple):
    """What an archive is at some moment.

    Args:
        digest: another one whenever a search has written.
        running: whether any session has not ended.
    """

    digest: str
    running: bool


class TooSlowError(ArchiveError):
    """A question that took longer than it may."""


@dataclass(frozen=True)
class Family:
    """Trials that one stems from, and those that stem from it.

    Args:
        parents: ids of the parents of every trial that is among ``trials``.
        children: ids, the first of them.
        born: how many children there are.
        trials: by id.
        more: whether there are ancestors beyond.
    """

    parents: dict[int, list[int]]
    children: list[int]
    born: int
    trials: dict[int, Trial]
    more: bool


class Pages(Archive):
    """An archive, for as long as one page takes.

    Args:
        path: of the SQLite file.
        seconds: that one question may take.

    Raises:
        TooSlowError: from any method, it took longer.
    """

    def __init__(self, path: str | Path, seconds: float = LIMIT) -> None:
        super().__init__(path)
        self._seconds = seconds

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with super()._reading() as connection:
                self._limit(connection)
                try:
                    yield connection
                finally:
                    connection.set_progress_handler(None, 0)
        except ArchiveError as error:
            code = getattr(error.__cause__, "sqlite_errorcode", None)
            if code == sqlite3.SQLITE_INTERRUPT:
                raise TooSlowError(f"this took longer than {self._seconds:g} s") from None
            raise

    @contextmanager
    def asking(self) -> Iterator[sqlite3.Connection]:
        """Hold one state of the file for questions of several."""
        with self._reading() as connection:
            yield connection

    def by_id(self, study: int) -> Study:
        """Return the study of that id."""
        with self._reading() as connection:
            row = connection.execute(f"{rows.STUDY} WHERE id = ?", (study,)).fetchone()
            if row is None:
                raise ArchiveError(f"{str(self.path)!r} has no study with id {study}")
            return rows.study_of(row, str(self.path))

    def some(self, first: int, most: int) -> tuple[list[Study], int]:
        """Return studies, the one that was last written to first, and how many there are in all."""
        sql = f"{rows.STUDY} ORDER BY updated DESC, id DESC LIMIT ? OFFSET ?"
        with self._reading() as connection:
            (total,) = connection.execute("SELECT count(*) FROM studies").fetchone()
            found = connection.execute(sql, (most, first)).fetchall()
            return [rows.study_of(row, str(self.path)) for row in found], total

    def version(self) -> Version:
        """Return what changes whenever a search writes."""
        with self._reading() as connection:
            sql = """SELECT (SELECT max(id) FROM trials), (SELECT max(updated) FROM studies),
                (SELECT max(heartbeat) FROM sessions), (SELECT max(ended) FROM sessions),
                (SELECT count(*) FROM sessions WHERE ended IS NULL)"""
            found = list(connection.execute(sql).fetchone())
        digest = sha256(json.dumps(found).encode()).hexdigest()[:16]
        return Version(digest, found[-1] > 0)

    def metrics(self, study: Study) -> list[str]:
        """Return the metrics of a study that can be axes, its objectives first."""
        some = "SELECT id FROM trials WHERE study = ? ORDER BY number"
        sql = f"""SELECT DISTINCT name FROM metrics WHERE trial IN (SELECT id FROM ({some} LIMIT ?))
            OR trial IN (SELECT id FROM ({some} DESC LIMIT ?)) ORDER BY name LIMIT ?"""
        values = (study.id, _SAMPLE, study.id, _SAMPLE, METRICS)
        with self._reading() as connection:
            found = [name for (name,) in connection.execute(sql, values)]
        return list(dict.fromkeys([*(goal.metric for goal in study.goals), *found]))

    def matching(self, study: Study, where: str) -> list[int]:
        """Return the trials of a study for which an SQL expression over ``trials_wide`` holds.

        Raises:
            ArchiveError: it is no such expression, or takes too long.
        """
        return Filter(where=where, seconds=self._seconds).ids(self.path, [study])

    def _limit(self, connection: sqlite3.Connection) -> None:
        end = time.monotonic() + self._seconds
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)

    def by_ids(self, study: Study, ids: Sequence[int]) -> list[tuple[Trial, str, bool]]:
        """Return trials in the order of their ids, with their texts; and is it on the front?"""
        wanted = json.dumps(list(ids))
        sql = """SELECT trials.id, text, EXISTS (SELECT 1 FROM front WHERE trial = trials.id)
            FROM trials JOIN architectures ON architectures.id = architecture
            WHERE trials.id IN (SELECT value FROM json_each(?))"""
        with self._reading() as connection:
            found = {t.id: t for t in rows.trials_by_id(connection, {study.id: study.goals}, ids)}
            told = {id_: more for id_, *more in connection.execute(sql, (wanted,))}
        return [(found[i], str(told[i][0]), bool(told[i][1])) for i in ids if i in found]

    def family(self, trial: int, *, generations: int, most: int) -> Family:
        """Return the nearest ancestors of a trial, and its first children."""
        sql = """SELECT trial, parent FROM parents WHERE trial IN (SELECT value FROM json_each(?))
            ORDER BY trial, position"""
        with self._trial(trial) as (connection, study):
            parents: dict[int, list[int]] = {}
            generation, known = [trial], {trial}
            for _ in range(generations):
                for child, parent in connection.execute(sql, (json.dumps(generation),)):
                    parents.setdefault(child, []).append(parent)
                generation = _new(parents, generation, known, most)
            beyond = connection.execute(sql, (json.dumps(generation),)).fetchone()
            born = "FROM parents WHERE parent = ?"
            (count,) = connection.execute(
                f"SELECT count(DISTINCT trial) {born}", (trial,)
            ).fetchone()
            ordered = f"SELECT DISTINCT trial {born} ORDER BY trial LIMIT ?"
            children = [child for (child,) in connection.execute(ordered, (trial, most))]
            ids = [*known, *children]
            found = rows.trials_by_id(connection, {study.id: study.goals}, ids)
        return Family(parents, children, count, {t.id: t for t in found}, beyond is not None)


def _new(
    parents: dict[int, list[int]], generation: list[int], known: set[int], most: int
) -> list[int]:
    """Note the parents of a generation, as many as there is room for; return the new ones."""
    found: list[int] = []
    for child in generation:
        for parent in parents.get(child, ()):
            if parent not in known and len(known) < most:
                known.add(parent)
                found.append(parent)
    return found
