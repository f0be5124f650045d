"""Searches with the plugin file ``tests/files/racers.py``: learning curves that cost nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toys import rows

import nas

RACERS = Path(__file__).parents[1] / "files" / "racers.py"


def race(**changes: Any) -> dict[str, Any]:
    """A search over 60 learning curves of 9 steps."""
    evaluator = {"name": "racer", **changes.pop("evaluator", {})}
    return {
        "study": "race",
        "objectives": ["racers:error"],
        "window": 4,
        "space": "lanes",
        "evaluator": evaluator,
        "strategy": "random",
        "stop": {"trials": 24},
        "run": {"executor": "inline"},
        **changes,
    }


def run(values: dict[str, Any], path: Path) -> nas.Result:
    """Search in this process."""
    return nas.search(values, path, plugins=[RACERS])


def decided(path: Path) -> list[tuple[Any, ...]]:
    """All trials with all that was decided on them, without what the clock says."""
    trials = rows(
        path,
        """SELECT number, text, status, budget, violation, (SELECT value FROM metrics
            WHERE trial = trials.id AND name = 'error') FROM trials
        JOIN architectures ON architectures.id = architecture ORDER BY number""",
    )
    rulings = rows(
        path,
        """SELECT number, position, step, verdict, reason FROM rulings
        JOIN trials ON trials.id = trial ORDER BY number, position""",
    )
    curves = rows(
        path,
        """SELECT number, step, value FROM curves JOIN trials ON trials.id = trial
        WHERE name = 'error' ORDER BY number, step""",
    )
    return [*trials, *rulings, *curves]
