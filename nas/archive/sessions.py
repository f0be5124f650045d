"""Sessions of a study: who has run it when, for how long, and what was lost on the way."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nas.archive.insert import escaped
from nas.archive.rows import to_json
from nas.incident import Incident
from nas.study import Study

_COLUMNS = "id, began, heartbeat, ended, status, reason, host, pid, state"


@dataclass(frozen=True)
class Session:
    """One run of a search.

    Args:
        began: Unix time.
        heartbeat: Unix time of the last sign of life.
        ended: Unix time, or None if it runs or was killed without anybody noticing yet.
        status: ``running``, ``finished``, ``interrupted``, ``failed`` or ``killed``.
        reason: why it ended, in words.
        host: machine of the driver.
        pid: process of the driver.
        state: what ran where at the last heartbeat, plain JSON values.
        incidents: failures of machines, in the order in which they were noticed.
    """

    began: float
    heartbeat: float
    ended: float | None
    status: str
    reason: str
    host: str
    pid: int
    state: Mapping[str, Any]
    incidents: tuple[Incident, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it ran; one that was killed ran to its last sign of life."""
        return (self.heartbeat if self.ended is None else self.ended) - self.began

    @property
    def alive(self) -> bool | None:
        """Whether its driver runs; None if that cannot be told from this machine."""
        if self.status != "running":
            return False
        return _runs(self.pid) if self.host == platform.node() else None

    @property
    def silent(self) -> float:
        """Seconds since the last sign of life."""
        return max(0.0, time.time() - self.heartbeat)

    def holder(self) -> str:
        """Return who it is, in words."""
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.began))
        return (
            f"process {self.pid} on {self.host}, since {began}, "
            f"last sign of life {self.silent:.0f} s ago"
        )


def begin(connection: sqlite3.Connection, study: Study) -> int:
    """Begin a session; whoever calls it holds the lease, so an unended one was killed."""
    connection.execute(
        """UPDATE sessions SET status = 'killed', reason = 'killed', ended = heartbeat
        WHERE study = ? AND ended IS NULL""",
        (study.id,),
    )
    now = time.time()
    values = (study.id, now, now, escaped(platform.node()), os.getpid())
    cursor = connection.execute(
        """INSERT INTO sessions (study, began, heartbeat, status, reason, host, pid, state)
        VALUES (?, ?, ?, 'running', '', ?, ?, '{}')""",
        values,
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def beat(connection: sqlite3.Connection, session: int, state: Mapping[str, Any]) -> None:
    """Note that a session is alive, and what runs where."""
    values = (time.time(), escaped(to_json(state)), session)
    connection.execute("UPDATE sessions SET heartbeat = ?, state = ? WHERE id = ?", values)


def end(connection: sqlite3.Connection, session: int, status: str, reason: str) -> None:
    """Note how a session ended, and why."""
    connection.execute(
        """UPDATE sessions SET heartbeat = :now, ended = :now, status = :status, reason = :reason
        WHERE id = :session""",
        {"now": time.time(), "status": status, "reason": escaped(reason), "session": session},
    )


def add_incidents(
    connection: sqlite3.Connection, session: int, incidents: Iterable[Incident]
) -> None:
    """Keep what went wrong with the machines."""
    connection.executemany(
        """INSERT INTO incidents (session, at, kind, message, number, worker)
        VALUES (?, ?, ?, ?, ?, ?)""",
        [
            (session, i.at, escaped(i.kind), escaped(i.message), i.number, escaped(i.worker))
            for i in incidents
        ],
    )


def spent(connection: sqlite3.Connection, study: Study, current: int) -> float:
    """Return the seconds of all sessions of a study but the current one."""
    (seconds,) = connection.execute(
        """SELECT coalesce(sum(coalesce(ended, heartbeat) - began), 0) FROM sessions
        WHERE study = ? AND id <> ?""",
        (study.id, current),
    ).fetchone()
    return float(seconds)


def incidents_by_trial(connection: sqlite3.Connection, study: Study) -> dict[int | None, int]:
    """Return how many incidents have met a trial in all sessions, by its number."""
    found = connection.execute(
        """SELECT number, count(*) FROM incidents JOIN sessions ON sessions.id = incidents.session
        WHERE sessions.study = ? GROUP BY number""",
        (study.id,),
    )
    return dict(found.fetchall())


def sessions_of(connection: sqlite3.Connection, study: Study) -> list[Session]:
    """Return a study's sessions, the latest last."""
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM sessions WHERE study = ? ORDER BY id", (study.id,)
    ).fetchall()
    return [_session(row, _incidents_of(connection, row[0])) for row in found]


def _session(row: tuple[Any, ...], incidents: tuple[Incident, ...]) -> Session:
    _, began, heartbeat, ended, status, reason, host, pid, state = row
    return Session(
        float(began),
        float(heartbeat),
        None if ended is None else float(ended),
        status,
        reason,
        host,
        int(pid),
        dict(json.loads(state)),
        incidents,
    )


def latest(connection: sqlite3.Connection, study: Study) -> Session | None:
    """Return a study's latest session."""
    sessions = sessions_of(connection, study)
    return sessions[-1] if sessions else None


def _incidents_of(connection: sqlite3.Connection, session: int) -> tuple[Incident, ...]:
    rows = connection.execute(
        "SELECT at, kind, message, number, worker FROM incidents WHERE session = ? ORDER BY id",
        (session,),
    )
    return tuple(Incident(*row) for row in rows)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
