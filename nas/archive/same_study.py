"""Whether two archives hold the same study, or one more of it than the other."""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable
from typing import Any

from nas.study import Study

_TRIALS = """
SELECT number, canonical_id, decisions, status, seed, budget, seconds, started, violation, worker,
    failure_kind, failure_message
FROM trials JOIN architectures ON architectures.id = architecture
WHERE study = ? AND status NOT IN ('cancelled', 'paused')"""

_METRICS = """
SELECT number, name, value, spread FROM trials JOIN metrics ON metrics.trial = trials.id
WHERE study = ? AND status NOT IN ('cancelled', 'paused')"""

_SPACE = """
SELECT spaces.name, spaces.parameters FROM studies JOIN spaces ON spaces.id = space
WHERE studies.id = ?"""

_MAY_DIFFER = ("study", "stop", "limits", "run")
"""Of a config: how it was called and run."""


def is_same(
    theirs: sqlite3.Connection, study: Study, target: sqlite3.Connection, other: Study
) -> bool:
    """Tell whether a target's study is the source's, with every trial that this has."""
    return not what_differs(theirs, study, target, other)


def what_differs(
    theirs: sqlite3.Connection, study: Study, target: sqlite3.Connection, other: Study
) -> str:
    """Return in words why a target's study is not the source's; empty if it is."""
    if _identity(theirs, study) != _identity(target, other):
        return "with another config"
    here, there = _content(theirs, study), _content(target, other)
    if any(here[number] != there[number] for number in here.keys() & there.keys()):
        return "whose trials are others"
    missing = len(here.keys() - there.keys())
    return f"which lacks {missing} of its {len(here)} trials" if missing else ""


def _identity(connection: sqlite3.Connection, study: Study) -> tuple[Any, ...]:
    config = {key: value for key, value in study.config.items() if key not in _MAY_DIFFER}
    strategy = config.get("strategy")
    if isinstance(strategy, dict):  # studies may have other names in a copy
        config["strategy"] = {k: v for k, v in strategy.items() if k != "stems_from"}
    space = connection.execute(_SPACE, (study.id,)).fetchone()
    return study.goals, study.seed, study.window, study.evaluation, config, space


def _content(connection: sqlite3.Connection, study: Study) -> dict[int, Hashable]:
    """Return all that was found out about each trial that has ended, by number."""
    metrics: dict[int, set[tuple[Any, ...]]] = {}
    for number, *metric in connection.execute(_METRICS, (study.id,)):
        metrics.setdefault(number, set()).add(tuple(metric))
    return {
        number: (*trial, frozenset(metrics.get(number, ())))
        for number, *trial in connection.execute(_TRIALS, (study.id,))
    }
