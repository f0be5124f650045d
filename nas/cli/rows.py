"""Trials as rows of a table, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nas.cli.output import Column, objective_column
from nas.goals import Goal
from nas.text import one_line
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study

_OWN = ("id", "number", "status", "violation", "seed", "budget", "seconds", "parents")
_TAKEN = frozenset(_OWN) | {
    *("architecture", "what", "failure_kind", "failure_message"),
    *("front", "depth", "changed", "study", "knee"),
}
"""Keys of a row that no metric can have."""
_TEXTS = """
SELECT trials.id, architectures.text
FROM trials JOIN architectures ON architectures.id = trials.architecture
WHERE trials.id IN (SELECT value FROM json_each('{ids}'))"""
_STUDIES = """
SELECT trials.id, studies.name FROM trials JOIN studies ON studies.id = trials.study
WHERE trials.id IN (SELECT value FROM json_each('{ids}'))"""


def studies_of(archive: Archive, trials: Iterable[Trial]) -> dict[int, str]:
    """Return the names of trials' studies, by trial id."""
    ids = json.dumps([trial.id for trial in trials])
    return dict(archive.query(_STUDIES.format(ids=ids))[1])


def texts(archive: Archive, trials: Iterable[Trial]) -> dict[int, str]:
    """Return the architectures in their space's own string form, by trial id."""
    ids = json.dumps([trial.id for trial in trials])
    _, rows = archive.query(_TEXTS.format(ids=ids))
    return dict(rows)


def trial_document(trial: Trial, text: str) -> dict[str, Any]:
    """Return a trial as plain JSON values."""
    failure = trial.failure
    return {
        **{key: getattr(trial, key) for key in _OWN},
        "feasible": trial.feasible,
        "metrics": dict(trial.metrics),
        "architecture": text,
        "decisions": dict(trial.architecture),
        "failure": {"kind": failure.kind, "message": failure.message} if failure else None,
    }


def study_document(study: Study) -> dict[str, Any]:
    """Return what numbers of a study mean, as plain JSON values."""
    return {
        "study": study.name,
        "archive": study.archive,
        "objectives": [asdict(goal) for goal in study.goals],
    }


def trial_row(trial: Trial, text: str) -> dict[str, Any]:
    """Return a trial as one flat row; see ``metric_key``."""
    failure = trial.failure
    return {
        **{key: getattr(trial, key) for key in _OWN},
        **{metric_key(name): value for name, value in trial.metrics.items()},
        "parents": " ".join(map(str, trial.parents)),
        "architecture": text,
        "what": text if failure is None else f"{failure.kind}: {one_line(failure.message)}",
        "failure_kind": failure.kind if failure else None,
        "failure_message": failure.message if failure else None,
    }


def metric_key(name: str) -> str:
    """Return a metric's column: its name, unless a column of every trial is called so."""
    return f"metric_{name}" if name in _TAKEN else name


def objective_columns(goals: Sequence[Goal]) -> list[Column]:
    """Return the columns of a study's objectives."""
    return [objective_column(goal, metric_key(goal.metric)) for goal in goals]


def csv_keys(goals: Sequence[Goal], trials: Sequence[Trial]) -> list[str]:
    """Return the keys of ``trial_row`` for machines: all metrics, the objectives first."""
    metrics = dict.fromkeys(goal.metric for goal in goals)
    for trial in trials:
        metrics.update(dict.fromkeys(trial.metrics))
    rest = ("violation", "seed", "budget", "seconds", "parents", "architecture")
    failure = ("failure_kind", "failure_message")
    return ["id", "number", "status", *map(metric_key, metrics), *rest, *failure]


ID = Column("id", right=True, show=str)
"""The column of a trial's id, digit by digit: it is typed into other commands."""
SECONDS = Column("seconds", "took", "s", number=True, optional=True)
"""The column of a trial's wall time."""
STUDY = Column("study", "study")
"""The column of a trial's study, where there are several."""
