"""Rows of studies: created once, then only their status changes."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import asdict
from typing import Literal

from nas.archive.insert import escaped
from nas.archive.rows import to_json
from nas.archive.views import add_metrics
from nas.errors import ArchiveError
from nas.study import Study

StudyStatus = Literal["running", "finished", "interrupted", "failed"]


def create_study(connection: sqlite3.Connection, study: Study, space: int) -> int:
    """Insert a study, in a space of that id; return its own."""
    if not study.goals:
        raise ArchiveError(f"study {study.name!r} has no objective")
    values = (
        study.name,
        space,
        to_json([asdict(goal) for goal in study.goals]),
        to_json(study.config),
        study.seed,
        study.window,
        study.evaluation,
        time.time(),
    )
    created = connection.execute(
        """INSERT INTO studies (name, space, goals, config, seed, window, evaluation, status,
            reason, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, 'running', '', ?, 0)""",
        values,
    )
    add_metrics(connection, (goal.metric for goal in study.goals))
    return int(created.lastrowid or 0)


def go_on(connection: sqlite3.Connection, archived: Study, now: Study) -> None:
    """Note with what a study goes on: the config that counts is the one it ran with last."""
    connection.execute(
        "UPDATE studies SET config = ?, evaluation = ? WHERE id = ?",
        (to_json(now.config), now.evaluation, archived.id),
    )


def set_status(
    connection: sqlite3.Connection, study: Study, status: StudyStatus, reason: str
) -> None:
    """Note that a study runs, or how and why it ended."""
    connection.execute(
        "UPDATE studies SET status = ?, reason = ?, updated = ? WHERE id = ?",
        (status, escaped(reason), time.time(), study.id),
    )


def space_of(connection: sqlite3.Connection, study: Study) -> int | None:
    """Return the id of a study's space, or None if there is no such study."""
    sql = "SELECT space FROM studies WHERE id = ? AND name = ?"
    row = connection.execute(sql, (study.id, study.name)).fetchone()
    return None if row is None else int(row[0])
