"""Searches with the plugin file ``tests/files/toy.py``: a whole search that takes no time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import nas

TOY = Path(__file__).parents[1] / "files" / "toy.py"


def config(**changes: Any) -> dict[str, Any]:
    """A search over 125 numbers."""
    return {
        "study": "toy",
        "objectives": ["total"],
        "space": "toy",
        "evaluator": "tally",
        "strategy": "listed",
        "stop": {"trials": 10},
        "run": {"executor": "inline"},
        **changes,
    }


def run(values: dict[str, Any], path: Path, **options: Any) -> nas.Result:
    """Search in this process."""
    return nas.search(values, path, plugins=[TOY], **options)


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask an archive, without the package."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def told(trials: list[nas.Trial]) -> list[tuple[Any, ...]]:
    """What decides whether two searches were the same; wall time does not."""
    return [
        (t.number, t.architecture, t.status, t.losses, dict(t.metrics), t.seed, t.parents)
        for t in trials
    ]
