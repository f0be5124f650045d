"""What the steps of a study's learning curves mean, where an evaluator runs in stages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from nas.archive.rows import to_json
from nas.study import Study

Stage = Mapping[str, Any]
"""The parameters that are not those of a whole evaluation, by name."""


def insert_stages(connection: sqlite3.Connection, study: int, stages: Sequence[Stage]) -> None:
    """Note what each step means: stage ``i`` is step ``i + 1``."""
    connection.executemany(
        "INSERT INTO fidelities (study, step, name, value) VALUES (?, ?, ?, ?)",
        [
            (study, step, name, to_json(value))
            for step, stage in enumerate(stages, 1)
            for name, value in stage.items()
        ],
    )


def stages_of(connection: sqlite3.Connection, study: Study) -> tuple[dict[str, Any], ...]:
    """Return what each step means, the first first; nothing if a step is an epoch."""
    rows = connection.execute(
        "SELECT step, name, value FROM fidelities WHERE study = ? ORDER BY step, name", (study.id,)
    )
    stages: dict[int, dict[str, Any]] = {}
    for step, name, value in rows:
        stages.setdefault(step, {})[name] = json.loads(value)
    return tuple(stages.values())
