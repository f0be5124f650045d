"""When every candidate fails in the same way, the fault is not theirs: stop and show it."""

from __future__ import annotations

from nas.errors import StudyError
from nas.trial import Failure, Status, Trial

ENOUGH = 8
"""Failures, from the first trial on, that are taken for a broken setup."""


class SameFailure:
    """Watches the first trials of a study, in the order of their numbers."""

    def __init__(self) -> None:
        self._failures: list[Failure] = []
        self._paused: set[int] = set()
        self._other = False

    def tell(self, trial: Trial) -> None:
        """Raise ``StudyError`` once the first trials have all failed in the same way.

        One that is paused has not, so far.
        """
        if self._other or trial.status is Status.INFEASIBLE:
            return
        if trial.status is Status.PAUSED:
            self._paused.add(trial.number)
            return
        self._paused.discard(trial.number)
        if trial.failure is None:
            self._other = True
            return
        self._failures.append(trial.failure)
        first = self._failures[0]
        self._other = (trial.failure.kind, trial.failure.message) != (first.kind, first.message)
        if len(self._failures) >= ENOUGH:
            self.check_end()

    def check_end(self) -> None:
        """Raise ``StudyError`` if all trials of the study have failed in the same way."""
        if self._failures and not self._other and not self._paused:
            first = self._failures[0]
            raise StudyError(
                f"all {len(self._failures)} trials failed in the same way ({first.kind}): "
                f"{first.message}"
            )
