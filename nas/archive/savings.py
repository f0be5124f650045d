"""What a scheduler has decided in a study, and how much budget that has saved."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from nas.archive.audits import Audited, Auditor
from nas.archive.budgets import full_budget_of
from nas.archive.rows import counts_of, trials_by_id, trials_of
from nas.study import Study
from nas.trial import Status

SHORT = (Status.STOPPED, Status.PAUSED)
"""How trials end before their full budget because that was decided."""
RAN = (Status.COMPLETE, *SHORT, Status.FAILED)
"""How trials end that have run."""

_SPENT = f"""
SELECT status, count(*), sum(budget), sum(coalesce(step, 0)) FROM trials
LEFT JOIN rulings ON rulings.trial = trials.id AND verdict = 'inherit'
WHERE study = ? AND reused IS NULL AND budget IS NOT NULL
    AND status IN ({", ".join(f"'{status.value}'" for status in RAN)})
GROUP BY status"""

_VERDICTS = """
SELECT step, verdict, count(DISTINCT rulings.trial) FROM trials
JOIN rulings ON rulings.trial = trials.id
WHERE study = ? AND verdict != 'inherit' GROUP BY step, verdict"""

_AUDITED = """
SELECT rulings.trial, step, reason, min(position) FROM trials
JOIN rulings ON rulings.trial = trials.id
WHERE study = ? AND verdict = 'audit' GROUP BY rulings.trial"""


@dataclass(frozen=True)
class Spent:
    """Budget of the trials of one status.

    Args:
        trials: how many have run.
        spent: by all of them; what one has inherited, another has spent.
        saved: what they would have spent beyond, had none been stopped or paused; a failed one,
            nothing. None as long as the full budget is not known.
    """

    trials: int
    spent: int
    saved: int | None


@dataclass(frozen=True)
class Savings:
    """What stopping and pausing has saved.

    Args:
        full: budget of a complete trial; None if the evaluator knows no budgets, or no trial is
            complete yet.
        trials: how many there are of each status.
        spent: by status, for each that has run; trials that an earlier evaluation answered and
            cancelled ones, which run again, are not among them.
        verdicts: how many trials met which verdict, by step and verdict.
        audited: trials that were to stop and went on, by number.
        audit_spent: budget that these have spent beyond the step after which they were to stop.
    """

    full: int | None
    trials: Mapping[Status, int]
    spent: Mapping[Status, Spent]
    verdicts: Mapping[int, Mapping[str, int]]
    audited: tuple[Audited, ...]
    audit_spent: int

    @property
    def total(self) -> Spent:
        """All that have run together."""
        parts = self.spent.values()
        known = [part.saved for part in parts if part.saved is not None]
        return Spent(
            sum(part.trials for part in parts),
            sum(part.spent for part in parts),
            sum(known) if len(known) == len(parts) else None,
        )


def savings_of(connection: sqlite3.Connection, study: Study, full: int | None = None) -> Savings:
    """Read what a study has saved.

    Args:
        connection: to an archive.
        study: which one.
        full: budget of a complete trial, where the archive has none.
    """
    known = full_budget_of(connection, study) or full
    verdicts: dict[int, dict[str, int]] = {}
    for step, verdict, trials in connection.execute(_VERDICTS, (study.id,)):
        verdicts.setdefault(step, {})[verdict] = trials
    audited = _audited(connection, study)
    return Savings(
        known,
        counts_of(connection, study),
        _spent(connection, study, known),
        dict(sorted(verdicts.items())),
        audited,
        sum(max(0, (a.trial.budget or 0) - a.step) for a in audited),
    )


def _spent(connection: sqlite3.Connection, study: Study, full: int | None) -> dict[Status, Spent]:
    rows = connection.execute(_SPENT, (study.id,)).fetchall()
    by_status = {Status(status): counted for status, *counted in rows}
    found = {}
    for status in RAN:
        if status not in by_status:
            continue
        trials, reached, inherited = by_status[status]
        saved: int | None = 0
        if status in SHORT:
            saved = None if full is None else trials * full - reached
        found[status] = Spent(trials, reached - inherited, saved)
    return found


def _audited(connection: sqlite3.Connection, study: Study) -> tuple[Audited, ...]:
    found = {
        trial: (step, reason)
        for trial, step, reason, _ in connection.execute(_AUDITED, (study.id,))
    }
    if not found:
        return ()
    complete = list(trials_of(connection, study, status=Status.COMPLETE))
    auditor = Auditor(study.goals, complete, found)
    trials = trials_by_id(connection, {study.id: study.goals}, found)
    return tuple(auditor.judge(trial, *found[trial.id]) for trial in trials)
