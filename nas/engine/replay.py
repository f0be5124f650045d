"""What earlier sessions of a study have found out, read as it is needed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from nas.archive.record import Record
from nas.engine.candidate import Candidate
from nas.engine.proposer import Proposer
from nas.trial import Status, Trial

log = logging.getLogger(__name__)


class Replay:
    """Answers proposals that an earlier session has had evaluated; holds a chunk of them at a time.

    Args:
        trials: by increasing number, without cancelled ones.
    """

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._trials = iter(trials)
        self._head = next(self._trials, None)

    def take(self, number: int) -> Trial | None:
        """Return the trial of that number, or None; numbers are asked for in increasing order."""
        while self._head is not None and self._head.number < number:
            self._head = next(self._trials, None)
        return self._head if self._head is not None and self._head.number == number else None


class Rerun:
    """Trials of earlier sessions that take place again, because virtual time begins at 0 again.

    So a simulation that goes on is the same as one that was never stopped. What the archive says
    of such a trial stays as it is; when it ends is the simulation's.
    """

    def __init__(self) -> None:
        self._expected: dict[int, Trial] = {}

    def __contains__(self, number: object) -> bool:
        return number in self._expected

    def expect(self, trial: Trial) -> None:
        """Take note of a trial that begins."""
        self._expected[trial.number] = trial

    def new(self, records: Sequence[Record]) -> list[Record]:
        """Return the records of trials that the archive does not hold."""
        return [record for record in records if record.trial.number not in self._expected]

    def ended(self, records: Sequence[Record], archived: Iterable[Trial]) -> list[Trial]:
        """Return the trials of records in their order, each as it is in the archive.

        Args:
            records: trials that have ended, those of earlier sessions too.
            archived: those of ``new(records)``, as they are archived now.
        """
        fresh = {trial.number: trial for trial in archived}
        return [fresh.get(r.trial.number) or self._again(r.trial) for r in records]

    def _again(self, trial: Trial) -> Trial:
        """Return an expected trial as it is archived; one that pauses on its way, as it is."""
        known = self._expected[trial.number]
        if trial.status is Status.PAUSED and (known.status, known.budget) != (
            Status.PAUSED,
            trial.budget,
        ):
            return trial
        return self._expected.pop(trial.number)


def check(trial: Trial, candidate: Candidate, proposer: Proposer) -> None:
    """Say so if an earlier session has made another proposal than this one."""
    if trial.architecture != candidate.proposal.architecture:
        log.warning(
            "trial %d is %s in the archive, but %s was proposed now; the archive is right "
            "(has a plugin changed since?)",
            trial.number,
            trial.architecture,
            candidate.proposal.architecture,
        )
        proposer.know(proposer.look_at(trial.architecture, trial.parents))
