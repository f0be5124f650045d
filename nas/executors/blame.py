"""Whose fault it was that a worker died: the candidate's, or a machine's."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from nas.errors import StudyError
from nas.executors.jobs import Job
from nas.incident import Incident

DEATHS = 2
"""Workers that a job must take with it, each having had nothing else, before it is to blame."""
LOSSES = 5
"""Times that a trial may be lost with a machine before the session ends."""


class Blame:
    """Counts deaths, by trial.

    A worker that dies with several jobs in hand says nothing about any of them. One that dies
    with a single job may have been killed from outside, which looks the same: only a second death
    is the candidate's.

    Args:
        incident: is told of everything that is no candidate's fault.
    """

    def __init__(self, incident: Callable[[Incident], None]) -> None:
        self._incident = incident
        self._deaths: Counter[int] = Counter()
        self._losses: Counter[int] = Counter()

    def convicts(self, job: Job) -> bool:
        """Count one more death of a worker that had this job alone; tell if that is enough."""
        self._deaths[job.number] += 1
        return self._deaths[job.number] >= DEATHS

    def acquit(self, job: Job, kind: str, where: str, reason: str) -> None:
        """Note that a job was lost and must run again.

        Raises:
            StudyError: it has been lost too often.
        """
        self._incident(Incident(time.time(), kind, reason, job.number, where))
        self._losses[job.number] += 1
        if self._losses[job.number] > LOSSES:
            raise StudyError(
                f"trial {job.number} was lost {LOSSES + 1} times with its worker, at last on "
                f"{where}: {reason}; look at that machine, then go on with the study"
            )
